"""From weather to growth stages: photothermal time drives each crop from sowing to maturity.

Each crop has a reference calendar, dates by stage in the normal climate of `REFERENCE`. The thermal time that passes
between two stages there is what the crop needs; the weather of another place or year then decides when it is reached.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from cropxai.simulate.weather import DAYS, FIRST_DAY, Real, Weather, climates, day_length, normal_temperature

#: Stages in their order, and their codes on the BBCH scale (Meier 2018, doi 10.5073/20180906-074619). `elongation` is
#: the closing of the canopy in crops without stems to elongate, `flowering` heading (51) in cereals.
EVENTS = ("sowing", "emergence", "elongation", "flowering", "flowered", "senescence", "maturity", "harvest")
BBCH = dict(zip(EVENTS, (0, 10, 31, 61, 69, 80, 89, 99), strict=True))
SOWING, EMERGENCE, ELONGATION, FLOWERING, FLOWERED, SENESCENCE, MATURITY, HARVEST = range(8)
#: Region and latitude (degrees) for which the reference calendars are meant.
REFERENCE, REFERENCE_LATITUDE = "Bavaria", 48.4
#: Day of year from which overwintering crops take up development again; before it their thermal time is not counted.
REGREENING = 24
#: Day of year from which warmth counts for the day of sowing in spring.
SPRING = 31
#: Share by which sowing in spring follows an early or late spring (assumption: in North Rhine-Westphalia, Klimaatlas
#: NRW, the mean day of sowing maize was between 110 and 117 from 2015 to 2022, in April of 7 to 12 °C).
FOLLOWS_SPRING = 0.35
#: Days by which crops are sown earlier in autumn a degree of latitude to the north: wheat is sown 11 days earlier in
#: Schleswig (54.7° N) than in Freising (48.4° N), barley 6, rape not (phenological observers of Deutscher Wetterdienst,
#: seeding and harvest days compiled by ILR Bonn).
AUTUMN_A_DEGREE = 1.0
#: Most days by which maturity may come after the reference date: frost and drying end what warmth does not.
LATEST = 24.0
#: Least days from one event to the next.
LEAST = np.array([5, 12, 8, 5, 5, 4, 2])
#: Intervals in which day length counts: from emergence to flowering.
BY_LIGHT = (1, 2)


@dataclass(frozen=True)
class Clock:
    """How a crop counts warmth.

    Attributes
    ----------
    base, top : temperatures below and above which a degree more does not count, °C
    light : hours of daylight at which development stands still and at which it is not held up, or None
    adaptation : 0: the same varieties everywhere; 1: varieties are chosen such that the reference calendar is kept in
        every region's normal climate
    """

    base: float = 0.0
    top: float = 30.0
    light: tuple[float, float] | None = None
    adaptation: float = 0.3


@dataclass(frozen=True)
class Chance:
    """What is drawn for each field, (field,) each; medians 0, factors 1.

    Attributes
    ----------
    late : days by which it is sown late
    variety : factor on all thermal needs
    warmth : °C by which the field is warmer than its landscape
    parts : (field, 6) factor on each thermal need
    delay : days by which the harvest waits
    """

    late: Real
    variety: Real
    warmth: Real
    parts: Real
    delay: Real


def draw_chance(count: int, spread: float, rng: np.random.Generator, hardness: float = 1.0) -> Chance:
    """Draw the chance of fields; ``spread`` is the standard deviation of sowing, days, which hardness leaves alone."""
    return Chance(
        late=spread * rng.standard_normal(count),
        variety=np.exp(hardness * 0.045 * rng.standard_normal(count)),
        warmth=hardness * 0.5 * rng.standard_normal(count),
        parts=np.exp(hardness * 0.045 * rng.standard_normal((count, 6))),
        delay=rng.gamma(2.0, 2.0, count) - 2.0,
    )


def thermal_time(temperature: Real, clock: Clock, lat: Real) -> tuple[Real, Real, Real]:
    """Return the sums of thermal time up to each day, (place, day) °C d: plain, by day length, and of ripening.

    Ripening counts from 0 °C in all crops: it lasts a number of days that warmth shortens less than growth.

    Parameters
    ----------
    temperature : (place, day)
    lat : (place,) degrees
    """
    warm = np.clip(temperature - clock.base, 0, clock.top - clock.base)
    plain = np.cumsum(warm, axis=1)
    ripening = np.cumsum(np.clip(temperature, 0, clock.top), axis=1)
    if clock.light is None:
        return plain, plain, ripening
    none, full = clock.light
    light = np.clip((day_length(lat[:, None], DAYS[None]) - none) / (full - none), 0, 1)
    return plain, np.cumsum(warm * light, axis=1), ripening


def _counted(sums: tuple[Real, Real, Real], interval: int) -> Real:
    """Choose the sums by which an interval between two events is counted."""
    return sums[1] if interval in BY_LIGHT else sums[2] if interval >= FLOWERING else sums[0]


@cache
def _usual_temperature(region: str) -> Real:
    """Return a sample of years of a region's normal climate with day-to-day chance, (20, day).

    Thermal time is not linear in temperature: the mean of days counts more than days of the mean.
    """
    rng = np.random.default_rng(20190421)
    level = rng.normal(0, 3.3, (20, len(DAYS)))
    smooth = np.array([0.25, 0.5, 0.25])
    chance = np.apply_along_axis(lambda row: np.convolve(row, smooth, "same"), 1, level) * 1.6
    return np.asarray(normal_temperature(region)[None] + chance)


@cache
def needs(days: tuple[int, ...], clock: Clock, region: str) -> tuple[float, ...]:
    """Return the thermal time that passes between the stages of a calendar in a region's normal climate, (6,) °C d."""
    lat = np.full(20, float(np.mean(climates()[region].box[1::2])))
    if region == REFERENCE:
        lat[:] = REFERENCE_LATITUDE
    plain, lit, ripening = (total.mean(axis=0) for total in thermal_time(_usual_temperature(region), clock, lat))
    out = []
    for k in range(6):
        total = _counted((plain, lit, ripening), k)
        start = max(days[k], REGREENING) if k == 1 and days[SOWING] < 0 else days[k]
        out.append(float(np.interp(days[k + 1], DAYS, total) - np.interp(start, DAYS, total)))
    return tuple(out)


