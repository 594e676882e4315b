r"""The pass of :mod:`cropxai.explain.passes` written out by hand: no autograd, little but matrix products.

For networks with the norm before each sub-layer, GELU and mean pooling, on a CPU. What makes it fast, all of it exact
but for rounding:

* **Forward**, what :mod:`cropxai.model.packing` tells of; centred columns also centre what flows back. Tokens are kept
  centred, so that a norm is a division by the root mean square.
* **Back**, weights get no gradient, and CP-LRP goes through the values alone; for it the sums of attention divide what
  comes out of it and what comes back, which is smaller than its weights. Behind the last layer all dates have the
  same gradient but for a factor, so that its last map is undone once a parcel.
"""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from cropxai.explain.passes import TokenPass
from cropxai.model.fast import of_kind
from cropxai.model.packing import (
    DATES_AT_ONCE,
    DTYPES,
    Chunk,
    Room,
    centred,
    chunks,
    folded,
    folded_joint,
    over_deviation,
)
from cropxai.model.transformer import CropTransformer, Layer

#: Under each rule, what queries, keys and values get of the plain gradient; zeros in front are not worked out.
SHARES = {"cp-lrp": (0.0, 0.0, 1.0), "attnlrp": (0.25, 0.25, 0.5)}
#: Too small to count beside anything; keeps 0/0 out of the gate of the activation.
TINY = 1e-20
#: Sums of exponentials between these may divide what comes back, without underflow of small gradients.
SAFE_SUMS = (1e-18, 1e18)


