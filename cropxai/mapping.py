"""From what the stages found to what a map holds: columns of parcels, relevance, classes, and the facts of the run."""

import hashlib
import json
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from safetensors.torch import save

import cropxai
from cropxai.bands import GROUPS, group_of
from cropxai.crops import colours, find_crop, stage_on
from cropxai.errors import PathLike, SeriesUnusable
from cropxai.explain import Relevance
from cropxai.maps.attributes import charts, hectares, join_attributes
from cropxai.maps.columns import REFLECTANCE
from cropxai.maps.contents import MapContents, RelevanceBlock
from cropxai.model import Classification, Model
from cropxai.season.agreement import CropWindow
from cropxai.season.curves import crop_curves
from cropxai.season.decision import Decisions
from cropxai.season.today import Today
from cropxai.season.window import peaks
from cropxai.series import CropSeries
from cropxai.series.quality import by_month
from cropxai.series.store import sources

TOP_DATES = 3
PEAKS = 3
PARCELS_AT_ONCE = 2000
#: Packages whose version may change the result.
PACKAGES = ("torch", "numpy", "rasterio", "shapely", "pyogrio")


def map_contents(
    series: CropSeries,
    model: Model,
    answers: Classification,
    *,
    relevance: Relevance | None = None,
    windows: Mapping[str, CropWindow] | None = None,
    decisions: Decisions | None = None,
    on_the_day: Today | None = None,
    declared: npt.NDArray[np.object_] | None = None,
    meant: npt.NDArray[np.object_] | None = None,
    season_ends: pd.DataFrame | None = None,
    reflectance: bool = True,
    parcels_file: PathLike | None = None,
    parameters: Mapping[str, Any] | None = None,
    command: Sequence[str] = (),
) -> MapContents:
    """Gather what goes on the map of a series.

    Parameters
    ----------
    answers, relevance, windows, decisions : of the parcels of ``series``; what was not found stays empty on the map
    on_the_day : what could be decided on each day, of the same parcels
    declared : (parcel,) crop that the input declares, empty where none
    meant : (parcel,) the model's name of it, empty where none; given with ``declared``
    season_ends : of :func:`cropxai.season.ends.season_ends`
    reflectance : whether the map holds the reflectance of every parcel and date
    parcels_file : the file that the parcels came from
    parameters : what the stages were asked
    command : the words of the command that makes the map

    Raises
    ------
    SeriesUnusable
        If the series has no geometry.
    """
    if series.parcels is None:
        raise SeriesUnusable("the series has no geometry, so it gives no map; ingest it again from its parcels")
    windows, asked = windows or {}, parameters or {}
    results = answers.frame.copy()
    if decisions is not None:
        results["decision_date"] = decisions.date.astype("datetime64[s]")
        results["decision_confidence"] = decisions.confidence
    if on_the_day is not None:
        decided = on_the_day.parcels.set_index(results.index)
        results["decided_on"] = decided["decision_date"]
        results["decided_crop"] = decided["crop"].where(decided["decided"], None)
        results["decided_confidence"] = decided["confidence"].where(decided["decided"])
    if relevance is not None:
        results = results.join(top_dates(relevance))
        results["relevance_chart"] = charts(relevance.by_date)
    results = results.join(_window_columns(answers.frame["crop"], windows))
    means: dict[Any, Any] = {}
    if declared is not None and meant is not None:
        means = dict(zip(declared.tolist(), meant.tolist(), strict=True))
        agrees = (meant == answers.frame["crop"]).astype("boolean")
        results["declared_crop"] = pd.Series(declared, dtype=object).replace("", None)
        results["declared_agrees"] = agrees.where(((meant != "") & answers.answered).astype(bool))
    classes = class_table(
        model.names,
        answers.frame["crop"],
        hectares(series.parcels),
        meant,
        windows,
        series.dates,
    )
    return MapContents(
        parcels=join_attributes(results, series.parcels),
        classes=classes,
        run=run_facts(series, model, windows, parcels_file, asked) | {"declared": means, "command": list(command)},
        dates=series.dates,
        relevance=dated_blocks(series, relevance) if reflectance else relevance_blocks(relevance),
        curves=crop_curves(series, answers.frame["crop"], relevance, aggregate=asked.get("aggregate", "positive")),
        season_ends=pd.DataFrame() if season_ends is None else season_ends,
        months=by_month(series),
    )


