"""The inner loops: medians, means and counts of parcels on one piece of a raster, in one pass over pixel runs.

Pixel values are *codes* (:mod:`cropxai.ingest.tally`): unsigned integers that order as the values do, with 0 where
there is none. Pixels count 1 each, or by a *weight*: the share of the pixel that the parcel covers, as a whole number
of 1/``WHOLE``. Whole numbers add up to the same sum in any order, and a parcel's half is exact.

All loops that call each other lie in this one file, because numba tells by the file of a function alone whether the
machine code that it kept is out of date.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from cropxai.jit import compiled

Codes = npt.NDArray[np.uint16] | npt.NDArray[np.uint32]
Weights = npt.NDArray[np.uint32]
IntArray = npt.NDArray[np.int64]
Places = npt.NDArray[np.int32]

SIGN = np.uint32(1 << 31)
#: Values that are counted at a stretch: narrow counters are counted many at a time, and this fits one of 16 bits.
STRETCH = 32768
#: Values that vector instructions take at once, unrolled.
LOT = 64
#: Weight of a pixel that a parcel covers whole: fine enough that the mean of a hundredth of a pixel is right to 1e-7.
WHOLE = 1 << 30


@compiled
def longest(ptr: IntArray, length: Places) -> int:
    """Return the most pixels that a group has."""
    most = 0
    for g in range(len(ptr) - 1):
        pixels = 0
        for r in range(ptr[g], ptr[g + 1]):
            pixels += length[r]
        most = max(most, pixels)
    return most


@compiled
def copy_runs(values: Codes, start: Places, length: Places, target: IntArray, kept: Codes) -> None:
    """Copy runs of a (band, pixel) array to where they begin in another."""
    for band in range(values.shape[0]):
        for r in range(len(start)):
            s, t = start[r], target[r]
            for k in range(length[r]):
                kept[band, t + k] = values[band, s + k]


@compiled
def add_groups(
    values: Codes,
    nodata: Codes,
    unclear: npt.NDArray[np.bool_],
    mask: npt.NDArray[np.uint16],
    member: IntArray,
    ptr: IntArray,
    start: Places,
    length: Places,
    weigh: IntArray,
    weights: Weights,
    scratch: Codes,
    shares: Weights,
    kept: Weights,
    lower: Codes,
    upper: Codes,
    total: npt.NDArray[np.float64],
    counts: IntArray,
    clear: IntArray,
    present: IntArray,
) -> None:
    """Take the groups of a piece into the arrays of a tally: arguments as of :meth:`cropxai.ingest.tally.Tally.add`."""
    weighted = len(weights) > 0
    bright = np.ones(len(scratch), dtype=np.uint8)  # whether a pixel of the parcel is clear
    seen = np.zeros(len(scratch), dtype=np.uint8)  # whether it has a value in any band
    for g in range(len(member)):
        who = member[g]
        runs = slice(ptr[g], ptr[g + 1])
        pixels = 0
        for r in range(ptr[g], ptr[g + 1]):
            pixels += length[r]
        if weighted:
            _gather(weights, weigh[runs], length[runs], shares)
        unmasked = pixels
        if len(unclear):
            unmasked = 0
            n = 0
            for r in range(ptr[g], ptr[g + 1]):
                for k in range(start[r], start[r] + length[r]):
                    bright[n] = not unclear[mask[k]]
                    unmasked += bright[n]
                    n += 1
        whole = False  # whether one band has a value in every pixel
        seen[:pixels] = 0
        for band in range(values.shape[0]):
            none = nodata[band]
            _gather(values[band], start[runs], length[runs], scratch)
            missing = _missing(scratch, pixels, none)
            if missing == 0:
                whole = True
            elif not whole:
                for k in range(pixels):
                    seen[k] |= (scratch[k] != 0) & (scratch[k] != none)
            if unmasked == 0:
                continue
            n = pixels
            its = shares
            if missing or unmasked < pixels:
                n = 0
                its = kept
                for k in range(pixels):
                    value = scratch[k]
                    scratch[n] = value
                    if weighted:
                        kept[n] = shares[k]
                    n += (bright[k] != 0) & (value != 0) & (value != none)
            if n:
                counts[who, band] = _sum(its[:n]) if weighted else n
                total[who, band] = _weighted_sum(scratch, its, n) if weighted else _plain_sum(scratch, n)
                low, high = _middle(scratch, its, n, counts[who, band])
                lower[who, band] = low
                upper[who, band] = high
        if whole and not weighted:
            present[who] = pixels
            clear[who] = unmasked
            continue
        for k in range(pixels):
            if whole or seen[k]:
                one = np.int64(shares[k]) if weighted else 1
                present[who] += one
                clear[who] += one * bright[k]


@compiled
def _gather(plane: Codes, start: Places | IntArray, length: Places, gathered: Codes) -> None:
    """Lay the pixels of runs end to end."""
    n = np.uint64(0)  # unsigned: no check for indices from the end, which costs as much as copying
    for r in range(len(start)):
        first, pixels = np.uint64(start[r]), np.uint64(length[r])
        for k in range(pixels):
            gathered[n + k] = plane[first + k]
        n += pixels


@compiled
def _missing(values: Codes, n: int, none: int) -> int:
    """Count those of the first n values that stand for none."""
    total: int = 0
    for begin in range(0, n, STRETCH):
        part = values[begin : min(begin + STRETCH, n)]
        few: Any = np.uint16(0)
        for i in range(len(part)):
            few = np.uint16(few + np.uint16((part[i] == 0) | (part[i] == none)))
        total += int(few)
    return total


@compiled
def _middle(values: Codes, weights: Weights, n: int, whole: int) -> tuple[Any, Any]:
    """Return the two middle ones of the first n values, by bisection on the value; there must be LOT values more.

    A probe counts the values up to a bound, without branches. The first bound is the mean, the next come from
    interpolation, every third from halving: about four probes do, and never more than three times the bits. With
    weights, which have the sum ``whole``, probes add them up, and the two are one.
    """
    weighted = len(weights) > 0
    low: Any = np.int64(_least(values, n))
    high: Any = np.int64(_greatest(values, n))
    rank = (whole + 1) // 2
    below: Any = np.int64(0)
    upto: Any = np.int64(whole)  # values up to ``high``, and ``below`` those under ``low``
    full = -(-n // LOT) * LOT
    bound: Any = np.int64(_sum(values[:n]) // np.uint64(n))
    for i in range(n, full):  # a loop over whole lots has no slow end; what fills the last is above any bound
        values[i] = ~values.dtype.type(0)
    probe = 0
    while low < high:
        if probe % 3:
            bound = low + np.int64((high - low) * ((rank - below) / (upto - below + 1)))
        elif probe:
            bound = (low + high) >> 1
        bound = min(bound, high - 1)
        probe += 1
        found = _weight_upto(values, weights, n, bound) if weighted else _upto(values, full, bound)
        if found >= rank:
            high, upto = bound, found
        else:
            low, below = bound + 1, found
    if weighted or n % 2 == 1 or upto > rank:
        return low, low
    return low, _next(values, full, low)


@compiled
def _least(values: Codes, n: int) -> Any:
    least = values[0]
    for i in range(n):
        least = min(least, values[i])
    return least


@compiled
def _greatest(values: Codes, n: int) -> Any:
    greatest = values[0]
    for i in range(n):
        greatest = max(greatest, values[i])
    return greatest


@compiled
def _sum(values: Codes) -> Any:
    total: Any = np.uint64(0)
    for i in range(len(values)):
        total += np.uint64(values[i])
    return total


@compiled
def _plain_sum(values: Codes, n: int) -> float:
    """Return the sum of the first n values that codes stand for: exact for DN, in double precision for others."""
    if values.itemsize == 2:
        return float(_sum(values[:n]))
    total = 0.0
    for value in _floats(values, n):
        total += value
    return total


@compiled
def _weighted_sum(values: Codes, weights: Weights, n: int) -> float:
    """Return the sum of value times weight of the first n; DN add up without rounding, a stretch at a time."""
    total = 0.0
    if values.itemsize == 2:
        for begin in range(0, n, STRETCH):
            few: Any = np.uint64(0)
            for i in range(begin, min(begin + STRETCH, n)):
                few += np.uint64(values[i]) * np.uint64(weights[i])
            total += float(few)
        return total
    floats = _floats(values, n)
    for i in range(n):
        total += np.float64(floats[i]) * weights[i]
    return total


@compiled
def _floats(codes: Codes, n: int) -> Any:
    """Return the numbers that the first n codes stand for, as :func:`cropxai.ingest.tally.values_of` does."""
    bits = np.empty(n, dtype=np.uint32)
    for i in range(n):
        bits[i] = codes[i] ^ SIGN if codes[i] & SIGN else ~codes[i]
    return bits.view(np.float32)


@compiled
def _upto(values: Codes, n: int, bound: int) -> int:
    """Count those of the first n values that do not exceed a bound."""
    limit = values.dtype.type(bound)
    total: int = 0
    for begin in range(0, n, STRETCH):
        part = values[begin : min(begin + STRETCH, n)]
        few: Any = np.uint16(0)
        for i in range(len(part)):
            few = np.uint16(few + np.uint16(part[i] <= limit))
        total += int(few)
    return total


@compiled
def _weight_upto(values: Codes, weights: Weights, n: int, bound: int) -> Any:
    """Add up the weights of those of the first n values that do not exceed a bound."""
    limit = values.dtype.type(bound)
    total: Any = np.uint64(0)
    for i in range(n):
        total += np.uint64(weights[i]) * np.uint64(values[i] <= limit)
    return np.int64(total)


@compiled
def _next(values: Codes, n: int, bound: int) -> Any:
    """Return the least value above a bound; there is one."""
    limit = values.dtype.type(bound)
    most = ~values.dtype.type(0)
    found = most
    for i in range(n):
        found = min(found, values[i] if values[i] > limit else most)
    return found
