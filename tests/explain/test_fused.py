import copy

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cropxai.explain import fused
from cropxai.explain.fused import SHARES, FusedPass
from cropxai.explain.lrp import LRP
from cropxai.explain.passes import TARGETS, token_pass
from cropxai.model.checkpoint import load_model
from cropxai.model.fast import of_kind
from cropxai.model.inputs import Inputs
from cropxai.model.transformer import Architecture, CropTransformer
from cropxai.simulate import simulate_series


def network(width=16, heads=4, layers=2, hidden=24, seed=0, **kinds):
    """Return a random network whose norms and biases matter."""
    torch.manual_seed(seed)
    made = CropTransformer(Architecture(4, 5, width, heads, layers, hidden, **kinds)).eval()
    for name, parameter in made.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.3)
        elif "norm" in name:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    return made.requires_grad_(False)


def tokens_of(parcels=12, dates=9, width=16, share=0.6, seed=1):
    chance = torch.Generator().manual_seed(seed)
    valid = torch.rand(parcels, dates, generator=chance) < share
    valid[:, dates // 2] = True
    return torch.randn(parcels, dates, width, generator=chance), valid


def predicted(parcels):
    return torch.full((parcels,), -1)


def deviation(found, expected):
    return float((found.double() - expected).norm() / expected.norm().clamp_min(1e-12))


@settings(max_examples=20)
@given(
    heads=st.sampled_from([2, 4]),
    size=st.sampled_from([6, 8]),
    layers=st.integers(1, 3),
    hidden=st.integers(1, 40),
    dates=st.integers(1, 9),
    share=st.sampled_from([0.2, 0.7, 1.0]),
    rule=st.sampled_from(list(SHARES)),
    target=st.sampled_from(TARGETS),
)
def test_it_is_the_pass_by_autograd_in_float64(heads, size, layers, hidden, dates, share, rule, target):
    net = network(heads * size, heads, layers, hidden)
    tokens, valid = tokens_of(7, dates, heads * size, share)
    asked = torch.tensor([-1, 0, 1, -1, 2, 3, 4])
    expected = token_pass(copy.deepcopy(net).double(), tokens.double(), valid, asked, rule, target)
    found = FusedPass(net)(tokens, valid, asked, rule, target)
    assert torch.equal(found.number, expected.number)
    for name in ("scores", "score", "gradient"):
        assert deviation(getattr(found, name), getattr(expected, name)) < 1e-5, name
    entries = torch.stack([expected.score, expected.bias, expected.softmax]).abs().amax(dim=0)
    for name in ("bias", "softmax"):
        assert ((getattr(found, name) - getattr(expected, name)).abs() <= 1e-5 * entries).all(), name


def test_features_are_tokens_without_their_day():
    net = network()
    net.mean.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
    net.scale.copy_(torch.tensor([1.0, 0.5, 2.0, 0.1]))
    x = torch.randn(3, 5, 4, generator=torch.Generator().manual_seed(0))
    x[1, :, 2] = torch.nan  # a band that is missing
    exact = copy.deepcopy(net).double()
    nothing = torch.zeros((), dtype=torch.float64)
    assert deviation(FusedPass(net).features(x), exact.tokens(x.double(), nothing, position=nothing)) < 1e-6


@pytest.mark.parametrize("rule", SHARES)
def test_dates_that_are_missing_get_exactly_nothing_and_are_never_read(rule):
    tokens, valid = tokens_of()
    run = FusedPass(network())
    found = run(tokens, valid, predicted(12), rule, "margin")
    assert (found.gradient[~valid] == 0).all() and (found.gradient[valid] != 0).any(dim=1).all()
    rubbish = tokens.masked_fill(~valid[..., None], torch.nan)
    for ours, again in zip(found, run(rubbish, valid, predicted(12), rule, "margin"), strict=True):
        assert torch.equal(ours, again)


def test_a_parcel_without_dates_scores_as_in_the_network_and_has_no_gradient():
    net = network()
    tokens, valid = tokens_of()
    valid[3] = False
    found = FusedPass(net)(tokens, valid, predicted(12), "cp-lrp", "logit")
    torch.testing.assert_close(found.scores, net.head(tokens, valid))
    assert (found.gradient[3] == 0).all()


def test_no_parcels_at_all():
    found = FusedPass(network())(torch.empty(0, 5, 16), torch.ones(0, 5, dtype=torch.bool), predicted(0), *CHOICE)
    assert [len(part) for part in found] == [0] * 6


CHOICE = ("attnlrp", "margin")


@pytest.mark.parametrize("at_once", [1, 20, 33])
def test_neither_batch_mates_nor_chunks_matter(monkeypatch, at_once):
    tokens, valid = tokens_of(share=0.5)
    run = FusedPass(network())
    together = run(tokens, valid, predicted(12), *CHOICE)
    alone = [run(tokens[i : i + 1], valid[i : i + 1], predicted(1), *CHOICE) for i in range(12)]
    monkeypatch.setattr(fused, "DATES_AT_ONCE", at_once)
    chunked = run(tokens, valid, predicted(12), *CHOICE)
    for whole, parts, pieces in zip(together, zip(*alone, strict=True), chunked, strict=True):
        torch.testing.assert_close(whole, torch.cat(parts), rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(whole, pieces, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("sharpness", [30.0, 1000.0])
@pytest.mark.parametrize("rule", SHARES)
def test_attention_whose_exponentials_overflow(rule, sharpness):
    net = network()
    for layer in net.layers:
        layer.query_key_value.weight[:32] *= sharpness**0.5
    tokens, valid = tokens_of()
    expected = token_pass(copy.deepcopy(net).double(), tokens.double(), valid, predicted(12), rule, "logit")
    found = FusedPass(net)(tokens, valid, predicted(12), rule, "logit")
    assert deviation(found.gradient, expected.gradient) < 1e-6 * sharpness


def test_an_activation_of_exactly_zero_passes_a_half():
    """Inner features of zero: gelu(x)/x is 0/0, and its limit one half counts; here that of all of them."""
    net = network(layers=1)
    for part in (net.layers[0].expand.weight, net.layers[0].expand.bias, net.decode.weight, net.decode.bias):
        part.zero_()
    tokens, valid = tokens_of()
    expected = token_pass(copy.deepcopy(net).double(), tokens.double(), valid, predicted(12), "cp-lrp", "logit")
    found = FusedPass(net)(tokens, valid, predicted(12), "cp-lrp", "logit")
    torch.testing.assert_close(found.bias.double(), expected.bias)
    assert torch.isfinite(found.gradient).all()


def test_without_biases_cp_lrp_conserves():
    net = network()
    for name, parameter in net.named_parameters():
        if name.endswith("bias"):
            parameter.zero_()
    tokens, valid = tokens_of()
    found = FusedPass(net)(tokens, valid, predicted(12), "cp-lrp", "margin")
    torch.testing.assert_close((tokens * found.gradient).sum(dim=(1, 2)), found.score, rtol=1e-4, atol=1e-5)
    assert (found.bias == 0).all() and (found.softmax == 0).all()


@pytest.fixture(scope="module")
def season():
    """The shipped weights, and the tokens of simulated parcels with clouds."""
    model = load_model()
    inputs = Inputs.of(simulate_series(1000, orbits=1, seed=3, bands=model.card.bands, hardness=1.0), model.card.bands)
    x, valid, day = inputs.tensors()
    dated = valid.sum(dim=1) > 3
    exact = copy.deepcopy(model.network).double()
    return model.network, exact, exact.tokens(x[dated].double(), day.double()), valid[dated]


@pytest.mark.parametrize("rule", SHARES)
@pytest.mark.parametrize(("dtype", "target"), [(torch.float32, "margin"), (torch.bfloat16, "logit")], ids=str)
def test_trained_weights_point_to_the_same_dates(season, rule, dtype, target):
    """In bfloat16 dates whose exact relevance is equal within 1 % of the largest may stand for each other.

    The margin is left out there: where two rivals score nearly the same, rounding may take the other.
    """
    network, exact, tokens, valid = season
    expected = token_pass(exact, tokens, valid, predicted(len(valid)), rule, target)
    found = FusedPass(network, dtype)(tokens, valid, expected.number, rule, target)
    truth, ours = ((tokens * each.gradient).sum(dim=2).numpy() for each in (expected, found))
    cosine = (truth * ours).sum(axis=1) / np.linalg.norm(truth, axis=1) / np.linalg.norm(ours, axis=1)
    truth, ours = (np.where(valid.numpy(), each, -np.inf) for each in (truth, ours))
    third = np.sort(truth, axis=1)[:, -3:-2]
    if dtype == torch.bfloat16:
        third = third - 0.01 * np.where(valid.numpy(), np.abs(truth), 0).max(axis=1, keepdims=True)
    chosen = np.take_along_axis(truth, np.argsort(ours, axis=1)[:, -3:], axis=1)
    same = (chosen >= third).all(axis=1)
    if dtype == torch.float32:
        assert cosine.min() > 1 - 1e-9 and same.all()
    else:
        assert (cosine > 0.999).mean() >= 0.985 and same.mean() >= 0.985


@pytest.mark.parametrize("kinds", [{"norm": "post"}, {"activation": "relu"}, {"pooling": "max"}])
def test_other_networks_are_refused(kinds):
    assert of_kind(network()) and not of_kind(network(**kinds))
    with pytest.raises(ValueError, match="no fused pass"):
        FusedPass(network(**kinds))


def test_other_modules_rules_and_dtypes_are_refused():
    odd = network()
    odd.extra = torch.nn.BatchNorm1d(3)
    assert not of_kind(odd)
    with pytest.raises(ValueError, match="float16"):
        FusedPass(network(), torch.float16)
    with pytest.raises(ValueError, match="gradient-input"):
        FusedPass(network())(*tokens_of(), predicted(12), "gradient-input", "logit")


@pytest.mark.parametrize("level", ["date", "band"])
@pytest.mark.parametrize("rule", SHARES)
def test_lrp_takes_it_and_its_account_closes(series, model, rule, level):
    inputs = Inputs.of(series.select(range(20)), model.card.bands)
    lrp = LRP(model, rule=rule, level=level)
    assert lrp.fused is not None
    ours = lrp(*inputs.tensors())
    lrp.fused = None
    by_autograd = lrp(*inputs.tensors())
    np.testing.assert_array_equal(ours.number, by_autograd.number)
    size = np.abs(by_autograd.ledger).max(axis=1, keepdims=True)
    assert (np.abs(ours.ledger - by_autograd.ledger) <= 1e-4 * size).all()
    assert (np.abs(ours.entry("residual")) <= 1e-4 * size[:, 0]).all()
    largest = np.nanmax(np.abs(by_autograd.relevance))
    np.testing.assert_allclose(ours.relevance, by_autograd.relevance, atol=1e-4 * largest)


def test_lrp_falls_back_to_autograd(series, model, monkeypatch):
    assert LRP(model, rule="gradient-input").fused is None
    assert LRP(model, dtype="float64").fused is None
    assert LRP(model, dtype="bfloat16").fused.dtype == torch.bfloat16
    monkeypatch.setattr("cropxai.explain.lrp.agrees", lambda network, dtype: False)
    alone = LRP(model)
    assert alone.fused is None
    assert alone.identity() != LRP(model, chunk=63).identity()
    assert alone.selfcheck(series) < 1e-4
