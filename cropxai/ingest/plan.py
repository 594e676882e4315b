"""The plan: which pixels of a grid belong to which parcel, worked out once and used for every band and date."""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import Geod

from cropxai.ingest.chunks import Layout, lay_out
from cropxai.ingest.parcels import Parcels
from cropxai.ingest.runs import Runs, runs_of
from cropxai.ingest.scenes import CORNERS, Grid

IntArray = npt.NDArray[np.int64]

#: Status of a parcel that no raster shows.
OUTSIDE = "outside the rasters"


@dataclass(frozen=True, eq=False)
class Plan:
    """The pixels of every parcel on one grid, as runs along the rows.

    A pixel belongs to a parcel if its centre lies inside, by GDAL's rule for polygons (``all_touched=False``). Where
    parcels overlap, each keeps its pixels.

    Attributes
    ----------
    grid : Grid
    runs : Runs
        Of every parcel, those without a pixel on the raster included.
    centres : (parcel,) int64
        Pixel centres inside the parcel on the grid continued beyond the raster; of parcels that miss it, 0.
    touches : (parcel,) bool
        Whether the parcel lies on the raster, if only in part.
    key : str
        A hash of parcels and grid.
    """

    grid: Grid
    runs: Runs
    centres: IntArray
    touches: npt.NDArray[np.bool_]
    key: str
    _layouts: dict[tuple[tuple[int, int], int], Layout] = field(default_factory=dict, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    @cached_property
    def counts(self) -> IntArray:
        """Pixels of each parcel on the raster, (parcel,) int64."""
        return self.runs.counts()

    @cached_property
    def indptr(self) -> IntArray:
        """``pixels[indptr[i]:indptr[i + 1]]`` are the pixels of parcel i, (parcel + 1,) int64."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    @cached_property
    def members(self) -> IntArray:
        """The parcels with a pixel on the raster, (member,) int64 ascending."""
        return np.flatnonzero(self.counts)

    @property
    def pixels(self) -> IntArray:
        """``row * grid.width + column`` of each pixel, ascending within a parcel, (pixel,) int64; made when asked."""
        starts = self.runs.row.astype(np.int64) * self.grid.width + self.runs.column
        ends = np.cumsum(self.runs.length, dtype=np.int64)
        total = int(ends[-1]) if len(ends) else 0
        return np.asarray(np.arange(total) + np.repeat(starts - ends + self.runs.length, self.runs.length))

    def layout(self, block: tuple[int, int], layers: int) -> Layout:
        """Return how the pixels are read from a raster of such blocks (rows, columns), made on the first call."""
        with self._lock:  # scenes are read in parallel, and one layout serves all
            if (block, layers) not in self._layouts:
                self._layouts[block, layers] = lay_out(self.runs, self.grid, block, layers)
            return self._layouts[block, layers]


def make_plan(parcels: Parcels, grid: Grid) -> Plan:
    """Find the pixels of every parcel; the parcels are taken to the CRS of the grid, never the pixels to theirs."""
    shapes = in_crs(parcels.frame.geometry, grid.crs)
    touches = _touches(shapes, parcels.usable, grid)
    runs, centres = runs_of(shapes, touches, grid)
    return Plan(grid, runs, centres, touches, plan_key(parcels, grid))


def plan_key(parcels: Parcels, grid: Grid) -> str:
    """Return the hash by which the plan of parcels on a grid is known."""
    return hashlib.sha256(repr((parcels.hash, grid)).encode()).hexdigest()


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
