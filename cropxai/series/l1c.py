"""What the two EuroCrops formats share: 13 bands of L1C as digital numbers, and parcels by region."""

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cropxai.bands import BANDS, QUANTIFICATION
from cropxai.errors import ParcelsSetAside, PathLike, SeriesUnusable
from cropxai.series.cube import CropSeries, FloatArray

#: The region of parcels that name none.
NO_REGION = "XX000"
ALL_BANDS = tuple(band.name for band in BANDS)


def check_l1c(series: CropSeries, path: PathLike, form: str) -> None:
    """Refuse to write a series that is not L1C with all 13 bands.

    Raises
    ------
    SeriesUnusable
    """
    lacking = [name for name in ALL_BANDS if name not in series.bands]
    if lacking or series.level == "L2A":
        has = f"lacks {', '.join(lacking)}" if lacking else "is L2A"
        raise SeriesUnusable(
            f"{path}: {form} holds the 13 bands of L1C, but the series ({series.level}) {has}; "
            "ingest L1C scenes, or write .parquet, .csv or .nc"
        )


def digital_numbers(series: CropSeries, order: Sequence[str]) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Return the series as digital numbers, reflectance × 10 000, in the given order of bands.

    A date counts as seen when all its bands are there, because the formats know only whole dates; what is left out by
    this is told in a warning. Reflectance below zero becomes 0, as in the published files.

    Returns
    -------
    numbers : (parcel, time, band) int32, 0 where not seen
    seen : (parcel, time) bool
    """
    values = series.select_bands(order).reflectance.astype(np.float64)
    there = np.asarray(np.isfinite(values))
    seen = np.asarray(there.all(axis=2))
    partly = np.asarray(there.any(axis=2) & ~seen).any(axis=1)
    if partly.any():
        reason = "dates on which some of the 13 bands are missing are written as missing"
        warnings.warn(ParcelsSetAside(reason, list(series.parcel_id[partly])), stacklevel=2)
    whole = np.rint(np.where(seen[..., None], values, 0).clip(0) * QUANTIFICATION)
    return whole.astype(np.int32), seen


def reflectance(numbers: FloatArray, order: Sequence[str]) -> FloatArray:
    """Turn digital numbers in the given order of bands to reflectance in the order of the band table."""
    return (numbers[..., [list(order).index(name) for name in ALL_BANDS]] / QUANTIFICATION).astype(np.float32)


def regions(series: CropSeries, default: str) -> npt.NDArray[np.object_]:
    """Return the region of each parcel, from the column ``region`` where the series has it, else ``default``."""
    if "region" not in series.dataset.coords:
        return np.full(len(series), default, dtype=object)
    return np.array([name or default for name in series.group("region")], dtype=object)


def unique_ids(ids: Sequence[str], region: Sequence[str]) -> list[str]:
    """Return the identifiers, with their region before them if they are unique only within it."""
    if len(set(ids)) == len(ids):
        return list(ids)
    return [f"{where}_{name}" for where, name in zip(region, ids, strict=True)]
