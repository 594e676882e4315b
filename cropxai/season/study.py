"""The season study: train on the whole year, find the dates that matter, retrain on the windows they bound, compare."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import accuracy_score, f1_score

from cropxai.errors import PathLike
from cropxai.explain import explain
from cropxai.model import Model, Settings
from cropxai.model.checkpoint import Window
from cropxai.model.evaluate import train_within
from cropxai.model.loop import Target
from cropxai.model.predict import logits
from cropxai.model.splits import Index, hold_back
from cropxai.model.train import labelled
from cropxai.outputs import replacing
from cropxai.reporting import Report, part, silent
from cropxai.season.window import DateWindow, best, class_relevance, date_relevance, windows
from cropxai.series import CropSeries


@dataclass(frozen=True)
class SeasonStudy:
    """What the study found.

    Attributes
    ----------
    table : one row for the full season and one for each Δt_n: n, start, end, days, dates, accuracy, macro_f1 and
        loss_points after retraining, accuracy_kept of the full-season network that is shown the window alone
    relevance : R_t by date: column ``all`` and one column a class
    chosen : the window within the accepted loss that ends first, or None
    model : the full-season model, the window on its card
    settings : what the study was asked
    """

    table: pd.DataFrame
    relevance: pd.DataFrame
    chosen: DateWindow | None
    model: Model
    settings: dict[str, Any]

    def save(self, folder: PathLike, overwrite: bool = False) -> Path:
        """Write windows.csv, relevance_by_date.csv, study.json, season.png and the model, whole or not at all."""
        with replacing(folder, overwrite) as place:
            self.write(place)
        return Path(folder)

    def write(self, folder: Path, model: bool = True) -> None:
        """Write the files into a folder, which is made if it is not there; the model only if asked."""
        from cropxai.season.figure import draw

        folder.mkdir(exist_ok=True)
        self.table.to_csv(folder / "windows.csv", index=False)
        self.relevance.to_csv(folder / "relevance_by_date.csv", index_label="date")
        summary = {"chosen": self.window_text(), **self.settings}
        (folder / "study.json").write_text(json.dumps(summary, indent=1, ensure_ascii=False), encoding="utf-8")
        draw(self).savefig(folder / "season.png", dpi=120)
        if model:
            self.model.save(folder / "model")

    def window_text(self) -> str:
        """Say the chosen window in a line."""
        if self.chosen is None:
            return f"no window loses {self.settings['max_loss']} points or less"
        bounds = [str(self.chosen.start), str(self.chosen.end)]
        same = (self.table[["start", "end"]] == bounds).all(axis=1) & (self.table["n"] > 0)
        row = self.table[same].iloc[0]  # the fewest dates that bound it
        return (
            f"{row['start']} to {row['end']} (Δt_{row['n']}, {row['days']} days, {row['dates']} dates): "
            f"accuracy {row['accuracy']:.4f}, {row['loss_points']:+.2f} points lost"
        )

    def text(self) -> str:
        """Write the table and the choice for the console."""
        return f"{self.table.round(4).to_string(index=False)}\nwindow: {self.window_text()}"


def season_study(
    series: CropSeries,
    settings: Settings,
    *,
    most: int = 10,
    max_loss: float = 0.75,
    test_share: float = 0.2,
    method: str = "cp-lrp",
    target: str = "margin",
    reference: str = "rival",
    aggregate: str = "positive",
    report: Report = silent,
) -> SeasonStudy:
    """Run the paper's procedure on a labelled series.

    The parcels are divided once into a test part and a training part (from which each training takes its own part for
    early stopping). Relevance is computed on the training part, for the true label, on the parcels that are answered
    rightly; every window is retrained on the training part and scored on the test part.

    Parameters
    ----------
    most : greatest n of Δt_n
    max_loss : percentage points of accuracy that the chosen window may lose
    method, target, reference : of the relevance (see :func:`cropxai.explain.explain`)
    aggregate : how R_t is gathered (see :func:`cropxai.season.window.class_relevance`)

    Raises
    ------
    SeriesUnusable
    """
    series, names, number = labelled(series, settings.min_parcels)
    seen, test = hold_back(series, number, test_share, settings.split, settings.seed)
    work = _Work(series, names, number, seen, test, settings)
    model = work.train(series, part(report, 0, 1 / (most + 1)))
    learnt = series.select(seen)
    truth = np.array(names, dtype=object)[number[seen]]
    relevance = explain(learnt, model, method=method, target=target, reference=reference, labels=truth)
    right = work.answers(model, seen) == number[seen]
    by_class = class_relevance(relevance.by_date[right], relevance.crop[right], names, aggregate)
    overall = date_relevance(by_class)
    rows = [work.row(model, None)]
    candidates = windows(overall, series.dates, most)
    for n, candidate in enumerate(candidates, start=1):
        known = next((r for r in rows if (r["start"], r["end"]) == (str(candidate.start), str(candidate.end))), None)
        if known is None:
            cut = series.between(candidate.start, candidate.end)
            retrained = work.train(cut, part(report, n / (most + 1), (n + 1) / (most + 1)))
            kept = work.kept_accuracy(model, candidate)
            known = work.row(retrained, candidate, n=n) | {"accuracy_kept": kept}
        rows.append(known | {"n": n})
        report((n + 1) / (most + 1), f"window {candidate.start} to {candidate.end}")
    table = pd.DataFrame(rows)
    table["loss_points"] = 100 * (table["accuracy"].iloc[0] - table["accuracy"])
    choice = best(zip(candidates, table["loss_points"].iloc[1:], strict=True), max_loss)
    asked = {"max_loss": max_loss, "method": method, "target": target, "reference": reference, "aggregate": aggregate,
             "test_share": test_share, "test_parcels": len(test), "training": asdict(settings)}  # fmt: skip
    return SeasonStudy(
        table=table,
        relevance=pd.DataFrame(
            np.vstack([overall, by_class]).T, index=series.dates.astype(str), columns=["all", *names]
        ),
        chosen=None if choice is None else choice[0],
        model=_with_window(model, choice, series.season_year),
        settings=asked,
    )


@dataclass(frozen=True)
class _Work:
    """One division of the parcels, on which every window is trained and scored alike."""

    series: CropSeries
    names: tuple[str, ...]
    number: Target
    seen: Index
    test: Index
    settings: Settings

    def train(self, series: CropSeries, report: Report) -> Model:
        return train_within(series, self.names, self.number, self.seen, self.settings, report)

    def answers(self, model: Model, index: Index) -> Target:
        answers: Target = logits(model.network, model.inputs(self.series.select(index))).argmax(axis=1)
        return answers

    def row(self, model: Model, window: DateWindow | None, n: int = 0) -> dict[str, Any]:
        """Score a model on the test parcels, shown the dates it was trained on."""
        cut = self.series if window is None else self.series.between(window.start, window.end)
        said = logits(model.network, model.inputs(cut.select(self.test))).argmax(axis=1)
        truth, dates = self.number[self.test], cut.dates
        accuracy = float(accuracy_score(truth, said))
        return {
            "n": n, "start": str(dates.min()), "end": str(dates.max()),
            "days": int((dates.max() - dates.min()).astype(int)) + 1, "dates": len(dates), "accuracy": accuracy,
            "macro_f1": float(f1_score(truth, said, average="macro", zero_division=0.0)), "accuracy_kept": accuracy,
        }  # fmt: skip

    def kept_accuracy(self, model: Model, window: DateWindow) -> float:
        """Score the full-season model on the test parcels, shown the dates of the window alone."""
        inputs = model.inputs(self.series.select(self.test))
        inside: npt.NDArray[np.bool_] = window.contains(self.series.dates)
        answers: Target = logits(model.network, inputs.only(inside)).argmax(axis=1)
        return float(accuracy_score(self.number[self.test], answers))


def _with_window(model: Model, choice: tuple[DateWindow, float] | None, year: int) -> Model:
    if choice is None:
        return model
    new_year = np.datetime64(f"{year:04d}-01-01")
    first, last = ((d - new_year).astype(int) for d in (choice[0].start, choice[0].end))
    window = Window(float(first), float(last), round(float(choice[1]), 3))
    return replace(model, card=replace(model.card, window=window))
