"""The figure of the season study: relevance by date, and accuracy of the windows."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure

from cropxai.crops import colours
from cropxai.maps.figures import months

if TYPE_CHECKING:
    from cropxai.season.study import SeasonStudy


def draw(study: "SeasonStudy") -> Figure:
    """Draw R_t by date, all crops and each, above the windows Δt_n with their accuracy."""
    figure = Figure(figsize=(9, 7), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    dates = study.relevance.index.to_numpy().astype("datetime64[D]")
    crops = [c for c in study.relevance.columns if c != "all" and study.relevance[c].notna().any()]
    for crop, colour in colours(crops).items():
        upper.plot(dates, study.relevance[crop], color=colour, lw=1.4, marker=".", ms=3, label=crop)
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
    lower.set_xlabel("accuracy after retraining, against the full season; red: the chosen window")
    months(lower)
    for axes in (upper, lower):
        axes.spines[["top", "right"]].set_visible(False)
    return figure
