"""A simulated country: parcels of known crops in several regions, and their Sentinel-2 series."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd

import cropxai
from cropxai.bands import BY_NAME
from cropxai.crops import find_crop
from cropxai.errors import CropxaiError, some
from cropxai.reporting import Report, silent
from cropxai.series.cube import CropSeries
from cropxai.simulate.calendars import CALENDARS, EVENTS
from cropxai.simulate.canopy import BAND_NAMES, surface_reflectance, top_of_atmosphere
from cropxai.simulate.fields import Fields, FloatArray, Region, draw_fields, draw_region
from cropxai.simulate.phenology import daily_wetness, states
from cropxai.simulate.sky import BOTH, Sky, acquisition_days, disturb, draw_cloudiness, draw_sky, passing, under_cloud

#: Years that Sentinel-2 has full seasons of, and some to come; the year only seeds the season's anomaly.
YEARS = (2015, 2100)
LEVELS = ("L1C", "L2A")
#: Where regions are drawn: lowlands of Western and Central Europe, degrees east and north.
EXTENT = (0.0, 46.5, 20.0, 55.5)
#: Half the width of a region, km (assumption).
REGION_RADIUS = 20.0
#: A date counts where at least this share of a parcel is clear.
CLEAR_SHARE = 0.5
CHUNK = 4096


class SimulationRefused(CropxaiError):
    """What was asked for cannot be simulated."""


def simulate_series(
    parcels: int = 5000,
    *,
    year: int = 2018,
    level: str = "L2A",
    bands: Sequence[str] | None = None,
    crops: Sequence[str] | Mapping[str, float] | None = None,
    dates: npt.ArrayLike | None = None,
    orbits: int = 2,
    regions: int = 8,
    cloudiness: float = 0.5,
    mixed: float = 0.12,
    label_noise: float = 0.0,
    seed: int = 0,
    report: Report = silent,
) -> CropSeries:
    """Simulate the series of a country's parcels.

    Parameters
    ----------
    parcels : number of parcels
    year : season; it decides the dates and the season's anomaly that all regions share
    level : "L2A": surface reflectance, cloudy dates missing. "L1C": top of atmosphere, clouds left in
    bands : ESA names; by default all 13 for L1C and all but B10 for L2A
    crops : labels of the crop catalogue, or label to share; by default all of `CALENDARS` with their shares
    dates : (time,) acquisition dates; by default a pass of each orbit every 5 days from January to December
    orbits : 1 or 2 orbits in the default calendar; of two, some regions see one and some both
    regions : landscapes with their own season, soil and clouds; coordinate `region` of the series
    cloudiness : mean share of cloudy parcel-dates, 0.01…0.99
    mixed : share of parcels into which a neighbour's reflectance is mixed
    label_noise : share of parcels whose declared crop is another than the one that grows
    seed : seed of all chance
    report : told of the progress

    Returns
    -------
    CropSeries
        With labels, ``lon``, ``lat``, and by parcel the texts ``region``, ``grown`` (the true crop), ``peak`` and
        ``harvest`` (dates; empty for grass).

    Raises
    ------
    SimulationRefused
        If an argument is out of its range or a crop or band is unknown.
    """
    _check(parcels, year, regions, cloudiness, mixed, label_noise, seed)
    names = checked_bands(bands, level)
    shares = crop_shares(crops)
    when = _dates(dates, year, orbits, seed)
    new_year = np.datetime64(f"{year:04d}-01-01", "D")
    days = (when - new_year).astype(np.int64)
    land = _draw_land(parcels, regions, year, shares, seed)
    moisture = _moisture(days, regions, year, seed)
    overcast = draw_cloudiness(days, regions, np.random.default_rng([seed, year, 3]))
    orbit = land.of_orbit if dates is None and orbits == 2 else np.full(parcels, BOTH)
    which = [BAND_NAMES.index(b) for b in names]
    reflectance = np.full((parcels, len(days), len(names)), np.nan, np.float32)
    clear = np.zeros((parcels, len(days)), np.float32)
    done = 0
    for region in range(regions):
        for start in range(0, len(rows := np.flatnonzero(land.of_region == region)), CHUNK):
            piece = rows[start : start + CHUNK]
            rng = np.random.default_rng([seed, year, 4, region, start])
            values, clear[piece] = _observe(
                land, piece, days, moisture[region], overcast[region], cloudiness, mixed, level, rng
            )
            unseen = ~passing(days, orbit[piece])
            values[unseen], clear[piece] = np.nan, np.where(unseen, 0, clear[piece])
            reflectance[piece] = values[..., which]
            done += len(piece)
            report(done / parcels, f"{done} parcels")
    declared = _mislabel(land.fields.crop, list(shares), label_noise, np.random.default_rng([seed, 5]))
    return CropSeries.from_arrays(
        reflectance,
        when,
        names,
        [f"S{year % 100:02d}-{n:07d}" for n in range(1, parcels + 1)],
        crop=list(declared),
        lon=land.lon,
        lat=land.lat,
        valid_pixels=np.round(land.pixels[:, None] * clear),
        clear_fraction=clear,
        groups={
            "region": [f"region {r + 1}" for r in land.of_region],
            "grown": list(land.fields.crop),
            "peak": event_dates(land.fields, "peak", year),
            "harvest": event_dates(land.fields, "harvest", year),
        },
        attrs={
            "level": level,
            "pixel_rule": "simulated",
            "statistic": "simulated mean",
            "sources": ["simulated"],
            "software": f"cropxai {cropxai.__version__}",
            "simulated": f"cropxai simulate country --parcels {parcels} --year {year} --seed {seed}",
        },
    )


class _Land:
    """The drawn parcels of a country: fields, place, size."""

    def __init__(
        self, fields: Fields, of_region: npt.NDArray[np.int64], places: Sequence[Region], rng: np.random.Generator
    ):
        n = len(fields)
        self.fields, self.of_region = fields, of_region
        self.east, self.north = rng.uniform(-REGION_RADIUS, REGION_RADIUS, (2, n)).astype(np.float32)
        # A degree of latitude is 111.2 km.
        self.lat = np.array([p.lat for p in places])[of_region] + self.north / 111.2
        self.lon = np.array([p.lon for p in places])[of_region] + self.east / (111.2 * np.cos(np.radians(self.lat)))
        self.pixels = np.exp(rng.normal(5.0, 0.9, n)).clip(6, 6000)  # median 150 pixels of 10 m: 1.5 ha
        self.of_orbit = rng.choice(3, len(places), p=[0.3, 0.3, 0.4])[of_region]


def _draw_land(parcels: int, regions: int, year: int, shares: Mapping[str, float], seed: int) -> _Land:
    rng = np.random.default_rng([seed, 0])  # places do not depend on the year
    west, south, east, north = EXTENT
    where = [(rng.uniform(west, east), rng.uniform(south, north)) for _ in range(regions)]
    of_region = rng.integers(0, regions, parcels)
    taste = rng.gamma(2.0, 1.0, (regions, len(shares)))  # each region prefers some crops
    weights = taste * np.array(list(shares.values()))
    crop = np.empty(parcels, dtype=object)
    for region in range(regions):
        rows = np.flatnonzero(of_region == region)
        crop[rows] = rng.choice(np.array(list(shares), object), len(rows), p=weights[region] / weights[region].sum())
    places = [
        draw_region(lon, lat, year, np.random.default_rng([seed, year, r, 6])) for r, (lon, lat) in enumerate(where)
    ]
    fields = draw_fields(list(crop), places, of_region, np.random.default_rng([seed, year, 1]))
    return _Land(fields, of_region, places, rng)


def _moisture(days: npt.NDArray[np.int64], regions: int, year: int, seed: int) -> FloatArray:
    first, last = int(days.min()), int(days.max())
    daily = [daily_wetness(last - first + 1, np.random.default_rng([seed, year, 2, r])) for r in range(regions)]
    return np.stack(daily)[:, days - first]


def _observe(
    land: _Land,
    rows: npt.NDArray[np.int64],
    days: npt.NDArray[np.int64],
    moisture: FloatArray,
    overcast: FloatArray,
    cloudiness: float,
    mixed: float,
    level: str,
    rng: np.random.Generator,
) -> tuple[FloatArray, FloatArray]:
    """Return what the satellite sees of some parcels of one region: reflectance in 13 bands, and the clear share."""
    fields = land.fields.take(rows)
    sky = draw_sky(overcast, land.east[rows], land.north[rows], cloudiness, rng)
    surface = surface_reflectance(fields, states(fields, days, moisture))
    _mix(surface, land.pixels[rows], mixed, rng)
    # Leaf and soil spectra of a field deviate from the model's: a lasting factor by band, half of it shared.
    surface *= np.exp(rng.normal(0, 0.03, (len(rows), 1, 1)) + rng.normal(0, 0.03, (len(rows), 1, 13))).astype(
        np.float32
    )
    if level == "L1C":
        values = _seen_from_above(surface, sky, rng)
        missing = np.zeros(sky.clear.shape, bool)
    else:
        values = disturb(surface, sky, rng)
        missing = sky.clear < CLEAR_SHARE
    values = np.clip(values, 0.0001, 1.2)
    values[missing] = np.nan
    return values, np.where(missing, 0, 1 if level == "L1C" else sky.clear).astype(np.float32)


def _seen_from_above(surface: FloatArray, sky: Sky, rng: np.random.Generator) -> FloatArray:
    haze = rng.gamma(30, 1 / 30, (1, surface.shape[1])).astype(np.float32)
    top = top_of_atmosphere(surface, np.broadcast_to(haze, surface.shape[:2]))
    return disturb(under_cloud(top, sky.cloud, rng), sky, rng)


def _mix(surface: FloatArray, pixels: npt.NDArray[np.float64], mixed: float, rng: np.random.Generator) -> None:
    """Mix a neighbour's reflectance into some parcels: trees, a strip of another crop; small parcels get more."""
    n = len(surface)
    mean = np.where(rng.random(n) < mixed, rng.uniform(0.05, 0.35, n), 0) + 0.6 * rng.random(n) / np.sqrt(pixels)
    share = mean.clip(0, 0.45).astype(np.float32)[:, None, None]
    surface += (surface[rng.permutation(n)] - surface) * share


