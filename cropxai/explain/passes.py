"""What one pass of the network gives at the level of dates, whichever way it is worked out."""

from typing import NamedTuple

from torch import Tensor


class TokenPass(NamedTuple):
    """Scores and the rule's gradient at the tokens, the features of a date with its encoding.

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
