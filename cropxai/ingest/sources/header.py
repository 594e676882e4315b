"""What the header of a raster tells: grid, layers, scaling, tags."""

import re
import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import rasterio
from rasterio.errors import NotGeoreferencedWarning, RasterioError

from cropxai.bands import QUANTIFICATION, band_name
from cropxai.errors import PathLike, ScenesUnreadable
from cropxai.ingest.files import is_remote, open_raster
from cropxai.ingest.scenes import Grid, Location
from cropxai.ingest.sources.names import CLOUD_LAYERS, plain

#: Tags in which GDAL gives ESA's offset, of the band or of the file.
OFFSET_TAGS = ("boaaddoffset", "radioaddoffset")


@dataclass(frozen=True)
class Layer:
    """A layer of a raster: its place, what its description calls it, and the offset in DN that is declared."""

    place: Location
    name: str
    declared: float | None

    @property
    def band(self) -> str | None:
        """Name of the band that the description names: "B04" and "B4, central wavelength 665 nm" do."""
        return band_name(self.name.split(",")[0])

    @property
    def tells_clouds(self) -> bool:
        """Whether the description names a mask or a probability of clouds."""
        return plain(self.name) in CLOUD_LAYERS


@dataclass(frozen=True)
class Header:
    """The layers of a raster, and its tags by their plain names."""

    layers: tuple[Layer, ...]
    tags: Mapping[str, str]


def read_header(path: str, named: PathLike) -> Header:
    """Open a raster and read its header.

    Parameters
    ----------
    path : what GDAL opens
    named : path that messages name

    Raises
    ------
    ScenesUnreadable
        If it is damaged, lacks georeference, or declares a scale that cannot be.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with open_raster(path) as dataset:
                return _read(dataset, path, named)
    except RasterioError as error:
        reason = "cannot be reached, or is no GeoTIFF or JPEG 2000; check the address and that you may read it"
        if not is_remote(path):
            reason = "is damaged or no GeoTIFF; copy or download it again"
        raise ScenesUnreadable(named, reason) from error


def _read(dataset: rasterio.DatasetReader, path: str, named: PathLike) -> Header:
    if dataset.crs is None or dataset.transform.is_identity:
        raise ScenesUnreadable(
            named, "has no georeference; give it one, for example with 'gdal_edit.py -a_srs -a_ullr'"
        )
    tags = _plain_tags(dataset.tags())
    grid = Grid(dataset.crs.to_wkt(), dataset.transform, dataset.width, dataset.height)
    layers = []
    for index in dataset.indexes:
        name = (dataset.descriptions[index - 1] or "").strip()
        place, declared = Location(path, index, grid), None
        if plain(name) not in CLOUD_LAYERS:
            place, declared = scaled(
                place,
                named,
                scale=dataset.scales[index - 1],
                offset=dataset.offsets[index - 1],
                floating=np.issubdtype(np.dtype(dataset.dtypes[index - 1]), np.floating),
                tags={**tags, **_plain_tags(dataset.tags(index))},
            )
        layers.append(Layer(place, name, declared))
    return Header(tuple(layers), tags)


def _plain_tags(tags: Mapping[str, str]) -> dict[str, str]:
    return {plain(key): str(value) for key, value in tags.items()}


def scaled(
    place: Location, named: PathLike, *, scale: float, offset: float, floating: bool, tags: Mapping[str, str]
) -> tuple[Location, float | None]:
    """Return a place with its quantification, and the offset in DN that is declared, if one is.

    A scale of 1 and an offset of 0 are what a raster has that declares nothing. Numbers with a fraction are
    reflectance then, and whole numbers DN.

    Raises
    ------
    ScenesUnreadable
        If the scale is none.
    """
    if not (np.isfinite(scale) and scale > 0 and np.isfinite(offset)):
        raise ScenesUnreadable(named, f"declares the scale {scale}; reflectance takes 0.0001")
    if scale == 1.0 and floating:
        return replace(place, quantification=1.0), float(offset)
    if scale == 1.0:
        told = [tags[tag] for tag in OFFSET_TAGS if tag in tags]
        in_dn = next((float(text) for text in told if re.fullmatch(r"-?\d+(\.\d*)?", text.strip())), None)
        declared = float(offset) if offset else in_dn
        return replace(place, quantification=float(QUANTIFICATION)), declared
    # Rounded, because 0.0001 and -0.1 are not exact in binary, but the DN they stand for are whole.
    return replace(place, quantification=round(1.0 / scale, 6)), float(round(offset / scale, 6))
