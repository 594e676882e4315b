import datetime as dt
import itertools
from pathlib import Path

import numpy as np
import pytest
from affine import Affine

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
    with pytest.raises(ScenesUnreadable, match=r"none: holds no GeoTIFF \(\.tif\), SAFE product, STAC"):
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


COARSE = Affine(20, 0, 500_000, 0, -20, 5_600_000)
HALF = np.ones((2, 3), dtype=np.uint16)
WARNED = pytest.mark.filterwarnings("always::cropxai.errors.CropxaiWarning")


def nameless(tmp_path, raster, names, **options):
    for name in names:
        coarse = {"transform": COARSE} if "20m" in name else {}
        raster(tmp_path / name, {"": HALF if coarse else ONES}, **coarse, **options)


@pytest.mark.parametrize(
    ("names", "product"),
    [
        (["T32UPU_20180507T104031_B02_10m.tif", "T32UPU_20180507T104031_B8A_20m.tif",
          "T32UPU_20180507T104031_SCL_20m.tif"], "T32UPU_20180507T104031"),
        (["32UPU/2018-05-07/B02.tif", "32UPU/2018-05-07/B8A.tif", "32UPU/2018-05-07/SCL.tif"], "32UPU/2018-05-07"),
        (["B02/T32UPU_20180507.tif", "B8A/T32UPU_20180507.tif", "SCL/T32UPU_20180507.tif"], "T32UPU_20180507"),
        (["32UPU_20180507/R10m/B02.tif", "32UPU_20180507/R20m/B8A.tif", "32UPU_20180507/R20m/SCL.tif"],
         "32UPU_20180507"),
    ],
)  # fmt: skip
def test_one_band_a_file(tmp_path, raster, names, product):
    nameless(tmp_path, raster, names)
    for paths in (tmp_path, [tmp_path / name for name in names[::-1]]):
        (scene,) = find_scenes(paths)
        assert (scene.path, scene.tile, scene.date) == (str(tmp_path / product), "32UPU", dt.date(2018, 5, 7))
        assert scene.level == "L2A"  # no name says it, but only L2A has a scene classification
        assert {band: place.path for band, place in scene.bands.items()} == {
            "B02": str(tmp_path / names[0]),
            "B8A": str(tmp_path / names[1]),
        }
        assert [(mask.kind, mask.location.path) for mask in scene.masks] == [("scl", str(tmp_path / names[2]))]
        assert [grid.width for grid in scene.grids] == ([5, 3] if "20m" in "".join(names) else [5])


def test_bands_that_only_descriptions_name(tmp_path, raster):
    for day, band in itertools.product(("07", "09"), ("B02", "B03")):
        raster(tmp_path / f"L2A_201805{day}_{band[2]}.tif", {band: ONES})
    first, second = find_scenes(tmp_path)
    assert (list(first.bands), list(second.bands)) == (["B02", "B03"], ["B02", "B03"])
    raster(tmp_path / "L2A_20180507_x.tif", {"B03": ONES})  # two of one band: each may be a scene of its own
    assert len(find_scenes(tmp_path)) == 4


def test_several_products_in_a_folder(tmp_path, raster):
    names = [f"T32U{t}_{d}_{b}.tif" for t in ("PU", "QU") for d in (20180507, 20180509) for b in ("B02", "B03")]
    nameless(tmp_path, raster, names, tags={"PROCESSING_LEVEL": "Level-1C", "PROCESSING_BASELINE": "05.09"})
    scenes = find_scenes(tmp_path)
    assert [(s.tile, s.date.day, list(s.bands)) for s in scenes] == [
        (tile, day, ["B02", "B03"]) for day in (7, 9) for tile in ("32UPU", "32UQU")
    ]
    assert {(s.level, s.baseline, s.bands["B02"].offset) for s in scenes} == {("L1C", "05.09", -1000.0)}


def test_a_mask_beside_a_file_of_bands(tmp_path, raster):
    raster(tmp_path / "L2A_20180507.tif", {"B02": ONES, "B03": ONES})
    nameless(tmp_path, raster, ["L2A_20180507_SCL_20m.tif"])
    (scene,) = find_scenes(tmp_path)
    assert (list(scene.bands), len(scene.masks)) == (["B02", "B03"], 1)


