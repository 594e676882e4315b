"""Shapes and parcels of the tests, drawn in pixels."""

from pathlib import Path

import geopandas as gpd
import numpy as np
import shapely
from affine import Affine
from hypothesis import strategies as st
from pyproj import CRS
from shapely.affinity import affine_transform
from shapely.geometry import MultiPolygon, Polygon, box

from cropxai.ingest.parcels import Parcels

UTM31 = CRS("EPSG:32631").to_wkt()
NORTH_UP = Affine(10, 0, 500_000, 0, -10, 5_600_000)
ROTATED = Affine(8, 5, 500_000, 5, -8, 5_600_000)
SOUTH_UP = Affine(20, 0, 300_000, 0, 20, 5_000_000)
DEGREES = Affine(0.0001, 0, 3.123, 0, -0.0001, 50.4)


def parcels_of(shapes: list, crs: str = UTM31) -> Parcels:
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries(shapes, crs=crs))
    status = ["no geometry" if s is None else "" for s in shapes]
    return Parcels(frame, [str(i) for i in range(len(shapes))], None, status, Path("parcels.gpkg"))


def in_pixels(shape, transform: Affine):
    """Take a shape drawn in pixels to coordinates."""
    return affine_transform(shape, transform.to_shapely())


def in_coordinates_of(shape, transform: Affine):
    """Take a shape from coordinates to pixels."""
    return affine_transform(shape, (~transform).to_shapely())


@st.composite
def polygons(draw, most=64, step=4):
    """Rings on a lattice of parts of a pixel, so that edges and corners meet pixel centres, edges, and each other.

    They may have holes and several parts, and lie in part beyond the first row and column.
    """

    def ring():
        points = draw(st.lists(st.tuples(*[st.integers(-4 * step, most)] * 2), min_size=3, max_size=7, unique=True))
        return shapely.make_valid(Polygon([(x / step, y / step) for x, y in points]))

    shape = ring()
    if draw(st.booleans()):
        shape = shape.union(ring())
    if draw(st.booleans()):
        shape = shape.difference(ring())
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area]
    return MultiPolygon(parts) if len(parts) > 1 else (parts[0] if parts else box(1, 1, 3, 3))


def values_of(seed: int, shape: tuple[int, int], gaps: float = 0.1) -> np.ndarray:
    """Return noisy DN, some of them 0."""
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 9000, shape).astype(np.uint16)
    values[rng.random(shape) < gaps] = 0
    return values


def runs_of(plan, parcel):
    """Return which runs are a parcel's."""
    (place,) = np.flatnonzero(plan.order == parcel)
    return slice(*plan.runs.ptr[place : place + 2])


def pixels_of(plan, parcel):
    """Return ``row * width + column`` of each pixel of a parcel, a stand-in too."""
    own = runs_of(plan, parcel)
    starts = plan.runs.row[own] * plan.grid.width + plan.runs.column[own]
    return np.array([s + i for s, n in zip(starts, plan.runs.length[own], strict=True) for i in range(n)], dtype=int)
