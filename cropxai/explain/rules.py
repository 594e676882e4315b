r"""Rules of Layer-wise Relevance Propagation in their Gradient × Input form.

If every operation of a network is replaced by one of the same value whose gradient obeys an LRP rule, the relevance of
an input is that input times the gradient of the score: :math:`R = x \odot \partial f / \partial x`. So a rule here is a
forward function; what it detaches is what the rule holds constant. Linear layers, residual sums and means need nothing:
their plain gradient is LRP-0 (Ali et al. 2022, arXiv 2202.07304, sec. 3; Achtibat et al. 2024, arXiv 2402.05602).
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from cropxai.model.transformer import CropTransformer, DateEncoding, Layer, Operations

#: The modules that the rules know; their plain gradient, or an operation of `Operations`, is the rule.
KNOWN = (CropTransformer, Layer, DateEncoding, nn.ModuleList, nn.Linear, nn.LayerNorm, nn.Dropout)


class CpLrp(Operations):
    r"""Conservative propagation: attention weights, the deviation of the norm and the gate of the activation are held.

    * activation, identity rule :math:`R_{in} = R_{out}`: the gate :math:`g = f(x)/x` is constant, :math:`y = x\,g`
      (Achtibat et al. 2024, eq. 9);
    * norm, :math:`y = w (x - \mu)/\sigma + b` with :math:`\sigma` constant (Ali et al. 2022, LN-rule);
    * attention, :math:`y = A v` with :math:`A` constant, so only the values carry relevance (ibid., AH-rule).
    """

    def activation(self, x: Tensor) -> Tensor:
        """Hold the gate of the Gaussian error linear unit, f(x)/x, whose limit at zero is a half."""
        fixed = x.detach()
        gate = torch.where(fixed == 0, 0.5, functional.gelu(fixed) / fixed)
        return x * gate

    def layer_norm(self, x: Tensor, norm: nn.LayerNorm) -> Tensor:
        """Hold the standard deviation."""
        centred = x - x.mean(dim=-1, keepdim=True)
        deviation: Tensor = (centred.square().mean(dim=-1, keepdim=True) + norm.eps).sqrt().detach()
        return centred / deviation * norm.weight + norm.bias

    def attention(self, q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
        """Hold the attention weights."""
        return self.weights(q, k, seen).detach() @ v

    @staticmethod
    def weights(q: Tensor, k: Tensor, seen: Tensor) -> Tensor:
        """Return the attention weights (batch, head, query, key), exactly zero at dates not seen."""
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        return functional.softmax(scores.masked_fill(~seen[:, None, None, :], -torch.inf), dim=-1)


class AttnLrp(CpLrp):
    r"""AttnLRP: relevance flows through the attention weights too.

    Each factor of a product gets half (Achtibat et al. 2024, prop. 3.3); the softmax is taken by its Taylor expansion
    (prop. 3.1), which in this form is its plain gradient. Its hidden bias takes up relevance: not conservative.
    """

    def attention(self, q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
        """Halve the gradient at both products: a quarter reaches query and key, a half the values."""
        return self.weights(_share(q, 0.25), _share(k, 0.25), seen) @ _share(v, 0.5)


class GradientInput(CpLrp):
    """Plain gradient times input, for comparison: no rule at all."""

    def activation(self, x: Tensor) -> Tensor:
        """Take the plain gradient."""
        return functional.gelu(x)

    def layer_norm(self, x: Tensor, norm: nn.LayerNorm) -> Tensor:
        """Take the plain gradient."""
        return Operations.layer_norm(self, x, norm)

    def attention(self, q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
        """Take the plain gradient."""
        return self.weights(q, k, seen) @ v


RULES: dict[str, Operations] = {"cp-lrp": CpLrp(), "attnlrp": AttnLrp(), "gradient-input": GradientInput()}


def check_known(network: nn.Module) -> None:
    """Refuse a network with a module for which there is no rule.

    Raises
    ------
    TypeError
    """
    for name, module in network.named_modules():
        if not isinstance(module, KNOWN):
            raise TypeError(f"no relevance rule for {type(module).__name__} ({name})")


def _share(x: Tensor, share: float) -> Tensor:
    """Keep the value and scale the gradient."""
    return x * share + (x * (1 - share)).detach()
