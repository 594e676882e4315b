"""Scores of answers against labels, as tables and as text."""

from collections.abc import Mapping
from dataclasses import dataclass, field
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
from cropxai.model.reliability import Reliability

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
