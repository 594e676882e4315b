"""The drawn land of a simulated country: landscapes, the parcels in them, what grows, and the weather over them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.simulate.classes import class_shares, draw_plants
from cropxai.simulate.country import Country
from cropxai.simulate.development import EVENTS
from cropxai.simulate.fields import Fields, FloatArray, draw_fields
from cropxai.simulate.sky import BOTH, Air, draw_air, draw_cloudiness
from cropxai.simulate.weather import Weather, draw_place, draw_weather

#: Half the width of a landscape, km (assumption).
RADIUS = 20.0
#: Mean size of parcels by region, hectares: farmland over the number of parcels (Denmark 2019: 2.65 Mha and 587 461;
#: Slovenia 2021: 0.48 Mha and 828 161; Austria 2017: 2.6 Mha and 2 504 751), Bavaria and Flanders guessed; and the
#: spread of the logarithm (assumption).
HECTARES = {"Austria": 1.05, "Denmark": 4.5, "Slovenia": 0.58, "Bavaria": 1.6, "Flanders": 1.2}
SIZE_SPREAD = 1.0
#: Crops of which fields are watered: maize, roots and horticulture (AQUASTAT, map of irrigated areas, Denmark).
IRRIGATED = ("grain maize", "silage maize", "potatoes", "sugar beet", "vegetables", "berries")


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
    if country.irrigated:
        fields = _watered(fields, country.irrigated, np.random.default_rng([seed, year, 9]))
    overcast = draw_cloudiness(days, country.regions, np.random.default_rng([seed, year, 3]))
    airs = [
        draw_air(days, overcast[p], country.cloudiness, np.random.default_rng([seed, year, 8, p]))
        for p in range(country.regions)
    ]
    return Land(fields, declared, of_place, of_orbit, east, north, lon, lat, pixels, weather, airs)


def _watered(fields: Fields, share: float, rng: np.random.Generator) -> Fields:
    """Let a share of the fields of irrigated crops never lack water."""
    wet = np.isin(fields.crop.astype(str), IRRIGATED) & (rng.random(len(fields)) < share)
    return replace(fields, thirst=np.where(wet, np.float32(0), fields.thirst))


def _mislabel(
    crop: npt.NDArray[np.object_], labels: npt.NDArray[np.object_], share: float, rng: np.random.Generator
) -> npt.NDArray[np.object_]:
    declared = crop.copy()
    wrong = np.flatnonzero(rng.random(len(crop)) < share)
    declared[wrong] = rng.choice(labels, len(wrong))
    return declared


def event_dates(fields: Fields, event: str, year: int) -> list[str]:
    """Return the date of an event by field, ISO 8601, empty where there is none."""
    days = fields.events[:, EVENTS.index(event)]
    first = pd.Timestamp(year=year, month=1, day=1)
    return ["" if np.isnan(d) else str((first + pd.Timedelta(days=round(float(d)))).date()) for d in days]
