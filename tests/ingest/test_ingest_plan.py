import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS
from rasterio.features import geometry_mask
from shapely.geometry import Point, Polygon, box
from shapes import DEGREES, NORTH_UP, ROTATED, SOUTH_UP, UTM31, in_pixels, parcels_of, pixels_of, polygons

from cropxai.ingest import plan as planning
from cropxai.ingest import runs as pixel_runs
from cropxai.ingest.plan import make_plan, why_no_pixel
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid

WIDTH, HEIGHT, PAD = 14, 11, 12


def own_pixels(plan, i):
    """Return the pixels of a parcel, but no stand-in."""
    return pixels_of(plan, i) if plan.centres[i] else np.zeros(0, dtype=int)


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
    for i, mask in enumerate(masks):
        np.testing.assert_array_equal(pixels_of(plan, i), np.flatnonzero(mask))


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
    np.testing.assert_array_equal(pixels_of(plan, 0), np.arange(WIDTH * HEIGHT))
    assert plan.centres[0] == 1_000_000


# --- small parcels, and shrunken ones ----------------------------------------------------------------------------


def test_a_parcel_without_a_centre_is_stood_in_for_by_the_pixel_of_a_point_inside():
    drawn = [
        box(1, 1, 4, 3),
        box(5.6, 5.6, 6.3, 6.3),
        box(-1, 1, 0.3, 3),
        Point(9.9, 3.02).buffer(0.3),
        box(2, 8, 5, 9),
    ]
    shapes = [in_pixels(shape, NORTH_UP) for shape in drawn]
    grid = Grid(UTM31, NORTH_UP, WIDTH, HEIGHT)
    plan = make_plan(parcels_of([*shapes, None]), grid)
    found = [list(pixels_of(plan, i)) for i in range(6)]
    assert found[1:4] == [[5 * WIDTH + 5], [], [3 * WIDTH + 9]]  # the point inside the third lies beyond the raster
    assert (len(found[0]), len(found[4]), found[5]) == (6, 3, [])
    assert list(plan.centres) == [6, 0, 2, 0, 3, 0]
    assert list(plan.counts) == [6, 0, 0, 0, 3, 0]
    assert list(plan.members) == [0, 4]
    assert sorted(plan.tallied) == [0, 1, 3, 4]
    without = make_plan(parcels_of([*shapes, None]), grid, Rules(pixel_rule="eurocropsml"))
    assert sorted(without.tallied) == [0, 4]
    assert list(without.members) == [0, 1, 2, 3, 4]


@settings(max_examples=60)
@given(drawn=st.lists(polygons(), min_size=1, max_size=6))
def test_a_stand_in_lies_in_the_parcel(drawn):
    shapes = [in_pixels(shape, NORTH_UP) for shape in drawn]
    coarse = Grid(UTM31, NORTH_UP @ Affine.scale(6), 3, 2)
    plan = make_plan(parcels_of(shapes), coarse)
    for i, shape in enumerate(shapes):
        pixels = pixels_of(plan, i)
        if plan.centres[i] == 0 and len(pixels):
            (pixel,) = pixels
            row, column = divmod(pixel, coarse.width)
            corners = [coarse.coordinates(column + x, row + y) for x, y in ((0, 0), (1, 0), (1, 1), (0, 1))]
            assert Polygon(corners).intersects(shape)


@settings(max_examples=60)
@given(drawn=polygons(), metres=st.sampled_from([1, 5, 12.5]))
def test_a_buffer_leaves_the_pixels_that_lie_so_far_inside(drawn, metres):
    shape = in_pixels(drawn, NORTH_UP)
    plan = make_plan(parcels_of([shape]), Grid(UTM31, NORTH_UP, WIDTH, HEIGHT), Rules(buffer=metres))
    columns, rows = np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))
    x, y = (a.ravel() for a in NORTH_UP @ (columns + 0.5, rows + 0.5))
    centres = gpd.GeoSeries(gpd.points_from_xy(x, y))
    far = centres.within(shape) & (centres.distance(shape.boundary) > metres)
    near = centres.distance(shape.boundary).sub(metres).abs() < 0.06 * metres  # arcs are drawn with a few corners
    inside = np.zeros(WIDTH * HEIGHT, dtype=bool)
    inside[own_pixels(plan, 0)] = True
    assert (inside == far)[~near].all()


