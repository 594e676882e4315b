"""Answers: the crop of every parcel, how sure, and why not where there is none."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from cropxai.model.checkpoint import Model
from cropxai.model.engine import scorer
from cropxai.model.inputs import Inputs
from cropxai.model.prefixes import last_clear_day
from cropxai.model.transformer import CropTransformer
from cropxai.reporting import Report, silent
from cropxai.series import CropSeries
from cropxai.series.cube import NO_CLEAR_DATE

CLASSIFIED = "classified"
PARCELS_AT_ONCE = 8192


@dataclass(frozen=True)
class Classification:
    """The answers of a model.

    Attributes
    ----------
    frame : one row a parcel: parcel_id, crop, hcat_code, confidence, second_crop, second_confidence, clear_dates,
        status; the answer is missing where the status is not "classified"
    probabilities : (parcel, class) float32, NaN where there is no answer
    names : class labels, in the order of the probabilities
    """

    frame: pd.DataFrame
    probabilities: npt.NDArray[np.float32]
    names: tuple[str, ...]

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


def classify(series: CropSeries, model: Model, *, batch_size: int = 512, report: Report = silent) -> Classification:
    """Classify every parcel; those without a clear date get no answer and a status that says why.

    Parameters
    ----------
    series : of the level and with the bands that the model was trained on, dates within one season
    model : the trained model

    Raises
    ------
    LevelMismatch, BandMismatch, SeriesUnusable
        If the series is not what the model was made for.
    """
    model.check(series)
    probabilities, clear = [], []
    for number, chunk in enumerate(series.chunks(PARCELS_AT_ONCE)):
        inputs = model.inputs(chunk)
        end = last_clear_day(inputs.valid, inputs.day)
        probability = model.probabilities(logits(model.network, inputs, batch_size), end)
        probability[~inputs.valid.any(axis=1)] = np.nan
        probabilities.append(probability)
        clear.append(inputs.valid.sum(axis=1))
        report(min(1.0, (number + 1) * PARCELS_AT_ONCE / len(series)))
    return _tabulate(series, model, np.concatenate(probabilities), np.concatenate(clear))


def _tabulate(
    series: CropSeries, model: Model, probabilities: npt.NDArray[np.float32], clear: npt.NDArray[np.intp]
) -> Classification:
    """Turn probabilities (parcel, class) and counts of clear dates (parcel,) into the table of answers."""
    answered = np.isfinite(probabilities[:, 0])
    order = np.argsort(-np.nan_to_num(probabilities), axis=1, kind="stable")
    rows = np.arange(len(order))
    names = np.array(model.names, dtype=object)
    codes = pd.array([c.hcat_code for c in model.card.classes], dtype="Int64")
    first, second = order[:, 0], order[:, min(1, order.shape[1] - 1)]
    reason = np.where(series.status != "", series.status, NO_CLEAR_DATE)
    frame = pd.DataFrame(
        {
            "parcel_id": series.parcel_id,
            "crop": pd.Series(names[first], dtype=object).where(answered, None),
            "hcat_code": codes[first],
            "confidence": probabilities[rows, first],
            "second_crop": pd.Series(names[second], dtype=object).where(answered, None),
            "second_confidence": probabilities[rows, second],
            "clear_dates": clear,
            "status": np.where(answered, CLASSIFIED, reason),
        }
    )
    frame.loc[~answered, "hcat_code"] = pd.NA
    return Classification(frame, probabilities, model.names)
