import datetime as dt

import numpy as np
import pandas as pd
import pytest

from cropxai.errors import CropxaiError, OffsetUnknown
from cropxai.ingest.catalogue import find_scenes

ONES = np.ones((4, 5), dtype=np.uint16)


@pytest.fixture
def listed(tmp_path):
    """Write lines as a list beside the folder of rasters, and find its scenes."""

    def find(*lines, **options):
        (tmp_path / "list.csv").write_text("\n".join(lines) + "\n")
        return find_scenes(tmp_path / "list.csv", **options)

    return find


@pytest.fixture
def files(tmp_path, raster):
    layers = {"B02": ONES, "B8A": ONES, "SCL": ONES}
    raster(tmp_path / "s2" / "all.tif", layers)
    raster(tmp_path / "s2" / "nameless.tif", dict(zip("abc", layers.values(), strict=True)))
    for band in layers:
        raster(tmp_path / "s2" / f"{band}.tif", {"": ONES})
    return tmp_path / "s2"


def test_a_row_a_file(files, listed):
    (scene,) = listed("Path, Date ,tile,level,baseline,cloud", "s2/all.tif,2018-05-07,T31UDS,L2A,05.09,12")
    assert (scene.tile, scene.date, scene.level) == ("31UDS", dt.date(2018, 5, 7), "L2A")
    assert (scene.baseline, scene.path) == ("05.09", f"{files.parent}/list.csv/all.tif")
    assert {b: (p.path, p.index, p.offset) for b, p in scene.bands.items()} == {
        "B02": (f"{files}/all.tif", 1, -1000),
        "B8A": (f"{files}/all.tif", 2, -1000),
    }
    assert [(m.kind, m.location.index) for m in scene.masks] == [("scl", 3)]


def test_a_row_a_band(files, listed):
    first, second = listed(
        "href,date,band,index,offset,quantification,mask,scene",
        "s2/B02.tif,2018-05-07T10:40:31Z,b2,,-1000,5000,,",
        f"{files}/B8A.tif,2018-05-07,B8A,,0,,,",
        "s2/nameless.tif,2018-05-07,,3,,,scl,",
        "s2/all.tif,2018-05-12,B8A,,0,,,other",
        "s2/all.tif,2018-05-12,,,,,SCL,other",
    )
    assert {b: (p.offset, p.quantification) for b, p in first.bands.items()} == {
        "B02": (-1000, 5000),
        "B8A": (0, 10_000),
    }
    assert [(m.kind, m.location.path, m.location.index) for m in first.masks] == [("scl", f"{files}/nameless.tif", 3)]
    assert (second.path, second.bands["B8A"].index) == (f"{files.parent}/list.csv/other", 2)
    assert [(m.kind, m.location.index) for m in second.masks] == [("scl", 3)]


def test_scenes_that_are_called_alike(files, listed, raster):
    raster(files / "more" / "all.tif", {"B02": ONES})
    with pytest.raises(CropxaiError, match=r"list\.csv/all\.tif: several scenes are called so; name them apart"):
        listed("path,date,level", "s2/all.tif,2018-05-07,L2A", "s2/more/all.tif,2018-05-07,L2A")
    scenes = listed("path,date,level,scene", "s2/all.tif,2018-05-07,L2A,a", "s2/more/all.tif,2018-05-07,L2A,b")
    assert [scene.path[-2:] for scene in scenes] == ["/a", "/b"]


def test_parquet_holds_the_same(tmp_path, files):
    table = pd.DataFrame(
        {
            "path": ["s2/B02.tif", "s2/SCL.tif"],
            "date": pd.to_datetime(["2018-05-07", "2018-05-07"]),
            "band": ["B02", None],
            "mask": [None, "scl"],
            "index": [1.0, np.nan],
            "baseline": [5.09, np.nan],
        }
    )
    table.to_parquet(tmp_path / "list.parquet")
    (scene,) = find_scenes(tmp_path / "list.parquet")
    assert (scene.baseline, scene.bands["B02"].offset, len(scene.masks)) == ("05.09", -1000, 1)


