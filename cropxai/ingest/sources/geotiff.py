"""GeoTIFFs in files and folders: all bands of an acquisition in one file, or one band a file."""

import datetime as dt
import os
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cropxai.errors import ScenesSetAside, ScenesUnreadable
from cropxai.ingest.offsets import told_least, with_offset
from cropxai.ingest.scenes import Location, Mask, Scene
from cropxai.ingest.sources.folders import is_catalogue, look_below
from cropxai.ingest.sources.header import Header, Layer, read_header
from cropxai.ingest.sources.names import (
    CLOUD_LAYERS,
    Told,
    baseline_in,
    date_in,
    level_in,
    plain,
    read_name,
)
from cropxai.ingest.sources.pattern import Pattern

SUFFIXES = (".tif", ".tiff")
#: Tags that tell the day of acquisition, most telling first.
DATE_TAGS = ("acquisitiondate", "acquisition", "sensingtime", "productstarttime")
#: Tags that may, but often hold the day of processing: asked only where no name tells the day.
LATE_DATE_TAGS = ("datetime", "date", "tiffdatetime", "tifftagdatetime")


@dataclass(frozen=True)
class Raster:
    """A file as one part of a scene, or as all of it."""

    file: Path
    told: Told
    header: Header
    bands: Mapping[str, Layer]
    masks: tuple[Mask, ...]

    @property
    def product(self) -> str:
        """What its path shares with those of the other files of the scene."""
        return self.told.product if len(self.header.layers) == 1 else self.told.whole

    @property
    def layers(self) -> list[tuple[str, Location]]:
        """Kinds and places of bands and masks."""
        bands = [(name, layer.place) for name, layer in self.bands.items()]
        return bands + [(mask.kind, mask.location) for mask in self.masks]


@dataclass(frozen=True)
class GeoTiff:
    """GeoTIFFs, and folders that hold some at any depth.

    Parameters
    ----------
    pattern : Pattern, optional
        By which names are read; by default in the ways in which the field names files.
    """

    pattern: Pattern | None = None

    def recognises(self, path: Path) -> bool:
        """Say whether an existing path is a GeoTIFF by its suffix, or a folder that holds one and is no catalogue."""
        return not is_catalogue(path) and bool(_rasters(path))

    def scenes(self, paths: Sequence[Path], *, level: str | None, dn_offset: float | None) -> Iterator[Scene]:
        """Give the scenes, each of one or several GeoTIFFs.

        Raises
        ------
        ScenesUnreadable
            If a GeoTIFF cannot be used.

        Warns
        -----
        ScenesSetAside
            If files are left out.
        """
        rasters = [_raster(file, told) for file, told in self._files(paths)]
        _warn_of_others(rasters)
        for group in _groups([raster for raster in rasters if raster.layers]):
            yield _scene(group, level, dn_offset)

    def _files(self, paths: Sequence[Path]) -> Iterator[tuple[Path, Told]]:
        """Give each file once, and what its name tells."""
        above: dict[Path, Path] = {}  # of each file, the outermost folder below which names tell, whatever the order
        for path in map(_absolute, paths):
            folder = path.parent if path.is_dir() else path.parents[min(2, len(path.parents) - 1)]
            for file in _rasters(path):
                above[file] = min(folder, above.get(file, folder), key=lambda folder: len(folder.parts))
        above = {file: above[file] for file in {file.resolve(): file for file in sorted(above, reverse=True)}.values()}
        told = {file: self._told(file, folder) for file, folder in sorted(above.items())}
        if self.pattern is not None:
            _warn_of_unlike([file for file, names in told.items() if names is None], len(told), self.pattern)
        yield from ((file, names) for file, names in told.items() if names is not None)

    def _told(self, file: Path, above: Path) -> Told | None:
        return read_name(file, above) if self.pattern is None else self.pattern.read(file)


def _absolute(path: Path) -> Path:
    """Return a path from the root without following links: the name of one may tell more than that of its target."""
    return Path(os.path.abspath(path))  # noqa: PTH100


def _rasters(path: Path) -> list[Path]:
    files = look_below(path).files if path.is_dir() else [path]
    return [file for file in files if file.suffix.lower() in SUFFIXES]


