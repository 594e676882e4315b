"""How early? One any-season network answers it: the window, the few dates, each parcel's date, and why then.

The labelled parcels are divided into those to learn from, those to choose by, and those to score. One network is
trained for any season; on the parcels to choose by relevance is computed, the window and the dates are searched, and
the rules that decide each parcel are fitted; the window and the dates are then confirmed by retraining, and all is
scored on parcels that took no part.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import chain, count
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cropxai.errors import PathLike
from cropxai.explain import explain
from cropxai.model import Model, Settings
from cropxai.model.checkpoint import Window
from cropxai.reporting import Report, part, silent
from cropxai.season.curves import crop_curves
from cropxai.season.elects import ElectsSettings
from cropxai.season.measures import loss_bound
from cropxai.season.rivals import Comparison, Tried, compare_rules, joined
from cropxai.season.search import Chosen, guided_search
from cropxai.season.sensitivity import sensitivity
from cropxai.season.stages import StageTest, draw_crop, stage_test
from cropxai.season.today import learn_on_the_day
from cropxai.season.trainings import calendar_windows, elects, ends_tried, random_windows, retrained
from cropxai.season.trial import Trial
from cropxai.season.window import DateWindow, class_relevance, date_relevance
from cropxai.series import CropSeries

#: Share of the samples that are cut, and of the dates that are left out, so that few dates are nothing new.
ANY_SEASON, DATE_DROPOUT = 0.8, 0.8
#: Of a file name: most file systems take 255 bytes, and a letter has up to four.
MOST_LETTERS = 56


@dataclass(frozen=True)
class EarlyStudy:
    """What was found.

    Attributes
    ----------
    search : the window and dates of all crops, then of each
    confirmed : one row each for the whole season, everything up to the end, the window, and the dates: accuracy of the
        any-season network on the scored parcels (``kept``) and after retraining, with points lost and their upper bound
    comparison : the ways to decide each parcel
    relevance : R_t by date: column ``all`` and one a class
    sensitivity : Δt_n by how R_t is gathered
    stages : relevance against growth stages, or None without calendars
    curves : of :func:`cropxai.season.curves.crop_curves`
    model : the any-season network, window and thresholds on its card
    window_model : the network that was retrained on the window
    scored : the parcels that took no part
    settings : what the study was asked, and what its trainings cost
    """

    search: list[Chosen]
    confirmed: pd.DataFrame
    comparison: Comparison
    relevance: pd.DataFrame
    sensitivity: pd.DataFrame
    stages: StageTest | None
    curves: pd.DataFrame
    model: Model
    window_model: Model
    scored: CropSeries
    settings: dict[str, Any]

    def write(self, folder: Path) -> None:
        """Write tables, figures and models into a folder, which is made if it is not there."""
        from cropxai.season.figure import draw_plane, draw_search

        folder.mkdir(exist_ok=True)

        tables = {
            "search": pd.DataFrame([found.row() for found in self.search]),
            "confirmed": self.confirmed,
            "rules": self.comparison.table(),
            "accuracy_by_date": self.comparison.curves(),
            "costs": self.comparison.costs(),
            "sensitivity": self.sensitivity,
            "crop_curves": self.curves,
        } | ({} if self.stages is None else {"stages": self.stages.table})
        for name, table in tables.items():
            table.to_csv(folder / f"{name}.csv", index=False)
        self.relevance.to_csv(folder / "relevance_of_choice.csv", index_label="date")
        found = {
            "window": self.search[0].row(),
            "confirmed": self.confirmed.to_dict("records"),
            "rules": self.comparison.table().to_dict("records"),
            "stages": None if self.stages is None else {
                "near": self.stages.near, "expected": self.stages.expected, "p_value": self.stages.p_value
            },
            **self.settings,
        }  # fmt: skip
        (folder / "early.json").write_text(json.dumps(found, indent=1, ensure_ascii=False), encoding="utf-8")
        draw_plane(self.comparison).savefig(folder / "accuracy_by_date.png", dpi=120)
        draw_search(self.search, self.relevance).savefig(folder / "search.png", dpi=120)
        (folder / "crops").mkdir()
        for crop, name in file_names(self.curves["crop"]).items():
            draw_crop(self.curves, crop).savefig(folder / "crops" / f"{name}.png", dpi=110)
        self.model.save(folder / "model")
        self.window_model.save(folder / "window_model")

    def save(self, folder: PathLike, overwrite: bool = False) -> Path:
        """Write all into a new folder, whole or not at all."""
        from cropxai.outputs import replacing

        with replacing(folder, overwrite) as place:
            self.write(place)
        return Path(folder)

    def text(self) -> str:
        """Write the tables for the console."""
        rules = self.comparison.table()
        columns = ["rival", "setting", "accuracy", "loss_points", "mean_day", "median_day", "day_90", "harmonic_mean"]
        best = self.search[0]
        lines = [
            f"searched: {best.start} to {best.end}; dates {' '.join(map(str, best.dates))}",
            self.confirmed.round(4).to_string(index=False),
            "deciding each parcel:",
            rules[columns].round(4).to_string(index=False),
        ]
        return "\n".join(lines + ([] if self.stages is None else [self.stages.text()]))


def early_study(
    series: CropSeries,
    settings: Settings,
    *,
    max_loss: float = 0.75,
    test_share: float = 0.2,
    most_dates: int = 8,
    method: str = "cp-lrp",
    target: str = "margin",
    reference: str = "rival",
    aggregate: str = "positive",
    rivals: bool = False,
    report: Report = silent,
) -> EarlyStudy:
    """Run the study on a labelled series.

    Parameters
    ----------
    max_loss : percentage points of accuracy that deciding early may cost
    most_dates : greatest number of dates that are chosen
    method, target, reference, aggregate : of the relevance
    rivals : also train ELECTS and the windows of calendar and chance, and retrain at every end of the season

    Raises
    ------
    SeriesUnusable
    """
    eager = replace(
        settings, any_season=max(settings.any_season, ANY_SEASON), date_dropout=max(settings.date_dropout, DATE_DROPOUT)
    )
    trial = Trial.divide(series, eager, test_share)
    model = trial.train(report=part(report, 0, 0.35))
    known = trial.series.select(trial.choose)
    truth = np.array(trial.names, dtype=object)[trial.number[trial.choose]]
    choices = {"method": method, "target": target, "reference": reference, "level": "date"}
    relevance = explain(known, model, labels=truth, **choices)
    found = guided_search(
        trial, model, relevance.by_date, max_loss=max_loss, most=most_dates, report=part(report, 0.37, 0.45)
    )
    confirmed, window_model = confirm(trial, model, found[0], part(report, 0.45, 0.75))
    prefixes = {name: trial.prefixes(model, rows) for name, rows in (("choose", trial.choose), ("test", trial.test))}
    comparison = compare_rules(
        (prefixes["choose"], trial.number[trial.choose]), (prefixes["test"], trial.number[trial.test]),
        max_loss=max_loss, report=part(report, 0.75, 0.95),
    )  # fmt: skip
    spent_by_ours = dict(trial.spent)
    if rivals:
        comparison = joined(comparison, with_networks(trial, model, max_loss, report))
    right = trial.right(model, trial.choose)
    by_class = class_relevance(relevance.by_date[right], relevance.crop[right], trial.names, aggregate)
    overall = date_relevance(by_class)
    columns = dict(zip(trial.names, by_class, strict=True))
    decider = learn_on_the_day(model, prefixes["choose"], trial.number[trial.choose], max_loss)
    return EarlyStudy(
        search=found,
        confirmed=confirmed,
        comparison=comparison,
        relevance=pd.DataFrame({"all": overall, **columns}, index=trial.series.dates.astype(str)),
        sensitivity=sensitivity(trial, model, choices),
        stages=stage_test(columns, trial.series.dates),
        curves=crop_curves(known, truth, relevance, aggregate=aggregate),
        model=_with_window(decider, found[0], confirmed, trial.series.season_year),
        window_model=window_model,
        scored=trial.series.select(trial.test),
        settings={"max_loss": max_loss, "test_share": test_share, "most_dates": most_dates, "aggregate": aggregate,
                  **choices, "parcels": {"learn": len(trial.learn), "choose": len(trial.choose),
                                         "test": len(trial.test)},
                  "spent": spent_by_ours, "spent_with_rivals": dict(trial.spent), "training": asdict(eager)},
    )  # fmt: skip


def file_names(crops: Iterable[str]) -> dict[str, str]:
    """Return a file name for each crop: its letters and digits, as many as every disk takes, numbered if not unique."""
    names: dict[str, str] = {}
    for crop in dict.fromkeys(crops):
        plain = "".join(c if c.isalnum() else "_" for c in crop)[:MOST_LETTERS] or "_"
        taken = {name.casefold() for name in names.values()}
        numbered = (f"{plain}_{n}" for n in count(2))
        names[crop] = next(name for name in chain([plain], numbered) if name.casefold() not in taken)
    return names


def confirm(trial: Trial, model: Model, found: Chosen, report: Report = silent) -> tuple[pd.DataFrame, Model]:
    """Retrain on what the search found, and score it beside the any-season network; return also the window's model."""
    dates = trial.series.dates
    whole = trial.right(model, trial.test)
    rows: list[dict[str, Any]] = []
    models: dict[str, Model] = {}
    steps = {
        "whole season": np.ones(len(dates), dtype=bool),
        "up to the end": np.asarray(dates <= found.end),
        "window": np.asarray((dates <= found.end) & (dates >= found.start)),
        "chosen dates": np.isin(dates, np.array(found.dates)),
    }
    seen: dict[bytes, Model] = {steps["whole season"].tobytes(): model}
    for done, (name, inside) in enumerate(steps.items()):
        if (key := inside.tobytes()) not in seen:
            seen[key] = trial.train(inside, part(report, done / len(steps), (done + 1) / len(steps)))
        models[name] = seen[key]
        right = trial.right(models[name], trial.test, inside)
        loss, bound = loss_bound(whole, right)
        kept = float(trial.right(model, trial.test, inside).mean())
        rows.append(
            {"shown": name, **trial.row(models[name], inside), "kept": kept, "loss_points": loss, "loss_bound": bound}
        )
    return pd.DataFrame(rows), models["window"]


