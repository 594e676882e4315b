"""What one pass of the network gives at the level of dates, whichever way it is worked out; here by autograd."""

from dataclasses import replace
from typing import NamedTuple

import torch
from torch import Tensor

from cropxai.explain.rules import RULES, Books
from cropxai.model.transformer import CropTransformer

TARGETS = ("margin", "logit")


class TokenPass(NamedTuple):
    """Scores and the rule's gradient at the tokens, the features of a date with its encoding.

    Of a parcel without any date, nothing but ``scores`` means anything.

    Attributes
    ----------
    scores : (batch, class) logits
    number : (batch,) int64, the class that is explained
    score : (batch,) what is explained: its logit, or its margin
    gradient : (batch, time, width) of the score by the tokens under the rule, exactly 0 at missing dates
    bias : (batch,) relevance that the biases behind the tokens take up
    softmax : (batch,) relevance that the softmax of attention takes up, 0 where the rule holds attention constant
    """

    scores: Tensor
    number: Tensor
    score: Tensor
    gradient: Tensor
    bias: Tensor
    softmax: Tensor


def token_pass(
    network: CropTransformer, tokens: Tensor, valid: Tensor, asked: Tensor, rule: str, target: str
) -> TokenPass:
    """Run the network from its tokens to its scores and back, under a rule, by autograd.

    Parameters
    ----------
    network : in evaluation mode, without a module that :func:`cropxai.explain.rules.check_known` refuses
    tokens : (batch, time, width)
    valid : (batch, time) bool, the dates that are there
    asked : (batch,) int64, the class to explain, -1 for the predicted one
    rule : one of :data:`cropxai.explain.rules.RULES`
    target : one of ``TARGETS``, see :func:`explained_score`
    """
    leaf = tokens.detach().requires_grad_()
    books = Books.opened(leaf)
    with torch.enable_grad():
        scores = network.head(leaf, valid, replace(RULES[rule], books=books))
        number = torch.where(asked >= 0, asked, scores.argmax(dim=1))
        score = explained_score(scores, number, target)
        gradient, bias, softmax = torch.autograd.grad(score.sum(), (leaf, *books), materialize_grads=True)
    return TokenPass(scores.detach(), number, score.detach(), gradient, bias, softmax)


def explained_score(scores: Tensor, number: Tensor, target: str) -> Tensor:
    """Return the score of a class (batch,): its logit, or its margin over the strongest of the others."""
    own = scores.gather(1, number[:, None])[:, 0]
    if target == "logit":
        return own
    rivals = scores.scatter(1, number[:, None], -torch.inf)
    return own - rivals.amax(dim=1)


def strongest_rival(scores: Tensor, number: Tensor) -> Tensor:
    """Return the class (batch,) of the greatest score beside that of a class (batch,)."""
    return scores.scatter(1, number[:, None], -torch.inf).argmax(dim=1)
