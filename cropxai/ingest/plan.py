"""The plan: which pixels of a grid belong to which parcel, worked out once and used for every band and date."""

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import rasterio
import shapely
from pyproj import Geod
from rasterio.features import geometry_mask
from rasterio.windows import Window

from cropxai.ingest.parcels import Parcels
from cropxai.ingest.scenes import CORNERS, Grid

IntArray = npt.NDArray[np.int64]

#: Largest mask made at once, and largest part of a parcel beyond the raster that is counted pixel by pixel.
BLOCK_PIXELS = 1 << 24
COUNTED_PIXELS = 1 << 30

#: Status of a parcel that no raster shows.
OUTSIDE = "outside the rasters"


@dataclass(frozen=True, eq=False)
class Plan:
    """The pixels of every parcel on one grid, as compressed rows.

    A pixel belongs to a parcel if its centre lies inside, by GDAL's rule for polygons (``all_touched=False``). Where
    parcels overlap, each keeps its pixels.

    Attributes
    ----------
    grid : Grid
    indptr : (parcel + 1,) int64
        ``pixels[indptr[i]:indptr[i + 1]]`` are the pixels of parcel i.
    pixels : (pixel,) int64
        ``row * grid.width + column``, ascending within a parcel.
    centres : (parcel,) int64
        Pixel centres inside the parcel on the grid continued beyond the raster; of parcels that miss it, 0.
    touches : (parcel,) bool
        Whether the parcel lies on the raster, if only in part.
    key : str
        A hash of parcels and grid.
    """

    grid: Grid
    indptr: IntArray
    pixels: IntArray
    centres: IntArray
    touches: npt.NDArray[np.bool_]
    key: str

    @cached_property
    def counts(self) -> IntArray:
        """Pixels of each parcel on the raster, (parcel,) int64."""
        return np.diff(self.indptr)

    @cached_property
    def members(self) -> IntArray:
        """The parcels with a pixel on the raster, (member,) int64 ascending."""
        return np.flatnonzero(self.counts)

    @cached_property
    def window(self) -> Window:
        """The smallest window of the raster that holds all pixels of parcels; there must be one."""
        rows, columns = np.divmod(self.pixels, self.grid.width)
        top, left = int(rows.min()), int(columns.min())
        return Window(left, top, int(columns.max()) - left + 1, int(rows.max()) - top + 1)

    @cached_property
    def in_window(self) -> IntArray:
        """``pixels`` counted from the first of the window, (pixel,) int64."""
        rows, columns = np.divmod(self.pixels, self.grid.width)
        return np.asarray((rows - self.window.row_off) * self.window.width + columns - self.window.col_off)


def make_plan(parcels: Parcels, grid: Grid) -> Plan:
    """Find the pixels of every parcel; the parcels are taken to the CRS of the grid, never the pixels to theirs."""
    key = hashlib.sha256(repr((parcels.hash, grid)).encode()).hexdigest()
    shapes = in_crs(parcels.frame.geometry, grid.crs)
    touches = _touches(shapes, parcels.usable, grid)
    counts = np.zeros(len(shapes), dtype=np.int64)
    centres = np.zeros(len(shapes), dtype=np.int64)
    pieces: list[IntArray] = []
    with rasterio.Env():  # one for all parcels: making it costs as much as burning one
        for i in np.flatnonzero(touches):
            pixels, centres[i] = pixels_of(shapes[i], grid)
            counts[i] = len(pixels)
            pieces.append(pixels)
    indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    pixels = np.concatenate(pieces) if pieces else np.zeros(0, dtype=np.int64)
    return Plan(grid, indptr, pixels, centres, touches, key)


def in_crs(geometry: gpd.GeoSeries, crs: str) -> npt.NDArray[np.object_]:
    """Return the shapes in another CRS, (parcel,) geometries."""
    return np.asarray(geometry.to_crs(crs).values, dtype=object)