def test_offsets_must_be_told(files, listed):
    with pytest.raises(OffsetUnknown):
        listed("path,date,band,level", "s2/B02.tif,2023-05-07,B02,L2A")
    (scene,) = listed("path,date,band,level,offset", "s2/B02.tif,2023-05-07,B02,L2A,0")
    assert scene.bands["B02"].offset == 0


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["path,date,band,level", "s2/B02.tif,2018-05-07,B02,", "s2/B03.tif,2018-05-07,B03,"],
         "row 3, column 'path': names 's2/B03.tif', which is not there"),
        (["path,date,band", ",2018-05-07,B02"], "row 2, column 'path': is empty; name the file"),
        (["path,date", "ftp://example.org/B02.tif,2018-05-07"], "row 2, column 'path': names 'ftp:"),
        (["path,date", "s2/all.tif,7 May"], "row 2, column 'date': '7 May' is no date; write YYYY-MM-DD"),
        (["path,date", "s2/all.tif,"], "row 2, column 'date': '' is no date"),
        (["path,date,tile", "s2/all.tif,2018-05-07,Lyon"], "row 2, column 'tile': 'Lyon' is no tile"),
        (["path,date,level", "s2/all.tif,2018-05-07,L3"], "row 2, column 'level': 'L3' is no level"),
        (["path,date,baseline", "s2/all.tif,2018-05-07,new"], "row 2, column 'baseline': 'new' is no baseline"),
        (["path,date,band", "s2/all.tif,2018-05-07,red"], "row 2, column 'band': 'red' is no Sentinel-2 band"),
        (["path,date,band,index", "s2/all.tif,2018-05-07,B02,4"], "column 'index': there is no layer 4; the file"),
        (["path,date,band,index", "s2/all.tif,2018-05-07,B02,x"], "row 2, column 'index': 'x' is no number"),
        (["path,date,band", "s2/nameless.tif,2018-05-07,B02"], "column 'index': is empty, and the file has 3 layers"),
        (["path,date", "s2/nameless.tif,2018-05-07"], "column 'band': is empty, and the file names no band"),
        (["path,date,band,quantification", "s2/B02.tif,2018-05-07,B02,0"], "column 'quantification': 0.0 cannot be"),
        (["path,date,mask", "s2/SCL.tif,2018-05-07,clear"], "row 2, column 'mask': 'clear' cannot be; write one"),
        (["path,date,mask,band", "s2/SCL.tif,2018-05-07,scl,B02"], "column 'mask': 'scl' cannot be"),
        (["path,date,mask", "s2/SCL.tif,2018-05-07,scl"], "row 2, column 'band': the scene has masks and no band"),
        (["path,date,band", "s2/B02.tif,2018-05-07,B02", "s2/B8A.tif,2018-05-07,B02"],
         "row 3, column 'band': B02 is in row 2 too; drop one"),
        (["path,date,band,scene", "s2/B02.tif,2018-05-07,B02,a", "s2/B8A.tif,2018-05-08,B8A,a"],
         "row 3, column 'date': differs from row 2, which is of the same scene"),
        (["path,date,band", "s2/B02.tif,2018-05-07,B02"], "row 2, column 'level': tells no processing level"),
        (["path,date,offsets", "s2/all.tif,2018-05-07,0"], "has a column 'offsets'; call it 'offset', or drop it"),
        (["path,day", "s2/all.tif,2018-05-07"], "lacks the columns 'path' and 'date'; it may have path"),
        (["path,path,date", "s2/all.tif,s2/all.tif,2018-05-07"], "has a column 'path.1'; call it 'path', or drop it"),
        (["path,date"], "holds no row; name at least one file"),
        (["path,date", "a,b,c,d"], "row 2, column|is no table"),
        ([""], "is no table"),
    ],
)  # fmt: skip
def test_lists_that_cannot_be_used(files, listed, lines, said):
    with pytest.raises(CropxaiError, match=rf"list\.csv: (row 2, )?({said})"):
        listed(*lines)


def test_tables_that_are_none(tmp_path):
    for name, content in (("a.csv", b"\xff\xfe\x00"), ("a.parquet", b"PAR1 not much"), ("b.csv", b'path,date\n"a')):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CropxaiError, match=rf"{name}: (is no table|lacks the columns|row)"):
            find_scenes(tmp_path / name)
