from pathlib import Path

import numpy as np
import rasterio

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
