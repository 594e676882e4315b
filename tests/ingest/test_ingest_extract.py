import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.mask
import shapely
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Point, box

from cropxai.bands import SCL_MASKED
from cropxai.errors import (
    NoOverlap,
    NoScenes,
    ParcelsTooSmall,
    ScenesSetAside,
    ScenesUnreadable,
    SeriesUnusable,
)
from cropxai.ingest import extract_series
from cropxai.ingest import measure as measuring
from cropxai.series import CropSeries
from cropxai.series.cube import WHY_MISSING

X, Y = 500_000, 5_600_000
BANDS = ("B02", "B8A", "B11")


def at(left, top, right, bottom):
    """Return a box given in pixels of the test rasters."""
    return box(X + 10 * left, Y - 10 * bottom, X + 10 * right, Y - 10 * top)


FIELDS = [
    at(1, 1, 6, 5),
    at(4, 3, 9, 8),  # overlaps the first
    at(10, 1, 18, 9).difference(at(12, 3, 15, 6)),
    MultiPolygon([at(1, 10, 4, 13), at(6, 11, 8, 14)]),
    at(17, 12, 23, 17),  # over the edge: 3 of 6 columns, 3 of 5 rows on the raster
    Point(X + 125, Y - 125).buffer(24),
]


def scene_of(rng, shape=(15, 20), cloud=0.3, gaps=0.1):
    values = {name: rng.integers(1, 9000, shape).astype(np.uint16) for name in BANDS}
    gap = rng.random(shape) < gaps
    for band in values.values():
        band[gap] = 0
    values["SCL"] = np.where(rng.random(shape) < cloud, rng.choice([0, 3, 8, 9, 10], shape), 4).astype(np.uint16)
    return values


def expected_of(path, shape, min_clear=0.5, total=None, offset=0, masked=SCL_MASKED):
    """Medians and clear pixels of one parcel and scene, by rasterio.mask and numpy alone."""
    with rasterio.open(path) as dataset:
        pixels, _ = rasterio.mask.mask(dataset, [shape], crop=True, nodata=0)  # outside all is 0, which SCL masks
        names = list(dataset.descriptions)
    bands = [pixels[names.index(band)] for band in BANDS]
    clear = ~np.isin(pixels[names.index("SCL")], masked) & (np.array(bands) > 0).any(axis=0)
    total = geometry_total(shape) if total is None else total
    medians = []
    for band in bands:
        good = band[clear & (band > 0)]
        enough = len(good) >= max(1, min_clear * total)
        medians.append(np.float32((np.median(good) + offset) / 10_000) if enough else np.float32(np.nan))
    return np.array(medians), int(clear.sum()), total


def geometry_total(shape):
    """Pixel centres inside a shape, one by one, on a plane that goes on beyond the raster."""
    columns, rows = np.meshgrid(np.arange(-30, 60), np.arange(-30, 60))
    return int(shapely.contains_xy(shape, X + 10 * columns + 5, Y - 10 * rows - 5).sum())


@pytest.fixture
def fields(tmp_path, vector):
    return vector(tmp_path / "fields.gpkg", FIELDS, crop=list("abcdef"))


@pytest.fixture
def images(tmp_path, raster):
    rng = np.random.default_rng(3)
    for day in (5, 12, 20):
        raster(tmp_path / "s2" / f"S2L2A_31UDS_201805{day:02}.tif", scene_of(rng))
    return tmp_path / "s2"


@pytest.mark.parametrize(("min_clear", "offset"), [(0.5, None), (0.0, -1000), (0.8, None)])
def test_medians_equal_rasterio_and_numpy(fields, images, min_clear, offset):
    series = extract_series(fields, images, label_field="crop", min_clear=min_clear, dn_offset=offset)
    assert series.bands == BANDS
    assert [str(d) for d in series.dates] == ["2018-05-05", "2018-05-12", "2018-05-20"]
    for p, shape in enumerate(FIELDS):
        for t, path in enumerate(sorted(images.iterdir())):
            medians, clear, total = expected_of(path, shape, min_clear, offset=offset or 0)
            np.testing.assert_array_equal(series.reflectance[p, t], medians)
            assert series.dataset["valid_pixels"].values[p, t] == clear
            assert series.dataset["clear_fraction"].values[p, t] == np.float32(clear / total)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 10**6), quarters=st.lists(st.tuples(*[st.integers(-12, 80)] * 4), min_size=1, max_size=6))
