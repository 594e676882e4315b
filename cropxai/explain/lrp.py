"""Relevance of a model's parcels: from arrays to the relevance of dates or bands, with the account of every score."""

import copy
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cropxai.errors import DeviceMissing, SelfcheckFailed, SeriesUnusable
from cropxai.explain.fused import SHARES, FusedPass
from cropxai.explain.fused_check import agrees
from cropxai.explain.medians import REFERENCES, counted_from, reference_inputs, reference_series
from cropxai.explain.passes import TARGETS, TokenPass, strongest_rival, token_pass
from cropxai.explain.reference import explain as explicitly
from cropxai.explain.rules import RULES, Books, CpLrp, check_known
from cropxai.model.checkpoint import Model
from cropxai.model.fast import of_kind
from cropxai.model.inputs import Inputs
from cropxai.model.packing import DTYPES as FUSED_DTYPES
from cropxai.series import CropSeries

Array = npt.NDArray[Any]

LEVELS = ("date", "band")
DTYPES = {"float32": torch.float32, "float64": torch.float64, "bfloat16": torch.bfloat16}
#: Largest deviation from the explicit reference that rounding explains.
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4, torch.bfloat16: 0.2}
#: What a score is made of; see :class:`Attribution`.
LEDGER = ("input", "reference", "position", "bias", "softmax", "residual")


@dataclass(frozen=True, eq=False)
class Attribution:
    """Relevance of some parcels, float32, or float64 where that was asked; NaN on missing dates, never zero.

    Attributes
    ----------
    relevance : (parcel, time) or (parcel, time, band), in units of the score; positive speaks for the class; NaN in
        bands that the series lacks
    position : (parcel, time), the share of the encoding of each date, which is not in ``relevance``
    date_relevance : (parcel, time), relevance of whole dates: of their tokens, that is of everything that is seen on a
        date and of its day, counted from nothing (LRP's own root point), whatever the level and the reference
    score : (parcel,) what is explained, NaN for a parcel without dates
    number : (parcel,) the class that is explained, -1 for a parcel without dates
    rival : (parcel,) the class of the greatest score beside it, -1 for a parcel without dates
    ledger : (parcel, entry) of ``LEDGER``, NaN for a parcel without dates; sums to the score: ``input``, all relevance;
        ``reference``, what the series it is counted from has already; ``position``, the encoding of the dates; ``bias``
        and ``softmax``, what these take up; ``residual``, what rounding leaves (of gradient-input, which is no rule,
        all that it does not conserve)
    """

    relevance: Array
    position: Array
    date_relevance: Array
    score: Array
    number: npt.NDArray[np.int64]
    rival: npt.NDArray[np.int64]
    ledger: Array

    def entry(self, name: str) -> Array:
        """Return one entry of the ledger, (parcel,)."""
        return np.asarray(self.ledger[:, LEDGER.index(name)])


