"""A transformer encoder for irregular series with missing dates.

An MLP turns the bands of each date into features, the encoding of the date is added, self-attention looks across the
dates that are there, the mean over these dates is decoded to one score a class. Follows Chan, Schneider & Körner 2023
(arXiv 2310.06574) in its stages; differs in that missing dates are masked instead of zero, that the norm comes before
each sub-layer, and that pooling over dates allows any number of them.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Longest and shortest wave of the date encoding, in days: finer than a revisit up to longer than a year.
LONGEST_WAVE, SHORTEST_WAVE = 1000.0, 6.0


@dataclass(frozen=True)
class Architecture:
    """The sizes of a network: everything that is needed to build it again."""

    bands: int
    classes: int
    width: int = 64
    heads: int = 4
    layers: int = 2
    hidden: int = 128
    dropout: float = 0.1

    def asdict(self) -> dict[str, Any]:
        """Return the sizes as a dictionary for the card."""
        return asdict(self)


class Operations:
    """The operations in which relevance rules differ from plain gradients; here the plain ones.

    A rule of :mod:`cropxai.explain.rules` overrides them: same values forward, another gradient backward.
    """

    def activation(self, x: Tensor) -> Tensor:
        """Gaussian error linear unit."""
        return functional.gelu(x)

    def layer_norm(self, x: Tensor, norm: nn.LayerNorm) -> Tensor:
        """Layer normalisation with the weights of ``norm``."""
        return cast(Tensor, norm(x))

    def attention(self, q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
        """Scaled dot-product attention of (batch, head, time, size) over the keys that ``seen`` (batch, time) marks."""
        return functional.scaled_dot_product_attention(q, k, v, attn_mask=seen[:, None, None, :])


PLAIN = Operations()


class DateEncoding(nn.Module):
    """Sine and cosine of the day of the season, on waves of geometrically growing length.

    After Vaswani et al. 2017, sec. 3.5, with days in place of positions, so that irregular dates keep their distance.
    """

    rate: Tensor

    def __init__(self, width: int):
        super().__init__()
        wave = torch.logspace(math.log10(SHORTEST_WAVE), math.log10(LONGEST_WAVE), width // 2)
        self.register_buffer("rate", 2 * math.pi / wave, persistent=False)

    def forward(self, day: Tensor) -> Tensor:
        """Encode days (batch, time) as (batch, time, width)."""
        angle = day[..., None] * self.rate
        return torch.cat([angle.sin(), angle.cos()], dim=-1)


class Layer(nn.Module):
    """One encoder layer: self-attention and a feed-forward network, each after a norm and with a residual."""

    def __init__(self, size: Architecture):
        super().__init__()
        self.heads = size.heads
        self.norm_attention = nn.LayerNorm(size.width)
        self.query_key_value = nn.Linear(size.width, 3 * size.width)
        self.mix = nn.Linear(size.width, size.width)
        self.norm_hidden = nn.LayerNorm(size.width)
        self.expand = nn.Linear(size.width, size.hidden)
        self.contract = nn.Linear(size.hidden, size.width)

    def forward(self, x: Tensor, seen: Tensor, ops: Operations) -> Tensor:
        """Pass (batch, time, width) on; ``seen`` (batch, time) marks the dates that may be attended to."""
        batch, time, width = x.shape
        joint = self.query_key_value(ops.layer_norm(x, self.norm_attention))
        q, k, v = joint.view(batch, time, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        attended = ops.attention(q, k, v, seen).transpose(1, 2).reshape(batch, time, width)
        x = x + cast(Tensor, self.mix(attended))
        hidden = ops.activation(self.expand(ops.layer_norm(x, self.norm_hidden)))
        return x + cast(Tensor, self.contract(hidden))


class CropTransformer(nn.Module):
    """The network. Its input normalisation is part of it, so that it takes plain reflectance."""

    mean: Tensor
    scale: Tensor

    def __init__(self, size: Architecture):
        super().__init__()
        self.size = size
        self.register_buffer("mean", torch.zeros(size.bands))
        self.register_buffer("scale", torch.ones(size.bands))
        self.features = nn.Linear(size.bands, size.width // 2)
        self.embed = nn.Linear(size.width // 2, size.width)
        self.date = DateEncoding(size.width)
        self.layers = nn.ModuleList(Layer(size) for _ in range(size.layers))
        self.norm = nn.LayerNorm(size.width)
        self.decode = nn.Linear(size.width, size.width)
        self.dropout = nn.Dropout(size.dropout)
        self.score = nn.Linear(size.width, size.classes)

    def forward(
        self, reflectance: Tensor, valid: Tensor, day: Tensor, ops: Operations = PLAIN, position: Tensor | None = None
    ) -> Tensor:
        """Score every class.

        Parameters
        ----------
        reflectance : (batch, time, band) float, any finite number where a date is missing
        valid : (batch, time) bool, the dates that are there
        day : (batch, time) or (time,) float, days since 1 January of the season's year
        ops : the operations, plain or those of a relevance rule
        position : (batch, time, width) encoding of the days, if it is at hand already

        Returns
        -------
        (batch, class) logits. The values at missing dates have no influence on them.
        """
        seen = valid | ~valid.any(dim=1, keepdim=True)  # a series without dates attends to all: defined, never used
        x = (reflectance - self.mean) / self.scale
        x = self.embed(ops.activation(self.features(x)))
        x = x + (self.date(day.expand(valid.shape)) if position is None else position)
        for layer in self.layers:
            x = layer(x, seen, ops)
        x = ops.layer_norm(x, self.norm)
        weight = seen.to(x.dtype)[..., None]
        pooled = (x * weight).sum(dim=1) / weight.sum(dim=1)
        return cast(Tensor, self.score(self.dropout(ops.activation(self.decode(pooled)))))
