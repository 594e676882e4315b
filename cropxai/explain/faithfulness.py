"""Is the relevance true? Methods scored on the same parcels: deletion of dates, planted truth, checks of robustness.

All measures are of dates, for the answer of the model, on parcels that it answers right (where the series has labels).
Every mean has an interval by the bootstrap over parcels and is told for each class too.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.errors import ModelsDiffer, SeriesUnusable
from cropxai.explain.medians import reference_series
from cropxai.explain.methods import METHODS, explainer
from cropxai.explain.perturbation import REMOVALS, area_between, curves
from cropxai.explain.power import EVERY, Power
from cropxai.explain.pruning import pruned
from cropxai.explain.robustness import randomised, rank_correlation, with_noise
from cropxai.explain.truth import Truth, scores
from cropxai.explain.yardsticks import YARDSTICKS, yardstick
from cropxai.model.checkpoint import Model
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits
from cropxai.reporting import Report, part, silent
from cropxai.series import CropSeries

Array = npt.NDArray[np.float64]

ALL = "all"
RESAMPLES, INTERVAL = 1000, (2.5, 97.5)


@dataclass(frozen=True, eq=False)
class Sample:
    """Parcels on which methods are scored.

    Attributes
    ----------
    rows : (parcel,) where they are in the series
    inputs : their arrays
    number : (parcel,) the class that the model gives them, which is explained
    labels : (parcel,) its name
    rival : (parcel,) the class of the greatest score beside it
    truth : which dates decide, if the series knows
    """

    rows: npt.NDArray[np.intp]
    inputs: Inputs
    number: npt.NDArray[np.intp]
    labels: npt.NDArray[np.object_]
    rival: npt.NDArray[np.object_]
    truth: Truth | None

    @classmethod
    def draw(cls, series: CropSeries, model: Model, count: int, seed: int = 0) -> "Sample":
        """Draw ``count`` parcels at random (or all, if there are fewer) of those that the model answers right.

        Right is any answer where the series has no labels.

        Raises
        ------
        SeriesUnusable
            If there is no such parcel.
        """
        model.check(series)
        labels = _labels(series, model)
        drawn: list[int] = []
        order = np.random.default_rng(seed).permutation(len(series))
        for start in range(0, len(order), 2 * count):
            rows = order[start : start + 2 * count]
            inputs = model.inputs(series.select(rows))
            said = logits(model.network, inputs).argmax(axis=1)
            right = inputs.valid.any(axis=1)
            if labels is not None:
                right &= np.array(model.names, dtype=object)[said] == labels[rows]
            drawn.extend(rows[right].tolist())
            if len(drawn) >= count:
                break
        if not drawn:
            raise SeriesUnusable("the model answers no parcel of the series right, so its relevance cannot be scored")
        own = np.sort(drawn[:count])
        chosen = series.select(own)
        inputs = model.inputs(chosen)
        rival, number = np.argsort(logits(model.network, inputs), axis=1)[:, -2:].T
        names = np.array(model.names, dtype=object)
        return cls(own, inputs, number, names[number], names[rival], Truth.of(chosen, inputs.valid, names[rival]))


def _labels(series: CropSeries, model: Model) -> npt.NDArray[np.object_] | None:
    try:
        labels = series.labels
    except SeriesUnusable:
        return None
    known = np.array(model.class_of(labels.tolist()), dtype=object)
    return known if (known != "").any() else None


@dataclass(frozen=True, eq=False)
class Faithfulness:
    """How true the relevance of several methods is.

    Attributes
    ----------
    table : one row a method, measure and class ("all": every parcel alike): mean, low and high (95 % interval by the
        bootstrap over parcels) and parcels, those that the measure could be taken of
    curves : by removal and method, mean probability of the class as the share of dates grows, (order, share): the most
        relevant first, the least relevant first
    pruning : accuracy with few dates kept for all parcels, see :func:`cropxai.explain.pruning.pruned`
    about : what was asked: model, target, reference, and the number of parcels
    """

    table: pd.DataFrame
    curves: Mapping[str, Mapping[str, Array]]
    pruning: pd.DataFrame
    about: Mapping[str, Any] = field(default_factory=dict)

    def of_class(self, crop: str = ALL) -> pd.DataFrame:
        """Return the means of one class, method × measure."""
        rows = self.table[self.table["crop"] == crop]
        return rows.pivot(index="method", columns="measure", values="mean").reindex(
            index=rows["method"].unique(), columns=rows["measure"].unique()
        )

    def asdict(self) -> dict[str, Any]:
        """Return everything as plain values; what could not be measured is None."""
        return {
            "about": dict(self.about),
            "scores": _plain(self.table),
            "curves": {r: {m: c.tolist() for m, c in of.items()} for r, of in self.curves.items()},
            "pruning": _plain(self.pruning),
        }

    def text(self) -> str:
        """Write the tables for the console: all parcels, then the first measure by class, then pruning."""
        whole = self.table[self.table["crop"] == ALL]
        cells = whole.assign(text=[_cell(*row) for row in whole[["mean", "low", "high"]].to_numpy()])
        wide = cells.pivot(index="measure", columns="method", values="text").reindex(
            index=whole["measure"].unique(), columns=whole["method"].unique()
        )
        first = str(whole["measure"].iloc[0])
        by_class = self.table[self.table["measure"] == first].pivot(index="crop", columns="method", values="mean")
        head = ", ".join(f"{name} {value}" for name, value in self.about.items())
        return "\n".join(
            [
                head,
                "mean [95 % interval over parcels]",
                wide.T.to_string(na_rep="-"),
                f"\n{first} by class",
                by_class[whole["method"].unique()].T.round(3).to_string(na_rep="-"),
                "\naccuracy with few dates, the same for all parcels",
                self.pruning.round(3).to_string(index=False, na_rep="-"),
            ]
        )


def measured(
    model: Model, sample: Sample, relevance: Mapping[str, npt.NDArray[np.floating]], removals: Sequence[str] = REMOVALS
) -> tuple[dict[str, dict[str, Array]], dict[str, dict[str, Array]]]:
    """Measure the relevance of dates that several methods give.

    Parameters
    ----------
    relevance : by method, (parcel, time)

    Returns
    -------
    values : by method and measure, (parcel,): ``area_mask`` and so on, the area between the curves of each removal, and
        the scores against the truth (:func:`cropxai.explain.truth.scores`) where there is one
    curves : as of `Faithfulness`
    """
    values: dict[str, dict[str, Array]] = {}
    drawn: dict[str, dict[str, Array]] = {removal: {} for removal in removals}
    for name, given in relevance.items():
        own: dict[str, Array] = {}
        for removal in removals:
            most, least = curves(model, sample.inputs, sample.number, given, removal)
            own[f"area_{removal}"] = area_between(most, least)
            drawn[removal][name] = np.stack([most.mean(axis=0), least.mean(axis=0)])
        if sample.truth is not None:
            own |= scores(given, sample.truth)
        values[name] = own
    return values, drawn


def summary(values: Mapping[str, Mapping[str, Array]], labels: npt.NDArray[np.object_], seed: int = 0) -> pd.DataFrame:
    """Return means and intervals of measures (parcel,), over all parcels and by class; the table of `Faithfulness`."""
    rows = []
    for crop in (ALL, *dict.fromkeys(sorted(labels.tolist()))):
        own = np.ones(len(labels), bool) if crop == ALL else labels == crop
        for method, of in values.items():
            for measure, each in of.items():
                low, high = bootstrap(each[own], seed)
                there = each[own][np.isfinite(each[own])]
                mean = float(there.mean()) if len(there) else np.nan
                rows.append((method, measure, crop, mean, low, high, len(there)))
    return pd.DataFrame(rows, columns=["method", "measure", "crop", "mean", "low", "high", "parcels"])


def bootstrap(values: Array, seed: int = 0) -> tuple[float, float]:
    """Return the 95 % interval of a mean by resampling its values (percentiles; Efron & Tibshirani 1993, ch. 13).

    NaN values are left out; of fewer than two values the interval is NaN.
    """
    there = values[np.isfinite(values)]
    if len(there) < 2:
        return np.nan, np.nan
    drawn = np.random.default_rng(seed).integers(0, len(there), (RESAMPLES, len(there)))
    low, high = np.percentile(there[drawn].mean(axis=1), INTERVAL)
    return float(low), float(high)


def evaluate_relevance(
    series: CropSeries,
    model: Model,
    *,
    methods: Sequence[str] = METHODS,
    target: str = "margin",
    reference: str = "rival",
    removals: Sequence[str] = REMOVALS,
    peers: Sequence[Model] = (),
    sample: int = 500,
    draws: int = 20,
    retrain_steps: int = 0,
    truth: pd.DataFrame | None = None,
    seed: int = 0,
    report: Report = silent,
) -> Faithfulness:
    """Score ways to explain a model's answers on a sample of a series.

    Parameters
    ----------
    methods : of `METHODS`; the yardsticks (:mod:`cropxai.explain.yardsticks`) are always beside them
    target, reference : of the relevance
    removals : how dates are taken away, of `REMOVALS`
    peers : models of the same classes and bands from other trainings, with which the relevance is compared
    sample : parcels, drawn at random
    draws : of random dates, beside which those of the methods are kept
    retrain_steps : steps of training for each set of dates that is kept; 0: no retraining
    truth : what each date tells of each pair of classes (`cropxai.simulate.truth`), with which relevance is compared
    report : told the share of the work that is done

    Raises
    ------
    SeriesUnusable, LevelMismatch, BandMismatch, ValueError
    """
    for peer in peers:
        if (peer.names, peer.card.bands) != (model.names, model.card.bands):
            raise ModelsDiffer(peer.card.name, model.card.name)
    drawn = Sample.draw(series, model, sample, seed)
    inputs, valid = drawn.inputs, drawn.inputs.valid
    power = None
    if truth is not None:
        # A margin tells the answer from its rival, a logit from all other classes.
        against = drawn.rival if target == "margin" else np.full(len(inputs), EVERY, object)
        crop = drawn.labels if target == "margin" else against
        power = Power.of(truth, crop, against, series.dates, model.class_of)
    base = reference_series(series, model, reference)
    noisy, scrambled = with_noise(inputs, seed), randomised(model, seed)
    relevance: dict[str, npt.NDArray[np.floating]] = {}
    steady: dict[str, dict[str, Array]] = {}
    for turn, method in enumerate(methods):

        def by_date(of: Model, parcels: Inputs, method: str = method) -> npt.NDArray[np.floating]:
            way = explainer(of, method, target=target, reference=reference)
            return way(parcels.reflectance, parcels.valid, parcels.encoded, drawn.number, base).date_relevance

        relevance[method] = by_date(model, inputs)
        steady[method] = {
            "noise": rank_correlation(relevance[method], by_date(model, noisy), valid),
            "randomised": np.abs(rank_correlation(relevance[method], by_date(scrambled, inputs), valid)),
        }
        if peers:
            others = [rank_correlation(relevance[method], by_date(peer, inputs), valid) for peer in peers]
            steady[method]["seeds"] = np.mean(others, axis=0)
        part(report, 0, 0.6)((turn + 1) / len(methods), method)
    relevance |= {name: yardstick(name, valid, inputs.day, seed) for name in YARDSTICKS}
    values, lines = measured(model, drawn, relevance, removals)
    if power is not None:
        values = {name: of | power.scores(relevance[name], valid) for name, of in values.items()}
    report(0.8)
    table = summary({name: of | steady.get(name, {}) for name, of in values.items()}, drawn.labels, seed)
    few = pruned(
        series, model, drawn, relevance, draws=draws, retrain_steps=retrain_steps, seed=seed,
        report=part(report, 0.8, 1.0),
    )  # fmt: skip
    about = {"model": model.card.name, "target": target, "reference": reference, "parcels": len(inputs)}
    return Faithfulness(table, lines, few, about)


def _cell(mean: float, low: float, high: float) -> str:
    return "-" if np.isnan(mean) else f"{mean:.3f} [{low:.3f} {high:.3f}]"


def _plain(table: pd.DataFrame) -> list[dict[str, Any]]:
    rows = table.astype(object).where(table.notna(), None).to_dict(orient="records")
    return [{str(name): value for name, value in row.items()} for row in rows]
