"""A simulated country: parcels of known crops in several landscapes, and their Sentinel-2 series, in pieces."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

import cropxai
from cropxai.bands import BY_NAME
from cropxai.errors import some
from cropxai.reporting import Report, silent
from cropxai.series.cube import CropSeries
from cropxai.simulate.canopy import BAND_NAMES, surface_reflectance
from cropxai.simulate.classes import SimulationRefused, class_shares, draw_plants, tinyeurocrops_label
from cropxai.simulate.development import EVENTS
from cropxai.simulate.fields import Fields, FloatArray, draw_fields
from cropxai.simulate.phenology import states
from cropxai.simulate.sky import (
    BOTH,
    TINYEUROCROPS_DAYS,
    Air,
    acquisition_days,
    clear_top,
    disturb,
    draw_air,
    draw_cloudiness,
    draw_sky,
    from_above,
    passing,
    seen_from,
)
from cropxai.simulate.weather import Weather, climates, draw_place, draw_weather, known_years

LEVELS = ("L1C", "L2A")
CLASS_SETS = ("crops", "tinyeurocrops")
#: Half the width of a landscape, km (assumption).
RADIUS = 20.0
#: A date counts where at least this share of a parcel is clear.
CLEAR_SHARE = 0.5
#: Mean size of parcels by region, hectares: farmland over the number of parcels (Denmark 2019: 2.65 Mha and 587 461;
#: Slovenia 2021: 0.48 Mha and 828 161; Austria 2017: 2.6 Mha and 2 504 751), Bavaria and Flanders guessed; and the
#: spread of the logarithm (assumption).
HECTARES = {"Austria": 1.05, "Denmark": 4.5, "Slovenia": 0.58, "Bavaria": 1.6, "Flanders": 1.2}
SIZE_SPREAD = 1.0
#: Cover by snow that the scene classification of L2A calls snow, and how often it does (assumptions).
SNOWY, SNOW_FOUND = 0.4, 0.92
#: Spectra of leaves and soils of a field deviate from the model's: a lasting factor, shared by all bands and by band.
OWN_SPECTRUM, OWN_BAND = 0.03, 0.03
CHUNK = 2048


@dataclass(frozen=True)
class Country:
    """What is simulated.

    Attributes
    ----------
    parcels : number of parcels
    year : season; its dates and its weather
    level : "L2A": surface reflectance, cloudy dates missing. "L1C": top of atmosphere, clouds left in
    bands : ESA names; by default all 13 for L1C and all but B10 for L2A
    crops : labels of the crop catalogue, or label to share; by default all with the shares of their region
    balance : 0: crops are as common as their shares say; 1: all alike
    weather : years whose weather the landscapes have, in turn; by default that of ``year``
    classes : "crops", or "tinyeurocrops": the 44 classes of that data set, into which some crops are merged
    countries : regions in which the landscapes lie
    dates : (time,) acquisition dates; by default a pass of each orbit every 5 days (L2A), or the 80 days of
        TinyEuroCrops over Austria (L1C)
    orbits : 1 or 2 orbits in the default calendar of L2A; of two, some landscapes see one and some both
    regions : landscapes with their own weather, soil and clouds; coordinate `region` of the series
    cloudiness : mean share of cloudy parcel-dates, 0.01…0.99
    mixed : share of parcels into which a neighbour's reflectance is mixed
    label_noise : share of parcels whose declared crop is another than the one that grows
    hardness : factor on the differences between the fields of a class
    truth : keep the signal without clouds and noise, the clouds and all events beside the series
    seed : of all chance
    """

    parcels: int = 5000
    year: int = 2018
    level: str = "L2A"
    bands: Sequence[str] | None = None
    crops: Sequence[str] | Mapping[str, float] | None = None
    balance: float = 0.0
    weather: Sequence[int] | None = None
    classes: str = "crops"
    countries: Sequence[str] = ("Austria", "Denmark", "Slovenia")
    dates: npt.ArrayLike | None = None
    orbits: int = 2
    regions: int = 9
    cloudiness: float = 0.5
    mixed: float = 0.15
    label_noise: float = 0.0
    hardness: float = 1.0
    truth: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_season(self.year, self.seed)
        for name in ("parcels", "regions"):
            if getattr(self, name) < 1:
                raise SimulationRefused(f"{getattr(self, name)} {name}; ask for at least one")
        check_share("cloudiness", self.cloudiness, 0.01, 0.99)
        check_share("mixed", self.mixed)
        check_share("label noise", self.label_noise)
        check_share("hardness", self.hardness, 0, 3)
        check_share("balance", self.balance)
        for year in self.weather or ():
            check_season(year, self.seed)
        if self.orbits not in (1, 2):
            raise SimulationRefused(f"{self.orbits} orbits; use 1 or 2")
        if self.classes not in CLASS_SETS:
            raise SimulationRefused(f"classes {self.classes!r} is unknown; use {' or '.join(CLASS_SETS)}")
        if not self.countries:
            raise SimulationRefused(f"no country is named; choose among {', '.join(climates())}")
        unknown = [name for name in self.countries if name not in climates()]
        if unknown:
            raise SimulationRefused(f"no such country: {some(unknown)}; choose among {', '.join(climates())}")
        checked_bands(self.bands, self.level)
        for region in self.countries:
            class_shares(self.crops, region)

    @property
    def when(self) -> npt.NDArray[np.datetime64]:
        """The acquisition dates, (time,)."""
        new_year = np.datetime64(f"{self.year:04d}-01-01", "D")
        if self.dates is not None:
            return np.unique(np.asarray(self.dates).astype("datetime64[D]"))
        if self.level == "L1C":
            return new_year + TINYEUROCROPS_DAYS
        offset = int(np.random.default_rng([self.seed, self.year, 7]).integers(0, 5))
        return new_year + acquisition_days(0, 364, offset, self.orbits)


def simulate_series(parcels: int = 5000, *, threads: int = 2, report: Report = silent, **choices: object) -> CropSeries:
    """Simulate the series of a country's parcels in memory.

    Parameters
    ----------
    parcels, choices : of `Country`
    threads : pieces that are worked on at a time; the result is the same for any number
    report : told of the progress

    Returns
    -------
    CropSeries
        With labels, ``lon``, ``lat``, and by parcel the texts ``region``, ``grown`` (the true crop), ``flowering`` and
        ``harvest`` (dates; empty where there is none). With ``truth`` also the variables ``clean`` (parcel, time,
        band: reflectance without clouds and noise), ``cloud`` (parcel, time: cover by cloud) and ``event_day``
        (parcel, event: days since 1 January).

    Raises
    ------
    SimulationRefused
        If an argument is out of its range or a crop, band, country or year is unknown.
    ExtraMissing
        The package prosail is not installed.
    """
    country = Country(parcels=parcels, **choices)  # type: ignore[arg-type]
    pieces = list(simulate_pieces(country, threads=threads, report=report))
    if len(pieces) == 1:
        return pieces[0]
    return CropSeries(xr.concat([piece.dataset for piece in pieces], "parcel", data_vars="minimal"), None)


def simulate_pieces(country: Country, *, threads: int = 2, report: Report = silent) -> Iterator[CropSeries]:
    """Simulate a country piece by piece, for any number of parcels; see `simulate_series`."""
    land = draw_land(country)
    jobs = [
        (place, start)
        for place in range(country.regions)
        for start in range(0, int((land.of_place == place).sum()), CHUNK)
    ]
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(_piece, country, land, *job) for job in jobs[:threads]]
        for job in [*jobs[threads:], *[None] * len(waiting)]:
            piece = waiting.pop(0).result()
            if job is not None:  # no more pieces than threads are in memory, and the one that is used
                waiting.append(pool.submit(_piece, country, land, *job))
            yield piece
            done += len(piece)
            report(done / country.parcels, f"{done} parcels")


@dataclass(frozen=True)
class Land:
    """The drawn parcels of a country: fields, places, sizes, and the weather over them.

    Attributes
    ----------
    fields : the fields, landscape by landscape
    declared : (parcel,) class that is declared
    of_place, of_orbit : (parcel,) landscape, orbit that sees it
    east, north : (parcel,) km from the landscape's centre
    lon, lat : (parcel,) degrees
    pixels : (parcel,) number of pixels of 10 m
    weather : of the landscapes
    airs : the air over each landscape on the acquisition dates
    """

    fields: Fields
    declared: npt.NDArray[np.object_]
    of_place: npt.NDArray[np.int64]
    of_orbit: npt.NDArray[np.int64]
    east: FloatArray
    north: FloatArray
    lon: npt.NDArray[np.float64]
    lat: npt.NDArray[np.float64]
    pixels: npt.NDArray[np.float64]
    weather: Weather
    airs: Sequence[Air]


def draw_land(country: Country) -> Land:
    """Draw what grows where, and the weather; places and crops do not depend on the year."""
    seed, year, count = country.seed, country.year, country.parcels
    rng = np.random.default_rng([seed, 0])
    names = [country.countries[r % len(country.countries)] for r in range(country.regions)]
    places = [draw_place(name, rng) for name in names]
    of_place = np.sort(rng.integers(0, country.regions, count))
    crop = np.empty(count, dtype=object)
    declared = np.empty(count, dtype=object)
    pixels = np.empty(count)
    for number, name in enumerate(names):
        rows = np.flatnonzero(of_place == number)
        shares = class_shares(country.crops, name)
        labels = np.array(list(shares), object)
        common = np.array(list(shares.values())) ** (1 - country.balance)
        weights = rng.gamma(3.0, 1.0, len(shares)) * common  # each landscape prefers some
        crop[rows] = rng.choice(labels, len(rows), p=weights / weights.sum())
        median = np.log(100 * HECTARES[name]) - SIZE_SPREAD**2 / 2
        pixels[rows] = np.exp(rng.normal(median, SIZE_SPREAD, len(rows))).clip(4, 10_000)
        declared[rows] = _mislabel(crop[rows], labels, country.label_noise, np.random.default_rng([seed, 5, number]))
    plants = draw_plants(crop, rng)
    east, north = rng.uniform(-RADIUS, RADIUS, (2, count)).astype(np.float32)
    # A degree of latitude is 111.2 km.
    lat = np.array([p.lat for p in places])[of_place] + north / 111.2
    lon = np.array([p.lon for p in places])[of_place] + east / (111.2 * np.cos(np.radians(lat)))
    of_orbit = rng.choice(3, country.regions, p=[0.3, 0.3, 0.4])[of_place]
    if country.dates is not None or country.level == "L1C" or country.orbits == 1:
        of_orbit = np.full(count, BOTH)
    days = (country.when - np.datetime64(f"{year:04d}-01-01", "D")).astype(np.int64)
    years = list(country.weather or [year])
    weather = draw_weather(places, [years[p % len(years)] for p in range(country.regions)], seed)
    fields = draw_fields(crop, plants, of_place, weather, np.random.default_rng([seed, year, 1]), country.hardness)
    overcast = draw_cloudiness(days, country.regions, np.random.default_rng([seed, year, 3]))
    airs = [
        draw_air(days, overcast[p], country.cloudiness, np.random.default_rng([seed, year, 8, p]))
        for p in range(country.regions)
    ]
    return Land(fields, declared, of_place, of_orbit, east, north, lon, lat, pixels, weather, airs)


def _piece(country: Country, land: Land, place: int, start: int) -> CropSeries:
    """Simulate up to `CHUNK` parcels of one landscape."""
    rows = np.flatnonzero(land.of_place == place)[start : start + CHUNK]
    new_year = np.datetime64(f"{country.year:04d}-01-01", "D")
    when = country.when
    days = (when - new_year).astype(np.int64)
    names = checked_bands(country.bands, country.level)
    which = [BAND_NAMES.index(b) for b in names]
    rng = np.random.default_rng([country.seed, country.year, 4, place, start])
    fields, air = land.fields.take(rows), land.airs[place]
    seen = seen_from(air, land.weather.places[place].lat, days)
    state = states(fields, days, land.weather)
    surface = surface_reflectance(fields, state, seen)
    _mix(surface, land.pixels[rows], country.mixed, rng)
    surface *= own_spectra(len(rows), rng)
    sky = draw_sky(air, land.east[rows], land.north[rows], rng)
    if country.level == "L1C":
        values = from_above(surface, sky, air, seen, rng)
        clear = np.ones(sky.clear.shape, np.float32)
    else:
        values = disturb(surface, sky, air, rng)
        snowed = (state.snow > SNOWY) & (rng.random(state.snow.shape) < SNOW_FOUND)
        clear = np.where((sky.clear < CLEAR_SHARE) | snowed, 0, sky.clear)
    clear[~passing(days, land.of_orbit[rows])] = 0
    values = np.clip(values, 0.0001, 1.6)
    values[clear == 0] = np.nan
    merge = tinyeurocrops_label if country.classes == "tinyeurocrops" else str
    series = CropSeries.from_arrays(
        values[..., which],
        when,
        names,
        [f"S{country.year % 100:02d}-{n + 1:07d}" for n in rows],
        crop=[merge(label) for label in land.declared[rows]],
        lon=land.lon[rows],
        lat=land.lat[rows],
        valid_pixels=np.round(land.pixels[rows, None] * clear),
        clear_fraction=clear,
        groups={
            "region": [f"{land.weather.places[place].region} {place + 1}"] * len(rows),
            "grown": list(fields.crop),
            "flowering": event_dates(fields, "flowering", country.year),
            "harvest": event_dates(fields, "harvest", country.year),
        },
        attrs={
            "level": country.level,
            "pixel_rule": "simulated",
            "statistic": "simulated mean",
            "sources": ["simulated"],
            "software": f"cropxai {cropxai.__version__}",
            "simulated": f"cropxai simulate country --parcels {country.parcels} --year {country.year} "
            f"--level {country.level} --seed {country.seed}",
        },
    )
    if not country.truth:
        return series
    clean = surface if country.level == "L2A" else clear_top(surface, air, seen)
    return CropSeries(
        series.dataset.assign(
            clean=(("parcel", "time", "band"), clean[..., which]),
            cloud=(("parcel", "time"), sky.cloud),
            event_day=(("parcel", "event"), fields.events),
        ).assign_coords(event=list(EVENTS)),
        None,
    )


def own_spectra(count: int, rng: np.random.Generator) -> FloatArray:
    """Draw by how much the spectra of fields lastingly deviate from the model's, (field, 1, 13) factors."""
    shared = OWN_SPECTRUM * rng.standard_normal((count, 1, 1))
    return np.exp(shared + OWN_BAND * rng.standard_normal((count, 1, len(BAND_NAMES)))).astype(np.float32)


