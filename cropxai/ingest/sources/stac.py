"""STAC on disk: item collections (what a search saves), single items, and static catalogues with their links."""

import json
import os
import warnings
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any

from cropxai.errors import ExtraMissing, ScenesSetAside, ScenesUnreadable
from cropxai.ingest.scenes import Scene
from cropxai.ingest.sources.assets import RASTERS
from cropxai.ingest.sources.folders import CATALOGUES, look_below
from cropxai.ingest.sources.hrefs import Hrefs
from cropxai.ingest.sources.items import scene_of

SUFFIXES = (".json", ".geojson")
NO_ITEM = "holds no item; search again, or leave it out"
#: More links than a catalogue of one user's scenes has, before something is wrong with it.
MOST_FILES = 200_000


@dataclass(frozen=True)
class Stac:
    """An item collection, an item or a catalogue, or the folder of a catalogue.

    Parameters
    ----------
    allow_outside : bool
        Whether files outside the catalogue's folder may be read.
    """

    allow_outside: bool = False

    def recognises(self, path: Path) -> bool:
        """Say whether an existing path is a JSON file or the folder of a catalogue."""
        return _root(path) is not None

    def scenes(self, paths: Sequence[Path], *, level: str | None, dn_offset: float | None) -> Iterator[Scene]:
        """Give one scene for each item.

        Raises
        ------
        ExtraMissing
            If pystac is not installed.
        ScenesUnreadable
            If a file is no STAC, or an item cannot be used.

        Warns
        -----
        ScenesSetAside
            If the folder of a catalogue holds rasters that no item names.
        """
        pystac = _pystac()
        seen: set[Path] = set()
        empty = True
        for path in paths:
            root = (_root(path) or path).resolve()
            walk = _Walk(pystac, Hrefs(root.parent, self.allow_outside), seen)
            named: set[Path] = set()
            for file, item in walk.items(root):
                empty = False
                named.update(_absolute(file.parent / asset.href) for asset in item.assets.values())
                yield scene_of(item, file, walk.hrefs, level, dn_offset)
            if path.is_dir():
                _warn_of_unnamed(root.parent, named)
        if empty:
            raise ScenesUnreadable(paths[0], NO_ITEM)


def _absolute(path: Path) -> Path:
    return Path(os.path.abspath(path))  # noqa: PTH100  # links are not followed, nor need the file be there


def _warn_of_unnamed(folder: Path, named: Collection[Path]) -> None:
    """Tell of rasters in the folder of a catalogue that no item names."""
    unnamed = [file for file in look_below(folder).files if file.suffix.lower() in RASTERS and file not in named]
    if unnamed:
        warnings.warn(ScenesSetAside("in no item of the catalogue beside them", unnamed), stacklevel=4)


def _root(path: Path) -> Path | None:
    if path.is_dir():
        return next((path / name for name in CATALOGUES if (path / name).is_file()), None)
    return path if path.suffix.lower() in SUFFIXES else None


def _pystac() -> ModuleType:
    try:
        import pystac
    except ImportError as error:
        raise ExtraMissing("pystac", "stac", "reading STAC") from error
    return pystac


@dataclass(frozen=True)
class _Walk:
    """A walk along the links of a catalogue, each file once."""

    pystac: ModuleType
    hrefs: Hrefs
    seen: set[Path] = field(default_factory=set)

    def items(self, root: Path) -> Iterator[tuple[Path, Any]]:
        """Give each item with the file that it stands in, in the order of the links."""
        waiting = [root]
        while waiting:
            file = waiting.pop()
            if file in self.seen:
                continue
            self.seen.add(file)
            if len(self.seen) > MOST_FILES:
                raise ScenesUnreadable(root, f"links to more than {MOST_FILES} files; give parts of it")
            content = _load(file)
            kind = content.get("type")
            if kind == "Feature":
                yield file, self._item(content, file)
            elif kind == "FeatureCollection":
                features = _list(content, "features", file)
                if not features:
                    raise ScenesUnreadable(file, NO_ITEM)
                yield from ((file, self._item(feature, file)) for feature in features)
            elif kind in ("Catalog", "Collection") or "stac_version" in content:
                down = [link for link in _list(content, "links", file) if _leads_down(link)]
                waiting += [self.hrefs.file(str(link.get("href")), file.parent, file) for link in reversed(down)]
            else:
                raise ScenesUnreadable(file, "is no STAC item, item collection or catalogue; leave it out")

    def _item(self, content: Any, file: Path) -> Any:
        try:
            return self.pystac.Item.from_dict(content, migrate=True)
        # pystac takes a file apart without looking first: what is wrong with it comes as any of these.
        except (self.pystac.STACError, AttributeError, KeyError, TypeError, ValueError, IndexError) as error:
            name = content.get("id") if isinstance(content, dict) else None
            raise ScenesUnreadable(file, f"item {name!r} is no valid STAC item ({error}); mend or drop it") from error
        except Exception as error:
            if type(error).__module__.partition(".")[0] != "pystac":
                raise
            raise ScenesUnreadable(file, f"is no valid STAC item ({error}); mend it or leave it out") from error


def _leads_down(link: object) -> bool:
    return isinstance(link, dict) and link.get("rel") in ("child", "item")


def _load(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, RecursionError) as error:
        raise ScenesUnreadable(file, f"is no JSON ({error}); download it again") from error
    except OSError as error:
        raise ScenesUnreadable(file, f"cannot be read ({error.strerror}); check its permissions") from error
    if not isinstance(content, dict):
        raise ScenesUnreadable(file, "is no STAC item, item collection or catalogue; leave it out")
    return content


def _list(content: Mapping[str, Any], name: str, file: Path) -> list[Any]:
    value = content.get(name)
    if not isinstance(value, list):
        raise ScenesUnreadable(file, f"has no list of {name}; download it again")
    return value
