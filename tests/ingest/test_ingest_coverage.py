import numpy as np
import pytest
import shapely
from affine import Affine
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from hypothesis import example, given, settings
from hypothesis import strategies as st
from shapely.affinity import rotate
from shapely.geometry import Point, Polygon, box
from shapes import DEGREES, NORTH_UP, ROTATED, SOUTH_UP, UTM31, in_pixels, parcels_of, pixels_of, polygons, runs_of

from cropxai.ingest import coverage
from cropxai.ingest.coverage import coverage_of
from cropxai.ingest.plan import make_plan
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid
from cropxai.ingest.zonal import WHOLE

WIDTH, HEIGHT = 14, 11


def shares_of(shapes, transform=NORTH_UP):
    """Return the covered share of each pixel, (parcel, row, column), and the areas in pixels."""
    plane = np.array([in_pixels(shape, transform) for shape in shapes])
    runs, areas = coverage_of(plane, np.ones(len(plane), dtype=bool), Grid(UTM31, transform, WIDTH, HEIGHT))
    shares = np.zeros((len(shapes), HEIGHT, WIDTH))
    pixel = 0
    for i in range(len(shapes)):
        for r in range(runs.ptr[i], runs.ptr[i + 1]):
            for column in range(runs.column[r], runs.column[r] + runs.length[r]):
                assert shares[i, runs.row[r], column] == 0 < runs.weights[pixel]
                shares[i, runs.row[r], column] = runs.weights[pixel] / WHOLE
                pixel += 1
    assert pixel == len(runs.weights)
    np.testing.assert_allclose(runs.areas() / WHOLE, shares.sum(axis=(1, 2)), atol=1e-9)
    return shares, areas / WHOLE


def half(ring, axis, edge, side):
    """Return the part of a ring on one side of an edge (Sutherland and Hodgman 1974)."""
    found = []
    for start, end in zip(ring[-1:] + ring[:-1], ring, strict=True):
        before, after = side * (start[axis] - edge), side * (end[axis] - edge)
        if before * after < 0:
            share = before / (before - after)
            point = [a + share * (b - a) for a, b in zip(start, end, strict=True)]
            point[axis] = edge
            found.append(tuple(point))
        if after >= 0:
            found.append(end)
    return found


def area(ring):
    return abs(sum(a[0] * b[1] - b[0] * a[1] for a, b in zip(ring[-1:] + ring[:-1], ring, strict=True))) / 2


def brute_force(shape):
    """Return the area of a valid shape in each pixel, by clipping its rings: overlays of GEOS fail on slivers."""
    found = np.zeros((HEIGHT, WIDTH))
    for polygon in shapely.get_parts(shape):
        for ring in shapely.get_rings(polygon):
            sign = 1 if ring.equals(polygon.exterior) else -1
            for column in range(WIDTH):
                strip = half(half(list(ring.coords[:-1]), 0, column, 1), 0, column + 1, -1)
                for row in range(HEIGHT if strip else 0):
                    found[row, column] += sign * area(half(half(strip, 1, row, 1), 1, row + 1, -1))
    return found


@settings(max_examples=100, deadline=None)
@given(drawn=st.lists(polygons(), min_size=1, max_size=4), angle=st.sampled_from([0, 0, 17.3, 90]))
@example(drawn=[Polygon([(0, 0), (2.903, 1.21), (15, 0), (2.917, 1.208), (0, -0.25)])], angle=17.3)
def test_shares_equal_areas_of_intersections(drawn, angle):
    drawn = [rotate(shape, angle, origin=(5, 5)) for shape in drawn]
    shares, areas = shares_of(drawn)
    for i, shape in enumerate(drawn):
        np.testing.assert_allclose(shares[i], brute_force(shape), atol=2e-9)
        assert areas[i] == pytest.approx(shape.area, abs=1e-7)


@pytest.mark.parametrize("transform", [ROTATED, SOUTH_UP, DEGREES])
@settings(max_examples=25)
@given(drawn=polygons())
def test_shares_on_other_grids(transform, drawn):
    (shares,), _ = shares_of([drawn], transform)
    np.testing.assert_allclose(shares, brute_force(drawn), atol=2e-6 if transform is DEGREES else 1e-7)


def test_a_shape_larger_than_the_raster_and_one_beyond():
    hole = box(3.25, 3.5, 5, 5).union(box(-20, 8, -3, 9))
    around = Point(5, 5).buffer(200).difference(hole)
    shares, areas = shares_of([around, box(20, 2, 22, 4), box(-9, 2, -2, 4), box(2, -5, 3, -1)])
    np.testing.assert_allclose(shares[0], brute_force(around), atol=1e-8)
    assert not shares[1:].any()
    np.testing.assert_allclose(areas, [around.area, 4, 14, 4])


@settings(max_examples=20)
@given(drawn=polygons())
def test_a_large_shape_is_worked_on_in_parts(drawn):
    whole = shares_of([drawn])[0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(coverage, "CELLS", 20)
        np.testing.assert_array_equal(shares_of([drawn])[0], whole)


def test_what_an_invalid_shape_covers_twice_counts_once():
    twice = shapely.MultiPolygon([box(1, 1, 4, 4), box(2, 2, 5, 5)])
    (shares,), _ = shares_of([twice])
    np.testing.assert_array_equal(shares, brute_force(shapely.union_all([box(1, 1, 4, 4), box(2, 2, 5, 5)])))


def test_shares_equal_those_of_exactextract():
    rng = np.random.default_rng(4)
    shapes = [in_pixels(Point(x, y).buffer(r), NORTH_UP) for x, y, r in rng.uniform(0.3, 10, (40, 3))]
    parcels = parcels_of(shapes)
    plan = make_plan(parcels, Grid(UTM31, NORTH_UP, WIDTH, HEIGHT), Rules(pixel_rule="exact"))
    left, top = NORTH_UP.c, NORTH_UP.f
    raster = NumPyRasterSource(np.zeros((HEIGHT, WIDTH)), left, top - 10 * HEIGHT, left + 10 * WIDTH, top)
    table = exact_extract(raster, parcels.frame, ["coverage", "cell_id"], output="pandas")
    for i in range(len(shapes)):
        own = slice(*plan.runs.first_pixels()[[(runs := runs_of(plan, i)).start, runs.stop]])
        order = np.argsort(table["cell_id"][i])
        np.testing.assert_array_equal(pixels_of(plan, i), np.array(table["cell_id"][i])[order])
        np.testing.assert_allclose(plan.runs.weights[own] / WHOLE, np.array(table["coverage"][i])[order], atol=2e-7)


def test_pixels_are_those_of_the_grid_and_no_others():
    assert shares_of([box(0, 0, WIDTH, HEIGHT)])[0].all()
    plan = make_plan(
        parcels_of([box(5e5, 5_599_000, 501_000, 5.6e6)]),
        Grid(UTM31, Affine(10, 0, 5e5, 0, -10, 5.6e6), 5, 4),
        Rules(pixel_rule="exact"),
    )
    assert (plan.counts[0], plan.centres[0]) == (20 * WHOLE, 10_000 * WHOLE)
