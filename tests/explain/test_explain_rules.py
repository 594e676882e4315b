"""Each rule against matrix algebra on the Jacobian of its operation, and against what it promises."""

import math

import numpy as np
import pytest
import torch
from networks import KINDS, network, parcels
from torch import nn
from torch.autograd.functional import jacobian

from cropxai.errors import NoRelevanceRule
from cropxai.explain.medians import REFERENCES
from cropxai.explain.passes import TARGETS
from cropxai.explain.rules import RULES, AttnLrp, Books, CpLrp, GradientInput, check_known
from cropxai.model.paper import affine
from cropxai.model.transformer import PLAIN, Operations

LRP_RULES = [CpLrp, AttnLrp]


def drawn(*shape, seed=0):
    return torch.tensor(np.random.default_rng(seed).standard_normal(shape))


def handed_down(operation, *inputs):
    """What a rule hands down of the relevance of random scores, Gradient × Input; value, gradient of the output."""
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = operation(*leaves)
    g = drawn(*y.shape, seed=9)
    gradients = torch.autograd.grad((y * g).sum(), leaves, allow_unused=True)
    return [None if d is None else x * d for x, d in zip(inputs, gradients, strict=True)], y.detach(), g


def lrp_zero(matrix, x, relevance, z):
    """R_j = sum_i x_j w_ij R_i / z_i, the matrix (out, in) given."""
    return x * (matrix.T @ (relevance / z))


@pytest.mark.parametrize("rule", LRP_RULES)
def test_linear_maps_by_their_matrix_and_bias(rule):
    layer = nn.Linear(5, 7).double().requires_grad_(False)
    x = drawn(2, 3, 5)
    books = Books.opened(x)
    (found,), y, g = handed_down(lambda t: rule(books).linear(t, layer), x)
    torch.testing.assert_close(y, layer(x))
    for n in range(2):
        for t in range(3):
            matrix = jacobian(layer, x[n, t])
            torch.testing.assert_close(found[n, t], lrp_zero(matrix, x[n, t], (y * g)[n, t], y[n, t]))
    x = x.requires_grad_()
    (taken,) = torch.autograd.grad((rule(books).linear(x, layer) * g).sum(), books.bias)
    torch.testing.assert_close(taken, (y * g * layer.bias / y).sum(dim=(1, 2)))  # b_i R_i / z_i


@pytest.mark.parametrize("rule", LRP_RULES)
def test_standardising_is_a_linear_map(rule):
    mean, scale, x = drawn(4, seed=1), drawn(4, seed=2).exp(), drawn(2, 3, 4)
    books = Books.opened(x)
    leaf = x.clone().requires_grad_()
    y = rule(books).standardise(leaf, mean, scale)
    torch.testing.assert_close(y, (x - mean) / scale)
    on_x, taken = torch.autograd.grad(y.sum(), (leaf, books.bias))
    torch.testing.assert_close((x * on_x).sum(dim=(1, 2)) + taken, y.detach().sum(dim=(1, 2)))


@pytest.mark.parametrize("kind", ["gelu", "relu"])
@pytest.mark.parametrize("rule", LRP_RULES)
def test_activations_pass_relevance_through(rule, kind):
    x = torch.cat([drawn(20), torch.zeros(1)])
    (found,), y, g = handed_down(lambda t: rule().activation(t, kind), x)
    torch.testing.assert_close(y, PLAIN.activation(x, kind))
    torch.testing.assert_close(found, y * g)
    half = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(rule().activation(half, "gelu").sum(), half)
    assert slope.item() == 0.5  # the limit of gelu(x)/x


@pytest.mark.parametrize("rule", LRP_RULES)
def test_norms_by_the_matrix_of_a_constant_deviation(rule):
    norm = nn.LayerNorm(6).double().requires_grad_(False)
    norm.weight.copy_(drawn(6, seed=3))
    norm.bias.copy_(drawn(6, seed=4))
    x = drawn(2, 3, 6)
    (found,), y, g = handed_down(lambda t: rule().layer_norm(t, norm), x)
    torch.testing.assert_close(y, norm(x))
    for n in range(2):
        for t in range(3):
            one = x[n, t]
            deviation = math.sqrt(one.numpy().var() + norm.eps)
            matrix = jacobian(lambda a, s=deviation: norm.weight * (a - a.mean()) / s, one)
            torch.testing.assert_close(found[n, t], lrp_zero(matrix, one, (y * g)[n, t], y[n, t]))


