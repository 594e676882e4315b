import datetime as dt

import numpy as np
import pytest

from cropxai.errors import LevelsMixed, NoScenes, ScenesUnreadable
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.scenes import Location, Mask

ONES = np.ones((4, 5), dtype=np.uint16)
NAMED = {"B02": ONES, "b8a": ONES, "Band 4": ONES, "SCL": ONES}


def test_a_scene_from_name_and_header(tmp_path, raster):
    path = raster(tmp_path / "S2L2A_T31UDS_20180507.tif", NAMED)
    (scene,) = find_scenes(path)
    assert (scene.tile, scene.date, scene.level) == ("31UDS", dt.date(2018, 5, 7), "L2A")
    places = {"B02": 1, "B8A": 2, "B04": 3}
    assert dict(scene.bands) == {b: Location(str(path), n, scene.grid, 0, 10_000) for b, n in places.items()}
    assert scene.masks == (Mask("scl", Location(str(path), 4, scene.grid)),)
    assert (scene.grid.width, scene.grid.height) == (5, 4)
    assert len({scene.grid, find_scenes(path)[0].grid}) == 1


@pytest.mark.parametrize(
    ("name", "tags", "date", "tile"),
    [
        ("S2A_MSIL1C_20180507T104031_N0206_R008_T32UPU_20180507T124304", {}, dt.date(2018, 5, 7), "32UPU"),
        ("20189999_2018-05-07_L1C", {}, dt.date(2018, 5, 7), ""),
        ("L1C_20180507104031", {}, dt.date(2018, 5, 7), ""),
        ("L1C_farm", {"ACQUISITION_DATE": "2018-05-07T10:40:31Z"}, dt.date(2018, 5, 7), ""),
        ("L1C_farm", {"TIFFTAG_DATETIME": "2018:05:07 10:40:31"}, dt.date(2018, 5, 7), ""),
    ],
)
def test_dates_and_tiles(tmp_path, raster, name, tags, date, tile):
    (scene,) = find_scenes(raster(tmp_path / f"{name}.tif", {"B02": ONES}, tags=tags))
    assert (scene.date, scene.tile, scene.level) == (date, tile, "L1C")


def test_levels(tmp_path, raster):
    plain = raster(tmp_path / "20180507.tif", {"B02": ONES})
    told = raster(tmp_path / "told_20180507.tif", {"B02": ONES}, tags={"PRODUCT_TYPE": "S2MSI2A"})
    with pytest.raises(ScenesUnreadable, match=r"20180507\.tif: tells no processing level; give --level"):
        find_scenes(plain)
    assert find_scenes(plain, level="L1C")[0].level == "L1C"
    assert find_scenes(told)[0].level == "L2A"
    with pytest.raises(ScenesUnreadable, match="is L2A by its name or tags, not L1C"):
        find_scenes(told, level="L1C")
    with pytest.raises(LevelsMixed, match=r"L1C \(.*L1C_20180508\.tif\), L2A \(.*told.*give those of one level"):
        find_scenes([told, raster(tmp_path / "L1C_20180508.tif", {"B02": ONES})])


@pytest.mark.parametrize(
    ("dtype", "scaling", "option", "expected"),
    [
        ("uint16", None, None, (0, 10_000)),
        ("uint16", None, -1000, (-1000, 10_000)),
        ("uint16", (0.0001, -0.1), None, (-1000, 10_000)),
        ("uint16", (0.0001, -0.1), 0, (0, 10_000)),
        ("uint16", (1.0, -1000), None, (-1000, 10_000)),
        ("float32", None, None, (0, 1)),
        ("float32", (0.0001, 0.0), None, (0, 10_000)),
    ],
)
def test_offset_and_quantification(tmp_path, raster, dtype, scaling, option, expected):
    path = raster(tmp_path / "L2A_20180507.tif", {"B02": ONES.astype(dtype)}, scaling=scaling)
    (scene,) = find_scenes(path, dn_offset=option)
    assert {(place.offset, place.quantification) for place in scene.bands.values()} == {expected}