class LRP:
    """Layer-wise Relevance Propagation for one model.

    >>> lrp = LRP(model, rule="cp-lrp", level="date")
    >>> relevance = lrp(x, valid, day).relevance          # (parcel, time)

    Parameters
    ----------
    model : trained model; a copy of its network is taken, so that nothing of it changes
    rule : "cp-lrp", "attnlrp", or "gradient-input", which is no rule (:mod:`cropxai.explain.rules`)
    level : where relevance is read: "date", at the tokens, after everything that the network does with a date by
        itself, or "band", at the reflectance
    target : "margin", the score of the class less that of its strongest rival, or "logit", its score alone
    reference : what relevance is counted from (:func:`cropxai.explain.medians.reference_series`)
    dtype : "float32", "float64" or "bfloat16", in which the network runs
    chunk : parcels in one pass
    device : "cpu", or "cuda"

    Raises
    ------
    NoRelevanceRule
        If the network has a part that the rules do not know.
    DeviceMissing
    ValueError
        If a choice is unknown.
    """

    def __init__(
        self,
        model: Model,
        rule: str = "cp-lrp",
        level: str = "date",
        target: str = "margin",
        reference: str = "rival",
        dtype: str = "float32",
        chunk: int = 64,
        device: str = "cpu",
    ):
        for name, value, known in (
            ("rule", rule, tuple(RULES)),
            ("level", level, LEVELS),
            ("target", target, TARGETS),
            ("reference", reference, REFERENCES),
            ("dtype", dtype, tuple(DTYPES)),
        ):
            if value not in known:
                raise ValueError(f"{name} {value!r} is none of {', '.join(known)}")
        if torch.device(device).type == "cuda" and not torch.cuda.is_available():
            raise DeviceMissing(device)
        check_known(model.network)
        self.model, self.rule, self.level, self.target, self.reference = model, rule, level, target, reference
        self.dtype, self.chunk, self.device = DTYPES[dtype], chunk, torch.device(device)
        self.exact = torch.float64 if dtype == "float64" else torch.float32
        self.network = copy.deepcopy(model.network).eval().requires_grad_(False).to(self.device, self.dtype)
        self.fused = self._fused()

    def _fused(self) -> FusedPass | None:
        """Return the pass that is written by hand, if there is one for these choices and it agrees with autograd."""
        known = self.rule in SHARES and self.dtype in FUSED_DTYPES and self.device.type == "cpu"
        if not known or not of_kind(self.network) or not agrees(self.model.network, self.dtype):
            return None
        return FusedPass(self.model.network, self.dtype)

    def identity(self) -> str:
        """Return a hash of the network's weights and of all choices."""
        digest = hashlib.sha256(repr((self.network.size, self.rule, self.level, self.target, self.reference)).encode())
        digest.update(repr((self.dtype, self.chunk, self.device, self.fused is not None)).encode())
        for name, weights in sorted(self.model.network.state_dict().items()):
            digest.update(name.encode())
            digest.update(weights.cpu().numpy().tobytes())
        return digest.hexdigest()

    def __call__(
        self,
        x: npt.ArrayLike | Tensor,
        valid: npt.ArrayLike | Tensor,
        day: npt.ArrayLike | Tensor,
        asked: npt.ArrayLike | Tensor | None = None,
        base: npt.ArrayLike | Tensor | None = None,
    ) -> Attribution:
        """Explain some parcels.

        Parameters
        ----------
        x : (parcel, time, band) reflectance, anything where a date is missing, NaN in bands that are missing
        valid : (parcel, time) bool, the dates that are there
        day : (time,) days since 1 January of the season's year, or (parcel, time) warmth, in which case ``base`` is
            needed (:class:`cropxai.model.inputs.Inputs`)
        asked : (parcel,) number of the class to explain, -1 for the predicted one; by default that of all
        base : (time, band) or (class, time, band), the series of the reference, if it is at hand
            (:func:`cropxai.explain.medians.reference_series`); by default, a median is that of these parcels, so that
            relevance then depends on which are explained together

        Raises
        ------
        ValueError
            If the shapes do not fit.
        """
        parcels = _Parcels.of(x, valid, day, asked)
        parcels.check(self.network.size.bands, self.network.size.classes)
        if base is None:
            base = reference_inputs(parcels.inputs(), self.model, self.reference)
        base = torch.as_tensor(base)
        if base.shape[-2:] != parcels.x.shape[1:] or (base.ndim == 3 and len(base) != self.network.size.classes):
            raise ValueError(f"base {tuple(base.shape)} does not fit x {tuple(parcels.x.shape)}")
        lacking = parcels.x.isnan().flatten(0, 1).any(dim=0)  # counted from what stands in their place: no relevance
        origin = self._origin(torch.where(lacking, self.model.network.mean.to(base), base))
        pieces = [
            self._explain(piece.to(self.device), origin, self._position(piece.day))
            for piece in parcels.pieces(self.chunk)
        ]
        return _attribution(parcels.valid, _Explained(*(torch.cat(parts).cpu() for parts in zip(*pieces, strict=True))))

    def selfcheck(self, series: CropSeries | Inputs, parcels: int = 8, seed: int = 0) -> float:
        """Compare random parcels with the explicit reference in float64 (:mod:`cropxai.explain.reference`).

        Returns
        -------
        The largest deviation, over the parcels: of relevance (relative to its norm), and of the entries of the ledger
        (relative to the largest)

        Raises
        ------
        SelfcheckFailed
            If it is larger than the dtype explains: 1e-8 (float64) or 1e-4 (float32); with bfloat16, in which another
            class may seem the strongest rival, if half of the parcels deviate by more than 0.2.
        SeriesUnusable
            If no parcel has a date.
        """
        order = np.random.default_rng(seed).permutation(len(series))
        pieces: Iterable[Inputs]
        if isinstance(series, Inputs):
            base, pieces = reference_inputs(series, self.model, self.reference), [series.take(order)]
        else:
            base = reference_series(series, self.model, self.reference)
            pieces = (self.model.inputs(series.select(order[i : i + 256])) for i in range(0, len(order), 256))
        dated = (piece.take(np.flatnonzero(piece.valid.any(axis=1))[:parcels]) for piece in pieces)
        some = next((piece for piece in dated if len(piece)), None)
        if some is None:
            raise SeriesUnusable("no parcel has a date, so there is no relevance to check")
        found = self(some.reflectance, some.valid, some.encoded, base=base)
        deviations = [self._deviation(some, found, base, row) for row in range(len(some))]
        judged = float(np.median(deviations)) if self.dtype == torch.bfloat16 else max(deviations)
        if not judged <= TOLERANCE[self.dtype]:
            choices = f"{self.rule} of the {self.target} by {self.level}, {self.dtype}"
            raise SelfcheckFailed(choices, judged, TOLERANCE[self.dtype])
        return max(deviations)

    def _deviation(self, inputs: Inputs, found: Attribution, base: Array, row: int) -> float:
        """Compare one parcel with the explicit reference."""
        number = int(found.number[row])
        day = inputs.day if inputs.warmth is None else inputs.warmth[row]
        x, own, rival = (torch.as_tensor(a[[row]]) for a in (inputs.reflectance, found.number, found.rival))
        start = counted_from(self.reference, torch.as_tensor(base), x, own, rival)[0].numpy()
        expected = explicitly(
            self.model.network, inputs.reflectance[row], inputs.valid[row], day, number,
            rule=self.rule, level=self.level, target=self.target,
            base=None if self.reference == "zero" else start,
        )  # fmt: skip
        entries = np.array([expected.ledger[name] for name in LEDGER[:-1]])
        pairs = (
            (np.nan_to_num(found.relevance[row]), expected.relevance, np.linalg.norm(expected.relevance)),
            (np.nan_to_num(found.position[row]), expected.position, np.linalg.norm(expected.position)),
            (found.ledger[row, :-1], entries, np.abs(entries).max()),
        )
        return max(float(np.linalg.norm(ours - theirs) / (scale or 1.0)) for ours, theirs, scale in pairs)

    def _origin(self, base: Tensor) -> Tensor:
        """Return what is subtracted, ([class,] time, band or width): reflectance, or the features of its dates.

        The reference zero is zero features at the level of dates: what LRP itself counts from.
        """
        base = base.to(self.device, self.exact)
        if self.level == "band" or self.reference == "counterpart":  # which is not of the features' differences
            return base
        features = self._features(base.to(self.dtype), RULES[self.rule])
        return torch.zeros_like(features) if self.reference == "zero" else features

    def _position(self, day: Tensor) -> Tensor:
        """Return the encoding of days (time,) or (parcel, time), worked out in float64."""
        position: Tensor = self.model.network.date(day.double()).to(self.device, self.dtype)
        return position

    def _features(self, x: Tensor, rule: CpLrp) -> Tensor:
        """Return the tokens (…, time, width) without the encoding of their dates."""
        if self.fused is not None and not x.requires_grad:
            return self.fused.features(x).to(self.dtype)
        return self.network.tokens(x, x.new_zeros(()), rule, position=x.new_zeros(()))

    def _explain(self, parcels: "_Parcels", origin: Tensor, position: Tensor) -> "_Explained":
        """Explain the parcels of one pass."""
        leaf = parcels.x.to(self.dtype).requires_grad_(self.level == "band")
        books = Books.opened(leaf)
        features = self._features(
            leaf, replace(RULES[self.rule], books=books) if leaf.requires_grad else RULES[self.rule]
        )
        passed = self._pass(features.detach() + position, parcels)
        gradient, bias = passed.gradient, passed.bias.to(self.exact)
        value = features
        if self.level == "band":
            gradient, within = torch.autograd.grad(features, (leaf, books.bias), passed.gradient)
            value, bias = parcels.x, bias + within
        rival = strongest_rival(passed.scores, passed.number)
        start = counted_from(self.reference, origin, parcels.x.to(origin), passed.number, rival)
        if self.level == "date" and self.reference == "counterpart":
            start = self._features(start.to(self.dtype), RULES[self.rule])
        value, start, slope = (t.detach().to(self.exact) for t in (value, start, gradient))
        relevance = (value - start) * slope
        on_position = (position.to(self.exact) * passed.gradient.to(self.exact)).sum(dim=2)
        entries = [
            relevance.nansum(dim=(1, 2), dtype=torch.float64),
            (start * slope).sum(dim=(1, 2), dtype=torch.float64),
            on_position.sum(dim=1, dtype=torch.float64),
            bias.double(),
            passed.softmax.double(),
        ]
        score = passed.score.double()
        ledger = torch.stack([*entries, score - torch.stack(entries).sum(dim=0)], dim=1)
        by_level = relevance.sum(dim=2) if self.level == "date" else relevance
        on_token = on_position + (features.detach().to(self.exact) * passed.gradient.to(self.exact)).sum(dim=2)
        return _Explained(
            by_level, on_position, on_token, score.to(self.exact), passed.number, rival, ledger.to(self.exact)
        )

    def _pass(self, tokens: Tensor, parcels: "_Parcels") -> TokenPass:
        """Run the network from its tokens and back."""
        if self.fused is not None:
            return self.fused(tokens, parcels.valid, parcels.asked, self.rule, self.target)
        return token_pass(self.network, tokens, parcels.valid, parcels.asked, self.rule, self.target)


