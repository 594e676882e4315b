"""Several processings of one acquisition, of which one is kept: archives are processed anew, and downloads overlap."""

import warnings
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from cropxai.errors import ScenesSetAside
from cropxai.ingest.scenes import Scene


def newest_processing(scenes: Sequence[Scene]) -> list[Scene]:
    """Keep, of each tile of each datatake, the scenes of the highest baseline.

    Two of them that differ in their datastrip are both kept: each may hold a part of the tile. A product that is there
    twice, as folder and as archive, is kept once.

    Parameters
    ----------
    scenes : sequence of Scene

    Returns
    -------
    list of Scene
        In the same order; scenes whose datatake or baseline is unknown are all kept.

    Warns
    -----
    ScenesSetAside
        If some are left out.
    """
    groups: dict[tuple[str, str, str], list[Scene]] = defaultdict(list)
    for scene in scenes:
        if scene.datatake and scene.baseline:
            groups[scene.level, scene.tile, scene.datatake].append(scene)
    left_out: dict[str, list[str]] = defaultdict(list)
    for group in groups.values():
        newest = max(baseline_number(scene.baseline) for scene in group)
        seen: set[str] = set()
        for scene in group:
            product = _product(scene)
            if baseline_number(scene.baseline) < newest:
                left_out["the same acquisition is there from a later baseline, which is taken"].append(scene.path)
            elif product in seen:
                left_out["the same product is there twice, and taken once"].append(scene.path)
            seen.add(product)
    for reason, paths in left_out.items():
        warnings.warn(ScenesSetAside(reason, paths), stacklevel=3)
    gone = {path for paths in left_out.values() for path in paths}
    return [scene for scene in scenes if scene.path not in gone]


def baseline_number(baseline: str) -> tuple[int, ...]:
    """Return a baseline ("05.09") as numbers that are ordered as baselines are."""
    return tuple(int(part) for part in baseline.split(".") if part.isdecimal())


def _product(scene: Scene) -> str:
    name = Path(scene.path).name
    for suffix in (".zip", ".SAFE"):
        name = name.removesuffix(suffix)
    return name