def test_a_buffer_is_in_metres_on_any_grid():
    shape = box(500_100, 5_599_800, 500_200, 5_599_900)
    feet = CRS.from_proj4("+proj=utm +zone=31 +datum=WGS84 +units=us-ft").to_wkt()
    for crs in (UTM31, "EPSG:4326", feet):
        there = gpd.GeoSeries([shape], crs=UTM31).to_crs(crs)
        left, bottom, right, top = there.total_bounds
        fine = Affine((right - left) / 100, 0, left, 0, -(top - bottom) / 100, top)
        grid = Grid(CRS.from_user_input(crs).to_wkt(), fine, 100, 100)
        plan = make_plan(parcels_of([there[0]], crs), grid, Rules(buffer=20))
        assert plan.counts[0] == pytest.approx(3600, rel=0.02)


def test_parcels_of_which_a_buffer_leaves_nothing():
    shapes = [in_pixels(box(1.1, 1.1, 4.9, 4.9), NORTH_UP), in_pixels(box(6, 1, 12, 1.9), NORTH_UP)]
    parcels = parcels_of(shapes)
    for rule, left in (("centre", 4), ("exact", 2.8**2)):
        plan = make_plan(parcels, Grid(UTM31, NORTH_UP, WIDTH, HEIGHT), Rules(buffer=5, pixel_rule=rule))
        assert list(plan.vanished) == [False, True]
        assert plan.counts[0] / plan.whole == pytest.approx(left)
        assert why_no_pixel(parcels, [plan]) == ["", "nothing of it left inside the buffer"]


def test_the_key_depends_on_the_rules_that_choose_pixels():
    parcels, grid = parcels_of([in_pixels(box(1, 1, 5, 5), NORTH_UP)]), Grid(UTM31, NORTH_UP, WIDTH, HEIGHT)
    same = [Rules(), Rules(min_clear=0.1, statistic="mean", min_pixels=3, masked_classes=())]
    other = [Rules(buffer=1), Rules(buffer=2), Rules(pixel_rule="exact"), Rules(pixel_rule="eurocropsml")]
    assert len({make_plan(parcels, grid, rules).key for rules in same}) == 1
    assert len({make_plan(parcels, grid, rules).key for rules in (*same, *other)}) == 5


def test_many_parcels_are_looked_at_some_at_a_time(monkeypatch):
    rng = np.random.default_rng(0)
    drawn = [box(x, y, x + w, y + h) for x, y, w, h in rng.uniform(0.2, 9, (23, 4))]
    parcels = parcels_of([in_pixels(shape, NORTH_UP) for shape in drawn] + [None])
    for rule in ("centre", "exact"):
        whole = make_plan(parcels, Grid(UTM31, NORTH_UP, WIDTH, HEIGHT), Rules(pixel_rule=rule))
        with monkeypatch.context() as patch:
            patch.setattr(planning, "AT_ONCE", 5)
            parts = make_plan(parcels, Grid(UTM31, NORTH_UP, WIDTH, HEIGHT), Rules(pixel_rule=rule))
        for name in ("ptr", "row", "column", "length", "weights"):
            np.testing.assert_array_equal(getattr(whole.runs, name), getattr(parts.runs, name))
        np.testing.assert_array_equal(whole.centres, parts.centres)


def test_the_runs_lie_along_a_hilbert_curve_whatever_the_order_of_the_file():
    side = 8
    squares = [box(x, y, x + 1, y + 1) for x in range(side) for y in range(side)]
    drawn = np.random.default_rng(1).permutation(np.array(squares, dtype=object))
    parcels = parcels_of([None, *(in_pixels(square, NORTH_UP) for square in drawn)])
    plan = make_plan(parcels, Grid(UTM31, NORTH_UP, WIDTH, HEIGHT))
    assert plan.order[-1] == 0  # without a polygon
    # What makes the curve: of a square of 2**k it goes through every cell, from each to one of its four neighbours, and
    # through each quarter whole before the next.
    steps = np.abs(np.diff(plan.runs.row)) + np.abs(np.diff(plan.runs.column))
    assert list(steps) == [1] * (side**2 - 1)
    quarters = plan.runs.row // (side // 2) * 2 + plan.runs.column // (side // 2)
    assert (np.diff(quarters) != 0).sum() == 3
    for i, square in enumerate(drawn, start=1):
        assert list(pixels_of(plan, i)) == [square.bounds[1] * WIDTH + square.bounds[0]]
