"""Ways to explain an answer that are not LRP, to compare with or to use instead.

Each is a function of the network and a `Question`, and gives relevance of dates or of dates and bands for the same
score as LRP does. `Baseline` makes of it what :class:`cropxai.explain.lrp.LRP` is: a call on arrays that returns an
`Attribution`.
"""

import copy
import hashlib
import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from cropxai.explain.lrp import Attribution
from cropxai.explain.medians import REFERENCES, counted_from, reference_inputs
from cropxai.explain.passes import TARGETS, explained_score, strongest_rival
from cropxai.model.checkpoint import Model
from cropxai.model.inputs import Inputs
from cropxai.model.transformer import CropTransformer, Operations

#: Points on the way from the reference to the parcel in Integrated Gradients.
STEPS = 32


class Question(NamedTuple):
    """What is asked of a network about some parcels.

    Attributes
    ----------
    x : (parcel, time, band) reflectance, 0 on missing dates
    valid : (parcel, time) bool, the dates that are there
    day : (time,) days of the season
    number : (parcel,) class that is explained
    base : (parcel, time, band) reference
    target : "margin" or "logit"
    """

    x: Tensor
    valid: Tensor
    day: Tensor
    number: Tensor
    base: Tensor
    target: str

    def score(self, network: CropTransformer, x: Tensor, valid: Tensor) -> Tensor:
        """Return the score that is explained, (parcel,), of other reflectance or other dates."""
        return explained_score(network(x, valid, self.day), self.number, self.target)


def integrated_gradients(network: CropTransformer, asked: Question) -> Tensor:
    """Mean gradient on the straight way from the reference, times the difference, (parcel, time, band).

    Sundararajan et al. 2017 (arXiv 1703.01365), eq. 1, by the midpoint rule; sums to the score less that of the
    reference (completeness), up to the error of the rule.
    """
    difference = asked.x - asked.base
    total = torch.zeros_like(difference)
    for step in range(STEPS):
        leaf = (asked.base + (step + 0.5) / STEPS * difference).requires_grad_()
        with torch.enable_grad():
            score = asked.score(network, leaf, asked.valid).sum()
        total += torch.autograd.grad(score, leaf)[0]
    return difference * total / STEPS


def occlusion(network: CropTransformer, asked: Question) -> Tensor:
    """Fall of the score when one date is masked, as if it were missing, (parcel, time)."""
    whole = asked.score(network, asked.x, asked.valid)
    falls = torch.zeros_like(asked.x[..., 0])
    for time in range(asked.valid.shape[1]):
        left = asked.valid.clone()
        left[:, time] = False
        falls[:, time] = whole - asked.score(network, asked.x, left)
    only = asked.valid.sum(dim=1) == 1  # nothing would be left to look at: the date carries the whole score
    falls[only] = whole[only, None]
    return falls


def rollout(network: CropTransformer, asked: Question) -> Tensor:
    """Attention rollout, (parcel, time): attention of all layers multiplied, averaged over the dates that are pooled.

    Abnar & Zuidema 2020 (arXiv 2005.00928): heads averaged, half of each layer for its residual. Knows no class.
    """
    seen: list[Tensor] = []
    network(asked.x, asked.valid, asked.day, _Watching(seen))
    size = asked.valid.shape[1]
    joint = torch.eye(size, dtype=asked.x.dtype, device=asked.x.device).expand(len(asked.x), size, size)
    for weights in seen:
        joint = (0.5 * weights.mean(dim=1) + 0.5 * torch.eye(size, device=asked.x.device)) @ joint
    pooled = asked.valid.to(joint.dtype)[..., None]
    return (joint * pooled).sum(dim=1) / pooled.sum(dim=1).clamp(min=1)


class _Watching(Operations):
    """The plain operations, with the attention weights of every layer kept."""

    def __init__(self, seen: list[Tensor]):
        self.seen = seen

    def attention(self, q: Tensor, k: Tensor, v: Tensor, seen: Tensor) -> Tensor:
        """Attend, and keep the weights (batch, head, query, key)."""
        scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
        weights = functional.softmax(scores.masked_fill(~seen[:, None, None, :], -torch.inf), dim=-1)
        self.seen.append(weights)
        return weights @ v


#: Each method by its name, and the levels that it has, the finest last.
BASELINES: dict[str, tuple[Callable[[CropTransformer, Question], Tensor], tuple[str, ...]]] = {
    "integrated-gradients": (integrated_gradients, ("date", "band")),
    "occlusion": (occlusion, ("date",)),
    "rollout": (rollout, ("date",)),
}