def plain_attention(q, k, v, seen):
    """One parcel, one head, (time, size) each: weights and output, by loops over the dates that are there."""
    weights = np.zeros((len(q), len(q)))
    for i in range(len(q)):
        score = np.array([np.exp(q[i] @ k[j] / math.sqrt(q.shape[1])) if seen[j] else 0.0 for j in range(len(q))])
        weights[i] = score / score.sum()
    return weights, weights @ v


@pytest.mark.parametrize("rule", LRP_RULES)
def test_attention_by_the_jacobians_of_its_steps(rule):
    """CP-LRP: A constant. AttnLRP: half at each product, the softmax by its Jacobian diag(s) - s sᵀ."""
    q, k, v = (drawn(1, 1, 5, 4, seed=s) for s in (1, 2, 3))
    seen = torch.tensor([[True, True, False, True, True]])
    books = Books.opened(q)
    (on_q, on_k, on_v), y, g = handed_down(lambda *a: rule(books).attention(*a, seen), q, k, v)
    weights, output = plain_attention(q[0, 0].numpy(), k[0, 0].numpy(), v[0, 0].numpy(), seen[0].numpy())
    np.testing.assert_allclose(y[0, 0], output, rtol=1e-12)
    share = g[0, 0].numpy()  # relevance of the output over the output
    on_value = v[0, 0].numpy() * (weights.T @ share)
    if rule is CpLrp:
        assert on_q is None and on_k is None
        np.testing.assert_allclose(on_v[0, 0], on_value, rtol=1e-12)
        return
    np.testing.assert_allclose(on_v[0, 0], on_value / 2, rtol=1e-12)
    on_weights = weights * (share @ v[0, 0].numpy().T) / 2
    expected_q, expected_k, absorbed = np.zeros((5, 4)), np.zeros((5, 4)), 0.0
    for i in range(5):
        curve = np.diag(weights[i]) - np.outer(weights[i], weights[i])
        scores = q[0, 0, i].numpy() @ k[0, 0].numpy().T / 2
        over = np.divide(on_weights[i], weights[i], out=np.zeros(5), where=weights[i] > 0)
        on_scores = scores * (curve @ over)
        absorbed += on_weights[i].sum() - on_scores.sum()
        for j in range(5):
            products = q[0, 0, i].numpy() * k[0, 0, j].numpy() / 2
            expected_q[i] += products * on_scores[j] / scores[j] / 2
            expected_k[j] += products * on_scores[j] / scores[j] / 2
    np.testing.assert_allclose(on_q[0, 0], expected_q, rtol=1e-10, atol=1e-14)
    np.testing.assert_allclose(on_k[0, 0], expected_k, rtol=1e-10, atol=1e-14)
    leaves = [a.clone().requires_grad_() for a in (q, k, v)]
    (taken,) = torch.autograd.grad((rule(books).attention(*leaves, seen) * g).sum(), books.softmax)
    assert taken.item() == pytest.approx(absorbed, rel=1e-10)


@pytest.mark.parametrize("rule", LRP_RULES)
def test_batch_normalisation_by_its_diagonal(rule):
    """Outside training each feature hands down to itself, times its factor; the shift takes the rest."""
    norm = nn.BatchNorm1d(6).double().eval()
    for value in (norm.weight.data, norm.bias.data, norm.running_mean, norm.running_var):
        value.uniform_(0.5, 1.5)
    x = drawn(3, 6)
    factor, shift = affine(norm)
    books = Books.opened(x)
    (found,), y, g = handed_down(lambda t: rule(books).affine(t, factor, shift), x)
    torch.testing.assert_close(torch.as_tensor(y), norm(x).detach())
    slope = norm.weight / (norm.running_var + norm.eps).sqrt()
    np.testing.assert_allclose(found, (x * slope * g).detach(), rtol=1e-12)
    leaf = x.clone().requires_grad_()
    (taken,) = torch.autograd.grad((rule(books).affine(leaf, factor, shift) * g).sum(), books.bias)
    rest = (torch.as_tensor(y) * g).sum(dim=1) - torch.as_tensor(found).sum(dim=1)
    np.testing.assert_allclose(taken, rest.detach(), rtol=1e-6)