def _touches(shapes: npt.NDArray[np.object_], usable: npt.NDArray[np.bool_], grid: Grid) -> npt.NDArray[np.bool_]:
    extent = shapely.Polygon(grid.corners)
    shapely.prepare(extent)
    finite = np.isfinite(shapely.bounds(shapes)).all(axis=1)  # beyond its domain a projection gives infinity
    known = usable & finite
    touches = np.zeros(len(shapes), dtype=bool)
    touches[known] = shapely.intersects(extent, shapes[known])
    return touches


def pixels_of(shape: shapely.Geometry, grid: Grid) -> tuple[IntArray, int]:
    """Return a shape's pixels on the raster, and the number of its pixel centres on the grid continued beyond it."""
    left, top, right, bottom = _pixel_bounds(shape, grid)
    within = max(left, 0), max(top, 0), min(right, grid.width), min(bottom, grid.height)
    beyond = (left, top, right, bottom) != within
    countable = (right - left) * (bottom - top) <= COUNTED_PIXELS
    bounds = (left, top, right, bottom) if countable else within
    total = 0
    pieces = [np.zeros(0, dtype=np.int64)]
    for rows, columns in _centres_inside(shape, grid, bounds):
        total += len(rows)
        on = (rows >= 0) & (rows < grid.height) & (columns >= 0) & (columns < grid.width)
        pieces.append(rows[on] * grid.width + columns[on])
    if beyond and not countable:  # a shape of many rasters' size: its area tells the number well enough
        total = max(total, round(shape.area / abs(grid.transform.determinant)))
    return np.concatenate(pieces), total


def _pixel_bounds(shape: shapely.Geometry, grid: Grid) -> tuple[int, int, int, int]:
    """Bound a shape in whole pixels: first column and row, and those after the last."""
    west, south, east, north = shape.bounds
    corners = [grid.pixels(x, y) for x in (west, east) for y in (south, north)]
    columns, rows = zip(*corners, strict=True)
    # One pixel of margin: a centre exactly on the edge must not fall to rounding.
    low = int(np.floor(min(columns))) - 1, int(np.floor(min(rows))) - 1
    return *low, int(np.ceil(max(columns))) + 1, int(np.ceil(max(rows))) + 1


def _centres_inside(
    shape: shapely.Geometry, grid: Grid, bounds: tuple[int, int, int, int]
) -> Iterator[tuple[IntArray, IntArray]]:
    """Give rows and columns of the pixels inside, in blocks of rows."""
    left, top, right, bottom = bounds
    if right <= left:
        return
    step = max(1, BLOCK_PIXELS // (right - left))
    for first in range(top, bottom, step):
        size = (min(step, bottom - first), right - left)
        inside = geometry_mask([shape], size, grid.transform_from(left, first), invert=True)
        rows, columns = np.nonzero(inside)
        yield rows.astype(np.int64) + first, columns.astype(np.int64) + left


def why_no_pixel(parcels: Parcels, plans: Collection[Plan]) -> list[str]:
    """Say of each parcel why none of the rasters has a pixel of it; empty if one has."""
    reasons = list(parcels.status)
    has_pixel = np.any([plan.counts > 0 for plan in plans], axis=0)
    for i in np.flatnonzero(parcels.usable & ~has_pixel):
        small = next((plan.grid for plan in plans if plan.touches[i] and plan.centres[i] == 0), None)
        if small is None:
            reasons[i] = OUTSIDE
        else:
            reasons[i] = _too_small(in_crs(parcels.frame.geometry.iloc[[i]], small.crs)[0], small)
    return reasons


def _too_small(shape: shapely.Geometry, grid: Grid) -> str:
    """Say why a shape, in the CRS of the grid, has no pixel: its area beside the size of a pixel."""
    place = shape.representative_point()
    column, row = (int(np.floor(value)) for value in grid.pixels(place.x, place.y))
    pixel = shapely.Polygon([grid.coordinates(column + x, row + y) for x, y in CORNERS])
    areas = gpd.GeoSeries([shape, pixel], crs=grid.crs).to_crs("EPSG:4326")
    geod = Geod(ellps="WGS84")
    own, one = (abs(geod.geometry_area_perimeter(area)[0]) for area in areas)
    return f"no pixel centre inside: area {own:.0f} m2, pixel {one**0.5:.3g} m"
