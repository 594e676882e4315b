"""Training: from a labelled series to a model with its card."""

import warnings
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from scipy.optimize import minimize_scalar
from sklearn.metrics import accuracy_score, f1_score
from torch.nn import functional

from cropxai.crops import hcat_code
from cropxai.errors import ParcelsSetAside, SeriesUnusable, some
from cropxai.model.augment import optional_bands
from cropxai.model.checkpoint import Card, CropClass, Model
from cropxai.model.inputs import PIXELS, Inputs
from cropxai.model.loop import TRIAL_SHARE, Epoch, Target, choose_loss, fit
from cropxai.model.networks import build
from cropxai.model.paper import PaperTransformer
from cropxai.model.predict import logits
from cropxai.model.settings import SIZES, Settings
from cropxai.model.splits import Index, hold_back, hold_back_few, too_few
from cropxai.model.transfer import adapted
from cropxai.model.transformer import Architecture, CropTransformer
from cropxai.model.uncertainty import fit_uncertainty
from cropxai.reporting import Report, part, silent
from cropxai.series import CropSeries
from cropxai.series.store import sources

__all__ = ["Settings", "labelled", "train", "train_on"]

NODE_DAYS = 15  # spacing of the typical series
DEFAULT_SETTINGS = Settings()


def train(
    series: CropSeries,
    settings: Settings = DEFAULT_SETTINGS,
    *,
    name: str = "model",
    checkpoint: Path | None = None,
    log: Path | None = None,
    start: Model | None = None,
    freeze: bool = False,
    report: Report = silent,
) -> Model:
    """Train a classifier on the labelled parcels of a series.

    Parameters
    ----------
    series : with crop labels, dates within one season
    name : of the model, on its card
    checkpoint : file to resume from and to write after every epoch
    log : CSV file of the epochs
    start, freeze : model to go on from instead of anew, and whether its encoder stays as it is
        (:mod:`cropxai.model.transfer`)

    Raises
    ------
    SeriesUnusable
        If there are no labels, fewer than two classes, or the split is not possible.
    LevelMismatch, BandMismatch
        If the model to go on from was not made for such a series.
    """
    series, names, target = labelled(series, settings.min_parcels)
    if start is not None and too_few(target, settings.validation_share):
        settings = replace(settings, split="random")
        seen, held = hold_back_few(target, settings.validation_share, settings.seed)
    else:
        seen, held = hold_back(series, target, settings.validation_share, settings.split, settings.seed)
    return train_on(
        series, names, target, seen, held, settings,
        name=name, checkpoint=checkpoint, log=log, start=start, freeze=freeze, report=report,
    )  # fmt: skip


def labelled(series: CropSeries, min_parcels: int) -> tuple[CropSeries, tuple[str, ...], Target]:
    """Keep the parcels with a label and a date, of classes that are not too rare.

    Returns
    -------
    series, names (class,), target (parcel,) class numbers
    """
    labels = series.labels
    dated = np.concatenate([Inputs.of(chunk, chunk.bands).valid.any(axis=1) for chunk in series.chunks()])
    usable = (labels != "") & dated
    if not usable.any():
        raise SeriesUnusable(
            "no labelled parcel has a date on which all bands are there, so there is nothing to learn from; look into "
            "the series with 'cropxai info'"
        )
    kept, counts = np.unique(labels[usable].astype(str), return_counts=True)
    rare = kept[counts < min_parcels]
    if len(rare):
        left_out = series.parcel_id[usable & np.isin(labels.astype(str), rare)]
        reason = f"classes with fewer than {min_parcels} parcels left out of training: {some(rare.tolist(), 5)}"
        warnings.warn(ParcelsSetAside(reason, left_out.tolist()), stacklevel=2)
    names = tuple(str(n) for n in kept[counts >= min_parcels])
    if len(names) < 2:
        raise SeriesUnusable(
            f"training needs two classes with {min_parcels} parcels each, and the series has {len(names)}; "
            "add labelled parcels, or lower --min-parcels"
        )
    usable &= np.isin(labels.astype(str), names)
    target = np.searchsorted(np.array(names), labels[usable].astype(str)).astype(np.intp)
    return series.select(usable), names, target


