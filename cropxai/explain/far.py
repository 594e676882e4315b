"""Explanations by the workers of a Dask cluster, which read the series themselves and keep what they find as parts."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from cropxai.cluster import Task
from cropxai.explain.lrp import Attribution
from cropxai.explain.methods import explainer
from cropxai.explain.parts import kept, load_part, name_of
from cropxai.explain.relevance import PARCELS_AT_ONCE
from cropxai.model.checkpoint import Model, load_model
from cropxai.model.predict import Far
from cropxai.model.streaming import Store, seen_by_all, starts
from cropxai.series import CropSeries

Numbers = npt.NDArray[np.intp]


def explained_far(
    far: Far,
    series: CropSeries,
    model: Model,
    way: dict[str, Any],
    wanted: Numbers,
    base: npt.NDArray[np.float32],
) -> Iterator[Attribution]:
    """Explain the pieces of a series far away, in order; the parts have the names that they get here.

    Parameters
    ----------
    far : the cluster, the store of ``series``, and the folder of the parts, which gets the model and ``base`` as well
    way : arguments of :func:`cropxai.explain.methods.explainer` but the model
    wanted : (parcel,) class to explain, -1 for the predicted one
    base : of :func:`cropxai.explain.medians.reference_series`

    Raises
    ------
    ClusterUnusable
    """
    folder = far.folder.absolute()
    model.save(folder / "model", overwrite=True)
    np.save(folder / "base.npy", base)
    tasks = [
        Task(f"parcels-{start}", (far.store, start, wanted[start : start + PARCELS_AT_ONCE], way, folder))
        for start in starts(series, PARCELS_AT_ONCE)
    ]
    yield from far.cluster.make(_explained, tasks, folder, load_part)


def _explained(store: Store, start: int, asked: Numbers, way: dict[str, Any], folder: Path) -> str:
    """Explain a piece on a worker, and return the name of the file that keeps it."""
    torch.set_num_threads(1)
    seen_by_all(store.path, folder)
    model = load_model(folder / "model")
    explain, base = explainer(model, **way), np.load(folder / "base.npy")
    piece = next(store.piece(start, PARCELS_AT_ONCE).chunks(PARCELS_AT_ONCE))
    inputs = model.inputs(piece)
    name = name_of(explain, inputs, asked, base)
    kept(folder / name, partial(explain, inputs.reflectance, inputs.valid, inputs.encoded, asked, base))
    return name
