"""Other ways to the relevance of dates, for ``relevance.py``: each takes tokens and gives (parcel, date).

A peer that is not installed, or cannot be imported, is left out, and the reason is said.
"""

import contextlib
import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from cropxai.model.transformer import CropTransformer, Layer, Operations

Explain = Callable[[Tensor, Tensor, Tensor], Tensor]
IG_STEPS = 50


def peers(network: CropTransformer) -> tuple[dict[str, Explain], dict[str, str]]:
    """Return the peers that run, and why the others do not."""
    ways, missing = {}, {}
    for name, make in (("lxt", with_lxt), ("zennit", with_zennit), ("ig50", with_captum)):
        try:
            ways[name] = make(network)
        except (ImportError, AttributeError) as error:
            missing[name] = f"{type(error).__name__}: {error}"
    return ways, missing


def submodule(package: str, name: str) -> ModuleType:
    """Import a module of a package, without the package's own imports if these fail.

    PyPI's lxt 2.1 imports a name that newer transformers lack, zennit 0.5 imports torchvision; neither is needed here.
    """
    with contextlib.suppress(ImportError):
        return importlib.import_module(f"{package}.{name}")
    for known in [each for each in sys.modules if each.split(".")[0] == package.split(".")[0]]:
        del sys.modules[known]
    top = importlib.util.find_spec(package.split(".")[0])
    if top is None or not top.submodule_search_locations:
        raise ImportError(f"{package} is not installed")
    folder = Path(top.submodule_search_locations[0]).joinpath(*package.split(".")[1:])
    bare = ModuleType(package)
    bare.__path__ = [str(folder)]
    sys.modules[package] = bare
    return importlib.import_module(f"{package}.{name}")