def test_any_boxes_on_any_pixels(raster, vector, seed, quarters):
    shapes = [at(*(v / 4 for v in (min(a, c), min(b, d), max(a, c) + 3, max(b, d) + 3))) for a, b, c, d in quarters]
    with tempfile.TemporaryDirectory() as folder:
        parcels = vector(Path(folder) / "p.parquet", [*shapes, FIELDS[0]])
        path = raster(Path(folder) / "L2A_20180507.tif", scene_of(np.random.default_rng(seed), cloud=0.2))
        series = extract_series(parcels, path, min_clear=0)
        for p, shape in enumerate(shapes):
            if series.status[p] != "outside the rasters":
                medians, clear, _ = expected_of(path, shape, min_clear=0, total=1)
                np.testing.assert_array_equal(series.reflectance[p, 0], medians)
                assert series.dataset["valid_pixels"].values[p, 0] == clear
            else:
                assert np.isnan(series.reflectance[p]).all()


def test_what_the_series_tells_of_itself(fields, images):
    series = extract_series(fields, images, label_field="crop")
    attrs = series.dataset.attrs
    assert (series.level, attrs["pixel_rule"], attrs["statistic"], attrs["min_clear"]) == (
        "L2A",
        "centre",
        "median",
        0.5,
    )
    assert attrs["sources"] == [f"S2L2A_31UDS_201805{day}.tif" for day in ("05", "12", "20")]
    assert len(attrs["plan_hash"]) == 64
    assert list(series.labels) == list("abcdef")
    assert list(series.status) == [""] * 4 + ["cut by the raster edge: 30% of it on the rasters", ""]
    places = gpd.GeoSeries(gpd.points_from_xy(series.dataset["lon"], series.dataset["lat"]), crs="EPSG:4326")
    assert places.to_crs("EPSG:32631").within(gpd.GeoSeries(FIELDS, crs="EPSG:32631")).all()
    assert series.parcels.geometry.geom_equals(gpd.read_file(fields).geometry).all()


def test_why_a_date_has_no_value(raster, vector, tmp_path):
    band, classes = np.full((6, 12), 900, dtype=np.uint16), np.full((6, 12), 4, dtype=np.uint16)
    band[:, 8:] = 0
    classes[:, :4] = 9
    path = raster(tmp_path / "L2A_20180507.tif", {"B04": band, "SCL": classes})
    shapes = [at(0, 0, 4, 3), at(4, 0, 8, 3), at(8, 0, 12, 3), at(4, 4, 8, 14), at(40, 0, 44, 3)]
    series = extract_series(vector(tmp_path / "fields.gpkg", shapes), path)
    why = [WHY_MISSING[code] for code in series.dataset["why_missing"].values[:, 0]]
    assert why == ["not clear", "", "no data on the rasters", "cut by the raster edge", "no data on the rasters"]
    assert "dates without a value: 40 % no data on the rasters, 20 % cut by the raster edge, 20 % not clear" in (
        series.summary()
    )
    series.save(tmp_path / "s.zarr")
    kept = CropSeries.open(tmp_path / "s.zarr").dataset["why_missing"]
    np.testing.assert_array_equal(kept, series.dataset["why_missing"])
    assert kept.dtype == np.uint8 and kept.attrs["flag_meanings"].split()[3] == "not_clear"


def test_missing_is_never_zero(fields, images):
    values = extract_series(fields, images, min_clear=0.8).reflectance
    assert np.isnan(values).any()
    assert (values[~np.isnan(values)] > 0).all()


def test_the_order_of_scenes_does_not_matter(fields, images):
    files = sorted(images.iterdir())
    first, second = extract_series(fields, files), extract_series(fields, [files[2], files[0], files[1]])
    assert first.dataset.identical(second.dataset)


def test_parcels_in_another_crs(tmp_path, fields, images):
    degrees = gpd.read_file(fields).to_crs("EPSG:4326")
    degrees.to_file(tmp_path / "degrees.geojson")
    values = extract_series(tmp_path / "degrees.geojson", images)
    for p, shape in enumerate(degrees.to_crs("EPSG:32631").geometry):
        medians, _, _ = expected_of(images / "S2L2A_31UDS_20180512.tif", shape, total=geometry_total(FIELDS[p]))
        np.testing.assert_array_equal(values.reflectance[p, 1], medians)
    assert values.parcels.crs == "EPSG:4326"


