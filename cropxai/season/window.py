r"""The paper's procedure: relevance by date :math:`R_t`, its top-n dates, and the window :math:`\Delta t_n` they bound.

Chan, Schneider & Körner 2023 (arXiv 2310.06574). How :math:`R_t` is gathered over parcels and classes is not published;
here it is an option.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
Dates = npt.NDArray[np.datetime64]

AGGREGATES = ("positive", "mean", "absolute")


@dataclass(frozen=True)
class DateWindow:
    """A stretch of a season: first and last date, both included, and the n top dates that bound it."""

    start: np.datetime64
    end: np.datetime64
    top: tuple[np.datetime64, ...]

    @property
    def days(self) -> int:
        """Length in days, both ends included."""
        return int((self.end - self.start).astype(int)) + 1

    def contains(self, dates: Dates) -> npt.NDArray[np.bool_]:
        """Say which dates lie inside, (time,)."""
        return np.asarray((dates >= self.start) & (dates <= self.end))


def class_relevance(
    by_date: npt.ArrayLike, crop: npt.ArrayLike, names: Sequence[str], aggregate: str = "positive"
) -> FloatArray:
    """Gather the relevance of dates by class, each class scaled to a sum of one in absolute value.

    Parameters
    ----------
    by_date : (parcel, time) relevance, NaN where a date is missing
    crop : (parcel,) class, empty without an answer
    names : the classes to gather
    aggregate : "mean" of the signed values, "absolute" values, or the "positive" part only

    Returns
    -------
    (class, time) float; a date that a parcel lacks adds nothing for it; NaN rows for classes without parcels
    """
    values = np.asarray(by_date, dtype=np.float64)
    if aggregate == "positive":
        values = np.maximum(values, 0)
    elif aggregate == "absolute":
        values = np.abs(values)
    elif aggregate != "mean":
        raise ValueError(f"aggregate {aggregate!r} is none of {', '.join(AGGREGATES)}")
    values = np.nan_to_num(values)
    labels = np.asarray(crop, dtype=object)
    rows = np.full((len(names), values.shape[1]), np.nan)
    for number, name in enumerate(names):
        if (own := labels == name).any():
            gathered = values[own].mean(axis=0)
            total = np.abs(gathered).sum()
            rows[number] = gathered / total if total > 0 else gathered
    return rows


def date_relevance(by_class: FloatArray) -> FloatArray:
    """Return R_t, (time,): the mean over the classes that are there, so that rare crops count as much as frequent."""
    there = by_class[~np.isnan(by_class).all(axis=1)]
    return np.asarray(there.mean(axis=0)) if len(there) else np.zeros(by_class.shape[1])


def window(relevance: npt.ArrayLike, dates: Dates, n: int) -> DateWindow:
    """Return Δt_n: the shortest stretch that holds the n dates of greatest relevance (ties: the earlier date)."""
    order = np.argsort(-np.asarray(relevance, dtype=np.float64), kind="stable")[:n]
    top = np.sort(dates[order])
    return DateWindow(top[0], top[-1], tuple(top))


def windows(relevance: npt.ArrayLike, dates: Dates, most: int) -> list[DateWindow]:
    """Return Δt_1 … Δt_most; each holds the one before."""
    return [window(relevance, dates, n) for n in range(1, min(most, len(dates)) + 1)]


def best(candidates: Iterable[tuple[DateWindow, float]], max_loss: float) -> tuple[DateWindow, float] | None:
    """Choose among windows and their losses: within ``max_loss``, the earliest end, then the latest start."""
    within = [(w, loss) for w, loss in candidates if loss <= max_loss]
    return min(within, key=lambda pair: (pair[0].end, -pair[0].start.astype(int)), default=None)


def peaks(relevance: npt.ArrayLike, count: int) -> list[int]:
    """Return the positions of the highest peaks of R_t, highest first: positive, and higher than both neighbours."""
    values = np.nan_to_num(np.asarray(relevance, dtype=np.float64))
    before, after = np.append(-np.inf, values[:-1]), np.append(values[1:], -np.inf)
    tops = np.flatnonzero((values > 0) & (values > before) & (values >= after))
    return [int(i) for i in tops[np.argsort(-values[tops], kind="stable")][:count]]