def _warn_of_unlike(files: Sequence[Path], of: int, pattern: Pattern) -> None:
    if len(files) == of:
        raise ScenesUnreadable(files[0], f"does not fit --pattern {pattern.text!r}, nor does any other file")
    if files:
        warnings.warn(ScenesSetAside(f"do not fit --pattern {pattern.text!r}", files), stacklevel=5)


def _raster(file: Path, told: Told) -> Raster:
    """Read the header of a file, and find its bands and masks."""
    header = read_header(str(file), file)
    named = [layer for layer in header.layers if layer.band is not None or layer.tells_clouds]
    if len(header.layers) == 1 and told.layers:
        named = [_named_by_file(header.layers[0], file, told)]
    bands: dict[str, Layer] = {}
    masks = []
    for layer in named:
        if layer.band is None:
            kind, divisor = CLOUD_LAYERS.get(plain(layer.name), (None, 1.0))
            if kind is not None:
                masks.append(Mask(kind, replace(layer.place, quantification=divisor)))
        elif layer.band in bands:
            raise ScenesUnreadable(file, f"names two bands {layer.band}; correct the band descriptions")
        else:
            bands[layer.band] = layer
    if not bands and not masks and not told.is_other:
        raise ScenesUnreadable(
            file,
            "names no Sentinel-2 band; set the band descriptions to B01 … B12, write the band of a file with one into "
            "its name (_B04.tif), or leave this raster out",
        )
    return Raster(file, told, header, bands, tuple(masks))


def _named_by_file(layer: Layer, file: Path, told: Told) -> Layer:
    """Return the only layer of a file with a name: that of its description, else that of the file, a band first."""
    words = told.bands or list(dict.fromkeys(plain(word) for word in told.layers))
    if layer.band is None and not layer.tells_clouds:
        if len(words) > 1:
            raise ScenesUnreadable(file, f"names {' and '.join(words)}; say which by --pattern, or set the description")
        return replace(layer, name=words[0])
    if layer.band is not None and told.bands not in ([], [layer.band]):
        names = f"{layer.band} in its description and {' '.join(words)} in its name"
        raise ScenesUnreadable(file, f"has {names}; correct one of them")
    return layer


def _warn_of_others(rasters: Sequence[Raster]) -> None:
    others = [raster.file for raster in rasters if not raster.layers]
    if others:
        warnings.warn(ScenesSetAside("neither reflectance nor clouds", others), stacklevel=4)


def _groups(rasters: Sequence[Raster]) -> list[list[Raster]]:
    """Gather the files of each scene.

    Files belong together whose names differ in layer and resolution alone, and files of one band whose names do not
    tell it if they lie in one folder and bear one tile and day. Several layers of a kind forbid it where a file could
    stand alone.
    """
    by_product: dict[tuple[object, ...], list[Raster]] = defaultdict(list)
    for raster in rasters:
        by_product[raster.product, raster.told.date, raster.told.tile].append(raster)
    groups = []
    for group in by_product.values():
        whole = [raster for raster in group if len(raster.header.layers) > 1]
        apart = len({band for raster in whole for band in raster.bands}) < sum(len(raster.bands) for raster in whole)
        groups += [[raster] for raster in group] if apart else [group]
    return _joined(groups)


def _joined(groups: Sequence[list[Raster]]) -> list[list[Raster]]:
    """Join files of one layer that only their descriptions name."""
    joined: list[list[Raster]] = []
    nameless: dict[tuple[object, ...], list[list[Raster]]] = defaultdict(list)
    for group in groups:
        only = group[0] if len(group) == 1 and len(group[0].layers) == 1 and not group[0].told.layers else None
        if only is None:
            joined.append(group)
        else:
            nameless[only.file.parent, _date_of(only), only.told.tile].append(group)
    for parts in nameless.values():
        kinds = [kind for (raster,) in parts for kind, _ in raster.layers]
        apart = len(set(kinds)) < len(kinds) or _date_of(parts[0][0]) is None
        joined += parts if apart else [[raster for (raster,) in parts]]
    return joined


