from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from rasterio.features import geometry_mask
from shapely.affinity import affine_transform
from shapely.geometry import MultiPolygon, Polygon, box

from cropxai.ingest import runs as pixel_runs
from cropxai.ingest.parcels import Parcels
from cropxai.ingest.plan import make_plan, why_no_pixel
from cropxai.ingest.scenes import Grid

UTM31 = CRS("EPSG:32631").to_wkt()
WIDTH, HEIGHT, PAD = 14, 11, 12
NORTH_UP = Affine(10, 0, 500_000, 0, -10, 5_600_000)
ROTATED = Affine(8, 5, 500_000, 5, -8, 5_600_000)
SOUTH_UP = Affine(20, 0, 300_000, 0, 20, 5_000_000)
DEGREES = Affine(0.0001, 0, 3.123, 0, -0.0001, 50.4)


def parcels_of(shapes: list, crs: str = UTM31) -> Parcels:
    frame = gpd.GeoDataFrame(geometry=gpd.GeoSeries(shapes, crs=crs))
    status = ["no geometry" if s is None else "" for s in shapes]
    return Parcels(frame, [str(i) for i in range(len(shapes))], None, status, Path("parcels.gpkg"))


def own_pixels(plan, i):
    """Return the pixels of a parcel, but no stand-in."""
    return plan.pixels[plan.indptr[i] : plan.indptr[i + 1]] if plan.centres[i] else np.zeros(0, dtype=int)


def in_pixels(shape, transform: Affine):
    """Take a shape drawn in pixels to coordinates."""
    return affine_transform(shape, transform.to_shapely())


@st.composite
def polygons(draw):
    """Rings on a lattice of quarter pixels, so that edges and corners meet pixel centres and each other."""

    def ring():
        points = draw(st.lists(st.tuples(*[st.integers(-16, 64)] * 2), min_size=3, max_size=7, unique=True))
        return shapely.make_valid(Polygon([(x / 4, y / 4) for x, y in points]))

    shape = ring()
    if draw(st.booleans()):
        shape = shape.union(ring())
    if draw(st.booleans()):
        shape = shape.difference(ring())
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area]
    return MultiPolygon(parts) if len(parts) > 1 else (parts[0] if parts else box(1, 1, 3, 3))


@settings(max_examples=120, deadline=None)
@given(drawn=st.lists(polygons(), min_size=1, max_size=5))
def test_pixels_equal_a_mask_of_each_parcel_alone(drawn):
    shapes = [in_pixels(shape, NORTH_UP) for shape in drawn]
    plan = make_plan(parcels_of(shapes), Grid(UTM31, NORTH_UP, WIDTH, HEIGHT))
    wider = Affine(10, 0, 500_000 - 10 * PAD, 0, -10, 5_600_000 + 10 * PAD)
    for i, shape in enumerate(shapes):
        mask = geometry_mask([shape], (HEIGHT, WIDTH), NORTH_UP, all_touched=False, invert=True)
        np.testing.assert_array_equal(own_pixels(plan, i), np.flatnonzero(mask))
        everywhere = geometry_mask([shape], (HEIGHT + 2 * PAD, WIDTH + 2 * PAD), wider, invert=True).sum()
        assert plan.centres[i] == (everywhere if plan.touches[i] else 0)


@pytest.mark.parametrize("transform", [ROTATED, SOUTH_UP, DEGREES])
@settings(max_examples=40, deadline=None)
@given(drawn=st.lists(polygons(), min_size=1, max_size=4))
def test_pixels_equal_a_mask_on_other_grids(transform, drawn):
    shapes = [in_pixels(shape, transform) for shape in drawn]
    plan = make_plan(parcels_of(shapes), Grid(UTM31, transform, WIDTH, HEIGHT))
    for i, shape in enumerate(shapes):
        mask = geometry_mask([shape], (HEIGHT, WIDTH), transform, invert=True)
        np.testing.assert_array_equal(own_pixels(plan, i), np.flatnonzero(mask))


