"""What relevance is counted from: a median series, of all parcels, of a class, or of the training."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cropxai.model.checkpoint import Model
from cropxai.model.inputs import PIXELS, Inputs
from cropxai.model.predict import logits
from cropxai.series import CropSeries

FloatArray = npt.NDArray[np.float32]
Numbers = npt.NDArray[np.intp]

REFERENCES = ("rival", "counterpart", "date-median", "class-median", "typical", "zero")
#: References that differ by class, see `counted_from`.
BY_CLASS = ("rival", "counterpart", "class-median")
#: Parcels that must show a date for their median to stand for it.
ENOUGH_PARCELS = 20


def reference_series(series: CropSeries, model: Model, reference: str) -> FloatArray:
    """Return the series that relevance is counted from.

    * "rival": what the class is contrasted with in each parcel: on every date the median of the parcels that the model
      gives the strongest rival; where fewer than 20 of them show it, as date-median;
    * "counterpart": the parcel itself as it would be of the rival: less, on every date, what the median of its class
      differs by from that of the rival, medians as with rival;
    * "date-median": on every date the median of all parcels of the series; where fewer than 20 show it, as typical;
    * "class-median": for each class, what it is contrasted with: on every date the median of the other classes' own
      medians, so that each class counts alike; a class is that of the parcels which the model gives it, and counts on
      a date that 20 of them show; where none does, as date-median;
    * "typical": the median series of the model's training parcels;
    * "zero": no reflectance at all.

    Returns
    -------
    (time, band) reflectance; with class-median (class, time, band); with rival and counterpart the same, for each class
    its own median
    """
    columns = (_column(series, band, model) for band in model.card.columns)
    if reference not in BY_CLASS:
        return _reference(columns, model.typical(series.season_day), reference)
    inputs = (model.inputs(chunk) for chunk in series.chunks())
    winner = np.concatenate([_winner(model, piece) for piece in inputs])
    return _class_medians(columns, model.typical(series.season_day), winner, len(model.names), reference)


def counted_from(reference: str, base: Tensor, x: Tensor, number: Tensor, rival: Tensor) -> Tensor:
    """Return the series that the relevance of each parcel is counted from.

    Parameters
    ----------
    base : of :func:`reference_series`, (time, band) or (class, time, band), or features in place of reflectance
    x : (parcel, time, band) reflectance of the parcels
    number, rival : (parcel,) the class that is explained, and its strongest rival

    Returns
    -------
    (parcel, time, band), or one that broadcasts to it
    """
    if base.ndim == 2:
        return base[None]
    if reference == "class-median":
        return base[number]
    if reference == "rival":
        return base[rival]
    moved = x - (base[number] - base[rival])
    return torch.where(moved.isnan(), base[rival], moved)  # bands that the series lacks


def _column(series: CropSeries, band: str, model: Model) -> FloatArray:
    """Return one band, or the clear pixels, (parcel, time), NaN all over where the series lacks it."""
    if band == PIXELS:
        counted = (model.inputs(chunk) for chunk in series.chunks())
        return np.concatenate([np.where(each.valid, each.reflectance[..., -1], np.nan) for each in counted])
    if band not in series.bands:
        return np.full((len(series), len(series.dates)), np.nan, dtype=np.float32)
    return series.select_bands([band]).reflectance[..., 0]


def reference_inputs(inputs: Inputs, model: Model, reference: str) -> FloatArray:
    """Return what :func:`reference_series` does, from the arrays of the parcels.

    Raises
    ------
    ValueError
        If the days are not known (:meth:`cropxai.model.inputs.Inputs.explained`).
    """
    if np.isnan(inputs.day).any():
        raise ValueError("dates told by parcel need base, see reference_series")
    columns = (np.where(inputs.valid, values, np.nan) for values in np.moveaxis(inputs.reflectance, 2, 0))
    typical = model.typical(inputs.day)
    if reference not in BY_CLASS:
        return _reference(columns, typical, reference)
    return _class_medians(columns, typical, _winner(model, inputs), len(model.names), reference)


def _winner(model: Model, inputs: Inputs) -> Numbers:
    """Return the number of the class that each parcel gets, -1 without a date."""
    training = model.network.training
    scores = logits(model.network, inputs)
    model.network.train(training)
    return np.where(inputs.valid.any(axis=1), scores.argmax(axis=1), -1)


def _reference(columns: Iterable[FloatArray], typical: FloatArray, reference: str) -> FloatArray:
    """Take the values (parcel, time) of one band after the other, which bounds memory."""
    if reference == "zero":
        return np.zeros_like(typical)
    if reference == "date-median":
        for number, values in enumerate(columns):
            typical[:, number] = _median(values, typical[:, number])
    return typical


def _class_medians(
    columns: Iterable[FloatArray], typical: FloatArray, winner: Numbers, classes: int, reference: str
) -> FloatArray:
    """Return for each class (class, time, band) its own median, or with class-median that of the others' medians."""
    medians = np.empty((classes, *typical.shape), dtype=np.float32)
    absent = np.full(len(typical), np.nan, dtype=np.float32)
    for band, values in enumerate(columns):
        overall = _median(values, typical[:, band])
        own = np.stack([_median(values[winner == number], absent) for number in range(classes)])
        for number in range(classes):
            if reference != "class-median":
                medians[number, :, band] = np.where(np.isfinite(own[number]), own[number], overall)
                continue
            rest = np.delete(own, number, axis=0)
            medians[number, :, band] = overall
            shown = np.isfinite(rest).any(axis=0)
            medians[number, shown, band] = np.nanmedian(rest[:, shown], axis=0)
    return medians


def _median(values: FloatArray, otherwise: FloatArray) -> FloatArray:
    """Return the median over the parcels, (time,), or ``otherwise`` on dates that too few of them show."""
    out = otherwise.copy()
    enough = np.isfinite(values).sum(axis=0) >= ENOUGH_PARCELS
    out[enough] = np.nanmedian(values[:, enough], axis=0)
    return out