def _scene(group: Sequence[Raster], level: str | None, dn_offset: float | None) -> Scene:
    """Make one scene of its files."""
    group = sorted(group, key=lambda raster: raster.file)
    path = group[0].file if len(group) == 1 else Path(group[0].product)
    layers, masks = _finest(group, path)
    if not layers:
        raise ScenesUnreadable(
            path,
            "names no Sentinel-2 band; set the band descriptions to B01 … B12, or name it like the files of its bands",
        )
    date = _date(group, path)
    texts = [value for raster in group for key, value in raster.header.tags.items() if "baseline" in key]
    baseline = next((raster.told.baseline for raster in group if raster.told.baseline), "")
    baseline = baseline or next((found for text in texts if (found := baseline_in(f"N{text}"))), "")
    located = {
        name: with_offset(layer.place, layer.declared, baseline, date, dn_offset, path)
        for name, layer in layers.items()
    }
    return Scene(
        path=str(path),
        tile=next((raster.told.tile for raster in group if raster.told.tile), ""),
        date=date,
        level=_level(group, path, masks, level),
        bands={name: place for name, (place, _) in located.items()},
        masks=masks,
        baseline=baseline,
        offset_by=told_least([by for _, by in located.values()]),
    )


def _finest(group: Sequence[Raster], path: Path) -> tuple[dict[str, Layer], tuple[Mask, ...]]:
    """Choose the band of the smallest pixels where there are several, and warn of the rest."""
    bands: dict[str, Layer] = {}
    coarser: list[str] = []
    for raster in sorted(group, key=lambda r: min(place.grid.pixel_area for _, place in r.layers)):
        for name, layer in raster.bands.items():
            if name not in bands:
                bands[name] = layer
            elif bands[name].place.grid.pixel_area < layer.place.grid.pixel_area:
                coarser.append(f"{raster.file.name}: {name}")
            else:
                files = f"{Path(bands[name].place.path).name} and {raster.file.name}"
                raise ScenesUnreadable(path, f"has {name} in {files}; leave out one")
    if coarser:
        warnings.warn(ScenesSetAside("left out for the same band in smaller pixels", coarser), stacklevel=6)
    return bands, tuple(mask for raster in group for mask in raster.masks)


def _date(group: Sequence[Raster], path: Path) -> dt.date:
    """Tell the day by tags made for it where no file name does, and by other tags where no folder does either."""
    told = {date for raster in group if (date := _date_of(raster)) is not None}
    if len(told) > 1:
        raise ScenesUnreadable(path, f"is of several days by its files: {', '.join(map(str, sorted(told)))}")
    if not told:
        raise ScenesUnreadable(
            path, "tells no date; put it in the file name as YYYYMMDD, or in the tag ACQUISITION_DATE, or say where "
            "it is by --pattern",
        )  # fmt: skip
    return told.pop()


def _date_of(raster: Raster) -> dt.date | None:
    tags = raster.header.tags
    first, last = ([date_in(tags[tag]) for tag in kind if tag in tags] for kind in (DATE_TAGS, LATE_DATE_TAGS))
    told = (raster.told.date, *first, raster.told.folder_date, *last)
    return next((date for date in told if date is not None), None)


def _level(group: Sequence[Raster], path: Path, masks: Sequence[Mask], given: str | None) -> str:
    """Tell the level by the names, else by tags, else by an SCL layer (L2A only), else by what the user says."""
    told = {raster.told.level for raster in group if raster.told.level}
    if not told:
        about = [[v for k, v in r.header.tags.items() if "level" in k or "product" in k] for r in group]
        told = {level for texts in about if (level := level_in(" ".join(texts)))}
    if not told and any(mask.kind == "scl" for mask in masks):
        told = {"L2A"}
    if len(told) > 1:
        raise ScenesUnreadable(path, "has files of L1C and of L2A; keep them in folders of their own")
    if told:
        level = told.pop()
        if given is not None and given != level:
            raise ScenesUnreadable(
                path, f"is {level} by its name or tags, not {given}; leave out --level, or this raster"
            )
        return level
    if given is None:
        raise ScenesUnreadable(path, "tells no processing level; give --level L1C or --level L2A")
    return given
