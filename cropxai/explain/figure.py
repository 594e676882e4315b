"""The figure of faithfulness: what deletion does to the answer, and the scores of every method with their intervals."""

from typing import TYPE_CHECKING

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cropxai.explain.methods import METHODS
from cropxai.explain.perturbation import SHARES
from cropxai.explain.yardsticks import YARDSTICKS

if TYPE_CHECKING:
    from cropxai.explain.faithfulness import Faithfulness

#: Measures that get a panel, where there are such, and what they say.
PANELS = {
    "area_mask": "area between the curves,\ndates masked",
    "area_interpolate": "area between the curves,\ndates interpolated",
    "date_auc": "AUC of planted dates",
    "pointing": "top date is planted",
}
#: Greys of the yardsticks; methods have hues.
GREYS = dict(zip(YARDSTICKS, ("0.75", "0.55", "0.35"), strict=True))


def draw(found: "Faithfulness") -> Figure:
    """Draw the curves of the first removal beside the scores of all parcels."""
    whole = found.table[found.table["crop"] == "all"]
    names = list(dict.fromkeys(whole["method"]))
    colour = dict(zip(METHODS, colormaps["tab10"](np.arange(len(METHODS))), strict=True)) | GREYS
    panels = [measure for measure in PANELS if (whole["measure"] == measure).any()]
    figure = Figure(figsize=(6 + 2.4 * len(panels), 0.8 + 0.42 * max(9, len(names))), layout="constrained")
    curves, *rest = figure.subplots(1, 1 + len(panels), width_ratios=[3, *[1.5] * len(panels)])
    _draw_curves(curves, found, colour)
    for axes, measure in zip(rest, panels, strict=True):
        rows = whole[whole["measure"] == measure].set_index("method").reindex(names)
        for place, (name, row) in enumerate(rows.iterrows()):
            axes.plot([row["low"], row["high"]], [place, place], color=colour[str(name)], lw=3, solid_capstyle="butt")
            axes.plot(row["mean"], place, "o", color=colour[str(name)], ms=5)
        axes.set_title(PANELS[measure], fontsize=9, loc="left")
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.grid(axis="x", color="0.9")
        axes.set_axisbelow(True)
        axes.tick_params(axis="y", length=0)
        axes.set_yticks(range(len(names)), names if axes is rest[0] else [], fontsize=9)
    for axes in (curves, *rest):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def _draw_curves(axes: Axes, found: "Faithfulness", colour: dict[str, object]) -> None:
    removal, lines = next(iter(found.curves.items()))
    for name, (most, least) in lines.items():
        axes.plot(SHARES, most, color=colour[name], lw=1.6)
        axes.plot(SHARES, least, color=colour[name], lw=1.6, ls=(0, (4, 2)))
    axes.plot([], [], color="black", label="most relevant dates first")
    axes.plot([], [], color="black", ls=(0, (4, 2)), label="least relevant dates first")
    axes.legend(fontsize=8, frameon=False, loc="lower left")
    axes.set_xlabel(f"share of the dates taken away ({removal})")
    axes.set_ylabel("probability of the answer")
    axes.set_ylim(0, 1.02)
    axes.set_title(f"Is the relevance true? {found.about['parcels']} parcels", fontsize=11, loc="left")
