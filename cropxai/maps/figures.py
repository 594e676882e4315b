"""The figures of the report."""

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import PatchCollection
from matplotlib.dates import date2num
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path as Outline

from cropxai.crops import CALENDARS, find_crop
from cropxai.maps.drawing import FAINT, INK, months, percent, plain

#: Groups of bands, their colours (Okabe & Ito 2008, safe for the colour-blind), and the bands of which the first that
#: is there stands for the group.
CURVES: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("red", "#d55e00", ("B04",)),
    ("red edge", "#cc79a7", ("B06",)),
    ("near infrared", "#009e73", ("B08", "B8A")),
    ("short-wave infrared", "#0072b2", ("B11",)),
)
ACCENT = "#0072b2"
SECOND = "#d55e00"
#: Why a date has no value (column of the table of months): its words and colour.
GAPS = {
    "clear": ("clear", "#009e73"),
    "not_clear": ("cloud, shadow or snow", "#bdbdbd"),
    "no_data": ("no data", "#636363"),
    "cut": ("cut by the raster edge", "#252525"),
}
#: Crops that get a curve of their own; the others are in the table.
MOST_CURVES = 12
#: Width of the bars of relevance, in days.
BAR_DAYS = 3
#: Share of the height that lines have beneath the names of stages.
BENEATH_STAGES = 0.85
#: Days between stages whose names would run into each other.
CLOSE_DAYS = 60
#: Outlines drawn one by one; of more parcels only the places are.
MOST_OUTLINES = 60_000


def draw_map(parcels: gpd.GeoDataFrame, colour: npt.NDArray[np.object_]) -> Figure:
    """Draw the parcels in their colours, north up, with a bar of scale.

    Parameters
    ----------
    parcels : (parcel,) outlines in a CRS of metres, at least one
    colour : (parcel,) #rrggbb, missing for parcels without an answer: these are drawn empty, and do not widen the map
    """
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots()
    answered = pd.notna(colour)
    west, south, east, north = (parcels[answered] if answered.any() else parcels).total_bounds
    colour = np.where(answered, colour, "none")
    if len(parcels) <= MOST_OUTLINES:
        patches, fills = [], []
        for shape, fill in zip(parcels.geometry, colour, strict=True):
            for part in getattr(shape, "geoms", [shape]) if shape is not None else []:
                if part.geom_type == "Polygon" and not part.is_empty:
                    rings = [np.asarray(ring.coords)[:, :2] for ring in (part.exterior, *part.interiors)]
                    patches.append(PathPatch(Outline.make_compound_path(*(Outline(r, closed=True) for r in rings))))
                    fills.append(fill)
        axes.add_collection(PatchCollection(patches, facecolor=fills, edgecolor="#404040", linewidth=0.25))
    else:
        places = parcels.representative_point()
        axes.scatter(places.x, places.y, c=colour.tolist(), s=0.3, linewidth=0)
    axes.set_xlim(west, east)
    axes.set_ylim(south, north)
    axes.set_aspect("equal")
    axes.axis("off")
    _scale_bar(axes, west, south, east - west)
    return figure


def _scale_bar(axes: Axes, west: float, south: float, width: float) -> None:
    length = 10 ** np.floor(np.log10(max(width, 1) / 3))
    length *= max(n for n in (1, 2, 5) if n * length <= max(width, 1) / 3)
    axes.plot([west, west + length], [south, south], color=INK, lw=2.5, solid_capstyle="butt", clip_on=False)
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.annotate(label, (west + length, south), (6, 0), textcoords="offset points", va="center", fontsize=8.5)