def test_bands_and_dates_to_keep(fields, images):
    series = extract_series(fields, images, bands=["B11", "B02"], start="2018-05-12")
    whole = extract_series(fields, images)
    assert series.bands == ("B11", "B02")
    np.testing.assert_array_equal(series.reflectance, whole.reflectance[:, 1:, [2, 0]])
    with pytest.raises(SeriesUnusable, match="no raster has B10; the bands are B02 B8A B11"):
        extract_series(fields, images, bands=["B10"])


def test_scl_classes_to_mask(fields, images):
    series = extract_series(fields, images, masked_classes=[9], min_clear=0)
    path = images / "S2L2A_31UDS_20180505.tif"
    for p, shape in enumerate(FIELDS):
        outside_too = expected_of(path, shape, min_clear=0, masked=(9,))
        np.testing.assert_array_equal(series.reflectance[p, 0], outside_too[0])


def test_a_cloud_mask(tmp_path, raster, fields):
    values = scene_of(np.random.default_rng(1))
    scl = values.pop("SCL")
    with_scl = raster(tmp_path / "a" / "L2A_20180507.tif", {**values, "SCL": scl})
    with_clm = raster(tmp_path / "b" / "L2A_20180507.tif", {**values, "CLM": (scl != 4).astype(np.uint16)})
    without = raster(tmp_path / "c" / "L2A_20180507.tif", values)
    series = [extract_series(fields, path) for path in (with_scl, with_clm, without)]
    np.testing.assert_array_equal(series[0].reflectance, series[1].reflectance)
    assert (series[2].dataset["valid_pixels"] >= series[0].dataset["valid_pixels"]).all()
    assert series[2].dataset["valid_pixels"].sum() > series[0].dataset["valid_pixels"].sum()


def test_two_tiles_on_one_date(tmp_path, raster, vector):
    """A parcel takes the tile that counts, then that with more of its pixels, then more clear ones, then the name."""
    shape = (15, 20)
    clear, cloudy = (np.full(shape, scl, dtype=np.uint16) for scl in (4, 9))
    east = Affine(10, 0, X + 100, 0, -10, Y)
    half = clear.copy()
    half[:, 11] = 9
    levels = {"west": 1000, "east": 2000}
    parcels = vector(
        tmp_path / "p.gpkg",
        [at(2, 2, 5, 5), at(22, 2, 25, 5), at(17, 2, 24, 5), at(12, 2, 16, 5), at(10, 7, 12, 9)],
        id=["west only", "east only", "more in the east", "in both", "clearer in the east"],
    )

    def run(order):
        paths = []
        for name, transform, scl in (("31UDS", None, half), ("31UES", east, clear)):
            value = levels["west" if name == "31UDS" else "east"]
            bands = {"B02": np.full(shape, value, dtype=np.uint16), "SCL": scl}
            options = {} if transform is None else {"transform": transform}
            paths.append(raster(tmp_path / f"L2A_{name}_20180507.tif", bands, **options))
        return extract_series(parcels, paths[::order])

    expected = np.array([0.1, 0.2, 0.2, 0.1, 0.2], dtype=np.float32)
    for order in (1, -1):
        np.testing.assert_array_equal(run(order).reflectance[:, 0, 0], expected)
    assert list(run(1).dataset["valid_pixels"].values[:, 0]) == [9, 9, 21, 12, 4]
    half[:] = cloudy
    np.testing.assert_array_equal(run(1).reflectance[:, 0, 0], np.array([np.nan, 0.2, 0.2, 0.2, 0.2], np.float32))


