"""Draw the fields of plants that stay: swards, shrubs and trees, each with its own year, cuts and leaf areas."""

from typing import Any

import numpy as np
import numpy.typing as npt

from cropxai.simulate.development import EVENTS, REFERENCE, own_needs, thermal_time
from cropxai.simulate.plants import MOST_CUTS, NEVER, NEXT_CROP, NEXT_LAI, Spread, Sward, Woody, petals
from cropxai.simulate.weather import DAYS, Weather

Random = np.random.Generator

#: Grass begins to grow when the degrees above 0 °C since 1 January, January counted half and February by 0.75, add up
#: to this (Ernst & Loeper 1976, the "Grünlandtemperatursumme" of extension services).
GROWTH_BEGINS = 200.0
#: That day in the reference climate.
_USUAL_BEGIN = 84.0


def growth_begins(weather: Weather) -> npt.NDArray[np.float64]:
    """Return the day of year on which grass begins to grow, (place,)."""
    month = np.where(DAYS < 31, 0.5, np.where(DAYS < 59, 0.75, 1.0)) * (DAYS >= 0)
    sums = np.cumsum(np.maximum(weather.temperature, 0) * month, axis=1)
    reached = sums >= GROWTH_BEGINS
    return np.where(reached.any(axis=1), DAYS[reached.argmax(axis=1)], 120).astype(float)


def draw_sward(
    plant: Sward, weather: Weather, place: npt.NDArray[np.int64], rng: Random, hardness: float
) -> dict[str, npt.NDArray[Any]]:
    """Draw what a field of grass or the like has of its own, (field,) or (field, columns) by name of `Fields`."""
    n = len(place)
    begin = growth_begins(weather)[place]
    early = begin - _USUAL_BEGIN
    counts = rng.choice(plant.cuts, n)
    cuts = np.full((n, MOST_CUTS), NEVER)
    for count, first in plant.first_cut.items():
        rows = np.flatnonzero(counts == count)
        start = first + 0.5 * early[rows] + 9 * hardness * rng.standard_normal(len(rows))
        apart = (278 - first) / count * (1 + 0.08 * hardness * rng.standard_normal(len(rows)))
        for cut in range(count):
            cuts[rows, cut] = start + cut * apart + 6 * hardness * rng.standard_normal(len(rows))
    grazed = np.where(rng.random(n) < plant.grazed, rng.uniform(0.35, 0.8, n), 0)
    return {
        "lai": (plant.lai[0] + hardness * plant.lai[1] * rng.standard_normal(n)).clip(0.8, 7),
        "winter_lai": (plant.winter_lai[0] + plant.winter_lai[1] * rng.standard_normal(n)).clip(0.15, 3.5),
        "spring": begin + 6 * rng.standard_normal(n),
        "brown": (plant.brown * np.exp(0.4 * rng.standard_normal(n))).clip(0, 0.8),
        "cuts": np.sort(cuts, axis=1),
        "grazed": grazed,
        "flower": petals(plant.flower, begin + rng.normal(60, 8, n), begin + rng.normal(95, 10, n), rng),
        "after": _after_ploughing(plant.ploughed, n, rng),
    }


def _after_ploughing(day: Spread | None, n: int, rng: Random) -> npt.NDArray[np.float64]:
    """Draw what follows a stand that is ploughed up, most often a winter crop; nothing, where it never is."""
    if day is None:
        return np.tile([NEVER, 0.0, NEVER, 0.0, NEVER], (n, 1))
    ploughed = rng.normal(*day, n)
    start = np.maximum(ploughed + rng.uniform(10, 35, n), rng.normal(*NEXT_CROP, n))
    lai = np.where(rng.random(n) < 0.75, rng.gamma(*NEXT_LAI, n), 0)
    return np.stack([start, lai, np.full(n, NEVER), np.zeros(n), ploughed], axis=1)


def draw_woody(
    plant: Woody, weather: Weather, place: npt.NDArray[np.int64], rng: Random, hardness: float
) -> dict[str, npt.NDArray[Any]]:
    """Draw what a field of shrubs or trees has of its own, (field,) or (field, columns) by name of `Fields`."""
    n = len(place)
    bud, full, first, last, colouring, fall = plant.days
    shift = _thermal_shift(bud, plant, weather)[place] + 5 * hardness * rng.standard_normal(n)
    summer = 0.6 * shift
    autumn = 6 * hardness * rng.standard_normal(n)
    events = np.full((n, len(EVENTS)), np.nan)
    events[:, 1], events[:, 2] = bud + shift, full + summer
    events[:, 3], events[:, 4] = first + shift, last + shift
    events[:, 5], events[:, 6] = colouring + autumn, fall + autumn
    begin = growth_begins(weather)[place]
    return {
        "events": events,
        "lai": (plant.lai[0] + hardness * plant.lai[1] * rng.standard_normal(n)).clip(0.5, 7),
        "crowns": (plant.crowns[0] + hardness * plant.crowns[1] * rng.standard_normal(n)).clip(0.08, 0.95),
        "below": (plant.below[0] + plant.below[1] * rng.standard_normal(n)).clip(0.05, 4),
        "wood": plant.wood * np.exp(0.3 * rng.standard_normal(n)),
        "foil": (plant.foil * (1 + 0.25 * hardness * rng.standard_normal(n))).clip(0, 0.95),
        "brown": np.full(n, 0.15) * np.exp(0.4 * rng.standard_normal(n)),
        "spring": begin + 6 * rng.standard_normal(n),
        "flower": petals(plant.flower, events[:, 3], events[:, 4], rng),
        # Between rows grass is mown a few times, or the soil is worked.
        "cuts": np.sort(rng.uniform(120, 270, (n, MOST_CUTS)), axis=1),
    }


def _thermal_shift(day: float, plant: Woody, weather: Weather) -> npt.NDArray[np.float64]:
    """Return by how many days the warmth of a reference day comes late in each landscape, (place,)."""
    lat = np.array([p.lat for p in weather.places])
    sums, *_ = thermal_time(weather.temperature.astype(float), plant.clock, lat)
    sums = sums - sums[:, -1 - DAYS[-1], None]
    need = own_needs((0, int(day), 366, 366, 366, 366, 366, 366), plant.clock, REFERENCE)[0]
    rising = 1e-4 * np.arange(len(DAYS))
    return np.array([np.interp(need, row + rising, DAYS) for row in sums]) - day