class Baseline:
    """One of `BASELINES` for one model; is called as :class:`cropxai.explain.lrp.LRP` is and returns the same.

    The ledger has as ``input`` all relevance, as ``reference`` the score of the reference where the method counts from
    one (integrated-gradients), and as ``residual`` what the method does not conserve. ``position`` is 0: none of these
    methods gives the encoding of the dates a share.

    Parameters
    ----------
    model : trained model; a copy of its network is taken
    method : one of `BASELINES`
    level : "date", or "band" where the method has it
    target : "margin" or "logit"
    reference : what integrated-gradients counts from (:func:`cropxai.explain.medians.reference_series`)
    chunk : parcels in one pass

    Raises
    ------
    ValueError
        If a choice is unknown, or the method has no such level.
    """

    def __init__(
        self,
        model: Model,
        method: str,
        level: str = "date",
        target: str = "margin",
        reference: str = "rival",
        chunk: int = 64,
    ):
        if method not in BASELINES:
            raise ValueError(f"method {method!r} is none of {', '.join(BASELINES)}")
        self._relevance, levels = BASELINES[method]
        for name, value, known in (
            ("level", level, levels),
            ("target", target, TARGETS),
            ("reference", reference, REFERENCES),
        ):
            if value not in known:
                raise ValueError(f"{name} {value!r} is none of {', '.join(known)} ({method})")
        self.level, self._from_reference = level, method == "integrated-gradients"
        self.model, self.method, self.target, self.reference, self.chunk = model, method, target, reference, chunk
        self.network = copy.deepcopy(model.network).eval().requires_grad_(False)

    def identity(self) -> str:
        """Return a hash of the network's weights and of all choices."""
        choices = (self.network.size, self.method, self.level, self.target, self.reference, self.chunk, STEPS)
        digest = hashlib.sha256(repr(choices).encode())
        for name, weights in sorted(self.network.state_dict().items()):
            digest.update(name.encode() + weights.numpy().tobytes())
        return digest.hexdigest()

    def __call__(
        self,
        x: npt.NDArray[np.float32],
        valid: npt.NDArray[np.bool_],
        day: npt.NDArray[np.float32],
        asked: npt.NDArray[np.intp] | None = None,
        base: npt.NDArray[np.float32] | None = None,
    ) -> Attribution:
        """Explain some parcels; takes the arrays of :meth:`cropxai.explain.lrp.LRP.__call__`."""
        inputs = Inputs.explained(np.where(valid[..., None], x, np.float32(0)), valid, day)
        if base is None:
            base = reference_inputs(inputs, self.model, self.reference)
        lacking = np.isnan(inputs.reflectance).any(axis=(0, 1))
        base = np.where(lacking, self.network.mean.numpy(), base)
        wanted = np.full(len(x), -1) if asked is None else np.asarray(asked)
        pieces = [
            self._explain(inputs.take(rows), wanted[rows], torch.from_numpy(base))
            for rows in np.split(np.arange(len(x)), range(self.chunk, len(x), self.chunk))
        ]
        relevance, score, number, rival, ledger = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
        silent = ~valid.any(axis=1)
        relevance[~valid] = score[silent] = ledger[silent] = np.nan
        number[silent] = rival[silent] = -1
        position = np.where(valid, np.float32(0), np.float32(np.nan))
        by_date = (
            relevance if relevance.ndim == 2 else np.where(valid, np.nansum(relevance, axis=2), np.float32(np.nan))
        )
        return Attribution(relevance, position, by_date, score, number, rival, ledger)

    def _explain(self, inputs: Inputs, asked: npt.NDArray[np.intp], base: Tensor) -> tuple[npt.NDArray[Any], ...]:
        """Return relevance, score, class number, number of the rival and ledger of the parcels of one pass."""
        x, valid, day = inputs.tensors()
        with torch.no_grad():
            scores = self.network(x, valid, day)
            number = torch.where(torch.from_numpy(asked) >= 0, torch.from_numpy(asked), scores.argmax(dim=1))
            score = explained_score(scores, number, self.target)
            rival = strongest_rival(scores, number)
            origin = counted_from(self.reference, base, x, number, rival).expand_as(x)
            question = Question(x, valid, day, number, origin, self.target)
            relevance = self._relevance(self.network, question)
            relevance *= valid.view(*valid.shape, *[1] * (relevance.ndim - 2))
            given = relevance.flatten(1).nansum(dim=1)
            start = question.score(self.network, origin, valid) if self._from_reference else torch.zeros_like(score)
        if self.level == "date" and relevance.ndim == 3:
            relevance = relevance.nansum(dim=2)
        nothing = torch.zeros_like(score)
        ledger = torch.stack([given, start, nothing, nothing, nothing, score - given - start], dim=1)
        return tuple(part.numpy() for part in (relevance, score, number, rival, ledger))
