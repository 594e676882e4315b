"""Measure one scene: the value of every parcel and band, kept in one small file so that a stopped run can go on."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from threading import Event

import numpy as np
import numpy.typing as npt

from cropxai.errors import ScenesUnreadable
from cropxai.ingest.checksums import verify
from cropxai.ingest.clouds import Hidden
from cropxai.ingest.files import decoding_in_this_thread
from cropxai.ingest.fingerprint import known_again, states
from cropxai.ingest.plan import Plan
from cropxai.ingest.reading import SceneReader
from cropxai.ingest.rules import MEDIAN, Rules
from cropxai.ingest.scenes import Grid, Scene
from cropxai.ingest.tally import Tally
from cropxai.ingest.zonal import copy_runs
from cropxai.outputs import replacing
from cropxai.workplace import kept_arrays

#: Part of the name of every file; a new number puts all older ones out of use.
VERSION = 5
#: No surface reflects more than this: larger "reflectance" is DN stored as floating point.
HIGHEST_REFLECTANCE = 10.0


@dataclass(frozen=True, eq=False)
class Measurement:
    """What one scene tells of the parcels that have a pixel on it (the ``members`` of the plan of its smallest pixels).

    Attributes
    ----------
    values : (member, band) float32
        Reflectance, NaN where missing.
    counts : (member, band) int64
        Clear pixels with a value in the band; by the rule "exact" the sum of their weights, here and below.
    clear : (member,) int64
        Clear pixels with a value in any band, among the smallest pixels.
    present : (member,) int64
        The same, clear or not.
    """

    values: npt.NDArray[np.float32]
    counts: npt.NDArray[np.int64]
    clear: npt.NDArray[np.int64]
    present: npt.NDArray[np.int64]


#: What a file keeps of it.
KEPT = tuple(field.name for field in fields(Measurement))


class Stopped(Exception):
    """The run ends, and this scene has not been measured."""


def measure(
    scene: Scene, plans: Mapping[Grid, Plan], bands: Sequence[str], rules: Rules, workdir: Path | None = None,
    stop: Event | None = None,
) -> Measurement:  # fmt: skip
    """Measure a scene, or take over what an earlier run measured.

    Parameters
    ----------
    scene : Scene
    plans : mapping of Grid to Plan
        Of every grid of the scene; that of its smallest pixels has at least one pixel.
    bands : sequence of str
        ESA names; those that the scene lacks are missing.
    rules : Rules
    workdir : pathlib.Path, optional
        Existing folder that keeps the measurement under a name made of all that it depends on.
    stop : threading.Event, optional
        Once it is set, no more is read: a scene may take minutes.

    Raises
    ------
    ScenesUnreadable
        If the pixels cannot be read.
    OutputUnwritable
        If ``workdir`` cannot be written.
    Stopped
        If ``stop`` is set.
    """
    if workdir is None:
        return _measure(scene, plans, bands, rules, stop)
    part = part_of(scene, plans, bands, rules, workdir)
    kept = kept_in(part)
    if kept is None:
        kept = _measure(scene, plans, bands, rules, stop)
        if part_of(scene, plans, bands, rules, workdir) != part:
            raise ScenesUnreadable(scene.path, "was changed while it was read; run again when it is complete")
        with replacing(part, overwrite=True) as file:
            np.savez(file, **{name: getattr(kept, name) for name in KEPT})
    return kept


def part_of(scene: Scene, plans: Mapping[Grid, Plan], bands: Sequence[str], rules: Rules, workdir: Path) -> Path:
    """Return the file that keeps the measurement of a scene, under a name made of all that it depends on.

    Raises
    ------
    ScenesUnreadable
        If a file of the scene is no longer there.
    """
    layers = [(band, known_again(scene.bands.get(band))) for band in bands]
    masks = [(mask.kind, known_again(mask.location)) for mask in scene.masks]
    known = (VERSION, [plans[grid].key for grid in scene.grids], states(scene), layers, masks, rules.of_pixels)
    digest = hashlib.sha256(repr(known).encode()).hexdigest()[:24]
    return workdir / f"{scene.date:%Y%m%d}_{scene.tile or 'scene'}_{digest}.npz"


def kept_in(part: Path) -> Measurement | None:
    """Return the measurement that a file keeps; nothing if there is none, or a damaged one."""
    arrays = kept_arrays(part, KEPT)
    return None if arrays is None else Measurement(**arrays)


@decoding_in_this_thread()
def _measure(
    scene: Scene, plans: Mapping[Grid, Plan], bands: Sequence[str], rules: Rules, stop: Event | None = None
) -> Measurement:
    verify(scene)
    if rules.as_eurocropsml:
        scene = _as_stored(scene)
    members = plans[scene.grid].members
    values = np.full((len(members), len(bands)), np.nan, dtype=np.float32)
    counts = np.zeros(values.shape, dtype=np.int64)
    clear, present = np.zeros((2, len(members)), dtype=np.int64)
    hidden = Hidden(scene, rules)
    for grid in scene.grids:
        here = [b for b, band in enumerate(bands) if band in scene.bands and scene.bands[band].grid == grid]
        tally = _tally(scene, plans[grid], [bands[b] for b in here], hidden, stop)
        _, ours, theirs = np.intersect1d(members, plans[grid].tallied, assume_unique=True, return_indices=True)
        places = [scene.bands[bands[b]] for b in here]
        offset, quantification = (np.array([getattr(p, name) for p in places]) for name in ("offset", "quantification"))
        stored = tally.median() if rules.statistic == MEDIAN else tally.mean()
        values[ours[:, None], here] = ((stored + offset) / quantification)[theirs]
        counts[ours[:, None], here] = tally.counts[theirs]
        if grid == scene.grid:
            clear[ours], present[ours] = tally.clear[theirs], tally.present[theirs]
        if rules.as_eurocropsml:
            shown = np.flatnonzero(plans[grid].touches[members])[:, None]
            values[shown, here] = np.fmax(values[shown, here], 0)  # also without a pixel, or without a value in any
    _check_scale(scene, bands, values)
    return Measurement(values, counts, clear, present)


def _as_stored(scene: Scene) -> Scene:
    """Return the scene without mask and offsets: its stored numbers, all of them clear."""
    return replace(scene, masks=(), bands={band: replace(place, offset=0.0) for band, place in scene.bands.items()})


def _check_scale(scene: Scene, bands: Sequence[str], values: npt.NDArray[np.float32]) -> None:
    plain = [b for b, band in enumerate(bands) if band in scene.bands and scene.bands[band].quantification == 1.0]
    if (values[:, plain] > HIGHEST_REFLECTANCE).any():
        raise ScenesUnreadable(
            scene.path,
            f"holds floating-point values up to {np.nanmax(values[:, plain]):.0f}, which are no reflectance; "
            "store the DN as integers, or declare their scale (0.0001) in the file",
        )


def _tally(scene: Scene, plan: Plan, bands: Sequence[str], hidden: Hidden, stop: Event | None) -> Tally:
    """Read one grid of the scene chunk by chunk; in memory are one, and the pixels of parcels that lie in several."""
    with SceneReader(scene, bands, hidden) as reader:
        tally = Tally.empty(len(plan.tallied), len(bands), reader.dtype)
        if not len(plan.tallied):
            return tally
        layout = plan.layout(reader.block, reader.layers)
        kept = np.empty((len(bands), layout.kept_pixels), dtype=reader.dtype)
        kept_mask = np.empty((1, layout.kept_pixels if len(reader.unclear) else 0), dtype=np.uint16)
        room = reader.room([chunk.window for chunk in layout.chunks])
        for chunk in layout.chunks:
            if stop is not None and stop.is_set():
                raise Stopped
            codes, mask = reader.read(chunk.window, room)
            tally.add(codes, reader.nodata, reader.unclear, mask, chunk.groups, layout.weights)
            copy_runs(codes, chunk.start, chunk.length, chunk.target, kept)
            if len(mask):
                copy_runs(mask[None], chunk.start, chunk.length, chunk.target, kept_mask)
        tally.add(kept, reader.nodata, reader.unclear, kept_mask[0], layout.kept, layout.kept_weights)
    return tally
