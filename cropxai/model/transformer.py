"""A transformer encoder for irregular series with missing dates.

An MLP turns the bands of each date into features, the encoding of the date is added, self-attention looks across the
dates that are there, their mean or maximum is decoded to one score a class. Follows Chan, Schneider & Körner 2023
(arXiv 2310.06574) in its stages; differs in that missing dates are masked instead of zero, that the norm comes (unless
asked otherwise) before each sub-layer, and that pooling over dates allows any number of them.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

#: Longest and shortest wave of the date encoding, in days: finer than a revisit up to longer than a year.
LONGEST_WAVE, SHORTEST_WAVE = 1000.0, 6.0
#: What the parts of a network may be.
KINDS, NORMS, ACTIVATIONS = ("cropxai", "paper"), ("pre", "post"), ("gelu", "relu")
POOLINGS = ("mean", "max", "flatten")


@dataclass(frozen=True)
class Architecture:
    """The sizes of a network and its kinds of parts: everything that is needed to build it again.

    Attributes
    ----------
    bands, classes : of the input and the output
    width, heads, layers, hidden : features a date, attention heads, encoder layers, features between their linear maps
    dropout : share of the features left out in training
    norm : "pre", before each sub-layer and once at the end (Xiong et al. 2020, arXiv 2002.04745), or "post", after each
        residual sum (Vaswani et al. 2017)
    activation : "gelu" or "relu"
    pooling : "mean" or "max" over the dates that are there, or "flatten", all dates end to end, in kind "paper"
    kind : "cropxai", :class:`CropTransformer`, or "paper", :class:`cropxai.model.paper.PaperTransformer`
    dates : number of dates of kind "paper"; 0, any number, of the other
    """

    bands: int
    classes: int
    width: int = 64
    heads: int = 4
    layers: int = 2
    hidden: int = 128
    dropout: float = 0.1
    norm: str = "pre"
    activation: str = "gelu"
    pooling: str = "mean"
    kind: str = "cropxai"
    dates: int = 0

    def __post_init__(self) -> None:
        kinds = (("kind", KINDS), ("norm", NORMS), ("activation", ACTIVATIONS), ("pooling", POOLINGS))
        for name, known in kinds:
            if getattr(self, name) not in known:
                raise ValueError(f"{name} {getattr(self, name)!r} is none of {', '.join(known)}")
        fixed = self.kind == "paper"
        if (self.pooling == "flatten") != fixed or (self.dates > 0) != fixed:
            raise ValueError(f"kind {self.kind!r} does not go with pooling {self.pooling!r} and {self.dates} dates")

    @classmethod
    def paper(cls, bands: int, classes: int, dates: int) -> "Architecture":
        """Return the published sizes for a number of dates."""
        return cls(
            bands, classes, layers=1, hidden=32, norm="post", activation="relu", pooling="flatten", kind="paper",
            dates=dates,
        )  # fmt: skip

    def asdict(self) -> dict[str, Any]:
        """Return the sizes as a dictionary for the card."""
        return asdict(self)


class Operations:
    """The operations in which relevance rules differ from plain gradients; here the plain ones.

    A rule of :mod:`cropxai.explain.rules` overrides them: same values forward, another gradient backward.
    """

    def standardise(self, x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """Subtract the mean and divide by the scale of each band."""
        return (x - mean) / scale

    def linear(self, x: Tensor, layer: nn.Linear) -> Tensor:
        """Linear map with the weights and the bias of ``layer``."""
        return cast(Tensor, layer(x))

    def affine(self, x: Tensor, factor: Tensor, shift: Tensor) -> Tensor:
        """Multiply each feature by its factor and add its shift."""
        return x * factor + shift

    def activation(self, x: Tensor, kind: str) -> Tensor:
        """Activation of one of the ``ACTIVATIONS``: Gaussian error linear unit, or rectified linear unit."""
        return functional.gelu(x) if kind == "gelu" else functional.relu(x)

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
    """One encoder layer: self-attention and a feed-forward network, each with a norm and a residual."""

    def __init__(self, size: Architecture):
        super().__init__()
        self.size = size
        self.norm_attention = nn.LayerNorm(size.width)
        self.query_key_value = nn.Linear(size.width, 3 * size.width)
        self.mix = nn.Linear(size.width, size.width)
        self.norm_hidden = nn.LayerNorm(size.width)
        self.expand = nn.Linear(size.width, size.hidden)
        self.contract = nn.Linear(size.hidden, size.width)

    def forward(self, x: Tensor, seen: Tensor, ops: Operations) -> Tensor:
        """Pass (batch, time, width) on; ``seen`` (batch, time) marks the dates that may be attended to."""
        if self.size.norm == "pre":
            x = x + self._attended(ops.layer_norm(x, self.norm_attention), seen, ops)
            return x + self._fed_forward(ops.layer_norm(x, self.norm_hidden), ops)
        x = ops.layer_norm(x + self._attended(x, seen, ops), self.norm_attention)
        return ops.layer_norm(x + self._fed_forward(x, ops), self.norm_hidden)

    def _attended(self, x: Tensor, seen: Tensor, ops: Operations) -> Tensor:
        batch, time, width = x.shape
        joint = ops.linear(x, self.query_key_value)
        q, k, v = joint.view(batch, time, 3, self.size.heads, width // self.size.heads).permute(2, 0, 3, 1, 4)
        attended = ops.attention(q, k, v, seen).transpose(1, 2).reshape(batch, time, width)
        return ops.linear(attended, self.mix)

    def _fed_forward(self, x: Tensor, ops: Operations) -> Tensor:
        return ops.linear(ops.activation(ops.linear(x, self.expand), self.size.activation), self.contract)


class CropTransformer(nn.Module):
    """The network. Its input normalisation is part of it, so that it takes plain reflectance.

    Two stages, which relevance takes apart: :meth:`tokens` turns each date by itself into features with the encoding of
    its day, :meth:`head` looks across the dates.
    """

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
        self.norm = nn.LayerNorm(size.width) if size.norm == "pre" else None
        self.decode = nn.Linear(size.width, size.width)
        self.dropout = nn.Dropout(size.dropout)
        self.score = nn.Linear(size.width, size.classes)

    def forward(self, reflectance: Tensor, valid: Tensor, day: Tensor, ops: Operations = PLAIN) -> Tensor:
        """Score every class.

        Parameters
        ----------
        reflectance : (batch, time, band) float, any finite number where a date is missing, NaN where a band is
        valid : (batch, time) bool, the dates that are there
        day : (batch, time) or (time,) float, days since 1 January of the season's year
        ops : the operations, plain or those of a relevance rule

        Returns
        -------
        (batch, class) logits. The values at missing dates have no influence on them.
        """
        return self.head(self.tokens(reflectance, day, ops), valid, ops)

    def tokens(
        self, reflectance: Tensor, day: Tensor, ops: Operations = PLAIN, position: Tensor | None = None
    ) -> Tensor:
        """Turn every date by itself into its token: features of its bands plus the encoding of its day.

        Parameters
        ----------
        reflectance, day, ops : of :meth:`forward`
        position : (batch, time, width) or (time, width) encoding of the days, if it is at hand already

        Returns
        -------
        (batch, time, width)
        """
        x = ops.standardise(reflectance, self.mean, self.scale).nan_to_num(0.0)  # a band that is missing: its mean
        x = ops.linear(ops.activation(ops.linear(x, self.features), self.size.activation), self.embed)
        return x + (self.date(day.expand(reflectance.shape[:2])) if position is None else position)

    def head(self, tokens: Tensor, valid: Tensor, ops: Operations = PLAIN) -> Tensor:
        """Score every class from the tokens (batch, time, width) of the dates that ``valid`` (batch, time) marks."""
        seen = valid | ~valid.any(dim=1, keepdim=True)  # a series without dates attends to all: defined, never used
        x = tokens
        for layer in self.layers:
            x = layer(x, seen, ops)
        if self.norm is not None:
            x = ops.layer_norm(x, self.norm)
        decoded = ops.linear(self._pooled(x, seen), self.decode)
        return ops.linear(self.dropout(ops.activation(decoded, self.size.activation)), self.score)

    def _pooled(self, x: Tensor, seen: Tensor) -> Tensor:
        """Pool (batch, time, width) over the dates seen; of the maximum, one date a feature is the winner."""
        if self.size.pooling == "max":
            return x.masked_fill(~seen[..., None], -torch.inf).max(dim=1).values
        weight = seen.to(x.dtype)[..., None]
        return (x * weight).sum(dim=1) / weight.sum(dim=1)
