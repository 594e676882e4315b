"""The figures of the season study: relevance and windows, accuracy by date of decision, what the search chose."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure

from cropxai.crops import colours
from cropxai.maps.drawing import months, plain

if TYPE_CHECKING:
    import pandas as pd

    from cropxai.season.rivals import Comparison
    from cropxai.season.search import Chosen
    from cropxai.season.study import SeasonStudy


def draw(study: "SeasonStudy") -> Figure:
    """Draw R_t by date, all crops and each, above the windows Δt_n with their accuracy."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    dates = study.relevance.index.to_numpy().astype("datetime64[D]")
    crops = [c for c in study.relevance.columns if c != "all" and study.relevance[c].notna().any()]
    for crop, colour in colours(crops).items():
        upper.plot(dates, study.relevance[crop], color=colour, lw=1.4, marker=".", ms=3, label=plain(crop))
    upper.plot(dates, study.relevance["all"], color="black", lw=2.2, label="all crops")
    upper.axhline(0, color="0.8", lw=0.8, zorder=0)
    upper.set_ylabel("relevance $R_t$ (share)")
    upper.legend(fontsize=8, ncols=1 + len(crops) // 20, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    upper.set_title("Which dates decide, and what the windows they bound cost", loc="left", fontsize=11)

    shown = study.table.drop_duplicates(["start", "end"])
    for level, row in enumerate(shown.to_dict("records")):
        ends = np.array([row["start"], row["end"]], dtype="datetime64[D]")
        chosen = study.chosen is not None and (ends == [study.chosen.start, study.chosen.end]).all()
        lower.plot(ends, [level, level], color="#b2182b" if chosen else "0.35", lw=5, solid_capstyle="butt")
        if ends[0] == ends[1]:
            lower.plot(ends[:1], [level], "|", color="0.35", ms=12, mew=3)
        text = f"{100 * row['accuracy']:.1f} %"
        if row["n"] == 0:
            text = f"full season: {text}"
        else:
            text = f"$\\Delta t_{{{row['n']}}}$: {text} ({-row['loss_points']:+.1f} points)"
        lower.annotate(text, (1.01, level), xycoords=("axes fraction", "data"), fontsize=8, va="center")
    lower.set_yticks([])
    lower.set_ylim(len(shown) - 0.4, -0.6)
    within = (
        "red: the chosen window"
        if study.chosen is not None
        else f"none is within {study.settings['max_loss']:g} points"
    )
    lower.set_xlabel(f"accuracy after retraining, against the full season; {within}")
    months(lower)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def draw_plane(comparison: "Comparison") -> Figure:
    """Draw accuracy against the mean date of decision: every setting of every rival, and what no other dominates."""
    from cropxai.season.measures import pareto

    figure = Figure(figsize=(10, 5.5), layout="constrained")
    axes = figure.subplots()
    curves = comparison.curves()
    names = list(dict.fromkeys(curves["rival"]))
    chosen = comparison.chosen()
    others = [name for name in names if "ours" not in name]  # ten colours for the others, ours is black
    for name in names:
        own = curves[curves["rival"] == name]
        stands = pareto(own["accuracy"], own["mean_day"])
        colour = colormaps["tab10"](others.index(name) % 10) if name in others else "black"
        axes.scatter(own["mean_day"], 100 * own["accuracy"], s=9, color=colour, alpha=0.3, lw=0)
        line = own[stands].sort_values("mean_day")
        ours = name not in others
        axes.plot(line["mean_day"], 100 * line["accuracy"], color=colour, lw=2.4 if ours else 1.3, marker=".", ms=5,
                  label=name, zorder=5 if ours else 3)  # fmt: skip
        point = chosen[name].test
        axes.plot(point.mean_day, 100 * point.accuracy, marker="D", ms=7, color=colour, mec="white", zorder=6)
    full = 100 * comparison.full[1].accuracy
    axes.axhline(full, color="0.6", lw=0.8)
    axes.axhline(full - comparison.max_loss, color="0.6", lw=0.8, ls=":")
    top = curves["accuracy"].max() * 100
    lowest = min(100 * found.test.accuracy for found in chosen.values())
    axes.set_ylim(min(max(100 * curves["accuracy"].min(), full - 12), lowest - 0.7), max(top, full) + 0.7)
    axes.set_xlabel("mean day of the year of the decision")
    axes.set_ylabel("accuracy (%)")
    axes.set_title("How early, at what accuracy (diamonds: chosen for the accepted loss)", loc="left", fontsize=11)
    axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def draw_search(search: "list[Chosen]", relevance: "pd.DataFrame") -> Figure:
    """Draw the window and the dates that were chosen, for all crops and for each, over the relevance of the dates."""
    figure = Figure(figsize=(9, 1.4 + 0.42 * len(search)), layout="constrained")
    axes = figure.subplots()
    dates = relevance.index.to_numpy().astype("datetime64[D]")
    for row, found in enumerate(search):
        values = np.maximum(np.nan_to_num(relevance[found.crop].to_numpy(dtype=float)), 0)
        top = values.max() if values.max() > 0 else 1.0
        axes.vlines(dates, row, row - 0.8 * values / top, color="0.6", lw=2.2)
        axes.plot([found.start, found.end], [row, row], color="C0", lw=3, solid_capstyle="butt")
        axes.plot(np.array(found.dates), np.full(len(found.dates), row), "D", color="C3", ms=5, zorder=4)
    axes.set_yticks(range(len(search)), [plain(found.crop) for found in search])
    axes.set_ylim(len(search) - 0.5, -1.0)
    axes.set_title("Window (blue), chosen dates (red), relevance of dates (grey)", loc="left", fontsize=11)
    months(axes)
    return figure
