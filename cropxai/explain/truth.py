"""Relevance beside a known truth: which dates of each parcel decide its class (`cropxai simulate planted`)."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from cropxai.series import CropSeries

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Truth:
    """What is known of the dates of some parcels, each (parcel, time).

    Attributes
    ----------
    planted : dates that tell the parcel's class
    silent : dates that do not; a date may be neither, where the difference is too faint to be seen
    decoy : dates with a large signal that tells nothing
    asked : (parcel,) whether the truth answers what is explained
    """

    planted: Mask
    silent: Mask
    decoy: Mask
    asked: Mask

    @classmethod
    def of(cls, series: CropSeries, valid: Mask, rival: npt.NDArray[np.object_]) -> "Truth | None":
        """Take the truth that a series carries, on its ``valid`` dates; None if it carries none.

        It tells a class from its twin. Where the strongest ``rival`` (parcel,) of an answer is another class, the dates
        that tell these two apart are not known.
        """
        held = series.dataset
        if "planted" not in held:
            return None
        planted = held["planted"].values.astype(bool)
        silent = ~planted
        if "planted_difference" in held:
            silent &= (held["planted_difference"].values == 0).all(axis=2)
        decoy = held["decoy"].values.astype(bool) if "decoy" in held else np.zeros_like(planted)
        asked = series.group("twin_crop") == rival if "twin_crop" in held.coords else np.ones(len(series), dtype=bool)
        return cls(planted & valid, silent & valid, decoy & silent & valid, asked)

    @property
    def told(self) -> Mask:
        """Parcels that the truth answers and that show a planted date and another, (parcel,): only they are scored."""
        return np.asarray(self.asked & self.planted.any(axis=1) & self.silent.any(axis=1))


def scores(relevance: npt.NDArray[np.floating], truth: Truth) -> dict[str, Array]:
    """Score the relevance of dates (parcel, time) against the truth.

    Returns
    -------
    each (parcel,), NaN where the truth cannot tell:

    * ``date_auc``: the chance that a planted date has more relevance than a silent one (ties count half);
    * ``magnitude_auc``: the same of the relevance without its sign, that is of where it lies, not what it speaks for;
    * ``pointing``: whether the date of most relevance is planted (Zhang et al. 2018, arXiv 1608.00507);
    * ``mass``: share of the positive relevance that lies on planted dates;
    * ``top_k``: share of the k most relevant dates that are planted, k being the number of planted dates;
    * ``decoy_auc``: the chance that a decoy has more magnitude than another silent date; 0.5 if decoys draw none
    """
    known = truth.planted | truth.silent
    value = np.where(known, np.nan_to_num(np.asarray(relevance, dtype=float)), 0)
    low = np.where(known, value, -np.inf)
    rows = np.arange(len(value))
    count = truth.planted.sum(axis=1)
    place = np.argsort(np.argsort(-low, axis=1, kind="stable"), axis=1, kind="stable")
    positive = np.maximum(value, 0)
    with np.errstate(invalid="ignore", divide="ignore"):
        found = {
            "date_auc": _auc(value, truth.planted, truth.silent),
            "magnitude_auc": _auc(np.abs(value), truth.planted, truth.silent),
            "pointing": truth.planted[rows, low.argmax(axis=1)].astype(float),
            "mass": np.where(truth.planted, positive, 0).sum(axis=1) / positive.sum(axis=1),
            "top_k": (truth.planted & (place < count[:, None])).sum(axis=1) / count,
            "decoy_auc": _auc(np.abs(value), truth.decoy, truth.silent & ~truth.decoy),
        }
    return {name: np.where(truth.told & np.isfinite(values), values, np.nan) for name, values in found.items()}


def _auc(value: Array, high: Mask, low: Mask) -> Array:
    """Chance that a date of ``high`` exceeds one of ``low``, by the rank sum (Mann & Whitney 1947), (parcel,)."""
    areas = np.full(len(value), np.nan)
    for row in np.flatnonzero(high.any(axis=1) & low.any(axis=1)):
        above, below = value[row, high[row]], value[row, low[row]]
        ranked = rankdata(np.concatenate([above, below]))[: len(above)].sum()
        areas[row] = (ranked - len(above) * (len(above) + 1) / 2) / (len(above) * len(below))
    return areas
