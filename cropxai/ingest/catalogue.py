"""The catalogue: all scenes that the user's paths hold, in one order whatever the order of the paths."""

import datetime as dt
import warnings
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cropxai.errors import LevelsMixed, NoScenes, PathLike, ScenesSetAside, ScenesUnreadable, some
from cropxai.ingest.checksums import warn_of_unverified
from cropxai.ingest.offsets import check_offsets
from cropxai.ingest.reprocessing import newest_processing
from cropxai.ingest.scenes import Scene
from cropxai.ingest.sources import sources
from cropxai.ingest.sources.folders import is_catalogue, look_below

Day = dt.date | str

#: Rasters that a folder may hold without being read, which is told.
OTHER_RASTERS = (".jp2", ".vrt")
NOTHING = "no GeoTIFF (.tif), SAFE product, STAC file (.json) or list (.csv, .parquet); give scenes"


def find_scenes(
    paths: PathLike | Sequence[PathLike],
    *,
    level: str | None = None,
    dn_offset: float | None = None,
    pattern: str | None = None,
    allow_outside: bool = False,
    start: Day | None = None,
    end: Day | None = None,
    verify: bool = False,
) -> list[Scene]:
    """Find the scenes in files and folders.

    Parameters
    ----------
    paths : path or sequence of paths
        Files or folders; a file that several of them name counts once.
    level : {"L1C", "L2A"}, optional
        Processing level of the rasters that do not tell it.
    dn_offset : float, optional
        Radiometric offset of all rasters, in place of what they declare.
    pattern : str, optional
        What the names of GeoTIFFs tell, such as "{tile}_{date:%Y%m%d}_{band}.tif".
    allow_outside : bool
        Whether a catalogue may name files outside its folder.
    start, end : datetime.date or "YYYY-MM-DD", optional
        First and last day to keep.
    verify : bool
        Let the scenes carry the checksums of their files, with which these are compared before they are read.

    Returns
    -------
    list of Scene
        Sorted by date, tile and path.

    Raises
    ------
    ScenesUnreadable
        If a path is missing, or a raster cannot be used.
    LevelsMixed
        If there are scenes of L1C and of L2A.
    OffsetUnknown
        If nothing explains the offsets.
    PatternInvalid
        If the pattern cannot be understood.
    NoScenes
        If no scene lies between ``start`` and ``end``.

    Warns
    -----
    ScenesSetAside
        If files are left out, an acquisition is there in several processings, or a scene seems to be there twice.
    ScenesUnverified
        If scenes that should be verified carry no checksums.
    """
    places = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    kinds = sources(pattern=pattern, allow_outside=allow_outside)
    of_kind: dict[int, list[Path]] = {}
    for path in places:
        if not path.exists():
            raise ScenesUnreadable(path, "no such file or folder; check the path")
        here = [n for n, kind in enumerate(kinds) if kind.recognises(path)]  # a folder may be of several
        if not here:
            what = "holds" if path.is_dir() else "is"
            raise ScenesUnreadable(path, f"{what} {NOTHING}")
        for n in here:
            of_kind.setdefault(n, []).append(path)
    found: dict[str, Scene] = {}
    for n, given in of_kind.items():
        for scene in kinds[n].scenes(given, level=level, dn_offset=dn_offset):
            if found.setdefault(scene.path, scene) != scene:
                raise ScenesUnreadable(scene.path, "several scenes are called so; name them apart, or drop one")
    scenes = sorted(found.values(), key=lambda scene: (scene.date, scene.tile, scene.path))
    _warn_of_other_rasters([path for path in places if path.is_dir() and not is_catalogue(path)])
    first, last = (None if day is None else dt.date.fromisoformat(str(day)) for day in (start, end))
    kept = [s for s in scenes if (first is None or s.date >= first) and (last is None or s.date <= last)]
    if not kept:
        span = f"no raster lies between {first or 'the first'} and {last or 'the last'}"
        had = f"they have {scenes[0].date} to {scenes[-1].date}; mend --season, --start or --end"
        raise NoScenes(some(places), f"{span}: {had}")
    examples = {scene.level: scene.path for scene in reversed(kept)}
    if len(examples) > 1:
        raise LevelsMixed(sorted(examples.items()))
    kept = newest_processing(kept)
    check_offsets(kept)
    _warn_of_duplicates(kept)
    if verify:
        warn_of_unverified(kept)
        return kept
    return [replace(scene, checksums={}) for scene in kept]


def _warn_of_other_rasters(folders: Sequence[Path]) -> None:
    """Tell of rasters outside products that no source takes from a folder."""
    others = {file for folder in folders for file in look_below(folder).files if file.suffix.lower() in OTHER_RASTERS}
    if others:
        warnings.warn(ScenesSetAside("neither GeoTIFF nor part of a SAFE product", sorted(others)), stacklevel=3)


def _warn_of_duplicates(scenes: Sequence[Scene]) -> None:
    """Tell of scenes that seem to be there twice, where no datatake decides (:mod:`cropxai.ingest.reprocessing`)."""
    same: dict[tuple[object, ...], list[Scene]] = defaultdict(list)
    for scene in scenes:
        if scene.tile:
            same[scene.tile, scene.date, scene.baseline, scene.grid, frozenset(scene.bands)].append(scene)
    unclear = [group for group in same.values() if not all(scene.datatake for scene in group)]
    twice = [scene.path for group in unclear for scene in group[1:]]
    if twice:
        reason = "of the same tile, date, grid and bands as another, so that each parcel takes the better one"
        warnings.warn(ScenesSetAside(reason, twice), stacklevel=3)