class FusedPass:
    """The pass of one network; holds its packed weights, and nothing that a call changes.

    Parameters
    ----------
    network : one that :func:`cropxai.model.fast.of_kind` accepts; later changes of it are not seen
    dtype : float32 or bfloat16, in which the layers run; what comes after pooling is float32

    Raises
    ------
    ValueError
        If the network or the dtype is none of these.
    """

    def __init__(self, network: CropTransformer, dtype: torch.dtype = torch.float32):
        if network.norm is None or not of_kind(network) or dtype not in DTYPES:
            raise ValueError(f"no fused pass for {network.size} in {dtype}")
        self.size, self.dtype, self.eps = network.size, dtype, network.norm.eps
        self.layers = [_Packed.of(layer, dtype) for layer in network.layers if isinstance(layer, Layer)]
        self.one = torch.ones(self.size.width, dtype=dtype)
        decode, bias = folded(network.decode, network.norm)
        self.decode, self.decode_bias = decode.float(), bias.float()
        self.mean, scaled = network.mean.clone(), network.features.weight.detach().double() / network.scale.double()
        self.features_map, self.features_bias = scaled.float().T.contiguous(), network.features.bias.detach().clone()
        self.embed, self.embed_bias = network.embed.weight.detach().T.contiguous(), network.embed.bias.detach().clone()
        self.score, self.score_bias = network.score.weight.detach().float(), network.score.bias.detach().float()

    def __call__(self, tokens: Tensor, valid: Tensor, asked: Tensor, rule: str, target: str) -> TokenPass:
        """Run from the tokens to the scores and back; takes what :func:`cropxai.explain.passes.token_pass` takes."""
        if rule not in SHARES:
            raise ValueError(f"no fused pass for rule {rule!r}")
        flat = tokens.detach().reshape(-1, self.size.width).to(self.dtype)
        batch = len(tokens)
        scores, number = torch.empty(batch, self.size.classes), torch.empty(batch, dtype=torch.int64)
        score, bias, softmax = torch.empty(batch), torch.empty(batch), torch.empty(batch)
        gradient = torch.zeros_like(flat)
        with torch.inference_mode():
            room = Room(self.dtype)
            for chunk in chunks(valid, DATES_AT_ONCE * torch.get_num_threads()):
                kept, head = self._forward(flat, chunk, asked[chunk.rows], rule, target, room)
                slope, bias[chunk.rows], softmax[chunk.rows] = self._backward(kept, head, chunk, rule, room)
                scores[chunk.rows], number[chunk.rows], score[chunk.rows] = head.scores, head.number, head.score
                if chunk.dead is None:
                    gradient.index_copy_(0, chunk.places, slope)
                else:
                    there = (~chunk.dead).view(-1)
                    gradient.index_copy_(0, chunk.places[there], slope[there])
            gradient.view(tokens.shape)[~valid.any(dim=1)] = 0
        return TokenPass(scores, number, score, gradient.view(tokens.shape), bias, softmax)

    def features(self, reflectance: Tensor) -> Tensor:
        """Turn dates (…, band) into features (…, width), float32: tokens without the encoding of their day."""
        with torch.no_grad():
            x = reflectance.reshape(-1, self.size.bands).float().sub(self.mean).nan_to_num_(0.0)  # NaN: a missing band
            inner = torch.addmm(self.features_bias, x, self.features_map)
            found = torch.addmm(self.embed_bias, torch.ops.aten.gelu.out(inner, out=inner), self.embed)
        return found.view(*reflectance.shape[:-1], self.size.width)

    def _forward(
        self, tokens: Tensor, chunk: "Chunk", asked: Tensor, rule: str, target: str, room: "Room"
    ) -> tuple[list["_Kept"], "_Head"]:
        """Run the network from its tokens (parcel × date, width); returns what the way back needs."""
        z = torch.index_select(tokens, 0, chunk.places, out=room("z", len(chunk.places), self.size.width))
        z.sub_(z.mean(dim=1, keepdim=True))  # no norm notices; neither does the gradient, whose mean is zero
        kept = [self._layer(layer, f" {number}", z, chunk, rule, room) for number, layer in enumerate(self.layers)]
        return kept, self._head(z, chunk, asked, target)

    def _layer(self, layer: "_Packed", mark: str, z: Tensor, chunk: "Chunk", rule: str, room: "Room") -> "_Kept":
        """Run one layer; z (parcel × date, width) is its input, and then its output."""
        (parcels, dates), heads, (rows, width) = chunk.shape, self.size.heads, z.shape
        over_attention = over_deviation(z, layer.eps[0])
        normed = torch.addcmul(self.one, z, over_attention, out=room("narrow", rows, width))
        joint = room("joint" + mark, heads, rows, 3 * width // heads)
        torch.bmm(normed.expand(heads, rows, width), layer.joint, out=joint)
        query, key, value = joint.view(heads * parcels, dates, -1).chunk(3, dim=-1)
        weights = room("weights" + mark, heads * parcels, dates, dates)
        over_sums = _attention(query, key, chunk.dead, weights)
        if rule == "attnlrp":  # whose way back takes the weights themselves
            weights.mul_(over_sums)
        attended = torch.bmm(weights, value, out=room("attended", *value.shape))
        if rule == "cp-lrp":
            attended.mul_(over_sums)
        mixed = room("narrow", parcels, dates, heads, width // heads)
        mixed.copy_(attended.view(heads, parcels, dates, -1).permute(1, 2, 0, 3))
        torch.addmm(z, mixed.view(rows, width), layer.mix, out=z).add_(layer.mix_bias)

        over_hidden = over_deviation(z, layer.eps[1])
        normed = torch.addcmul(self.one, z, over_hidden, out=room("narrow", rows, width))
        inner = torch.mm(normed, layer.expand, out=room("gate" + mark, rows, self.size.hidden)).add_(TINY)
        active = torch.ops.aten.gelu.out(inner, out=room("wide", *inner.shape))
        gate = torch.div(active, inner, out=inner)
        torch.addmm(z, active, layer.contract, out=z).add_(layer.contract_bias)
        return _Kept(query, key, value, weights, over_sums, gate, over_attention, over_hidden)

    def _head(self, z: Tensor, chunk: "Chunk", asked: Tensor, target: str) -> "_Head":
        """Pool the dates, score the classes, and go back as far as the last norm."""
        there = torch.ones(chunk.shape) if chunk.dead is None else (~chunk.dead).float()
        share = there / there.sum(dim=1, keepdim=True)
        by_date = (over_deviation(z, self.eps).view(chunk.shape) * share).to(self.dtype)
        pooled = torch.bmm(by_date[:, None], z.view(*chunk.shape, -1))[:, 0].float()
        decoded = torch.addmm(self.decode_bias, pooled, self.decode.T)
        active = functional.gelu(decoded)
        scores = torch.addmm(self.score_bias, active, self.score.T)

        number = torch.where(asked >= 0, asked, scores.argmax(dim=1))
        score, slope, bias = scores.gather(1, number[:, None])[:, 0], self.score[number], self.score_bias[number]
        if target == "margin":
            rivals, rival = scores.scatter(1, number[:, None], -torch.inf).max(dim=1)
            score, slope, bias = score - rivals, slope - self.score[rival], bias - self.score_bias[rival]
        slope = slope * torch.where(decoded == 0, 0.5, active / decoded)
        gradient = (slope @ self.decode).to(self.dtype)
        return _Head(scores, number, score, bias + slope @ self.decode_bias, gradient, by_date)

    def _backward(
        self, kept: list["_Kept"], head: "_Head", chunk: "Chunk", rule: str, room: "Room"
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Go back to the tokens: gradient (parcel × date, width), and what bias and softmax take up (parcel,)."""
        (parcels, dates), width = chunk.shape, self.size.width
        bias, softmax = torch.zeros(parcels * dates, dtype=self.dtype), torch.zeros(parcels)
        by_date = head.by_date[..., None]
        z = room("z", parcels, dates, width)  # from here on, the gradient by z
        z = torch.mul(head.gradient[:, None], by_date, out=z).view(-1, width)
        wide = room("wide", len(z), self.size.hidden)
        for number, (layer, keep) in reversed(list(enumerate(zip(self.layers, kept, strict=True)))):
            bias.addmv_(z, layer.contract_bias)
            if number == len(kept) - 1:
                torch.mul((head.gradient @ layer.contract_back)[:, None], by_date, out=wide.view(parcels, dates, -1))
            else:
                torch.mm(z, layer.contract_back, out=wide)
            wide.mul_(keep.gate)  # activation: R = R, so that the gate f(x)/x is its slope
            bias.addmv_(wide, layer.expand_bias)
            narrow = torch.mm(wide, layer.expand_back, out=room("narrow", *z.shape))
            z.addcmul_(narrow, keep.over_hidden)  # norm: its deviation is constant

            bias.addmv_(z, layer.booked[rule])
            joint, taken = self._heads_back(layer, keep, z, chunk, rule, room)
            softmax = softmax + taken
            if rule == "attnlrp":
                bias.addmv_(joint[:, :width], layer.query_bias)
            torch.mm(joint, layer.joint_back[rule], out=narrow)
            z.addcmul_(narrow, keep.over_attention)
        return z, head.bias + bias.view(parcels, dates).sum(dim=1, dtype=torch.float32), softmax

    def _heads_back(
        self, layer: "_Packed", keep: "_Kept", z: Tensor, chunk: "Chunk", rule: str, room: "Room"
    ) -> tuple[Tensor, Tensor | float]:
        r"""Go back through attention :math:`y = A v,\ A = softmax(q k^\top)`, plain gradients before their shares.

        :math:`g_v = A^\top g`; where A is not constant :math:`S = A \odot (g v^\top - \Sigma_j A \odot g v^\top)`,
        :math:`g_q = S k`, :math:`g_k = S^\top q`. The softmax takes up what reaches A and not q and k, half of
        :math:`\Sigma g_v v - \Sigma g_q q`, since q and k get the same.

        Returns
        -------
        (parcel × date, kinds × width), kinds the values alone or queries, keys and values; and (parcel,)
        """
        (parcels, dates), heads, (rows, width) = chunk.shape, self.size.heads, z.shape
        kinds = sum(share > 0 for share in SHARES[rule])
        back = torch.bmm(z.expand(heads, *z.shape), layer.mix_back, out=room("attended", heads, rows, width // heads))
        back = back.view(keep.value.shape)
        if rule == "cp-lrp":
            back.mul_(keep.over_sums)
        found = room("found", kinds, *back.shape)
        torch.bmm(keep.weights.transpose(1, 2), back, out=found[-1])
        taken: Tensor | float = 0.0
        if kinds == 3:
            slope = torch.bmm(back, keep.value.transpose(1, 2), out=room("slope", *keep.weights.shape))
            torch.ops.aten._softmax_backward_data.out(slope, keep.weights, -1, slope.dtype, grad_input=slope)
            torch.bmm(slope, keep.key, out=found[0])
            torch.bmm(slope.transpose(1, 2), keep.query, out=found[1])
            surplus = torch.mul(found[2], keep.value, out=back).addcmul_(found[0], keep.query, value=-1)
            taken = 0.5 * surplus.view(heads, parcels, -1).sum(dim=(0, 2), dtype=torch.float32)
        joint = room("joint", parcels, dates, kinds, heads, width // heads)
        joint.copy_(found.view(kinds, heads, parcels, dates, -1).permute(2, 3, 0, 1, 4))
        return joint.view(rows, kinds * width), taken


class _Kept(NamedTuple):
    """What a layer keeps for the way back.

    Attributes
    ----------
    query, key, value : (head × parcel, date, size), queries divided by the root of the size
    weights : (head × parcel, date, date) of attention; under cp-lrp before their sums divide them
    over_sums : (head × parcel, date, 1), one over these sums
    gate : (parcel × date, hidden) of the activation, f(x)/x
    over_attention, over_hidden : (parcel × date, 1), one over the deviation of each norm
    """

    query: Tensor
    key: Tensor
    value: Tensor
    weights: Tensor
    over_sums: Tensor
    gate: Tensor
    over_attention: Tensor
    over_hidden: Tensor


class _Head(NamedTuple):
    """What comes after the layers: `TokenPass` as far as it is known, and the gradient by the last layer's output.

    That is ``gradient`` (parcel, width) times ``by_date`` (parcel, date).
    """

    scores: Tensor
    number: Tensor
    score: Tensor
    bias: Tensor
    gradient: Tensor
    by_date: Tensor


@dataclass(frozen=True)
class _Packed:
    """The weights of one layer, (in, out) each, norms folded in; those of the way back have ``back`` in their names.

    Attributes
    ----------
    joint : (head, width, 3 × size), from a normed token plus one to queries, keys and values with their biases
    mix_back : (head, width, size)
    booked : under each rule, what takes up relevance behind attention by the gradient there: the bias of the mix, and
        those of the values, which come through attention as they are, because its weights sum to one
    query_bias : under attnlrp; the biases of the keys take up nothing, because the softmax does not notice them
    """

    eps: tuple[float, float]
    joint: Tensor
    joint_back: dict[str, Tensor]
    mix: Tensor
    mix_bias: Tensor
    mix_back: Tensor
    booked: dict[str, Tensor]
    query_bias: Tensor
    expand: Tensor
    expand_bias: Tensor
    expand_back: Tensor
    contract: Tensor
    contract_bias: Tensor
    contract_back: Tensor

    @classmethod
    def of(cls, layer: Layer, dtype: torch.dtype) -> "_Packed":
        """Pack a layer, worked out in float64."""
        width, heads = layer.size.width, layer.size.heads
        (mix, mix_bias), (contract, contract_bias) = centred(layer.mix), centred(layer.contract)
        expand, expand_bias = folded(layer.expand, layer.norm_hidden)
        joint, joint_bias = folded_joint(layer)
        by_head = (joint + joint_bias[:, None] / width).view(3, heads, width // heads, width).permute(1, 3, 0, 2)
        of_values = mix @ joint_bias[2 * width :]
        share = {rule: torch.tensor(each).double().repeat_interleave(width) for rule, each in SHARES.items()}

        def cast(weight: Tensor) -> Tensor:
            return weight.detach().to(dtype).contiguous()

        return cls(
            eps=(layer.norm_attention.eps, layer.norm_hidden.eps),
            joint=cast(by_head.reshape(heads, width, -1)),
            joint_back={rule: cast((joint * part[:, None])[part > 0]) for rule, part in share.items()},
            mix=cast(mix.T),
            mix_bias=cast(mix_bias),
            mix_back=cast(mix.view(width, heads, -1).transpose(0, 1)),
            booked={rule: cast(mix_bias + each[2] * of_values) for rule, each in SHARES.items()},
            query_bias=cast(SHARES["attnlrp"][0] * joint_bias[:width]),
            expand=cast((expand + expand_bias[:, None] / width).T),
            expand_bias=cast(expand_bias),
            expand_back=cast(expand),
            contract=cast(contract.T),
            contract_bias=cast(contract_bias),
            contract_back=cast(contract),
        )


def _attention(query: Tensor, key: Tensor, dead: Tensor | None, weights: Tensor) -> Tensor:
    """Fill ``weights`` (head × parcel, date, date), exactly 0 at keys that are dead, and return over their sums.

    Those of attention are the two multiplied, (head × parcel, date, 1) the latter.
    """
    by_key = weights if dead is None else weights.view(-1, len(dead), *weights.shape[1:])
    torch.bmm(query, key.transpose(1, 2), out=weights).exp_()
    if dead is not None:
        by_key.mul_((~dead).to(weights.dtype)[:, None])  # five times as fast as to fill; 0 × ∞ is found below
    total = weights.sum(dim=-1, keepdim=True)
    low, high = total.aminmax()
    if low > SAFE_SUMS[0] and high < SAFE_SUMS[1]:
        return total.reciprocal_()
    torch.bmm(query, key.transpose(1, 2), out=weights)
    if dead is not None:
        by_key.masked_fill_(dead[:, None], -torch.inf)
    weights.copy_(weights.softmax(dim=-1))
    return total.fill_(1)
