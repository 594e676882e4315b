import sys

import numpy as np
import pytest
from rasterio.windows import Window
from shapely.geometry import box

from cropxai.errors import ExtraMissing, ScenesUnreadable
from cropxai.ingest import extract_series
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.clouds import Hidden
from cropxai.ingest.detector import BANDS, with_detector
from cropxai.ingest.rules import Rules

X, Y = 500_000, 5_600_000
#: Typical reflectance (× 10 000) of a green field and of a thick cloud in the ten bands, B10 dark under clear sky.
FIELD = (1300, 1000, 600, 1000, 3500, 3900, 800, 15, 2200, 1100)
CLOUD = (6000, 6200, 6300, 6400, 6700, 6800, 4000, 900, 4500, 3600)
SIZE = 240  # 40 pixels of 60 m
UNDER, AWAY = slice(0, 120), slice(150, 240)


@pytest.fixture
def cloudy(tmp_path, raster):
    """An L1C scene of 10 m with a cloud over its western half."""
    bands = {}
    for band, field, cloud in zip(BANDS, FIELD, CLOUD, strict=True):
        values = np.full((SIZE, SIZE), field, dtype=np.uint16)
        values[:, UNDER] = cloud
        bands[band] = values
    return raster(tmp_path / "L1C_31UDS_20200507.tif", bands)


def test_clouds_are_where_s2cloudless_itself_finds_them(cloudy):
    from s2cloudless import S2PixelCloudDetector

    (scene,) = with_detector(find_scenes(cloudy))
    hidden = Hidden(scene, Rules()).on(scene.grid, Window(0, 0, SIZE, SIZE))
    stack = np.empty((1, 40, 40, 10), dtype=np.float32)
    stack[:] = np.array(FIELD) / 10_000
    stack[:, :, :20] = np.array(CLOUD) / 10_000
    own = S2PixelCloudDetector(threshold=0.4, average_over=4, dilation_size=None).get_cloud_masks(stack)[0]
    np.testing.assert_array_equal(hidden, own.repeat(6, 0).repeat(6, 1) != 0)
    assert hidden[:, UNDER].all() and not hidden[:, AWAY].any()


def test_a_parcel_under_the_cloud_has_no_value(cloudy, tmp_path, vector):
    fields = vector(
        tmp_path / "fields.gpkg", [box(X + 100, Y - 900, X + 900, Y - 100), box(X + 1600, Y - 900, X + 2300, Y - 100)]
    )
    series = extract_series(fields, cloudy, bands=["B04", "B08"], cloud_detector="s2cloudless", dilation=100)
    assert np.isnan(series.reflectance[0]).all() and series.status[0] == "no clear date"
    np.testing.assert_allclose(series.reflectance[1, 0], [0.06, 0.35], atol=1e-6)
    assert series.dataset.attrs["cloud_detector"] == "s2cloudless"


def test_a_raster_that_is_no_multiple_of_60_m(tmp_path, raster):
    bands = {band: np.full((31, 27), value, dtype=np.uint16) for band, value in zip(BANDS, CLOUD, strict=True)}
    (scene,) = with_detector(find_scenes(raster(tmp_path / "L1C_20200507.tif", bands)))
    assert (scene.masks[0].location.grid.width, scene.masks[0].location.grid.height) == (5, 6)
    assert Hidden(scene, Rules()).on(scene.grid, Window(0, 0, 27, 31)).all()


def test_scenes_that_it_cannot_take(tmp_path, raster, cloudy):
    l2a = raster(tmp_path / "L2A_20200507.tif", {"B04": np.ones((3, 3), np.uint16)})
    l1c = raster(tmp_path / "L1C_20200507.tif", {"B04": np.ones((3, 3), np.uint16)})
    with pytest.raises(ScenesUnreadable, match=r"L2A_20200507\.tif: is L2A, and s2cloudless is for L1C"):
        with_detector(find_scenes(l2a))
    with pytest.raises(ScenesUnreadable, match="lacks B01, B02, B05, .*, which s2cloudless needs"):
        with_detector(find_scenes(l1c))


def test_without_the_package(cloudy, monkeypatch):
    monkeypatch.setitem(sys.modules, "s2cloudless", None)
    with pytest.raises(ExtraMissing, match=r"--cloud-detector needs the package s2cloudless; .*cropxai\[clouds\]"):
        with_detector(find_scenes(cloudy))