def with_networks(trial: Trial, model: Model, max_loss: float, report: Report = silent) -> list[Tried]:
    """Train the rivals that need networks of their own: ELECTS, trial and error, windows of calendar and chance.

    ELECTS sees the parcels twice as often as each of the other networks may.
    """
    from cropxai.season.search import trial_and_error

    dates = np.unique(trial.series.dates)
    ends = dates[len(dates) // 3 :: max(1, len(dates) // 18)]
    expanding = trial_and_error(trial, list(ends), whole=model, max_loss=max_loss, report=report)
    by_calendar, _ = retrained(trial, "calendar window (retrained)", calendar_windows(dates), report)
    by_chance, _ = retrained(trial, "random window (retrained)", random_windows(dates, 5, trial.settings.seed), report)
    asked, learnt = trial.settings, len(trial.learn)
    steps = 2 * asked.epochs_for(learnt) * -(-learnt // asked.batch_size)
    own = ElectsSettings(steps=steps, batch_size=asked.batch_size, seed=asked.seed)
    stopping = elects(trial, (0.5, 0.8, 0.95), own, report)
    return [*ends_tried(trial, expanding), *by_calendar, *by_chance, *stopping]


def _with_window(model: Model, found: Chosen, confirmed: pd.DataFrame, year: int) -> Model:
    window = DateWindow(found.start, found.end, ())
    new_year = np.datetime64(f"{year:04d}-01-01")
    first, last = (float((d - new_year).astype(int)) for d in (window.start, window.end))
    loss = float(confirmed.loc[confirmed["shown"] == "window", "loss_points"].iloc[0])
    return replace(model, card=replace(model.card, window=Window(first, last, round(loss, 3))))