def _mix(surface: FloatArray, pixels: npt.NDArray[np.float64], mixed: float, rng: np.random.Generator) -> None:
    """Mix a neighbour's reflectance into some parcels: trees, a strip of another crop; small parcels get more."""
    n = len(surface)
    mean = np.where(rng.random(n) < mixed, rng.uniform(0.05, 0.35, n), 0) + 0.6 * rng.random(n) / np.sqrt(pixels)
    share = mean.clip(0, 0.45).astype(np.float32)[:, None, None]
    surface += (surface[rng.permutation(n)] - surface) * share


def event_dates(fields: Fields, event: str, year: int) -> list[str]:
    """Return the date of an event by field, ISO 8601, empty where there is none."""
    days = fields.events[:, EVENTS.index(event)]
    first = pd.Timestamp(year=year, month=1, day=1)
    return ["" if np.isnan(d) else str((first + pd.Timedelta(days=round(float(d)))).date()) for d in days]


def _mislabel(
    crop: npt.NDArray[np.object_], labels: npt.NDArray[np.object_], share: float, rng: np.random.Generator
) -> npt.NDArray[np.object_]:
    declared = crop.copy()
    wrong = np.flatnonzero(rng.random(len(crop)) < share)
    declared[wrong] = rng.choice(labels, len(wrong))
    return declared


def checked_bands(bands: Sequence[str] | None, level: str) -> tuple[str, ...]:
    """Return the names of the bands, by default all that a level has; refuse unknown ones."""
    if level not in LEVELS:
        raise SimulationRefused(f"level {level!r} is unknown; use L1C or L2A")
    if bands is None:
        return tuple(b for b in BAND_NAMES if level == "L1C" or b != "B10")
    unknown = [b for b in bands if b not in BY_NAME]
    if unknown or not bands:
        raise SimulationRefused(f"no such bands: {some(unknown)}; use {', '.join(BAND_NAMES)}")
    return tuple(bands)


def check_season(year: int, seed: int) -> None:
    """Refuse a year whose weather is not known, and a negative seed."""
    first, last = known_years()
    if not first <= year <= last:
        raise SimulationRefused(f"the weather of {year} is not known; use a year from {first} to {last}")
    if seed < 0:
        raise SimulationRefused(f"seed {seed} is negative; use 0 or more")


def check_share(name: str, value: float, low: float = 0.0, high: float = 1.0) -> None:
    """Refuse a number outside a range."""
    if not low <= value <= high:
        raise SimulationRefused(f"{name} {value} is out of range; use {low} to {high}")
