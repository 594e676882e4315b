"""The long table against pandas and geopandas."""

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from exchanged import ALL, DAYS, l1c, same
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cropxai.errors import ExchangeUnreadable, OutputExists
from cropxai.series import CropSeries
from cropxai.series.table import read_table, write_table


def read_with_pandas(path):
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype={"parcel_id": str}, parse_dates=["date"])
    return pd.read_parquet(path)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_pandas_reads_what_is_written(tmp_path, suffix):
    made = l1c(ids=("007", 'b "é", x', "9", "12"), crop=["peas", "", "peas", ""])
    path = write_table(made, tmp_path / f"a{suffix}")
    frame = read_with_pandas(path)
    assert list(frame.columns)[:4] == ["parcel_id", "date", "B01", "B02"]
    assert frame["parcel_id"].tolist() == [name for name in made.parcel_id for _ in DAYS]
    assert frame["date"].astype("datetime64[s]").to_numpy().astype("datetime64[D]").tolist() == DAYS.tolist() * 4
    np.testing.assert_array_equal(frame[list(ALL)].to_numpy("float32"), made.reflectance.reshape(12, 13))
    assert frame["B02"].isna().sum() == 4
    assert frame["valid_pixels"].tolist() == made.dataset["valid_pixels"].values.ravel().tolist()
    assert frame["crop"].isna().tolist() == [False] * 3 + [True] * 3 + [False] * 3 + [True] * 3
    if suffix == ".csv":
        blank = path.read_text(encoding="utf-8").splitlines()[5]
        assert blank.startswith('"b ""é"", x",2019-04-21,,,,,')  # missing is empty, never 0


@settings(max_examples=15, deadline=None)
@given(
    values=arrays(np.float32, (2, 3, 2), elements=st.one_of(st.just(np.nan), st.floats(-0.5, 6.5, width=32))),
    ids=st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=6),
        min_size=2,
        max_size=2,
        unique=True,
    ),
    suffix=st.sampled_from([".csv", ".parquet"]),
)
@example(values=np.full((2, 3, 2), np.nan, np.float32), ids=["NaN", "NA"], suffix=".csv")  # names, not missing
def test_any_series_round_trips(values, ids, suffix, tmp_path_factory):
    path = tmp_path_factory.mktemp("table") / f"a{suffix}"
    made = CropSeries.from_arrays(values, DAYS, ["B02", "B8A"], ids, crop=["a,b", ""], status=["", "cloud"])
    write_table(made, path)
    same(read_table(path), made, atol=0)
    assert read_table(path).labels.tolist() == ["a,b", ""]
    assert read_table(path).status.tolist() == ["", "cloud"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_known_by_parcel_comes_back(tmp_path, suffix):
    made = l1c(valid_pixels=np.arange(12).reshape(4, 3), clear_fraction=np.linspace(0, 1, 12).reshape(4, 3))
    read = read_table(write_table(made, tmp_path / f"a{suffix}"))
    same(read, made)
    for name in ("crop", "region", "lon", "lat", "valid_pixels", "clear_fraction"):
        assert read.dataset[name].values.tolist() == made.dataset[name].values.tolist(), name
    assert read.level == ("unknown" if suffix == ".csv" else "L1C")


def test_outlines_travel_as_geoparquet(tmp_path):
    made = l1c()
    boxes = shapely.box(np.arange(4) * 10, 0, np.arange(4) * 10 + 9, 9)
    frame = gpd.GeoDataFrame({"n": range(4)}, geometry=list(boxes), crs=31287)
    path = write_table(CropSeries(made.dataset, frame), tmp_path / "a.parquet")
    theirs = gpd.read_parquet(path)
    assert theirs.crs == frame.crs
    assert theirs.geometry.tolist() == np.repeat(boxes, 3).tolist()
    read = read_table(path)
    same(read, made)
    assert read.parcels.crs == frame.crs
    assert read.parcels.geometry.tolist() == list(boxes)
    assert "geometry" not in read.dataset.coords


def test_a_table_of_another_tool_in_any_order(tmp_path):
    (tmp_path / "a.csv").write_text(
        "b8a,date,parcel_id,b2,farm\n0.5,2020-02-01,02,0.1,x\n,2020-01-01,1,0,y\n0.25,2020-03-01,02,,x\n"
    )
    read = read_table(tmp_path / "a.csv")
    assert read.parcel_id.tolist() == ["02", "1"]
    assert read.bands == ("B8A", "B02")
    nan = np.nan
    expected = [[[nan, nan], [0.5, 0.1], [0.25, nan]], [[nan, 0], [nan, nan], [nan, nan]]]
    np.testing.assert_array_equal(read.reflectance, np.array(expected, "f4"))
    assert read.group("farm").tolist() == ["x", "y"]


@pytest.mark.parametrize("dates", [pd.to_datetime(["2020-02-01"]), ["2020-02-01"], [pd.Timestamp(2020, 2, 1).date()]])
def test_parquet_of_pandas_with_dates_of_any_type(tmp_path, dates):
    pd.DataFrame({"parcel_id": [7], "date": dates, "B02": [0.25], "year": [2020]}).to_parquet(tmp_path / "a.parquet")
    read = read_table(tmp_path / "a.parquet")
    assert (read.parcel_id.tolist(), [str(day) for day in read.dates]) == (["7"], ["2020-02-01"])
    assert read.reflectance.tolist() == [[[0.25]]]
    assert read.group("year").tolist() == ["2020"]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("parcel_id,B02\n1,0.1\n", "lacks the column 'date'"),
        ("parcel_id,date,B02\n,2020-01-01,0.1\n", "lacks the column 'parcel_id', or a value in it"),
        ("parcel_id,date,red\n1,2020-01-01,0.1\n", "one column a band"),
        ("parcel_id,date,B02\n", "needs rows"),
        ("parcel_id,date,B02,b2\n1,2020-01-01,0.1,0.1\n", "one column a band"),
        ("parcel_id,date,B02\n1,01.02.2020,0.1\n", "is no table.*date32.*01.02.2020"),
        ("parcel_id,date,B02\n1,2020-01-01,x\n", "is no table.*'x'"),
        ("parcel_id,date,B02\n1,2020-01-01,3871\n", "column 'B02' has values above 6.5535; give reflectance"),
        ("parcel_id,date,B02\n1,2020-01-01,inf\n", "column 'B02' has values above"),
        ("parcel_id,date,B02\n1,2020-01-01,0\n1,2020-01-01,0\n", "'1' has two rows of date 2020-01-01"),
        ("parcel_id,date,B02,crop\n1,2020-01-01,0,a\n1,2020-01-02,0,b\n", "column 'crop' changes within a parcel"),
        ("parcel_id,date,B02\n1,2020-01-01\n", "is no table"),
        ("", "is no table"),
    ],
)
def test_a_wrong_table_is_told_in_one_line(tmp_path, text, told):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ExchangeUnreadable, match=told) as caught:
        read_table(tmp_path / "a.csv")
    assert str(caught.value).startswith(f"{tmp_path}/a.csv: ")
    assert "\n" not in str(caught.value)


def test_truncated_and_present_files(tmp_path):
    path = write_table(l1c(), tmp_path / "a.parquet")
    with pytest.raises(OutputExists):
        write_table(l1c(), path)
    (tmp_path / "b.parquet").write_bytes(path.read_bytes()[:-500])
    with pytest.raises(ExchangeUnreadable, match="b.parquet: is no table, or a damaged one"):
        read_table(tmp_path / "b.parquet")
