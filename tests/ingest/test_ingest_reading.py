"""The same pixels stored in all ways give the same series, whatever the chunks and the workers."""

import numpy as np
import pytest
import rasterio
import rasterio.mask
from shapely.geometry import box

from cropxai.bands import SCL_MASKED
from cropxai.ingest import chunks, extract_series
from cropxai.ingest import measure as measuring

X, Y = 500_000, 5_600_000
SHAPE = (70, 90)
NAMES = ("B02", "B04", "B08")


@pytest.fixture
def fields(tmp_path, vector):
    rng = np.random.default_rng(8)
    corners = np.column_stack([rng.uniform(-5, 85, 60), rng.uniform(-5, 65, 60), rng.uniform(1, 25, (60, 2))])
    shapes = [box(X + 10 * x, Y - 10 * (y + h), X + 10 * (x + w), Y - 10 * y) for x, y, w, h in corners]
    return vector(tmp_path / "fields.parquet", shapes)


def pixels_of(seed):
    rng = np.random.default_rng(seed)
    bands = {name: rng.integers(1, 9000, SHAPE).astype(np.uint16) for name in NAMES}
    for values in bands.values():
        values[rng.random(SHAPE) < 0.1] = rng.choice([0, 65_535])
    cloud = np.kron(rng.random((7, 9)) < 0.3, np.ones((10, 10), dtype=bool))
    return {**bands, "SCL": np.where(cloud, 9, 4).astype(np.uint16)}


def by_rasterio(path, shape, nodata):
    with rasterio.open(path) as dataset:
        outside, _, window = rasterio.mask.raster_geometry_mask(dataset, [shape], crop=True)
        values = dataset.read(window=window)
    clear = ~outside & ~np.isin(values[-1], SCL_MASKED)
    medians = []
    for band in values[:-1]:
        good = band[clear & (band != 0) & (band != nodata)]
        medians.append(np.float32(np.median(good.astype(np.float32)) / 10_000) if good.size else np.float32(np.nan))
    return medians


LAYOUTS = {
    "strips of one row": {"interleave": "band", "blockysize": 1},
    "strips of seven rows": {"interleave": "band", "blockysize": 7},
    "tiles": {"interleave": "band", "tiled": True, "blockxsize": 16, "blockysize": 32},
    "interleaved by pixel": {"tiled": True, "blockxsize": 32, "blockysize": 16, "interleave": "pixel"},
    "compressed": {"compress": "deflate", "predictor": 2, "interleave": "pixel", "blockysize": 16},
}


@pytest.mark.parametrize("stored", list(LAYOUTS))
@pytest.mark.parametrize("dtype", ["uint16", "int32", "float64"])
def test_however_it_is_stored(tmp_path, monkeypatch, raster, fields, stored, dtype):
    bands = {name: values.astype(dtype) for name, values in pixels_of(1).items()}
    scaling = (0.0001, 0.0) if dtype == "float64" else None
    options = {"nodata": 65_535, "scaling": scaling, **LAYOUTS[stored]}
    path = raster(tmp_path / "L2A_20180501.tif", bands, **options)
    with rasterio.open(path) as dataset:
        assert (dataset.interleaving.value == "PIXEL") == (options.get("interleave") == "pixel")
    series = extract_series(fields, path, min_clear=0)
    for shape, status, values in zip(series.parcels.geometry, series.status, series.reflectance[:, 0], strict=True):
        if status not in ("", "no clear date"):
            continue
        np.testing.assert_array_equal(values, by_rasterio(path, shape, 65_535))
    monkeypatch.setattr(chunks, "CHUNK_PIXELS", 1)
    cut_up = extract_series(fields, path, min_clear=0)
    assert cut_up.dataset.identical(series.dataset)


def test_bands_and_mask_of_unlike_types(tmp_path, raster, fields):
    bands = pixels_of(2)
    plain = raster(tmp_path / "a" / "L2A_20180501.tif", bands)
    mixed = tmp_path / "b" / "L2A_20180501.tif"
    mixed.parent.mkdir()
    mixed.write_text(virtual(plain, ("UInt16", "Int32", "UInt16", "Int32")))
    expected = extract_series(fields, plain)
    np.testing.assert_array_equal(extract_series(fields, mixed).reflectance, expected.reflectance)


def virtual(path, types):
    """Return a virtual raster with the bands of a file, each of the type given."""
    with rasterio.open(path) as dataset:
        transform = ", ".join(str(value) for value in dataset.transform.to_gdal())
        bands = "".join(
            f'<VRTRasterBand dataType="{dtype}" band="{n}"><Description>{name}</Description>'
            f"<NoDataValue>0</NoDataValue><SimpleSource><SourceFilename>{path}</SourceFilename><SourceBand>{n}</SourceBand></SimpleSource>"
            "</VRTRasterBand>"
            for n, (name, dtype) in enumerate(zip(dataset.descriptions, types, strict=True), start=1)
        )
        return (
            f'<VRTDataset rasterXSize="{dataset.width}" rasterYSize="{dataset.height}">'
            f"<SRS>{dataset.crs.to_wkt()}</SRS><GeoTransform>{transform}</GeoTransform>{bands}</VRTDataset>"
        )


@pytest.fixture
def images(tmp_path, raster):
    for day in range(1, 8):
        raster(tmp_path / "s2" / f"L2A_2018060{day}.tif", pixels_of(day), tiled=True, blockxsize=16, blockysize=16)
    return tmp_path / "s2"


def test_workers_do_not_change_the_series(tmp_path, fields, images):
    alone = extract_series(fields, images, workers=1)
    for workers in (2, 3, 8, None):
        assert extract_series(fields, images, workers=workers).dataset.identical(alone.dataset)
    assert extract_series(fields, images, workers=3, workdir=tmp_path / "parts").dataset.identical(alone.dataset)


def test_a_run_of_several_workers_goes_on_where_it_stopped(tmp_path, monkeypatch, fields, images):
    original = measuring._measure

    def stopping(scene, *rest):
        if scene.date.day == 4:
            raise KeyboardInterrupt
        return original(scene, *rest)

    monkeypatch.setattr(measuring, "_measure", stopping)
    with pytest.raises(KeyboardInterrupt):
        extract_series(fields, images, workers=2, workdir=tmp_path / "parts")
    kept = {part.name[:8] for part in (tmp_path / "parts").glob("*.npz")}
    assert {"20180601", "20180602", "20180603"} <= kept
    assert "20180604" not in kept
    measured = []
    monkeypatch.setattr(measuring, "_measure", lambda scene, *r: measured.append(scene.date.day) or original(scene, *r))
    resumed = extract_series(fields, images, workers=2, workdir=tmp_path / "parts")
    assert len(measured) == 7 - len(kept)
    assert resumed.dataset.identical(extract_series(fields, images).dataset)


def test_workers_on_the_command_line(tmp_path, fields, images, command):
    for workers in ("1", "3"):
        code, _, err = command("ingest", fields, images, "-o", tmp_path / f"{workers}.zarr", "--workers", workers)
        assert code == 0, err
    code, _, err = command("ingest", fields, images, "-o", tmp_path / "none.zarr", "--workers", "0")
    assert code == 2
    assert "--workers" in err
