"""Daily weather of simulated landscapes: temperature, rain, radiation, and what these leave in the soil.

Level and season come from climate normals of a station of the region, the course of a year from the published monthly
anomalies of its country (``data/``); days within a month are drawn. So the years are those of the calendar, the days
are not.
"""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
Real = npt.NDArray[np.float64]

#: Days of year (1 January = 0) that weather is drawn for: from 1 August of the year before to 31 December.
FIRST_DAY, LAST_DAY = -153, 365
DAYS = np.arange(FIRST_DAY, LAST_DAY + 1)
#: Day-to-day temperature: memory from one day to the next and spread (°C) of what is new (assumptions, near what daily
#: station series of Central Europe show: standard deviation 3.3 °C within a month).
MEMORY, NEWS = 0.78, 2.05
#: Share of that spread which all landscapes of a country have in common, and lasting differences of place (°C).
SHARED, PLACE_SPREAD = 0.9, 0.7
#: Chance that a rainy day follows a rainy one, less that it follows a dry one (assumption).
RAIN_MEMORY = 0.3
#: Warm months of the growing season are dry ones: the logarithm of their rain falls by this for each °C of anomaly
#: (assumption: rain by year is not among the sources; in the warm summer of 2018 half of it fell in the north).
DRY_WHEN_WARM = 0.22
#: Share of the sun's radiation at the top of the atmosphere on a dry and on a rainy day (assumptions; FAO-56, eq. 35
#: has 0.75 for a clear day).
DRY_SKY, RAINY_SKY = 0.58, 0.30
#: Water that plants can take from soils of three kinds, mm (light, medium, heavy; typical field capacities to 1 m).
CAPACITIES = (70.0, 120.0, 180.0)


@dataclass(frozen=True)
class Climate:
    """The climate of a region's lowland.

    Attributes
    ----------
    name, country : of the region; code of the country whose anomalies it shares
    box : west, south, east, north: where landscapes lie, degrees
    temperature : (12,) monthly means 1991-2020, °C
    rain, rain_days : (12,) monthly sums, mm, and days with 1 mm or more
    """

    name: str
    country: str
    box: tuple[float, float, float, float]
    temperature: tuple[float, ...]
    rain: tuple[float, ...]
    rain_days: tuple[float, ...]


@dataclass(frozen=True)
class Place:
    """A landscape: where it is, in which region, and how much warmer than the region's station it is, °C."""

    region: str
    lon: float
    lat: float
    warmth: float = 0.0


@dataclass(frozen=True)
class Weather:
    """Daily weather of landscapes, each (place, day) over `DAYS`.

    Attributes
    ----------
    places : the landscapes
    temperature : mean of the day, °C
    rain : mm
    radiation : global radiation, MJ m⁻²
    wetness : moisture of the soil's surface, 0 dry … 1 wet
    snow : share of the ground under snow, 0…1
    stress : (place, kind of soil, day) lack of water, 0 none … 1 all is used up, for `CAPACITIES`
    """

    places: tuple[Place, ...]
    temperature: FloatArray
    rain: FloatArray
    radiation: FloatArray
    wetness: FloatArray
    snow: FloatArray
    stress: FloatArray

    def column(self, days: npt.ArrayLike) -> npt.NDArray[np.int64]:
        """Return the columns of days of year."""
        return np.asarray(days, np.int64) - FIRST_DAY


@cache
def climates() -> dict[str, Climate]:
    """Return the regions that can be simulated, by name."""
    found: dict[str, dict[str, list[str]]] = {}
    for row in table("climate.csv"):
        found.setdefault(row[0], {})[row[1]] = row[2:]
    out = {}
    for name, rows in found.items():
        west, south, east, north = (float(v) for v in rows["box"][:4])
        months = {key: tuple(float(v) for v in rows[key][:12]) for key in ("temperature", "rain", "rain_days")}
        out[name] = Climate(name, rows["country"][0], (west, south, east, north), **months)
    return out


@cache
def anomalies() -> dict[tuple[str, int], tuple[float, ...]]:
    """Return the twelve monthly anomalies of temperature (°C) by country and year."""
    return {(row[0], int(row[1])): tuple(float(v) for v in row[2:14]) for row in table("anomalies.csv")}


def known_years() -> tuple[int, int]:
    """Return the first and the last season whose weather is known, the autumn before included."""
    years = sorted({year for _, year in anomalies()})
    return years[0] + 1, years[-1]


def table(name: str) -> list[list[str]]:
    """Return the rows of a table in ``data/`` without its comments and its head."""
    text = resources.files("cropxai.simulate").joinpath("data", name).read_text(encoding="utf-8")
    rows = list(csv.reader(line for line in text.splitlines() if line and not line.startswith("#")))
    return rows[1:]


