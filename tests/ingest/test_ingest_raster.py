from pathlib import Path

import numpy as np
import pytest
import rasterio

from cropxai.errors import ScenesUnreadable
from cropxai.ingest import open_scene

SCENE = sorted((Path(__file__).parents[2] / "sample_data" / "scenes").glob("*.tif"))[3]


def test_a_scene_is_reflectance_with_its_georeference():
    opened = open_scene(SCENE)
    with rasterio.open(SCENE) as dataset:
        stored, names = dataset.read(), dataset.descriptions
        assert opened.rio.crs == dataset.crs
        assert opened.rio.transform() == dataset.transform
    assert list(opened.band.values) == [n for n in names if n != "SCL"]
    expected = np.where(stored == 0, np.nan, stored / 10000)[: len(opened.band)]
    np.testing.assert_allclose(opened.values, expected, rtol=1e-6)
    assert opened.attrs == {
        "date": f"{SCENE.stem[-8:-4]}-{SCENE.stem[-4:-2]}-{SCENE.stem[-2:]}",
        "tile": "32UPU",
        "level": "L2A",
    }


def test_one_file_is_one_scene(tmp_path, raster):
    ones = np.ones((4, 5), dtype=np.uint16)
    with pytest.raises(ScenesUnreadable, match=r"sample_data.scenes: holds 56 scenes; give one GeoTIFF with all bands"):
        open_scene(SCENE.parent)
    for band in ("B02", "B03"):
        raster(tmp_path / f"L2A_20180507_{band}.tif", {band: ones})
    with pytest.raises(ScenesUnreadable, match=r"is a scene of 2 files; give one"):
        open_scene(tmp_path)


def test_offset_and_scale(tmp_path, raster):
    pixels = np.full((4, 5), 3000, dtype=np.uint16)
    path = raster(tmp_path / "L2A_20180507.tif", {"B02": pixels}, scaling=(0.0001, -0.1))
    np.testing.assert_allclose(open_scene(path).values, 0.2, rtol=1e-6)