def draw_curves(curves: pd.DataFrame, crops: Sequence[str], windows: Mapping[str, tuple[Any, Any]]) -> Figure:
    """Draw each crop's course: median reflectance of four bands, R_t below, its window, typical growth stages.

    Parameters
    ----------
    curves : crop, date, parcels, relevance and a column for each band
    crops : those to draw, in this order
    windows : first and last date of the window by crop
    """
    shown = [crop for crop in crops if (curves["crop"] == crop).any()][:MOST_CURVES]
    columns = min(3, max(1, len(shown)))
    rows = -(-len(shown) // columns)
    figure = Figure(figsize=(9.5, 0.6 + 2.5 * max(rows, 1)), layout="constrained")
    grid = figure.subplots(max(rows, 1), columns, sharex=True, sharey=True, squeeze=False)
    there = {band for band in curves if curves[band].notna().any()}
    picked = [(label, colour, next((b for b in bands if b in there), None)) for label, colour, bands in CURVES]
    lines = [(label, colour, band) for label, colour, band in picked if band is not None]
    relevance = pd.to_numeric(curves["relevance"]).clip(lower=0)
    explained = bool(relevance.notna().any())
    for axes, crop in zip(grid.flat, shown, strict=False):
        own = curves[curves["crop"] == crop]
        days = pd.to_datetime(own["date"])
        for _, colour, band in lines:
            seen = own[band].notna().to_numpy()
            axes.plot(days[seen], own[band][seen], color=colour, lw=1.5, marker=".", ms=3)
        if explained:
            lower = axes.twinx()
            lower.bar(days, relevance[own.index], width=BAR_DAYS, color=INK, alpha=0.45)
            lower.set_ylim(0, 2.6 * (relevance.max() or 1.0))
            lower.axis("off")
        if crop in windows:
            first, last = (float(date2num(pd.Timestamp(d))) for d in windows[crop])  # type: ignore[no-untyped-call]
            # Around its bars, so that a window of one date is seen too.
            axes.axvspan(first - BAR_DAYS / 2, last + BAR_DAYS / 2, color=ACCENT, alpha=0.10, lw=0)
        _stages(axes, crop, days)
        axes.set_title(plain(crop))
        months(axes)
    low, high = grid[0, 0].get_ylim()
    grid[0, 0].set_ylim(low, low + (high - low) / BENEATH_STAGES)  # of all, which share it
    for axes in list(grid.flat)[len(shown) :]:
        axes.axis("off")
    for axes in grid[:, 0]:
        axes.set_ylabel("reflectance")
    handles: list[Any] = [mpl.lines.Line2D([], [], color=colour, label=label) for label, colour, _ in lines]
    if explained:
        handles += [Rectangle((0, 0), 1, 1, color=INK, alpha=0.45, label="relevance $R_t$")]
    if windows:
        handles += [Rectangle((0, 0), 1, 1, color=ACCENT, alpha=0.15, label="window that suffices")]
    figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))
    return figure


def _stages(axes: Axes, crop: str, days: pd.Series) -> None:
    """Mark the typical dates of the crop's growth stages along the top."""
    known = find_crop(crop)
    events = CALENDARS.get(known.label, ()) if known is not None and len(days) else ()
    top = axes.get_xaxis_transform()
    low = False  # labels that would run into the one before stand lower
    before = -np.inf
    for event in events:
        for year in sorted({day.year for day in days}):
            first, last = (pd.Timestamp(year, 1, 1) + pd.Timedelta(days=d - 1) for d in (event.first, event.last))
            if last < days.min() or first > days.max():
                continue
            left, right = (float(date2num(day)) for day in (first, last + pd.Timedelta(days=1)))  # type: ignore[no-untyped-call]
            axes.plot([left, right], [0.97, 0.97], color=FAINT, lw=2, transform=top)
            middle = (left + right) / 2
            low = not low and middle - before < CLOSE_DAYS
            before = middle
            place = 0.88 if low else 0.94
            axes.text(middle, place, event.name, transform=top, ha="center", va="top", fontsize=7)


def draw_ends(ends: pd.DataFrame, decided: pd.Series, answered: int) -> Figure:
    """Draw what is known by when: answers on the season up to each date, and the parcels decided by then.

    Parameters
    ----------
    ends : date, seen, agreement, accuracy
    decided : decision dates of the parcels, missing where there is none
    answered : parcels with an answer, of which the decided are a share
    """
    figure = Figure(figsize=(9.5, 3.2), layout="constrained")
    axes = figure.subplots()
    dates = pd.to_datetime(ends["date"])
    axes.plot(dates, ends["agreement"], color=ACCENT, lw=2, marker=".", label="answer is the final one")
    if ends["accuracy"].notna().any():
        axes.plot(dates, ends["accuracy"], color=SECOND, lw=2, marker=".", label="answer is the declared crop")
    days = np.sort(pd.to_datetime(decided.dropna()).to_numpy())
    if len(days) and answered:
        share = np.arange(1, len(days) + 1) / answered
        days, share = np.append(days, dates.to_numpy()[-1]), np.append(share, share[-1])  # it stays so to the end
        axes.fill_between(days, share, step="post", color=INK, alpha=0.18, lw=0, label="known: sure, and stays so")
    axes.set_ylim(0, 1.02)
    axes.set_ylabel("share of parcels")
    axes.set_xlabel("season seen up to")
    axes.grid(axis="y", color=FAINT, lw=0.4, alpha=0.5)
    percent(axes)
    months(axes)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure


def draw_decisions(decided: pd.DataFrame, colours: Mapping[str, str]) -> Figure:
    """Draw how many parcels of each crop are decided in each half of a month.

    Parameters
    ----------
    decided : crop and decision_date, one row a parcel that has both
    colours : by crop
    """
    figure = Figure(figsize=(9.5, 3.0), layout="constrained")
    axes = figure.subplots()
    days = pd.to_datetime(decided["decision_date"])
    halves = days.dt.to_period("M").dt.to_timestamp() + pd.to_timedelta(np.where(days.dt.day > 15, 15, 0), unit="D")
    table = pd.crosstab(halves, decided["crop"])
    bottom = np.zeros(len(table))
    for crop in table.sum().sort_values(ascending=False).index:
        label = plain(crop) if crop in list(table.sum().nlargest(10).index) else None
        axes.bar(table.index, table[crop], 13, bottom, align="edge", color=colours.get(crop, FAINT), label=label)
        bottom += table[crop].to_numpy()
    axes.set_ylabel("parcels")
    axes.set_xlabel("crop known from (half months)")
    months(axes)
    axes.legend(
        loc="upper left", bbox_to_anchor=(1.0, 1.0), title="the ten most frequent" if len(table.columns) > 10 else None
    )
    return figure


def draw_confusion(table: pd.DataFrame) -> Figure:
    """Draw a confusion matrix: share of the declared parcels of a row that got the crop of a column."""
    size = 1.9 + 0.36 * len(table)
    figure = Figure(figsize=(min(size + 2.2, 12), min(size + 1.1, 11)), layout="constrained")
    axes = figure.subplots()
    counts = table.to_numpy(dtype=float)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    axes.imshow(np.where(counts > 0, share, np.nan), cmap="Blues", vmin=-0.15, vmax=1.1)
    for (row, column), count in np.ndenumerate(counts):
        if count:
            ink = "white" if share[row, column] > 0.55 else "#1a1a1a"
            axes.text(column, row, f"{count:.0f}", ha="center", va="center", fontsize=7.5, color=ink)
    axes.set_xticks(range(len(table.columns)), [plain(c) for c in table.columns], rotation=45, ha="right")
    axes.set_yticks(range(len(table)), [plain(c) for c in table.index])
    axes.set_xlabel("answer")
    axes.set_ylabel("declared")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return figure


def draw_reliability(confidence: npt.NDArray[np.float64], right: npt.NDArray[np.bool_]) -> Figure:
    """Draw how often answers of a confidence are right: ten classes of confidence, and how many parcels each has."""
    figure = Figure(figsize=(4.2, 4.2), layout="constrained")
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    edges = np.linspace(0, 1, 11)
    group = np.clip(np.digitize(confidence, edges) - 1, 0, 9)
    count = np.bincount(group, minlength=10)
    there = count > 0
    mean = np.bincount(group, confidence, 10)[there] / count[there]
    rate = np.bincount(group, right.astype(float), 10)[there] / count[there]
    low, high = _wilson(rate, count[there])
    upper.plot([0, 1], [0, 1], color=FAINT, lw=1, ls="--")
    upper.errorbar(mean, rate, [rate - low, high - rate], color=ACCENT, marker="o", ms=4, lw=1.4, capsize=2)
    upper.set_ylim(0, 1.02)
    upper.set_ylabel("answers that are as declared")
    percent(upper)
    lower.bar(edges[:-1], count, 0.094, align="edge", color=FAINT)
    lower.set_ylabel("parcels")
    lower.set_xlabel("confidence")
    percent(lower, "x")
    return figure


def _wilson(rate: npt.NDArray[np.float64], count: npt.NDArray[np.int64]) -> tuple[Any, Any]:
    """Return the 95 % interval of a share of so many, after Wilson 1927."""
    z = 1.96
    centre = (rate + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z * np.sqrt(rate * (1 - rate) / count + z**2 / (4 * count**2)) / (1 + z**2 / count)
    return np.minimum(centre - half, rate), np.maximum(centre + half, rate)


def draw_quality(table: pd.DataFrame) -> Figure:
    """Draw the clear share of each month, and why the rest is missing.

    Parameters
    ----------
    table : month, dates, clear, no_data, cut, not_clear, as of `cropxai.series.quality.by_month`
    """
    figure = Figure(figsize=(9.5, 2.8), layout="constrained")
    axes = figure.subplots()
    place, bottom = np.arange(len(table)), np.zeros(len(table))
    for column, (label, colour) in GAPS.items():
        height = table[column].fillna(0).to_numpy(dtype=float)
        if height.any():
            axes.bar(place, height, 0.8, bottom, color=colour, label=label)
            bottom += height
    axes.set_xticks(
        place, [f"{month}\n{dates} dates" for month, dates in zip(table["month"], table["dates"], strict=True)]
    )
    axes.set_ylim(0, 1)
    axes.set_ylabel("parcels × dates")
    axes.tick_params(axis="x", length=0)
    percent(axes)
    axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0))
    return figure
