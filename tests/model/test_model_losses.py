"""Losses against their published formulas, in numpy."""

import numpy as np
import pytest
import torch
from scipy.special import log_softmax

from cropxai.model.losses import LOSSES, class_loss
from cropxai.model.settings import Settings

COUNTS = np.array([5, 50, 3000])


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    return rng.normal(0, 2, (40, 3)), rng.integers(0, 3, 40)


def by_hand(kind, scores, target):
    rows = np.arange(len(target))
    log_p = log_softmax(scores, axis=1)[rows, target]
    if kind == "focal":
        return np.mean(-((1 - np.exp(log_p)) ** 2) * log_p)
    if kind == "balanced":
        weight = (1 - 0.999) / (1 - 0.999 ** COUNTS.astype(float))
        return np.sum(-weight[target] * log_p) / weight[target].sum()
    if kind == "logit-adjusted":
        return np.mean(-log_softmax(scores + np.log(COUNTS / COUNTS.sum()), axis=1)[rows, target])
    return np.mean(-log_p)


@pytest.mark.parametrize("kind", LOSSES)
def test_a_loss_is_its_formula(case, kind):
    scores, target = case
    found = class_loss(kind, COUNTS)(torch.from_numpy(scores).float(), torch.from_numpy(target))
    assert found.item() == pytest.approx(by_hand(kind, scores, target), rel=1e-5)


def test_a_class_without_parcels_is_defined(case):
    scores, target = (torch.from_numpy(each) for each in case)
    for kind in LOSSES:
        assert torch.isfinite(class_loss(kind, np.array([10, 30, 0]), 0.1)(scores.float(), target))


def test_unknown_choices_are_refused():
    for choice in ({"loss": "hinge"}, {"schedule": "linear"}, {"precision": "int8"}):
        with pytest.raises(ValueError, match="is none of"):
            Settings(**choice)
