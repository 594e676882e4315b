"""Real parcels on real images, against rasterio and numpy."""

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import rasterio.mask
from exactextract import exact_extract
from exactextract.raster import NumPyRasterSource
from rasterio.features import geometry_mask

from cropxai.bands import SCL_MASKED
from cropxai.ingest import extract_series
from cropxai.series import CropSeries

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def flanders(real_data):
    folder = real_data("flanders_2018")
    series = extract_series(folder / "parcels.gpkg", folder / "s2", label_field="crop")
    return series, gpd.read_file(folder / "parcels.gpkg"), sorted((folder / "s2").glob("*.tif"))


@pytest.fixture(scope="module")
def freising(real_data):
    folder = real_data("freising_2018")
    series = extract_series(folder / "fields.gpkg", folder / "s2", id_field="Name", label_field="crop")
    return series, gpd.read_file(folder / "fields.gpkg"), sorted((folder / "s2").glob("*.tif"))


def expected_of(path, shape, bands, mask, masked, statistic=np.median):
    """Medians or means (NaN if fewer than half of the pixels are clear), clear pixels and all pixels of one parcel."""
    with rasterio.open(path) as dataset:
        names, pixels = list(dataset.descriptions), dataset.read()
        inside = geometry_mask([shape], dataset.shape, dataset.transform, invert=True)
    pixels = pixels[:, inside]
    layers = np.array([pixels[names.index(band)] for band in bands])
    clear = ~np.isin(pixels[names.index(mask)], masked) & (layers > 0).any(axis=0)
    medians = []
    for layer in layers:
        good = layer[clear & (layer > 0)]
        enough = len(good) >= max(1, inside.sum() / 2)
        medians.append(np.float32(statistic(good) / 10_000) if enough else np.float32(np.nan))
    return medians, clear.sum(), inside.sum()


def assert_equal_to_rasterio(series, shapes, files, mask, masked, parcels, statistic=np.median):
    for p in parcels:
        if series.status[p] == "outside the rasters":
            continue
        for t, path in enumerate(files):
            medians, clear, inside = expected_of(path, shapes.geometry[p], series.bands, mask, masked, statistic)
            np.testing.assert_array_equal(series.reflectance[p, t], medians)
            assert series.dataset["valid_pixels"].values[p, t] == clear
            assert series.dataset["clear_fraction"].values[p, t] == np.float32(clear / inside)


def test_flanders_equals_rasterio_and_numpy(flanders):
    series, shapes, files = flanders
    assert series.reflectance.shape == (18, 118, 10)
    assert (str(series.dates[0]), str(series.dates[-1])) == ("2017-08-04", "2018-11-27")
    assert (series.level, set(series.status)) == ("L2A", {""})
    assert_equal_to_rasterio(series, shapes, files, "SCL", SCL_MASKED, range(0, 18, 3))


def test_freising_equals_rasterio_and_numpy(freising):
    series, shapes, files = freising
    assert series.reflectance.shape == (33, 23, 12)
    assert_equal_to_rasterio(series, shapes, files, "CLM", tuple(range(1, 256)), range(0, 33, 8))


def test_means_equal_rasterio_and_numpy(flanders, freising, real_data):
    _, shapes, files = flanders
    folder = real_data("flanders_2018")
    series = extract_series(folder / "parcels.gpkg", folder / "s2", statistic="mean")
    assert_equal_to_rasterio(series, shapes, files, "SCL", SCL_MASKED, range(0, 18, 3), np.mean)
    _, shapes, files = freising
    folder = real_data("freising_2018")
    series = extract_series(folder / "fields.gpkg", folder / "s2", id_field="Name", statistic="mean")
    assert_equal_to_rasterio(series, shapes, files, "CLM", tuple(range(1, 256)), range(0, 33, 8), np.mean)


def test_exact_means_equal_exactextract(freising, real_data):
    _, shapes, files = freising
    folder = real_data("freising_2018")
    asked = {"pixel_rule": "exact", "statistic": "mean", "id_field": "Name", "min_clear": 0, "bands": ["B04", "B08"]}
    series = extract_series(folder / "fields.gpkg", folder / "s2", **asked)
    compared = 0
    for t, path in list(enumerate(files))[::6]:
        with rasterio.open(path) as dataset:
            names = list(dataset.descriptions)
            hidden = dataset.read(names.index("CLM") + 1) != 0
            layers = [dataset.read(names.index(band) + 1).astype(float) for band in series.bands]
            left, bottom, right, top = dataset.bounds
        own = shapes.to_crs(dataset.crs)
        for b, layer in enumerate(layers):
            layer[hidden | (layer == 0)] = np.nan
            raster = NumPyRasterSource(layer, left, bottom, right, top)
            theirs = exact_extract(raster, own, ["mean", "count"], output="pandas")
            some = (theirs["count"] > 0.5).to_numpy()
            compared += some.sum()
            np.testing.assert_allclose(series.reflectance[some, t, b], theirs["mean"][some] / 10_000, rtol=1e-6)
    assert compared > 100


def test_missing_is_never_zero(flanders, freising):
    for series, _, _ in (flanders, freising):
        values = series.reflectance
        assert (values[~np.isnan(values)] > 0).all()
        counts = series.dataset["valid_pixels"].values > 0
        assert not np.isfinite(values).any(axis=2)[~counts].any()


def test_dates_that_cover_half_of_the_fields(freising):
    """On three dates the image ends amid the fields: those beyond have no pixel with data, and are missing."""
    series, shapes, files = freising
    empty = np.zeros((len(shapes), len(files)), dtype=bool)
    for t, path in enumerate(files):
        with rasterio.open(path) as dataset:
            for p, shape in enumerate(shapes.geometry):
                try:
                    pixels, _ = rasterio.mask.mask(dataset, [shape], crop=True, nodata=0, indexes=[2])
                except ValueError:  # the field lies beside the raster
                    continue
                empty[p, t] = not pixels.any()
    on_raster = series.status == ""
    partly = [t for t in range(len(files)) if empty[on_raster, t].mean() > 0.3]
    assert len(partly) == 3
    assert np.isnan(series.reflectance[empty]).all()
    assert (series.dataset["valid_pixels"].values[empty] == 0).all()
    assert np.isfinite(series.reflectance[on_raster][:, partly]).any()


def test_fields_without_a_series_say_why(freising):
    series, _, _ = freising
    reasons = dict(zip(series.parcel_id[series.status != ""], series.status[series.status != ""], strict=True))
    assert reasons == {"Feldhof1b": "only nodata on the rasters", "Thalhausen86": "outside the rasters"}


def test_the_store_keeps_what_was_extracted(flanders, tmp_path):
    series, shapes, _ = flanders
    kept = CropSeries.open(series.save(tmp_path / "flanders.zarr"))
    np.testing.assert_allclose(kept.reflectance, series.reflectance, atol=0.5001e-4)  # whole DN
    np.testing.assert_array_equal(kept.dataset["valid_pixels"], series.dataset["valid_pixels"])
    assert list(kept.parcels["crop"]) == list(shapes["crop"]) == list(kept.labels)
