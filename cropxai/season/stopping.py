r"""Rules that decide, on the day itself, whether a parcel's answer may stand.

All take the answers of one any-season model on the season up to each date, (parcel, prefix, class), so that they differ
in nothing but the decision. A rule looks at the prefixes up to the day only; the last prefix is always a decision.

- a fixed date for all parcels;
- a threshold on the confidence, held for some dates in a row ("patience"; the rule of aeon's
  ``ProbabilityThresholdEarlyClassifier``), with or without a temperature for each date (Guo et al. 2017);
- ECONOMY-γ (Achenchabe et al. 2021, Machine Learning 110, 1481-1504): parcels of like confidence form a group at each
  date, a Markov chain leads from group to group, and a parcel stops when no later date promises a lower expected cost;
- CALIMERA (Bilski & Jastrzębska 2023, Pattern Recognition Letters 169, 24-31): backwards from the last date, kernel
  ridge regression says whether the cost falls by waiting.

The cost of the last two is :math:`\alpha\,t/T + (1-\alpha)\,[\hat y \ne y]` with t in days of the season.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax
from sklearn.kernel_ridge import KernelRidge

Array = npt.NDArray[np.float64]
Position = npt.NDArray[np.intp]
Target = npt.NDArray[np.intp]


class StoppingRule(Protocol):
    """A rule that stops each parcel at one prefix."""

    def stop(self, probabilities: npt.NDArray[np.floating]) -> Position:
        """Return the position of the prefix, (parcel,), for probabilities (parcel, prefix, class)."""
        ...


def first_true(stands: npt.NDArray[np.bool_]) -> Position:
    """Return the first prefix at which a decision stands, (parcel,), the last one where none does."""
    last = stands.copy()
    last[:, -1] = True
    return np.asarray(last.argmax(axis=1))


# --- fixed date and threshold ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class FixedDate:
    """One prefix for all parcels."""

    position: int

    def stop(self, probabilities: npt.NDArray[np.floating]) -> Position:
        """Return the same position for every parcel."""
        return np.full(len(probabilities), self.position, dtype=np.intp)


@dataclass(frozen=True)
class Threshold:
    """The first prefix at which one answer has been confident ``patience`` times in a row."""

    confidence: float
    patience: int = 1

    def stop(self, probabilities: npt.NDArray[np.floating]) -> Position:
        """Return the position for every parcel."""
        sure = probabilities.max(axis=2) >= self.confidence
        return first_true(in_a_row(sure, probabilities.argmax(axis=2)) >= self.patience)


def in_a_row(sure: npt.NDArray[np.bool_], winner: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Count, at each prefix, how often in a row the same answer has been sure, (parcel, prefix)."""
    count = np.zeros(sure.shape, dtype=np.intp)
    count[:, 0] = sure[:, 0]
    for t in range(1, sure.shape[1]):
        goes_on = sure[:, t - 1] & (winner[:, t] == winner[:, t - 1])
        count[:, t] = np.where(sure[:, t], np.where(goes_on, count[:, t - 1], 0) + 1, 0)
    return count


@dataclass(frozen=True)
class CalibratedThreshold:
    """A threshold on probabilities with a temperature for each date."""

    temperature: tuple[float, ...]
    threshold: Threshold

    def stop(self, probabilities: npt.NDArray[np.floating]) -> Position:
        """Return the position for every parcel."""
        return self.threshold.stop(tempered(probabilities, self.temperature))


def tempered(probabilities: npt.NDArray[np.floating], temperature: npt.ArrayLike) -> Array:
    """Divide the log-probabilities of each prefix by its temperature, (parcel, prefix, class)."""
    scores = np.log(np.maximum(probabilities.astype(np.float64), 1e-12))
    return np.asarray(softmax(scores / np.asarray(temperature, dtype=np.float64)[None, :, None], axis=2))


def temperatures(probabilities: npt.NDArray[np.floating], truth: Target) -> tuple[float, ...]:
    """Return the temperature of each prefix, (prefix,): the one of least negative log-likelihood."""
    found = []
    rows = np.arange(len(truth))
    for t in range(probabilities.shape[1]):
        scores = np.log(np.maximum(probabilities[:, t].astype(np.float64), 1e-12))

        def loss(log_temperature: float, scores: Array = scores) -> float:
            return -float(log_softmax(scores / np.exp(log_temperature), axis=1)[rows, truth].mean())

        found.append(float(np.exp(minimize_scalar(loss, bounds=(-1.5, 1.5), method="bounded").x)))
    return tuple(found)


