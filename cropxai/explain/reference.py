"""An explicit reference: relevance handed down layer by layer in float64, as the rules are written in the papers.

It shares nothing with :mod:`cropxai.explain.rules`: no autograd, no Gradient × Input, one parcel at a time, and only
the dates that are there, by the rules of :mod:`cropxai.explain.reference_rules`. Slow, and there to compare with.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import nn

from cropxai.explain.reference_rules import Array, Down, WrittenRules, add, chain, over, pooled
from cropxai.model.transformer import CropTransformer

#: What torch adds to the variance in batch normalisation.
BATCH_NORM_EPS = 1e-5
#: Stands for nothing where a slope is asked for; too small to be felt beside anything.
TINY = 1e-30


@dataclass(frozen=True)
class Explained:
    """What the reference finds for one parcel.

    Attributes
    ----------
    relevance : (time,) or (time, band), 0 at missing dates
    position : (time,) relevance of the encoding of each date, 0 at missing dates
    score : what is explained
    ledger : what the score is made of, the entries input, reference, position, bias and softmax
    """

    relevance: Array
    position: Array
    score: float
    ledger: dict[str, float]


def explain(
    network: CropTransformer,
    x: npt.ArrayLike,
    valid: npt.ArrayLike,
    day: npt.ArrayLike,
    number: int,
    *,
    rule: str = "cp-lrp",
    level: str = "date",
    target: str = "logit",
    base: npt.ArrayLike | None = None,
) -> Explained:
    """Explain one parcel.

    Parameters
    ----------
    network : its weights are taken in float64
    x : (time, band) reflectance
    valid : (time,) bool, at least one of them
    day : (time,) days
    number : of the class
    rule, level, target : as of :class:`cropxai.explain.LRP`
    base : (time, band) series that relevance is counted from; by default zero reflectance, at dates zero features
    """
    fixed = network.size.kind == "paper"  # all dates count, those that are missing as zero reflectance
    run, there = (_PaperRun if fixed else _Run)(network, rule), np.asarray(valid)
    seen = np.arange(len(there)) if fixed else np.flatnonzero(there)
    values = np.where(there[seen, None], np.asarray(x, dtype=np.float64)[seen], 0)
    position = run.position(np.asarray(day, dtype=np.float64)[seen])
    features, slope_of = run.features(values)
    features = np.where(features == 0, TINY, features)  # what is nothing has a slope too
    tokens, split = add(features, position)
    scores, down = run.head(tokens)
    wanted = np.zeros(len(scores))
    wanted[number] = scores[number]
    if target == "margin":
        rival = max((n for n in range(len(scores)) if n != number), key=lambda n: float(scores[n]))
        wanted[rival] = -scores[rival]
    on_features, on_position = split(down(wanted))
    lacking = np.isnan(values).any(axis=0)
    if base is not None:
        base = np.where(lacking, np.nan, np.asarray(base, dtype=np.float64))
    values = np.where(lacking, 0, values)
    if level == "date":
        start = np.zeros_like(features) if base is None else run.features(base[seen])[0]
        value, slope = features, over(on_features, features)
    else:
        start = np.zeros_like(values) if base is None else np.nan_to_num(base[seen])
        value, slope = values, slope_of(on_features)
    relevance = (value - start) * slope
    ledger = {"input": relevance.sum(), "reference": (start * slope).sum(), "position": on_position.sum(),
              "bias": run.rules.bias, "softmax": run.rules.softmax}  # fmt: skip
    full = np.zeros((len(np.asarray(valid)), *relevance.shape[1:]))
    full[seen] = relevance
    full[~there] = 0
    by_date = np.zeros(len(full))
    by_date[seen] = on_position.sum(axis=1)
    by_date[~there] = 0
    return Explained(
        full.sum(axis=1) if level == "date" else full,
        by_date,
        float(wanted.sum()),
        {name: float(value) for name, value in ledger.items()},
    )


class _Run:
    """The network in numpy, each part giving its value and its way down."""

    def __init__(self, network: CropTransformer, rule: str):
        self.size = network.size
        self.weights = {name: tensor.double().cpu().numpy() for name, tensor in network.state_dict().items()}
        self.eps = {name: module.eps for name, module in network.named_modules() if isinstance(module, nn.LayerNorm)}
        self.rules = WrittenRules(rule)
        self.rate = network.date.rate.double().numpy()

    def position(self, day: Array) -> Array:
        """Return the encoding of days (time,), (time, width)."""
        angle = day[:, None] * self.rate
        return np.concatenate([np.sin(angle), np.cos(angle)], axis=1)

    def features(self, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Return the features (time, width) of dates, and what turns their relevance into that of x, over x."""
        scale, weight = self.weights["scale"], self.weights["features.weight"]
        there = np.isfinite(x).all(axis=0)
        folded = weight / scale * there  # (x - mean) / scale is part of the first linear map; it is 0 without the band
        bias = self.weights["features.bias"] - folded @ self.weights["mean"]
        inner = np.where(there, x, 0) @ folded.T + bias
        active, through_active = self.rules.activation(inner, self.size.activation)
        out, through_out = self._linear("embed", active)

        def slope(relevance: Array) -> Array:
            share = over(through_active(through_out(relevance)), inner)
            self.rules.bias += float((share * bias).sum())
            return np.asarray(share @ folded)

        return out, slope

    def head(self, tokens: Array) -> tuple[Array, Down]:
        """Return the scores (class,) from the tokens (time, width)."""
        x, downs = tokens, []
        for number in range(self.size.layers):
            for norm, part in (("norm_attention", self._attended), ("norm_hidden", self._fed_forward)):
                x, down = self._residual(x, f"layers.{number}", norm, part)
                downs.append(down)
        if self.size.norm == "pre":
            x, down = self._norm("norm", x)
            downs.append(down)
        x, down = pooled(x, self.size.pooling)
        downs.append(down)
        x, down = self._linear("decode", x)
        downs.append(down)
        x, down = self.rules.activation(x, self.size.activation)
        downs.append(down)
        x, down = self._linear("score", x)
        return x, chain([*downs, down])

    def _residual(
        self, x: Array, layer: str, norm: str, part: "Callable[[str, Array], tuple[Array, Down]]"
    ) -> tuple[Array, Down]:
        """Sum x and a part of it, the norm before the part or after the sum."""
        if self.size.norm == "pre":
            normed, through_norm = self._norm(f"{layer}.{norm}", x)
            update, through_part = part(layer, normed)
            y, split = add(x, update)

            def down(relevance: Array) -> Array:
                keep, through = split(relevance)
                return keep + through_norm(through_part(through))

            return y, down
        update, through_update = part(layer, x)
        summed, split_sum = add(x, update)
        y, through_normed = self._norm(f"{layer}.{norm}", summed)

        def down_post(relevance: Array) -> Array:
            keep, through = split_sum(through_normed(relevance))
            return keep + through_update(through)

        return y, down_post

    def _attended(self, layer: str, x: Array) -> tuple[Array, Down]:
        joint, through_joint = self._linear(f"{layer}.query_key_value", x)
        kinds = np.split(joint, 3, axis=1)
        heads = zip(*(np.split(kind, self.size.heads, axis=1) for kind in kinds), strict=True)
        values, downs = zip(*(self.rules.attention(*head) for head in heads), strict=True)
        y, through_mix = self._linear(f"{layer}.mix", np.concatenate(values, axis=1))

        def down(relevance: Array) -> Array:
            parts = np.split(through_mix(relevance), self.size.heads, axis=1)
            handed = [each(part) for each, part in zip(downs, parts, strict=True)]
            return through_joint(np.concatenate([part for kind in zip(*handed, strict=True) for part in kind], axis=1))

        return y, down

    def _fed_forward(self, layer: str, x: Array) -> tuple[Array, Down]:
        wide, through_expand = self._linear(f"{layer}.expand", x)
        active, through_active = self.rules.activation(wide, self.size.activation)
        y, through_contract = self._linear(f"{layer}.contract", active)
        return y, chain([through_expand, through_active, through_contract])

    def _linear(self, name: str, x: Array) -> tuple[Array, Down]:
        return self.rules.linear(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])

    def _norm(self, name: str, x: Array) -> tuple[Array, Down]:
        return self.rules.norm(x, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], self.eps[name])


