"""Answers: the crop of every parcel, how sure, and why not where there is none."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from cropxai.cluster import Cluster
from cropxai.model.answering import Answering, Choices, Found
from cropxai.model.checkpoint import Model
from cropxai.model.engine import scorer
from cropxai.model.inputs import Inputs
from cropxai.model.streaming import Store, on_cluster, on_threads
from cropxai.model.transformer import CropTransformer
from cropxai.reporting import Report, silent
from cropxai.series import CropSeries
from cropxai.series.cube import NO_CLEAR_DATE

CLASSIFIED = "classified"
#: Status of an answer about a parcel that looks like nothing the model learnt from.
UNLIKE = "unlike the training data"
#: Status of a parcel whose values are so large that the network gives no number.
OUT_OF_RANGE = "reflectance out of range"
#: Between the names of a set.
SEPARATOR = "; "


@dataclass(frozen=True)
class Classification:
    """The answers of a model.

    Attributes
    ----------
    frame : one row a parcel: parcel_id, crop, hcat_code, confidence, second_crop, second_confidence, crop_set,
        set_size, novelty, clear_dates, status. The status is "classified", or "unlike the training data" where
        ``novelty`` is above 1; with any other the answer is missing. Set and novelty are missing if the model's card
        knows none
    probabilities : (parcel, class) float32, NaN where there is no answer
    names : class labels, in the order of the probabilities
    sets : (parcel, class) bool, which classes are in the conformal set before the most probable one is put in as well;
        None if the card knows none
    """

    frame: pd.DataFrame
    probabilities: npt.NDArray[np.float32]
    names: tuple[str, ...]
    sets: npt.NDArray[np.bool_] | None = None

    @property
    def answered(self) -> npt.NDArray[np.bool_]:
        """Whether a parcel has an answer, (parcel,)."""
        return np.isfinite(self.probabilities[:, 0])

    @property
    def winner(self) -> npt.NDArray[np.intp]:
        """The number of the most probable class, (parcel,), -1 where there is no answer."""
        return np.where(self.answered, np.nan_to_num(self.probabilities).argmax(axis=1), -1)


def logits(network: CropTransformer, inputs: Inputs, batch_size: int = 512) -> npt.NDArray[np.float32]:
    """Score all classes, (parcel, class) float32, not calibrated."""
    return scorer(network, batch_size=batch_size)(inputs)


def softmax(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Turn scores (parcel, class) into probabilities."""
    return torch.from_numpy(scores).softmax(dim=1).numpy()


def classify(
    series: CropSeries,
    model: Model | Sequence[Model],
    *,
    workers: int | None = None,
    far: "Far | None" = None,
    report: Report = silent,
    **choices: Any,
) -> Classification:
    """Classify every parcel; those without a clear date get no answer and a status that says why.

    Parameters
    ----------
    series : of the level and with the bands that the model was trained on, dates within one season
    model : the trained model, or several with the same classes, whose probabilities are averaged
    workers : pieces of some thousand parcels that are worked on at the same time, by default as many as CPUs, at most
        8; the answers do not depend on it
    far : a Dask cluster, in place of threads
    choices : coverage, dtype, device, views and batch_size of :class:`cropxai.model.answering.Choices`

    Raises
    ------
    LevelMismatch, BandMismatch, SeriesUnusable
        If the series is not what the model was made for.
    ClassesDiffer, DeviceMissing, ClusterUnusable
    """
    models = (model,) if isinstance(model, Model) else tuple(model)
    for each in models:
        each.check(series)
    chosen = Choices(**choices)
    if far is None:
        found = on_threads(series, Answering(models, chosen), workers, report)
    else:
        Answering(models, chosen)  # refuses here what workers would refuse far away
        found = on_cluster(series, far.store, models, chosen, far.cluster, far.folder, report)
    return _tabulate(series, models[0], Found.join(found))


@dataclass(frozen=True)
class Far:
    """A Dask cluster, where its workers find the series, and the folder in which they keep what they find."""

    cluster: Cluster
    store: Store
    folder: Path


def _tabulate(series: CropSeries, model: Model, found: Found) -> Classification:
    """Turn what is found into the table of answers."""
    probabilities = found.probabilities
    answered = np.isfinite(probabilities[:, 0])
    order = np.argsort(-np.nan_to_num(probabilities), axis=1, kind="stable")
    rows = np.arange(len(order))
    names = np.array(model.names, dtype=object)
    codes = pd.array([c.hcat_code for c in model.card.classes], dtype="Int64")
    first, second = order[:, 0], order[:, min(1, order.shape[1] - 1)]
    lacking = np.where(found.clear > 0, OUT_OF_RANGE, NO_CLEAR_DATE)
    reason = np.where(series.status != "", series.status, lacking)
    said = np.where(found.novelty > 1, UNLIKE, CLASSIFIED)
    crop_set, set_size = _set_columns(names, order, found.sets)
    frame = pd.DataFrame(
        {
            "parcel_id": series.parcel_id,
            "crop": pd.Series(names[first], dtype=object).where(answered, None),
            "hcat_code": codes[first],
            "confidence": probabilities[rows, first],
            "second_crop": pd.Series(names[second], dtype=object).where(answered, None),
            "second_confidence": probabilities[rows, second],
            "crop_set": pd.Series(crop_set, dtype=object).where(answered, None),
            "set_size": set_size,
            "novelty": found.novelty,
            "clear_dates": found.clear,
            "status": np.where(answered, said, reason),
        }
    )
    frame.loc[~answered, ["hcat_code", "set_size"]] = pd.NA
    return Classification(frame, probabilities, model.names, found.sets)


def _set_columns(
    names: npt.NDArray[np.object_], order: npt.NDArray[np.intp], sets: npt.NDArray[np.bool_] | None
) -> tuple[npt.NDArray[np.object_], pd.api.extensions.ExtensionArray]:
    """Write each parcel's set, the most probable crop first and always in it, and its size; missing without sets."""
    if sets is None:
        return np.full(len(order), None, dtype=object), pd.array([pd.NA] * len(order), dtype="Int64")
    within = np.take_along_axis(sets, order, axis=1)
    within[:, 0] = True
    texts = np.empty(len(order), dtype=object)
    for row, (ranked, inside) in enumerate(zip(order, within, strict=True)):
        texts[row] = SEPARATOR.join(names[ranked[inside]])
    return texts, pd.array(within.sum(axis=1), dtype="Int64")
