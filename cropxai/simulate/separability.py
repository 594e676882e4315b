"""How well classes can be told apart: held-out linear discriminants, Jeffries-Matusita distance, information in bits.

All functions work on every date at once. A date that is missing for a parcel is NaN in all bands.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import digamma, expit, log_expit, logsumexp
from scipy.stats import rankdata

Array = npt.NDArray[np.float64]

#: Reflectance below which differences count as none, added to every covariance: no sensor could tell them.
FLOOR = 5e-4
_ROUNDS = 12  # of Newton's method, at most


@dataclass(frozen=True)
class Moments:
    """Mean (time, band), covariance (time, band, band) and count (time,) of the parcels of a class on each date."""

    mean: Array
    covariance: Array
    count: Array

    @classmethod
    def of(cls, values: Array) -> "Moments":
        """Take them of values (parcel, time, band); NaN where a date has less than two."""
        by_date = np.moveaxis(values, 1, 0)
        seen = np.asarray(np.isfinite(by_date).all(axis=2))
        count = seen.sum(axis=1).astype(float)
        with np.errstate(invalid="ignore", divide="ignore"):
            mean = np.where(seen[..., None], by_date, 0).sum(axis=1) / count[:, None]
            apart = np.where(seen[..., None], by_date - mean[:, None], 0)
            covariance = apart.swapaxes(1, 2) @ apart / (count - 1)[:, None, None]
        few = count < 2
        covariance[few] = np.nan
        return cls(mean, covariance + FLOOR**2 * np.eye(values.shape[2]), count)


def discriminant(first: Moments, second: Moments) -> tuple[Array, Array]:
    """Return the weights (time, band) and offset (time,) of the log odds of the first class on each date.

    Fisher's linear discriminant of two classes, alike in share, whose covariance is the mean of both, shrunk a little
    towards its diagonal, by the share of bands in bands and parcels. NaN where a class is not seen.
    """
    covariance = (first.covariance + second.covariance) / 2
    bands = covariance.shape[-1]
    shrinkage = (bands / (bands + first.count + second.count))[:, None, None]
    covariance = covariance * (1 - shrinkage * (1 - np.eye(bands)))
    usable = np.isfinite(covariance).all(axis=(1, 2))
    weights = np.full(first.mean.shape, np.nan)
    difference = first.mean - second.mean
    weights[usable] = np.linalg.solve(covariance[usable], difference[usable][..., None])[..., 0]
    return weights, -((first.mean + second.mean) / 2 * weights).sum(axis=1)


def jeffries_matusita(first: Moments, second: Moments) -> Array:
    """Return the Jeffries-Matusita distance of two normal distributions on each date, (time,), 0 to 2.

    2 (1 − e⁻ᴮ) of the Bhattacharyya distance B (Richards 2013, *Remote Sensing Digital Image Analysis*, ch. 10). What B
    would be by the chance of the draw alone, were both alike, is taken off: of the distance of means by Hotelling's T²,
    of the determinants by the mean log determinant of a Wishart matrix. NaN where parcels are too few for their bands.
    """
    bands = first.mean.shape[1]
    freedom = first.count + second.count - 2
    usable = np.minimum(first.count, second.count) > bands + 4
    out = np.full(len(usable), np.nan)
    if not usable.any():
        return out
    one, two = first.covariance[usable], second.covariance[usable]
    pooled = (one + two) / 2
    difference = (first.mean - second.mean)[usable]
    distance = (difference * np.linalg.solve(pooled, difference[..., None])[..., 0]).sum(axis=1)
    n1, n2, n = first.count[usable], second.count[usable], freedom[usable]
    distance = np.maximum(distance * (n - bands - 1) / n - bands * (1 / n1 + 1 / n2), 0)
    determinants = _log_determinant(pooled, n) - (_log_determinant(one, n1 - 1) + _log_determinant(two, n2 - 1)) / 2
    out[usable] = 2 * -np.expm1(-(distance / 8 + np.maximum(determinants, 0) / 2))
    return out


def _log_determinant(covariance: Array, freedom: Array) -> Array:
    """Log determinant without the bias that it has in a normal sample (Wishart; Cai, Liang & Zhou 2015, eq. 3)."""
    k = np.arange(covariance.shape[-1])
    bias = (digamma((freedom[:, None] - k) / 2) - np.log(freedom[:, None] / 2)).sum(axis=1)
    out: Array = np.linalg.slogdet(covariance)[1] - bias
    return out


def auc(first: Array, second: Array) -> Array:
    """Return the chance that a score of the first class exceeds one of the second, on each date, (time,).

    By the rank sum (Mann & Whitney 1947); ties count half, NaN scores are left out.
    """
    together = np.concatenate([first, second])
    n1, n2 = (np.isfinite(scores).sum(axis=0) for scores in (first, second))
    ranks = rankdata(np.where(np.isfinite(together), together, np.inf), axis=0)[: len(first)]
    ranked = np.where(np.isfinite(first), ranks, 0).sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        out: Array = (ranked - n1 * (n1 + 1) / 2) / (n1 * n2)
    return out


def bits(first: Array, second: Array) -> Array:
    """Return what scores tell of which of two classes, alike in share, a parcel is of: (time,) bits, 0 to 1.

    One bit less the mean surprise by the class, after a logistic function of the scores has been fitted (Platt 1999,
    with his targets), whose slope is not negative. A NaN score tells nothing. A lower bound of the mutual information.

    Parameters
    ----------
    first, second : (parcel, time) scores of either class, held out from what made them
    """
    score = np.concatenate([first, second])
    seen = np.isfinite(score)
    sign = np.repeat([1.0, -1.0], [len(first), len(second)])[:, None]
    weight = np.repeat([0.5 / len(first), 0.5 / len(second)], [len(first), len(second)])[:, None] * seen
    total = np.maximum(weight.sum(axis=0), 1e-300)
    score = np.where(seen, score, 0)
    mean = (weight * score).sum(axis=0) / total
    spread = np.sqrt((weight * (score - mean) ** 2).sum(axis=0) / total)
    told = spread > 1e-12
    z = (score - mean) / np.where(told, spread, 1)
    rest = np.where(sign > 0, 1 / (len(first) + 2), 1 / (len(second) + 2))
    target = np.where(sign > 0, 1 - rest, rest)

    # From the slope that normal scores would have, by Newton's steps of limited width.
    between = np.clip((weight * sign * z).sum(axis=0) / total, -0.98, 0.98)
    slope, level = 2 * between / (1 - between**2), np.zeros(score.shape[1])
    for _ in range(_ROUNDS):
        chance = expit(slope * z + level)
        miss, curve = weight * (target - chance), weight * chance * (1 - chance)
        g1, g0 = (miss * z).sum(axis=0), miss.sum(axis=0)
        h2, h1, h0 = (curve * z * z).sum(axis=0) + 1e-9, (curve * z).sum(axis=0), curve.sum(axis=0) + 1e-9
        determinant = h2 * h0 - h1 * h1
        widest = 1 + np.abs(slope) / 2
        step = np.clip((h0 * g1 - h1 * g0) / determinant, -widest, widest)
        slope = slope + step
        level = level + np.clip((h2 * g0 - h1 * g1) / determinant, -widest, widest)
        if (np.abs(step) < 1e-3 * widest).all():
            break
    surprise = -(weight * log_expit(sign * (slope * z + level))).sum(axis=0) / np.log(2)
    gained = total - surprise
    return np.where(told & (slope > 0), np.maximum(gained, 0), 0)


def bits_of_many(logits: Array, labels: npt.NDArray[np.intp]) -> float:
    """Return what logits (parcel, class) tell of the class of a parcel, all classes alike in share: 0 to log2(classes).

    As `bits`, with one factor on all logits fitted (Guo et al. 2017). Rows with NaN tell nothing.
    """
    classes = logits.shape[1]
    count = np.bincount(labels, minlength=classes)
    seen = np.isfinite(logits).all(axis=1)
    if not seen.any():
        return 0.0
    weight = (1 / (classes * count[labels]))[seen]
    z = logits[seen] - logits[seen].max(axis=1, keepdims=True)
    z /= max(float(z.std()), 1e-12)
    own = z[np.arange(len(z)), labels[seen]]
    factor = 1.0
    for _ in range(_ROUNDS):
        shares = np.exp(factor * z)
        shares /= shares.sum(axis=1, keepdims=True)
        expected = (shares * z).sum(axis=1)
        gradient = weight @ (own - expected)
        curve = weight @ ((shares * z * z).sum(axis=1) - expected**2)
        widest = 1 + factor / 2
        step = float(np.clip(gradient / (curve + 1e-12), -widest, widest))
        factor = max(factor + step, 0.0)
        if abs(step) < 1e-3 * widest:
            break
    told = factor * own - logsumexp(factor * z, axis=1) + np.log(classes)
    return max(float(weight @ told / np.log(2)), 0.0)