def test_a_tile_whose_pixels_end_gives_way_to_one_that_shows_the_parcel(tmp_path, raster, vector):
    parcels = vector(tmp_path / "p.gpkg", [at(10, 2, 16, 5)])
    swath_ends = np.zeros((15, 20), dtype=np.uint16)
    whole = np.full((15, 15), 2000, dtype=np.uint16)  # has fewer pixels of the parcel, but they hold data
    paths = [raster(tmp_path / "L2A_31UDS_20180507.tif", {"B02": swath_ends + (np.arange(20) < 3).astype(np.uint16)})]
    paths.append(raster(tmp_path / "L2A_31UES_20180507.tif", {"B02": whole}))
    with pytest.warns(ScenesSetAside, match=r"1 raster: only nodata on the parcels \('.*31UDS_20180507\.tif'\)"):
        series = extract_series(parcels, paths)
    assert series.reflectance[0, 0, 0] == np.float32(0.2)
    assert series.dataset["valid_pixels"].values[0, 0] == 15


def test_missing_bands_are_missing_on_their_date(tmp_path, raster, fields, images):
    values = scene_of(np.random.default_rng(9), cloud=0)
    raster(images / "S2L2A_31UDS_20180525.tif", {"B02": values["B02"], "B8A": values["B8A"]})
    with pytest.warns(ScenesSetAside, match=r"1 raster: without B11, missing on their dates \('.*0525\.tif'\)"):
        series = extract_series(fields, images)
    assert np.isnan(series.reflectance[:, 3, 2]).all()
    assert np.isfinite(series.reflectance[:4, 3, :2]).all()
    assert np.isfinite(series.reflectance[:4, :3, 2]).any()


def test_a_date_of_nothing_but_nodata_is_left_out(tmp_path, fields, images, raster):
    nothing = {band: np.zeros((15, 20), dtype=np.uint16) for band in (*BANDS, "SCL")}
    raster(images / "S2L2A_31UDS_20180601.tif", nothing)
    with pytest.warns(ScenesSetAside, match="1 raster: only nodata on the parcels"):
        series = extract_series(fields, images)
    assert len(series.dates) == 3
    assert "S2L2A_31UDS_20180601.tif" not in series.dataset.attrs["sources"]
    half = np.where(np.arange(20) < 9, 0, 900) * np.ones((15, 1), dtype=int)
    path = raster(tmp_path / "half" / "L2A_20180601.tif", {"B02": half.astype(np.uint16)})
    assert list(extract_series(fields, path).status[:3]) == ["only nodata on the rasters"] * 2 + [""]
    with pytest.raises(NoScenes, match=r"0601\.tif: all pixels on the parcels are nodata"):
        extract_series(fields, images / "S2L2A_31UDS_20180601.tif")


def test_a_cloudy_date_stays_and_is_missing(fields, images, raster):
    values = scene_of(np.random.default_rng(9))
    raster(images / "S2L2A_31UDS_20180601.tif", {**values, "SCL": np.full((15, 20), 9, dtype=np.uint16)})
    series = extract_series(fields, images)
    assert len(series.dates) == 4
    assert np.isnan(series.reflectance[:, 3]).all()
    assert (series.dataset["valid_pixels"].values[:, 3] == 0).all()


def test_declared_nodata_and_its_offset(tmp_path, raster, fields):
    values = np.full((15, 20), 3000, dtype=np.uint16)
    values[1:3] = 65_535
    path = raster(tmp_path / "L2A_20180507.tif", {"B02": values}, nodata=65_535, scaling=(0.0001, -0.1))
    series = extract_series(fields, path)
    np.testing.assert_array_equal(series.reflectance[[0, 1], 0, 0], np.float32(0.2))
    assert list(series.dataset["valid_pixels"].values[:2, 0]) == [10, 25]


def test_floating_point_reflectance(tmp_path, raster, fields):
    values = np.random.default_rng(2).random((15, 20)).astype(np.float32)
    values[2, 2] = np.nan
    series = extract_series(fields, raster(tmp_path / "a" / "L2A_20180507.tif", {"B02": values}, nodata=np.nan))
    inside = values[1:5, 1:6]
    assert series.reflectance[0, 0, 0] == np.median(inside[~np.isnan(inside)])
    dn = raster(tmp_path / "b" / "L2A_20180507.tif", {"B02": values * 5000})
    with pytest.raises(ScenesUnreadable, match=r"0507\.tif: holds floating-point values up to \d+, which are no refl"):
        extract_series(fields, dn)


