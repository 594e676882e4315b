"""What a kind of plant is: its year, its canopy and how its fields differ. The tables are in `arable` and `perennial`.

Days are days of year, 1 January = 0, in the reference climate (`development.REFERENCE`), negative in the autumn before.
Pairs are (mean, standard deviation) between fields.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from cropxai.simulate.development import Clock

Spread = tuple[float, float]
MOST_CUTS = 5
#: A day that never comes.
NEVER = 9999.0
#: The winter crop that follows: day on which it is green (mean, spread), its leaf area by the new year (shape and scale
#: of a gamma distribution).
NEXT_CROP, NEXT_LAI = (285, 10), (3, 0.25)


@dataclass(frozen=True)
class Traits:
    """Leaves and canopy at their best, as PROSPECT-D and 4SAIL take them.

    Attributes
    ----------
    chlorophyll : µg cm⁻² of leaf
    water, dry : leaf water (cm) and dry matter (g cm⁻²)
    angle : mean leaf inclination, degrees from the horizontal
    structure : leaf structure N
    cover : share of the ground under a closed canopy; below 1 where rows, gaps or tracks stay open
    """

    chlorophyll: Spread = (44.0, 8.0)
    water: Spread = (0.015, 0.004)
    dry: Spread = (0.005, 0.0011)
    angle: Spread = (56.0, 7.0)
    structure: Spread = (1.5, 0.12)
    cover: Spread = (0.96, 0.04)


@dataclass(frozen=True)
class Flower:
    """Petals above the canopy, from flowering to its end.

    Attributes
    ----------
    colour : "yellow" or "white"
    cover : largest share of the ground that they hide, mean; fields differ by a quarter of it
    """

    colour: str
    cover: float


@dataclass(frozen=True)
class Arable:
    """A crop that is sown and harvested within the season.

    Attributes
    ----------
    name : label of the crop catalogue, or of one behaviour within a class
    days : reference days of `development.EVENTS`
    clock : how it counts warmth
    spread : standard deviation of sowing between fields, days
    lai : green leaf area index at its peak
    winter_lai : leaf area before winter of an autumn-sown crop
    green_left, brown_left : green leaf area at maturity, and dead leaf and stem area then, as shares of the peak
    residue : ground cover of straw or leaves after harvest
    regrowth : leaf area of volunteers and weeds after harvest
    closing : green leaf area at elongation, as a share of the peak
    open_rows : share of the covered ground that is bare between the rows of a young crop
    campaign : standard deviation (days) of a harvest that goes by the calendar and not by ripeness, or 0
    flower : petals, or None
    traits : leaves and canopy
    """

    name: str
    days: tuple[int, int, int, int, int, int, int, int]
    clock: Clock
    spread: float
    lai: Spread
    winter_lai: float = 0.0
    green_left: float = 0.05
    brown_left: float = 0.55
    residue: float = 0.5
    regrowth: float = 0.3
    closing: float = 0.26
    open_rows: float = 0.0
    campaign: float = 0.0
    flower: Flower | None = None
    traits: Traits = field(default_factory=Traits)

    @property
    def winter(self) -> bool:
        """Whether it is sown in the autumn before."""
        return self.days[0] < 0


@dataclass(frozen=True)
class Sward:
    """Grass, clover or weeds: green all year, cut or grazed or neither.

    Attributes
    ----------
    lai, winter_lai : leaf area of an uncut stand in early summer and in winter
    cuts : how often fields are cut, one of these with equal chance
    first_cut : day of the first of n cuts, by n
    brown : dead share of the stand
    grazed : share of the fields on which cattle keep the stand short
    flower : petals in June, or None
    ploughed : day on which the stand is ploughed up for the next crop, or None
    """

    name: str
    lai: Spread
    winter_lai: Spread
    cuts: tuple[int, ...]
    first_cut: dict[int, int]
    brown: float
    grazed: float = 0.0
    flower: Flower | None = None
    ploughed: Spread | None = None
    traits: Traits = field(default_factory=Traits)


@dataclass(frozen=True)
class Woody:
    """Shrubs, trees or climbers in rows over grass or open soil.

    Attributes
    ----------
    days : bud burst, full leaf, flowering and its end, colouring and fall of the leaves
    lai : leaf area of the crowns, on the ground that they cover
    crowns : share of the ground that they cover in full leaf
    below : leaf area of what grows under and between them
    wood : dead area of stems and branches, seen in winter
    foil : share of the ground under foil or glass
    """

    name: str
    days: tuple[int, int, int, int, int, int]
    lai: Spread
    crowns: Spread
    below: Spread
    clock: Clock = field(default_factory=lambda: Clock(base=5.0))
    wood: float = 0.3
    foil: float = 0.0
    flower: Flower | None = None
    traits: Traits = field(default_factory=Traits)


Plant = Arable | Sward | Woody


def petals(flower: Flower | None, first: Any, last: Any, rng: np.random.Generator) -> npt.NDArray[np.float64]:
    """Draw the flowering of fields, (field, 4): first day, last day, largest cover, and whether it is white."""
    out = np.zeros((len(first), 4))
    if flower is not None:
        cover = np.clip(flower.cover * (1 + 0.25 * rng.standard_normal(len(first))), 0, 0.9)
        out[:] = np.stack([first, last, cover, np.full(len(first), flower.colour == "white")], axis=1)
    return out
