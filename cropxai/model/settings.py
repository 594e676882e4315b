"""How a network is trained: every choice, with its default."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from cropxai.model.losses import LOSSES

SCHEDULES, PRECISIONS, KEPT_EPOCHS = ("one-cycle", "cosine"), ("float32", "bfloat16"), ("best", "last")
#: Width and layers of the sizes; of ten bands and five classes 74 021, 423 877 and 2 210 437 weights.
SIZES = {"tiny": (64, 2), "small": (128, 3), "base": (256, 4)}
ARCHITECTURES = ("cropxai", "paper")
#: Choices that go together: "any-day" for one network that answers on any day of the season, from thousands of labelled
#: parcels; on hundreds the defaults, half of whose samples are whole seasons, serve better (docs/results.md).
PRESETS: dict[str, dict[str, Any]] = {
    "any-day": {
        "any_season": 0.85, "growing_season": 0.7, "date_dropout": 0.2, "average": 0.99, "label_smoothing": 0.0,
        "dropout": 0.2, "steps": 12000,
    },
}  # fmt: skip


@dataclass(frozen=True)
class Settings:
    """How a network is trained.

    Attributes
    ----------
    epochs : passes over the parcels at most; 0 = as many as make ``steps`` steps, 20 to 300
    steps : steps aimed at where ``epochs`` is 0
    batch_size, learning_rate, weight_decay, label_smoothing : of AdamW and the loss
    loss : one of :data:`cropxai.model.losses.LOSSES`, or "auto", the one that short trainings find best
    schedule : "one-cycle" or "cosine", how the learning rate goes (:mod:`cropxai.model.schedule`)
    average : decay, by step, of a moving average of the weights, which then is the result; 0 = the weights themselves
    patience : share of the epochs that may pass without a better macro-F1 on the validation part before training
        stops; the warm-up of the learning rate does not count
    kept_epoch : whose weights are kept: of the epoch "best" on the validation part, or of the "last", which then always
        comes; few validation parcels tell the epochs apart badly
    any_season : share of the samples that are cut at a random date, so that one network answers on any day
    growing_season : share of these cuts that fall in the middle of the season, where answers change from day to day
    cut_together : cut all samples of a step at the same date, which makes most steps shorter
    late_start : share of the samples whose first dates, up to a random one, are left out
    date_dropout : greatest share of the dates of a sample that is left out
    band_dropout : share of the samples that lose some of the bands of 20 and 60 m, which then may be missing for good
    clouds : share of the samples that get thin cloud on some dates
    gain, shift : spread of a random factor on reflectance (share), and of a random shift of the dates (days)
    split, validation_share : how the validation part is chosen (spatial, random, or a column) and its size
    min_parcels : classes with fewer parcels are set aside
    architecture : "cropxai", or "paper", the published network, which has one size and needs the same dates always
    size : of ``SIZES``
    width, layers : of the network, in place of those of its size, 0 = those
    dropout : share of the features left out in training, after the dates are pooled
    norm, activation, pooling : of the network (:class:`cropxai.model.transformer.Architecture`)
    time_encoding : "day of season" or "thermal time", which the series then must have
    pixel_counts : let the network see how many clear pixels a parcel has on each date, where that is known
    precision : "float32", or "bfloat16" for matrix products where the processor has units for them
    device : "cpu" or "cuda"
    seed : of all random choices
    """

    epochs: int = 0
    steps: int = 3000
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    loss: str = "cross-entropy"
    schedule: str = "one-cycle"
    average: float = 0.0
    patience: float = 0.3
    kept_epoch: str = "best"
    any_season: float = 0.5
    growing_season: float = 0.0
    cut_together: bool = False
    late_start: float = 0.0
    date_dropout: float = 0.5
    band_dropout: float = 0.0
    clouds: float = 0.0
    gain: float = 0.0
    shift: float = 0.0
    split: str = "spatial"
    validation_share: float = 0.2
    min_parcels: int = 10
    architecture: str = "cropxai"
    size: str = "tiny"
    width: int = 0
    layers: int = 0
    dropout: float = 0.1
    norm: str = "pre"
    activation: str = "gelu"
    pooling: str = "mean"
    time_encoding: str = "day of season"
    pixel_counts: bool = False
    precision: str = "float32"
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        known = {
            "loss": (*LOSSES, "auto"), "schedule": SCHEDULES, "precision": PRECISIONS, "size": tuple(SIZES),
            "architecture": ARCHITECTURES, "kept_epoch": KEPT_EPOCHS,
        }  # fmt: skip
        for name, values in known.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} {getattr(self, name)!r} is none of {', '.join(values)}")

    def epochs_for(self, parcels: int) -> int:
        """Return the number of epochs for a number of training parcels."""
        return self.epochs or int(np.clip(self.steps / math.ceil(parcels / self.batch_size), 20, 300))