def test_files_of_several_bands_stay_scenes(tmp_path, raster):
    for name in ("L2A_20180507_10m.tif", "L2A_20180507_20m.tif"):
        raster(tmp_path / name, {"B02": ONES, "B03": ONES})
    assert len(find_scenes(tmp_path)) == 2
    raster(tmp_path / "L2A_20180507_20m.tif", {"B05": ONES, "B06": ONES})
    (scene,) = find_scenes(tmp_path)
    assert list(scene.bands) == ["B02", "B03", "B05", "B06"]


@WARNED
def test_layers_left_out_are_told(tmp_path, raster, recwarn):
    nameless(tmp_path, raster, [f"L2A_20180507_{n}.tif" for n in ("B05_10m", "B05_20m", "B06_20m", "TCI_10m", "AOT")])
    (tmp_path / "L2A_20180507_B07.jp2").touch()
    (scene,) = find_scenes(tmp_path)
    assert (scene.bands["B05"].grid.width, scene.bands["B06"].grid.width) == (5, 3)
    assert [str(w.message) for w in recwarn] == [
        f"2 rasters: neither reflectance nor clouds ('{tmp_path}/L2A_20180507_AOT.tif', "
        f"'{tmp_path}/L2A_20180507_TCI_10m.tif')",
        "1 raster: left out for the same band in smaller pixels ('L2A_20180507_B05_20m.tif: B05')",
        f"1 raster: neither GeoTIFF nor part of a SAFE product ('{tmp_path}/L2A_20180507_B07.jp2')",
    ]


@WARNED
def test_a_pattern_where_names_mislead(tmp_path, raster, recwarn):
    names = [f"farm_B1/20240103/{day}.05.2018_{band}_v2.tif" for day in ("07", "09") for band in ("B02", "B03")]
    nameless(tmp_path, raster, [*names, "farm_B1/20240103/other.tif"], tags={"PRODUCT": "S2MSI1C"})
    first, second = find_scenes(tmp_path, pattern="{date:%d.%m.%Y}_{band}_*.tif")
    assert (first.date.day, second.date.day, list(first.bands)) == (7, 9, ["B02", "B03"])
    assert "1 raster: do not fit --pattern '{date:%d.%m.%Y}_{band}_*.tif' (" in str(recwarn[0].message)
    assert len(recwarn) == 1


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"L2A_20180507_B02_B03.tif": ""}, "names B02 and B03; say which by --pattern, or set the description"),
        ({"L2A_20180507_B02.tif": "B03"}, "has B03 in its description and B02 in its name; correct one of them"),
        (
            {"L2A_20180507_B02.tif": "", "B02/L2A_20180507.tif": ""},
            r"has B02 in L2A_20180507\.tif and L2A_20",
        ),
        ({"B02.tif": "", "B03.tif": ""}, "tells no date; put it in the file name as YYYYMMDD, or in the tag"),
        ({"B02_L1C_20180507.tif": "", "B03_L2A_20180507.tif": ""}, "mix processing levels: L1C"),
        ({"20180507_SCL.tif": ""}, "names no Sentinel-2 band; set the band descriptions to B01 … B12"),
        ({"20180507_NDVI.tif": ""}, "names no Sentinel-2 band"),
    ],
)
def test_files_that_make_no_scene(tmp_path, raster, files, said):
    for name, description in files.items():
        raster(tmp_path / name, {description: ONES})
    with pytest.raises((ScenesUnreadable, LevelsMixed), match=said):
        find_scenes(tmp_path)


@WARNED
def test_a_product_that_is_there_twice(tmp_path, raster, recwarn):
    for folder in ("a", "b"):
        raster(tmp_path / folder / "S2L2A_T32UPU_20180507.tif", {"B02": ONES})
    assert len(find_scenes(tmp_path)) == 2
    assert str(recwarn[0].message) == (
        "1 raster: of the same tile, date, grid and bands as another, so that each parcel takes the better one "
        f"('{tmp_path}/b/S2L2A_T32UPU_20180507.tif')"
    )


def test_folders_called_like_bands_do_not_join_files_of_several_layers(tmp_path, raster):
    for folder in ("b1", "b2"):
        raster(tmp_path / folder / "L2A_20180507.tif", {"B02": ONES, "SCL": ONES})
    assert [Path(scene.path).parent.name for scene in find_scenes(tmp_path)] == ["b1", "b2"]