def event_dates(fields: Fields, event: str, year: int) -> list[str]:
    """Return the date of an event by field, ISO 8601, empty for grass."""
    days = fields.events[:, EVENTS.index(event)]
    first = pd.Timestamp(year=year, month=1, day=1)
    return ["" if np.isnan(d) else str((first + pd.Timedelta(days=round(float(d)))).date()) for d in days]


def _mislabel(
    crop: npt.NDArray[np.object_], labels: Sequence[str], share: float, rng: np.random.Generator
) -> npt.NDArray[np.object_]:
    declared = crop.copy()
    wrong = np.flatnonzero(rng.random(len(crop)) < share)
    declared[wrong] = rng.choice(np.array(list(labels), object), len(wrong))
    return declared


def crop_shares(crops: Sequence[str] | Mapping[str, float] | None) -> dict[str, float]:
    """Return label to share, for labels or shares as the user gives them.

    Raises
    ------
    SimulationRefused
        If a crop has no calendar or no share is above zero.
    """
    if crops is None:
        return {name: calendar.share for name, calendar in CALENDARS.items()}
    shares = {}
    for label in crops:
        crop = find_crop(label)
        if crop is None or crop.label not in CALENDARS:
            raise SimulationRefused(f"no calendar for the crop {label!r}; choose among {', '.join(CALENDARS)}")
        shares[crop.label] = float(crops[label]) if isinstance(crops, Mapping) else CALENDARS[crop.label].share
    if not shares or min(shares.values()) < 0 or sum(shares.values()) <= 0:
        raise SimulationRefused("no crop has a share above zero; name at least one crop")
    return shares


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