# --- parcels -----------------------------------------------------------------------------------------------------


def top_dates(relevance: Relevance, count: int = TOP_DATES) -> pd.DataFrame:
    """Return the dates that speak most for the answer of each parcel.

    Returns
    -------
    (parcel,) columns top1_date, top1_relevance, …; missing where fewer dates speak for it
    """
    by_date = relevance.by_date
    lacking = max(0, count - by_date.shape[1])
    ranked = np.pad(np.where(by_date > 0, by_date, -np.inf), ((0, 0), (0, lacking)), constant_values=-np.inf)
    dates = np.append(relevance.dates, np.full(lacking, np.datetime64("NaT")))
    order = np.argsort(-ranked, axis=1, kind="stable")[:, :count]
    columns: dict[str, Any] = {}
    for rank in range(count):
        value = np.take_along_axis(ranked, order[:, rank : rank + 1], axis=1)[:, 0]
        there = np.isfinite(value)
        days = np.where(there, dates[order[:, rank]], np.datetime64("NaT"))
        columns[f"top{rank + 1}_date"] = pd.Series(days.astype("datetime64[s]"))
        columns[f"top{rank + 1}_relevance"] = pd.Series(np.where(there, value, np.nan))
    return pd.DataFrame(columns)


def _window_columns(crop: pd.Series, windows: Mapping[str, CropWindow]) -> pd.DataFrame:
    starts = {name: w.window.start for name, w in windows.items()}
    ends = {name: w.window.end for name, w in windows.items()}
    return pd.DataFrame(
        {
            "window_start": pd.to_datetime(crop.map(starts)).astype("datetime64[s]"),
            "window_end": pd.to_datetime(crop.map(ends)).astype("datetime64[s]"),
        }
    )


# --- relevance ---------------------------------------------------------------------------------------------------


def dated_blocks(series: CropSeries, relevance: Relevance | None) -> Iterator[RelevanceBlock]:
    """Give relevance, where there is any, and reflectance of the same parcels in blocks, read as they are asked for."""
    picked = [next((b for b in bands if b in series.bands), None) for _, _, bands in REFLECTANCE]
    read = [band for band in picked if band is not None]
    if not read:
        yield from relevance_blocks(relevance)
        return
    blocks = repeat(None) if relevance is None else relevance_blocks(relevance)
    first = 0
    for piece, block in zip(series.chunks(PARCELS_AT_ONCE), blocks, strict=False):
        values = np.full((len(piece), len(piece.dates), len(picked)), np.nan, dtype=np.float32)
        values[..., [band is not None for band in picked]] = piece.select_bands(read).reflectance
        bare = RelevanceBlock(first, np.full(values.shape[:2], np.nan, dtype=np.float32))
        yield replace(bare if block is None else block, reflectance=values)
        first += len(piece)


def relevance_blocks(relevance: Relevance | None) -> Iterator[RelevanceBlock]:
    """Give the relevance in blocks of parcels, its bands gathered in their groups where it has bands."""
    if relevance is None:
        return
    member: npt.NDArray[np.float32] | None = None
    if "band" in relevance.dataset["relevance"].dims:
        bands = [group_of(str(b)) for b in relevance.dataset["band"].values]
        member = np.array([[own == group for group in GROUPS] for own in bands], dtype=np.float32)
    first = 0
    for piece in relevance.chunks(PARCELS_AT_ONCE):
        groups = None
        if member is not None:
            values = piece.values  # NaN all over in bands that the series lacks
            there = np.asarray(~np.isnan(values).all(axis=(0, 1)))
            shown = member * there[:, None]
            groups = np.where(shown.any(axis=0), np.where(there, values, 0) @ shown, np.float32(np.nan))
        yield RelevanceBlock(first, piece.by_date, groups)
        first += len(piece)


