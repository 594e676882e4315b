"""Value types of the rasters: the grid, where a band's pixels lie, the mask, the scene. They open nothing."""

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
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

    @property
    def pixel_area(self) -> float:
        """Area of a pixel in squared units of the CRS."""
        return abs(float(self.transform.determinant))

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
    """Where the pixels of one layer lie, and what their numbers mean.

    Attributes
    ----------
    path : str
        A file, or what GDAL takes for one ("/vsizip/…", "/vsicurl/…").
    index : int
        Number of the layer in the file, from 1.
    grid : Grid
        Its pixel grid; the layers of one scene may have several.
    offset, quantification : float
        Reflectance = (DN + offset) / quantification; of no meaning for a mask.
    nodata : float, optional
        Value that stands for none, where metadata beside the file declare it; else the file's own counts.
    """

    path: str
    index: int
    grid: Grid
    offset: float = 0.0
    quantification: float = 1.0
    nodata: float | None = None


@dataclass(frozen=True)
class Mask:
    """A layer that tells of clouds.

    Attributes
    ----------
    kind : {"scl", "cloud", "qa60", "probability", "detected"}
        Scene classification; mask with 0 for clear; bit mask QA60; probability (DN + offset) / quantification; a mask
        that is worked out (:mod:`cropxai.ingest.detector`).
    location : Location
    """

    kind: Literal["scl", "cloud", "qa60", "probability", "detected"]
    location: Location

    @property
    def files(self) -> frozenset[str]:
        """The files that it depends on."""
        return frozenset([self.location.path])


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
    bands : mapping of str to Location
        ESA band name to pixels, at least one.
    masks : tuple of Mask
        What tells of clouds; :func:`cropxai.ingest.clouds.masks_of` chooses. Empty if the product tells nothing: then
        every pixel counts as clear. A mask may lie on another grid than the bands.
    baseline : str
        Processing baseline ("05.09"), empty where unknown.
    offset_by : {"metadata", "date", "nothing"}
        What tells the offset of the bands: the product (a declaration, its baseline) or the user; only the day, which
        lies before the first baseline with an offset; or nothing, then the scene is refused.
    datatake : str
        Satellite and start of the datatake, by which processings of one acquisition are known; empty where unknown.
    checksums : mapping of str to str
        Of files: path to "algorithm:digest", with which they are compared before they are read. Empty unless asked for.
    """

    path: str
    tile: str
    date: dt.date
    level: str
    bands: Mapping[str, Location]
    masks: tuple[Mask, ...] = ()
    baseline: str = ""
    offset_by: Literal["metadata", "date", "nothing"] = "metadata"
    datatake: str = ""
    checksums: Mapping[str, str] = field(default_factory=dict)

    @property
    def grids(self) -> list[Grid]:
        """The grids of the bands, that of the smallest pixels first."""
        return sorted(dict.fromkeys(place.grid for place in self.bands.values()), key=lambda grid: grid.pixel_area)

    @property
    def grid(self) -> Grid:
        """The grid of the smallest pixels, on which pixels of parcels are counted."""
        return self.grids[0]

    @property
    def files(self) -> list[str]:
        """All files with pixels of the scene, sorted."""
        return sorted({place.path for place in self.bands.values()}.union(*(mask.files for mask in self.masks)))

    def only(self, bands: Collection[str]) -> "Scene":
        """Return the scene with those of its bands that are named."""
        return replace(self, bands={band: place for band, place in self.bands.items() if band in bands})
