r"""The rules of relevance as the papers write them, in float64: for :mod:`cropxai.explain.reference`.

Every operation gives its value and a function that takes the relevance of its outputs and returns that of its inputs,
:math:`R_j = \sum_i z_{ij} / z_i R_i`.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

Array = npt.NDArray[np.float64]
Down = Callable[[Array], Array]


@dataclass
class WrittenRules:
    """The rules, each an operation: value, and how relevance goes down.

    Attributes
    ----------
    rule : one of :data:`cropxai.explain.rules.RULES`
    bias, softmax : relevance that reached no input, booked as it goes down
    """

    rule: str
    bias: float = 0.0
    softmax: float = 0.0

    def linear(self, x: Array, weight: Array, bias: Array) -> tuple[Array, Down]:
        """LRP-0 through (…, in) → (…, out); the bias is one more input."""
        y = x @ weight.T + bias
        return y, self._through(x, y, weight, bias)

    def _through(self, x: Array, y: Array, matrix: Array, bias: Array) -> Down:
        def down(relevance: Array) -> Array:
            share = over(relevance, y)
            self.bias += float((share * bias).sum())
            return np.asarray(x * (share @ matrix))

        return down

    def activation(self, x: Array, kind: str) -> tuple[Array, Down]:
        """Identity rule; without a rule, x f'(x) / f(x)."""
        y = x * ndtr(x) if kind == "gelu" else np.maximum(x, 0)
        if self.rule != "gradient-input" or kind == "relu":
            return y, lambda relevance: relevance
        slope = ndtr(x) + x * np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
        return y, lambda relevance: np.asarray(x * slope * over(relevance, y))

    def norm(self, x: Array, weight: Array, bias: Array, eps: float) -> tuple[Array, Down]:
        """LRP-0 through the matrix that the norm is once its deviation is constant; without a rule, its Jacobian."""
        width = x.shape[-1]
        centring = np.eye(width) - 1 / width
        y, downs = np.empty_like(x), {}
        for index in np.ndindex(x.shape[:-1]):
            centred = centring @ x[index]
            deviation = math.sqrt(float(centred @ centred) / width + eps)
            matrix = weight[:, None] * centring / deviation
            y[index] = matrix @ x[index] + bias
            if self.rule == "gradient-input":
                matrix = matrix - np.outer(weight * centred, centred) / (width * deviation**3)
            downs[index] = self._through(x[index], y[index], matrix, bias)

        def down(relevance: Array) -> Array:
            return np.stack([downs[index](relevance[index]) for index in np.ndindex(x.shape[:-1])]).reshape(x.shape)

        return y, down

    def attention(self, q: Array, k: Array, v: Array) -> tuple[Array, Callable[[Array], tuple[Array, Array, Array]]]:
        """One head, (time, size) each.

        CP-LRP: the weights are constant, all goes to the value. AttnLRP: half of a product goes to each factor, and the
        softmax s of x hands down x (R - s ΣR), in sum less than it got; without a rule each factor gets all.
        """
        root = math.sqrt(q.shape[1])
        scores = q @ k.T / root
        weights = np.exp(scores - scores.max(axis=1, keepdims=True))
        weights /= weights.sum(axis=1, keepdims=True)
        y = weights @ v

        def down(relevance: Array) -> tuple[Array, Array, Array]:
            share = over(relevance, y)
            on_value = v * (weights.T @ share)
            if self.rule == "cp-lrp":
                return np.zeros_like(q), np.zeros_like(k), on_value
            part = 0.5 if self.rule == "attnlrp" else 1.0
            on_weights = part * weights * (share @ v.T)
            slope = on_weights - weights * on_weights.sum(axis=1, keepdims=True)  # relevance of a score, over the score
            if self.rule == "attnlrp":
                self.softmax += float(on_weights.sum() - (scores * slope).sum())
            return part * q * (slope @ k) / root, part * k * (slope.T @ q) / root, part * on_value

        return y, down


def add(a: Array, b: Array) -> tuple[Array, Callable[[Array], tuple[Array, Array]]]:
    """Residual sum: relevance in proportion to the summands."""
    total = a + b

    def split(relevance: Array) -> tuple[Array, Array]:
        share = over(relevance, total)
        return share * a, share * b

    return total, split


def pooled(x: Array, kind: str) -> tuple[Array, Down]:
    """Pool (time, width) over time: the mean hands down in proportion, the maximum to its winner alone."""
    if kind == "mean":
        mean = x.mean(axis=0)
        return mean, lambda relevance: np.asarray(x / len(x) * over(relevance, mean))
    winner = x.argmax(axis=0)

    def down(relevance: Array) -> Array:
        out = np.zeros_like(x)
        out[winner, np.arange(x.shape[1])] = relevance
        return out

    return x.max(axis=0), down


def chain(downs: Sequence[Down]) -> Down:
    """Go down through operations that came one after the other."""

    def down(relevance: Array) -> Array:
        for each in reversed(downs):
            relevance = each(relevance)
        return relevance

    return down


def over(relevance: Array, value: Array) -> Array:
    """Divide; where the value is exactly zero it had no relevance to hand on."""
    return np.divide(relevance, value, out=np.zeros(np.broadcast(relevance, value).shape), where=value != 0)
