"""The relevance of parcels × dates × bands, and its store."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
import xarray as xr
from torch import Tensor

import cropxai
from cropxai.errors import PathLike, SeriesUnreadable
from cropxai.explain.rules import RULES, check_known
from cropxai.model.checkpoint import Model
from cropxai.model.inputs import Inputs
from cropxai.model.transformer import Operations
from cropxai.outputs import replacing
from cropxai.reporting import Report, silent
from cropxai.series import CropSeries

FORMAT = "cropxai-relevance"
VERSION = 1
TARGETS = ("margin", "logit")
REFERENCES = ("date-median", "typical", "zero")
#: Parcels that must show a date for their median to stand for it.
ENOUGH_PARCELS = 20
PARCELS_AT_ONCE = 4096
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Relevance:
    """How much each date and band of a parcel spoke for its class.

    Attributes
    ----------
    dataset : xarray.Dataset
        ``relevance`` (parcel, time, band) float32, signed, in units of the score, NaN where the date is missing;
        ``score`` (parcel) the score that is explained, NaN without an answer; coordinates ``parcel_id``, ``time``,
        ``band`` and ``crop``, the class that is explained, empty without an answer. Attributes: ``rule``, ``target``,
        ``reference``, ``model``.
    """

    dataset: xr.Dataset

    @property
    def values(self) -> FloatArray:
        """The relevance, (parcel, time, band), NaN where missing."""
        return np.asarray(self.dataset["relevance"].values, dtype=np.float32)

    @property
    def by_date(self) -> FloatArray:
        """The relevance summed over the bands, (parcel, time), NaN where missing."""
        return np.asarray(self.values.sum(axis=2), dtype=np.float32)

    @property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """The dates, (time,) datetime64[D]."""
        return self.dataset["time"].values.astype("datetime64[D]")

    @property
    def crop(self) -> npt.NDArray[np.object_]:
        """The class that is explained, (parcel,) str, empty without an answer."""
        return self.dataset["crop"].values.astype(object)

    def save(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write to a Zarr store, whole or not at all."""
        with replacing(path, overwrite) as part:
            dataset = self.dataset.drop_encoding().assign_attrs(
                format=FORMAT, format_version=VERSION, software=f"cropxai {cropxai.__version__}"
            )
            sizes = dataset.sizes
            chunks = (max(1, min(PARCELS_AT_ONCE, sizes["parcel"])), sizes["time"], sizes["band"])
            encoding = {"relevance": {"dtype": "float32", "chunks": chunks, "_FillValue": np.float32(np.nan)}}
            dataset.to_zarr(part, mode="w", zarr_format=2, consolidated=True, encoding=encoding)
        return Path(path)

    @classmethod
    def open(cls, path: PathLike) -> "Relevance":
        """Open a Zarr store.

        Raises
        ------
        SeriesUnreadable
            If the path is no such store.
        """
        try:
            dataset = xr.open_zarr(path, chunks=None, consolidated=True)
        except (OSError, ValueError, KeyError) as error:
            raise SeriesUnreadable(path, "is not a relevance store; make one with 'cropxai explain'") from error
        if dataset.attrs.get("format") != FORMAT:
            raise SeriesUnreadable(path, "is not a relevance store; make one with 'cropxai explain'")
        return cls(dataset)


def explain(
    series: CropSeries,
    model: Model,
    *,
    rule: str = "cp-lrp",
    target: str = "margin",
    reference: str = "date-median",
    labels: npt.ArrayLike | None = None,
    batch_size: int = 256,
    report: Report = silent,
) -> Relevance:
    """Explain the answer of every parcel.

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
    batch_size : parcels at once

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
    parts: list[FloatArray] = []
    scores: list[FloatArray] = []
    chosen: list[npt.NDArray[np.intp]] = []
    wanted = _numbers(labels, model, len(series))
    for relevance, score, number in _explained(series, model, RULES[rule], target, reference, wanted, batch_size):
        parts.append(relevance)
        scores.append(score)
        chosen.append(number)
        report(sum(map(len, parts)) / len(series))
    numbers = np.concatenate(chosen)
    names = np.array([*model.names, ""], dtype=object)  # -1, no answer, is the last
    dataset = xr.Dataset(
        {"relevance": (("parcel", "time", "band"), np.concatenate(parts)), "score": ("parcel", np.concatenate(scores))},
        coords={
            "parcel_id": ("parcel", series.parcel_id),
            "time": series.dataset["time"].values,
            "band": np.array(model.card.bands, dtype=object),
            "crop": ("parcel", names[numbers]),
        },
        attrs={"rule": rule, "target": target, "reference": reference, "model": model.card.name},
    )
    return Relevance(dataset)


def _explained(
    series: CropSeries,
    model: Model,
    ops: Operations,
    target: str,
    reference: str,
    wanted: npt.NDArray[np.intp],
    batch_size: int,
) -> Iterator[tuple[FloatArray, FloatArray, npt.NDArray[np.intp]]]:
    """Yield relevance (parcel, time, band), score (parcel,) and class number (parcel,) of one batch after another."""
    check_known(model.network)
    network = model.network.eval()
    base = torch.from_numpy(reference_series(series, model, reference))
    done = 0
    for chunk in series.chunks(PARCELS_AT_ONCE):
        x, valid, day = Inputs.of(chunk, model.card.bands).tensors()
        for start in range(0, len(x), batch_size):
            rows = slice(start, start + batch_size)
            leaf = x[rows].clone().requires_grad_()
            scores = network(leaf, valid[rows], day, ops)
            answered = valid[rows].any(dim=1)
            ask = torch.from_numpy(wanted[done + start : done + start + len(leaf)])
            number = torch.where(ask >= 0, ask, scores.argmax(dim=1))
            score = explained_score(scores, number, target)
            (gradient,) = torch.autograd.grad(score.sum(), leaf)
            relevance = (leaf.detach() - base) * gradient
            relevance[~valid[rows]] = torch.nan
            number[~answered] = -1
            yield relevance.numpy(), torch.where(answered, score.detach(), torch.nan).numpy(), number.numpy()
        done += len(chunk)


def reference_series(series: CropSeries, model: Model, reference: str) -> FloatArray:
    """Return what the relevance is counted from, (time, band) reflectance; see :func:`explain`."""
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
