"""Writes SAFE products: folders of JPEG 2000 and XML as ESA delivers Sentinel-2, with what readers need of it."""

import datetime as dt
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rasterio.crs import CRS
from rasterio.io import MemoryFile
from rasterio.transform import from_origin

from cropxai.bands import BY_NAME
from cropxai.errors import PathLike
from cropxai.outputs import replacing
from cropxai.simulate.safe_xml import (
    OFFSET,
    RESOLUTIONS,
    Names,
    SafeStyle,
    granule_xml,
    manifest_xml,
    product_xml,
    tile_xml,
)

Numbers = npt.NDArray[np.uint16]

#: Sides of the tiles within ESA's JPEG 2000, by resolution.
BLOCKS = {10: 1024, 20: 640, 60: 192}


@dataclass(frozen=True, eq=False)
class SafeTile:
    """One tile of a product.

    Attributes
    ----------
    tile : MGRS tile ("32UPU")
    corner : easting and northing (m) of the upper left corner
    bands : band to (row, column) uint16, reflectance × 10 000 in the band's native resolution, 0 = no data
    scl : (row, column) uint8 scene classification in 20 m, for L2A
    clouds : (3, row, column) uint8 opaque cloud, cirrus and snow in 60 m, for L1C from baseline 04.00 on
    """

    tile: str
    corner: tuple[float, float]
    bands: Mapping[str, Numbers]
    scl: npt.NDArray[np.uint8] | None = None
    clouds: npt.NDArray[np.uint8] | None = None


def write_safe(
    folder: PathLike, tiles: Sequence[SafeTile], sensed: dt.datetime, style: SafeStyle | None = None
) -> Path:
    """Write a product into a folder.

    Parameters
    ----------
    folder : existing folder; the product's own, whose name the format prescribes, is made in it
    tiles : its tiles, one of them in the compact naming
    sensed : start of the datatake, UTC
    style : how it is written

    Returns
    -------
    pathlib.Path
        The product's folder.

    Raises
    ------
    OutputExists, OutputUnwritable
    """
    names = Names(style or SafeStyle(), sensed)
    product = Path(folder) / names.product(tiles[0].tile)
    with replacing(product) as part:
        part.mkdir()
        writer = _Writer(part, names)
        granules = [writer.tile(tile) for tile in tiles]
        writer.text(names.product_xml, product_xml(names, tiles[0].tile, granules))
        writer.text("manifest.safe", manifest_xml(writer.files, names.style))
    return product


@dataclass
class _Writer:
    """Writes the files of one product, and keeps size and digest of each for the manifest."""

    root: Path
    names: Names
    files: dict[str, tuple[int, str]] = field(default_factory=dict)

    def put(self, name: str, content: bytes) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        sha3 = self.names.style.checksum == "SHA3-256"
        digest = hashlib.sha3_256(content) if sha3 else hashlib.md5(content, usedforsecurity=False)
        self.files[name] = len(content), digest.hexdigest()

    def text(self, name: str, content: str) -> None:
        self.put(name, ('<?xml version="1.0" encoding="UTF-8" standalone="no"?>\n' + content).encode())

    def image(self, name: str, layers: npt.NDArray[np.generic], corner: tuple[float, float], resolution: int) -> None:
        """Write (layer, row, column) as lossless JPEG 2000."""
        count, height, width = layers.shape
        block = BLOCKS[resolution]
        # By way of memory, so that a full disk is told by one error and not by lines of the library.
        with MemoryFile(ext=".jp2") as memory:
            with memory.open(
                driver="JP2OpenJPEG", dtype=layers.dtype, count=count, height=height, width=width,
                crs=CRS.from_epsg(self.names.style.epsg), transform=from_origin(*corner, resolution, resolution),
                QUALITY="100", REVERSIBLE="YES", YCBCR420="NO", YCC="NO", BLOCKXSIZE=block, BLOCKYSIZE=block,
            ) as raster:  # fmt: skip
                raster.write(layers)
            self.put(name, memory.read())

    def tile(self, tile: SafeTile) -> str:
        """Write the images and the XML of a tile; return the element that lists them."""
        style = self.names.style
        shift = -OFFSET if style.has_offset else 0
        images = []
        shapes: dict[int, tuple[int, ...]] = {}

        def put(layer: str, resolution: int, values: npt.NDArray[np.generic]) -> None:
            images.append(self.names.image(tile.tile, layer, resolution))
            shapes[resolution] = values.shape
            self.image(f"{images[-1]}.jp2", values[None], tile.corner, resolution)

        for band, values in tile.bands.items():
            native = BY_NAME[band].resolution
            for resolution in RESOLUTIONS:
                if resolution == native or (style.coarser and resolution > native and band != "B08"):
                    numbers = coarsened(values, resolution // native)
                    put(band, resolution, np.where(numbers > 0, numbers + shift, 0).astype(np.uint16))
        if tile.scl is not None:
            put("SCL", 20, tile.scl)
            if style.coarser:
                put("SCL", 60, tile.scl[1::3, 1::3])
        mask = f"{self.names.folder(tile.tile)}/QI_DATA/MSK_CLASSI_B00.jp2" if tile.clouds is not None else ""
        if tile.clouds is not None:
            shapes[60] = tile.clouds.shape[1:]
            self.image(mask, tile.clouds, tile.corner, 60)
        self.text(self.names.tile_xml(tile.tile), tile_xml(self.names, tile.tile, tile.corner, shapes, mask))
        return granule_xml(self.names, tile.tile, images)


def coarsened(values: Numbers, factor: int) -> npt.NDArray[np.int64]:
    """Return the means of blocks of pixels, of those with data; 0 where none has."""
    if factor == 1:
        return values.astype(np.int64)
    rows, columns = (side - side % factor for side in values.shape)
    blocks = values[:rows, :columns].astype(np.int64).reshape(rows // factor, factor, columns // factor, factor)
    known = (blocks > 0).sum(axis=(1, 3))
    return np.asarray(np.round(blocks.sum(axis=(1, 3)) / np.maximum(known, 1)), dtype=np.int64)
