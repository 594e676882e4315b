"""The network against plain numpy and against its own promises."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from scipy.special import ndtr
from torch import nn

from cropxai.model.transformer import PLAIN, Architecture, CropTransformer, DateEncoding

KINDS = list(itertools.product(("pre", "post"), ("gelu", "relu"), ("mean", "max")))
SIZE = Architecture(bands=4, classes=3, width=16, heads=4, layers=2, hidden=24)


def of_kind(kind):
    torch.manual_seed(0)
    norm, activation, pooling = kind
    return CropTransformer(replace(SIZE, norm=norm, activation=activation, pooling=pooling)).double().eval()


@pytest.fixture
def network():
    torch.manual_seed(0)
    made = CropTransformer(SIZE).double().eval()
    made.mean.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    made.scale.copy_(torch.tensor([0.5, 0.6, 0.7, 0.8]))
    return made


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    valid = rng.random((5, 9)) > 0.3
    valid[:, 0] = True
    return torch.tensor(rng.random((5, 9, 4))), torch.tensor(valid), torch.arange(9.0, dtype=torch.float64) * 17


def by_hand(network, x, valid, day):
    """Evaluate one parcel in numpy, only on the dates that are there."""
    w = {k: v.numpy() for k, v in network.state_dict().items()}

    def linear(name, a):
        return a @ w[f"{name}.weight"].T + w[f"{name}.bias"]

    def gelu(a):
        return a * ndtr(a)

    def norm(name, a):
        centred = a - a.mean(-1, keepdims=True)
        return centred / np.sqrt(centred.var(-1, keepdims=True) + 1e-5) * w[f"{name}.weight"] + w[f"{name}.bias"]

    x, day = x[valid], day[valid]
    wave = np.logspace(math.log10(6), 3, SIZE.width // 2)
    date = np.concatenate([np.sin(2 * np.pi * day[:, None] / wave), np.cos(2 * np.pi * day[:, None] / wave)], axis=1)
    a = linear("embed", gelu(linear("features", (x - w["mean"]) / w["scale"]))) + date
    for i in range(SIZE.layers):
        q, k, v = np.split(linear(f"layers.{i}.query_key_value", norm(f"layers.{i}.norm_attention", a)), 3, axis=1)
        heads = []
        for h in range(SIZE.heads):
            part = slice(h * 4, h * 4 + 4)
            scores = np.exp(q[:, part] @ k[:, part].T / 2)
            heads.append(scores / scores.sum(1, keepdims=True) @ v[:, part])
        a = a + linear(f"layers.{i}.mix", np.concatenate(heads, axis=1))
        a = a + linear(f"layers.{i}.contract", gelu(linear(f"layers.{i}.expand", norm(f"layers.{i}.norm_hidden", a))))
    return linear("score", gelu(linear("decode", norm("norm", a).mean(0))))


def test_the_scores_are_those_of_the_equations(network, batch):
    x, valid, day = batch
    with torch.no_grad():
        scores = network(x, valid, day).numpy()
    expected = [by_hand(network, x[i].numpy(), valid[i].numpy(), day.numpy()) for i in range(5)]
    np.testing.assert_allclose(scores, expected, rtol=1e-6, atol=1e-6)  # the encoding is kept in single precision


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("activation", ["gelu", "relu"])
def test_layers_are_those_of_torch(norm, activation, batch):
    """The encoder layer against `torch.nn.TransformerEncoderLayer` with the same weights."""
    torch.manual_seed(1)
    ours = CropTransformer(replace(SIZE, norm=norm, activation=activation)).double().eval().layers[0]
    theirs = nn.TransformerEncoderLayer(16, 4, 24, 0.0, activation, batch_first=True, norm_first=norm == "pre").double()
    pairs = {
        "self_attn.in_proj_": ours.query_key_value, "self_attn.out_proj.": ours.mix, "linear1.": ours.expand,
        "linear2.": ours.contract, "norm1.": ours.norm_attention, "norm2.": ours.norm_hidden,
    }  # fmt: skip
    weights = {f"{name}{part}": getattr(module, part) for name, module in pairs.items() for part in ("weight", "bias")}
    theirs.load_state_dict(weights)
    x, valid = torch.randn(5, 9, 16, dtype=torch.float64), batch[1]
    expected = theirs(x, src_key_padding_mask=~valid)
    torch.testing.assert_close(ours(x, valid, PLAIN)[valid], expected[valid], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_networks_of_every_kind_see_present_dates_only(kind, batch):
    x, valid, day = batch
    made = of_kind(kind)
    rubbish = torch.where(valid[..., None], x, 1e6)
    assert torch.equal(made(x, valid, day), made(rubbish, valid, day))
    for i in range(5):
        there = valid[i]
        alone = made(x[i : i + 1, there], valid[i : i + 1, there], day[there])
        torch.testing.assert_close(made(x, valid, day)[i : i + 1], alone, rtol=1e-10, atol=1e-12)
    assert torch.isfinite(made(x, torch.zeros_like(valid), day)).all()


def test_pooling_by_the_maximum():
    made = of_kind(("pre", "gelu", "max"))
    x = torch.tensor([[[1.0, 9.0], [3.0, 2.0], [8.0, 8.0]]])
    assert made._pooled(x, torch.tensor([[True, True, False]])).tolist() == [[3.0, 9.0]]


def test_the_stages_are_the_whole(network, batch):
    x, valid, day = batch
    tokens = network.tokens(x, day)
    assert torch.equal(network.head(tokens, valid), network(x, valid, day))
    position = network.date(day)
    torch.testing.assert_close(network.tokens(x, day, position=position), tokens)
    torch.testing.assert_close(network.tokens(x, day, position=0 * position) + position, tokens)


@pytest.mark.parametrize("kind", [{"norm": "none"}, {"activation": "swish"}, {"pooling": "last"}])
def test_unknown_kinds_are_refused(kind):
    (name,) = kind
    with pytest.raises(ValueError, match=f"{name} .* is none of "):
        replace(SIZE, **kind)


def test_missing_dates_change_nothing(network, batch):
    x, valid, day = batch
    rubbish = torch.where(valid[..., None], x, 1e6)
    assert torch.equal(network(x, valid, day), network(rubbish, valid, day))


def test_neighbours_in_the_batch_change_nothing(network, batch):
    x, valid, day = batch
    alone = torch.cat([network(x[i : i + 1], valid[i : i + 1], day) for i in range(5)])
    torch.testing.assert_close(network(x, valid, day), alone, rtol=1e-12, atol=1e-12)


def test_the_order_of_dates_changes_nothing(network, batch):
    x, valid, day = batch
    order = torch.randperm(9)
    shuffled = network(x[:, order], valid[:, order], day[order])
    torch.testing.assert_close(network(x, valid, day), shuffled, rtol=1e-12, atol=1e-12)


def test_a_parcel_without_dates_is_defined(network, batch):
    x, valid, day = batch
    assert torch.isfinite(network(x, torch.zeros_like(valid), day)).all()


def test_the_date_encoding_tells_all_days_of_a_year_apart():
    code = DateEncoding(64)(torch.arange(-150.0, 366.0))
    distance = torch.cdist(code, code) + 10 * torch.eye(len(code))
    assert distance.min() > 0.3