@pytest.mark.parametrize("pooling", ["mean", "max"])
def test_pooling_by_its_jacobian(pooling):
    """The mean hands down in proportion, the maximum to the winner among the dates that are there."""
    net = network(pooling=pooling).double()
    x = drawn(1, 4, 16)
    x[0, 1] += 10  # would win, but is missing
    seen = torch.tensor([[True, False, True, True]])
    (found,), y, g = handed_down(lambda t: net._pooled(t, seen), x)
    values, out = x[0].numpy(), np.zeros((4, 16))
    for feature in range(16):
        there = [t for t in range(4) if seen[0, t]]
        if pooling == "mean":
            for t in there:
                out[t, feature] = values[t, feature] / 3 * g[0, feature].item()
        else:
            winner = max(there, key=lambda t, f=feature: values[t, f])
            out[winner, feature] = (y * g)[0, feature].item()
    np.testing.assert_allclose(found[0], out, rtol=1e-12)


@pytest.mark.parametrize("name", RULES)
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_a_rule_does_not_change_the_scores(kind, name):
    net = network(*kind).double()
    x, valid, day = (torch.tensor(a) for a in parcels())
    torch.testing.assert_close(net(x, valid, day, RULES[name]), net(x, valid, day), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_plain_gradient_is_that_of_the_plain_network(kind):
    net = network(*kind).double()
    x, valid, day = (torch.tensor(a) for a in parcels())
    x.requires_grad_()
    ours, plain = (torch.autograd.grad(net(x, valid, day, ops)[:, 1].sum(), x)[0] for ops in (GradientInput(), PLAIN))
    torch.testing.assert_close(ours, plain, rtol=1e-10, atol=1e-12)


def test_every_operation_has_a_rule():
    """A new operation of the network must be thought about here."""
    operations = {name for name in vars(Operations) if not name.startswith("_")}
    assert operations == {"standardise", "linear", "affine", "activation", "layer_norm", "attention"}
    assert operations <= set(vars(CpLrp))


class Shifted(nn.Linear):
    """A linear layer that is none."""


@pytest.mark.parametrize("module", [nn.BatchNorm2d(3), nn.MultiheadAttention(4, 2), nn.Identity(), Shifted(2, 2)])
def test_an_unknown_module_is_refused(module):
    net = network()
    check_known(net)
    net.extra = module
    with pytest.raises(NoRelevanceRule, match=f"no relevance rule for {type(module).__name__} \\(extra\\)"):
        check_known(net)


def test_an_unknown_activation_is_refused():
    with pytest.raises(NoRelevanceRule, match="no relevance rule for swish"):
        CpLrp().activation(drawn(3), "swish")


def test_the_command_line_offers_what_there_is():
    from cropxai.cli.main import cli
    from cropxai.cli.options import BAND_METHODS
    from cropxai.explain.lrp import DTYPES, LEVELS
    from cropxai.explain.methods import LEVELS_OF, METHODS

    choices = {p.name: p.type.choices for p in cli.get_command(None, "explain").params if hasattr(p.type, "choices")}
    assert tuple(choices["method"]) == METHODS
    assert tuple(name for name in METHODS if "band" in LEVELS_OF[name]) == BAND_METHODS
    assert tuple(choices["target"]) == TARGETS
    assert tuple(choices["reference"]) == REFERENCES
    assert tuple(choices["level"]) == LEVELS
    assert tuple(choices["dtype"]) == tuple(DTYPES)
