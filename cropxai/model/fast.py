r"""The scores of the network written out by hand, for a CPU: no masks, only dates that are there, matrix products.

For networks with the norm before each sub-layer, GELU and mean pooling; others run as they are. Beside what
:mod:`cropxai.model.packing` tells of:

* **Tokens** are kept centred: what is written to them has its mean over the features taken away beforehand, which no
  norm notices. So a norm is a division by the root mean square, and the last one comes with the pooling.
* **The sums of attention** divide what comes out of it, not its weights; what only fills up a chunk has values and
  a share in the sums of zero, so that its weights need not be masked.

The scores are the network's but for rounding (docs/results.md, "Speed of classification").
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from cropxai.model.packing import (
    DTYPES,
    SAFE_SUMS,
    Chunk,
    Room,
    centred,
    chunks,
    folded,
    folded_joint,
    over_deviation,
)
from cropxai.model.transformer import CropTransformer, DateEncoding, Layer

#: Dates in one chunk, for each thread; more than the pass with relevance takes, which keeps more of each.
DATES_AT_ONCE = 2272
#: The parts that the pass knows; a network with another one runs as it is.
KNOWN = (CropTransformer, DateEncoding, Layer, nn.Linear, nn.LayerNorm, nn.Dropout, nn.ModuleList)


def of_kind(network: nn.Module) -> bool:
    """Tell whether a network is of the kind that the passes written out by hand are for."""
    return (
        type(network) is CropTransformer
        and (network.size.norm, network.size.activation, network.size.pooling) == ("pre", "gelu", "mean")
        and all(type(module) in KNOWN for module in network.modules())
    )


def supports(network: nn.Module) -> bool:
    """Tell whether a network is of the kind that :class:`FastForward` is written for, and on the CPU."""
    return of_kind(network) and all(
        part.device.type == "cpu" and part.dtype == torch.float32 for part in network.parameters()
    )


class FastForward:
    """The scores of one network; holds its packed weights, and nothing that a call changes.

    Parameters
    ----------
    network : one that :func:`supports` accepts; later changes of it are not seen
    dtype : float32 or bfloat16, in which the layers run; what comes before and after them is float32

    Raises
    ------
    ValueError
        If the network or the dtype is none of these.
    """

    def __init__(self, network: CropTransformer, dtype: torch.dtype = torch.float32):
        if network.norm is None or not supports(network) or dtype not in DTYPES:
            raise ValueError(f"no fast pass for {network.size} in {dtype}")
        self.size, self.dtype, self.eps = network.size, dtype, network.norm.eps
        self.mean, self.date = network.mean.clone(), network.date
        features = network.features.weight.detach().double() / network.scale.double()
        self.features, self.features_bias = features.float().T.contiguous(), network.features.bias.detach().clone()
        embed, embed_bias = centred(network.embed)
        self.embed, self.embed_bias = embed.float().T.contiguous(), embed_bias.float()
        self.layers = [_Packed.of(layer, dtype) for layer in network.layers if isinstance(layer, Layer)]
        self.one = torch.ones(self.size.width, dtype=dtype)
        decode, decode_bias = folded(network.decode, network.norm)
        self.decode, self.decode_bias = decode.float().T.contiguous(), decode_bias.float()
        self.score, self.score_bias = network.score.weight.detach().T.contiguous(), network.score.bias.detach().clone()

    def __call__(self, reflectance: Tensor, valid: Tensor, day: Tensor) -> Tensor:
        """Score every class; takes and gives what the network does, on the CPU in float32."""
        scores = torch.empty(len(valid), self.size.classes)
        with torch.inference_mode():
            values, room = reflectance.reshape(-1, self.size.bands), Room(self.dtype)
            encoded = self._position(day) if day.dim() == 1 else None
            for chunk in chunks(valid, DATES_AT_ONCE * torch.get_num_threads()):
                if encoded is None:
                    position = self._position(day.reshape(-1).index_select(0, chunk.places))
                else:
                    position = encoded.index_select(0, chunk.places % len(day))
                z = self._tokens(values.index_select(0, chunk.places), position).to(self.dtype)
                for layer in self.layers:
                    self._layer(layer, z, chunk, room)
                scores[chunk.rows] = self._head(z, chunk)
        return scores

    def _position(self, day: Tensor) -> Tensor:
        """Encode days (date,) as (date, width), centred, with the bias that all tokens get."""
        position: Tensor = self.date(day)
        return position - position.mean(dim=1, keepdim=True) + self.embed_bias

    def _tokens(self, values: Tensor, position: Tensor) -> Tensor:
        """Turn dates (date, band) into tokens, in place of ``position`` (date, width)."""
        x = values.sub_(self.mean).nan_to_num_(0.0)  # a band that is missing: its mean
        inner = torch.addmm(self.features_bias, x, self.features)
        return torch.addmm(position, torch.ops.aten.gelu.out(inner, out=inner), self.embed, out=position)

    def _layer(self, layer: "_Packed", z: Tensor, chunk: Chunk, room: Room) -> None:
        """Run one layer; z (parcel × date, width) is its input, and then its output."""
        (parcels, dates), heads, (rows, width) = chunk.shape, self.size.heads, z.shape
        normed = torch.addcmul(self.one, z, over_deviation(z, layer.eps[0]), out=room("normed", rows, width))
        joint = room("joint", heads, rows, 3 * width // heads)
        torch.bmm(normed.expand(heads, rows, width), layer.joint, out=joint)
        mixed = room("mixed", parcels, dates, heads, width // heads)
        attended = self._attended(joint.view(heads, parcels, dates, -1), chunk, room)
        mixed.copy_(attended.view(heads, parcels, dates, -1).permute(1, 2, 0, 3))
        torch.addmm(z, mixed.view(rows, width), layer.mix, out=z).add_(layer.mix_bias)

        torch.addcmul(self.one, z, over_deviation(z, layer.eps[1]), out=normed)
        inner = torch.mm(normed, layer.expand, out=room("inner", rows, self.size.hidden))
        torch.addmm(z, torch.ops.aten.gelu.out(inner, out=inner), layer.contract, out=z).add_(layer.contract_bias)

    def _attended(self, joint: Tensor, chunk: Chunk, room: Room) -> Tensor:
        """Attend over dates: (head, parcel, date, 3 × size) to (head × parcel, date, size)."""
        (parcels, dates), heads = chunk.shape, self.size.heads
        query, key, value = joint.view(heads * parcels, dates, -1).chunk(3, dim=-1)
        weights = room("weights", heads * parcels, dates, dates)
        torch.bmm(query, key.transpose(1, 2), out=weights).exp_()
        if chunk.dead is None:
            total = weights.sum(dim=-1, keepdim=True)
        else:
            live = (~chunk.dead).to(self.dtype)[..., None].expand(heads, parcels, dates, 1)
            value.view(heads, parcels, dates, -1).mul_(live)
            total = torch.bmm(weights, live.reshape(heads * parcels, dates, 1))
        low, high = total.aminmax()
        attended = room("attended", *value.shape)
        if low > SAFE_SUMS[0] and high < SAFE_SUMS[1]:
            return torch.bmm(weights, value, out=attended).mul_(total.reciprocal_())
        torch.bmm(query, key.transpose(1, 2), out=weights)
        if chunk.dead is not None:
            weights.view(heads, *chunk.dead.shape, dates).masked_fill_(chunk.dead[:, None], -torch.inf)
        return torch.bmm(weights.softmax(dim=-1), value, out=attended)

    def _head(self, z: Tensor, chunk: Chunk) -> Tensor:
        """Pool the dates (parcel × date, width) and score the classes, (parcel, class)."""
        share = over_deviation(z, self.eps).float().view(chunk.shape)
        if chunk.dead is None:
            share = share / chunk.shape[1]
        else:
            there = (~chunk.dead).float()
            share = share * (there / there.sum(dim=1, keepdim=True))
        pooled = torch.bmm(share[:, None], z.float().view(*chunk.shape, -1))[:, 0]
        decoded = functional.gelu(torch.addmm(self.decode_bias, pooled, self.decode))
        return torch.addmm(self.score_bias, decoded, self.score)


@dataclass(frozen=True)
class _Packed:
    """The weights of one layer, (in, out) each, norms folded in; what is written to the tokens is centred.

    Attributes
    ----------
    eps : of the two norms
    joint : (head, width, 3 × size), from a normed token plus one to queries, keys and values with their biases
    expand : from a normed token plus one, with its bias
    """

    eps: tuple[float, float]
    joint: Tensor
    mix: Tensor
    mix_bias: Tensor
    expand: Tensor
    contract: Tensor
    contract_bias: Tensor

    @classmethod
    def of(cls, layer: Layer, dtype: torch.dtype) -> "_Packed":
        """Pack a layer, worked out in float64."""
        width, heads = layer.size.width, layer.size.heads
        joint, joint_bias = folded_joint(layer)
        expand, expand_bias = folded(layer.expand, layer.norm_hidden)
        by_head = (joint + joint_bias[:, None] / width).view(3, heads, width // heads, width).permute(1, 3, 0, 2)
        weights = {
            "joint": by_head.reshape(heads, width, -1),
            "expand": (expand + expand_bias[:, None] / width).T,
        }
        for name, linear in (("mix", layer.mix), ("contract", layer.contract)):
            weight, bias = centred(linear)
            weights |= {name: weight.T, f"{name}_bias": bias}
        eps = (layer.norm_attention.eps, layer.norm_hidden.eps)
        return cls(eps, **{name: weight.to(dtype).contiguous() for name, weight in weights.items()})
