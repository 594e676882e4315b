"""Which classes are simulated, what grows on their fields, and how common they are: the table ``data/classes.csv``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from cropxai.crops import find_crop
from cropxai.errors import CropxaiError
from cropxai.simulate.weather import climates, table


class SimulationRefused(CropxaiError):
    """What was asked for cannot be simulated."""


@dataclass(frozen=True)
class SimulatedClass:
    """A class of fields.

    Attributes
    ----------
    label : of the crop catalogue
    code : of the TinyEuroCrops class that it belongs to (HCAT 1)
    plants : what grows on its fields, with weights
    shares : number of parcels by region, relative to the other classes
    """

    label: str
    code: int
    plants: Mapping[str, float]
    shares: Mapping[str, float]


#: Labels of TinyEuroCrops classes that hold more than one class here.
MERGED = {
    33101012: "winter wheat",
    33101060: "grain maize",
    33102020: "other leguminous crops",
    33111022: "clover",
}


@cache
def classes() -> dict[str, SimulatedClass]:
    """Return all classes by label."""
    regions = list(climates())
    out = {}
    for label, code, plants, *shares in table("classes.csv"):
        weights = {name: float(w) for name, w in (part.rsplit(":", 1) for part in _parts(plants))}
        by_region = dict(zip(regions, map(float, shares), strict=True))
        out[label] = SimulatedClass(label, int(code), weights, by_region)
    return out


def _parts(plants: str) -> list[str]:
    """Split "green rye:3 sorghum:1" into its parts; names may have spaces."""
    parts, rest = [], plants.split(" ")
    word: list[str] = []
    for piece in rest:
        word.append(piece)
        if ":" in piece:
            parts.append(" ".join(word))
            word = []
    return parts


def tinyeurocrops_label(label: str) -> str:
    """Return the label of the TinyEuroCrops class (one of 44) that a class belongs to."""
    return MERGED.get(classes()[label].code, label)


def class_shares(crops: Sequence[str] | Mapping[str, float] | None, region: str) -> dict[str, float]:
    """Return label to share in a region, for labels or shares as the user gives them.

    Raises
    ------
    SimulationRefused
        If a crop cannot be simulated or no share is above zero.
    """
    known = classes()
    if crops is None:
        return {label: one.shares[region] for label, one in known.items()}
    shares = {}
    for name in crops:
        crop = find_crop(name)
        if crop is None or crop.label not in known:
            raise SimulationRefused(f"the crop {name!r} cannot be simulated; choose among {', '.join(known)}")
        own = float(crops[name]) if isinstance(crops, Mapping) else known[crop.label].shares[region]
        shares[crop.label] = own
    if not shares or min(shares.values()) < 0 or sum(shares.values()) <= 0:
        raise SimulationRefused("no crop has a share above zero; name at least one crop")
    return shares


def draw_plants(labels: npt.NDArray[np.object_], rng: np.random.Generator) -> npt.NDArray[np.object_]:
    """Draw what grows on each field of the given classes, (field,)."""
    plants = np.empty(len(labels), object)
    known = classes()
    for label in dict.fromkeys(labels.tolist()):
        rows = np.flatnonzero(labels == label)
        names, weights = list(known[label].plants), np.array(list(known[label].plants.values()))
        plants[rows] = np.array(names, object)[rng.choice(len(names), len(rows), p=weights / weights.sum())]
    return plants
