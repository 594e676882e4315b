"""One scene on its native grids, under every rule, against rasterio, numpy and exactextract parcel by parcel."""

import datetime as dt
import struct
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rasterio
import rasterio.mask
import shapely
from affine import Affine
from exactextract import exact_extract
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from rasterio.features import geometry_mask
from rasterio.windows import Window
from shapely.geometry import box
from shapes import NORTH_UP, UTM31, in_pixels, parcels_of, polygons, values_of

from cropxai.ingest import chunks
from cropxai.ingest.measure import measure
from cropxai.ingest.plan import make_plan
from cropxai.ingest.reading import SceneReader
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid, Location, Mask, Scene

#: Metres a pixel of each band.
BANDS = {"B02": 10, "B08": 10, "B05": 20, "B01": 60}
#: Pixels of 10 m: whole pixels of 20 and 60 m.
WIDTH, HEIGHT = 18, 12


def scene_in(folder: Path, seed: int, gaps: float = 0.1, **profile) -> Scene:
    """Write one file a band, and describe them."""
    places = {}
    for number, (band, metres) in enumerate(BANDS.items()):
        times = metres // 10
        grid = Grid(UTM31, NORTH_UP @ Affine.scale(times), WIDTH // times, HEIGHT // times)
        path = folder / f"{band}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=grid.width, height=grid.height, count=1, dtype="uint16", crs=UTM31,
            transform=grid.transform, **profile,
        ) as dataset:  # fmt: skip
            dataset.write(values_of(seed + number, (grid.height, grid.width), gaps), 1)
        places[band] = Location(str(path), 1, grid, 0.0, 10_000.0)
    return Scene(str(folder), "31UDS", dt.date(2018, 5, 7), "L1C", places)


def measured(scene, shapes, rules, bands=tuple(BANDS)):
    """Return values by band and parcel, NaN where the measurement does not tell of a parcel, and the plans."""
    parcels = parcels_of(shapes)
    plans = {grid: make_plan(parcels, grid, rules) for grid in scene.grids}
    found = measure(scene, plans, list(bands), rules)
    values = np.full((len(shapes), len(bands)), np.nan, dtype=np.float32)
    values[plans[scene.grid].members] = found.values
    return dict(zip(bands, values.T, strict=True)), plans


def inside(path, shape):
    """Return the pixels of a raster in a shape, by rasterio; empty if it lies beside."""
    with rasterio.open(path) as dataset:
        try:
            outside, _, window = rasterio.mask.raster_geometry_mask(dataset, [shape], crop=True)
        except ValueError:
            return np.zeros(0, dtype=np.uint16)
        return dataset.read(1, window=window)[~outside]


def at(path, point):
    """Return the pixel that holds a point, empty if none does."""
    with rasterio.open(path) as dataset:
        row, column = dataset.index(point.x, point.y)
        pixel = dataset.read(1, window=Window(column, row, 1, 1), boundless=True, fill_value=0)
        on_it = 0 <= row < dataset.height and 0 <= column < dataset.width
    return pixel.ravel() if on_it else np.zeros(0, dtype=np.uint16)


def expected(scene, band, shape, statistic):
    """Return the value of one parcel and band, by rasterio.mask and numpy alone."""
    place = scene.bands[band]
    if not len(inside(scene.bands["B02"].path, shape)):
        return np.float32(np.nan)
    pixels = inside(place.path, shape)
    wider = place.grid.transform @ Affine.translation(-30, -30)
    if not len(pixels) and geometry_mask([shape], (90, 90), wider).all():
        pixels = at(place.path, shapely.point_on_surface(shape))
    pixels = pixels[pixels > 0]
    return np.float32(statistic(pixels) / 10_000) if len(pixels) else np.float32(np.nan)


@settings(max_examples=30)
@given(
    drawn=st.lists(polygons(), min_size=1, max_size=6),
    seed=st.integers(0, 10**6),
    statistic=st.sampled_from(["median", "mean"]),
    order=st.randoms(use_true_random=False),
)
def test_values_on_every_grid_equal_rasterio_and_numpy_bit_for_bit(drawn, seed, statistic, order):
    shapes = [in_pixels(shape, NORTH_UP) for shape in drawn]
    rules = Rules(statistic=statistic)
    with tempfile.TemporaryDirectory() as folder:
        scene = scene_in(Path(folder), seed)
        values, _ = measured(scene, shapes, rules)
        for band in BANDS:
            known = [expected(scene, band, shape, getattr(np, statistic)) for shape in shapes]
            np.testing.assert_array_equal(values[band], known)
        places = list(range(len(shapes)))
        order.shuffle(places)
        shuffled, _ = measured(scene, [shapes[i] for i in places], rules)
        for band in BANDS:
            np.testing.assert_array_equal(shuffled[band], values[band][places])


