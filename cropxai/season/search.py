"""Guided search: the earliest end, then the latest start, then the fewest dates, within an accepted loss.

One any-season network is asked what it answers when it is shown some dates alone; nothing is retrained until a winner
is there. A choice of dates stands if a one-sided paired test is sure that it loses no more than is accepted
(:func:`cropxai.season.measures.loss_bound`). Which dates are tried first comes from relevance: the next date is
sought among those that add most to the covered relevance of all crops, every crop counted alike.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cropxai.model import Model
from cropxai.model.predict import logits
from cropxai.reporting import Report, part, silent
from cropxai.season.measures import loss_bound
from cropxai.season.trial import Trial

Mask = npt.NDArray[np.bool_]
#: Share of a parcel's relevance that counts as covered.
COVERED = 0.5
#: Dates that the network is asked about before the next is chosen.
WIDTH = 6


@dataclass(frozen=True)
class Chosen:
    """What the search chose for all crops or for one.

    Attributes
    ----------
    crop : "all", or the crop; then points are of its parcels, and both its parcels missed and others taken for it count
    end, start : last and first date of the window
    dates : the fewest dates, in order
    loss_end, loss_window, loss_dates : points lost on the parcels to choose by with everything up to the end, with the
        window, and with the dates alone; each without retraining, against the whole season
    asked : how often the network was asked about a choice of dates
    """

    crop: str
    end: np.datetime64
    start: np.datetime64
    dates: tuple[np.datetime64, ...]
    loss_end: float
    loss_window: float
    loss_dates: float
    asked: int

    def row(self) -> dict[str, Any]:
        """Return a row of a table."""
        return {
            "crop": self.crop, "start": str(self.start), "end": str(self.end), "loss_end": self.loss_end,
            "loss_window": self.loss_window, "n_dates": len(self.dates), "dates": " ".join(map(str, self.dates)),
            "loss_dates": self.loss_dates, "asked": self.asked,
        }  # fmt: skip


def guided_search(
    trial: Trial,
    model: Model,
    relevance: npt.ArrayLike,
    *,
    max_loss: float = 0.75,
    level: float = 0.95,
    most: int = 8,
    per_crop: bool = True,
    report: Report = silent,
) -> list[Chosen]:
    """Search for all crops together, and for each.

    Parameters
    ----------
    trial : whose parcels to choose by are used
    model : trained for any season, with dates left out (``date_dropout``), so that it has seen few dates before
    relevance : (parcel, time) of these parcels, for their true class, NaN where a date is missing; the margin's
        contrast
    max_loss : percentage points; of the window against the whole season, and of the dates against the window
    level : of the test
    most : greatest number of dates
    per_crop : search for each crop too

    Returns
    -------
    the choice for all crops first, then those by crop
    """
    inputs = model.inputs(trial.series.select(trial.choose))
    truth = trial.number[trial.choose]
    seen: dict[bytes, npt.NDArray[np.intp]] = {}
    most_common = int(trial.prior.argmax())

    def answers(inside: Mask) -> npt.NDArray[np.intp]:
        if (key := inside.tobytes()) not in seen:
            cut = inputs.at(np.flatnonzero(inside))
            given = logits(model.network, cut).argmax(axis=1) if inside.any() else np.zeros(len(truth))
            seen[key] = np.where(cut.valid.any(axis=1), given, most_common).astype(np.intp)
        return seen[key]

    values = np.nan_to_num(np.maximum(np.asarray(relevance, dtype=np.float64), 0))
    crops = [("all", _Judge(answers, lambda said: said == truth, max_loss, level), np.ones(len(truth), dtype=bool))]
    for number, name in enumerate(trial.names if per_crop else ()):
        own = truth == number
        if own.any():
            judge = _Judge(answers, _of_crop(number, truth), max_loss, level, len(truth) / own.sum())
            crops.append((name, judge, own))
    found = []
    for done, (name, judge, rows) in enumerate(crops):
        within = part(report, done / len(crops), (done + 1) / len(crops))
        found.append(_search(name, judge, trial.series.dates, values[rows], truth[rows], most, within))
    return found


def _of_crop(number: int, truth: npt.NDArray[np.intp]) -> Callable[[npt.NDArray[np.intp]], Mask]:
    """Return what is right for one crop: that its parcels are given it, and no others."""
    return lambda said: np.asarray((said == number) == (truth == number))


@dataclass
class _Judge:
    """Says what a choice of dates loses, in points of the parcels concerned, and counts how often it was asked."""

    answers: Callable[[Mask], npt.NDArray[np.intp]]
    right: Callable[[npt.NDArray[np.intp]], Mask]
    max_loss: float
    level: float
    parcels_a_concerned: float = 1.0
    asked: int = 0

    def loss(self, before: Mask, after: Mask) -> tuple[float, float]:
        """Return points lost from one choice of dates to another, and the upper bound."""
        self.asked += 1
        loss, bound = loss_bound(self.right(self.answers(before)), self.right(self.answers(after)), self.level)
        return loss * self.parcels_a_concerned, bound * self.parcels_a_concerned

    def stands(self, before: Mask, after: Mask) -> bool:
        """Say whether the loss is surely accepted."""
        return self.loss(before, after)[1] <= self.max_loss


def _search(
    crop: str,
    judge: _Judge,
    dates: npt.NDArray[np.datetime64],
    relevance: npt.NDArray[np.float64],
    truth: npt.NDArray[np.intp],
    most: int,
    report: Report,
) -> Chosen:
    order = np.sort(dates)
    whole = np.ones(len(dates), dtype=bool)
    end = next((e for e in order[:-1] if judge.stands(whole, dates <= e)), order[-1])
    report(0.4, f"{crop}: end {end}")
    until = np.asarray(dates <= end)
    start = next((s for s in order[order <= end][::-1] if judge.stands(whole, until & (dates >= s))), order[0])
    window = np.asarray(until & (dates >= start))
    report(0.7, f"{crop}: start {start}")
    kept = fewest_dates(judge, window, relevance, truth, most)
    report(1.0)
    return Chosen(
        crop, end, start, tuple(np.sort(dates[kept])), judge.loss(whole, until)[0], judge.loss(whole, window)[0],
        judge.loss(whole, kept)[0], judge.asked,
    )  # fmt: skip


def fewest_dates(
    judge: _Judge, window: Mask, relevance: npt.NDArray[np.float64], truth: npt.NDArray[np.intp], most: int
) -> Mask:
    """Return the fewest dates of a window, (time,) bool, within the loss, or the best ``most`` where none are.

    Greedy: of the dates that add most to the covered relevance, and of those that add the same most of all relevance,
    the one is kept with which the network answers best.
    """
    kept = np.zeros(len(window), dtype=bool)
    spoken = _by_class(_shares(relevance), truth)
    for _ in range(min(most, int(window.sum()))):
        gain = coverage_gain(relevance, truth, kept)
        gain[~window | kept] = -np.inf
        # Where all is covered, no date adds to it: the order of the season would then decide, not relevance.
        proposals = [t for t in np.lexsort((-spoken, -gain))[:WIDTH] if np.isfinite(gain[t])]
        losses = [judge.loss(window, _with(kept, t))[0] for t in proposals]
        kept = _with(kept, proposals[int(np.argmin(losses))])
        if judge.stands(window, kept):
            break
    return kept


def _with(kept: Mask, position: int) -> Mask:
    more = kept.copy()
    more[position] = True
    return more


def coverage_gain(
    relevance: npt.NDArray[np.float64], truth: npt.NDArray[np.intp], kept: Mask
) -> npt.NDArray[np.float64]:
    """Return by how much each date raises the covered relevance, (time,), classes counted alike.

    A parcel is covered by the share of its positive relevance (parcel, time) that lies on the dates kept, up to
    ``COVERED``; so a second date that says the same of the same parcels adds less than one that speaks for others.
    """
    share = _shares(relevance)
    have = share[:, kept].sum(axis=1, keepdims=True)
    return _by_class(np.minimum(have + share, COVERED) - np.minimum(have, COVERED), truth)


def _shares(relevance: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the share of each date in the relevance of its parcel, (parcel, time), 0 where there is none."""
    total = relevance.sum(axis=1, keepdims=True)
    return np.asarray(np.divide(relevance, total, out=np.zeros_like(relevance), where=total > 0))


