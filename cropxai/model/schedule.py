"""How the learning rate goes over the steps, and the moving average of the weights."""

import math

import torch
from torch import Tensor, nn

#: Share of the steps over which the learning rate rises (Smith & Topin 2019, arXiv 1708.07120); with "cosine", a short
#: one, because Adam's moments are of few steps at first.
WARM_UP = {"one-cycle": 0.2, "cosine": 0.02}


def rate(schedule: str, done: float) -> float:
    """Return the factor on the learning rate: a linear rise over the warm-up, then a half cosine down to zero."""
    warm_up = WARM_UP[schedule]
    if done < warm_up:
        return done / warm_up
    return 0.5 * (1 + math.cos(math.pi * (done - warm_up) / (1 - warm_up)))


class Average:
    """Exponential moving average of the weights of a network.

    After step n, a weight is :math:`d` of its average so far and :math:`1 - d` of its value, with
    :math:`d = min(decay, (1 + n) / (10 + n))`, so that the random start is soon forgotten.

    Parameters
    ----------
    network : whose weights are taken now
    decay : of one step, 0 for no average at all
    """

    def __init__(self, network: nn.Module, decay: float):
        self.decay = decay
        own = network.state_dict()  # without a decay these are the weights themselves, which go on changing
        self.weights: dict[str, Tensor] = {name: value.clone() if decay else value for name, value in own.items()}

    def take(self, network: nn.Module, step: int) -> None:
        """Take in the weights after a step (0 is the first); without a decay there is nothing to do."""
        if not self.decay:
            return
        decay = min(self.decay, (1 + step) / (10 + step))
        with torch.no_grad():
            for name, value in network.state_dict().items():
                if value.is_floating_point():
                    self.weights[name].lerp_(value, 1 - decay)
                else:
                    self.weights[name].copy_(value)
