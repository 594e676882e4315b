"""How good early answers are: accuracy and earliness of decisions, their trade, and how sure the numbers are."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import norm
from sklearn.metrics import f1_score

Array = npt.NDArray[np.float64]
Target = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Outcome:
    """What a way to decide gave for parcels of known crop: answer, truth, and day of the decision, (parcel,) each."""

    answer: Target
    truth: Target
    day: npt.NDArray[np.int64]

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether the answer is the truth, (parcel,)."""
        return np.asarray(self.answer == self.truth)

    @property
    def accuracy(self) -> float:
        """Share of right answers."""
        return float(self.right.mean())

    @property
    def mean_day(self) -> float:
        """Mean day of the year of the decision."""
        return float(self.day.mean())

    def measures(self, season: tuple[int, int]) -> dict[str, float]:
        """Return the measures of a table, for a season from the first to the last of two days of the year.

        ``earliness`` is 1 for a decision on the first day and 0 on the last; ``harmonic_mean`` is that of accuracy and
        earliness (Schäfer & Leser 2020, TEASER).
        """
        early = 1 - float(self.delay(season).mean())
        total = self.accuracy + early
        return {
            "accuracy": self.accuracy,
            "macro_f1": float(f1_score(self.truth, self.answer, average="macro", zero_division=0.0)),
            "mean_day": self.mean_day,
            "median_day": float(np.median(self.day)),
            "day_90": float(np.quantile(self.day, 0.9)),
            "earliness": early,
            "harmonic_mean": 2 * self.accuracy * early / total if total > 0 else 0.0,
        }

    def delay(self, season: tuple[int, int]) -> Array:
        """Return the share of the season that has passed at the decision, (parcel,)."""
        first, last = season
        return (self.day - first) / max(last - first, 1)

    def cost(self, alpha: float, season: tuple[int, int]) -> float:
        """Return the mean of α × delay + (1 − α) × error."""
        return float((alpha * self.delay(season) + (1 - alpha) * ~self.right).mean())


def pareto(accuracy: npt.ArrayLike, day: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Say which points no other dominates: none is as accurate and as early, and better in one of the two."""
    a, d = np.asarray(accuracy, dtype=np.float64), np.asarray(day, dtype=np.float64)
    better = (a[:, None] >= a) & (d[:, None] <= d) & ((a[:, None] > a) | (d[:, None] < d))
    return np.asarray(~better.any(axis=0))


def accuracy_by_day(points: Sequence[tuple[float, float]], day: float) -> float:
    """Return the best accuracy that points (accuracy, mean day) reach by a mean day; minus infinity where none does.

    Between two settings lies the mixture that gives some parcels to the one and the rest to the other at random, so
    that the reachable accuracies are those below the upper hull of the points.
    """
    best = max((a for a, d in points if d <= day), default=-np.inf)
    for a, d in points:
        for b, e in points:
            if d < day < e and b > a:
                best = max(best, a + (b - a) * (day - d) / (e - d))
    return float(best)


def paired_interval(
    one: npt.ArrayLike, other: npt.ArrayLike, *, level: float = 0.95, draws: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """Return the bootstrap interval of the mean of ``one - other``, (parcel,) each, parcels drawn together."""
    gap = np.asarray(one, dtype=np.float64) - np.asarray(other, dtype=np.float64)
    rng = np.random.default_rng(seed)
    means = np.array([gap[rng.integers(0, len(gap), len(gap))].mean() for _ in range(draws)])
    low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def intervals(outcome: Outcome, *, draws: int = 1000, seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return 95 % bootstrap intervals over parcels of accuracy and mean day."""
    nothing = np.zeros(len(outcome.day))
    return {
        "accuracy": paired_interval(outcome.right, nothing, draws=draws, seed=seed),
        "mean_day": paired_interval(outcome.day, nothing, draws=draws, seed=seed),
    }


def loss_bound(before: npt.ArrayLike, after: npt.ArrayLike, level: float = 0.95) -> tuple[float, float]:
    """Return the loss of accuracy in points, and its one-sided upper bound for paired answers.

    Parameters
    ----------
    before, after : (parcel,) bool, whether the answers on the full season and on less are right
    level : of the bound; normal approximation of the mean of the paired differences, with one changed answer each way
        added to those observed (Agresti & Min 2005), so that no change at all does not look like certainty
    """
    gap = np.asarray(before, dtype=np.float64) - np.asarray(after, dtype=np.float64)
    n = len(gap)
    lost, won = float((gap > 0).sum()) + 0.5, float((gap < 0).sum()) + 0.5
    total = n + 2
    spread = np.sqrt(max(lost + won - (lost - won) ** 2 / total, 0.0)) / total
    return 100 * float(gap.mean()), 100 * float((lost - won) / total + norm.ppf(level) * spread)


def summary(outcomes: dict[str, Outcome], season: tuple[int, int]) -> list[dict[str, Any]]:
    """Return a row of measures for each named outcome, with 95 % intervals."""
    rows = []
    for name, outcome in outcomes.items():
        between = intervals(outcome)
        bounds = {f"{what}_{side}": value for what, pair in between.items()
                  for side, value in zip(("low", "high"), pair, strict=True)}  # fmt: skip
        rows.append({"rival": name, **outcome.measures(season), **bounds})
    return rows