def _by_class(values: npt.NDArray[np.float64], truth: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Return the mean of the means of each class, (time,)."""
    return np.asarray(np.mean([values[truth == number].mean(axis=0) for number in np.unique(truth)], axis=0))


def _earliest(right: Sequence[Mask] | Mask, max_loss: float, level: float) -> int:
    stands = (t for t, own in enumerate(right) if loss_bound(right[-1], own, level)[1] <= max_loss)
    return next(stands, len(right) - 1)


@dataclass(frozen=True)
class TrialAndError:
    """The expanding window, retrained at every end.

    Attributes
    ----------
    ends : the dates tried, rising; the last is the whole season
    chosen : position of the earliest that stands, by the same test as the guided search
    test_right, choose_right : (end, parcel) whether the answers on the scored parcels, and on those to choose by, are
        right
    test_answers, choose_answers : (end, parcel) these answers, class numbers
    """

    ends: tuple[np.datetime64, ...]
    chosen: int
    test_right: Mask
    choose_right: Mask
    test_answers: npt.NDArray[np.intp]
    choose_answers: npt.NDArray[np.intp]


def trial_and_error(
    trial: Trial,
    ends: Sequence[np.datetime64],
    *,
    whole: Model | None = None,
    max_loss: float = 0.75,
    level: float = 0.95,
    enough: int | None = None,
    report: Report = silent,
) -> TrialAndError:
    """Train once for each end of the season and take the earliest that is accepted.

    Parameters
    ----------
    ends : dates to try, rising; the whole season is added
    whole : the model of the whole season, if there is one
    enough : stop trying after so many ends that lose no more than ``max_loss`` themselves; by default all are tried
    """
    dates = trial.series.dates
    said: list[tuple[np.datetime64, npt.NDArray[np.intp], npt.NDArray[np.intp]]] = []

    def accuracy(choose: npt.NDArray[np.intp]) -> float:
        return float((choose == trial.number[trial.choose]).mean())

    tried = [dates.max()] + [e for e in ends if e < dates.max()]
    within = 0
    for done, end in enumerate(tried):
        inside = dates <= end
        model = whole if done == 0 and whole is not None else trial.train(inside)
        said.append((end, trial.answers(model, trial.choose, inside), trial.answers(model, trial.test, inside)))
        report((done + 1) / len(tried), f"end {end}")
        within += done > 0 and 100 * (accuracy(said[0][1]) - accuracy(said[-1][1])) <= max_loss
        if enough is not None and within >= enough:
            break
    said = said[1:] + said[:1]
    choose, test = np.stack([row[1] for row in said]), np.stack([row[2] for row in said])
    choose_right, test_right = choose == trial.number[trial.choose], test == trial.number[trial.test]
    stands = _earliest(choose_right, max_loss, level)
    return TrialAndError(tuple(row[0] for row in said), stands, test_right, choose_right, test, choose)
