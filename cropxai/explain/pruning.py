"""Few dates for all parcels: those that a method ranks first beside as many drawn at random or by the calendar.

The paper's own use of relevance (Chan et al. 2023): choose dates, then classify with these alone. Without retraining
the network is shown the dates that are kept; with retraining a new one learns from these alone (Hooker et al. 2019,
ROAR, arXiv 1806.10758), each with the same number of steps.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.explain.yardsticks import yardstick
from cropxai.model.checkpoint import Model
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits
from cropxai.model.settings import Settings
from cropxai.model.splits import hold_back
from cropxai.model.train import labelled, train_on
from cropxai.reporting import Report, silent
from cropxai.series import CropSeries

if TYPE_CHECKING:
    from cropxai.explain.faithfulness import Sample

#: Numbers of dates that are kept.
KEPT = (2, 4, 8, 16)
Floats = npt.NDArray[np.floating]
Times = npt.NDArray[np.intp]


def pruned(
    series: CropSeries,
    model: Model,
    sample: "Sample",
    relevance: Mapping[str, Floats],
    *,
    draws: int = 20,
    retrain_steps: int = 0,
    seed: int = 0,
    report: Report = silent,
) -> pd.DataFrame:
    """Classify with few dates.

    The dates are chosen on every other parcel of the sample, by relevance only, and scored on the rest.

    Parameters
    ----------
    relevance : by method, (parcel, time); the yardsticks among them are replaced by dates that are the same for all
    draws : of random dates
    retrain_steps : steps of each training; 0: none. A training needs labels; it is scored on a part of the series that
        is held back in all trainings alike.

    Returns
    -------
    one row a number of dates and way to choose them: kept, chosen by, accuracy (share of the sample's answers that
        stay), low, high (95 % of the draws; NaN for one choice), and with retraining retrained, retrained_low,
        retrained_high
    """
    picking = np.arange(len(sample.inputs)) % 2
    rest = np.flatnonzero(picking)
    scored = sample.inputs.take(rest), sample.number[rest]
    again = _Retraining(series, retrain_steps, seed) if retrain_steps else None
    sizes = [k for k in KEPT if k < len(sample.inputs.day)]
    rows, turn = [], 0
    for size in sizes:
        choices = _choices(sample, relevance, np.flatnonzero(picking == 0), size, draws, seed)
        for name, dates in choices.items():
            each = np.array([_accuracy(model, *scored, chosen) for chosen in dates])
            row: dict[str, object] = {"kept": size, "chosen by": name, **_spread(each, "accuracy", "low", "high")}
            if again is not None:
                new = np.array([again.accuracy(chosen) for chosen in dates])
                row |= _spread(new, "retrained", "retrained_low", "retrained_high")
            rows.append(row)
            turn += 1
            report(turn / (len(sizes) * len(choices)), f"{size} dates by {name}")
    return pd.DataFrame(rows)


def importance(relevance: Floats, number: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    """Gather the relevance of dates over parcels, (time,): the positive part averaged in each class, summing to one.

    So that a class counts as much as another, however many parcels it has and however sure the network is of it.
    """
    positive = np.maximum(np.nan_to_num(np.asarray(relevance, dtype=float)), 0)
    by_class = np.stack([positive[np.flatnonzero(number == n)].mean(axis=0) for n in np.unique(number)])
    total = by_class.sum(axis=1, keepdims=True)
    return np.asarray((by_class / np.where(total > 0, total, 1)).mean(axis=0))


def _choices(
    sample: "Sample", relevance: Mapping[str, Floats], picking: Times, size: int, draws: int, seed: int
) -> dict[str, list[Times]]:
    """Return by name the sets of dates to keep: one of each method, many of chance."""
    everywhere = np.asarray(sample.inputs.valid.any(axis=0, keepdims=True))
    seen = np.flatnonzero(everywhere)
    found: dict[str, list[Times]] = {}
    for name, given in relevance.items():
        if name == "random":
            rng = np.random.default_rng(seed)
            found[name] = [rng.choice(seen, min(size, len(seen)), replace=False) for _ in range(draws)]
            continue
        if name in ("evenly spaced", "contiguous"):
            order = yardstick(name, everywhere, sample.inputs.day)[0]
        else:
            order = importance(given[picking], sample.number[picking])
        found[name] = [np.argsort(-order, kind="stable")[:size]]
    return found


def _accuracy(model: Model, inputs: Inputs, number: npt.NDArray[np.intp], kept: Times) -> float:
    inside = np.zeros(len(inputs.day), bool)
    inside[kept] = True
    shown = replace(inputs, valid=inputs.valid & inside)
    right = (logits(model.network, shown).argmax(axis=1) == number) & shown.valid.any(axis=1)
    return float(right.mean())


class _Retraining:
    """Trainings on some dates of a series, all on the same parcels and with the same number of steps."""

    def __init__(self, series: CropSeries, steps: int, seed: int):
        self.settings = Settings(steps=steps, seed=seed, patience=1.0)
        self.series, self.names, self.target = labelled(series, self.settings.min_parcels)
        split = "spatial" if "lon" in series.dataset.coords else "random"
        self.seen, self.held = hold_back(self.series, self.target, 0.2, split, seed)

    def accuracy(self, kept: Times) -> float:
        """Train on the dates ``kept`` and return the accuracy on the parcels held back; none is a wrong answer."""
        cut = replace(self.series, dataset=self.series.dataset.isel(time=np.sort(kept)))
        dated = Inputs.of(cut, cut.bands).valid.any(axis=1)
        seen, held = (np.intersect1d(rows, np.flatnonzero(dated)) for rows in (self.seen, self.held))
        # Early stopping would look at the parcels that score: the last fifth of the training ones serves instead.
        parts = np.array_split(np.random.default_rng(self.settings.seed).permutation(seen), 5)
        trained = train_on(cut, self.names, self.target, np.concatenate(parts[:4]), parts[4], self.settings)
        said = logits(trained.network, Inputs.of(cut, cut.bands).take(held)).argmax(axis=1)
        return float((said == self.target[held]).sum() / len(self.held))


def _spread(each: npt.NDArray[np.float64], mean: str, low: str, high: str) -> dict[str, float]:
    many = len(each) > 1
    return {
        mean: float(each.mean()),
        low: float(np.percentile(each, 2.5)) if many else np.nan,
        high: float(np.percentile(each, 97.5)) if many else np.nan,
    }