def own_needs(days: tuple[int, ...], clock: Clock, region: str) -> Real:
    """Return the thermal needs of the varieties that a region grows, (6,) °C d; see `Clock.adaptation`."""
    usual = np.array(needs(days, clock, REFERENCE))
    if region == REFERENCE or clock.adaptation == 0:
        return usual
    return np.asarray(usual + clock.adaptation * (np.array(needs(days, clock, region)) - usual))


def event_days(
    days: tuple[int, ...], clock: Clock, weather: Weather, of_place: npt.NDArray[np.int64], chance: Chance
) -> Real:
    """Work out the day of each event in each field, (field, 8) days of year.

    Parameters
    ----------
    days : (8,) the reference calendar
    clock : of the crop
    weather : of the landscapes
    of_place : (field,) landscape of each field
    chance : of the fields
    """
    events = np.empty((len(of_place), len(EVENTS)))
    lat = np.array([place.lat for place in weather.places])
    sowing = np.array([sowing_day(days[SOWING], weather, place) for place in range(len(lat))])
    events[:, SOWING] = sowing[of_place] + chance.late
    sums_of_all = thermal_time(weather.temperature.astype(float), clock, lat)
    # A lasting difference of a field's warmth acts as a factor on its needs: 1 °C is about a twelfth of what counts.
    factor = chance.variety * (1 - chance.warmth / max(12.0 - clock.base, 5.0))
    rising = 1e-4 * np.arange(len(DAYS))  # so that the sums rise on cold days too
    regions: Sequence[str] = [place.region for place in weather.places]
    required = {region: own_needs(days, clock, region) for region in regions}
    for k in range(6):
        total = _counted(sums_of_all, k)
        start = events[:, k].clip(FIRST_DAY, DAYS[-1])
        if k == 1 and days[SOWING] < 0:
            start = np.maximum(start, REGREENING)
        for place in np.unique(of_place):
            rows = np.flatnonzero(of_place == place)
            sums = total[place] + rising
            need = required[regions[place]][k] * factor[rows] * chance.parts[rows, k]
            reached = np.interp(start[rows], DAYS, sums) + need
            events[rows, k + 1] = np.interp(reached, sums, DAYS)
        events[:, k + 1] = np.minimum(events[:, k + 1], days[k + 1] + LATEST + np.abs(chance.late) / 2)
        events[:, k + 1] = np.maximum(events[:, k + 1], events[:, k] + LEAST[k])
    lag = days[HARVEST] - days[MATURITY]
    events[:, HARVEST] = np.maximum(events[:, MATURITY] + lag + chance.delay, events[:, MATURITY] + LEAST[-1])
    return events


def sowing_day(day: float, weather: Weather, place: int) -> float:
    """Return the usual day of sowing in a place and year for a reference day."""
    if day < SPRING:
        return float(day - AUTUMN_A_DEGREE * (weather.places[place].lat - REFERENCE_LATITUDE))
    usual = np.cumsum(np.maximum(_usual_temperature(REFERENCE).mean(axis=0), 0) * (DAYS >= SPRING))
    here = np.cumsum(np.maximum(weather.temperature[place], 0) * (DAYS >= SPRING))
    reached = float(np.interp(np.interp(day, DAYS, usual), here + 1e-4 * np.arange(len(DAYS)), DAYS))
    return float(day + FOLLOWS_SPRING * np.clip(reached - day, -25, 25))
