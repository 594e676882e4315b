"""Ways to decide early, side by side: one network, one division of the parcels, settings of each chosen alike.

Every stopping rule is fitted and its settings chosen on the parcels that the network was not trained on, and scored on
others: the settings of the earliest mean date whose loss of accuracy against the whole season is within the accepted
one. All settings of all rules together give the picture of accuracy against date.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import pandas as pd

from cropxai.reporting import Report, silent
from cropxai.season.measures import Outcome, accuracy_by_day, pareto, summary
from cropxai.season.prefix import PrefixAnswers
from cropxai.season.regret import ALPHAS, RegretRule
from cropxai.season.stopping import (
    CalibratedThreshold,
    Calimera,
    Economy,
    FixedDate,
    StoppingRule,
    Target,
    Threshold,
    temperatures,
)

OURS = "regret (ours)"
CONFIDENCES = (0.5, 0.6, 0.7, 0.75, 0.8, 0.85, 0.9, 0.92, 0.93, 0.94, 0.95, 0.96, 0.97, 0.98, 0.99)
#: Parcels that CALIMERA is fitted on at most: its time grows with the third power.
CALIMERA_PARCELS = 1000


@dataclass(frozen=True)
class Tried:
    """One setting of one way to decide: its outcome on the parcels to choose by and on those to score."""

    rival: str
    setting: str
    choose: Outcome
    test: Outcome


@dataclass(frozen=True)
class Comparison:
    """All that was tried.

    Attributes
    ----------
    tried : every setting
    full : the outcome of the whole season, to choose by and to score
    season : first and last day of the year
    max_loss : points that were accepted
    """

    tried: tuple[Tried, ...]
    full: tuple[Outcome, Outcome]
    season: tuple[int, int]
    max_loss: float

    def chosen(self) -> dict[str, Tried]:
        """Return the setting of each rival that is earliest within the loss, on the parcels to choose by.

        A rival without such a setting is there with its most accurate one.
        """
        found: dict[str, Tried] = {}
        for name in dict.fromkeys(t.rival for t in self.tried):
            own = [t for t in self.tried if t.rival == name]
            within = [t for t in own if 100 * (self.full[0].accuracy - t.choose.accuracy) <= self.max_loss]
            found[name] = (
                min(within, key=lambda t: t.choose.mean_day) if within else max(own, key=lambda t: t.choose.accuracy)
            )
        return found

    def table(self) -> pd.DataFrame:
        """Return a row for the full season and for the chosen setting of each rival, with 95 % intervals."""
        chosen = self.chosen()
        outcomes = {"full season": self.full[1]} | {name: t.test for name, t in chosen.items()}
        table = pd.DataFrame(summary(outcomes, self.season))
        table.insert(1, "setting", ["", *(t.setting for t in chosen.values())])
        table.insert(3, "loss_points", 100 * (self.full[1].accuracy - table["accuracy"]))
        return table

    def curves(self) -> pd.DataFrame:
        """Return every setting as a point of accuracy and mean date on the scored parcels, and whether it stands."""
        rows = pd.DataFrame(
            [{"rival": t.rival, "setting": t.setting, **t.test.measures(self.season)} for t in self.tried]
        )
        rows["pareto"] = pareto(rows["accuracy"], rows["mean_day"])
        return rows

    def costs(self, alphas: Sequence[float] = (0.05, 0.1, 0.2, 0.3, 0.5)) -> pd.DataFrame:
        """Return the cost α × delay + (1 − α) × error of each rival by α, its setting chosen for that α."""
        rows = []
        for name in dict.fromkeys(t.rival for t in self.tried):
            own = [t for t in self.tried if t.rival == name]
            best = {a: min(own, key=lambda t: t.choose.cost(a, self.season)) for a in alphas}
            rows.append({"rival": name, **{f"alpha_{a}": best[a].test.cost(a, self.season) for a in alphas}})
        return pd.DataFrame(rows)

    def points(self, rival: str) -> list[tuple[float, float]]:
        """Return accuracy and mean day of a rival's settings on the scored parcels."""
        return [(t.test.accuracy, t.test.mean_day) for t in self.tried if t.rival == rival]

    def lead(self, one: str, other: str, within: float = 5.0) -> float:
        """Return by how many points ``one`` is more accurate than ``other``, at worst, at the mean dates of the latter.

        Asked at the settings of ``other`` that lose at most ``within`` points to the whole season and that none of its
        own settings dominates; between settings of ``one`` their mixture counts. Not negative: ``other`` is nowhere
        more accurate at the same mean date. NaN where ``other`` has no such setting.
        """
        theirs = self.points(other)
        stands = pareto([a for a, _ in theirs], [d for _, d in theirs])
        least = self.full[1].accuracy - within / 100
        ours = self.points(one)
        gaps = [accuracy_by_day(ours, d) - a for (a, d), s in zip(theirs, stands, strict=True) if s and a >= least]
        return 100 * float(min(gaps, default=np.nan))

    def dominating(self, one: str) -> tuple[str, ...]:
        """Return the rivals whose chosen setting is both as accurate and as early as that of ``one``, and better."""
        chosen = self.chosen()
        own = chosen[one].test
        return tuple(
            name for name, t in chosen.items()
            if name != one and t.test.accuracy >= own.accuracy and t.test.mean_day <= own.mean_day
            and (t.test.accuracy > own.accuracy or t.test.mean_day < own.mean_day)
        )  # fmt: skip


