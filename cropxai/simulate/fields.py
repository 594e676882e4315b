"""Draw simulated fields: each with its own events, leaf areas, cuts, traits and soil, what grows before and after."""

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from cropxai.simulate.arable import ARABLE
from cropxai.simulate.development import (
    EMERGENCE,
    EVENTS,
    FLOWERED,
    FLOWERING,
    HARVEST,
    MATURITY,
    REFERENCE,
    SENESCENCE,
    SOWING,
    draw_chance,
    event_days,
)
from cropxai.simulate.perennial import SWARDS, WOODY
from cropxai.simulate.plants import MOST_CUTS, NEVER, NEXT_CROP, NEXT_LAI, Arable, Plant, Sward, Woody, petals
from cropxai.simulate.standing import draw_sward, draw_woody
from cropxai.simulate.weather import CAPACITIES, DAYS, Weather, normal_temperature

FloatArray = npt.NDArray[np.float32]
Random = np.random.Generator

#: Kinds of field.
SOWN, CUT, ROWS = 0, 1, 2
_ALL: tuple[Plant, ...] = (*ARABLE, *SWARDS, *WOODY)
PLANTS: dict[str, Plant] = {plant.name: plant for plant in _ALL}


@dataclass(frozen=True)
class Fields:
    """Everything that was drawn for a set of fields; arrays have the field as first axis.

    Attributes
    ----------
    crop, plant : (field,) class that a field belongs to, and what grows on it (a key of `PLANTS`)
    kind : (field,) `SOWN`, `CUT` (grass and the like) or `ROWS` (shrubs and trees)
    place : (field,) landscape
    events : (field, event) day of year of each of `EVENTS`, NaN where there is none; of shrubs and trees, emergence is
        bud burst, elongation full leaf, senescence the colouring of leaves and maturity their fall
    lai, winter_lai, green_left, brown_left, closing, open_rows : (field,) see `plants`
    flower : (field, 4) first day, last day, largest cover, and whether it is white
    before : (field, 3) leaf area, straw cover and last day of what grows before a spring-sown crop
    after : (field, 5) first day, leaf area and last day of regrowth; straw cover and day of tillage, which ends a sward
    cuts : (field, MOST_CUTS) day of year, `NEVER` where not cut
    spring : (field,) day on which grass begins to grow
    grazed : (field,) share of the growth that cattle take
    brown, weeds, wetness : (field,) dead share of grass, leaf area of weeds, wetter or drier soil
    crowns, below, wood, foil : (field,) see `plants.Woody`
    capacity, thirst : (field,) kind of soil on the scale of `weather.CAPACITIES`; how much lack of water does
    chlorophyll, water, dry, angle, structure, cover : (field,) traits, see `plants.Traits`
    soil_brightness, soil_slope : (field,) factor on soil reflectance; its change towards long wavelengths
    """

    crop: npt.NDArray[np.object_]
    plant: npt.NDArray[np.object_]
    kind: npt.NDArray[np.int64]
    place: npt.NDArray[np.int64]
    events: FloatArray
    lai: FloatArray
    winter_lai: FloatArray
    green_left: FloatArray
    brown_left: FloatArray
    closing: FloatArray
    open_rows: FloatArray
    flower: FloatArray
    before: FloatArray
    after: FloatArray
    cuts: FloatArray
    spring: FloatArray
    grazed: FloatArray
    brown: FloatArray
    weeds: FloatArray
    wetness: FloatArray
    crowns: FloatArray
    below: FloatArray
    wood: FloatArray
    foil: FloatArray
    capacity: FloatArray
    thirst: FloatArray
    chlorophyll: FloatArray
    water: FloatArray
    dry: FloatArray
    angle: FloatArray
    structure: FloatArray
    cover: FloatArray
    soil_brightness: FloatArray
    soil_slope: FloatArray

    def __len__(self) -> int:
        return len(self.crop)

    def take(self, index: npt.ArrayLike) -> "Fields":
        """Keep the fields that an index array names, in that order, repeated where named twice."""
        rows = np.asarray(index)
        return Fields(**{f.name: getattr(self, f.name)[rows] for f in fields(self)})


