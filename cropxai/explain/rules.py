r"""Rules of Layer-wise Relevance Propagation in their Gradient × Input form.

If every operation of a network is replaced by one of the same value whose gradient obeys an LRP rule, the relevance of
an input is that input times the gradient of the score: :math:`R = x \odot \partial f / \partial x`. So a rule here is a
forward function; what it detaches is what the rule holds constant. Where the plain gradient is the rule already,
nothing is to be done (Ali et al. 2022, arXiv 2202.07304, sec. 3; Achtibat et al. 2024, arXiv 2402.05602, sec. 3):

* linear map :math:`z_i = \sum_j w_{ij} x_j + b_i`, LRP-0: :math:`R_j = \sum_i x_j w_{ij} R_i / z_i` (eq. 8);
* residual sum and mean over dates: in proportion to the summands, which is LRP-0 again;
* maximum over dates: all to the winner;
* rectified linear unit: :math:`f(x)/x` is 0 or 1, the gradient itself.

What a rule hands to no input is booked: see :class:`Books`.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.nn import functional

from cropxai.errors import NoRelevanceRule
from cropxai.model.paper import DaysSinceFirst, PaperTransformer
from cropxai.model.transformer import CropTransformer, DateEncoding, Layer, Operations

#: The modules that the rules know, a subclass of them not among them; no other may take part in a network.
KNOWN = (
    CropTransformer, Layer, DateEncoding, PaperTransformer, DaysSinceFirst,
    nn.ModuleList, nn.Linear, nn.LayerNorm, nn.BatchNorm1d, nn.Dropout,
)  # fmt: skip


class Books(NamedTuple):
    """Where a pass books the relevance that reaches no input: after the backward pass, the gradient of each is its sum.

    Attributes
    ----------
    bias : (batch,) leaf; a bias is an input of the network with a relevance of its own, :math:`b_i R_i / z_i`
    softmax : (batch,) leaf; what the softmax of attention takes up where relevance passes through it
    """

    bias: Tensor
    softmax: Tensor

    @classmethod
    def opened(cls, like: Tensor) -> "Books":
        """Open books for the parcels of a tensor (batch, …)."""
        bias, softmax = torch.zeros(
            2, len(like), dtype=torch.promote_types(like.dtype, torch.float32), device=like.device
        )
        return cls(bias.requires_grad_(), softmax.requires_grad_())


@dataclass(frozen=True, eq=False)
class CpLrp(Operations):
    r"""Conservative propagation: attention weights, the deviation of the norm and the gate of the activation are held.

    * activation, identity rule :math:`R_{in} = R_{out}`: the gate :math:`g = f(x)/x` is constant, :math:`y = x\,g`
      (Achtibat et al. 2024, eq. 9);
    * norm, :math:`y = w (x - \mu)/\sigma + b` with :math:`\sigma` constant (Ali et al. 2022, LN-rule);
    * attention, :math:`y = A v` with :math:`A` constant, so only the values carry relevance (ibid., AH-rule).
    """

    books: Books | None = None

    def standardise(self, x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """LRP-0: a linear map whose bias is -mean/scale."""
        return self.biased(x / scale, -mean / scale)

    def linear(self, x: Tensor, layer: nn.Linear) -> Tensor:
        """LRP-0: the plain gradient."""
        return self.biased(functional.linear(x, layer.weight), layer.bias)

    def affine(self, x: Tensor, factor: Tensor, shift: Tensor) -> Tensor:
        """LRP-0: a linear map of each feature by itself; batch normalisation outside training is one."""
        return self.biased(x * factor, shift)

    def biased(self, x: Tensor, bias: Tensor) -> Tensor:
        """Add a bias, and book its relevance."""
        return x + bias if self.books is None else _apply(_AddBias, x, bias, self.books.bias)

    def activation(self, x: Tensor, kind: str) -> Tensor:
        """Hold the gate f(x)/x; that of the Gaussian error linear unit has the limit one half at zero."""
        if kind == "relu":
            return functional.relu(x)
        if kind != "gelu":
            raise NoRelevanceRule(kind, "an activation")
        fixed = x.detach()
        return x * torch.where(fixed == 0, 0.5, functional.gelu(fixed) / fixed)

    def layer_norm(self, x: Tensor, norm: nn.LayerNorm) -> Tensor:
        """Hold the standard deviation."""
        centred = x - x.mean(dim=-1, keepdim=True)
        deviation: Tensor = (centred.square().mean(dim=-1, keepdim=True) + norm.eps).sqrt().detach()
        return self.biased(centred / deviation * norm.weight, norm.bias)

    def attention(self, q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
        """Hold the attention weights."""
        weights = functional.softmax(_masked(_products(q, k), seen), dim=-1)
        return weights.detach() @ v


class AttnLrp(CpLrp):
    r"""AttnLRP: relevance flows through the attention weights too.

    * product :math:`y = a\,b`: each factor gets half (Achtibat et al. 2024, prop. 3.3), which is half the gradient;
    * softmax :math:`s` of :math:`x`: :math:`R_x = x \odot (R_s - s \sum R_s)` (prop. 3.1), which in this form is the
      plain gradient. The constant of that expansion takes up the rest: not conservative, but booked.
    """

    def attention(self, q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
        """Halve the gradient at both products."""
        scores = _products(_apply(_Halve, q), _apply(_Halve, k))
        if self.books is None:
            weights = functional.softmax(_masked(scores, seen), dim=-1)
        else:
            weights = _apply(_BookedSoftmax, scores, seen, self.books.softmax)
        return _apply(_Halve, weights @ v)


class GradientInput(CpLrp):
    """Plain gradient times input, for comparison: no rule at all, so nothing is conserved."""

    def activation(self, x: Tensor, kind: str) -> Tensor:
        """Take the plain gradient."""
        return Operations.activation(self, x, kind)

    def layer_norm(self, x: Tensor, norm: nn.LayerNorm) -> Tensor:
        """Take the plain gradient."""
        plain = functional.layer_norm(x, norm.normalized_shape, norm.weight, None, norm.eps)
        return self.biased(plain, norm.bias)

    def attention(self, q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
        """Take the plain gradient."""
        return functional.softmax(_masked(_products(q, k), seen), dim=-1) @ v


RULES: dict[str, CpLrp] = {"cp-lrp": CpLrp(), "attnlrp": AttnLrp(), "gradient-input": GradientInput()}


def check_known(network: nn.Module) -> None:
    """Refuse a network with a module for which there is no rule.

    Raises
    ------
    NoRelevanceRule
    """
    for name, module in network.named_modules():
        if type(module) not in KNOWN:
            raise NoRelevanceRule(type(module).__name__, name or "the network")


def _products(q: Tensor, k: Tensor) -> Tensor:
    """Return the scores of attention, (batch, head, query, key)."""
    return q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])


def _masked(scores: Tensor, seen: Tensor) -> Tensor:
    """Give keys at dates not seen the score of no attention at all."""
    return scores.masked_fill(~seen[:, None, None, :], -torch.inf)


class _AddBias(Function):
    """Add a bias to (batch, …, width) in place; its relevance is the gradient of ``taken`` (batch,)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, bias: Tensor, taken: Tensor) -> Tensor:
        ctx.mark_dirty(x)
        ctx.bias, ctx.kind = bias, taken.dtype
        return x.add_(bias)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor]:
        (gradient,) = gradients
        return gradient, None, (gradient @ ctx.bias)[:, None].flatten(1).sum(dim=1, dtype=ctx.kind)


class _Halve(Function):
    """Keep the value and halve the gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        return 0.5 * gradients[0]


class _BookedSoftmax(Function):
    """Softmax of scores (batch, head, query, key); what it takes up is the gradient of ``taken`` (batch,)."""

    @staticmethod
    def forward(ctx: Any, scores: Tensor, seen: Tensor, taken: Tensor) -> Tensor:
        weights = functional.softmax(_masked(scores, seen), dim=-1)
        ctx.save_for_backward(scores, weights)
        ctx.kind = taken.dtype
        return weights

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, Tensor]:
        scores, weights = ctx.saved_tensors
        relevance = weights * gradients[0]
        on_scores = relevance - weights * relevance.sum(dim=-1, keepdim=True)
        return on_scores, None, (relevance - scores * on_scores).sum(dim=(1, 2, 3), dtype=ctx.kind)


def _apply(function: type[Function], *arguments: Tensor) -> Tensor:
    return cast(Tensor, function.apply(*arguments))  # type: ignore[no-untyped-call]