def outcome(rule: StoppingRule, answers: PrefixAnswers, truth: Target) -> Outcome:
    """Let a rule decide: the answer of each parcel at the prefix where it stops."""
    stop = rule.stop(answers.probabilities)
    return Outcome(answers.winner[np.arange(len(truth)), stop].astype(np.intp), truth, answers.day[stop])


def compare_rules(
    choose: tuple[PrefixAnswers, Target],
    test: tuple[PrefixAnswers, Target],
    *,
    max_loss: float = 0.75,
    alphas: Sequence[float] = ALPHAS,
    confidences: Sequence[float] = CONFIDENCES,
    report: Report = silent,
) -> Comparison:
    """Fit and score every rule in many settings.

    Parameters
    ----------
    choose, test : answers and class numbers of the parcels to fit and choose by, and of those to score
    max_loss : percentage points against the whole season
    alphas, confidences : the settings tried
    """
    known, truth = choose
    season = int(known.day[0]), int(known.day[-1])
    fits = rules(known, truth, season, alphas, confidences)
    tried = []
    for done, (name, setting, fit) in enumerate(fits):
        rule = fit()
        tried.append(Tried(name, setting, outcome(rule, known, truth), outcome(rule, *test)))
        report((done + 1) / len(fits), name)
    last = FixedDate(len(known.day) - 1)
    return Comparison(tuple(tried), (outcome(last, *choose), outcome(last, *test)), season, max_loss)


def rules(
    known: PrefixAnswers,
    truth: Target,
    season: tuple[int, int],
    alphas: Sequence[float],
    confidences: Sequence[float],
) -> list[tuple[str, str, Callable[[], StoppingRule]]]:
    """Return name, setting and fit of every rule that is compared."""
    p = known.probabilities
    delay = (known.day - season[0]) / max(season[1] - season[0], 1)
    temperature = temperatures(p, truth)
    few = np.random.default_rng(0).permutation(len(truth))[:CALIMERA_PARCELS]
    found: list[tuple[str, str, Callable[[], StoppingRule]]] = []
    for t, date in enumerate(known.dates):
        found.append(("fixed date", str(date), partial(FixedDate, t)))
    for c in confidences:
        for patience in (1, 2, 3):
            held, text = Threshold(c, patience), f"{c:g}, {patience} in a row"
            found.append(("threshold", text, partial(Threshold, c, patience)))
            found.append(("calibrated threshold", text, partial(CalibratedThreshold, temperature, held)))
    for a in alphas:
        found += [
            ("ECONOMY-γ", f"α {a:g}, {groups} groups", partial(Economy.fit, p, truth, delay, a, groups))
            for groups in (5, 10, 20)
        ]
        found.append(("CALIMERA", f"α {a:g}", partial(Calimera.fit, p[few], truth[few], delay, a)))
        found.append((OURS, f"α {a:g}", partial(RegretRule.fit, p, truth, delay, a)))
    return found


def joined(comparison: Comparison, more: Iterable[Tried]) -> Comparison:
    """Add ways that bring their own network, such as retrained windows or ELECTS, to a comparison."""
    return replace(comparison, tried=(*comparison.tried, *more))
