r"""What the passes written out by hand share: parcels in chunks of their dates, and weights with the norms folded in.

* **Only dates that are there** are worked on. Parcels are sorted by how many dates they have and packed in chunks of
  about equal length; the memory of one chunk stays in the processor's cache and serves all of them.
* **Norms** are folded into the linear map behind. The d features of a normalised token n sum to zero, so that with one
  added to each of them a bias b comes with the product: :math:`(n + 1)(W + b/d) = nW + b`, if the columns of W are
  centred, which n does not notice.
* **Heads** are one batch of products, which leaves queries, keys and values where attention takes them. The softmax is
  an exponential without a maximum, and taken again with one where that is not safe.
"""

from collections.abc import Iterator
from math import prod, sqrt
from typing import NamedTuple

import torch
from torch import Tensor, nn

from cropxai.model.transformer import Layer

DTYPES = (torch.float32, torch.bfloat16)
#: Dates in one chunk, for each thread: enough for matrix products at full speed, few enough for the cache.
DATES_AT_ONCE = 1136
#: Sums of exponentials between these are far from underflow and overflow.
SAFE_SUMS = (1e-20, 1e30)


class Chunk(NamedTuple):
    """Parcels of about the same number of dates.

    Attributes
    ----------
    rows : (parcel,) their numbers
    shape : parcels, dates of the longest
    places : (parcel × date,) where their dates lie among all; what is short is filled up with the first date
    dead : (parcel, date) bool, what is only filling, or None if there is none
    """

    rows: Tensor
    shape: tuple[int, int]
    places: Tensor
    dead: Tensor | None


def chunks(valid: Tensor, at_once: int) -> Iterator[Chunk]:
    """Divide parcels, of whose dates (parcel, date) ``valid`` are there; of none, all, as in the network."""
    seen = valid | ~valid.any(dim=1, keepdim=True)
    count = seen.sum(dim=1)
    places = seen.reshape(-1).nonzero()[:, 0]
    first = count.cumsum(dim=0) - count
    order, start = count.argsort(descending=True, stable=True), 0
    while start < len(order):
        dates = int(count[order[start]])
        rows = order[start : start + max(1, at_once // dates)]
        nth = torch.arange(dates).expand(len(rows), dates)
        dead = nth >= count[rows, None]
        filled = places[first[rows, None] + nth.masked_fill(dead, 0)]
        yield Chunk(rows, (len(rows), dates), filled.view(-1), dead if bool(dead.any()) else None)
        start += len(rows)


class Room:
    """Memory of one chunk that the next uses again, by name."""

    def __init__(self, dtype: torch.dtype):
        self.dtype, self.held = dtype, dict[str, Tensor]()

    def __call__(self, name: str, *shape: int) -> Tensor:
        """Return memory of a shape; what it holds is what was last written under the name."""
        count = prod(shape)
        if name not in self.held or len(self.held[name]) < count:
            self.held[name] = torch.empty(count, dtype=self.dtype)
        return self.held[name][:count].view(shape)


def folded(linear: nn.Linear, norm: nn.LayerNorm) -> tuple[Tensor, Tensor]:
    """Return weight (out, in) and bias of a linear map behind a norm, in float64, each output's weights centred."""
    weight, bias = linear.weight.detach().double(), linear.bias.detach().double()
    bias = bias + weight @ norm.bias.detach().double()
    weight = weight * norm.weight.detach().double()
    return weight - weight.mean(dim=1, keepdim=True), bias


def folded_joint(layer: Layer) -> tuple[Tensor, Tensor]:
    """Return weight and bias from a normed token to queries, keys and values, queries divided by the size's root."""
    joint, bias = folded(layer.query_key_value, layer.norm_attention)
    width = layer.size.width
    joint[:width] /= sqrt(width // layer.size.heads)
    bias[:width] /= sqrt(width // layer.size.heads)
    return joint, bias


def centred(linear: nn.Linear) -> tuple[Tensor, Tensor]:
    """Return weight (out, in) and bias of a linear map, in float64, with the mean over its outputs taken away."""
    weight, bias = linear.weight.detach().double(), linear.bias.detach().double()
    return weight - weight.mean(dim=0), bias - bias.mean()


def over_deviation(z: Tensor, eps: float) -> Tensor:
    """Return one over the deviation of each centred token (row, width), (row, 1)."""
    square: Tensor = torch.linalg.vector_norm(z, dim=1, keepdim=True).square_()
    return square.div_(z.shape[1]).add_(eps).rsqrt_()
