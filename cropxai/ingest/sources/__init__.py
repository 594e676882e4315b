"""The kinds of places in which Sentinel-2 acquisitions lie, each behind one protocol."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Protocol

from cropxai.ingest.scenes import Scene
from cropxai.ingest.sources.geotiff import GeoTiff
from cropxai.ingest.sources.lists import SceneList
from cropxai.ingest.sources.pattern import Pattern
from cropxai.ingest.sources.safe import Safe
from cropxai.ingest.sources.stac import Stac


class Source(Protocol):
    """One kind of place in which Sentinel-2 acquisitions lie."""

    def recognises(self, path: Path) -> bool:
        """Say whether an existing path is of this kind, or a folder that holds such at any depth."""
        ...

    def scenes(self, paths: Sequence[Path], *, level: str | None, dn_offset: float | None) -> Iterator[Scene]:
        """Give the scenes of all paths of this kind, in any order, because one scene may lie in several files.

        ``level`` stands in for the level of those that do not tell theirs; ``dn_offset`` takes the place of the offset
        that they declare.
        """
        ...


def sources(*, pattern: str | None = None, allow_outside: bool = False) -> tuple[Source, ...]:
    """Return the kinds of places, all of which are asked of each path, because a folder may hold several.

    Parameters
    ----------
    pattern : by which the names of GeoTIFFs are read (:mod:`cropxai.ingest.sources.pattern`)
    allow_outside : whether a catalogue may name files outside its folder

    Raises
    ------
    PatternInvalid
        If the pattern cannot be understood.
    """
    return Safe(), Stac(allow_outside), SceneList(), GeoTiff(None if pattern is None else Pattern(pattern))


__all__ = ["Source", "sources"]
