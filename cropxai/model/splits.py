"""Which parcels are learnt from and which are held back: apart in space, at random, or by a column of the series."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.model_selection import LeaveOneGroupOut, StratifiedGroupKFold, StratifiedKFold

from cropxai.errors import SeriesUnusable
from cropxai.series import CropSeries

Index = npt.NDArray[np.intp]

#: Blocks to a fold: enough to balance the classes over folds, few enough that a block is larger than a farm.
BLOCKS_A_FOLD = 6


def folds(
    series: CropSeries, target: npt.NDArray[np.intp], count: int, split: str, seed: int
) -> Iterator[tuple[Index, Index]]:
    """Divide the parcels into folds; give each fold's training and held-back indices.

    Parameters
    ----------
    series : the labelled series
    target : (parcel,) class numbers
    count : number of folds; with a column, its values are the folds
    split : "spatial" (blocks of neighbouring parcels stay together), "random", or the name of a column by parcel
    seed : of the blocks and the shuffling

    Raises
    ------
    SeriesUnusable
        If a class has fewer parcels than there are folds, or the split asks for coordinates that are not there.
    """
    rare = int(np.bincount(target)[np.unique(target)].min())
    everywhere = np.zeros((len(target), 1))
    if split == "random":
        _enough(rare, count)
        yield from StratifiedKFold(count, shuffle=True, random_state=seed).split(everywhere, target)
    elif split == "spatial":
        _enough(rare, count)
        blocks = spatial_blocks(series, BLOCKS_A_FOLD * count, seed)
        by_block = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
        yield from by_block.split(everywhere, target, groups=blocks)
    else:
        groups = series.group(split)
        if len(np.unique(groups)) < 2:
            raise SeriesUnusable(f"column {split!r} has one value only, so nothing can be held back by it")
        yield from LeaveOneGroupOut().split(everywhere, target, groups=groups)


def hold_back(
    series: CropSeries, target: npt.NDArray[np.intp], share: float, split: str, seed: int
) -> tuple[Index, Index]:
    """Return the training and the held-back indices of one split, the latter about ``share`` of the parcels."""
    return next(iter(folds(series, target, max(2, round(1 / share)), split, seed)))


def too_few(target: npt.NDArray[np.intp], share: float) -> bool:
    """Tell whether a class has fewer parcels than :func:`hold_back` needs parts."""
    return int(np.bincount(target)[np.unique(target)].min()) < max(2, round(1 / share))


def hold_back_few(target: npt.NDArray[np.intp], share: float, seed: int) -> tuple[Index, Index]:
    """Return the training and the held-back indices of few parcels, (parcel,) class numbers, drawn at random by class.

    A class with three parcels or more has one held back at least; a class with fewer is all learnt from.

    Raises
    ------
    SeriesUnusable
        If no class has three.
    """
    rng, held = np.random.default_rng(seed), list[int]()
    for number in np.unique(target):
        own = rng.permutation(np.flatnonzero(target == number))
        if len(own) >= 3:
            held.extend(own[: max(1, round(share * len(own)))].tolist())
    if not held:
        raise SeriesUnusable("no class has three labelled parcels, so none can be held back to check the training on")
    kept = np.isin(np.arange(len(target)), held)
    return np.flatnonzero(~kept), np.flatnonzero(kept)


def spatial_blocks(series: CropSeries, count: int, seed: int) -> npt.NDArray[np.intp]:
    """Group parcels into blocks of neighbours (k-means on the ground), (parcel,) block numbers.

    Raises
    ------
    SeriesUnusable
        If the series has no coordinates.
    """
    if "lon" not in series.dataset.coords or "lat" not in series.dataset.coords:
        raise SeriesUnusable("the series has no coordinates, so it cannot be split in space; choose --split random")
    lon, lat = series.dataset["lon"].values, series.dataset["lat"].values
    if not (np.isfinite(lon) & np.isfinite(lat)).all():
        raise SeriesUnusable(
            "some parcels have no coordinates, so the series cannot be split in space; choose --split random"
        )
    place = np.stack([lon * np.cos(np.radians(lat)), lat], axis=1)
    distinct = len(np.unique(place, axis=0))
    means = KMeans(min(count, distinct), n_init=3, random_state=seed)
    blocks: npt.NDArray[np.intp] = means.fit_predict(place).astype(np.intp)
    return blocks


def _enough(rarest: int, count: int) -> None:
    if rarest < count:
        raise SeriesUnusable(
            f"the rarest class has {rarest} parcels, fewer than the {count} parts of the split; raise --min-parcels"
        )