def test_a_small_parcel_takes_the_one_coarse_pixel_of_a_point_inside_it(tmp_path):
    scene = scene_in(tmp_path, 5, gaps=0)
    shapes = [in_pixels(box(6.1, 0.1, 8.4, 2.4), NORTH_UP), in_pixels(box(1, 7, 5, 11), NORTH_UP)]
    values, plans = measured(scene, shapes, Rules())
    coarse = scene.bands["B01"].grid
    assert list(plans[coarse].centres) == [0, 1]
    with rasterio.open(scene.bands["B01"].path) as dataset:
        stored = dataset.read(1)
    np.testing.assert_array_equal(values["B01"], (stored[[0, 1], [1, 0]] / 10_000).astype(np.float32))
    found = measure(scene, plans, list(BANDS), Rules())
    assert found.counts.tolist() == [[4, 4, 1, 1], [16, 16, 6, 1]]
    # Without a finer grid it is as any parcel without a pixel.
    alone, _ = measured(scene.only(["B01"]), shapes, Rules(), ["B01"])
    assert np.isnan(alone["B01"][0]) and alone["B01"][1] == values["B01"][1]


@settings(max_examples=25)
@given(drawn=st.lists(polygons(), min_size=1, max_size=5), seed=st.integers(0, 10**6))
def test_exact_values_equal_exactextract(drawn, seed):
    shapes = [in_pixels(shape, NORTH_UP) for shape in drawn]
    # Coordinates are rounded, so that a needle may cross itself: exactextract, and GEOS, then take what is outside.
    assume(all(shape.is_valid for shape in shapes))
    with tempfile.TemporaryDirectory() as folder:
        scene = scene_in(Path(folder), seed, nodata=0)
        means, plans = measured(scene, shapes, Rules(pixel_rule="exact", statistic="mean"))
        medians, _ = measured(scene, shapes, Rules(pixel_rule="exact"))
        found = measure(scene, plans, list(BANDS), Rules(pixel_rule="exact"))
        members = plans[scene.grid].members
        for b, band in enumerate(BANDS):
            table = exact_extract(
                scene.bands[band].path,
                parcels_of(shapes).frame,
                ["mean", "count", "values", "coverage"],
                output="pandas",
            )
            area = table["count"].to_numpy()
            some = area > 0.01  # of less, exactextract's shares in single precision tell too little
            np.testing.assert_allclose(means[band][some], table["mean"][some] / 10_000, rtol=1e-6)
            np.testing.assert_allclose(found.counts[:, b] / 2**30, area[members], atol=1e-5)
            for i in np.flatnonzero(some):
                order = np.argsort(table["values"][i])
                stored, weights = table["values"][i][order], table["coverage"][i][order].astype(np.float64)
                below = np.cumsum(weights)
                near = np.abs(below / below[-1] - 0.5) < 1e-5
                allowed = {stored[np.searchsorted(below, below[-1] / 2)]}
                for k in np.flatnonzero(near):  # exactly half, but for rounding
                    allowed |= {stored[k], stored[min(k + 1, len(stored) - 1)]}
                assert medians[band][i] in {np.float32(value / 10_000) for value in allowed}


def as_eurocropsml(path, shape):
    """The value that the software of EuroCropsML gives one parcel and band; None where it gives none."""
    with rasterio.open(path) as dataset:
        try:
            pixels, _ = rasterio.mask.mask(dataset, [shape], crop=True, nodata=0)
        except ValueError:
            return None
    good = pixels[0][pixels[0] != 0]
    return max(0.0, np.median(good).astype(np.float32)) if good.size else 0.0


@settings(max_examples=30)
@given(
    drawn=st.lists(polygons(most=90), min_size=1, max_size=6),
    seed=st.integers(0, 10**6),
    gaps=st.sampled_from([0.1, 0.9, 1.0]),
)
@example(drawn=[box(0, 0, 18, 1)], seed=68, gaps=0.1)  # one of its pixels has the value that the files declare as none
def test_eurocropsml_values_equal_its_way_bit_for_bit(drawn, seed, gaps):
    shapes = [in_pixels(shape, NORTH_UP) for shape in drawn]
    with tempfile.TemporaryDirectory() as folder:
        scene = scene_in(Path(folder), seed, gaps, nodata=77)
        values, _ = measured(scene, shapes, Rules(pixel_rule="eurocropsml"))
        for band in BANDS:
            theirs = [as_eurocropsml(scene.bands[band].path, shape) for shape in shapes]
            dn = np.array([np.nan if value is None else value for value in theirs])
            np.testing.assert_array_equal(values[band], (dn / 10_000).astype(np.float32))


def test_eurocropsml_takes_no_offset_and_no_mask(tmp_path):
    scene = scene_in(tmp_path, 3, gaps=0)
    shapes = [in_pixels(box(1, 1, 9, 9), NORTH_UP)]
    plain, _ = measured(scene, shapes, Rules(pixel_rule="eurocropsml"))
    shifted = {band: replace(place, offset=-1000.0) for band, place in scene.bands.items()}
    hidden = replace(scene, bands=shifted, masks=(Mask("cloud", scene.bands["B08"]),))
    with_both, _ = measured(hidden, shapes, Rules(pixel_rule="eurocropsml"))
    assert with_both == plain
    assert np.isnan(measured(hidden, shapes, Rules())[0]["B02"]).all()


