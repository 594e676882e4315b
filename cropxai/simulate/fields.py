"""Draw simulated fields: each with its own events, leaf areas, cuts, traits and soil, and what grows before and after.

Weather enters only as a shift in days and as a dry spell: there is no thermal time in this version.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from cropxai.simulate.calendars import CALENDARS, EVENTS, REFERENCE_LATITUDE, ArableCalendar, GrassCalendar

FloatArray = npt.NDArray[np.float32]

#: Later development towards the north, days a degree of latitude (Hopkins' bioclimatic law gives 4; less is assumed).
DAYS_A_DEGREE = 2.5
MOST_CUTS = 5
#: A day that never comes.
NEVER = 9999.0


@dataclass(frozen=True)
class Region:
    """A landscape with its own season.

    Attributes
    ----------
    lon, lat : degrees
    spring, summer : shift of the season (days) around 10 April and from mid-July on
    dryness : strength of the summer's dry spell, 0…1
    """

    lon: float
    lat: float
    spring: float = 0.0
    summer: float = 0.0
    dryness: float = 0.0


def draw_region(lon: float, lat: float, year: int, rng: np.random.Generator) -> Region:
    """Draw the season of a place: its latitude, its lasting earliness, and the year's and the region-year's anomaly.

    The anomaly shared by all regions depends on ``year`` alone. The spreads (days) are assumptions.
    """
    of_year = np.random.default_rng([year, 1]).normal(0, 1, 3)
    lasting = DAYS_A_DEGREE * (lat - REFERENCE_LATITUDE) + rng.normal(0, 4)
    spring = lasting + 5 * of_year[0] + rng.normal(0, 4)
    summer = lasting + 3 * of_year[0] + 4 * of_year[1] + rng.normal(0, 3)
    dryness = float(np.clip(0.25 + 0.25 * of_year[2] + rng.normal(0, 0.15), 0, 0.9))
    return Region(lon, lat, float(spring), float(summer), dryness)


@dataclass(frozen=True)
class Fields:
    """Everything that was drawn for a set of fields; arrays have the field as first axis.

    Attributes
    ----------
    crop : (field,) label
    events : (field, event) day of year of each of `EVENTS`; NaN for grass
    lai, winter_lai, green_left, brown_left : (field,) see the calendars
    flower : (field, 3) first day, last day, largest cover
    before : (field, 3) leaf area, straw cover and last day of what grows before a spring-sown crop
    after : (field, 5) first day, leaf area and last day of regrowth; straw cover and day of tillage
    cuts : (field, MOST_CUTS) day of year, `NEVER` where not cut
    spring : (field,) day on which grass begins to grow
    brown, dryness, weeds, wetness : (field,) dead share of grass, dry spell, leaf area of weeds, wetter or drier soil
    chlorophyll, water, extinction, cover : (field,) canopy traits, see `Traits`
    soil_brightness, soil_slope : (field,) factor on soil reflectance; its change towards long wavelengths
    """

    crop: npt.NDArray[np.object_]
    events: FloatArray
    lai: FloatArray
    winter_lai: FloatArray
    green_left: FloatArray
    brown_left: FloatArray
    flower: FloatArray
    before: FloatArray
    after: FloatArray
    cuts: FloatArray
    spring: FloatArray
    brown: FloatArray
    dryness: FloatArray
    weeds: FloatArray
    wetness: FloatArray
    chlorophyll: FloatArray
    water: FloatArray
    extinction: FloatArray
    cover: FloatArray
    soil_brightness: FloatArray
    soil_slope: FloatArray

    def __len__(self) -> int:
        return len(self.crop)

    def take(self, index: npt.ArrayLike) -> "Fields":
        """Keep the fields that an index array names, in that order, repeated where named twice."""
        rows = np.asarray(index)
        return Fields(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})

    @property
    def grass(self) -> npt.NDArray[np.bool_]:
        """Which fields stay green and are cut, (field,)."""
        return np.isnan(self.events[:, 0])


def draw_fields(
    crops: Sequence[str], regions: Sequence[Region], of_region: npt.ArrayLike, rng: np.random.Generator
) -> Fields:
    """Draw fields of the given crops.

    Parameters
    ----------
    crops : (field,) labels among `CALENDARS`
    regions : the landscapes
    of_region : (field,) index of each field's region
    rng : source of chance
    """
    label = np.asarray(list(crops), dtype=object)
    at = np.asarray(of_region)
    n = len(label)
    drawn: dict[str, npt.NDArray[Any]] = {f.name: np.zeros(n, np.float32) for f in fields(Fields) if f.name != "crop"}
    drawn |= {"events": np.full((n, len(EVENTS)), np.nan, np.float32), "flower": np.zeros((n, 3), np.float32)}
    drawn |= {"before": np.zeros((n, 3), np.float32), "after": np.zeros((n, 5), np.float32)}
    drawn["cuts"] = np.full((n, MOST_CUTS), NEVER, np.float32)
    spring = np.array([r.spring for r in regions], np.float32)[at]
    summer = np.array([r.summer for r in regions], np.float32)[at]
    drawn["dryness"] = np.array([r.dryness for r in regions], np.float32)[at] * rng.uniform(0.3, 1.5, n)
    drawn["weeds"] = rng.gamma(1.0, 0.12, n)
    drawn["wetness"] = rng.normal(0, 0.12, n)
    soils = np.exp(rng.normal(0, 0.15, len(regions)))
    drawn["soil_brightness"] = soils[at] * np.exp(rng.normal(0, 0.16, n))
    drawn["soil_slope"] = rng.normal(0, 0.12, n)
    for name in dict.fromkeys(label):
        rows = np.flatnonzero(label == name)
        calendar = CALENDARS[name]
        for trait in fields(calendar.traits):
            mean, spread = getattr(calendar.traits, trait.name)
            drawn[trait.name][rows] = rng.normal(mean, spread, len(rows))
        if isinstance(calendar, GrassCalendar):
            own = _draw_grass(calendar, spring[rows], rng)
        else:
            own = _draw_arable(calendar, spring[rows], summer[rows], rng)
        for key, values in own.items():
            drawn[key][rows] = values
    drawn["chlorophyll"] = drawn["chlorophyll"].clip(0.4, 1.7)
    drawn["water"] = drawn["water"].clip(0.4, 2.6)
    drawn["extinction"] = drawn["extinction"].clip(0.28, 0.95)
    drawn["cover"] = drawn["cover"].clip(0.55, 1.0)
    return Fields(label, **{key: np.asarray(values, np.float32) for key, values in drawn.items()})


def _draw_arable(
    calendar: ArableCalendar, spring: FloatArray, summer: FloatArray, rng: np.random.Generator
) -> dict[str, npt.NDArray[Any]]:
    n = len(spring)
    late = rng.normal(0, calendar.spread, n)  # late sowing
    variety = rng.normal(0, 3.5, n)
    events = _events(calendar, spring, summer, late, variety, rng)
    harvest = events[:, -1]
    factor = np.exp(rng.normal(0, 0.1, n))  # vigour of the whole field
    own: dict[str, npt.NDArray[Any]] = {
        "events": events,
        "lai": (rng.normal(*calendar.lai, n) * factor).clip(1.0, 7.5),
        "green_left": (calendar.green_left * np.exp(rng.normal(0, 0.3, n))).clip(0, 0.95),
        "brown_left": calendar.brown_left * np.exp(rng.normal(0, 0.3, n)),
        "after": _after_harvest(calendar, harvest, rng),
    }
    if calendar.winter:
        own["winter_lai"] = calendar.winter_lai * np.exp(rng.normal(0, 0.45, n) - late / 18)
    else:
        own["before"] = _before_sowing(events[:, 0], rng)
    if calendar.flower:
        first, last, cover = calendar.flower
        start = first + events[:, 3] - calendar.days[3]
        own["flower"] = np.stack(
            [start, start + (last - first) * rng.normal(1, 0.12, n), _share(cover, n, rng)], axis=1
        )
    return own


def _events(
    calendar: ArableCalendar,
    spring: FloatArray,
    summer: FloatArray,
    late: npt.NDArray[np.float64],
    variety: npt.NDArray[np.float64],
    rng: np.random.Generator,
) -> npt.NDArray[np.float64]:
    """Shift the reference days by season, sowing, variety and field, and keep them in order."""
    n = len(late)
    reference = np.array(calendar.days, float)
    season = np.stack([np.interp(day, [0, 60, 100, 195], [0, 0.7, 1, 0]) * spring for day in reference], axis=1)
    season += np.stack([np.interp(day, [100, 195], [0, 1]) * summer for day in reference], axis=1)
    carried = np.array([1, 1.1, 0.35, 0.2, 0.15, 0.12, 0.1] if calendar.winter else [1, 0.9, 0.65, 0.5, 0.4, 0.35, 0.3])
    days = reference + season + carried * late[:, None]
    days[:, 2:] += variety[:, None]
    days += rng.normal(0, [0, 3, 4, 2.5, 4, 3.5, 4], (n, len(EVENTS)))
    days[:, -1] += rng.gamma(2.0, 2.0, n)  # rain and queues delay the harvest, nothing hastens it
    least = np.array([0, 5, 12, 10, 6, 6, 3])  # days from one event to the next
    for event in range(1, len(EVENTS)):
        days[:, event] = np.maximum(days[:, event], days[:, event - 1] + least[event])
    return np.asarray(days, float)


def _share(mean: float, n: int, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    return np.clip(mean * rng.normal(1, 0.25, n), 0, 0.9)


def _before_sowing(sowing: npt.NDArray[np.float64], rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw what covers the soil before a spring-sown crop: nothing, weeds and stubble, or a green catch crop."""
    n = len(sowing)
    kind = rng.random(n)
    weeds = np.where(kind < 0.75, rng.gamma(1.5, 0.2, n), rng.gamma(4, 0.4, n))
    lai = np.where(kind < 0.4, rng.gamma(1, 0.05, n), weeds)
    straw = np.where(kind < 0.4, rng.uniform(0, 0.2, n), rng.uniform(0.05, 0.6, n))
    return np.stack([lai, straw, sowing - rng.uniform(2, 40, n)], axis=1)