def test_parcels_that_miss_the_rasters(tmp_path, vector, images):
    away = vector(tmp_path / "away.gpkg", [at(500, 500, 510, 510)])
    with pytest.raises(NoOverlap, match=r"away\.gpkg: no parcel lies on the rasters of .*s2; check the CRS"):
        extract_series(away, images)
    beside = vector(tmp_path / "beside.gpkg", [at(-5, 2, 0.2, 5)])
    with pytest.raises(NoOverlap):
        extract_series(beside, images)
    small = vector(tmp_path / "small.gpkg", [at(5.6, 5.6, 6.4, 6.4)])
    with pytest.raises(ParcelsTooSmall, match=r"small\.gpkg: no pixel centre inside: area 64 m2, pixel 10 m \(all par"):
        extract_series(small, images)


def test_scenes_without_parcels_are_told(tmp_path, raster, fields, images):
    away = Affine(10, 0, X + 50_000, 0, -10, Y)
    raster(images / "S2L2A_31UES_20180506.tif", scene_of(np.random.default_rng(0)), transform=away)
    with pytest.warns(ScenesSetAside, match=r"1 raster: no parcel on them \('.*31UES_20180506\.tif'\)"):
        assert len(extract_series(fields, images).dates) == 3


def test_every_parcel_stays_with_its_reason(tmp_path, vector, images):
    shapes = [FIELDS[0], None, at(500, 500, 510, 510), at(5.6, 5.6, 6.4, 6.4), FIELDS[4]]
    series = extract_series(vector(tmp_path / "p.parquet", shapes), images)
    assert list(series.status) == [
        "",
        "no geometry",
        "outside the rasters",
        "no pixel centre inside: area 64 m2, pixel 10 m",
        "cut by the raster edge: 30% of it on the rasters",
    ]
    assert np.isnan(series.reflectance[1:]).all()
    assert "1 × no pixel centre inside" in series.summary()


def test_a_damaged_raster_is_named(fields, images):
    path = images / "S2L2A_31UDS_20180512.tif"
    path.write_bytes(path.read_bytes()[:-300])
    with pytest.raises(ScenesUnreadable, match=r"0512\.tif: is damaged"):
        extract_series(fields, images)


def test_a_stopped_run_goes_on_where_it_stopped(tmp_path, monkeypatch, fields, images):
    whole = extract_series(fields, images)
    measured = []
    original = measuring._measure

    def counting(scene, *rest):
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append(scene.date.day)
        return original(scene, *rest)

    monkeypatch.setattr(measuring, "_measure", counting)
    with pytest.raises(KeyboardInterrupt):
        extract_series(fields, images, workdir=tmp_path / "parts", workers=1)
    parts = sorted((tmp_path / "parts").glob("2*"))
    assert [p.suffix for p in parts] == [".npz", ".npz"]
    parts[0].write_bytes(b"damaged")
    measured.pop()  # room for the damaged part and the third
    measured.pop()
    resumed = extract_series(fields, images, workdir=tmp_path / "parts", workers=1)
    assert measured == [5, 20]
    assert resumed.dataset.identical(whole.dataset)


def test_parts_are_measured_anew_when_what_they_rest_on_changes(tmp_path, monkeypatch, raster, fields, images):
    measured = []
    original = measuring._measure
    monkeypatch.setattr(measuring, "_measure", lambda scene, *r: measured.append(scene.date.day) or original(scene, *r))
    extract_series(fields, images, workdir=tmp_path / "parts", workers=1)
    extract_series(fields, images, workdir=tmp_path / "parts", workers=1, min_clear=0.9)  # applied to what was measured
    assert measured == [5, 12, 20]
    extract_series(fields, images, workdir=tmp_path / "parts", workers=1, masked_classes=[9])
    extract_series(fields, images, workdir=tmp_path / "parts", workers=1, dn_offset=-1000)
    assert measured == [5, 12, 20] * 3
    raster(images / "S2L2A_31UDS_20180512.tif", scene_of(np.random.default_rng(77)))
    changed = extract_series(fields, images, workdir=tmp_path / "parts", workers=1)
    assert measured == [5, 12, 20] * 3 + [12]
    assert changed.dataset.identical(extract_series(fields, images).dataset)


def test_progress_rises_to_one(fields, images):
    told = []
    extract_series(fields, images, report=lambda fraction, message="": told.append((fraction, message)))
    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    assert "2018-05-12 31UDS" in [message for _, message in told]
