"""Relevance beside discriminating power: whether it lies on the dates that tell the answer from its rival.

The power of dates is measured on the data, without any network (`cropxai.simulate.truth`): what a date alone tells of a
pair of classes, and what it adds to all other dates. A network may do well with other dates than those of most power,
so agreement is no proof; but relevance on dates that tell nothing is wrong, or speaks of something else than the pair.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.errors import SeriesUnusable
from cropxai.explain.robustness import rank_correlation

Array = npt.NDArray[np.float64]

EVERY = "*"
#: Measures and the columns of the table that they compare with.
POWERS = {"alone": "bits_noisy", "gain": "gain_noisy"}
#: Bits below which a date tells nothing: this, or what a fit to noise gains in one case of a hundred (chi squared of
#: one degree of freedom, 6.6 / (2 ln 2), over the parcels). A pair without any date above it is not scored.
LEAST, CHANCE = 0.005, 4.8
#: Dates that are compared: this share of those that a parcel has, but not fewer than three.
TOP_SHARE, LEAST_TOP = 0.1, 3


@dataclass(frozen=True, eq=False)
class Power:
    """What each date tells of the class of each parcel, against its rival.

    Attributes
    ----------
    by_date : by key of `POWERS`, (parcel, time) bits for a parcel that has the date, 0 below `LEAST`; NaN where the
        table says nothing
    """

    by_date: dict[str, Array]

    @classmethod
    def of(
        cls,
        table: pd.DataFrame,
        crop: npt.NDArray[np.object_],
        rival: npt.NDArray[np.object_],
        dates: npt.NDArray[np.datetime64],
        class_of: Callable[[Sequence[object]], list[str]],
    ) -> "Power":
        """Look up the power of dates for parcels.

        Parameters
        ----------
        table : of `cropxai.simulate.truth`
        crop, rival : (parcel,) classes of a model, or ``*`` for all together
        dates : (time,)
        class_of : the class of the model that each label of the table means

        Raises
        ------
        SeriesUnusable
            If the table tells nothing of these classes and dates.
        """
        sides = []
        for column in ("crop", "rival"):
            labels = table[column].astype(str)
            meant = dict(zip(labels, class_of(labels.tolist()), strict=True)) | {EVERY: EVERY}
            sides.append(labels.map(meant))
        both = pd.DataFrame({"pair": [_pair(a, b) for a, b in zip(*sides, strict=True)]})
        least = np.maximum(LEAST, CHANCE / table["parcels"])
        by_date = {}
        days = pd.to_datetime(dates.astype("datetime64[s]"))
        asked = [_pair(a, b) for a, b in zip(crop, rival, strict=True)]
        for measure, column in POWERS.items():
            # Several labels may mean one class; what is the same class, tells nothing.
            # The table tells the mean over all parcels; one that has the date learns more than one that may lack it.
            bits = (table[column] / table["seen"]).where(~(table[column] < least), 0.0)
            cells = both.assign(date=pd.to_datetime(table["date"]).to_numpy(), bits=bits.to_numpy())
            wide = cells[cells["pair"] != ("", "")].pivot_table("bits", "pair", "date", aggfunc="mean")
            by_date[measure] = wide.reindex(index=pd.Index(asked, tupleize_cols=False), columns=days).to_numpy(float)
        if not any(np.isfinite(values).any() for values in by_date.values()):
            raise SeriesUnusable(
                "the truth table tells nothing of the dates and classes of the series; make it from the same series"
            )
        return cls(by_date)

    def scores(self, relevance: npt.NDArray[np.floating], valid: npt.NDArray[np.bool_]) -> dict[str, Array]:
        """Score the relevance of dates (parcel, time) on the dates that each parcel has.

        Returns
        -------
        each (parcel,), NaN where the table has no date that tells the pair: for what a date tells alone, and for what
        it adds to all others (``alone_``, ``gain_``), ``…rank``, Spearman's rank correlation of relevance and power,
        and ``…top``, the share of the most relevant dates that are among those of most power
        """
        found: dict[str, Array] = {}
        for measure, bits in self.by_date.items():
            there = valid & np.isfinite(bits)
            scored = (np.where(there, bits, 0) > 0).any(axis=1)
            rank = rank_correlation(np.nan_to_num(relevance), bits, there)
            top = _overlap(np.nan_to_num(relevance), bits, there)
            found |= {
                f"{measure}_rank": np.where(scored, rank, np.nan),
                f"{measure}_top": np.where(scored, top, np.nan),
            }
        return found


def _pair(one: str, other: str) -> tuple[str, str]:
    return (min(one, other), max(one, other)) if one and other and (one != other or one == EVERY) else ("", "")


def _overlap(relevance: npt.NDArray[np.floating], power: Array, there: npt.NDArray[np.bool_]) -> Array:
    """Return the share that the greatest of both have in common, (parcel,); dates without power are none of them."""
    found = np.full(len(there), np.nan)
    for row, own in enumerate(there):
        count = min(max(round(TOP_SHARE * own.sum()), LEAST_TOP), int((power[row, own] > 0).sum()))
        if count > 0:
            first, second = (set(np.argsort(-x[row, own], kind="stable")[:count]) for x in (relevance, power))
            found[row] = len(first & second) / count
    return found