def train_on(
    series: CropSeries,
    names: tuple[str, ...],
    target: Target,
    seen: Index,
    held: Index,
    settings: Settings,
    *,
    name: str = "model",
    checkpoint: Path | None = None,
    log: Path | None = None,
    start: Model | None = None,
    freeze: bool = False,
    report: Report = silent,
) -> Model:
    """Train on the parcels ``seen``, stop early and calibrate on those ``held``; the rest as of :func:`train`."""
    torch.manual_seed(settings.seed)
    if start is None:
        bands, time_encoding = series.bands, settings.time_encoding
        optional = optional_bands(bands) if settings.band_dropout else ()
        inputs = Inputs.of(series, (*bands, PIXELS) if settings.pixel_counts else bands, time_encoding)
        network, origin = _new_network(inputs.take(seen), len(names), settings), {}
    else:
        start.check(series)
        bands = tuple(band for band in start.card.bands if band in series.bands)
        optional = tuple(band for band in start.card.optional_bands if band in bands)
        time_encoding = start.card.time_encoding
        settings = replace(settings, pixel_counts=start.card.pixel_counts)
        columns = (*bands, PIXELS) if settings.pixel_counts else bands
        inputs = Inputs.of(series, columns, time_encoding)
        network, known = adapted(start, names, columns, freeze, settings.dropout)
        origin = {"from": start.card.name, "frozen": freeze, "classes_kept": list(known)}
    if settings.pixel_counts:
        inputs = inputs.filled(float(network.mean[-1]))
    learnt, kept = inputs.take(seen), inputs.take(held)
    parts_of_run = (network, (learnt, target[seen]), (kept, target[held]))
    if settings.loss == "auto":
        loss = choose_loss(*parts_of_run, settings, part(report, 0, TRIAL_SHARE), checkpoint, bands=bands)
        settings, report = replace(settings, loss=loss), part(report, TRIAL_SHARE, 1)
    history = fit(*parts_of_run, settings, report, checkpoint, bands=bands, log=log)
    scores = logits(network, kept)
    days, values = typical_series(learnt)
    card = Card(
        name=name,
        architecture=network.size,
        bands=bands,
        level=series.level,
        classes=tuple(CropClass(n, hcat_code(n)) for n in names),
        temperature=calibrate(scores, target[held]),
        typical_days=days,
        typical_reflectance=values,
        season_days=(float(inputs.day.min()), float(inputs.day.max())),
        time_encoding=time_encoding,
        optional_bands=optional,
        pixel_counts=settings.pixel_counts,
        training=_provenance(series, names, target, settings, history) | origin,
        metrics={
            "validation_split": settings.split,
            "validation_parcels": len(held),
            "validation_accuracy": round(float(accuracy_score(target[held], scores.argmax(axis=1))), 4),
            "validation_macro_f1": round(
                float(f1_score(target[held], scores.argmax(axis=1), average="macro", zero_division=0.0)), 4
            ),
        },
        uncertainty=fit_uncertainty(
            lambda part: logits(network, part),
            (learnt, target[seen]),
            (kept, target[held]),
            series.parcel_id[held],
            len(bands),
        ),
    )
    return Model(network.requires_grad_(False), card)


def _new_network(learnt: Inputs, classes: int, settings: Settings) -> CropTransformer:
    """Return an untrained network with the input normalisation of its training parcels."""
    values = learnt.reflectance[learnt.valid]
    if settings.pixel_counts:
        told = ~np.isnan(values[:, -1])
        if not told.any():
            raise SeriesUnusable("the series does not know the clear pixels of its parcels; leave out --pixel-counts")
        values = values[told]
    if settings.architecture == "paper":
        size = replace(Architecture.paper(values.shape[1], classes, len(learnt.day)), dropout=settings.dropout)
        published = PaperTransformer(size)
        published.days.copy_(torch.from_numpy(learnt.day))
        return published
    width, layers = SIZES[settings.size]
    width, layers = settings.width or width, settings.layers or layers
    kinds = {kind: getattr(settings, kind) for kind in ("dropout", "norm", "activation", "pooling")}
    network = build(Architecture(values.shape[1], classes, width, 4, layers, max(128, 2 * width), **kinds))
    network.mean.copy_(torch.from_numpy(values.mean(axis=0)))
    network.scale.copy_(torch.from_numpy(values.std(axis=0) + 1e-6))
    return network


def typical_series(inputs: Inputs) -> tuple[tuple[float, ...], tuple[tuple[float, ...], ...]]:
    """Return the median of all parcels at nodes every 15 days: days (node,) and reflectance (node, band).

    A node is the median over the dates within 15 days of it; nodes without dates are left out.
    """
    days, rows = [], []
    for node in np.arange(inputs.day.min(), inputs.day.max() + NODE_DAYS, NODE_DAYS):
        near = np.abs(inputs.day - node) <= NODE_DAYS
        values = inputs.reflectance[:, near][inputs.valid[:, near]]
        if len(values):
            days.append(float(node))
            rows.append(tuple(round(float(v), 5) for v in np.median(values, axis=0)))
    return tuple(days), tuple(rows)


def calibrate(scores: npt.NDArray[np.float32], target: Target) -> float:
    """Return the temperature that minimises the negative log-likelihood (Guo et al. 2017, arXiv 1706.04599)."""
    x, y = torch.from_numpy(scores).double(), torch.from_numpy(target)

    def loss(log_temperature: float) -> float:
        return functional.cross_entropy(x / np.exp(log_temperature), y).item()

    return round(float(np.exp(minimize_scalar(loss, bounds=(-2.3, 2.3), method="bounded").x)), 4)


def _provenance(
    series: CropSeries, names: tuple[str, ...], target: Target, settings: Settings, history: list[Epoch]
) -> dict[str, Any]:
    counts = np.bincount(target, minlength=len(names))
    return {
        "parcels": len(target),
        "parcels_by_class": {n: int(c) for n, c in zip(names, counts, strict=True)},
        "dates": [str(series.dates.min()), str(series.dates.max())],
        "sources": sources(series)[:3],
        "plan_hash": str(series.dataset.attrs.get("plan_hash", "")),
        "settings": asdict(settings),
        "history": [{k: round(v, 4) for k, v in epoch.items()} for epoch in history],
    }