def draw_place(region: str, rng: np.random.Generator) -> Place:
    """Draw a landscape of a region."""
    west, south, east, north = climates()[region].box
    return Place(region, rng.uniform(west, east), rng.uniform(south, north), float(rng.normal(0, PLACE_SPREAD)))


def normal_temperature(region: str, year: int | None = None) -> Real:
    """Return the temperature that a region has on each of `DAYS` in the mean, or in a year without its chance."""
    climate = climates()[region]
    monthly = np.array(climate.temperature)
    if year is None:
        return _by_day(np.concatenate([monthly[7:], monthly, monthly[:1]]))
    known, shift = anomalies(), np.zeros(18)
    shift[:5], shift[5:17] = known[climate.country, year - 1][7:], known[climate.country, year]
    shift[17] = shift[16]  # the next January is not asked for
    return _by_day(np.concatenate([monthly[7:], monthly, monthly[:1]]) + shift)


def _by_day(monthly: Real) -> Real:
    """Draw a curve through the 18 months from August to the January after the next, (day,)."""
    middle = FIRST_DAY + 15.2 + 30.44 * np.arange(18)
    return np.interp(DAYS, middle, monthly)


def draw_weather(places: Sequence[Place], year: int | Sequence[int], seed: int) -> Weather:
    """Draw the weather of landscapes in a year.

    Parameters
    ----------
    places : landscapes, of any regions
    year : season, one or one a landscape; its anomalies and those of the autumn before are real
    seed : of the days within each month

    Raises
    ------
    KeyError
        If the year is not known (see `known_years`).
    """
    shape = (len(places), len(DAYS))
    temperature, rain, radiation = (np.zeros(shape) for _ in range(3))
    years = [year] * len(places) if isinstance(year, int) else list(year)
    common: dict[tuple[str, int], tuple[Real, Real]] = {}
    for number, (place, own_year) in enumerate(zip(places, years, strict=True)):
        climate = climates()[place.region]
        if (climate.country, own_year) not in common:
            key = sorted({c.country for c in climates().values()}).index(climate.country)
            chance = np.random.default_rng([seed, own_year, 31, key])
            common[climate.country, own_year] = _fluctuation(chance), chance.random(len(DAYS))
        shared_fluctuation, shared_rain = common[climate.country, own_year]
        rng = np.random.default_rng([seed, own_year, 32, number])
        fluctuation = np.sqrt(SHARED) * shared_fluctuation + np.sqrt(1 - SHARED) * _fluctuation(rng)
        temperature[number] = normal_temperature(place.region, own_year) + fluctuation + place.warmth
        chance_of_rain = np.where(rng.random(len(DAYS)) < 0.7, shared_rain, rng.random(len(DAYS)))
        departure = normal_temperature(place.region, own_year) - normal_temperature(place.region)
        rain[number] = _rain(climate, chance_of_rain, departure, rng)
        sky = np.where(rain[number] > 0, RAINY_SKY, DRY_SKY) * np.exp(rng.normal(0, 0.12, len(DAYS)))
        radiation[number] = extraterrestrial(place.lat, DAYS) * sky.clip(0.1, 0.78)
    # Rain cools summer days and warms winter ones; taken out in the mean so that months keep their anomaly.
    season = -np.cos(2 * np.pi * (DAYS - 15) / 365)
    wet = (rain > 0) - (rain > 0).mean(axis=1, keepdims=True)
    temperature -= 1.5 * season * wet
    return Weather(
        tuple(places),
        temperature.astype(np.float32),
        rain.astype(np.float32),
        radiation.astype(np.float32),
        _surface(temperature, rain, radiation).astype(np.float32),
        _snow(temperature, rain).astype(np.float32),
        _stress(temperature, rain, radiation).astype(np.float32),
    )


def _fluctuation(rng: np.random.Generator) -> Real:
    """Draw day-to-day departures of temperature whose monthly means are near zero, (day,) °C."""
    news = rng.normal(0, NEWS, len(DAYS) + 30)
    level = np.zeros(len(news))
    for day in range(1, len(news)):
        level[day] = MEMORY * level[day - 1] + news[day]
    drawn = level[30:]
    month = (DAYS - FIRST_DAY) // 30
    means = np.array([drawn[month == m].mean() for m in range(month[-1] + 1)])
    return np.asarray(drawn - np.interp(DAYS, FIRST_DAY + 15 + 30 * np.arange(len(means)), means))