def _after_harvest(
    calendar: ArableCalendar, harvest: npt.NDArray[np.float64], rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Draw what follows the harvest: straw until tillage, then volunteers, a catch crop or the next winter crop."""
    n = len(harvest)
    tillage = harvest + np.where(rng.random(n) < 0.25, rng.uniform(60, 150, n), rng.gamma(2, 12, n))
    kind = rng.random(n)
    catch = (kind < 0.35) & (harvest < 240)
    lai = np.where(catch, rng.gamma(5, 0.4, n), calendar.regrowth * np.exp(rng.normal(0, 0.7, n)))
    start = harvest + rng.uniform(6, 35, n)
    end = np.where(catch, NEVER, np.maximum(start + 20, np.minimum(tillage + 25, rng.normal(275, 20, n))))
    next_crop = (kind > 0.7) & (harvest < 280)
    start = np.where(next_crop, np.maximum(start, rng.normal(285, 10, n)), start)
    lai = np.where(next_crop, rng.gamma(3, 0.25, n), lai)
    end = np.where(next_crop, NEVER, end)
    return np.stack([start, lai, end, _share(calendar.residue, n, rng), tillage], axis=1)


def _draw_grass(calendar: GrassCalendar, spring: FloatArray, rng: np.random.Generator) -> dict[str, npt.NDArray[Any]]:
    n = len(spring)
    counts = rng.choice(calendar.cut_counts, n)
    cuts = np.full((n, MOST_CUTS), NEVER)
    for count, first in calendar.first_cut.items():
        rows = np.flatnonzero(counts == count)
        begin = first + 0.7 * spring[rows] + rng.normal(0, 8, len(rows))
        apart = (278 - first) / count * rng.normal(1, 0.06, len(rows))
        for cut in range(count):
            cuts[rows, cut] = begin + cut * apart + rng.normal(0, 5, len(rows))
    return {
        "lai": (rng.normal(*calendar.lai, n)).clip(0.8, 7),
        "winter_lai": (rng.normal(*calendar.winter_lai, n)).clip(0.2, 3.5),
        "spring": calendar.spring + spring + rng.normal(0, 6, n),
        "brown": (calendar.brown * np.exp(rng.normal(0, 0.35, n))).clip(0, 0.75),
        "cuts": np.sort(cuts, axis=1),
    }
