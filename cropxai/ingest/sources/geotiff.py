"""Multi-band GeoTIFFs, one an acquisition: bands named in their descriptions, the date in the file name or a tag."""

import datetime as dt
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from cropxai.bands import QUANTIFICATION, band_name
from cropxai.errors import ScenesUnreadable
from cropxai.ingest.scenes import Grid, Location, Mask, Scene
from cropxai.ingest.sources.folders import look_below

SUFFIXES = (".tif", ".tiff")
#: Layers that tell of clouds: kind of mask, and what its numbers are divided by. CLP is Sentinel Hub's (0 to 255),
#: CLD and MSK_CLDPRB are ESA's, in percent.
CLOUD_LAYERS: Mapping[str, tuple[Literal["scl", "cloud", "qa60", "probability"], float]] = {
    "scl": ("scl", 1.0),
    **dict.fromkeys(("clm", "cloud", "cloudmask", "qacloud"), ("cloud", 1.0)),
    "qa60": ("qa60", 1.0),
    "clp": ("probability", 255.0),
    **dict.fromkeys(("cld", "cldprb", "mskcldprb", "cloudprobability"), ("probability", 100.0)),
}
#: Tags that may hold the day of acquisition, most telling first; the last is often that of processing.
DATE_TAGS = ("acquisitiondate", "acquisition", "sensingtime", "datetime", "date", "tiffdatetime", "tifftagdatetime")

_DATE = re.compile(r"(?<!\d)(20\d\d)([-_.:/]?)(\d\d)\2(\d\d)(?:\d{6})?(?!\d)")
_TILE = re.compile(r"(?<![A-Z0-9])T?(\d{2}[C-HJ-NP-X][A-HJ-NP-Z]{2})(?![A-Z0-9])")
_LEVEL = re.compile(r"(?:L|LEVEL[-_ ]?|MSI)(1C|2A)")


@dataclass(frozen=True)
class GeoTiff:
    """A GeoTIFF, or a folder that holds some at any depth; other files in the folder are passed over."""

    def recognises(self, path: Path) -> bool:
        """Say whether an existing path is a GeoTIFF by its suffix, or a folder that holds one."""
        return bool(_rasters(path))

    def scenes(self, paths: Sequence[Path], *, level: str | None, dn_offset: float | None) -> Iterator[Scene]:
        """Give one scene for each GeoTIFF.

        Raises
        ------
        ScenesUnreadable
            If a GeoTIFF cannot be used.
        """
        for path in paths:
            for file in _rasters(path):
                yield read_scene(file, level=level, dn_offset=dn_offset)


def _rasters(path: Path) -> list[Path]:
    files = look_below(path).files if path.is_dir() else [path]
    return [file for file in files if file.suffix.lower() in SUFFIXES]


