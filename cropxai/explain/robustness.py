"""Checks that a true explanation passes, and a false one may: relevance depends on the weights and holds still."""

import copy
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from scipy.stats import rankdata

from cropxai.model.checkpoint import Model
from cropxai.model.inputs import Inputs
from cropxai.model.networks import build

Array = npt.NDArray[np.float64]

#: Relative noise of reflectance that a steady explanation should not mind: what `simulate` gives a clear value by
#: parcel (assumption).
NOISE = 0.03


def with_noise(inputs: Inputs, seed: int = 0) -> Inputs:
    """Multiply each value by 1 + `NOISE` × a standard normal number."""
    noise = np.random.default_rng(seed).standard_normal(inputs.reflectance.shape, np.float32)
    return replace(inputs, reflectance=inputs.reflectance * (1 + np.float32(NOISE) * noise))


def randomised(model: Model, seed: int = 0) -> Model:
    """Return the model with all weights drawn anew, its normalisation kept.

    Relevance that stays the same does not speak of what was learnt (Adebayo et al. 2018, arXiv 1810.03292). Relevance
    that changes is no proof of anything: the check is necessary, not sufficient (Binder et al. 2023, arXiv 2211.12486).
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = build(model.network.size)
    network.mean.copy_(model.network.mean)
    network.scale.copy_(model.network.scale)
    return Model(network.eval().requires_grad_(False), copy.copy(model.card))


def rank_correlation(
    one: npt.NDArray[np.floating], other: npt.NDArray[np.floating], valid: npt.NDArray[np.bool_]
) -> Array:
    """Return Spearman's rank correlation of two relevances over the valid dates of each parcel, (parcel,).

    NaN with fewer than three dates, or where one is constant.
    """
    found = np.full(len(valid), np.nan)
    for row, there in enumerate(valid):
        if there.sum() < 3:
            continue
        ranks = np.stack([rankdata(one[row, there]), rankdata(other[row, there])])
        ranks -= ranks.mean(axis=1, keepdims=True)
        length = np.sqrt((ranks**2).sum(axis=1)).prod()
        if length > 0:
            found[row] = ranks.prod(axis=0).sum() / length
    return found
