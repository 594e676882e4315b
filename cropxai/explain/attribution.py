"""Explain answers: from a series and a model to the relevance of parcels × dates (× bands), piece by piece."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import xarray as xr

from cropxai.cluster import Cluster
from cropxai.errors import PathLike
from cropxai.explain.far import explained_far
from cropxai.explain.lrp import LEDGER, Attribution
from cropxai.explain.medians import reference_series
from cropxai.explain.methods import Explainer, explainer
from cropxai.explain.parts import kept, name_of
from cropxai.explain.relevance import PARCELS_AT_ONCE, Relevance
from cropxai.model.checkpoint import Model
from cropxai.model.predict import Far
from cropxai.model.streaming import Store, rows_of, starts
from cropxai.outputs import check_absent
from cropxai.reporting import Report, silent
from cropxai.series import CropSeries
from cropxai.workplace import Workplace


def explain(series: CropSeries, model: Model, **choices: Any) -> Relevance:
    """Explain the answer of every parcel; takes the choices of :func:`explained_pieces`."""
    return Relevance.join(list(explained_pieces(series, model, **choices)))


def explain_to(
    path: PathLike,
    series: CropSeries,
    model: Model,
    *,
    overwrite: bool = False,
    cluster: Cluster | None = None,
    store: Store | None = None,
    **choices: Any,
) -> Relevance:
    """Explain the answer of every parcel into a Zarr store, in memory bounded by one piece.

    Takes the choices of :func:`explained_pieces`, and a Dask cluster with the store of the series; returns the store
    opened, its values read when they are used. Pieces are kept in a hidden folder beside the output until it is whole:
    a run that was stopped goes on from there, with the same result to the byte.

    Raises
    ------
    OutputExists, OutputUnwritable, OutputBusy
    """
    check_absent(path, overwrite)
    with Workplace(path) as place:
        far = None if cluster is None or store is None else Far(cluster, store, place.folder)
        pieces = explained_pieces(series, model, workdir=place.folder, far=far, **choices)
        Relevance.write(path, pieces, overwrite)
    return Relevance.open(path)


def explained_pieces(
    series: CropSeries,
    model: Model,
    *,
    method: str = "cp-lrp",
    level: str | None = None,
    labels: npt.ArrayLike | None = None,
    workdir: Path | None = None,
    far: Far | None = None,
    report: Report = silent,
    **choices: Any,
) -> Iterator[Relevance]:
    """Explain the answers of some thousand parcels after the other.

    Parameters
    ----------
    series : that the model may classify
    method : one of :data:`cropxai.explain.methods.METHODS`
    level : "band", relevance of parcel × date × band, or "date", of parcel × date; by default the finest that the
        method has
    labels : (parcel,) class to explain, by default the predicted one; labels the model does not know are predicted
    workdir : existing folder that keeps what each piece gave
    far : a Dask cluster that explains the pieces, in place of this process
    report : told the share of the parcels that are explained
    choices : target, reference, dtype, chunk and device of :func:`cropxai.explain.methods.explainer`

    Raises
    ------
    LevelMismatch, BandMismatch, SeriesUnusable
        If the series is not what the model was made for.
    NoRelevanceRule
        If the model's network has a part that the rules do not know.
    """
    way = explainer(model, method, level, **choices)
    model.check(series)
    wanted = _numbers(labels, model, len(series))
    base = reference_series(series, model, way.reference)
    if far is not None:
        arguments = {"method": method, "level": level, **choices}
        pieces = explained_far(far, series, model, arguments, wanted, base)
        named = zip(starts(series, PARCELS_AT_ONCE), pieces, strict=True)
        explained: Iterator[tuple[CropSeries, Attribution]] = (
            (rows_of(series, start, PARCELS_AT_ONCE), found) for start, found in named
        )
    else:
        explained = _explained_here(series, way, wanted, base, workdir)
    done = 0
    for chunk, found in explained:
        done += len(chunk)
        report(done / len(series))
        yield _relevance(found, chunk, way, method)


def _explained_here(
    series: CropSeries, way: Explainer, wanted: npt.NDArray[np.intp], base: Any, workdir: Path | None
) -> Iterator[tuple[CropSeries, Attribution]]:
    """Explain the pieces of a series in this process, each loaded when it is reached."""
    done = 0
    for chunk in series.chunks(PARCELS_AT_ONCE):
        inputs = way.model.inputs(chunk)
        asked = wanted[done : done + len(chunk)]
        explained = partial(way, inputs.reflectance, inputs.valid, inputs.encoded, asked, base)
        yield chunk, explained() if workdir is None else kept(workdir / name_of(way, inputs, asked, base), explained)
        done += len(chunk)


def _relevance(found: Attribution, series: CropSeries, way: Explainer, method: str) -> Relevance:
    """Give the numbers of an attribution their names."""
    names = np.array([*way.model.names, ""], dtype=object)  # -1, no answer, is the last
    dims = ("parcel", "time", "band")[: found.relevance.ndim]
    coordinates: dict[str, Any] = {
        "parcel_id": ("parcel", series.parcel_id),
        "time": series.dataset["time"].values,
        "crop": ("parcel", names[found.number]),
        "rival": ("parcel", names[found.rival]),
        "entry": np.array(LEDGER, dtype=object),
    }
    if "band" in dims:
        coordinates["band"] = np.array(way.model.card.columns, dtype=object)
    values = {
        "relevance": (dims, found.relevance.astype(np.float32)),
        "position": (dims[:2], found.position.astype(np.float32)),
        "date_relevance": (dims[:2], found.date_relevance.astype(np.float32)),
        "ledger": (("parcel", "entry"), found.ledger.astype(np.float32)),
        "score": ("parcel", found.score.astype(np.float32)),
    }
    about = {"method": method, "level": way.level, "target": way.target, "reference": way.reference}
    return Relevance(xr.Dataset(values, coordinates, about | {"model": way.model.card.name}))


def _numbers(labels: npt.ArrayLike | None, model: Model, count: int) -> npt.NDArray[np.intp]:
    if labels is None:
        return np.full(count, -1, dtype=np.intp)
    known = {name: number for number, name in enumerate(model.names)}
    classes = model.class_of(np.asarray(labels, dtype=object).tolist())
    return np.array([known.get(name, -1) for name in classes], dtype=np.intp)