class _Explained(NamedTuple):
    """What `Attribution` holds, as tensors, nothing blanked yet."""

    relevance: Tensor
    position: Tensor
    date_relevance: Tensor
    score: Tensor
    number: Tensor
    rival: Tensor
    ledger: Tensor


class _Parcels(NamedTuple):
    """Arrays of some parcels, as `LRP.__call__` takes them; x is 0 on missing dates."""

    x: Tensor
    valid: Tensor
    day: Tensor
    asked: Tensor

    @classmethod
    def of(cls, x: Any, valid: Any, day: Any, asked: Any) -> "_Parcels":
        x, valid, day = torch.as_tensor(x), torch.as_tensor(valid), torch.as_tensor(day)
        asked = torch.full((len(x),), -1) if asked is None else torch.as_tensor(asked).long()
        by_date = x.ndim == 3 and valid.shape == x.shape[:2] and day.shape in (x.shape[:2], x.shape[1:2])
        if not by_date or asked.shape != x.shape[:1]:
            raise ValueError(
                "x (parcel, time, band), valid (parcel, time), day (time,) or as valid, and asked (parcel,) do not fit "
                f"each other: {tuple(x.shape)}, {tuple(valid.shape)}, {tuple(day.shape)}, {tuple(asked.shape)}"
            )
        return cls(x.masked_fill(~valid[..., None], 0), valid, day, asked)

    def check(self, bands: int, classes: int) -> None:
        """Refuse parcels with other bands, or classes, than a network has."""
        if self.x.shape[2] != bands:
            raise ValueError(f"the model takes {bands} bands, and x has {self.x.shape[2]}")
        if len(self.asked) and not -1 <= int(self.asked.min()) <= int(self.asked.max()) < classes:
            raise ValueError(f"the model has the classes 0 to {classes - 1}, and asked names others")

    def inputs(self) -> Inputs:
        """Return them as `Inputs`."""
        return Inputs.explained(self.x.float().numpy(), self.valid.numpy(), self.day.float().numpy())

    def pieces(self, size: int) -> Iterator["_Parcels"]:
        """Go through them in pieces; of no parcels, one piece without any."""
        for start in range(0, max(len(self.x), 1), size):
            rows = slice(start, start + size)
            day = self.day if self.day.ndim == 1 else self.day[rows]
            yield _Parcels(self.x[rows], self.valid[rows], day, self.asked[rows])

    def to(self, device: torch.device) -> "_Parcels":
        """Move them to a device."""
        return _Parcels(*(tensor.to(device) for tensor in self))


def _attribution(valid: Tensor, explained: _Explained) -> Attribution:
    """Blank what is missing."""
    silent, number, rival = ~valid.any(dim=1), explained.number.clone(), explained.rival.clone()
    for values in (explained.relevance, explained.position, explained.date_relevance):
        values[~valid] = torch.nan
    for values in (explained.score, explained.ledger):
        values[silent] = torch.nan
    number[silent] = rival[silent] = -1
    relevance, position, dates, score, _, _, ledger = (tensor.numpy() for tensor in explained)
    return Attribution(relevance, position, dates, score, number.numpy(), rival.numpy(), ledger)
