"""Sets of crops that hold the true one with a promised probability, by class and by the day on which the season ends.

Split conformal prediction (Vovk et al. 2005): scores of parcels that the training did not see say how far down its
ranking a set must reach. The score is adaptive (APS, Romano et al. 2020, arXiv 2006.02544), with the penalty on long
sets of RAPS (Angelopoulos et al. 2021, arXiv 2009.14193): the probability of all classes ranked before, a drawn share
of the class's own, and a penalty on each rank beyond the first few. Thresholds are taken class by class (Mondrian), so
that the promise holds for sugar beet as for wheat, and for each stretch of season ends, as rankings say less in March.

The drawn share follows from the identifier of the parcel, so that a set depends on no other parcel and on no order.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cropxai.model.prefixes import Prefixes

FloatArray = npt.NDArray[np.float64]

#: Coverages whose thresholds a card holds; between them thresholds are linear.
COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.925, 0.95, 0.975, 0.99)
#: Coverage of the sets on a map, unless told otherwise.
COVERAGE = 0.9
#: Held-back parcels from which a class has thresholds of its own: those that a coverage of 0.95 needs. The standard
#: error of a coverage of 0.9 is then six points, where thresholds of other classes may be off by fifty.
ENOUGH = 20
#: Penalty on each rank beyond the first few, and how many these are.
PENALTY, FREE = 0.01, 3


@dataclass(frozen=True)
class ConformalSets:
    """Thresholds on the score of a class, up to which it is in the set.

    Attributes
    ----------
    days : (node,) mean season day on which the seasons end that the thresholds of a node come from, rising
    coverages : (level,) share of parcels whose set shall hold the true class, rising
    group : (class,) number of the group whose thresholds a class has
    thresholds : (node, group, level)
    penalty, free : of :func:`nonconformity`
    parcels : held-back parcels that they come from
    """

    days: tuple[float, ...]
    coverages: tuple[float, ...]
    group: tuple[int, ...]
    thresholds: tuple[tuple[tuple[float, ...], ...], ...]
    penalty: float
    free: int
    parcels: int

    def __post_init__(self) -> None:
        shape = np.array(self.thresholds, dtype=float).shape
        if shape != (len(self.days), max(self.group, default=-1) + 1, len(self.coverages)) or 0 in shape:
            raise ValueError("thresholds of sets need one value a day, group and coverage")
        if not np.all(np.diff(self.days) > 0) or not np.all(np.diff(self.coverages) > 0) or min(self.group) < 0:
            raise ValueError("sets need rising days and coverages")
        if not np.isfinite(np.array(self.thresholds)).all():
            raise ValueError("thresholds of sets need to be finite")

    def at(self, end: npt.ArrayLike, coverage: float) -> FloatArray:
        """Return the thresholds (parcel, class) for seasons that end on the days ``end`` (parcel,)."""
        table = np.array(self.thresholds)
        level = np.array([[np.interp(coverage, self.coverages, group) for group in node] for node in table])
        by_group = [np.interp(np.asarray(end, dtype=np.float64), self.days, level[:, g]) for g in range(level.shape[1])]
        return np.stack(by_group, axis=1)[:, list(self.group)]

    def sets(
        self,
        probabilities: npt.NDArray[np.float32],
        end: npt.ArrayLike,
        draw: npt.ArrayLike,
        coverage: float = COVERAGE,
    ) -> npt.NDArray[np.bool_]:
        """Return which classes are in the set of each parcel, (parcel, class); it may be empty.

        Parameters
        ----------
        probabilities : (parcel, class), calibrated
        end : (parcel,) season day on which each season ends (:func:`cropxai.model.prefixes.season_end`)
        draw : (parcel,) of :func:`draws`
        """
        return nonconformity(probabilities, draw, self.penalty, self.free) <= self.at(end, coverage)


def fit_sets(
    cut: Prefixes,
    probabilities: npt.NDArray[np.float32],
    target: npt.NDArray[np.intp],
    draw: npt.NDArray[np.float64],
    *,
    coverages: Sequence[float] = COVERAGES,
    penalty: float = PENALTY,
    free: int = FREE,
    enough: int = ENOUGH,
) -> ConformalSets:
    """Find the thresholds from parcels that the training did not see.

    Classes with fewer than ``enough`` parcels share thresholds, with as many of the next rarest as make ``enough``.

    Parameters
    ----------
    cut : their cut seasons; probabilities : (row, class) of these, calibrated
    target, draw : (parcel,) class numbers, and of :func:`draws`
    """
    classes = probabilities.shape[1]
    truth = target[cut.parcel]
    group = _groups(np.bincount(target, minlength=classes), enough)
    rows = np.arange(len(truth))
    own = nonconformity(probabilities, draw[cut.parcel], penalty, free)[rows, truth]
    highest = 1 + penalty * classes  # above every score: all classes are in the set
    days: list[float] = []
    thresholds = []
    for node in _well_seen(cut, group[truth], enough):
        here = cut.node == node
        day = round(float(cut.end[here].mean()), 2)
        if days and day <= days[-1]:  # no parcel has been seen for long: the thresholds before go on
            continue
        table = []
        for number in range(int(group.max()) + 1):
            members = here & (group[truth] == number)
            table.append(tuple(_quantile(own[members], coverage, highest) for coverage in coverages))
        days.append(day)
        thresholds.append(tuple(table))
    return ConformalSets(
        tuple(days), tuple(coverages), tuple(group.tolist()), tuple(thresholds), penalty, free, len(target)
    )


def nonconformity(
    probabilities: npt.ArrayLike, draw: npt.ArrayLike, penalty: float = PENALTY, free: int = FREE
) -> FloatArray:
    """Return how ill each class fits, (parcel, class): the score of RAPS.

    Parameters
    ----------
    probabilities : (parcel, class)
    draw : (parcel,) share of a class's own probability that counts, 0 to 1
    penalty, free : added for each rank beyond the first ``free``
    """
    p = np.asarray(probabilities, dtype=np.float64)
    order = np.argsort(-p, axis=1, kind="stable")
    ranked = np.take_along_axis(p, order, axis=1)
    before = np.cumsum(ranked, axis=1) - ranked
    rank = np.arange(1, p.shape[1] + 1)
    fitting = before + np.asarray(draw)[:, None] * ranked + penalty * np.maximum(0, rank - free)
    scores: FloatArray = np.empty_like(fitting)
    np.put_along_axis(scores, order, fitting, axis=1)
    return scores


def draws(parcel_id: Sequence[object] | npt.NDArray[np.object_]) -> FloatArray:
    """Return a number from 0 to 1 for each parcel that follows from its identifier alone, (parcel,)."""
    digests = [hashlib.blake2b(str(name).encode(), digest_size=8).digest() for name in parcel_id]
    shares: FloatArray = np.frombuffer(b"".join(digests), dtype="<u8") / 2.0**64
    return shares


def _well_seen(cut: Prefixes, group: npt.NDArray[np.intp], enough: int) -> list[int]:
    """Return the nodes at which every group has ``enough`` rows; if there are none, all nodes that have rows.

    Where few parcels have been seen yet, all classes would have to be in the set, and in those of the days around.
    """
    counts = np.zeros((len(cut.nodes), int(group.max()) + 1), dtype=np.intp)
    np.add.at(counts, (cut.node, group), 1)
    full = np.flatnonzero(counts.min(axis=1) >= enough)
    return (full if len(full) else np.flatnonzero(counts.sum(axis=1))).tolist()


def _groups(counts: npt.NDArray[np.intp], enough: int) -> npt.NDArray[np.intp]:
    """Return the group of each class, (class,): its own, or the first, which the rare ones share."""
    rarest = np.argsort(counts, kind="stable")
    shared = 0
    if counts[rarest[0]] < enough:
        together = np.cumsum(counts[rarest])
        shared = max(int((counts < enough).sum()), int(np.searchsorted(together, enough)) + 1)
    group = np.zeros(len(counts), dtype=np.intp)
    own = np.sort(rarest[shared:])
    group[own] = np.arange(len(own)) + (shared > 0)
    return group


def _quantile(scores: FloatArray, coverage: float, highest: float) -> float:
    """Return the ⌈(n + 1) · coverage⌉-th smallest score, ``highest`` where there are too few."""
    rank = int(np.ceil((len(scores) + 1) * coverage - 1e-9))
    return highest if rank > len(scores) else round(float(np.sort(scores)[rank - 1]), 6)
