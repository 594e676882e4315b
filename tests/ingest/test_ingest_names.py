import datetime as dt
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cropxai.bands import BANDS
from cropxai.ingest.sources.names import Told, read_name

ROOT = Path("/scenes")
DAY = dt.date(2018, 5, 7)
PRODUCT = "S2A_MSIL2A_20180507T104031_N0206_R008_T32UPU_20180508T124304"
TILES = st.builds("{:02d}{}".format, st.integers(1, 60), st.from_regex(r"\A[C-HJ-NP-X][A-HJ-NP-Z]{2}\Z"))
DATES = st.dates(dt.date(2015, 6, 23), dt.date(2029, 12, 31))


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("T32UPU_20180507T104031_B02_10m.tif", Told(("B02",), DAY, "32UPU", "", "", "T32UPU_20180507T104031")),
        ("T32UPU_20180507T104031_B8A.tif", Told(("B8A",), DAY, "32UPU", "", "", "T32UPU_20180507T104031")),
        ("2018-05-07/B04.tif", Told(("B04",), None, "", "", "", "2018-05-07", folder_date=DAY)),
        ("T32UPU/2018-05-07/R10m/b4.tif", Told(("b4",), None, "32UPU", "", "", "T32UPU/2018-05-07", folder_date=DAY)),
        ("B04/32UPU_20180507.tif", Told(("B04",), DAY, "32UPU", "", "", "32UPU_20180507")),
        ("20180507_MSK_CLDPRB_20m.tif", Told(("MSK_CLDPRB",), DAY, "", "", "", "20180507")),
        (f"{PRODUCT}/TCI.tif", Told(("TCI",), None, "32UPU", "L2A", "02.06", PRODUCT, folder_date=DAY)),
        (f"{PRODUCT}.tif", Told((), DAY, "32UPU", "L2A", "02.06", PRODUCT)),
        ("download_20240103/farm_L1C.tif", Told((), None, "", "L1C", "", "download_20240103/farm_L1C")),
        ("2018-13-07_S2L2A.tif", Told((), None, "", "L2A", "", "2018-13-07_S2L2A")),
    ],
)
def test_names_of_the_field(path, expected):
    told = read_name(ROOT / path, ROOT)
    whole = str((ROOT / path).with_suffix("")).replace("_10m", "").replace("_20m", "").replace("/R10m", "")
    assert told == replace(expected, product=str(ROOT / expected.product), whole=whole)


def test_what_lies_above_tells_nothing():
    assert read_name(Path("/2018-05-07/32UPU/L2A/x/B04.tif"), Path("/2018-05-07/32UPU/L2A")) == Told(
        layers=("B04",), product="/2018-05-07/32UPU/L2A/x", whole="/2018-05-07/32UPU/L2A/x/B04"
    )


@given(
    tile=TILES,
    date=DATES,
    band=st.sampled_from([band.name for band in BANDS]),
    resolution=st.sampled_from(["", "_10m", "_20m", "_60m"]),
    separator=st.sampled_from("_-. "),
    layout=st.sampled_from(["{t}_{d}_{b}{r}", "{d}_{t}{r}_{b}", "{b}{r}_{t}_{d}", "{d}/{t}_{b}{r}", "{t}/{d}/{b}{r}"]),
    written=st.sampled_from(["%Y%m%d", "%Y-%m-%d", "%Y%m%dT104031"]),
)
def test_files_of_a_product_are_known_by_any_name(tile, date, band, resolution, separator, layout, written):
    def name(band, resolution):
        text = layout.format(t=f"T{tile}", d=date.strftime(written), b=band, r=resolution)
        return read_name(ROOT / (text.replace("_", separator) + ".tif"), ROOT)

    told = name(band, resolution)
    assert (told.layers, told.date or told.folder_date, told.tile) == ((band,), date, tile)
    assert told.product == name("SCL", "_20m").product
