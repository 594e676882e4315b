"""How good the answers are: scores of one classification, and cross-validation."""

from dataclasses import dataclass, replace
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
from cropxai.model.checkpoint import Model
from cropxai.model.loop import Target
from cropxai.model.predict import Classification, classify, logits
from cropxai.model.settings import Settings
from cropxai.model.splits import folds, hold_back
from cropxai.model.train import labelled, train_on
from cropxai.reporting import Report, part, silent
from cropxai.series import CropSeries


@dataclass(frozen=True)
class Scores:
    """Scores of answers against labels.

    Attributes
    ----------
    accuracy, macro_f1, kappa : over the parcels with label and answer
    parcels : how many these are
    unanswered : labelled parcels without an answer
    by_class : precision, recall, f1 and parcels by class
    confusion : parcels by label (row) and answer (column)
    folds : accuracy and macro-F1 of each fold, empty without cross-validation
    """

    accuracy: float
    macro_f1: float
    kappa: float
    parcels: int
    unanswered: int
    by_class: pd.DataFrame
    confusion: pd.DataFrame
    folds: tuple[dict[str, float], ...] = ()

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
        }

    def text(self) -> str:
        """Write the scores as a table for the console."""
        head = (
            f"accuracy {self.accuracy:.4f}, macro-F1 {self.macro_f1:.4f}, kappa {self.kappa:.4f} "
            f"on {self.parcels} parcels" + (f", {self.unanswered} without an answer" if self.unanswered else "")
        )
        spread = [
            f"fold {i + 1}: accuracy {f['accuracy']:.4f}, macro-F1 {f['macro_f1']:.4f}, {f['parcels']:.0f} parcels"
            for i, f in enumerate(self.folds)
        ]
        return "\n".join([head, *spread, self.by_class.round(4).to_string()])


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


def evaluate(series: CropSeries, model: Model, *, batch_size: int = 512, report: Report = silent) -> Scores:
    """Score a trained model on a labelled series; labels are matched to classes by name, else by HCAT code.

    Raises
    ------
    SeriesUnusable
        If no label of the series is a class of the model.
    """
    labels = np.array(model.class_of(series.labels.tolist()))
    known = labels != ""
    if not known.any():
        foreign = ", ".join(sorted(set(series.labels) - {""})[:5])
        raise SeriesUnusable(f"no label of the series ({foreign}) is a class of the model ({', '.join(model.names)})")
    answers: Classification = classify(series.select(known), model, batch_size=batch_size, report=report)
    answered = answers.answered
    said = answers.frame["crop"].to_numpy()[answered]
    return score(labels[known][answered], said, model.names, unanswered=int((~answered).sum()))


def cross_validate(series: CropSeries, settings: Settings, *, count: int = 5, report: Report = silent) -> Scores:
    """Train on all folds but one and score on that one, for each.

    Parameters
    ----------
    count : number of folds, held back by ``settings.split``; with a column, its values are the folds and the part for
        early stopping is taken from the others in space

    Raises
    ------
    SeriesUnusable
    """
    series, names, target = labelled(series, settings.min_parcels)
    said: Target = np.full(len(series), -1, dtype=np.intp)
    rounds = list(folds(series, target, count, settings.split, settings.seed))
    results = []
    for number, (seen, test) in enumerate(rounds):
        within = part(report, number / len(rounds), (number + 1) / len(rounds))
        said[test] = trained_answers(
            series, names, target, seen, test, replace(settings, seed=settings.seed + number), within
        )
        scored = score(np.array(names)[target[test]], np.array(names)[said[test]], names)
        results.append({"accuracy": scored.accuracy, "macro_f1": scored.macro_f1, "parcels": float(len(test))})
    scores = score(np.array(names)[target], np.array(names)[said], names)
    return replace(scores, folds=tuple(results))


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
