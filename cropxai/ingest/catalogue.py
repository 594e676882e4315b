"""The catalogue: all scenes that the user's paths hold, in one order whatever the order of the paths."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from cropxai.errors import LevelsMixed, NoScenes, PathLike, ScenesUnreadable, some
from cropxai.ingest.checksums import warn_of_unverified
from cropxai.ingest.reprocessing import newest_processing
from cropxai.ingest.scenes import Scene
from cropxai.ingest.sources import SOURCES

Day = dt.date | str


def find_scenes(
    paths: PathLike | Sequence[PathLike],
    *,
    level: str | None = None,
    dn_offset: float | None = None,
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
    NoScenes
        If no scene lies between ``start`` and ``end``.

    Warns
    -----
    ScenesSetAside
        If an acquisition is there in several processings.
    ScenesUnverified
        If scenes that should be verified carry no checksums.
    """
    places = [Path(p) for p in ([paths] if isinstance(paths, str | Path) else paths)]
    of_source: dict[int, list[Path]] = {}
    for path in places:
        if not path.exists():
            raise ScenesUnreadable(path, "no such file or folder; check the path")
        kinds = [n for n, source in enumerate(SOURCES) if source.recognises(path)]  # a folder may be of several
        if not kinds:
            what = "holds" if path.is_dir() else "is"
            raise ScenesUnreadable(path, f"{what} no GeoTIFF (.tif) and no SAFE product; give rasters or products")
        for kind in kinds:
            of_source.setdefault(kind, []).append(path)
    found: dict[str, Scene] = {}
    for kind, paths in of_source.items():
        found.update((scene.path, scene) for scene in SOURCES[kind].scenes(paths, level=level, dn_offset=dn_offset))
    scenes = sorted(found.values(), key=lambda scene: (scene.date, scene.tile, scene.path))
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
    if verify:
        warn_of_unverified(kept)
        return kept
    return [replace(scene, checksums={}) for scene in kept]
