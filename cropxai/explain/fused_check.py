"""Whether the pass by hand gives, on the weights of a network, the relevance that autograd gives."""

import copy
from math import sqrt

import torch
from torch import Tensor
from torch.nn import functional

from cropxai.explain.fused import SHARES, FusedPass
from cropxai.explain.passes import token_pass
from cropxai.model.transformer import CropTransformer

#: What :func:`agrees` asks for: the cosine of the relevance of dates, and the share of parcels that must be alike.
COSINE, SHARE = 0.999, 0.99
#: Dates whose relevance differs by less than this share of the largest may stand for each other among the first three.
TIE = 0.01


def agrees(network: CropTransformer, dtype: torch.dtype, parcels: int = 200, dates: int = 12) -> bool:
    """Tell whether the fused pass gives the dates the relevance that autograd in float64 gives them.

    Compared on smooth random series in the range of the training, a third of the dates missing, always the same ones.
    For both rules 99 % of the parcels have a cosine of at least 0.999 and the same three first dates, where dates whose
    relevance is equal within 1 % of the largest may stand for each other.
    """
    exact = copy.deepcopy(network).double().eval().requires_grad_(False)
    chance = torch.Generator().manual_seed(0)
    walk = torch.randn(parcels, dates, network.size.bands, generator=chance, dtype=torch.float64).cumsum(dim=1)
    x = exact.mean + exact.scale * (walk / sqrt(dates / 2))
    valid = torch.rand(parcels, dates, generator=chance) > 1 / 3
    valid[:, : min(3, dates)] = True
    tokens = exact.tokens(x, torch.linspace(0, 360, dates, dtype=torch.float64))
    asked, fused = torch.full((parcels,), -1), FusedPass(network, dtype)
    for rule in SHARES:
        expected = token_pass(exact, tokens, valid, asked, rule, "logit")
        found = fused(tokens, valid, expected.number, rule, "logit")
        truth, ours = ((tokens * each.gradient).sum(dim=2) for each in (expected, found))
        if not _alike(truth, ours, valid):
            return False
    return True


def _alike(expected: Tensor, found: Tensor, valid: Tensor) -> bool:
    """Compare relevance (parcel, date) as :func:`agrees` says."""
    cosine = functional.cosine_similarity(expected, found, dim=1)
    first = min(3, expected.shape[1])
    third = expected.masked_fill(~valid, -torch.inf).topk(first, dim=1).values[:, -1:]
    chosen = expected.gather(1, found.masked_fill(~valid, -torch.inf).topk(first, dim=1).indices)
    same = (chosen >= third - TIE * expected.abs().amax(dim=1, keepdim=True)).all(dim=1)
    return bool((same & (cosine >= COSINE)).double().mean() >= SHARE)