class _PaperRun(_Run):
    """The published network: batch normalisation is a diagonal matrix, all dates are laid end to end."""

    def position(self, day: Array) -> Array:
        """Return sines and cosines in turn of the days since the first."""
        angle = (day - day.min())[:, None] * self.rate
        return np.stack([np.sin(angle), np.cos(angle)], axis=2).reshape(len(day), -1)

    def features(self, x: Array) -> tuple[Array, Callable[[Array], Array]]:
        """Return the features (time, width) of dates, and what turns their relevance into that of x, over x."""
        weight, bias = self.weights["features.weight"], self.weights["features.bias"]
        inner = x @ weight.T + bias
        out, down = self._normed("features_norm", inner)
        out, through_embed = self._linear("embed", out)
        out, through_norm = self._normed("embed_norm", out)

        def slope(relevance: Array) -> Array:
            share = over(chain([down, through_embed, through_norm])(relevance), inner)
            self.rules.bias += float((share * bias).sum())
            return np.asarray(share @ weight)

        return out, slope

    def head(self, tokens: Array) -> tuple[Array, Down]:
        """Return the scores (class,) from the tokens (time, width)."""
        update, through_update = self._attended("", tokens)
        summed, split = add(tokens, update)
        x, through_norm = self._norm("norm_dates", summed)

        def block(relevance: Array) -> Array:
            keep, through = split(through_norm(relevance.reshape(x.shape)))
            return keep + through_update(through)

        downs: list[Down] = [block]
        out = x.reshape(-1)
        for name in ("flat", "decode", "narrow"):
            out, through = self._linear(name, out)
            out, through_normed = self._normed(f"{name}_norm", out)
            downs += [through, through_normed]
        scores, through = self._linear("score", out)
        return scores, chain([*downs, through])

    def _normed(self, name: str, x: Array) -> tuple[Array, Down]:
        """Batch normalisation with its running statistics, and the activation."""
        own = {part: self.weights[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var")}
        factor = own["weight"] / np.sqrt(own["running_var"] + BATCH_NORM_EPS)
        y, through = self.rules.linear(x, np.diag(factor), own["bias"] - own["running_mean"] * factor)
        active, through_active = self.rules.activation(y, self.size.activation)
        return active, chain([through, through_active])

    def _linear(self, name: str, x: Array) -> tuple[Array, Down]:
        return super()._linear(name.removeprefix("."), x)