#: Limits of drawn traits.
_RANGES = {
    "chlorophyll": (14, 80),
    "water": (0.004, 0.06),
    "dry": (0.002, 0.014),
    "angle": (18, 78),
    "structure": (1.1, 2.4),
    "cover": (0.35, 1.0),
}
_TEXT = ("crop", "plant")
_WHOLE = ("kind", "place")
_WIDE = {"events": len(EVENTS), "flower": 4, "before": 3, "after": 5, "cuts": MOST_CUTS}


def draw_fields(
    crops: Iterable[str],
    plants: Iterable[str],
    of_place: npt.ArrayLike,
    weather: Weather,
    rng: Random,
    hardness: float = 1.0,
) -> Fields:
    """Draw fields.

    Parameters
    ----------
    crops : (field,) labels
    plants : (field,) names among `PLANTS`
    of_place : (field,) landscape of each field, an index into the weather's
    weather : of the season
    rng : source of chance
    hardness : factor on the differences between the fields of a class while they grow and ripen; 1 is the default,
        0 makes them alike. Sowing, winter, soil, weeds, what grows before and after do not follow it
    """
    name = np.asarray(list(plants), dtype=object)
    place = np.asarray(of_place, np.int64)
    n = len(name)
    drawn: dict[str, npt.NDArray[Any]] = {
        f.name: np.zeros((n, _WIDE[f.name]) if f.name in _WIDE else n)
        for f in fields(Fields)
        if f.name not in (*_TEXT, *_WHOLE)
    }
    drawn["events"][:] = np.nan
    drawn["cuts"][:] = NEVER
    drawn["weeds"] = rng.gamma(1.0, 0.14, n)
    drawn["wetness"] = 0.12 * rng.standard_normal(n)
    soils = np.exp(0.15 * rng.standard_normal(len(weather.places)))
    drawn["soil_brightness"] = soils[place] * np.exp(0.18 * rng.standard_normal(n))
    drawn["soil_slope"] = 0.15 + 0.1 * rng.standard_normal(n)
    drawn["capacity"] = rng.uniform(0, len(CAPACITIES) - 1, n)
    drawn["thirst"] = rng.uniform(0.2, 1.0, n)
    kind = np.zeros(n, np.int64)
    for number, plant in enumerate(PLANTS.values()):
        rows = np.flatnonzero(name == plant.name)
        if not len(rows):
            continue
        for trait in fields(plant.traits):
            mean, spread = getattr(plant.traits, trait.name)
            drawn[trait.name][rows] = mean + hardness * spread * rng.standard_normal(len(rows))
        kind[rows] = {Arable: SOWN, Sward: CUT, Woody: ROWS}[type(plant)]
        chance = np.random.default_rng([int(rng.integers(2**31)), number])
        for key, values in _draw(plant, weather, place[rows], chance, hardness).items():
            drawn[key][rows] = values
    for key, (low, high) in _RANGES.items():
        drawn[key] = drawn[key].clip(low, high)
    crop = np.asarray(list(crops), dtype=object)
    return Fields(crop, name, kind, place, **{key: np.asarray(values, np.float32) for key, values in drawn.items()})


def _draw(
    plant: Plant, weather: Weather, place: npt.NDArray[np.int64], rng: Random, hardness: float
) -> dict[str, npt.NDArray[Any]]:
    if isinstance(plant, Arable):
        return _draw_arable(plant, weather, place, rng, hardness)
    if isinstance(plant, Sward):
        return draw_sward(plant, weather, place, rng, hardness)
    return draw_woody(plant, weather, place, rng, hardness)