# --- classes -----------------------------------------------------------------------------------------------------


def class_table(
    names: tuple[str, ...],
    crop: pd.Series,
    area: npt.NDArray[np.float64],
    declared: npt.NDArray[np.object_] | None,
    windows: Mapping[str, CropWindow],
    dates: npt.NDArray[np.datetime64],
) -> pd.DataFrame:
    """Sum up each crop that the model knows, in the order of HCAT.

    Parameters
    ----------
    names : the crops of the model
    crop : (parcel,) the answer, missing where there is none
    area : (parcel,) hectares
    declared : (parcel,) the model's name of the declared crop, empty where none
    windows : by crop
    dates : (time,) of the season

    Returns
    -------
    (class,) the columns of `cropxai.maps.columns.CLASSES`
    """
    colour = colours(names)
    rows = []
    for name in names:
        known = find_crop(name)
        own = (crop == name).to_numpy()
        meant = np.zeros(len(crop), bool) if declared is None else (declared == name) & crop.notna().to_numpy()
        row: dict[str, Any] = {
            "crop": name,
            "hcat_code": None if known is None else known.hcat_code,
            "hcat_name": None if known is None else known.hcat_name,
            "colour": colour[name],
            "parcels": int(own.sum()),
            "area_ha": float(np.nansum(area[own])) if np.isfinite(area[own]).any() or not own.any() else None,
            "declared": None if declared is None else int(meant.sum()),
            "accuracy": float(own[meant].mean()) if meant.any() else None,
        }
        rows.append(row | _window_summary(name, windows.get(name), dates))
    table = pd.DataFrame(rows)
    return table.sort_values(["hcat_code", "crop"], na_position="last").reset_index(drop=True)


def _window_summary(name: str, window: CropWindow | None, dates: npt.NDArray[np.datetime64]) -> dict[str, Any]:
    if window is None:
        return {}
    row: dict[str, Any] = {
        "window_start": pd.Timestamp(window.window.start),
        "window_end": pd.Timestamp(window.window.end),
        "window_agreement": window.agreement,
    }
    for rank, peak in enumerate(peaks(window.relevance, PEAKS), start=1):
        row[f"peak{rank}_date"] = pd.Timestamp(dates[peak])
        row[f"peak{rank}_stage"] = stage_on(name, dates[peak])
    return row


# --- the run -----------------------------------------------------------------------------------------------------


def run_facts(
    series: CropSeries,
    model: Model,
    windows: Mapping[str, CropWindow],
    parcels_file: PathLike | None,
    parameters: Mapping[str, Any],
) -> dict[str, Any]:
    """Record how a map was made: inputs and their hash, versions, parameters, the model card."""
    card = model.card.asdict()
    card["training"] = {k: v for k, v in card["training"].items() if k != "history"}
    del card["uncertainty"]  # thousands of numbers, which nobody reads there
    found = {
        name: {"parcels": w.parcels, "start": str(w.window.start), "end": str(w.window.end),
               "agreement": round(w.agreement, 4), "top_dates": [str(d) for d in w.window.top]}
        for name, w in windows.items()
    }  # fmt: skip
    return {
        "software": f"cropxai {cropxai.__version__}",
        "versions": {"python": platform.python_version()} | {package: version(package) for package in PACKAGES},
        "parcels": None if parcels_file is None else Path(parcels_file).name,
        "scenes": sources(series),
        "plan_hash": series.dataset.attrs.get("plan_hash", ""),
        "level": series.level,
        "parameters": json.loads(json.dumps(parameters, default=str)),
        "windows": found,
        "model": card,
        "model_sha256": hashlib.sha256(save(dict(model.network.state_dict()))).hexdigest(),
    }
