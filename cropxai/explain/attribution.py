"""Explain answers: from a series and a model to the relevance of parcels × dates × bands, piece by piece."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

from cropxai.errors import PathLike
from cropxai.explain.relevance import PARCELS_AT_ONCE, FloatArray, Relevance
from cropxai.explain.rules import RULES, check_known
from cropxai.model.checkpoint import Model
from cropxai.model.inputs import Inputs
from cropxai.reporting import Report, silent
from cropxai.series import CropSeries

TARGETS = ("margin", "logit")
REFERENCES = ("date-median", "typical", "zero")
#: What the score is made of: relevance of the input, what the reference already has, the encoding of the dates, and
#: what biases (with attnlrp also the softmax) take up.
LEDGER = ("input", "reference", "position", "bias")
#: Parcels that must show a date for their median to stand for it.
ENOUGH_PARCELS = 20


def explain(series: CropSeries, model: Model, **choices: Any) -> Relevance:
    """Explain the answer of every parcel; takes the choices of :func:`explained_pieces`."""
    return Relevance.join(list(explained_pieces(series, model, **choices)))


def explain_to(
    path: PathLike, series: CropSeries, model: Model, *, overwrite: bool = False, **choices: Any
) -> Relevance:
    """Explain the answer of every parcel into a Zarr store, in memory bounded by one piece.

    Takes the choices of :func:`explained_pieces`; returns the store opened, its values read when they are used.

    Raises
    ------
    OutputExists, OutputUnwritable
    """
    return Relevance.open(Relevance.write(path, explained_pieces(series, model, **choices), overwrite))


def explained_pieces(
    series: CropSeries,
    model: Model,
    *,
    rule: str = "cp-lrp",
    target: str = "margin",
    reference: str = "date-median",
    labels: npt.ArrayLike | None = None,
    batch_size: int = 256,
    report: Report = silent,
) -> Iterator[Relevance]:
    """Explain the answers of some thousand parcels after the other.

    Parameters
    ----------
    series : that the model may classify
    rule : "cp-lrp", "attnlrp" or "gradient-input"
    target : "margin", the score of the class less that of its strongest rival, or "logit", its score alone
    reference : what relevance is counted from, relevance = (x - reference) × gradient: "date-median", the median of
        all parcels of the series on that date, so that what a date does to all of them (snow, haze, wet soil) gets
        none (where fewer than 20 parcels show the date: typical); "typical", the median series of the model's training
        parcels, which does not depend on the other parcels; or "zero" reflectance, as in Chan et al. 2023
    labels : (parcel,) class to explain, by default the predicted one; labels the model does not know are predicted
    batch_size : parcels in one pass of the network
    report : told the share of the parcels that are explained

    Raises
    ------
    LevelMismatch, BandMismatch, SeriesUnusable
        If the series is not what the model was made for.
    """
    for name, value, known in (
        ("rule", rule, RULES),
        ("target", target, TARGETS),
        ("reference", reference, REFERENCES),
    ):
        if value not in known:
            raise ValueError(f"{name} {value!r} is none of {', '.join(known)}")
    model.check(series)
    check_known(model.network)
    wanted = _numbers(labels, model, len(series))
    base = torch.from_numpy(reference_series(series, model, reference))
    names = np.array([*model.names, ""], dtype=object)  # -1, no answer, is the last
    attrs = {"rule": rule, "target": target, "reference": reference, "model": model.card.name}
    done = 0
    for chunk in series.chunks(PARCELS_AT_ONCE):
        inputs = Inputs.of(chunk, model.card.bands)
        asked = torch.from_numpy(wanted[done : done + len(chunk)])
        values, ledger, score, number = _explain(model, inputs, asked, base, rule, target, batch_size)
        done += len(chunk)
        report(done / len(series))
        yield Relevance(
            xr.Dataset(
                {
                    "relevance": (("parcel", "time", "band"), values),
                    "ledger": (("parcel", "entry"), ledger),
                    "score": ("parcel", score),
                },
                coords={
                    "parcel_id": ("parcel", chunk.parcel_id),
                    "time": series.dataset["time"].values,
                    "band": np.array(model.card.bands, dtype=object),
                    "crop": ("parcel", names[number]),
                    "entry": np.array(LEDGER, dtype=object),
                },
                attrs=attrs,
            )
        )


def _explain(
    model: Model, inputs: Inputs, asked: Tensor, base: Tensor, rule: str, target: str, batch_size: int
) -> tuple[FloatArray, FloatArray, FloatArray, npt.NDArray[np.intp]]:
    """Explain some parcels.

    Parameters
    ----------
    asked : (parcel,) number of the class to explain, -1 for the predicted one
    base : (time, band) reference

    Returns
    -------
    relevance (parcel, time, band), ledger (parcel, entry), score (parcel,), class number (parcel,): -1 without answer
    """
    network = model.network.eval()
    x, valid, day = inputs.tensors()
    values, score, number = torch.empty_like(x), torch.empty(len(x)), asked.clone()
    ledger = torch.empty(len(x), len(LEDGER))
    for start in range(0, len(x), batch_size):
        rows = slice(start, start + batch_size)
        leaf = x[rows].clone().requires_grad_()
        position = network.date(day.expand(leaf.shape[:2])).requires_grad_()
        scores = network(leaf, valid[rows], day, RULES[rule], position)
        number[rows] = torch.where(asked[rows] >= 0, asked[rows], scores.argmax(dim=1))
        explained = explained_score(scores, number[rows], target)
        gradient, on_position = torch.autograd.grad(explained.sum(), (leaf, position))
        score[rows] = explained.detach()
        values[rows] = (leaf.detach() - base) * gradient
        entries = [
            values[rows].sum((1, 2)),
            (base * gradient).sum((1, 2)),
            (position.detach() * on_position).sum((1, 2)),
        ]
        ledger[rows] = torch.stack([*entries, score[rows] - sum(entries)], dim=1)
    unanswered = ~valid.any(dim=1)
    values[~valid] = score[unanswered] = ledger[unanswered] = torch.nan
    number[unanswered] = -1
    return values.numpy(), ledger.numpy(), score.numpy(), number.numpy()


def reference_series(series: CropSeries, model: Model, reference: str) -> FloatArray:
    """Return what the relevance is counted from, (time, band) reflectance; see :func:`explained_pieces`."""
    typical = model.typical(series.season_day)
    if reference == "typical":
        return typical
    if reference == "zero":
        return np.zeros_like(typical)
    for number, band in enumerate(model.card.bands):  # one band at a time: the medians need all parcels
        values = series.select_bands([band]).reflectance[..., 0]
        enough = np.isfinite(values).sum(axis=0) >= ENOUGH_PARCELS
        typical[enough, number] = np.nanmedian(values[:, enough], axis=0)
    return typical


def explained_score(scores: Tensor, number: Tensor, target: str) -> Tensor:
    """Return the score of a class (batch,): its logit, or its margin over the strongest of the others."""
    own = scores.gather(1, number[:, None])[:, 0]
    if target == "logit":
        return own
    rivals = scores.scatter(1, number[:, None], -torch.inf)
    return own - rivals.amax(dim=1)


def _numbers(labels: npt.ArrayLike | None, model: Model, count: int) -> npt.NDArray[np.intp]:
    if labels is None:
        return np.full(count, -1, dtype=np.intp)
    known = {name: number for number, name in enumerate(model.names)}
    classes = model.class_of(np.asarray(labels, dtype=object).tolist())
    return np.array([known.get(name, -1) for name in classes], dtype=np.intp)