def read_scene(path: Path, *, level: str | None, dn_offset: float | None) -> Scene:
    """Describe one GeoTIFF from its name and header.

    Raises
    ------
    ScenesUnreadable
        If it is damaged, or lacks georeference, date, level or band names.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with rasterio.open(path) as dataset:
                return _describe(dataset, path, level, dn_offset)
    except RasterioError as error:
        raise ScenesUnreadable(path, "is damaged or no GeoTIFF; copy or download it again") from error


def _describe(dataset: rasterio.DatasetReader, path: Path, level: str | None, dn_offset: float | None) -> Scene:
    if dataset.crs is None or dataset.transform.is_identity:
        raise ScenesUnreadable(path, "has no georeference; give it one, for example with 'gdal_edit.py -a_srs -a_ullr'")
    tags = {_plain(key): str(value) for key, value in dataset.tags().items()}
    source = str(path.resolve())
    grid = Grid(dataset.crs.to_wkt(), dataset.transform, dataset.width, dataset.height)
    numbers, masks = _layers(dataset, path, Location(source, 0, grid))
    offset, quantification = _scaling(dataset, path, list(numbers.values()), dn_offset)
    stem = path.stem.upper()
    tile = _TILE.search(stem)
    return Scene(
        path=source,
        tile=tile[1] if tile else "",
        date=_date(path, tags),
        level=_level(path, tags, masks, level),
        bands={name: Location(source, index, grid, offset, quantification) for name, index in numbers.items()},
        masks=masks,
    )


def _plain(name: str) -> str:
    return re.sub(r"[^a-z0-9]", "", name.lower())


def _layers(dataset: rasterio.DatasetReader, path: Path, file: Location) -> tuple[dict[str, int], tuple[Mask, ...]]:
    """Return the number of each band by its name, and the masks."""
    bands: dict[str, int] = {}
    masks: list[Mask] = []
    for index, description in enumerate(dataset.descriptions, start=1):
        name = band_name(description or "")
        if name is not None:
            if name in bands:
                raise ScenesUnreadable(path, f"names two bands {name}; correct the band descriptions")
            bands[name] = index
        elif _plain(description or "") in CLOUD_LAYERS:
            kind, divisor = CLOUD_LAYERS[_plain(description or "")]
            masks.append(Mask(kind, replace(file, index=index, quantification=divisor)))
    if not bands:
        raise ScenesUnreadable(
            path, "names no Sentinel-2 band; set the band descriptions to B01 … B12, or leave this raster out"
        )
    return bands, tuple(masks)


def _scaling(
    dataset: rasterio.DatasetReader, path: Path, indexes: list[int], dn_offset: float | None
) -> tuple[float, float]:
    """Return offset and quantification, so that reflectance = (DN + offset) / quantification."""
    declared = {(dataset.scales[i - 1], dataset.offsets[i - 1]) for i in indexes}
    floating = {np.issubdtype(np.dtype(dataset.dtypes[i - 1]), np.floating) for i in indexes}
    if len(declared) > 1 or len(floating) > 1:
        raise ScenesUnreadable(path, "has bands of unlike scale, offset or type; give all bands the same")
    scale, offset = declared.pop()
    if scale == 1.0 and floating.pop():
        if dn_offset:
            raise ScenesUnreadable(path, "holds reflectance (floating point), which takes no --dn-offset; leave it out")
        return float(offset), 1.0
    if scale == 1.0:
        return float(offset if dn_offset is None else dn_offset), float(QUANTIFICATION)
    if scale <= 0:
        raise ScenesUnreadable(path, f"declares the scale {scale}; reflectance takes 0.0001")
    # Rounded, because 0.0001 and -0.1 are not exact in binary, but the DN they stand for are whole.
    in_dn = round(offset / scale, 6) if dn_offset is None else dn_offset
    return float(in_dn), round(1.0 / scale, 6)


def _date(path: Path, tags: Mapping[str, str]) -> dt.date:
    for text in (path.stem, *(tags[tag] for tag in DATE_TAGS if tag in tags)):
        for match in _DATE.finditer(text):
            try:
                return dt.date(int(match[1]), int(match[3]), int(match[4]))
            except ValueError:  # eight digits that are no date
                continue
    raise ScenesUnreadable(path, "tells no date; put it in the file name as YYYYMMDD, or in the tag ACQUISITION_DATE")


def _level(path: Path, tags: Mapping[str, str], masks: Sequence[Mask], given: str | None) -> str:
    """Tell the level by the name, else by tags, else by an SCL layer (L2A only), else by what the user says."""
    told: set[str] = set(_LEVEL.findall(path.stem.upper()))
    if len(told) != 1:
        about = [value for key, value in tags.items() if "level" in key or "product" in key]
        told = {match for value in about for match in _LEVEL.findall(value.upper())}
    if len(told) != 1 and any(mask.kind == "scl" for mask in masks):
        told = {"2A"}
    if len(told) == 1:
        level = "L" + told.pop()
        if given is not None and given != level:
            raise ScenesUnreadable(
                path, f"is {level} by its name or tags, not {given}; leave out --level, or this raster"
            )
        return level
    if given is None:
        raise ScenesUnreadable(path, "tells no processing level; give --level L1C or --level L2A")
    return given
