"""How good the answers are: scores of one classification, and cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import (
    accuracy_score,
    cohen_kappa_score,
    confusion_matrix,
    f1_score,
    precision_recall_fscore_support,
)

from cropxai.errors import SeriesUnusable
from cropxai.model.breakdown import (
    EndAnswers,
    answers_by_end,
    count_confusion,
    end_row,
    intervals,
    part_table,
    parts,
    season_dates,
)
from cropxai.model.checkpoint import Model
from cropxai.model.conformal import COVERAGE
from cropxai.model.loop import Target
from cropxai.model.predict import Classification, classify, logits
from cropxai.model.reliability import Reliability
from cropxai.model.settings import Settings
from cropxai.model.splits import folds, hold_back, spatial_blocks
from cropxai.model.train import labelled, train_on
from cropxai.reporting import Report, part, silent
from cropxai.series import CropSeries
from cropxai.series.sampling import spread

#: Most parcels that are asked at every season end.
SAMPLE = 20_000
#: Blocks of neighbours that the bootstrap draws.
BLOCKS = 30
#: Shorter names of columns for the console.
WORDS = {"accuracy_low": "low", "accuracy_high": "high", "calibration_error": "ECE", "by_chance": "chance",
         "classwise_error": "classwise", "coverage_error": "±", "class_coverage": "by class",
         "least_class_coverage": "least class", "set_size": "set size"}  # fmt: skip


@dataclass(frozen=True)
class Scores:
    """Scores of answers against labels.

    Attributes
    ----------
    accuracy, macro_f1, kappa : over the parcels with label and answer
    parcels : how many these are
    unanswered : labelled parcels without an answer
    foreign : labelled parcels whose label is no class of the model, which are left out
    by_class : precision, recall, f1 and parcels by class
    confusion : parcels by label (row) and answer (column)
    folds : accuracy and macro-F1 of each fold, empty without cross-validation
    intervals : 95 % bootstrap intervals of accuracy, macro_f1 and kappa
    drawn : what the bootstrap draws
    unlike : share of the answers about parcels that are unlike the training data, None where the model tells none
    ends : one row a season end, the columns of :func:`cropxai.model.breakdown.end_row`
    reliability : of each season end, by its date
    parts : one row a part, the columns of :func:`cropxai.model.breakdown.part_table`
    """

    accuracy: float
    macro_f1: float
    kappa: float
    parcels: int
    unanswered: int
    by_class: pd.DataFrame
    confusion: pd.DataFrame
    folds: tuple[dict[str, float], ...] = ()
    intervals: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    drawn: str = "parcels"
    foreign: int = 0
    unlike: float | None = None
    ends: pd.DataFrame = field(default_factory=pd.DataFrame)
    reliability: Mapping[str, Reliability] = field(default_factory=dict)
    parts: pd.DataFrame = field(default_factory=pd.DataFrame)

    def asdict(self) -> dict[str, Any]:
        """Return the scores as plain values."""
        return {
            "accuracy": self.accuracy,
            "macro_f1": self.macro_f1,
            "kappa": self.kappa,
            "parcels": self.parcels,
            "unanswered": self.unanswered,
            "by_class": self.by_class.to_dict(orient="index"),
            "confusion": self.confusion.to_dict(orient="index"),
            "folds": list(self.folds),
            "intervals": {name: list(bounds) for name, bounds in self.intervals.items()},
            "drawn": self.drawn,
            "foreign": self.foreign,
            "unlike": self.unlike,
            "season_ends": self.ends.to_dict(orient="records"),
            "parts": self.parts.to_dict(orient="records"),
        }

    def text(self) -> str:
        """Write the scores as a table for the console."""
        measured = [("accuracy", self.accuracy), ("macro-F1", self.macro_f1), ("kappa", self.kappa)]
        named = [f"{name} {value:.4f}{self._interval(name)}" for name, value in measured]
        head = f"{', '.join(named)} on {self.parcels} parcels" + (
            f", {self.unanswered} without an answer" if self.unanswered else ""
        )
        lines = [head]
        if self.foreign:
            lines.append(f"left out: {self.foreign} parcels whose label is no class of the model")
        if self.intervals:
            lines.append(f"in brackets: 95 % intervals by the bootstrap of {self.drawn}")
        if self.unlike is not None:
            lines.append(f"unlike the training data: {100 * self.unlike:.1f} % of the answers")
        lines += [
            f"fold {i + 1}: accuracy {f['accuracy']:.4f}, macro-F1 {f['macro_f1']:.4f}, {f['parcels']:.0f} parcels"
            for i, f in enumerate(self.folds)
        ]
        tables = [self.by_class, self.ends.rename(columns=WORDS), self.parts.rename(columns=WORDS)]
        indexed = [table.set_index("date") if "date" in table else table for table in tables if len(table)]
        return "\n\n".join(["\n".join(lines), *(_written(table) for table in indexed)])

    def _interval(self, name: str) -> str:
        bounds = self.intervals.get(name.replace("-", "_").lower())
        return "" if bounds is None else f" [{bounds[0]:.4f}, {bounds[1]:.4f}]"


@dataclass(frozen=True)
class SideBySide:
    """Scores of the same series under several splits, by the name of the split."""

    scores: Mapping[str, Scores]

    def asdict(self) -> dict[str, Any]:
        """Return the scores as plain values."""
        return {"splits": {split: scores.asdict() for split, scores in self.scores.items()}}

    def text(self) -> str:
        """Write the scores beside each other, then all of each split."""
        rows = {
            split: {"accuracy": f"{s.accuracy:.4f}{s._interval('accuracy')}",
                    "macro-F1": f"{s.macro_f1:.4f}{s._interval('macro-F1')}",
                    "kappa": f"{s.kappa:.4f}{s._interval('kappa')}", "parcels": str(s.parcels)}
            for split, s in self.scores.items()
        }  # fmt: skip
        whole = [f"--- {split} ---\n{scores.text()}" for split, scores in self.scores.items()]
        return "\n\n".join([pd.DataFrame(rows).to_string(), *whole])


def _written(table: pd.DataFrame) -> str:
    return table.round(4).to_string(index=table.index.name == "date" or not isinstance(table.index, pd.RangeIndex))


def score(labels: npt.ArrayLike, answers: npt.ArrayLike, names: tuple[str, ...], unanswered: int = 0) -> Scores:
    """Score answers against labels, both (parcel,) text, over the classes ``names``."""
    truth, said = np.asarray(labels, dtype=str), np.asarray(answers, dtype=str)
    if len(truth) == 0:
        raise SeriesUnusable("no parcel has both a label of the model's classes and an answer; nothing can be scored")
    present = [n for n in names if n in set(truth)]
    precision, recall, f1, parcels = precision_recall_fscore_support(truth, said, labels=present, zero_division=0.0)
    table = pd.DataFrame({"precision": precision, "recall": recall, "f1": f1, "parcels": parcels}, index=present)
    confusion = pd.DataFrame(confusion_matrix(truth, said, labels=list(names)), index=list(names), columns=list(names))
    return Scores(
        accuracy=float(accuracy_score(truth, said)),
        macro_f1=float(f1_score(truth, said, labels=present, average="macro", zero_division=0.0)),
        kappa=float(cohen_kappa_score(truth, said)),
        parcels=len(truth),
        unanswered=unanswered,
        by_class=table,
        confusion=confusion.loc[present],
    )


def evaluate(
    series: CropSeries,
    model: Model,
    *,
    by: tuple[str, ...] = (),
    every: str = "month",
    coverage: float = COVERAGE,
    batch_size: int = 512,
    report: Report = silent,
) -> Scores:
    """Score a trained model on a labelled series; labels are matched to classes by name, else by HCAT code.

    Parameters
    ----------
    by : columns of the series whose values are scored apart
    every : "month" or "dekad", the season ends that are scored
    coverage : of the sets of crops

    Raises
    ------
    SeriesUnusable
        If no label of the series is a class of the model, or it lacks a column.
    """
    labels = np.array(model.class_of(series.labels.tolist()))
    known = labels != ""
    if not known.any():
        foreign = ", ".join(sorted(set(series.labels) - {""})[:5])
        raise SeriesUnusable(f"no label of the series ({foreign}) is a class of the model ({', '.join(model.names)})")
    own = series.select(known)
    target: Target = np.array([model.names.index(label) for label in labels[known]], dtype=np.intp)
    for column in by:
        series.group(column)  # an unknown column is told before the work
    answers: Classification = classify(
        own, model, coverage=coverage, batch_size=batch_size, report=part(report, 0, 0.4)
    )
    said = answers.winner
    asked = np.flatnonzero(answers.answered)
    if len(asked) == 0:
        raise SeriesUnusable("no parcel has both a label of the model's classes and an answer; nothing can be scored")
    divided = parts(own, answers.frame["clear_dates"].to_numpy(), by)
    sample = asked[spread(len(asked), SAMPLE)]
    ends = season_dates(series.dates, every)
    by_end = []
    for found in answers_by_end(model, own.select(sample), target[sample], ends, coverage):
        by_end.append(found)
        report(0.4 + 0.6 * len(by_end) / len(ends))
    novelty = answers.frame["novelty"].to_numpy(dtype=float)
    blocks = _blocks(own, model.card.metrics)
    scores = _scores(target, said, model.names, by_end, target[sample], divided, blocks, novelty)
    return replace(scores, foreign=int(((labels == "") & (series.labels != "")).sum()))


def cross_validate(
    series: CropSeries,
    settings: Settings,
    *,
    count: int = 5,
    by: tuple[str, ...] = (),
    every: str = "month",
    coverage: float = COVERAGE,
    report: Report = silent,
) -> Scores:
    """Train on all folds but one and score on that one, for each.

    Parameters
    ----------
    count : number of folds, held back by ``settings.split``; with a column, its values are the folds and the part for
        early stopping is taken from the others in space
    by, every, coverage : of :func:`evaluate`

    Raises
    ------
    SeriesUnusable
    """
    series, names, target = labelled(series, settings.min_parcels)
    said: Target = np.full(len(series), -1, dtype=np.intp)
    clear = np.zeros(len(series), dtype=np.intp)
    novelty = np.full(len(series), np.nan)
    for column in by:
        series.group(column)
    ends = season_dates(series.dates, every)
    rounds = list(folds(series, target, count, settings.split, settings.seed))
    results, by_fold = [], []
    for number, (seen, test) in enumerate(rounds):
        within = part(report, number / len(rounds), (number + 1) / len(rounds))
        model = train_within(series, names, target, seen, replace(settings, seed=settings.seed + number), within)
        tested = series.select(test)
        answers = classify(tested, model, coverage=coverage)
        said[test] = answers.winner
        clear[test] = answers.frame["clear_dates"]
        novelty[test] = answers.frame["novelty"].to_numpy(dtype=float)
        scored = score(np.array(names)[target[test]], np.array(names)[said[test]], names)
        results.append({"accuracy": scored.accuracy, "macro_f1": scored.macro_f1, "parcels": float(len(test))})
        asked = spread(len(test), SAMPLE // len(rounds))
        by_fold.append([
            replace(found, parcel=test[asked][found.parcel])
            for found in answers_by_end(model, tested.select(asked), target[test][asked], ends, coverage)
        ])  # fmt: skip
    by_end = [_joined(found) for found in zip(*by_fold, strict=True)]
    blocks = None if settings.split == "random" else _blocks(series, {})
    scores = _scores(target, said, names, by_end, target, parts(series, clear, by), blocks, novelty)
    return replace(scores, folds=tuple(results))


def both_splits(series: CropSeries, settings: Settings, *, report: Report = silent, **asked: Any) -> SideBySide:
    """Cross-validate with folds in space and with folds at random, side by side.

    Parcels at random have neighbours, of the same weather, among those that the training saw; the truth for another
    place is nearer to what folds in space say.

    Parameters
    ----------
    asked : of :func:`cross_validate`
    """
    found = {}
    for number, split in enumerate(("spatial", "random")):
        within = part(report, number / 2, (number + 1) / 2)
        found[split] = cross_validate(series, replace(settings, split=split), report=within, **asked)
    return SideBySide(found)


def _joined(found: Sequence[EndAnswers]) -> EndAnswers:
    """Put the answers of several folds at one season end together."""
    return EndAnswers(
        found[0].date,
        np.concatenate([f.parcel for f in found]),
        np.concatenate([f.probabilities for f in found]),
        np.concatenate([f.covered for f in found if f.covered is not None]),
        np.concatenate([f.size for f in found if f.size is not None]),
        found[0].nominal,
    )


def _blocks(series: CropSeries, metrics: Mapping[str, object]) -> npt.NDArray[np.intp] | None:
    """Return the blocks of neighbours that the bootstrap draws; None where parcels are drawn by themselves."""
    placed = "lon" in series.dataset.coords and "lat" in series.dataset.coords
    if metrics.get("validation_split") == "random" or not placed:
        return None
    if not np.isfinite([series.dataset["lon"].values, series.dataset["lat"].values]).all():
        return None
    blocks = spatial_blocks(series, BLOCKS, seed=0)
    return blocks if len(np.unique(blocks)) > 1 else None


def _scores(
    target: Target,
    said: Target,
    names: tuple[str, ...],
    by_end: list[EndAnswers],
    target_by_end: Target,
    divided: Mapping[str, npt.NDArray[np.object_]],
    blocks: npt.NDArray[np.intp] | None,
    novelty: npt.NDArray[np.float64],
) -> Scores:
    """Score answers (parcel,), -1 for none, in all and by season end and part."""
    there = said >= 0
    label = np.array(names, dtype=object)
    whole = score(label[target[there]], label[said[there]], names, unanswered=int((~there).sum()))
    group = np.zeros(len(target), dtype=np.intp) if blocks is None else blocks
    confusions = np.stack(
        [
            count_confusion(target[there & (group == g)], said[there & (group == g)], len(names))
            for g in np.unique(group)
        ]
    )
    rows = [end_row(found, target_by_end) for found in by_end if len(found.parcel)]
    told = novelty[np.isfinite(novelty)]
    return replace(
        whole,
        intervals=intervals(confusions),
        drawn="parcels" if blocks is None else f"{len(confusions)} blocks of neighbours",
        unlike=float((told > 1).mean()) if len(told) else None,
        ends=pd.DataFrame([row for row, _ in rows]),
        reliability={str(row["date"]): found for row, found in rows},
        parts=part_table({n: p[there] for n, p in divided.items()}, target[there], said[there], len(names)),
    )


def trained_answers(
    series: CropSeries,
    names: tuple[str, ...],
    target: Target,
    seen: npt.NDArray[np.intp],
    test: npt.NDArray[np.intp],
    settings: Settings,
    report: Report = silent,
) -> Target:
    """Train on the parcels ``seen`` and answer for the parcels ``test``, (test,) class numbers."""
    model = train_within(series, names, target, seen, settings, report)
    answers: Target = logits(model.network, model.inputs(series.select(test))).argmax(axis=1)
    return answers


def train_within(
    series: CropSeries,
    names: tuple[str, ...],
    target: Target,
    seen: npt.NDArray[np.intp],
    settings: Settings,
    report: Report = silent,
) -> Model:
    """Train on some parcels of a series, with the early-stopping part taken from these alone."""
    split = settings.split if settings.split in ("spatial", "random") else "spatial"
    learn, stop = hold_back(series.select(seen), target[seen], settings.validation_share, split, settings.seed)
    return train_on(series, names, target, seen[learn], seen[stop], settings, report=report)
