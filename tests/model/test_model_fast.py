import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from cropxai.model import fast
from cropxai.model.checkpoint import load_model
from cropxai.model.fast import FastForward, supports
from cropxai.model.inputs import Inputs
from cropxai.model.transformer import Architecture, CropTransformer
from cropxai.simulate import simulate_series


def network(width=16, heads=4, layers=2, hidden=24, **kinds):
    """Return a random network whose norms, biases and input scale matter."""
    torch.manual_seed(0)
    made = CropTransformer(Architecture(4, 5, width, heads, layers, hidden, **kinds)).eval()
    for name, parameter in made.named_parameters():
        if name.endswith("bias"):
            torch.nn.init.normal_(parameter, std=0.3)
        elif "norm" in name:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    made.mean.normal_()
    made.scale.uniform_(0.5, 2)
    return made.requires_grad_(False)


def parcels(count=12, dates=9, share=0.6, seed=1):
    chance = torch.Generator().manual_seed(seed)
    x = torch.randn(count, dates, 4, generator=chance)
    return x, torch.rand(count, dates, generator=chance) < share, torch.linspace(-20, 330, dates)


def exact(net, x, valid, day):
    return copy.deepcopy(net).double()(x.double(), valid, day.double())


@settings(max_examples=25)
@given(
    heads=st.sampled_from([2, 4]),
    size=st.sampled_from([6, 8]),
    layers=st.integers(0, 3),
    hidden=st.integers(1, 40),
    dates=st.integers(1, 9),
    share=st.sampled_from([0.0, 0.2, 0.7, 1.0]),
)
def test_it_is_the_network_in_float64(heads, size, layers, hidden, dates, share):
    net = network(heads * size, heads, layers, hidden)
    x, valid, day = parcels(7, dates, share)
    torch.testing.assert_close(
        FastForward(net)(x, valid, day).double(), exact(net, x, valid, day), rtol=1e-4, atol=1e-5
    )


def test_days_may_differ_between_parcels():
    net = network()
    x, valid, day = parcels()
    own = day + 30 * torch.randn(12, 1)
    torch.testing.assert_close(
        FastForward(net)(x, valid, own).double(), exact(net, x, valid, own), rtol=1e-4, atol=1e-5
    )


def test_dates_that_are_missing_are_never_read():
    net = network()
    x, valid, day = parcels()
    valid[:, 4] = True
    run = FastForward(net)
    rubbish = x.masked_fill(~valid[..., None], torch.inf)
    assert torch.equal(run(x, valid, day), run(rubbish, valid, day))


@pytest.mark.parametrize("at_once", [1, 20, 33])
def test_neither_batch_mates_nor_order_nor_chunks_matter(monkeypatch, at_once):
    net = network()
    x, valid, day = parcels(40, share=0.5)
    run = FastForward(net)
    together = run(x, valid, day).softmax(dim=1)
    order = torch.randperm(40, generator=torch.Generator().manual_seed(2))
    shuffled = torch.empty_like(together)
    shuffled[order] = run(x[order], valid[order], day).softmax(dim=1)
    alone = torch.cat([run(x[i : i + 1], valid[i : i + 1], day) for i in range(40)]).softmax(dim=1)
    monkeypatch.setattr(fast, "DATES_AT_ONCE", at_once)
    for other in (shuffled, alone, run(x, valid, day).softmax(dim=1)):
        torch.testing.assert_close(together, other, rtol=0, atol=4e-6)


@pytest.mark.parametrize("sharpness", [30.0, 1000.0])
def test_attention_whose_exponentials_overflow(sharpness):
    net = network()
    for layer in net.layers:
        layer.query_key_value.weight[:32] *= sharpness**0.5
    x, valid, day = parcels()
    found = FastForward(net)(x, valid, day).double()
    torch.testing.assert_close(found, exact(net, x, valid, day), rtol=1e-6 * sharpness, atol=1e-6 * sharpness)


def test_no_parcels_at_all():
    x, valid, day = parcels(0)
    assert FastForward(network())(x, valid, day).shape == (0, 5)


def test_what_is_given_is_left_as_it_is():
    x, valid, day = parcels()
    given_x, given_valid = x.clone(), valid.clone()
    FastForward(network())(x, valid, day)
    assert torch.equal(x, given_x) and torch.equal(valid, given_valid)


@pytest.mark.parametrize("kinds", [{"norm": "post"}, {"activation": "relu"}, {"pooling": "max"}])
def test_other_networks_are_not_supported(kinds):
    assert supports(network()) and not supports(network(**kinds))
    with pytest.raises(ValueError, match="no fast pass"):
        FastForward(network(**kinds))


def test_a_network_with_a_part_it_does_not_know_is_not_supported():
    net = network()
    net.features = torch.nn.Sequential(net.features, torch.nn.Tanh())
    assert not supports(net)


@pytest.fixture(scope="module")
def season():
    """The shipped weights, and simulated parcels with clouds."""
    model = load_model()
    series = simulate_series(parcels=1000, seed=5, bands=model.card.bands)
    return model.network, Inputs.of(series, model.card.bands).tensors()


@pytest.mark.parametrize(("dtype", "limit"), [(torch.float32, 5e-6), (torch.bfloat16, 0.05)], ids=str)
def test_trained_weights_give_the_same_answers(season, dtype, limit):
    """In bfloat16 an answer may change where two classes are nearly as probable."""
    net, given = season
    plain, found = net(*given).softmax(dim=1), FastForward(net, dtype)(*given).softmax(dim=1)
    assert (plain - found).abs().max() < limit
    lead = plain.topk(2, dim=1).values @ torch.tensor([1.0, -1.0])
    assert (plain.argmax(dim=1) == found.argmax(dim=1))[lead > 2 * limit].all()


def test_trained_weights_give_the_same_in_any_order(season):
    net, (x, valid, day) = season
    run = FastForward(net)
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(3))
    together, pieces = run(x, valid, day)[order], [run(x[i], valid[i], day) for i in order.split(77)]
    torch.testing.assert_close(together.softmax(dim=1), torch.cat(pieces).softmax(dim=1), rtol=0, atol=4e-6)
