import datetime as dt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cropxai.errors import OffsetUnknown
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.offsets import explain_offset

ONES = np.ones((4, 5), dtype=np.uint16)
BEFORE, AFTER = dt.date(2022, 1, 24), dt.date(2022, 1, 25)


@pytest.mark.parametrize(
    ("declared", "baseline", "date", "given", "expected"),
    [
        (None, "", BEFORE, None, (0, "date")),
        (None, "", AFTER, None, (0, "nothing")),
        (None, "", AFTER, -1000, (-1000, "metadata")),
        (None, "", AFTER, 0, (0, "metadata")),
        (0, "05.09", AFTER, None, (0, "metadata")),
        (0, "05.09", AFTER, -1000, (-1000, "metadata")),
        (-900, "", BEFORE, None, (-900, "metadata")),
        (None, "03.01", AFTER, None, (0, "metadata")),
        (None, "0301", AFTER, None, (0, "metadata")),
        (None, "04.00", BEFORE, None, (-1000, "metadata")),
        (None, "05.11", AFTER, None, (-1000, "metadata")),
        (None, "99.99", AFTER, None, (0, "nothing")),
        (None, "new", BEFORE, None, (0, "date")),
    ],
)
def test_what_tells_the_offset(declared, baseline, date, given, expected):
    assert explain_offset(declared, baseline, date, given) == expected


@given(st.integers(0, 89), st.integers(0, 99))
def test_baseline_decides_and_not_the_day(first, second):
    for date in (BEFORE, AFTER):
        offset, by = explain_offset(None, f"{first:02d}.{second:02d}", date, None)
        assert (offset, by) == (-1000 if first >= 4 else 0, "metadata")


def test_rasters_of_later_days_must_tell(tmp_path, raster):
    for day in ("20220120", "20220130", "20220209"):
        raster(tmp_path / f"S2L2A_T32UPU_{day}.tif", {"B02": ONES})
    with pytest.raises(OffsetUnknown) as error:
        find_scenes(tmp_path)
    assert str(error.value) == (
        f"2 rasters ('{tmp_path}/S2L2A_T32UPU_20220130.tif', '{tmp_path}/S2L2A_T32UPU_20220209.tif'): neither "
        "offset nor baseline is told, on 2022-01-30; give --dn-offset -1000 if dark water or forest has about 1000 in "
        "them, --dn-offset 0 if it has about 0 or the archive says that it harmonised them"
    )
    assert len(find_scenes(tmp_path, end="2022-01-25")) == 1
    for given_offset in (0, -1000):
        assert {s.bands["B02"].offset for s in find_scenes(tmp_path, dn_offset=given_offset)} == {given_offset}


@pytest.mark.parametrize(
    ("name", "dtype", "scaling", "tags", "offset"),
    [
        ("S2L2A", "float32", None, {}, 0),
        ("S2L2A", "uint16", (0.0001, -0.1), {}, -1000),
        ("S2L2A", "uint16", (0.0001, 0.0), {}, 0),
        ("S2L2A", "uint16", (1.0, -1000.0), {}, -1000),
        ("S2L2A", "uint16", None, {"BOA_ADD_OFFSET": "-1000"}, -1000),
        ("S2L2A", "uint16", None, {"RADIO_ADD_OFFSET": "0"}, 0),
        ("S2L2A", "uint16", None, {"PROCESSING_BASELINE": "05.09"}, -1000),
        ("S2A_MSIL2A_N0301", "uint16", None, {}, 0),
        ("S2A_MSIL2A_N0509", "uint16", None, {}, -1000),
    ],
)
def test_rasters_that_tell(tmp_path, raster, name, dtype, scaling, tags, offset):
    path = raster(tmp_path / f"{name}_20240507.tif", {"B02": ONES.astype(dtype)}, scaling=scaling, tags=tags)
    (scene,) = find_scenes(path)
    assert (scene.bands["B02"].offset, scene.offset_by) == (offset, "metadata")


def test_offsets_that_differ_by_declaration_are_fine(tmp_path, raster):
    raster(tmp_path / "S2L2A_20180507.tif", {"B02": ONES}, tags={"BOA_ADD_OFFSET": "0"})
    raster(tmp_path / "S2L2A_20180509.tif", {"B02": ONES}, tags={"BOA_ADD_OFFSET": "-1000"})
    raster(tmp_path / "S2L2A_20240509.tif", {"B02": ONES}, tags={"BOA_ADD_OFFSET": "-1000"})
    assert [scene.bands["B02"].offset for scene in find_scenes(tmp_path)] == [0, -1000, -1000]


def test_a_day_explains_nothing_beside_an_archive_processed_again(tmp_path, raster):
    raster(tmp_path / "S2L2A_20180507.tif", {"B02": ONES})
    raster(tmp_path / "S2L2A_20220509.tif", {"B02": ONES}, tags={"BOA_ADD_OFFSET": "-1000"})
    assert len(find_scenes(tmp_path)) == 2
    raster(tmp_path / "S2L2A_20180509.tif", {"B02": ONES}, tags={"BOA_ADD_OFFSET": "-1000"})
    with pytest.raises(OffsetUnknown, match=r"0507\.tif'\): neither .* others before .* \(.*0509\.tif"):
        find_scenes(tmp_path)
