import datetime as dt
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import rasterio.mask
from affine import Affine
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from rasterio.windows import Window
from shapely.geometry import box

from cropxai.errors import ScenesUnreadable
from cropxai.ingest import extract_series
from cropxai.ingest.clouds import Hidden, dilated, masks_of
from cropxai.ingest.measure import measure
from cropxai.ingest.parcels import read_parcels
from cropxai.ingest.plan import make_plan
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid, Location, Mask, Scene

X, Y = 500_000, 5_600_000


def grid_of(path):
    with rasterio.open(path) as dataset:
        return Grid(dataset.crs.to_wkt(), dataset.transform, dataset.width, dataset.height)


@pytest.fixture
def native(tmp_path, raster):
    """A scene with bands of 10, 20 and 60 m and a classification of 20 m, each in its own file."""
    rng = np.random.default_rng(5)
    places = {}
    for name, step, size in (("B04", 10, 60), ("B05", 20, 30), ("B01", 60, 10), ("SCL", 20, 30)):
        values = rng.integers(1, 9000, (size, size)) if name != "SCL" else rng.choice([4, 5, 3, 9, 11], (size, size))
        values[rng.random(values.shape) < 0.05] = 0
        path = raster(
            tmp_path / f"{name}.tif", {name: values.astype(np.uint16)}, transform=Affine(step, 0, X, 0, -step, Y)
        )
        places[name] = Location(str(path), 1, grid_of(path), -1000.0 if name != "SCL" else 0, 10_000)
    mask = Mask("scl", places.pop("SCL"))
    return Scene(str(tmp_path), "31UDS", dt.date(2020, 5, 7), "L2A", places, (mask,))


FIELDS = [box(X + 13, Y - 205, X + 222, Y - 17), box(X + 300, Y - 590, X + 595, Y - 333), box(X, Y - 600, X + 60, Y)]


def test_each_band_on_its_own_grid_equals_rasterio_and_numpy(native, tmp_path, vector):
    parcels = read_parcels(vector(tmp_path / "fields.gpkg", FIELDS, name=list("abc")))
    plans = {grid: make_plan(parcels, grid) for grid in native.grids}
    bands = ["B01", "B04", "B05"]
    measured = measure(native, plans, bands, Rules(), None)
    with rasterio.open(native.masks[0].location.path) as dataset:
        scl = dataset.read(1)
    finer = {"B04": scl.repeat(2, 0).repeat(2, 1), "B05": scl, "B01": scl[1::3, 1::3]}  # 60 m: the middle one of nine
    assert [grid.transform.a for grid in native.grids] == [10, 20, 60]
    for b, band in enumerate(bands):
        with rasterio.open(native.bands[band].path) as dataset:
            for number, shape in enumerate(FIELDS):
                inside = ~rasterio.mask.raster_geometry_mask(dataset, [shape])[0]
                stored = dataset.read(1)
                good = stored[inside & (stored > 0) & np.isin(finer[band], [4, 5])]
                assert measured.counts[number, b] == len(good) > 0
                assert measured.values[number, b] == np.float32((np.median(good) - 1000) / 10_000)


@given(
    hidden=hnp.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))),
    metres=st.sampled_from([0.0, 9.9, 10.0, 20.0, 30.0, 45.0]),
    step=st.sampled_from([(10, -10), (20, -10), (10, 20)]),
)
def test_dilation_equals_all_distances(hidden, metres, step):
    grid = Grid("", Affine(step[0], 0, 0, 0, step[1], 0), hidden.shape[1], hidden.shape[0])
    rows, columns = np.nonzero(hidden)
    expected = np.zeros(hidden.shape, dtype=bool)
    for r, c in np.ndindex(hidden.shape):
        distance = np.hypot((rows - r) * step[1], (columns - c) * step[0])
        expected[r, c] = (distance <= metres).any()
    np.testing.assert_array_equal(dilated(hidden, metres, grid), expected)


def test_dilation_across_strips(monkeypatch):
    monkeypatch.setattr("cropxai.ingest.clouds.STRIP", 4)
    hidden = np.zeros((11, 5), dtype=bool)
    hidden[4, 2] = hidden[10, 0] = True
    grid = Grid("", Affine(10, 0, 0, 0, -10, 0), 5, 11)
    grown = dilated(hidden, 20, grid)
    assert sorted(set(np.nonzero(grown)[0])) == [2, 3, 4, 5, 6, 8, 9, 10]


