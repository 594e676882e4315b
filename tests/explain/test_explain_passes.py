"""The pass at the level of dates: its gradient and its books by other means."""

import itertools

import numpy as np
import pytest
import torch
from networks import KINDS, network, parcels

from cropxai.explain.passes import TARGETS, explained_score, token_pass
from cropxai.explain.rules import RULES


def tokens_of(net, seed=1):
    x, valid, day = (torch.tensor(a) for a in parcels(seed=seed))
    return net.tokens(x, day), valid


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_cp_lrp_is_the_matrix_of_the_network_with_all_gates_held(kind):
    """A score is M·tokens + c then; M column by column from unit changes of the tokens, c from no tokens at all."""
    net = network(*kind).double()
    tokens, valid = tokens_of(net)
    held = Held(net, tokens, valid)
    for number in range(3):
        asked = torch.full((6,), number)
        found = token_pass(net, tokens, valid, asked, "cp-lrp", "logit")
        constant = held(torch.zeros_like(tokens))[:, number]
        torch.testing.assert_close(found.bias, constant)
        for time, feature in itertools.product(range(8), (0, 7, 15)):
            unit = torch.zeros_like(tokens)
            unit[:, time, feature] = 1
            torch.testing.assert_close(found.gradient[:, time, feature], held(unit)[:, number] - constant)
        torch.testing.assert_close(constant + (found.gradient * tokens).sum(dim=(1, 2)), found.score)


class Held:
    """The network from its tokens, with attention, deviations, gates and winners of one forward pass held for ever."""

    def __init__(self, net, tokens, valid):
        self.net, self.kept, self.turn, self.replay, self.valid = net, [], 0, False, valid
        self(tokens)
        self.replay = True

    def keep(self, make):
        if not self.replay:
            self.kept.append(make())
        self.turn += 1
        return self.kept[self.turn - 1]

    def norm(self, x, norm):
        centred = x - x.mean(-1, keepdim=True)
        return (
            centred / self.keep(lambda: (x.var(-1, unbiased=False, keepdim=True) + norm.eps).sqrt()) * norm.weight
            + norm.bias
        )

    def activation(self, x):
        plain = torch.nn.functional.gelu if self.net.size.activation == "gelu" else torch.relu
        return x * self.keep(lambda: plain(x) / x)

    def attention(self, x, layer):
        q, k, v = layer.query_key_value(x).unflatten(-1, (3, 4, 4)).permute(2, 0, 3, 1, 4)
        blocked = torch.where(self.valid, 0.0, -torch.inf)[:, None, None, :]
        weights = self.keep(lambda: (q @ k.transpose(-1, -2) / 2 + blocked).softmax(-1))
        return layer.mix((weights @ v).transpose(1, 2).flatten(2))

    def __call__(self, x):
        self.turn = 0
        for layer in self.net.layers:
            if self.net.size.norm == "pre":
                x = x + self.attention(self.norm(x, layer.norm_attention), layer)
                x = x + layer.contract(self.activation(layer.expand(self.norm(x, layer.norm_hidden))))
            else:
                x = self.norm(x + self.attention(x, layer), layer.norm_attention)
                x = self.norm(x + layer.contract(self.activation(layer.expand(x))), layer.norm_hidden)
        if self.net.size.norm == "pre":
            x = self.norm(x, self.net.norm)
        if self.net.size.pooling == "mean":
            pooled = torch.stack([one[seen].mean(0) for one, seen in zip(x, self.valid, strict=True)])
        else:
            there = torch.where(self.valid[..., None], x, -torch.inf)
            pooled = x.gather(1, self.keep(lambda: there.argmax(1, keepdim=True)))[:, 0]
        return self.net.score(self.activation(self.net.decode(pooled)))


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_missing_dates_have_exactly_no_gradient_and_no_influence(kind, rule):
    net = network(*kind)
    tokens, valid = tokens_of(net.double())
    net, tokens = net.float(), tokens.float()
    rubbish = torch.where(valid[..., None], tokens, 1e4)
    for target in TARGETS:
        passed, again = (token_pass(net, t, valid, torch.full((6,), -1), rule, target) for t in (tokens, rubbish))
        assert (passed.gradient[~valid] == 0).all() and (passed.gradient[valid] != 0).any(dim=-1).all()
        assert all(torch.equal(a, b) for a, b in zip(passed, again, strict=True))


def test_a_pass_tells_scores_and_class():
    net = network().double()
    tokens, valid = tokens_of(net)
    asked = torch.tensor([-1, 0, 1, 2, 3, -1])
    passed = token_pass(net, tokens, valid, asked, "attnlrp", "margin")
    torch.testing.assert_close(passed.scores, net.head(tokens, valid))
    assert passed.number.tolist() == torch.where(asked < 0, passed.scores.argmax(1), asked).tolist()
    assert (token_pass(net, tokens, valid, asked, "cp-lrp", "margin").softmax == 0).all()
    assert not any(value.requires_grad for value in passed)


def test_margin_is_the_lead_over_the_strongest_rival():
    scores = torch.tensor([[1.0, 4.0, 2.5], [3.0, -1.0, 0.0]])
    assert explained_score(scores, torch.tensor([1, 1]), "margin").tolist() == [1.5, -4.0]
    assert explained_score(scores, torch.tensor([1, 1]), "logit").tolist() == [4.0, -1.0]


def test_a_margin_is_the_difference_of_two_logits():
    """Relevance of the lead is that of the class less that of its rival; CP-LRP and AttnLRP are linear in the score."""
    net = network().double()
    tokens, valid = tokens_of(net)
    for rule in RULES:
        lead = token_pass(net, tokens, valid, torch.full((6,), -1), rule, "margin")
        rival = lead.scores.argsort(dim=1)[:, -2]
        own, other = (token_pass(net, tokens, valid, n, rule, "logit") for n in (lead.number, rival))
        torch.testing.assert_close(lead.gradient, own.gradient - other.gradient)
        np.testing.assert_allclose(lead.bias, own.bias - other.bias, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(lead.softmax, own.softmax - other.softmax, rtol=1e-9, atol=1e-12)
