"""What is known of the parcels of a scene: the tally, and the groups of pixels that are taken into it.

Pixel values are *codes*: unsigned integers that order as the values do, with 0 where there is none. The DN of
Sentinel-2 are codes already (its 0 is "no data"); other numbers are made to codes by :func:`codes_of`.
"""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from cropxai.ingest.zonal import LOT, SIGN, Codes, IntArray, Places, Weights, add_groups, longest

#: What is given as weights where every pixel counts 1.
ALL_ALIKE: Weights = np.zeros(0, dtype=np.uint32)


@dataclass(frozen=True, eq=False)
class Groups:
    """Which pixels of a piece belong to which parcels.

    Attributes
    ----------
    member : (group,) int64
        The parcel, as row of the tally.
    ptr : (group + 1,) int64
        Runs ``ptr[i]`` to ``ptr[i + 1]`` belong to group i.
    start, length : (run,) int32
        First pixel of each run in the piece, and their number.
    weigh : (run,) int64
        Where the weights of each run begin; empty where every pixel counts 1.
    """

    member: IntArray
    ptr: IntArray
    start: Places
    length: Places
    weigh: IntArray = field(default_factory=lambda: np.zeros(0, dtype=np.int64))


@dataclass(frozen=True, eq=False)
class Tally:
    """What is known of the parcels of a scene.

    Attributes
    ----------
    lower, upper : (member, band) uint16 or uint32
        Codes of the two middle values (with weights, or of an odd number: twice the same); 0 where there is none.
    total : (member, band) float64
        Sum of the values, each times its weight.
    counts : (member, band) int64
        Clear pixels with a value in the band; with weights the sum of theirs, here and below.
    clear : (member,) int64
        Clear pixels with a value in any band.
    present : (member,) int64
        Pixels with a value in any band, clear or not.
    """

    lower: Codes
    upper: Codes
    total: npt.NDArray[np.float64]
    counts: IntArray
    clear: IntArray
    present: IntArray

    @classmethod
    def empty(cls, members: int, bands: int, dtype: npt.DTypeLike) -> "Tally":
        """Return a tally of nothing."""
        lower, upper = (np.zeros((members, bands), dtype=dtype) for _ in range(2))
        total, counts = np.zeros((members, bands)), np.zeros((members, bands), dtype=np.int64)
        return cls(lower, upper, total, counts, np.zeros(members, dtype=np.int64), np.zeros(members, dtype=np.int64))

    def add(
        self,
        values: Codes,
        nodata: Codes,
        unclear: npt.NDArray[np.bool_],
        mask: npt.NDArray[np.uint16],
        groups: Groups,
        weights: Weights = ALL_ALIKE,
    ) -> None:
        """Take in the parcels that lie in one piece of the raster.

        Parameters
        ----------
        values : (band, pixel) codes
        nodata : (band,) codes that stand for no value, beside 0
        unclear : (class,) bool
            Which values of the mask are not clear; empty if there is no mask, and all is clear.
        mask : (pixel,) uint16
        groups : Groups
            Each with at least one pixel.
        weights : (weight,) uint32
            To which ``groups.weigh`` points; none is 0. Empty where every pixel counts 1.
        """
        room = int(longest(groups.ptr, groups.length)) + LOT
        scratch = np.empty(room, dtype=values.dtype)
        shares, kept = np.empty((2, room if len(weights) else 0), dtype=np.uint32)
        add_groups(
            values, nodata, unclear, mask, groups.member, groups.ptr, groups.start, groups.length, groups.weigh,
            weights, scratch, shares, kept, self.lower, self.upper, self.total, self.counts, self.clear, self.present,
        )  # fmt: skip

    def median(self) -> npt.NDArray[np.float64]:
        """Return the median of each parcel and band, (member, band) in stored units, NaN where there is no value.

        The median of an even number of values is the mean of the two middle ones, as in :func:`numpy.median`. With
        weights it is the least value such that it and all lower ones have half of the weight or more.
        """
        lower, upper = (values_of(codes).astype(np.float64) for codes in (self.lower, self.upper))
        return np.where(self.counts > 0, (lower + upper) / 2, np.nan)

    def mean(self) -> npt.NDArray[np.float64]:
        """Return the mean of each parcel and band, (member, band) in stored units, NaN where there is no value."""
        return np.where(self.counts > 0, self.total / np.maximum(self.counts, 1), np.nan)


def codes_of(values: npt.NDArray[np.float32]) -> npt.NDArray[np.uint32]:
    """Return codes of floating-point values, uint32, 0 where a value is NaN.

    The bits of an IEEE 754 float order as it does once the sign bit is flipped, and for negatives all other bits too.
    """
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    codes = np.where(bits & SIGN, ~bits, bits | SIGN)
    codes[np.isnan(values)] = 0
    return codes


def values_of(codes: Codes) -> npt.NDArray[np.uint16] | npt.NDArray[np.float32]:
    """Return the values that codes stand for, of any shape."""
    if codes.dtype == np.uint16:
        return codes.astype(np.uint16)
    return np.asarray(np.where(codes & SIGN, codes ^ SIGN, ~codes).astype(np.uint32).view(np.float32))