@pytest.mark.parametrize("rule", ["centre", "exact"])
@pytest.mark.parametrize("most", [1, 40, 1 << 24])
def test_pieces_do_not_change_the_values(tmp_path, monkeypatch, rule, most):
    rng = np.random.default_rng(8)
    drawn = [box(x, y, x + w, y + h) for x, y, w, h in rng.uniform(0.3, 9, (20, 4))]
    shapes = [in_pixels(shape, NORTH_UP) for shape in drawn]
    scene = scene_in(tmp_path, 1, tiled=True, blockxsize=16, blockysize=16)
    for statistic in ("median", "mean"):
        whole, _ = measured(scene, shapes, Rules(pixel_rule=rule, statistic=statistic))
        with monkeypatch.context() as patch:
            patch.setattr(chunks, "CHUNK_PIXELS", most)
            parts, _ = measured(scene, shapes, Rules(pixel_rule=rule, statistic=statistic))
        for band in BANDS:
            np.testing.assert_array_equal(parts[band], whole[band])


# --- what is read ------------------------------------------------------------------------------------------------


def tile_of(path):
    """Return rows and columns of the tiles of a JPEG 2000 file: ISO 15444-1, marker SIZ."""
    head = path.read_bytes()
    at_marker = head.index(b"\xff\x4f\xff\x51") + 4
    (_, _, _, _, _, _, wide, tall, _, _) = struct.unpack(">HHIIIIIIII", head[at_marker : at_marker + 36])
    return tall, wide


@pytest.mark.parametrize("tile", [64, 192, 256])
@pytest.mark.parametrize("driver", ["JP2OpenJPEG", "GTiff"])
def test_tiles_are_decoded_once_and_only_those_with_parcels(tmp_path, monkeypatch, driver, tile):
    size, grid = 600, Grid(UTM31, NORTH_UP, 600, 600)
    path = tmp_path / ("B02.jp2" if driver == "JP2OpenJPEG" else "B02.tif")
    lossless = {"QUALITY": 100, "REVERSIBLE": "YES"} if driver == "JP2OpenJPEG" else {"tiled": True}
    stored = values_of(7, (size, size))
    with rasterio.open(
        path, "w", driver=driver, width=size, height=size, count=1, dtype="uint16", crs=UTM31, transform=NORTH_UP,
        blockxsize=tile, blockysize=tile, **lossless,
    ) as dataset:  # fmt: skip
        dataset.write(stored, 1)
    if driver == "JP2OpenJPEG":
        assert tile_of(path) == (tile, tile)
    windows = []
    read = SceneReader.read

    def counted(self, window, into):
        windows.append(window)
        return read(self, window, into)

    monkeypatch.setattr(SceneReader, "read", counted)
    monkeypatch.setattr(chunks, "CHUNK_PIXELS", tile * tile)
    monkeypatch.setattr(chunks, "CHUNK_ROWS", tile)
    drawn = [box(10.2, 20.3, 50.5, 60), box(250, 30, 280, 50), box(500, 420, 590, 500)]
    shapes = [in_pixels(shape, NORTH_UP) for shape in drawn]
    scene = Scene(str(path), "", dt.date(2018, 5, 7), "L2A", {"B02": Location(str(path), 1, grid, 0.0, 10_000.0)})
    values, _ = measured(scene, shapes, Rules(), ["B02"])
    np.testing.assert_array_equal(values["B02"], [expected(scene, "B02", shape, np.median) for shape in shapes])
    columns, rows = np.meshgrid(np.arange(size), np.arange(size))
    touched = {
        (int(y) // tile, int(x) // tile)
        for shape in drawn
        for x, y in np.argwhere(shapely.contains_xy(shape, columns + 0.5, rows + 0.5).T)
    }
    decoded = [
        (row, column)
        for w in windows
        for row in range(w.row_off // tile, -(-(w.row_off + w.height) // tile))
        for column in range(w.col_off // tile, -(-(w.col_off + w.width) // tile))
    ]
    assert all(w.row_off % tile == 0 and w.col_off % tile == 0 for w in windows)
    assert sorted(decoded) == sorted(touched)


def test_a_file_of_one_tile_is_read_in_parts(tmp_path):
    """GDAL decodes parts of a JPEG 2000 file that is one tile; the blocks that it tells of are such parts."""
    path = tmp_path / "one.jp2"
    with rasterio.open(
        path, "w", driver="JP2OpenJPEG", width=1300, height=1200, count=1, dtype="uint16", crs=UTM31,
        transform=NORTH_UP, blockxsize=2048, blockysize=2048, QUALITY=100, REVERSIBLE="YES",
    ) as dataset:  # fmt: skip
        dataset.write(values_of(1, (1200, 1300)), 1)
    assert tile_of(path) == (1200, 1300)
    with rasterio.open(path) as dataset:
        assert dataset.block_shapes == [(1024, 1024)]
