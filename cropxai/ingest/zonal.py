"""Medians by parcel: one sort for all parcels at once."""

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int64]

SIGN = np.uint32(1 << 31)
MISSING = np.uint32(0xFFFFFFFF)


def grouped_median(values: FloatArray, indptr: IntArray) -> tuple[npt.NDArray[np.float64], IntArray]:
    """Return the median of each group's values that are not NaN, and their number.

    The median of an even number of values is the mean of the two middle ones, as in :func:`numpy.median`.

    Parameters
    ----------
    values : (pixel,) float32
        NaN where missing.
    indptr : (group + 1,) int
        ``values[indptr[i]:indptr[i + 1]]`` are the values of group i.

    Returns
    -------
    median : (group,) float64
        NaN where a group has no value.
    counts : (group,) int64
    """
    starts = np.asarray(indptr[:-1], dtype=np.int64)
    present = ~np.isnan(values)
    running = np.concatenate([[0], np.cumsum(present)])
    counts = running[indptr[1:]] - running[starts]
    ordered = _sorted_in_groups(values, present, indptr)
    median = np.full(len(starts), np.nan)
    some = np.flatnonzero(counts)
    lower = ordered[starts[some] + (counts[some] - 1) // 2].astype(np.float64)
    upper = ordered[starts[some] + counts[some] // 2].astype(np.float64)
    median[some] = (lower + upper) / 2
    return median, counts


def _sorted_in_groups(values: FloatArray, present: npt.NDArray[np.bool_], indptr: IntArray) -> FloatArray:
    """Sort within groups, missing values last.

    Sorting whole numbers is several times faster than a sort by two keys, so group and value become one number: the
    bits of an IEEE 754 float order as it does once the sign bit is flipped, and for negatives all other bits too.
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    codes = np.where(bits & SIGN, ~bits, bits | SIGN)
    codes[~present] = MISSING
    keys = np.repeat(np.arange(len(indptr) - 1, dtype=np.uint64), np.diff(indptr)) << np.uint64(32)
    keys |= codes
    keys.sort()
    codes = (keys & np.uint64(MISSING)).astype(np.uint32)
    return np.where(codes & SIGN, codes ^ SIGN, ~codes).astype(np.uint32).view(np.float32)
