"""Value types of the rasters: the grid, where a band's pixels lie, the mask, the scene. They open nothing."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from affine import Affine

#: Corners of a rectangle (column, row), as shares of its width and height.
CORNERS = ((0, 0), (1, 0), (1, 1), (0, 1))


@dataclass(frozen=True)
class Grid:
    """The pixel grid of a raster: CRS as WKT, transform from (column, row) to coordinates, size in pixels."""

    crs: str
    transform: Affine
    width: int
    height: int

    def coordinates(self, column: float, row: float) -> tuple[float, float]:
        """Return the coordinates of a place given in pixels from the raster's first corner."""
        return _apply(self.transform, column, row)

    def pixels(self, x: float, y: float) -> tuple[float, float]:
        """Return column and row, with fractions, of a place given in coordinates."""
        return _apply(~self.transform, x, y)

    def transform_from(self, column: int, row: int) -> Affine:
        """Return the transform of the part of the raster, or of the plane beyond it, that begins at a pixel."""
        x, y = self.coordinates(column, row)
        return Affine(self.transform.a, self.transform.b, x, self.transform.d, self.transform.e, y)

    @property
    def corners(self) -> list[tuple[float, float]]:
        """The outer corners in coordinates of the CRS, clockwise from the first pixel."""
        return [self.coordinates(x * self.width, y * self.height) for x, y in CORNERS]


def _apply(transform: Affine, x: float, y: float) -> tuple[float, float]:
    # Written out, because affine 2 knows only ``*`` for this and affine 3 is about to drop it.
    a, b, c, d, e, f = (float(value) for value in transform[:6])
    return a * x + b * y + c, d * x + e * y + f


@dataclass(frozen=True)
class Location:
    """Where the pixels of one band lie: a file, and the number of the band in it, from 1."""

    path: str
    index: int


@dataclass(frozen=True)
class Mask:
    """A layer that tells clear pixels: a scene classification ("scl"), or a cloud mask ("cloud", 0 = clear)."""

    kind: Literal["scl", "cloud"]
    location: Location


@dataclass(frozen=True)
class Scene:
    """One acquisition of one tile.

    Attributes
    ----------
    path : str
        The product, by which messages and provenance name it.
    tile : str
        MGRS tile ("31UDS"), empty where unknown.
    date : datetime.date
        Day of acquisition.
    level : str
        "L1C" or "L2A".
    grid : Grid
        The grid of all bands and of the mask.
    bands : mapping of str to Location
        ESA band name to pixels.
    mask : Mask or None
        None if the product tells nothing of clouds: then every pixel counts as clear.
    offset, quantification : float
        Reflectance = (DN + offset) / quantification.
    """

    path: str
    tile: str
    date: dt.date
    level: str
    grid: Grid
    bands: Mapping[str, Location]
    mask: Mask | None
    offset: float
    quantification: float

    @property
    def files(self) -> list[str]:
        """All files with pixels of the scene, sorted."""
        places = [*self.bands.values(), *([self.mask.location] if self.mask else [])]
        return sorted({place.path for place in places})