def _rain(climate: Climate, chance: Real, departure: Real, rng: np.random.Generator) -> Real:
    """Draw daily rain: a two-state Markov chain with the month's frequency, gamma amounts with its sum, (day,) mm.

    ``departure`` (day,) is the temperature of the year less the normal, °C.
    """
    month = _month()
    growing = (month >= 3) & (month <= 8) & (DAYS >= 0)
    scarce = np.exp(-0.5 * DRY_WHEN_WARM * departure.clip(-3, 4) * growing)  # half fewer days, half less on each
    share = np.minimum(np.array(climate.rain_days)[month] / 30.4 * scarce, 0.9)
    amount = (np.array(climate.rain) / np.array(climate.rain_days))[month] * scarce
    rain = np.zeros(len(DAYS))
    rainy = False
    for day in range(len(DAYS)):
        base = share[day] * (1 - RAIN_MEMORY)
        rainy = bool(chance[day] < base + (RAIN_MEMORY if rainy else 0.0))
        if rainy:
            rain[day] = max(1.0, rng.gamma(0.75, amount[day] / 0.75))
    return rain


def _month() -> npt.NDArray[np.int64]:
    """Return the month of each of `DAYS`, January = 0."""
    return np.asarray((DAYS % 365) * 12 // 365, np.int64)


def extraterrestrial(lat: float, days: npt.ArrayLike) -> Real:
    """Return the radiation at the top of the atmosphere by day of year, MJ m⁻² (Allen et al. 1998, FAO-56, eq. 21)."""
    angle = 2 * np.pi * (np.asarray(days, float) + 1) / 365
    phi, declination = np.radians(lat), 0.409 * np.sin(angle - 1.39)
    sunset = np.arccos(np.clip(-np.tan(phi) * np.tan(declination), -1, 1))
    up = sunset * np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.sin(sunset)
    return np.asarray(24 * 60 / np.pi * 0.0820 * (1 + 0.033 * np.cos(angle)) * up)


def day_length(lat: npt.ArrayLike, days: npt.ArrayLike) -> Real:
    """Return hours of daylight (Allen et al. 1998, FAO-56, eq. 34); arguments broadcast."""
    declination = 0.409 * np.sin(2 * np.pi * (np.asarray(days, float) + 1) / 365 - 1.39)
    return np.asarray(24 / np.pi * np.arccos(np.clip(-np.tan(np.radians(lat)) * np.tan(declination), -1, 1)))


def evaporation(temperature: Real, radiation: Real) -> Real:
    """Return the evaporation of a reference crop, mm a day (Makkink 1957 as in de Bruin 1987: 0.65 Δ/(Δ+γ) Rs/λ)."""
    slope = 4098 * 0.6108 * np.exp(17.27 * temperature / (temperature + 237.3)) / (temperature + 237.3) ** 2
    return np.asarray(np.maximum(0.65 * slope / (slope + 0.066) * radiation / 2.45, 0))


def _surface(temperature: Real, rain: Real, radiation: Real) -> Real:
    """Follow the moisture of the uppermost soil: wetted by rain, dried by evaporation within days, 0…1."""
    drying = np.exp(-(0.08 + 0.12 * evaporation(temperature, radiation)))
    level, out = np.full(len(rain), 0.7), np.zeros_like(rain)
    for day in range(rain.shape[1]):
        level = np.minimum(1.0, level * drying[:, day] + rain[:, day] / 12)
        out[:, day] = level
    return out


def _snow(temperature: Real, rain: Real) -> Real:
    """Follow the snow: it falls below 0.5 °C and melts by 3 mm a degree and day (degree-day method); cover 0…1."""
    water, out = np.zeros(len(rain)), np.zeros_like(rain)
    for day in range(rain.shape[1]):
        t = temperature[:, day]
        water = np.maximum(water + np.where(t < 0.5, rain[:, day], 0) - 3 * np.maximum(t - 0.5, 0), 0)
        out[:, day] = np.minimum(1.0, water / 5)
    return out


def _stress(temperature: Real, rain: Real, radiation: Real) -> Real:
    """Follow the water in the root zone; (place, kind of soil, day) lack of it, 0 above half of the capacity."""
    demand = evaporation(temperature, radiation)
    capacity = np.array(CAPACITIES)
    store = np.broadcast_to(capacity, (len(rain), len(capacity))).copy()
    out = np.zeros((len(rain), len(capacity), rain.shape[1]))
    for day in range(rain.shape[1]):
        share = store / capacity
        used = demand[:, day, None] * np.minimum(1, 2 * share)
        store = np.clip(store + rain[:, day, None] - used, 0, capacity)
        out[:, :, day] = np.clip(1 - 2 * store / capacity, 0, 1)
    return out
