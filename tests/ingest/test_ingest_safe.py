import datetime as dt

import numpy as np
import pytest
import rasterio
from products import CORNER, made_up_tile, product, zipped

from cropxai.bands import BANDS
from cropxai.ingest.catalogue import find_scenes

STYLES = [
    {"level": level, "baseline": baseline, "naming": naming, "coarser": level == "L2A"}
    for level in ("L1C", "L2A")
    for baseline, naming in (("05.09", "compact"), ("03.01", "compact"), ("02.05", "compact"), ("02.01", "old"))
]


@pytest.mark.parametrize("style", STYLES, ids=lambda s: f"{s['level']} {s['baseline']} {s['naming']}")
def test_a_scene_from_the_xml(tmp_path, style):
    path = product(tmp_path, **style)
    (scene,) = find_scenes(path)
    level, offset = style["level"], -1000 if style["baseline"] == "05.09" else 0
    assert (scene.path, scene.tile, scene.date) == (str(path), "32UPU", dt.date(2018, 5, 7))
    assert (scene.level, scene.baseline) == (level, style["baseline"])
    names = [band for band in BANDS if level == "L1C" or band.name != "B10"]
    assert list(scene.bands) == [band.name for band in names]
    for band in names:
        place = scene.bands[band.name]
        assert (place.index, place.offset, place.quantification) == (1, offset, 10_000)
        with rasterio.open(place.path) as image:  # what the XML says is what the image is
            assert (image.width, image.height, image.transform) == (
                place.grid.width, place.grid.height, place.grid.transform,
            )  # fmt: skip
            assert image.crs == rasterio.crs.CRS.from_wkt(place.grid.crs)
            assert image.res == (band.resolution, band.resolution)
    masks = [(mask.kind, mask.location.index, mask.location.grid.width) for mask in scene.masks]
    if level == "L2A":
        assert sorted(masks) == [("scl", 1, 20), ("scl", 1, 60)]
    else:
        assert masks == ([("cloud", n, 20) for n in (1, 2, 3)] if offset else [])


@pytest.mark.parametrize("style", STYLES, ids=lambda s: f"{s['level']} {s['baseline']} {s['naming']}")
def test_the_driver_of_gdal_reads_the_same_product(tmp_path, style):
    """GDAL's own reader of SAFE finds the images by the XML that we wrote, and the numbers that we meant."""
    tile = made_up_tile(3, style["level"])
    path = product(tmp_path, tiles=[tile], **style)
    (xml,) = path.glob("*.xml")
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(xml) as container:
        parts = [name for name in container.subdatasets if ":10m:" in name]
    with rasterio.open(parts[0]) as dataset:
        assert dataset.driver == "SENTINEL2"
        assert (dataset.transform.c, dataset.transform.f) == CORNER
        number = [tags.split(",")[0] for tags in dataset.descriptions].index("B4") + 1
        expected = tile.bands["B04"].astype(int)
        offset = 1000 if style["baseline"] == "05.09" else 0
        np.testing.assert_array_equal(dataset.read(number), np.where(expected > 0, expected + offset, 0))


def test_products_in_folders_archives_and_beside_geotiffs(tmp_path, raster):
    one = product(tmp_path / "a" / "deep")
    two = product(tmp_path / "a", sensed=dt.datetime(2018, 5, 12))
    packed = zipped(product(tmp_path / "gone", sensed=dt.datetime(2018, 5, 17)), tmp_path / "a" / "download.zip")
    no_offset = {"BOA_ADD_OFFSET": "0"}
    tiff = raster(tmp_path / "a" / "b" / "L2A_20180522.tif", {"B02": np.ones((4, 5), np.uint16)}, tags=no_offset)
    (tmp_path / "a" / "other.zip").write_bytes(b"no archive")  # of no product, by its name
    zipped(tmp_path / "a" / "b", tmp_path / "a" / "tiffs.zip")
    expected = [str(path) for path in (one, two, packed, tiff)]
    whole = [scene.path for scene in find_scenes(tmp_path / "a")]
    assert whole == expected
    given = [tiff, packed, one, two / "MTD_MSIL2A.xml"]
    assert [scene.path for scene in find_scenes(given)] == expected
    assert [scene.path for scene in find_scenes([tmp_path / "a", *given[::-1]])] == expected