def _dates(dates: npt.ArrayLike | None, year: int, orbits: int, seed: int) -> npt.NDArray[np.datetime64]:
    if dates is not None:
        return np.unique(np.asarray(dates).astype("datetime64[D]"))
    if orbits not in (1, 2):
        raise SimulationRefused(f"{orbits} orbits; use 1 or 2")
    offset = int(np.random.default_rng([seed, year, 7]).integers(0, 5))
    days = acquisition_days(0, 364, offset, orbits)
    return np.datetime64(f"{year:04d}-01-01", "D") + days


def check_year(year: int) -> None:
    """Refuse a year outside `YEARS`."""
    if not YEARS[0] <= year <= YEARS[1]:
        raise SimulationRefused(f"year {year} is out of range; use {YEARS[0]} to {YEARS[1]}")


def check_seed(seed: int) -> None:
    """Refuse a negative seed."""
    if seed < 0:
        raise SimulationRefused(f"seed {seed} is negative; use 0 or more")


def _check(
    parcels: int, year: int, regions: int, cloudiness: float, mixed: float, label_noise: float, seed: int
) -> None:
    check_year(year)
    check_seed(seed)
    if parcels < 1:
        raise SimulationRefused(f"{parcels} parcels; ask for at least one")
    if regions < 1:
        raise SimulationRefused(f"{regions} regions; ask for at least one")
    if not 0.01 <= cloudiness <= 0.99:
        raise SimulationRefused(f"cloudiness {cloudiness} is out of range; use 0.01 to 0.99")
    for name, share in (("mixed", mixed), ("label noise", label_noise)):
        if not 0 <= share <= 1:
            raise SimulationRefused(f"{name} {share} is not a share; use 0 to 1")
