"""All that `cropxai season` does on one labelled series: the paper's windows, the search, and another year."""

from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from cropxai.errors import PathLike
from cropxai.model import Settings
from cropxai.outputs import replacing
from cropxai.reporting import Report, part, silent
from cropxai.season.early import EarlyStudy, early_study
from cropxai.season.study import SeasonStudy, season_study
from cropxai.season.today import thresholds_of
from cropxai.season.years import Transfer, transfer
from cropxai.series import CropSeries

#: The share of the time that the paper's windows take.
PAPER = 0.6


@dataclass(frozen=True)
class WholeStudy:
    """What was done: the paper's windows, the search, the transfer to another year; None where not asked for."""

    paper: SeasonStudy | None
    early: EarlyStudy | None
    other: Transfer | None

    def save(self, folder: PathLike, overwrite: bool = False) -> Path:
        """Write all into one folder, whole or not at all; the model of any day is that of the search."""
        with replacing(folder, overwrite) as place:
            if self.paper is not None:
                self.paper.write(place, model=self.early is None)
            if self.early is not None:
                self.early.write(place)
            if self.other is not None:
                self.other.table.to_csv(place / "other_year.csv", index=False)
        return Path(folder)

    def window_text(self) -> str:
        """Say the window in a line: that of the search where there was one."""
        if self.early is None:
            return self.paper.window_text() if self.paper is not None else ""
        shown = self.early.confirmed.set_index("shown").loc["window"]
        return (
            f"{shown['start']} to {shown['end']} ({shown['days']} days, {shown['dates']} dates): accuracy "
            f"{shown['accuracy']:.4f}, {shown['loss_points']:+.2f} points lost"
        )

    def rows(self) -> list[dict[Hashable, Any]]:
        """Return the rows of the table of windows."""
        if self.paper is not None:
            return self.paper.table.to_dict("records")
        return [] if self.early is None else self.early.confirmed.to_dict("records")

    def text(self) -> str:
        """Write the tables for the console."""
        lines = [] if self.paper is None else [self.paper.text()]
        lines += [] if self.early is None else [self.early.text()]
        if self.other is not None:
            recovered = {c: self.other.recovery(c) for c in ("whole", "window", "decided")}
            told = ", ".join(f"{name} {100 * v:.0f} %" for name, v in recovered.items() if np.isfinite(v))
            lines += ["in the other year:", self.other.table.round(4).to_string(index=False)]
            lines += [f"thermal time wins back of what the calendar loses: {told or 'the calendar loses nothing'}"]
        return "\n".join([*lines, f"window: {self.window_text()}"])


def whole_study(
    series: CropSeries,
    settings: Settings,
    *,
    procedure: str = "all",
    rivals: bool = False,
    other: CropSeries | None = None,
    most: int = 10,
    most_dates: int = 8,
    report: Report = silent,
    **choices: Any,
) -> WholeStudy:
    """Run the study.

    Parameters
    ----------
    series : labelled; with thermal time if there is an ``other``
    procedure : "paper" (Δt_n, retrained), "search" (guided search, rules, growth stages), or "all"
    rivals : of :func:`cropxai.season.early.early_study`
    other : labelled series of another year, with thermal time, to which the window of the search is applied
    most, most_dates : greatest n of Δt_n, and number of dates to choose
    choices : max_loss, test_share, method, target, reference and aggregate of both studies
    """
    split = {"paper": 1.0, "search": 0.0, "all": PAPER}[procedure]
    paper = early = moved = None
    if procedure != "search":
        paper = season_study(series, settings, most=most, report=part(report, 0, split), **choices)
    if procedure != "paper":
        early = early_study(
            series, settings, most_dates=most_dates, rivals=rivals, report=part(report, split, 1), **choices
        )
        if other is not None:
            rule, _ = thresholds_of(early.model)
            end = float((early.search[0].end - np.datetime64(f"{series.season_year:04d}-01-01")).astype(int))
            by = "region" if all("region" in s.dataset.coords for s in (series, other)) else None
            moved = transfer(early.model, rule, end, series, early.scored, other, by)
    return WholeStudy(paper, early, moved)
