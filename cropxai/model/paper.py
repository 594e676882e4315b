"""The network of Chan, Schneider & Körner 2023 (arXiv 2310.06574), as its authors' public code has it.

Linear maps with batch normalisation for each date, sines and cosines of the days since the first date, one block of
attention with four heads, all dates laid end to end, and a decoder with batch normalisation (facts from the folder
webinar_demo of the EuroCrops repository; nothing is copied). So it takes a fixed number of dates, and a missing date is
zero reflectance, which takes part like any other. Differs in one point: there, heads are laid out by parcel and read
by head, so that parcels of a batch are mixed; here each parcel is by itself.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from cropxai.model.transformer import PLAIN, Architecture, CropTransformer, Operations

#: Features of a date on the way in, of the parcel on the way out, and the base of the waves, as published.
INNER, NARROW, BASE = 32, 32, 1000.0


class DaysSinceFirst(nn.Module):
    """Sine and cosine of the days since the first date: after Vaswani et al. 2017, sec. 3.5, with base 1000."""

    rate: Tensor

    def __init__(self, width: int):
        super().__init__()
        self.register_buffer("rate", BASE ** (-torch.arange(0, width, 2) / width), persistent=False)

    def forward(self, day: Tensor) -> Tensor:
        """Encode days (batch, time) or (time,) as (…, time, width), sines and cosines in turn."""
        angle = (day - day.amin(dim=-1, keepdim=True))[..., None] * self.rate
        return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(-2)


class PaperTransformer(CropTransformer):
    """The network; its input is plain reflectance, so that mean and scale stay 0 and 1.

    ``days`` (time,) are those of the training's dates.
    """

    days: Tensor

    def __init__(self, size: Architecture):
        nn.Module.__init__(self)
        self.size = size
        self.register_buffer("mean", torch.zeros(size.bands))
        self.register_buffer("scale", torch.ones(size.bands))
        self.register_buffer("days", torch.zeros(size.dates))
        self.features, self.features_norm = nn.Linear(size.bands, INNER), nn.BatchNorm1d(INNER)
        self.embed, self.embed_norm = nn.Linear(INNER, size.width), nn.BatchNorm1d(size.width)
        self.date = DaysSinceFirst(size.width)  # type: ignore[assignment]
        self.query_key_value = nn.Linear(size.width, 3 * size.width)
        self.mix = nn.Linear(size.width, size.width)
        self.norm, self.norm_dates = None, nn.LayerNorm(size.width)
        self.flat, self.flat_norm = nn.Linear(size.dates * size.width, size.width), nn.BatchNorm1d(size.width)
        self.decode, self.decode_norm = nn.Linear(size.width, size.width), nn.BatchNorm1d(size.width)
        self.narrow, self.narrow_norm = nn.Linear(size.width, NARROW), nn.BatchNorm1d(NARROW)
        self.score = nn.Linear(NARROW, size.classes)
        self.dropout = nn.Dropout(size.dropout)

    def forward(self, reflectance: Tensor, valid: Tensor, day: Tensor, ops: Operations = PLAIN) -> Tensor:
        """Score every class, missing dates as zero reflectance; takes what the other network takes.

        Of a season that is not over, the first dates are enough; the others are missing, on the days of the training.
        """
        values = reflectance.masked_fill(~valid[..., None], 0)
        if (lacking := self.size.dates - valid.shape[1]) > 0:
            values, valid = functional.pad(values, (0, 0, 0, lacking)), functional.pad(valid, (0, lacking))
            coming = (self.days[-lacking:] - self.days[0]).to(day) + day[..., :1]
            day = torch.cat([day, coming], dim=-1)
        return super().forward(values, valid, day, ops)

    def tokens(
        self, reflectance: Tensor, day: Tensor, ops: Operations = PLAIN, position: Tensor | None = None
    ) -> Tensor:
        """Turn every date by itself into its token, (batch, time, width)."""
        x = ops.standardise(reflectance, self.mean, self.scale).nan_to_num(0.0)
        x = self._normed(ops.linear(x, self.features), self.features_norm, ops)
        x = ops.activation(self.dropout(x), self.size.activation)
        x = ops.activation(self._normed(ops.linear(x, self.embed), self.embed_norm, ops), self.size.activation)
        return x + (self.date(day.expand(reflectance.shape[:2])) if position is None else position)

    def head(self, tokens: Tensor, valid: Tensor, ops: Operations = PLAIN) -> Tensor:
        """Score every class from the tokens (batch, time, width) of all dates, also of those that are missing."""
        batch, time, width = tokens.shape
        joint = ops.linear(tokens, self.query_key_value)
        q, k, v = joint.view(batch, time, 3, self.size.heads, width // self.size.heads).permute(2, 0, 3, 1, 4)
        attended = ops.attention(q, k, v, torch.ones_like(valid)).transpose(1, 2).reshape(batch, time, width)
        x = ops.layer_norm(tokens + self.dropout(ops.linear(attended, self.mix)), self.norm_dates).flatten(1)
        x = ops.activation(
            self.dropout(self._normed(ops.linear(x, self.flat), self.flat_norm, ops)), self.size.activation
        )
        for layer, norm in ((self.decode, self.decode_norm), (self.narrow, self.narrow_norm)):
            x = ops.activation(self._normed(ops.linear(x, layer), norm, ops), self.size.activation)
        return ops.linear(x, self.score)

    def _normed(self, x: Tensor, norm: nn.BatchNorm1d, ops: Operations) -> Tensor:
        """Normalise (…, width) over the batch; outside training that is an affine map with constants."""
        if self.training:
            return norm(x.flatten(0, -2)).view_as(x)  # type: ignore[no-any-return]
        factor, shift = affine(norm)
        return ops.affine(x, factor, shift)


def affine(norm: nn.BatchNorm1d) -> tuple[Tensor, Tensor]:
    """Return factor and shift (width,) of a batch normalisation in evaluation (Ioffe & Szegedy 2015, alg. 2)."""
    assert norm.running_mean is not None and norm.running_var is not None
    factor = norm.weight / (norm.running_var + norm.eps).sqrt()
    return factor, norm.bias - norm.running_mean * factor
