import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cropxai.errors import PatternInvalid, ScenesUnreadable
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.sources.names import Told
from cropxai.ingest.sources.pattern import Pattern

DAY = dt.date(2018, 5, 7)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("{tile}_{date:%Y%m%d}_{band}.tif", "/s/T32UPU_20180507_B02.tif",
         Told(("B02",), DAY, "32UPU", product="/s/32UPU_20180507")),
        ("{tile}_{date}_{band}_*.tif", "/s/32upu_2018-05-07_b8a_20m.TIF",
         Told(("b8a",), DAY, "32UPU", product="/s/32upu_2018-05-07")),
        ("{date:%Y/%m/%d}/*/{band}.tif", "/s/2018/5/7/R10m/B04.tif", Told(("B04",), DAY, product="/s/2018-5-7")),
        ("{date:%Y}/{band}/{date:%j}.tif", "/s/2018/B04/127.tif", Told(("B04",), DAY, product="/s/2018_127")),
        ("{tile}/{product}_{level}_{baseline}_{tile}_{date:%d.%m.%y}.tif", "/32UPU/a_b_L1C_N0509_T32UPU_07.05.18.tif",
         Told((), DAY, "32UPU", "L1C", "05.09", "/a_b_32UPU_1C_0509_07.05.18")),
        ("{tile}_{date:%Y%m%d}_{band}.tif", "/s/T32UPU_20181307_B02.tif", None),
        ("{tile}_{date:%Y%m%d}_{band}.tif", "/s/T32UPU_20180507_NDVI.tif", None),
        ("{tile}/{date}_{tile}.tif", "/32UPU/20180507_32UQU.tif", None),
        ("{date}_{date}.tif", "/20180507_20180508.tif", None),
        ("{band}.tif", "/s/20180507_B04.tif", None),
        ("B*.tif", "/s/B/04.tif", None),
    ],
)  # fmt: skip
def test_what_a_pattern_tells(pattern, path, expected):
    assert Pattern(pattern).read(Path(path)) == (expected and replace(expected, whole=expected.product))


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("{tiles}.tif", "'{tiles}' is no field; they are {tile}, {band}, {level}, {baseline}, {product}, {date} and *"),
        ("{tile:3}.tif", "'{tile:3}' is no field"),
        ("{tile.tif", "'{' is no field"),
        ("a}.tif", "'}' is no field"),
        ("{date:%Y-%b-%d}.tif", "'%b' is no part of a date; use %Y"),
        ("{date:%Y-%m}.tif", "its {date:…} needs a year (%Y) and a day (%m and %d, or %j)"),
        ("{date:%m%d}.tif", "its {date:…} needs a year"),
    ],
)
def test_patterns_that_are_none(pattern, said):
    with pytest.raises(PatternInvalid) as error:
        Pattern(pattern)
    assert str(error.value).startswith(f"--pattern {pattern!r}: {said}")


@given(
    fields=st.lists(st.sampled_from(["tile", "band", "date"]), unique=True, min_size=1),
    date=st.dates(dt.date(2015, 6, 23), dt.date(2060, 1, 1)),
    tile=st.from_regex(r"\A[0-5][0-9][A-Z]{3}\Z"),
    band=st.sampled_from(["B02", "B8A", "SCL"]),
    between=st.from_regex(r"\A[-_./+()\[\]^$|\\#]{1,3}\Z").filter(lambda text: "//" not in text and "/." not in text),
    form=st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%Y%j", "%d%m%Y", "%y%m%d"]),
)
def test_a_name_that_a_pattern_wrote_is_read_back(fields, date, tile, band, between, form):
    written = {"tile": tile, "band": band, "date": date.strftime(form)}
    pattern = between.join(f"{{date:{form}}}" if name == "date" else f"{{{name}}}" for name in fields) + ".tif"
    told = Pattern(pattern).read(Path("/s/" + between.join(written[name] for name in fields) + ".tif"))
    assert told is not None
    assert told.tile == (tile if "tile" in fields else "")
    assert told.layers == ((band,) if "band" in fields else ())
    assert told.date == (date if "date" in fields else None)


@given(st.text(max_size=40))
def test_any_text_is_a_pattern_or_is_refused(text):
    try:
        Pattern(text).read(Path("/s/T32UPU_20180507_B02.tif"))
    except PatternInvalid as error:
        assert repr(text) in str(error)


def test_files_that_do_not_fit(tmp_path):
    (tmp_path / "L2A_20180507.tif").touch()
    with pytest.raises(ScenesUnreadable, match=r"L2A_20180507\.tif: does not fit --pattern '\{band\}_x\.tif', nor"):
        find_scenes(tmp_path, pattern="{band}_x.tif")
