"""Measure one scene: the median of every parcel and band, kept in one small file so that a stopped run can go on."""

import hashlib
import zipfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError

from cropxai.errors import OutputUnwritable, ScenesUnreadable
from cropxai.ingest.plan import Plan
from cropxai.ingest.scenes import Location, Mask, Scene
from cropxai.ingest.zonal import grouped_median
from cropxai.outputs import replacing

#: Part of the name of every file; a new number puts all older ones out of use.
VERSION = 1
#: No surface reflects more than this: larger "reflectance" is DN stored as floating point.
HIGHEST_REFLECTANCE = 10.0


@dataclass(frozen=True, eq=False)
class Measurement:
    """What one scene tells of the parcels that have a pixel on it (the ``members`` of the plan).

    Attributes
    ----------
    median : (member, band) float32
        Reflectance, NaN where missing.
    counts : (member, band) int64
        Clear pixels with a value in the band.
    clear : (member,) int64
        Clear pixels with a value in any band.
    present : (member,) int64
        Pixels with a value in any band, clear or not.
    """

    median: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int64]
    clear: npt.NDArray[np.int64]
    present: npt.NDArray[np.int64]


def measure(
    scene: Scene, plan: Plan, bands: Sequence[str], masked_classes: Sequence[int], workdir: Path | None = None
) -> Measurement:
    """Measure a scene, or take over what an earlier run measured.

    Parameters
    ----------
    scene : Scene
    plan : Plan
        Of the grid of the scene, with at least one pixel.
    bands : sequence of str
        ESA names; those that the scene lacks are missing.
    masked_classes : sequence of int
        SCL classes that are not clear.
    workdir : pathlib.Path, optional
        Existing folder that keeps the measurement under a name made of all that it depends on.

    Raises
    ------
    ScenesUnreadable
        If the pixels cannot be read.
    OutputUnwritable
        If ``workdir`` cannot be written.
    """
    if workdir is None:
        return _measure(scene, plan, bands, masked_classes)
    part = workdir / f"{_name(scene, plan, bands, masked_classes)}.npz"
    kept = _load(part)
    if kept is None:
        kept = _measure(scene, plan, bands, masked_classes)
        with replacing(part, overwrite=True) as file:
            np.savez(file, median=kept.median, counts=kept.counts, clear=kept.clear, present=kept.present)
    return kept


def _name(scene: Scene, plan: Plan, bands: Sequence[str], masked_classes: Sequence[int]) -> str:
    files = [(file, (status := Path(file).stat()).st_size, status.st_mtime_ns) for file in scene.files]
    layers = [(band, scene.bands.get(band)) for band in bands], scene.mask, sorted(masked_classes)
    known = (VERSION, plan.key, files, layers, scene.offset, scene.quantification)
    return f"{scene.date:%Y%m%d}_{scene.tile or 'scene'}_{hashlib.sha256(repr(known).encode()).hexdigest()[:24]}"


def _load(part: Path) -> Measurement | None:
    try:
        with np.load(part) as arrays:
            return Measurement(arrays["median"], arrays["counts"], arrays["clear"], arrays["present"])
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise OutputUnwritable(part, "permission denied") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # damaged by something else: measure anew
        return None


def _measure(scene: Scene, plan: Plan, bands: Sequence[str], masked_classes: Sequence[int]) -> Measurement:
    indptr = np.concatenate([[0], np.cumsum(plan.counts[plan.members])])
    median = np.full((len(plan.members), len(bands)), np.nan, dtype=np.float32)
    counts = np.zeros(median.shape, dtype=np.int64)
    present = np.zeros(len(plan.pixels), dtype=bool)
    with Reader(scene, plan) as reader:
        masked = reader.masked(scene.mask, masked_classes)
        for b, band in enumerate(bands):
            if band not in scene.bands:
                continue
            values = reader.values(scene.bands[band])
            present |= ~np.isnan(values)
            values[masked] = np.nan
            middle, counts[:, b] = grouped_median(values, indptr)
            median[:, b] = (middle + scene.offset) / scene.quantification
    if scene.quantification == 1.0 and (median > HIGHEST_REFLECTANCE).any():
        raise ScenesUnreadable(
            scene.path,
            f"holds floating-point values up to {np.nanmax(median):.0f}, which are no reflectance; "
            "store the DN as integers, or declare their scale (0.0001) in the file",
        )
    starts = indptr[:-1]
    return Measurement(
        median,
        counts,
        clear=np.add.reduceat(present & ~masked, starts, dtype=np.int64),
        present=np.add.reduceat(present, starts, dtype=np.int64),
    )


class Reader:
    """Reads the pixels of parcels from the files of a scene, each opened once and only the window that is needed."""

    def __init__(self, scene: Scene, plan: Plan):
        self._scene = scene
        self._plan = plan
        self._open = ExitStack()
        self._datasets: dict[str, rasterio.DatasetReader] = {}

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def values(self, place: Location) -> npt.NDArray[np.float32]:
        """Return the values of one band as stored, (pixel,) float32, NaN where the file has no data.

        No data is what the file declares, and 0: the DN that Sentinel-2 reserves for it, in every level.
        """
        raw, nodata = self._pixels(place)
        values = raw.astype(np.float32)
        missing = raw == 0
        if nodata is not None:
            missing |= raw == nodata
        missing |= ~np.isfinite(values)
        values[missing] = np.nan
        return values

    def masked(self, mask: Mask | None, masked_classes: Sequence[int]) -> npt.NDArray[np.bool_]:
        """Return which pixels are not clear, (pixel,) bool."""
        if mask is None:
            return np.zeros(len(self._plan.pixels), dtype=bool)
        raw, _ = self._pixels(mask.location)
        return np.isin(raw, list(masked_classes)) if mask.kind == "scl" else raw != 0

    def _pixels(self, place: Location) -> tuple[npt.NDArray[np.generic], float | None]:
        try:
            if place.path not in self._datasets:
                self._datasets[place.path] = self._open.enter_context(rasterio.open(place.path))
            dataset = self._datasets[place.path]
            window = dataset.read(place.index, window=self._plan.window)
        except RasterioError as error:
            raise ScenesUnreadable(
                self._scene.path, "is damaged, its pixels cannot be read; copy or download it again"
            ) from error
        return window.ravel()[self._plan.in_window], dataset.nodatavals[place.index - 1]