# --- expected cost -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Economy:
    """ECONOMY-γ, fitted.

    Attributes
    ----------
    edges : (prefix, group - 1) bounds of the confidence groups at each prefix
    future : (prefix, group, prefix) expected cost of stopping at a later prefix (last axis), seen from a group;
        infinite
        for earlier ones
    """

    edges: Array
    future: Array

    @classmethod
    def fit(
        cls,
        probabilities: npt.NDArray[np.floating],
        truth: Target,
        delay: npt.ArrayLike,
        alpha: float,
        groups: int = 10,
    ) -> "Economy":
        """Fit on parcels of known crop.

        Parameters
        ----------
        probabilities, truth : (parcel, prefix, class) and (parcel,)
        delay : (prefix,) 0 to 1, share of the season that has passed
        alpha : weight of delay against error, 0 to 1
        groups : of equal numbers of parcels
        """
        confidence = probabilities.max(axis=2).astype(np.float64)
        wrong = (probabilities.argmax(axis=2) != truth[:, None]).astype(np.float64)
        edges = np.quantile(confidence, np.linspace(0, 1, groups + 1)[1:-1], axis=0).T
        member = _groups(confidence, edges)
        times = confidence.shape[1]
        # Error of each group at each prefix; a group nobody is in has the error of all.
        error = np.empty((times, groups))
        for t in range(times):
            count = np.bincount(member[:, t], minlength=groups)
            total = np.bincount(member[:, t], wrong[:, t], minlength=groups)
            error[t] = np.where(count > 0, total / np.maximum(count, 1), wrong[:, t].mean())
        cost = alpha * np.asarray(delay, dtype=np.float64)[:, None] + (1 - alpha) * error
        future = np.full((times, groups, times), np.inf)
        for t in range(times):
            reach = np.eye(groups)
            future[t, :, t] = cost[t]
            for later in range(t + 1, times):
                reach = reach @ _transition(member[:, later - 1], member[:, later], groups)
                future[t, :, later] = reach @ cost[later]
        return cls(edges, future)

    def stop(self, probabilities: npt.NDArray[np.floating]) -> Position:
        """Return the position for every parcel."""
        member = _groups(probabilities.max(axis=2).astype(np.float64), self.edges)
        times = np.arange(member.shape[1])
        best = self.future.argmin(axis=2)[times, member]
        return first_true(best == times)


def _groups(confidence: Array, edges: Array) -> npt.NDArray[np.intp]:
    """Return the group of each parcel at each prefix."""
    return np.asarray((confidence[:, :, None] > edges[None]).sum(axis=2))


def _transition(now: npt.NDArray[np.intp], later: npt.NDArray[np.intp], groups: int) -> Array:
    counts = np.zeros((groups, groups))
    np.add.at(counts, (now, later), 1.0)
    total = counts.sum(axis=1, keepdims=True)
    return np.where(total > 0, counts / np.maximum(total, 1), np.eye(groups))


@dataclass(frozen=True)
class Calimera:
    """CALIMERA, fitted: one regression for each prefix but the last."""

    temperature: tuple[float, ...]
    regressions: tuple[KernelRidge, ...]

    @classmethod
    def fit(
        cls, probabilities: npt.NDArray[np.floating], truth: Target, delay: npt.ArrayLike, alpha: float
    ) -> "Calimera":
        """Fit on parcels of known crop; parameters as of :meth:`Economy.fit`."""
        temperature = temperatures(probabilities, truth)
        calibrated = tempered(probabilities, temperature)
        wrong = (probabilities.argmax(axis=2) != truth[:, None]).astype(np.float64)
        cost = alpha * np.asarray(delay, dtype=np.float64)[None] + (1 - alpha) * wrong
        ahead = cost[:, -1]  # the cost under the rule from the next prefix on
        found = []
        for t in range(cost.shape[1] - 2, -1, -1):
            x = confidences(calibrated[:, t])
            regression = KernelRidge(kernel="rbf").fit(x, ahead - cost[:, t])
            found.append(regression)
            ahead = np.where(regression.predict(x) > 0, cost[:, t], ahead)
        return cls(temperature, tuple(reversed(found)))

    def stop(self, probabilities: npt.NDArray[np.floating]) -> Position:
        """Return the position for every parcel."""
        calibrated = tempered(probabilities, self.temperature)
        stands = np.zeros(probabilities.shape[:2], dtype=bool)
        for t, regression in enumerate(self.regressions):
            stands[:, t] = regression.predict(confidences(calibrated[:, t])) > 0
        return first_true(stands)


def confidences(probabilities: Array) -> Array:
    """Return what CALIMERA regresses on: all probabilities, the greatest, and its lead over the second."""
    top = np.sort(probabilities, axis=1)[:, ::-1]
    return np.column_stack([probabilities, top[:, 0] - top[:, 1], top[:, 0]])
