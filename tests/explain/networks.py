"""Small networks of every kind, untrained, that exercise all parts: biases, uneven norms, an input normalisation."""

import itertools

import numpy as np
import torch
from torch import nn

from cropxai.model.checkpoint import Card, CropClass, Model
from cropxai.model.transformer import Architecture, CropTransformer

KINDS = list(itertools.product(("pre", "post"), ("gelu", "relu"), ("mean", "max")))
BANDS = ("B02", "B03", "B04", "B08")
CLASSES = 5


def network(norm="pre", activation="gelu", pooling="mean", bias=True, seed=0):
    torch.manual_seed(seed)
    kinds = {"norm": norm, "activation": activation, "pooling": pooling}
    made = CropTransformer(Architecture(len(BANDS), CLASSES, width=16, heads=4, layers=2, hidden=24, **kinds)).eval()
    for name, parameter in made.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.3) if bias else nn.init.zeros_(parameter)
        elif "norm" in name:
            nn.init.uniform_(parameter, 0.5, 1.5)
    if bias:
        made.mean.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
        made.scale.copy_(torch.tensor([0.5, 0.6, 0.7, 0.8]))
    return made.requires_grad_(False)


def as_model(made):
    classes = tuple(CropClass(name, None) for name in "abcde")
    typical = ((0.0, 100.0, 200.0), ((0.1,) * 4, (0.2, 0.3, 0.1, 0.5), (0.3,) * 4))
    return Model(made, Card("small", made.size, BANDS, "L2A", classes, 1.0, *typical, season_days=(0.0, 200.0)))


def parcels(count=6, times=8, seed=1):
    """Return reflectance, valid and day; a third of the dates is missing, no parcel is without."""
    rng = np.random.default_rng(seed)
    valid = rng.random((count, times)) > 0.3
    valid[:, 2] = True
    return rng.random((count, times, len(BANDS))), valid, np.arange(times) * 21.0


def relative(ours, theirs):
    """Largest relative error of parcels, by their norm."""
    difference = np.nan_to_num(ours) - np.nan_to_num(theirs)
    axes = tuple(range(1, difference.ndim))
    size = np.sqrt((np.nan_to_num(theirs) ** 2).sum(axis=axes))
    return float((np.sqrt((difference**2).sum(axis=axes)) / size).max())