def test_a_rotated_grid():
    shapes = [in_pixels(box(1.2, 1.3, 6.1, 4.4), ROTATED), in_pixels(box(-3, 5.2, 5.3, 8.8), ROTATED)]
    plan = make_plan(parcels_of(shapes), Grid(UTM31, ROTATED, WIDTH, HEIGHT))
    for i, shape in enumerate(shapes):
        mask = geometry_mask([shape], (HEIGHT, WIDTH), ROTATED, invert=True)
        np.testing.assert_array_equal(own_pixels(plan, i), np.flatnonzero(mask))
    assert list(plan.counts) == [15, 20]
    assert list(plan.centres) == [15, 32]


def test_parcels_are_taken_to_the_crs_of_the_grid():
    drawn = [box(1.2, 1.3, 6.1, 4.4), Polygon([(7, 7), (12.5, 7.2), (9, 10.6)])]
    shapes = [in_pixels(shape, NORTH_UP) for shape in drawn]
    elsewhere = gpd.GeoSeries(shapes, crs=UTM31).to_crs("EPSG:4326")
    plan = make_plan(parcels_of(list(elsewhere), "EPSG:4326"), Grid(UTM31, NORTH_UP, WIDTH, HEIGHT))
    masks = [geometry_mask([s], (HEIGHT, WIDTH), NORTH_UP, invert=True) for s in elsewhere.to_crs(UTM31)]
    np.testing.assert_array_equal(plan.counts, [mask.sum() for mask in masks])
    np.testing.assert_array_equal(plan.pixels, np.concatenate([np.flatnonzero(mask) for mask in masks]))


def test_key_depends_on_parcels_and_grid():
    shape, other = (in_pixels(box(1, 1, x, 4), NORTH_UP) for x in (5, 6))
    grid, wider = (Grid(UTM31, NORTH_UP, width, HEIGHT) for width in (WIDTH, WIDTH + 1))
    keys = [make_plan(parcels_of([s]), g).key for s, g in ((shape, grid), (shape, grid), (other, grid), (shape, wider))]
    assert keys[0] == keys[1]
    assert len(set(keys)) == 3


def test_each_parcel_without_a_pixel_says_why():
    drawn = [box(1, 1, 3, 3), box(5.6, 5.6, 6.4, 6.4), box(90, 1, 95, 3), box(-1, 1, 0.3, 3)]
    shapes = [in_pixels(shape, NORTH_UP) for shape in drawn]
    parcels = parcels_of([*shapes, None])
    plans = [make_plan(parcels, Grid(UTM31, NORTH_UP, WIDTH, HEIGHT))]
    assert why_no_pixel(parcels, plans) == [
        "",
        "no pixel centre inside: area 64 m2, pixel 10 m",
        "outside the rasters",
        "outside the rasters",
        "no geometry",
    ]


def test_pixel_of_a_grid_in_degrees_is_told_in_metres():
    transform = Affine(0.0001, 0, 3, 0, -0.0001, 50)
    grid = Grid(CRS("EPSG:4326").to_wkt(), transform, 50, 50)
    parcels = parcels_of([in_pixels(box(5.6, 5.6, 6.4, 6.4), transform)], grid.crs)
    (reason,) = why_no_pixel(parcels, [make_plan(parcels, grid)])
    assert reason == "no pixel centre inside: area 51 m2, pixel 8.93 m"  # 0.0001° of latitude 11.12 m, longitude 7.17


def test_a_parcel_beyond_the_projection_is_outside():
    parcels = parcels_of([box(-170, -80, 170, 80), box(3.0, 50.5, 3.001, 50.501)], "EPSG:4326")
    plan = make_plan(parcels, Grid(UTM31, NORTH_UP, WIDTH, HEIGHT))
    assert plan.counts[1] == 0


@pytest.mark.parametrize("limit", [40, 1 << 20])
def test_a_huge_parcel_is_counted_by_rows_or_by_area(monkeypatch, limit):
    monkeypatch.setattr(pixel_runs, "COUNTED_ROWS", limit)
    shape = in_pixels(box(-500, -500, 500, 500), NORTH_UP)
    plan = make_plan(parcels_of([shape]), Grid(UTM31, NORTH_UP, WIDTH, HEIGHT))
    np.testing.assert_array_equal(plan.pixels, np.arange(WIDTH * HEIGHT))
    assert plan.centres[0] == 1_000_000
