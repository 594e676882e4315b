"""By what a scene is known again.

Of files it is size and time of change, to the nanosecond: one that is replaced by another of the same size with the
same time of change is taken for the old one.
"""

import hashlib
from dataclasses import replace
from pathlib import Path

from cropxai.errors import ScenesUnreadable
from cropxai.ingest.files import state_of, without_query
from cropxai.ingest.scenes import Location, Scene


def states(scene: Scene) -> list[tuple[str, int, int]]:
    """Return the state of each of a scene's files (:func:`cropxai.ingest.files.state_of`), in their order.

    Raises
    ------
    ScenesUnreadable
        If a file is no longer there.
    """
    found = []
    for file in scene.files:
        try:
            found.append(state_of(file))
        except OSError as error:
            gone = f"{Path(file).name} cannot be found any more ({error.strerror or error})"
            raise ScenesUnreadable(scene.path, f"{gone}; check its disk, then run again") from error
    return found


def known_again(place: Location | None) -> Location | None:
    """Return a place without what may change from run to run though the pixels do not: the key in a URL."""
    return place and replace(place, path=without_query(place.path))


def scene_hash(scene: Scene) -> str:
    """Return by what a scene is known again wherever its files lie: names and states of files, meaning of layers."""
    files = [(Path(name).name, size, changed) for name, size, changed in states(scene)]
    bands = sorted((band, _without_folder(place)) for band, place in scene.bands.items())
    masks = [(mask.kind, _without_folder(mask.location)) for mask in scene.masks]
    known = scene.tile, scene.date, scene.level, scene.baseline, files, bands, masks
    return hashlib.sha256(repr(known).encode()).hexdigest()[:16]


def _without_folder(place: Location) -> str:
    return repr(replace(place, path=Path(without_query(place.path)).name))
