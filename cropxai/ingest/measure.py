"""Measure one scene: the median of every parcel and band, kept in one small file so that a stopped run can go on."""

import hashlib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cropxai.errors import OutputUnwritable, ScenesUnreadable
from cropxai.ingest.plan import Plan
from cropxai.ingest.reading import SceneReader
from cropxai.ingest.scenes import Scene
from cropxai.ingest.zonal import Tally, copy_runs
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
    here = [b for b, band in enumerate(bands) if band in scene.bands]
    median = np.full((len(plan.members), len(bands)), np.nan, dtype=np.float32)
    counts = np.zeros(median.shape, dtype=np.int64)
    tally = _tally(scene, plan, [bands[b] for b in here], masked_classes)
    median[:, here] = (tally.median() + scene.offset) / scene.quantification
    counts[:, here] = tally.counts
    if scene.quantification == 1.0 and (median > HIGHEST_REFLECTANCE).any():
        raise ScenesUnreadable(
            scene.path,
            f"holds floating-point values up to {np.nanmax(median):.0f}, which are no reflectance; "
            "store the DN as integers, or declare their scale (0.0001) in the file",
        )
    return Measurement(median, counts, tally.clear, tally.present)


def _tally(scene: Scene, plan: Plan, bands: Sequence[str], masked_classes: Sequence[int]) -> Tally:
    """Read the scene chunk by chunk; in memory are one chunk, and the pixels of parcels that lie in several."""
    with SceneReader(scene, bands, masked_classes) as reader:
        layout = plan.layout(reader.block, reader.layers)
        tally = Tally.empty(len(plan.members), len(bands), reader.dtype)
        kept = np.empty((len(bands), layout.kept_pixels), dtype=reader.dtype)
        kept_mask = np.empty((1, layout.kept_pixels if len(reader.unclear) else 0), dtype=np.uint16)
        room = reader.room([chunk.window for chunk in layout.chunks])
        for chunk in layout.chunks:
            codes, mask = reader.read(chunk.window, room)
            tally.add(codes, reader.nodata, reader.unclear, mask, chunk.groups)
            copy_runs(codes, chunk.start, chunk.length, chunk.target, kept)
            if len(mask):
                copy_runs(mask[None], chunk.start, chunk.length, chunk.target, kept_mask)
        tally.add(kept, reader.nodata, reader.unclear, kept_mask[0], layout.kept)
    return tally