@pytest.mark.parametrize(
    ("name", "kind", "divisor"),
    [("CLM", "cloud", 1), ("CLOUD", "cloud", 1), ("cloud_mask", "cloud", 1), ("QA_CLOUD", "cloud", 1),
     ("QA60", "qa60", 1), ("CLP", "probability", 255), ("MSK_CLDPRB", "probability", 100)],
)  # fmt: skip
def test_cloud_masks(tmp_path, raster, name, kind, divisor):
    path = raster(tmp_path / "L2A_20180507.tif", {"B02": ONES, name: ONES})
    (scene,) = find_scenes(path)
    assert scene.masks == (Mask(kind, Location(str(path), 2, scene.grid, 0, divisor)),)


def test_folders_are_searched_and_order_does_not_matter(tmp_path, raster):
    names = ["b/L2A_31UDS_20180507.tif", "a/L2A_31UES_20180507.TIF", "c/d/L2A_31UDS_20180501.tiff"]
    files = [raster(tmp_path / name, {"B02": ONES}) for name in names]
    (tmp_path / "a" / "readme.txt").write_text("not a raster")
    expected = [str(files[i]) for i in (2, 0, 1)]
    for paths in (tmp_path, files, files[::-1], [tmp_path / "b", tmp_path, files[0]]):
        assert [scene.path for scene in find_scenes(paths)] == expected


def test_dates_to_keep(tmp_path, raster):
    for day in ("01", "11", "21"):
        raster(tmp_path / f"L2A_201805{day}.tif", {"B02": ONES})
    assert [s.date.day for s in find_scenes(tmp_path, start="2018-05-11", end=dt.date(2018, 5, 21))] == [11, 21]
    with pytest.raises(NoScenes, match="no raster lies between 2019-01-01 and the last: they have 2018-05-01 to"):
        find_scenes(tmp_path, start="2019-01-01")


@pytest.mark.parametrize(
    ("name", "bands", "options", "said"),
    [
        ("L2A_20180507.tif", {"B02": ONES}, {"crs": None}, "has no georeference"),
        ("L2A_farm.tif", {"B02": ONES}, {}, "tells no date; put it in the file name as YYYYMMDD"),
        ("L2A_20180507.tif", {"elevation": ONES}, {}, "names no Sentinel-2 band; set the band descriptions"),
        ("L2A_20180507.tif", {"B02": ONES, "B2": ONES}, {}, "names two bands B02; correct"),
        ("L2A_20180507.tif", {"B02": ONES}, {"scaling": (-1.0, 0.0)}, "declares the scale -1.0"),
    ],
)
def test_rasters_that_cannot_be_used(tmp_path, raster, name, bands, options, said):
    raster(tmp_path / name, bands, **options)
    with pytest.raises(ScenesUnreadable, match=rf"{name}: {said}"):
        find_scenes(tmp_path)


def test_paths_that_cannot_be_used(tmp_path, raster):
    (tmp_path / "L2A_20180507.tif").write_bytes(b"II*\0 not much more")
    with pytest.raises(ScenesUnreadable, match=r"20180507\.tif: is damaged or no GeoTIFF; copy or download it again"):
        find_scenes(tmp_path)
    (tmp_path / "none").mkdir()
    with pytest.raises(ScenesUnreadable, match=r"none: holds no GeoTIFF \(\.tif\) and no SAFE product; give"):
        find_scenes(tmp_path / "none")
    with pytest.raises(ScenesUnreadable, match=r"absent: no such file or folder"):
        find_scenes(tmp_path / "absent")
    (tmp_path / "a.jp2").touch()
    with pytest.raises(ScenesUnreadable, match=r"a\.jp2: is no GeoTIFF"):
        find_scenes(tmp_path / "a.jp2")


def test_reflectance_takes_no_offset(tmp_path, raster):
    path = raster(tmp_path / "L2A_20180507.tif", {"B02": ONES.astype("float32")})
    with pytest.raises(ScenesUnreadable, match="takes no --dn-offset"):
        find_scenes(path, dn_offset=-1000)
