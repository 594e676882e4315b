"""The main job: from parcels and scenes to an explained crop map, the stages called in order."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import cropxai
from cropxai.bands import GROUPS, group_of
from cropxai.errors import PathLike, SeriesUnusable
from cropxai.explain import Relevance, explain_to
from cropxai.ingest import extract_series
from cropxai.ingest.scenes import Scene
from cropxai.maps.geopackage import join_attributes, write_map
from cropxai.model import Classification, Model, classify, load_model
from cropxai.outputs import check_absent, replacing
from cropxai.reporting import Report, part, silent
from cropxai.season.agreement import CropWindow, crop_windows
from cropxai.series import CropSeries
from cropxai.series.store import sources
from cropxai.workplace import Workplace

TOP_DATES = 3
PARCELS_AT_ONCE = 2000
#: Share of the run's time by stage, for progress: reading pixels is most of it.
INGEST, CLASSIFY, EXPLAIN, SEASON, WRITE = (0, 0.7), (0.7, 0.75), (0.75, 0.85), (0.85, 0.9), (0.9, 1.0)


@dataclass(frozen=True)
class CropMap:
    """What a run of the main job made: the file, the answers, and the window of each crop."""

    path: Path
    answers: Classification
    windows: dict[str, CropWindow]

    def text(self) -> str:
        """Say in a few lines what is on the map."""
        frame = self.answers.frame
        lines = [f"{self.path}: {len(frame)} parcels, {int(self.answers.answered.sum())} classified"]
        for name, found in self.windows.items():
            noun = "parcel" if found.parcels == 1 else "parcels"
            lines.append(
                f"  {name}: {found.parcels} {noun}; {found.window.start} to {found.window.end} suffice "
                f"({100 * found.agreement:.0f} % keep their answer)"
            )
        reasons = frame.loc[~self.answers.answered, "status"].value_counts()
        lines += [f"  without an answer: {count} × {reason}" for reason, count in reasons.items()]
        return "\n".join(lines)


def crop_map(
    parcels: PathLike,
    scenes: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    model: PathLike = "default",
    label_field: str | None = None,
    start: Any = None,
    end: Any = None,
    reading: Mapping[str, Any] | None = None,
    rule: str = "cp-lrp",
    target: str = "margin",
    reference: str = "date-median",
    top: int = 10,
    max_loss: float = 0.75,
    aggregate: str = "positive",
    overwrite: bool = False,
    report: Report = silent,
) -> CropMap:
    """Ingest, classify, explain, find the windows, and write the map.

    Parameters
    ----------
    parcels, scenes : as of :func:`cropxai.ingest.extract_series`
    output : GeoPackage to write; layer ``parcels``, tables ``relevance`` and ``run``
    model : name of a shipped model or folder of a trained one
    label_field : attribute with the declared crop, which the map then shows beside the answer
    start, end : dates to keep; needed where the scenes span more than a year
    reading : further arguments of :func:`cropxai.ingest.extract_series`
    rule, target, reference : of the relevance (:func:`cropxai.explain.explain`)
    top, max_loss, aggregate : of the windows (:func:`cropxai.season.agreement.crop_windows`)

    Raises
    ------
    OutputBusy
        If another run is at work on the same output.
    CropxaiError
        Another of its kinds, if an input cannot be used. The parts read so far are kept beside ``output``, so that a
        second run goes on where the first stopped.
    """
    output = check_absent(output, overwrite)
    trained = load_model(model)
    reading = dict(reading or {})
    with Workplace(output) as place:
        series = extract_series(
            parcels, scenes, label_field=label_field, bands=trained.card.bands, start=start, end=end,
            workdir=place.folder, accept=_accepted_by(trained), report=part(report, *INGEST), **reading,
        )  # fmt: skip
        answers = classify(series, trained, report=part(report, *CLASSIFY))
        relevance = explain_to(
            place.folder / "relevance.zarr", series, trained, overwrite=True, rule=rule, target=target,
            reference=reference, report=part(report, *EXPLAIN),
        )  # fmt: skip
        found = crop_windows(
            series, trained, answers, relevance, most=top, max_loss=max_loss, aggregate=aggregate,
            report=part(report, *SEASON),
        )  # fmt: skip
        report(WRITE[0], "writing")
        results = answers.frame.join(top_dates(relevance)).join(_window_columns(answers.frame["crop"], found))
        if label_field is not None:
            results["declared_crop"] = pd.Series(series.labels, dtype=object).replace("", None)
        unsaid = ("verify", "workers", "dask", "plan_cache")
        told = {name: value for name, value in reading.items() if name not in unsaid}
        asked = {"rule": rule, "target": target, "reference": reference, "top": top, "max_loss": max_loss,
                 "aggregate": aggregate, **told}  # fmt: skip
        write_map(
            output,
            join_attributes(results, series.parcels),
            relevance_table(relevance),
            crop_labels=trained.names,
            run=_run(parcels, series, trained, found, asked),
            overwrite=overwrite,
        )
    report(1.0)
    return CropMap(output, answers, found)


def save_answers(
    answers: Classification, series: CropSeries, model: Model, output: PathLike, overwrite: bool = False
) -> Path:
    """Write answers without relevance: a table (.csv, .parquet) or a map (.gpkg).

    Raises
    ------
    OutputExists, OutputUnwritable
    SeriesUnusable
        If a map is asked for and the series has no geometry.
    """
    output = Path(output)
    if output.suffix.lower() == ".gpkg":
        if series.parcels is None:
            raise SeriesUnusable("the series has no geometry, so it gives no map; write .csv or .parquet")
        parcels = join_attributes(answers.frame, series.parcels)
        run = _run(None, series, model, {}, {})
        return write_map(output, parcels, None, crop_labels=answers.names, run=run, overwrite=overwrite)
    with replacing(output, overwrite) as part_file:
        if output.suffix.lower() == ".csv":
            answers.frame.to_csv(part_file, index=False)
        else:
            answers.frame.to_parquet(part_file, index=False)
    return output


def _accepted_by(model: Model) -> Callable[[Sequence[Scene]], None]:
    """Return the check of scenes that refuses, before pixels are read, what the model could not take after."""

    def accept(scenes: Sequence[Scene]) -> None:
        dates = np.array([scene.date for scene in scenes], dtype="datetime64[D]")
        model.check_input(scenes[0].level, {band for scene in scenes for band in scene.bands}, dates)

    return accept


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


def _window_columns(crop: pd.Series, found: Mapping[str, CropWindow]) -> pd.DataFrame:
    starts = {name: w.window.start for name, w in found.items()}
    ends = {name: w.window.end for name, w in found.items()}
    return pd.DataFrame(
        {
            "window_start": pd.to_datetime(crop.map(starts)).astype("datetime64[s]"),
            "window_end": pd.to_datetime(crop.map(ends)).astype("datetime64[s]"),
        }
    )


def relevance_table(relevance: Relevance) -> Iterator[pd.DataFrame]:
    """Give the long table of relevance in pieces: parcel_id, date, band_group, relevance; missing dates left out."""
    bands = [str(b) for b in relevance.dataset["band"].values]
    groups = [g for g in GROUPS if any(group_of(b) == g for b in bands)]
    member = np.array([[group_of(b) == g for g in groups] for b in bands], dtype=np.float32)
    days = np.array([pd.Timestamp(d).date() for d in relevance.dates], dtype=object)
    for piece in relevance.chunks(PARCELS_AT_ONCE):
        grouped = piece.values @ member
        parcel, time, group = np.nonzero(np.isfinite(grouped))
        yield pd.DataFrame(
            {
                "parcel_id": piece.dataset["parcel_id"].values[parcel],
                "date": days[time],
                "band_group": np.array(groups, dtype=object)[group],
                "relevance": grouped[parcel, time, group].astype(float),
            }
        )


def _run(
    parcels: PathLike | None,
    series: CropSeries,
    model: Model,
    found: Mapping[str, CropWindow],
    asked: Mapping[str, Any],
) -> dict[str, Any]:
    card = model.card.asdict()
    card["training"] = {k: v for k, v in card["training"].items() if k != "history"}
    windows = {
        name: {"parcels": w.parcels, "start": str(w.window.start), "end": str(w.window.end),
               "agreement": round(w.agreement, 4), "top_dates": [str(d) for d in w.window.top]}
        for name, w in found.items()
    }  # fmt: skip
    return {
        "software": f"cropxai {cropxai.__version__}",
        "parcels": None if parcels is None else Path(parcels).name,
        "scenes": sources(series),
        "plan_hash": series.dataset.attrs.get("plan_hash", ""),
        "level": series.level,
        "dates": [str(d) for d in series.dates],
        "parameters": json.loads(json.dumps(asked, default=str)),
        "windows": windows,
        "model": card,
    }
