"""The check of the pass by hand lets the shipped weights pass, and finds a rule that is another."""

import pytest
import torch

from cropxai.explain.fused import SHARES
from cropxai.explain.fused_check import agrees
from cropxai.model.checkpoint import load_model
from cropxai.model.packing import DTYPES


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_trained_weights_agree(dtype):
    assert agrees(load_model().network, dtype)


@pytest.mark.parametrize("shares", [(0.25, 0.25, 0.4), (0.1, 0.4, 0.5)])
def test_another_rule_does_not_agree(monkeypatch, shares):
    monkeypatch.setitem(SHARES, "attnlrp", shares)
    assert not agrees(load_model().network, torch.float32)