def _draw_arable(
    plant: Arable, weather: Weather, place: npt.NDArray[np.int64], rng: Random, hardness: float
) -> dict[str, npt.NDArray[Any]]:
    n = len(place)
    chance = draw_chance(n, plant.spread, rng, hardness)
    events = event_days(plant.days, plant.clock, weather, place, chance)
    if plant.campaign:
        planned = plant.days[HARVEST] + plant.campaign * rng.standard_normal(n)
        events[:, HARVEST] = np.maximum(planned, events[:, SENESCENCE] + 6)
        events[:, MATURITY] = np.minimum(events[:, MATURITY], events[:, HARVEST] - 2)
        events[:, SENESCENCE] = np.minimum(events[:, SENESCENCE], events[:, MATURITY] - 3)
    factor = np.exp(hardness * 0.12 * rng.standard_normal(n))  # vigour of the whole field
    # Late sowing costs leaf area.
    factor *= np.exp(-0.008 * chance.late.clip(-10, 25))
    own: dict[str, npt.NDArray[Any]] = {
        "events": events,
        "lai": ((plant.lai[0] + hardness * plant.lai[1] * rng.standard_normal(n)) * factor).clip(0.8, 8),
        "green_left": (plant.green_left * np.exp(0.3 * rng.standard_normal(n))).clip(0, 0.95),
        "brown_left": plant.brown_left * np.exp(0.3 * rng.standard_normal(n)),
        "closing": (plant.closing * np.exp(0.2 * rng.standard_normal(n))).clip(0.05, 0.6),
        "open_rows": (plant.open_rows * np.exp(0.3 * rng.standard_normal(n))).clip(0, 0.9),
        "after": _after_harvest(plant, events[:, HARVEST], rng),
        "flower": petals(plant.flower, events[:, FLOWERING], events[:, FLOWERED], rng),
    }
    if plant.winter:
        warm = _autumn_warmth(weather, place, events[:, EMERGENCE]) / _usual_autumn(plant)
        own["winter_lai"] = plant.winter_lai * warm.clip(0.15, 2.2) * np.exp(0.35 * rng.standard_normal(n))
    else:
        own["before"] = _before_sowing(events[:, SOWING], rng)
    return own


def _autumn_warmth(weather: Weather, place: npt.NDArray[np.int64], emergence: npt.NDArray[np.float64]) -> Any:
    """Return degree-days above 3 °C from emergence to the new year, (field,)."""
    sums = np.cumsum(np.maximum(weather.temperature - 3.0, 0), axis=1)
    end = sums[:, -1 - DAYS[-1]]
    at = np.clip(np.round(emergence - DAYS[0]).astype(int), 0, sums.shape[1] - 1)
    return np.maximum(end[place] - sums[place, at], 0)


def _usual_autumn(plant: Arable) -> float:
    warm = np.maximum(normal_temperature(REFERENCE) - 3.0, 0)
    return max(30.0, float(warm[(plant.days[EMERGENCE] <= DAYS) & (DAYS < 0)].sum()))


def _share(mean: float, n: int, rng: Random) -> npt.NDArray[np.float64]:
    return np.clip(mean * (1 + 0.25 * rng.standard_normal(n)), 0, 0.9)


def _before_sowing(sowing: npt.NDArray[np.float64], rng: Random) -> npt.NDArray[np.float64]:
    """Draw what covers the soil before a spring-sown crop: nothing, weeds and stubble, or a green catch crop."""
    n = len(sowing)
    kind = rng.random(n)
    weeds = np.where(kind < 0.66, rng.gamma(1.5, 0.22, n), rng.gamma(5, 0.46, n))
    lai = np.where(kind < 0.35, rng.gamma(1, 0.06, n), weeds)
    straw = np.where(kind < 0.35, rng.uniform(0, 0.25, n), rng.uniform(0.05, 0.6, n))
    return np.stack([lai, straw, sowing - rng.uniform(2, 45, n)], axis=1)


def _after_harvest(plant: Arable, harvest: npt.NDArray[np.float64], rng: Random) -> npt.NDArray[np.float64]:
    """Draw what follows the harvest: straw until tillage, then volunteers, a catch crop or the next winter crop."""
    n = len(harvest)
    tillage = harvest + np.where(rng.random(n) < 0.25, rng.uniform(60, 150, n), rng.gamma(2, 12, n))
    kind = rng.random(n)
    catch = (kind < 0.35) & (harvest < 240)
    lai = np.where(catch, rng.gamma(5, 0.4, n), plant.regrowth * np.exp(0.7 * rng.standard_normal(n))).clip(0, 4.5)
    start = harvest + rng.uniform(6, 35, n)
    end = np.where(catch, NEVER, np.maximum(start + 20, np.minimum(tillage + 25, rng.normal(275, 20, n))))
    next_crop = (kind > 0.7) & (harvest < 280)
    start = np.where(next_crop, np.maximum(start, rng.normal(*NEXT_CROP, n)), start)
    lai = np.where(next_crop, rng.gamma(*NEXT_LAI, n), lai)
    end = np.where(next_crop, NEVER, end)
    return np.stack([start, lai, end, _share(plant.residue, n, rng), tillage], axis=1)