def with_lxt(network: CropTransformer) -> Explain:
    """AttnLRP by the rules of lxt.efficient, applied where its patches for Hugging Face models apply them."""
    rules = submodule("lxt.efficient", "rules")

    class Lxt(Operations):
        def activation(self, x: Tensor, kind: str) -> Tensor:
            return rules.identity_rule_implicit(functional.gelu, x)

        def layer_norm(self, x: Tensor, norm: nn.LayerNorm) -> Tensor:
            centred = x - x.mean(dim=-1, keepdim=True)
            deviation = (centred.square().mean(dim=-1, keepdim=True) + norm.eps).sqrt()
            return centred / rules.stop_gradient(deviation) * norm.weight + norm.bias

        def attention(self, q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
            q, k, v = rules.divide_gradient(q, 4), rules.divide_gradient(k, 4), rules.divide_gradient(v, 2)
            return Operations.attention(self, q, k, v, seen)

    ops = Lxt()

    def explain(tokens: Tensor, valid: Tensor, number: Tensor) -> Tensor:
        leaf = tokens.detach().requires_grad_()
        score = network.head(leaf, valid, ops).gather(1, number[:, None]).sum()
        return (leaf.detach() * torch.autograd.grad(score, leaf)[0]).sum(dim=2)

    return explain


def with_zennit(network: CropTransformer) -> Explain:
    """CP-LRP by zennit's hooks on a twin of the network whose operations are modules with one input each."""
    rules = submodule("zennit", "rules")
    twin = Twin(network)
    for module in twin.modules():
        if isinstance(module, nn.Linear | HeldNorm):
            rules.Epsilon(epsilon=1e-6).register(module)
        elif isinstance(module, Held | Sum):
            rules.Norm(stabilizer=1e-6).register(module)
        elif isinstance(module, nn.GELU):
            rules.Pass().register(module)

    def explain(tokens: Tensor, valid: Tensor, number: Tensor) -> Tensor:
        leaf = tokens.detach().requires_grad_()
        scores = twin(leaf, valid)
        start = torch.zeros_like(scores).scatter(1, number[:, None], scores.detach().gather(1, number[:, None]))
        return torch.autograd.grad(scores, leaf, start)[0].sum(dim=2)

    return explain


def with_captum(network: CropTransformer) -> Explain:
    """Integrated Gradients from tokens of zero, 50 steps, no more than 64 passes at once."""
    gradients = importlib.import_module("captum.attr").IntegratedGradients(network.head)

    def explain(tokens: Tensor, valid: Tensor, number: Tensor) -> Tensor:
        choices: dict[str, Any] = {"additional_forward_args": (valid,), "internal_batch_size": 64}
        return gradients.attribute(tokens, target=number, n_steps=IG_STEPS, **choices).sum(dim=2)

    return explain


class Held(nn.Module):
    """A product with a matrix that is constant: attention, or the mean over dates."""

    matrix: Tensor

    def forward(self, x: Tensor) -> Tensor:
        return self.matrix @ x


class HeldNorm(nn.Module):
    """Layer normalisation whose deviation is constant."""

    def __init__(self, norm: nn.LayerNorm):
        super().__init__()
        self.weight, self.bias, self.eps = norm.weight, norm.bias, norm.eps

    def forward(self, x: Tensor) -> Tensor:
        centred = x - x.mean(dim=-1, keepdim=True)
        return (
            centred / (centred.square().mean(dim=-1, keepdim=True) + self.eps).sqrt().detach() * self.weight + self.bias
        )


class Sum(nn.Module):
    """The sum over the last axis."""

    def forward(self, x: Tensor) -> Tensor:
        return x.sum(dim=-1)


class TwinLayer(nn.Module):
    """An encoder layer of modules that have one input each."""

    def __init__(self, layer: Layer):
        super().__init__()
        self.heads = layer.size.heads
        joint, width = layer.query_key_value, layer.size.width
        self.query_key, self.value = nn.Linear(width, 2 * width), nn.Linear(width, width)
        self.query_key.weight, self.query_key.bias = frozen(joint.weight[: 2 * width]), frozen(joint.bias[: 2 * width])
        self.value.weight, self.value.bias = frozen(joint.weight[2 * width :]), frozen(joint.bias[2 * width :])
        self.norms = nn.ModuleList([HeldNorm(layer.norm_attention), HeldNorm(layer.norm_hidden)])
        self.mix, self.expand, self.contract = (linear(each) for each in (layer.mix, layer.expand, layer.contract))
        self.attention, self.activation = Held(), nn.GELU()
        self.sums = nn.ModuleList([Sum(), Sum()])

    def forward(self, x: Tensor, valid: Tensor) -> Tensor:
        batch, time, width = x.shape
        normed = self.norms[0](x)
        with torch.no_grad():
            joint = functional.linear(normed, self.query_key.weight, self.query_key.bias)
            q, k = joint.view(batch, time, 2, self.heads, -1).permute(2, 0, 3, 1, 4)
            scores = (q @ k.transpose(2, 3) / q.shape[-1] ** 0.5).masked_fill(~valid[:, None, None], -torch.inf)
            self.attention.matrix = scores.softmax(dim=-1)
        value = self.value(normed).view(batch, time, self.heads, -1).transpose(1, 2)
        attended = self.attention(value).transpose(1, 2).reshape(batch, time, width)
        x = self.sums[0](torch.stack([x, self.mix(attended)], dim=-1))
        inner = self.activation(self.expand(self.norms[1](x)))
        return self.sums[1](torch.stack([x, self.contract(inner)], dim=-1))


class Twin(nn.Module):
    """The network from its tokens to its scores, of modules that have one input each."""

    def __init__(self, network: CropTransformer):
        super().__init__()
        self.layers = nn.ModuleList(TwinLayer(layer) for layer in network.layers)
        self.norm, self.mean, self.activation = HeldNorm(network.norm), Held(), nn.GELU()
        self.decode, self.score = linear(network.decode), linear(network.score)

    def forward(self, tokens: Tensor, valid: Tensor) -> Tensor:
        x = tokens
        for layer in self.layers:
            x = layer(x, valid)
        self.mean.matrix = (valid / valid.sum(dim=1, keepdim=True))[:, None]
        pooled = self.mean(self.norm(x))[:, 0]
        return self.score(self.activation(self.decode(pooled)))


def frozen(weight: Tensor) -> nn.Parameter:
    return nn.Parameter(weight.detach().clone(), requires_grad=False)


def linear(layer: nn.Linear) -> nn.Linear:
    """Return a linear map of its own for the hooks, with the same weights."""
    copy = nn.Linear(layer.in_features, layer.out_features)
    copy.weight, copy.bias = frozen(layer.weight), frozen(layer.bias)
    return copy