def test_only_clouds_and_shadow_are_dilated(tmp_path, raster):
    classes = np.full((5, 9), 4, dtype=np.uint16)
    classes[2, 1], classes[2, 7] = 9, 11
    path = raster(tmp_path / "SCL.tif", {"SCL": classes})
    grid = grid_of(path)
    place = Location(str(path), 1, grid)
    scene = Scene("scene", "", dt.date(2020, 5, 7), "L2A", {"B04": place}, (Mask("scl", place),))
    hidden = Hidden(scene, Rules(dilation=10)).on(grid, Window(0, 0, 9, 5))
    expected = np.zeros((5, 9), dtype=bool)
    for row, column in ((2, 1), (1, 1), (3, 1), (2, 0), (2, 2), (2, 7)):
        expected[row, column] = True
    np.testing.assert_array_equal(hidden, expected)


@pytest.mark.parametrize(
    ("layer", "values", "options", "clear"),
    [
        ("QA60", [0, 1024, 2048, 3072, 512], {}, [1, 0, 0, 0, 1]),
        ("CLM", [0, 1, 255, 2, 0], {}, [1, 0, 0, 0, 1]),
        ("CLP", [0, 101, 102, 255, 50], {}, [1, 1, 0, 0, 1]),  # 102 / 255 = 0.4
        ("MSK_CLDPRB", [0, 39, 40, 100, 10], {}, [1, 1, 0, 0, 1]),
        ("MSK_CLDPRB", [0, 39, 40, 100, 10], {"cloud_probability": 0.1}, [1, 0, 0, 0, 0]),
        ("SCL", [4, 9, 11, 5, 2], {}, [1, 0, 0, 1, 1]),
        ("SCL", [4, 9, 11, 5, 2], {"masked_classes": [2, 11]}, [1, 1, 0, 1, 0]),
    ],
)
@pytest.mark.parametrize("dtype", ["uint16", "float32"])
def test_every_kind_of_mask(tmp_path, raster, vector, layer, values, options, clear, dtype):
    band = np.full((1, 5), 2000, dtype=dtype)
    scaling = (0.0001, 0.0) if dtype == "float32" else None
    path = raster(
        tmp_path / "L2A_20200507.tif",
        {"B04": band, layer: np.array([values], dtype=dtype)},
        nodata=None,
        scaling=scaling,
    )
    fields = vector(tmp_path / "fields.gpkg", [box(X + 10 * n, Y - 10, X + 10 * n + 10, Y) for n in range(5)])
    series = extract_series(fields, path, **options)
    np.testing.assert_array_equal(series.dataset["valid_pixels"].values[:, 0], clear)


def test_which_masks_apply(native):
    grid = native.grid
    probable, cloud = Mask("probability", native.bands["B04"]), Mask("cloud", native.bands["B04"])
    coarse = Mask("scl", native.bands["B01"])
    every = replace(native, masks=(cloud, coarse, *native.masks, probable))
    assert masks_of(every, Rules(), grid) == native.masks  # no classification on 10 m: that of 20 m
    assert masks_of(every, Rules(), native.grids[2]) == (coarse,)
    assert masks_of(every, Rules(cloud_probability=0.2), grid) == (*native.masks, probable)
    assert masks_of(replace(native, masks=(probable, cloud)), Rules(), grid) == (cloud,)
    assert masks_of(replace(native, masks=(probable,)), Rules(), grid) == (probable,)


def test_pixels_beyond_the_mask_are_not_clear(tmp_path, raster):
    path = raster(tmp_path / "SCL.tif", {"SCL": np.full((2, 2), 4, np.uint16)}, transform=Affine(20, 0, X, 0, -20, Y))
    grid = Grid(grid_of(path).crs, Affine(10, 0, X - 10, 0, -10, Y), 6, 5)
    place = Location(str(path), 1, grid_of(path))
    scene = Scene("scene", "", dt.date(2020, 5, 7), "L2A", {"B04": replace(place, grid=grid)}, (Mask("scl", place),))
    hidden = Hidden(scene, Rules()).on(grid, Window(0, 0, 6, 5))
    expected = np.ones((5, 6), dtype=bool)
    expected[:4, 1:5] = False
    np.testing.assert_array_equal(hidden, expected)


def test_masks_that_cannot_be_used(native):
    (mask,) = native.masks
    turned = replace(mask.location.grid, transform=mask.location.grid.transform * Affine.rotation(10))
    small = replace(mask.location.grid, width=29)
    for grid, complaint in ((turned, "turned against the bands"), (small, "30 × 30 pixels, not of 29 × 30")):
        scene = replace(native, masks=(Mask("scl", replace(mask.location, grid=grid)),))
        with pytest.raises(ScenesUnreadable, match=complaint):
            Hidden(scene, Rules()).on(native.grid, Window(0, 0, 4, 4))
