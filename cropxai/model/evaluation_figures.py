"""The figures of an evaluation: confusion, season ends, reliability by month, parts of the parcels."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cropxai.maps.drawing import months, percent, plain
from cropxai.maps.figures import draw_confusion
from cropxai.model.scores import Scores, SideBySide

BLUE, ORANGE, GREEN = "#0072b2", "#d55e00", "#009e73"  # Okabe & Ito 2008
DPI = 130


def draw_all(scores: "Scores | SideBySide", folder: Path) -> list[Path]:
    """Draw the figures of an evaluation as PNG files in a folder that is there; return the files."""
    if isinstance(scores, SideBySide):
        drawn = [_draw(own, folder, f"{split}_") for split, own in scores.scores.items()]
        return [file for files in drawn for file in files]
    return _draw(scores, folder, "")


def _draw(scores: Scores, folder: Path, prefix: str) -> list[Path]:
    said = [c for c in scores.confusion.columns if c in scores.confusion.index or scores.confusion[c].any()]
    figures = {"confusion": draw_confusion(scores.confusion[said])}
    if len(scores.ends):
        figures["season_ends"] = draw_season_ends(scores)
        figures["reliability"] = draw_reliability_by_end(scores)
    if len(scores.parts):
        figures["parts"] = draw_parts(scores)
    files = []
    for name, figure in figures.items():
        files.append(folder / f"{prefix}{name}.png")
        figure.savefig(files[-1], dpi=DPI, facecolor="white")
    return files


def draw_season_ends(scores: Scores) -> Figure:
    """Draw accuracy, macro-F1, calibration error and coverage on the season up to each date."""
    ends = scores.ends
    dates = ends["date"].to_numpy().astype("datetime64[D]")
    sets = "coverage" in ends
    figure = Figure(figsize=(8, 8 if sets else 5.5), layout="constrained")
    axes = figure.subplots(3 if sets else 2, 1, sharex=True, height_ratios=(3, 2, 2)[: 3 if sets else 2])
    axes[0].fill_between(dates, ends["accuracy_low"], ends["accuracy_high"], color=BLUE, alpha=0.2, lw=0)
    axes[0].plot(dates, ends["accuracy"], color=BLUE, marker="o", ms=4, label="accuracy, 95 % interval")
    axes[0].plot(dates, ends["macro_f1"], color=ORANGE, marker="s", ms=4, label="macro-F1")
    axes[0].set_title("Answers on the season up to each date", fontsize=11, loc="left")
    axes[0].set_ylim(0, 1.02)
    axes[1].plot(dates, ends["calibration_error"], color=BLUE, marker="o", ms=4, label="calibration error")
    axes[1].plot(dates, ends["by_chance"], color="0.5", ls="--", label="of exact confidence, by chance")
    axes[1].set_ylim(0, None)
    axes[1].set_title("Expected calibration error", fontsize=10, loc="left")
    if sets:
        error = ends["coverage_error"]
        axes[2].fill_between(dates, ends["coverage"] - error, ends["coverage"] + error, color=GREEN, alpha=0.2, lw=0)
        axes[2].plot(dates, ends["coverage"], color=GREEN, marker="o", ms=4, label="coverage, 95 % interval")
        axes[2].plot(dates, ends["nominal"], color="0.5", ls="--", label="asked for")
        axes[2].plot(dates, ends["class_coverage"], color=ORANGE, marker="s", ms=4, label="mean over the classes")
        axes[2].set_title("Share of sets that hold the true crop, before the answer is put in", fontsize=10, loc="left")
        sizes = axes[2].twinx()
        sizes.plot(dates, ends["set_size"], color="0.5", ls=":", label="crops in a set")
        sizes.set_ylim(0, None)
        sizes.set_ylabel("crops in a set (dotted)")
        sizes.spines["top"].set_visible(False)
    for panel in axes:
        percent(panel)
        panel.grid(axis="y", color="0.92")
        panel.legend(fontsize=8, frameon=False, loc="best")
        panel.spines[["top", "right"]].set_visible(False)
    months(axes[-1])
    return figure


def draw_reliability_by_end(scores: Scores) -> Figure:
    """Draw confidence against accuracy for each season end, one small panel each."""
    count = len(scores.reliability)
    across = min(4, count)
    down = -(-count // across)
    figure = Figure(figsize=(2.4 * across + 0.4, 2.5 * down + 0.3), layout="constrained")
    panels = np.atleast_1d(figure.subplots(down, across, sharex=True, sharey=True, squeeze=False)).ravel()
    for panel, (date, found) in zip(panels, scores.reliability.items(), strict=False):
        panel.plot([0, 1], [0, 1], color="0.6", lw=0.8, ls="--")
        panel.plot(found.confidence, found.accuracy, color=BLUE, marker="o", ms=3.5, lw=1)
        panel.set_title(f"to {date}\nerror {100 * found.error:.1f} %, chance {100 * found.by_chance:.1f} %", fontsize=8)
        panel.set_xlim(0, 1.02)
        panel.set_ylim(0, 1.02)
        panel.set_aspect("equal")
        panel.spines[["top", "right"]].set_visible(False)
    for panel in panels[count:]:
        panel.set_visible(False)
    figure.supxlabel("confidence", fontsize=9)
    figure.supylabel("share that is right", fontsize=9)
    return figure


def draw_parts(scores: Scores) -> Figure:
    """Draw the accuracy of each part with its interval, a panel for each way of dividing."""
    ways = list(dict.fromkeys(scores.parts["by"]))
    rows = [int((scores.parts["by"] == way).sum()) for way in ways]
    figure = Figure(figsize=(7, 0.6 * len(ways) + 0.3 * sum(rows) + 0.6), layout="constrained")
    panels = np.atleast_1d(figure.subplots(len(ways), 1, sharex=True, height_ratios=rows, squeeze=False)).ravel()
    for panel, way in zip(panels, ways, strict=True):
        own = scores.parts[scores.parts["by"] == way].reset_index(drop=True)
        for place, row in enumerate(own.to_dict("records")):
            panel.plot([row["accuracy_low"], row["accuracy_high"]], [place, place], color=BLUE, lw=3, alpha=0.4)
            panel.plot(row["accuracy"], place, "o", color=BLUE, ms=5)
        labels = [f"{plain(part)} ({parcels})" for part, parcels in zip(own["part"], own["parcels"], strict=True)]
        panel.set_yticks(range(len(own)), labels, fontsize=8)
        panel.set_ylim(len(own) - 0.5, -0.5)
        panel.set_title(f"by {way} (parcels)", fontsize=9, loc="left")
        panel.grid(axis="x", color="0.92")
        panel.spines[["top", "right"]].set_visible(False)
    panels[-1].set_xlabel("accuracy, 95 % interval")
    percent(panels[-1], "x")
    return figure
