import math

import numpy as np
import pytest
import torch
from reference import explain as by_the_book
from torch import nn

from cropxai.errors import NoRelevanceRule
from cropxai.explain.medians import REFERENCES
from cropxai.explain.passes import TARGETS, explained_score
from cropxai.explain.rules import RULES, AttnLrp, CpLrp, GradientInput, check_known
from cropxai.model.transformer import PLAIN, Architecture, CropTransformer

SIZE = Architecture(bands=4, classes=3, width=16, heads=4, layers=2, hidden=24)


def network(bias=True, seed=0):
    torch.manual_seed(seed)
    made = CropTransformer(SIZE).double().eval()
    made.date.rate = 2 * torch.pi / torch.logspace(math.log10(6), 3, SIZE.width // 2, dtype=torch.float64)
    for name, parameter in made.named_parameters():
        if name.endswith("bias"):
            nn.init.normal_(parameter, std=0.3) if bias else nn.init.zeros_(parameter)
        elif "norm" in name:
            nn.init.uniform_(parameter, 0.5, 1.5)
    if bias:
        made.mean.copy_(torch.tensor([0.1, 0.2, 0.3, 0.4]))
        made.scale.copy_(torch.tensor([0.5, 0.6, 0.7, 0.8]))
    return made.requires_grad_(False)


@pytest.fixture
def batch():
    rng = np.random.default_rng(1)
    valid = rng.random((6, 8)) > 0.3
    valid[:, 2] = True
    return torch.tensor(rng.random((6, 8, 4))), torch.tensor(valid), torch.arange(8.0, dtype=torch.float64) * 21


def gradient_input(net, batch, rule, target=1):
    x, valid, day = batch
    leaf = x.clone().requires_grad_()
    scores = net(leaf, valid, day, rule)[:, target]
    (gradient,) = torch.autograd.grad(scores.sum(), leaf)
    return (leaf * gradient).detach().numpy(), scores.detach().numpy()


@pytest.mark.parametrize("rule", ["cp-lrp", "attnlrp"])
@pytest.mark.parametrize("seed", range(4))
def test_a_rule_equals_the_explicit_reference(batch, seed, rule):
    net = network(seed=seed)
    relevance, scores = gradient_input(net, batch, RULES[rule])
    x, valid, day = (t.numpy() for t in batch)
    for i in range(len(x)):
        expected, score, ledger = by_the_book(net, x[i], valid[i], day, 1, rule)
        np.testing.assert_allclose(scores[i], score, rtol=1e-10)
        np.testing.assert_allclose(relevance[i], expected, rtol=1e-9, atol=1e-10 * np.abs(expected).max())
        closed = expected.sum() + ledger.bias + ledger.position + ledger.softmax
        assert (ledger.softmax != 0) == (rule == "attnlrp")
        assert closed == pytest.approx(score, rel=1e-9)


def test_without_biases_and_dates_cp_lrp_conserves_the_score(batch):
    net = network(bias=False)
    net.date.forward = lambda day: torch.zeros(*day.shape, SIZE.width, dtype=torch.float64)
    relevance, scores = gradient_input(net, batch, CpLrp())
    np.testing.assert_allclose(relevance.sum(axis=(1, 2)), scores, rtol=1e-9)
    plain, _ = gradient_input(net, batch, GradientInput())
    assert np.abs(plain.sum(axis=(1, 2)) / scores - 1).max() > 0.1  # which the plain gradient does not


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_a_rule_does_not_change_the_scores(batch, rule):
    net = network()
    torch.testing.assert_close(net(*batch, rule), net(*batch, PLAIN), rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_missing_dates_get_nothing_and_matter_not(batch, rule):
    x, valid, day = batch
    rubbish = torch.where(valid[..., None], x, 1e3)
    relevance, _ = gradient_input(network(), batch, rule)
    again, _ = gradient_input(network(), (rubbish, valid, day), rule)
    assert (relevance[~valid.numpy()] == 0).all()
    np.testing.assert_array_equal(relevance, again)


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_batch_mates_do_not_matter(batch, rule):
    x, valid, day = batch
    together, _ = gradient_input(network(), batch, rule)
    alone = [gradient_input(network(), (x[i : i + 1], valid[i : i + 1], day), rule)[0][0] for i in range(len(x))]
    np.testing.assert_allclose(together, alone, rtol=1e-9, atol=1e-12)


def test_plain_gradient_is_that_of_the_plain_network(batch):
    ours, _ = gradient_input(network(), batch, GradientInput())
    plain, _ = gradient_input(network(), batch, PLAIN)
    np.testing.assert_allclose(ours, plain, rtol=1e-9, atol=1e-12)


def test_attnlrp_halves_at_products():
    """A bilinear form of attention: the value branch gets half of the score, query and key a quarter each."""
    torch.manual_seed(0)
    q, k, v = (torch.randn(1, 1, 5, 4, dtype=torch.float64, requires_grad=True) for _ in range(3))
    seen = torch.ones(1, 5, dtype=torch.bool)
    out = AttnLrp().attention(q, k, v, seen).sum()
    gq, gk, gv = torch.autograd.grad(out, (q, k, v))
    plain = (q @ k.transpose(-1, -2) / 2).softmax(dim=-1) @ v
    pq, pk, pv = torch.autograd.grad(plain.sum(), (q, k, v))
    assert (v * gv).sum().item() == pytest.approx(0.5 * plain.sum().item())
    torch.testing.assert_close(gv, 0.5 * pv)
    torch.testing.assert_close(gq, 0.25 * pq)
    torch.testing.assert_close(gk, 0.25 * pk)


def test_margin_is_the_lead_over_the_strongest_rival():
    scores = torch.tensor([[1.0, 4.0, 2.5], [3.0, -1.0, 0.0]])
    assert explained_score(scores, torch.tensor([1, 1]), "margin").tolist() == [1.5, -4.0]
    assert explained_score(scores, torch.tensor([1, 1]), "logit").tolist() == [4.0, -1.0]


def test_an_unknown_module_is_refused():
    net = network()
    net.extra = nn.BatchNorm1d(3)
    with pytest.raises(NoRelevanceRule, match="no relevance rule for BatchNorm1d"):
        check_known(net)


def test_the_command_line_offers_what_there_is():
    from cropxai.cli.main import cli

    choices = {p.name: p.type.choices for p in cli.get_command(None, "explain").params if hasattr(p.type, "choices")}
    assert tuple(choices["rule"]) == tuple(RULES)
    assert tuple(choices["target"]) == TARGETS
    assert tuple(choices["reference"]) == REFERENCES
