"""What a STAC item tells of its assets: which layer each holds, on which grid, and what its numbers mean.

Asset names and fields are those of Element 84's Earth Search, of Microsoft's Planetary Computer and of the Copernicus
Data Space, in STAC 1.0 (eo:bands, raster:bands) and 1.1 (bands). Specifications: the extensions projection, eo, raster.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeGuard

from affine import Affine
from rasterio.crs import CRS
from rasterio.errors import CRSError

from cropxai.bands import BY_NAME, band_name
from cropxai.errors import ScenesUnreadable
from cropxai.ingest.scenes import Grid
from cropxai.ingest.sources.names import OTHER_LAYERS, MaskKind, plain

#: Common names of the eo extension as they are used for Sentinel-2; "rededge" alone could be any of three.
COMMON_NAMES = {
    "coastal": "B01", "blue": "B02", "green": "B03", "red": "B04", "rededge1": "B05", "rededge2": "B06",
    "rededge3": "B07", "rededge071": "B05", "rededge075": "B06", "rededge078": "B07", "nir": "B08", "nir08": "B8A",
    "nir09": "B09", "cirrus": "B10", "swir16": "B11", "swir22": "B12",
}  # fmt: skip
#: Layers that tell of clouds: kind of mask, and what its numbers are divided by. Earth Search calls ESA's
#: probabilities "cloud".
CLOUD_ASSETS: Mapping[str, tuple[MaskKind, float]] = {
    "scl": ("scl", 1.0),
    "qa60": ("qa60", 1.0),
    "clm": ("cloud", 1.0),
    **dict.fromkeys(("cloud", "cld", "cldprb", "mskcldprb"), ("probability", 100.0)),
}
RASTERS = (".tif", ".tiff", ".jp2", ".j2k")
RASTER_TYPES = ("image/tiff", "image/jp2", "image/vnd.stac.geotiff")
#: More pixels along a side than any tile has (10 980).
LARGEST_SIDE = 100_000

_QUALIFIER = re.compile(r"([-_]jp2)?([-_]R?[126]0m)?([-_]jp2)?$", re.IGNORECASE)
_RESOLUTION = re.compile(r"[-_]R?([126]0)m", re.IGNORECASE)


def layer_name(text: str) -> str | None:
    """Return the band ("B04") or cloud layer ("scl") that a name of an asset or a band stands for, or None."""
    bare = _QUALIFIER.sub("", text)
    name = band_name(bare) or COMMON_NAMES.get(bare.lower())
    return name if name is not None else plain(bare) if plain(bare) in CLOUD_ASSETS else None


@dataclass(frozen=True)
class Asset:
    """An asset of an item; ``named`` is what messages call it.

    Attributes
    ----------
    key, href, media_type : str
    fields : mapping
        All that the asset tells beside these.
    properties : mapping
        What the item tells for all its assets.
    """

    key: str
    href: str
    media_type: str
    fields: Mapping[str, Any]
    properties: Mapping[str, Any]
    named: str

    @property
    def is_raster(self) -> bool:
        """Whether it may hold pixels that count: no picture, no metadata."""
        of_type = self.media_type.startswith(RASTER_TYPES) or not self.media_type.startswith("image/")
        path = self.href.partition("?")[0].lower()
        picture = plain(_QUALIFIER.sub("", self.key)) in OTHER_LAYERS
        return of_type and not picture and (path.endswith(RASTERS) or self.media_type.startswith(RASTER_TYPES))

    @property
    def is_jp2(self) -> bool:
        """Whether it is one of ESA's own images, which no archive has changed."""
        return "jp2" in self.media_type or self.href.partition("?")[0].lower().endswith((".jp2", ".j2k"))

    @property
    def layers(self) -> list[tuple[int, str]]:
        """Number and name of each layer that is a band or tells of clouds."""
        bands = self._bands()
        if len(bands) > 1:
            named = [(n, self._named(band)) for n, band in enumerate(bands, start=1)]
        else:
            named = [(1, self._named(bands[0] if bands else {}, self.key))]
        return [(n, name) for n, name in named if name is not None]

    def _bands(self) -> list[Mapping[str, Any]]:
        for field in ("bands", "eo:bands"):
            bands = self.fields.get(field)
            if isinstance(bands, list) and bands and all(isinstance(band, dict) for band in bands):
                return bands
        return []

    def _named(self, band: Mapping[str, Any], *more: str) -> str | None:
        texts = [band.get(field) for field in ("name", "eo:common_name", "common_name")]
        return next((name for text in (*texts, *more) if isinstance(text, str) and (name := layer_name(text))), None)

    def layer_fields(self, index: int) -> Mapping[str, Any]:
        """Return what is told of a layer: the fields of the raster extension under their names of STAC 1.0."""
        told = {key.removeprefix("raster:"): value for key, value in self.fields.items() if _of_raster(key)}
        for field in ("bands", "raster:bands"):
            bands = self.fields.get(field)
            if isinstance(bands, list) and len(bands) >= index and isinstance(bands[index - 1], dict):
                told |= {k.removeprefix("raster:"): v for k, v in bands[index - 1].items() if _of_raster(k)}
        return told

    def number(self, fields: Mapping[str, Any], name: str) -> float | None:
        """Return a number that may be told.

        Raises
        ------
        ScenesUnreadable
            If it is none.
        """
        value = fields.get(name)
        if value is None:
            return None
        try:
            return float(value)
        except (TypeError, ValueError) as error:
            raise ScenesUnreadable(self.named, f"has {name} {value!r}, which is no number; mend it") from error

    def resolution(self, layer: str) -> float:
        """Return the size of its pixels in metres as far as it is told, else that in which ESA delivers the layer."""
        transform = self.fields.get("proj:transform")
        if _is_numbers(transform) and len(transform) >= 6:
            return math.hypot(transform[0], transform[3])
        inside = _RESOLUTION.search(self.key)
        told = [float(inside[1])] if inside else []
        told += [v for n in ("gsd", "raster:spatial_resolution") if (v := self.number(self.fields, n)) is not None]
        return told[0] if told else float(BY_NAME[layer].resolution if layer in BY_NAME else 20)

    def grid(self) -> Grid | None:
        """Return the grid if asset or item tell all of it.

        Raises
        ------
        ScenesUnreadable
            If what they tell cannot be.
        """
        shape, transform = self._told("proj:shape"), self._told("proj:transform")
        crs = self._crs()
        if crs is None or not _is_numbers(shape) or not _is_numbers(transform):
            return None
        height, width = shape if len(shape) == 2 else (0, 0)
        if len(transform) < 6 or not all(0 < side <= LARGEST_SIDE and side == int(side) for side in (height, width)):
            raise ScenesUnreadable(self.named, f"has proj:shape {shape} and proj:transform {transform}; mend them")
        affine = Affine(*(float(value) for value in transform[:6]))
        if not math.isfinite(affine.determinant) or affine.determinant == 0:
            raise ScenesUnreadable(self.named, f"has proj:transform {transform}, which is no grid; mend it")
        return Grid(crs, affine, int(width), int(height))

    def _told(self, field: str) -> Any:
        value = self.fields.get(field)
        return self.properties.get(field) if value is None else value

    def _crs(self) -> str | None:
        for told in (self.fields, self.properties):  # the asset's own before the item's
            code = told.get("proj:code") or told.get("proj:epsg")
            if code is not None:
                try:
                    return str(CRS.from_user_input(code).to_wkt())
                except CRSError as error:
                    raise ScenesUnreadable(self.named, f"has the CRS {code!r}, which is unknown; mend it") from error
        return None


def _of_raster(field: str) -> bool:
    return field in ("nodata", "data_type", "scale", "offset", "raster:scale", "raster:offset")


def _is_numbers(value: object) -> TypeGuard[Sequence[float]]:
    return isinstance(value, list | tuple) and all(isinstance(v, int | float) and math.isfinite(v) for v in value)
