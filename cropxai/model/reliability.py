"""Is confidence what it says: calibration errors, with what chance alone would make of them."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

#: Bins of equal numbers of parcels.
BINS = 15
#: Draws from which the error of a calibrated model is taken.
DRAWS = 200


@dataclass(frozen=True)
class Reliability:
    """Confidence against being right.

    Attributes
    ----------
    error : expected calibration error: mean distance of confidence and accuracy over bins of equal numbers of parcels
        (Naeini et al. 2015; equal numbers as in Nixon et al. 2019, arXiv 1904.01685)
    by_chance : what it would be, in the mean, if every confidence were exact; finite bins are never zero
    bias : mean confidence minus accuracy, positive where the model is too sure
    classwise : mean over the classes of the same error of their own probability (Kull et al. 2019, arXiv 1910.12656)
    confidence, accuracy, parcels : (bin,)
    """

    error: float
    by_chance: float
    bias: float
    classwise: float
    confidence: npt.NDArray[np.float64]
    accuracy: npt.NDArray[np.float64]
    parcels: npt.NDArray[np.intp]


def reliability(probabilities: npt.NDArray[np.float32], target: npt.NDArray[np.intp], bins: int = BINS) -> Reliability:
    """Compare probabilities (parcel, class) with the classes ``target`` (parcel,)."""
    winner = probabilities.argmax(axis=1)
    confidence = probabilities[np.arange(len(winner)), winner].astype(np.float64)
    right = winner == target
    order, sizes = _bins(confidence, bins)
    present = np.unique(target)
    return Reliability(
        error=_error(confidence, right, order, sizes),
        by_chance=_by_chance(confidence, order, sizes),
        bias=float(confidence.mean() - right.mean()),
        classwise=float(np.mean([calibration_error(probabilities[:, k], target == k, bins) for k in present])),
        confidence=_sums(confidence[order], sizes) / sizes,
        accuracy=_sums(right[order], sizes) / sizes,
        parcels=sizes,
    )


def calibration_error(probability: npt.ArrayLike, happened: npt.NDArray[np.bool_], bins: int = BINS) -> float:
    """Return the mean distance of probability and frequency over bins of equal numbers of parcels."""
    values = np.asarray(probability, dtype=np.float64)
    return _error(values, happened, *_bins(values, bins))


def _bins(values: npt.NDArray[np.float64], bins: int) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the order of the values and the sizes of the bins, which differ by one at most."""
    bins = max(1, min(bins, len(values)))
    sizes = np.full(bins, len(values) // bins, dtype=np.intp)
    sizes[: len(values) % bins] += 1
    return np.argsort(values, kind="stable"), sizes


def _sums(ordered: npt.NDArray[np.generic], sizes: npt.NDArray[np.intp]) -> npt.NDArray[np.float64]:
    starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
    return np.add.reduceat(ordered.astype(np.float64), starts, axis=-1)


def _error(
    values: npt.NDArray[np.float64],
    happened: npt.NDArray[np.bool_],
    order: npt.NDArray[np.intp],
    sizes: npt.NDArray[np.intp],
) -> float:
    gaps = np.abs(_sums(values[order], sizes) - _sums(happened[order], sizes))
    return float(gaps.sum() / len(values))


def _by_chance(values: npt.NDArray[np.float64], order: npt.NDArray[np.intp], sizes: npt.NDArray[np.intp]) -> float:
    rng = np.random.default_rng(0)
    ordered = values[order]
    expected = _sums(ordered, sizes)
    errors = [
        np.abs(expected - _sums(rng.random(len(ordered)) < ordered, sizes)).sum() / len(ordered) for _ in range(DRAWS)
    ]
    return float(np.mean(errors))
