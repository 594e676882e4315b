"""TinyEuroCrops against pandas and PyTables, which made the published files."""

import os
import pickle
import sys
import warnings

import h5py
import numpy as np
import pandas as pd
import pytest
from exchanged import ALL, DAYS, Hostile, l1c, same
from hypothesis import given, settings
from hypothesis import strategies as st

from cropxai.errors import (
    CropxaiWarning,
    ExchangeUnreadable,
    ExtraMissing,
    OutputExists,
    ParcelsSetAside,
    SeriesUnusable,
)
from cropxai.series import CropSeries, frames
from cropxai.series.cells import write_cells
from cropxai.series.tinyeurocrops import read_tinyeurocrops, write_tinyeurocrops

#: What facts of the published files say: parcel 463 of AT112 on 6 January 2019, B8A last, B10 the tenth.
PARCEL_463 = [3871, 3600, 2992, 3105, 3205, 3320, 3321, 3482, 2042, 107, 2859, 2289, 3352]
ORDER = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A"]
PUBLISHED = dict(zip(ORDER, PARCEL_463, strict=True))


def published(path, cells, index=(463,), columns=("20190106",), key="AT112", labels=True, mode="w", **options):
    """Make a file as the authors did, with pandas; ``cells`` is a list of rows of cells."""
    table = np.empty((len(index), len(columns)), dtype=object)
    for row, values in enumerate(cells):
        for column, cell in enumerate(values):
            table[row, column] = cell
    frame = pd.DataFrame(table, index=pd.Index(index, name="recno"), columns=list(columns))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        frame.to_hdf(path, key=key, mode=mode, format="fixed", **options)
    if labels:
        rows = {"recno": index, "crpgrpc": ["33101011"] * len(index), "crpgrpn": ["winter_common_wheat"] * len(index)}
        pd.DataFrame(rows).to_csv(path.parent / f"demo_eurocrops_{key}.csv", index=False)
    return path


def test_bands_of_a_published_file_get_their_names(tmp_path):
    series = read_tinyeurocrops(published(tmp_path / "a.h5", [[PARCEL_463]]))
    found = dict(zip(series.bands, np.rint(series.reflectance[0, 0] * 10_000).astype(int).tolist(), strict=True))
    assert found == PUBLISHED
    assert (found["B8A"], found["B09"], found["B10"], found["B12"]) == (3352, 2042, 107, 2289)
    assert series.parcel_id.tolist() == ["463"]
    assert str(series.dates[0]) == "2019-01-06"
    assert series.level == "L1C"
    assert series.labels.tolist() == ["winter_common_wheat"]
    assert (series.group("region")[0], series.group("crpgrpc")[0]) == ("AT112", "33101011")


def test_pandas_reads_what_is_written(tmp_path):
    made = l1c()
    write_tinyeurocrops(made, tmp_path / "a.h5")
    for key, rows in {"AT112": [0, 1], "AT113": [2, 3]}.items():
        frame = pd.read_hdf(tmp_path / "a.h5", key)
        assert frame.index.tolist() == [int(made.parcel_id[row]) for row in rows]
        assert frame.index.name == "recno"
        assert frame.columns.tolist() == ["20190106", "20190421", "20190809"]
        assert {str(dtype) for dtype in frame.dtypes} == {"object"}
        order = [ALL.index(band) for band in PUBLISHED]
        for at, row in enumerate(rows):
            for date in range(3):
                cell, expected = frame.iloc[at, date], made.reflectance[row, date, order]
                if np.isnan(expected).any():
                    assert isinstance(cell, float)
                    assert np.isnan(cell)
                else:
                    assert type(cell) is list
                    assert {type(value) for value in cell} == {int}
                    assert cell == [round(float(value) * 10_000) for value in expected]
    labels = pd.read_csv(tmp_path / "demo_eurocrops_AT112.csv", dtype=str)
    assert labels.columns.tolist() == ["recno", "crpgrpc", "crpgrpn"]
    assert labels["crpgrpn"].tolist() == ["winter wheat", "grain maize"]
    assert labels["crpgrpc"].tolist() == ["3301010101", "3301010600"]


def test_the_file_has_the_structure_that_pandas_gives(tmp_path):
    """Names, types and attributes of every node equal those of the file that pandas writes of the same table."""
    write_tinyeurocrops(l1c(), tmp_path / "ours.h5")
    frame = pd.read_hdf(tmp_path / "ours.h5", "AT112")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pd.errors.PerformanceWarning)
        frame.to_hdf(tmp_path / "theirs.h5", key="AT112", mode="w", format="fixed")

    def nodes(path):
        found = {}

        def note(name, node):
            kind = str(node.dtype) if isinstance(node, h5py.Dataset) else "group"
            found[name] = kind, {k: np.asarray(v).tolist() if k != "TITLE" else "" for k, v in node.attrs.items()}

        with h5py.File(path) as file:
            note("/", file)
            file["AT112"].visititems(note)
            note("AT112", file["AT112"])
        return found

    ours, theirs = nodes(tmp_path / "ours.h5"), nodes(tmp_path / "theirs.h5")
    for _, attributes in theirs.values():
        attributes.pop("nan_rep", None)  # only pandas 3 writes and knows it
    assert ours == theirs


cell = st.one_of(
    st.none(),
    st.just(float("nan")),
    st.lists(st.integers(0, 65_535), min_size=13, max_size=13).filter(any),
)


@settings(max_examples=15, deadline=None)
@given(cells=st.lists(st.lists(cell, min_size=2, max_size=2), min_size=1, max_size=3))
def test_any_table_of_pandas_round_trips(cells, tmp_path_factory):
    folder = tmp_path_factory.mktemp("tiny")
    index, columns = list(range(100, 100 + len(cells))), ["20190106", "20191227"]
    published(folder / "a.h5", cells, index, columns)
    series = read_tinyeurocrops(folder / "a.h5")
    back = [ALL.index(band) for band in PUBLISHED]
    for row, values in enumerate(cells):
        for column, expected in enumerate(values):
            got = series.reflectance[row, column, back]
            if isinstance(expected, list):
                assert np.rint(got * 10_000).tolist() == expected
            else:
                assert np.isnan(got).all()
    write_tinyeurocrops(series, folder / "b.h5", overwrite=True)
    again = pd.read_hdf(folder / "b.h5", "AT112")
    for row, values in enumerate(cells):
        for column, expected in enumerate(values):
            assert again.iloc[row, column] == expected or not isinstance(expected, list)
    same(read_tinyeurocrops(folder / "b.h5"), series)


def test_missing_is_nan_and_a_lone_zero_is_zero(tmp_path):
    cells = [[[0] * 13, [0] * 12 + [5], np.nan, None]]
    series = read_tinyeurocrops(
        published(tmp_path / "a.h5", cells, columns=["20190101", "20190102", "20190103", "20190104"])
    )
    assert np.isnan(series.reflectance[0, [0, 2, 3]]).all()
    assert series.reflectance[0, 1].tolist() == [np.float32(0.0005) if band == "B8A" else 0 for band in ALL]
    assert series.dataset["valid_pixels"].values.tolist() == [[0, 1, 0, 0]]


def test_simulated_landscapes_are_written_as_regions(tmp_path):
    made = l1c(groups={"region": ["Austria 1", "Austria 1", "Austria 2", "Austria 2"]})
    write_tinyeurocrops(made, tmp_path / "a.h5", region="XX000")
    assert read_tinyeurocrops(tmp_path / "a.h5").group("region").tolist() == ["Austria_1"] * 2 + ["Austria_2"] * 2


def test_regions_with_other_dates_are_joined(tmp_path):
    first = published(tmp_path / "a.h5", [[PARCEL_463]])
    published(first, [[[1] * 13, [2] * 13]], columns=["20190101", "20190106"], key="AT113", mode="a")
    series = read_tinyeurocrops(first)
    assert series.parcel_id.tolist() == ["AT112_463", "AT113_463"]  # recno is unique within a region only
    assert [str(day) for day in series.dates] == ["2019-01-01", "2019-01-06"]
    assert np.isnan(series.reflectance[0, 0]).all()
    np.testing.assert_allclose(series.reflectance[:, 1, 0], [0.3871, 0.0002])


def test_a_date_without_any_parcel_is_read_too(tmp_path):
    frame = pd.DataFrame({"20190101": [np.nan], "20190106": [PARCEL_463]}, index=[463])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        frame.to_hdf(tmp_path / "a.h5", key="AT112", format="fixed")  # two blocks
    with pytest.warns(ParcelsSetAside, match="no label file"):
        series = read_tinyeurocrops(tmp_path / "a.h5")
    assert np.isfinite(series.reflectance).all(axis=2).tolist() == [[False, True]]


@pytest.mark.parametrize("where", ["cell", "inside a list", "the whole"])
def test_a_hostile_pickle_is_refused_and_not_run(tmp_path, where):
    harm = Hostile(os.system, f"touch {tmp_path / 'harmed'}")
    content = harm if where == "cell" else [*range(12), harm]
    path = published(tmp_path / "a.h5", [[content]])
    if where == "the whole":
        with h5py.File(path, "a") as file:
            file["AT112/block0_values"][0] = np.frombuffer(pickle.dumps(harm), np.uint8)
    with pytest.raises(ExchangeUnreadable, match=r"a.h5: region 'AT112' its cells are a program that asks for posix"):
        read_tinyeurocrops(path)
    assert not (tmp_path / "harmed").exists()
    pd.read_hdf(path) if where != "the whole" else pickle.loads(pickle.dumps(harm))
    assert (tmp_path / "harmed").exists()  # the file is dangerous to others


@pytest.mark.filterwarnings("ignore")
def test_files_of_another_kind_are_refused(tmp_path):
    frame = pd.DataFrame({"20190106": [1.5]})
    for name, key, options in (("numbers", "A", {}), ("table", "A", {"format": "table"})):
        frame.to_hdf(tmp_path / f"{name}.h5", key=key, **options)
    published(tmp_path / "text.h5", [[PARCEL_463]], index=["a"])  # text as recno is fine
    assert read_tinyeurocrops(tmp_path / "text.h5").parcel_id.tolist() == ["a"]
    published(tmp_path / "date.h5", [[PARCEL_463]], columns=["20191301"])
    published(tmp_path / "days.h5", [[PARCEL_463]], index=pd.to_datetime(["2019-01-01"]))
    published(
        tmp_path / "whole.h5",
        [[PARCEL_463] * 40] * 50,
        range(50),
        [f"201901{d:02}" for d in range(1, 29)] + [f"201902{d:02}" for d in range(1, 13)],
    )
    content = (tmp_path / "whole.h5").read_bytes()
    (tmp_path / "cut.h5").write_bytes(content[: len(content) // 2])
    (tmp_path / "empty.h5").write_bytes(b"")
    h5py.File(tmp_path / "bare.h5", "w").close()
    for name, told in {
        "numbers": "a column holds float64, not lists of 13 numbers",
        "table": r"no table in pandas' fixed format \(pandas_type frame_table\)",
        "date": "a column that is no date",
        "days": "axis of kind 'datetime",
        "cut": "damaged one",
        "empty": "damaged one",
        "bare": "holds no parcels",
    }.items():
        with pytest.raises(ExchangeUnreadable, match=told) as caught:
            read_tinyeurocrops(tmp_path / f"{name}.h5")
        assert str(caught.value).startswith(f"{tmp_path}/{name}.h5: ")
        assert "\n" not in str(caught.value)


def test_labels_are_found_in_the_published_folders(tmp_path):
    (tmp_path / "HDF5s" / "train").mkdir(parents=True)
    (tmp_path / "csv_labels" / "train").mkdir(parents=True)
    path = published(tmp_path / "HDF5s" / "train" / "AT.h5", [[PARCEL_463]], labels=False)
    file = tmp_path / "csv_labels" / "train" / "demo_eurocrops_AT112.csv"
    file.write_text("recno,hcat_c,hcat_n\n463,3301010101,winter_common_soft_wheat\n")  # the newer names
    series = read_tinyeurocrops(path)
    assert series.labels.tolist() == ["winter_common_soft_wheat"]
    file.write_text("id,crop\n463,x\n")
    with pytest.raises(ExchangeUnreadable, match="AT112.csv: lacks the columns recno and crpgrpn"):
        read_tinyeurocrops(path)


def test_text_identifiers_are_numbered_and_kept(tmp_path):
    made = l1c(ids=("007", "b é", "3", "4"))
    write_tinyeurocrops(made, tmp_path / "a.h5")
    assert pd.read_hdf(tmp_path / "a.h5", "AT112").index.tolist() == [1, 2]
    assert pd.read_hdf(tmp_path / "a.h5", "AT113").index.tolist() == [3, 4]
    labels = pd.read_csv(tmp_path / "demo_eurocrops_AT112.csv", dtype=str)
    assert labels["parcel_id"].tolist() == ["007", "b é"]
    assert "parcel_id" not in pd.read_csv(tmp_path / "demo_eurocrops_AT113.csv")
    same(read_tinyeurocrops(tmp_path / "a.h5"), made)


def test_what_the_format_cannot_hold_is_refused_and_leaves_nothing(tmp_path):
    made = l1c()
    twelve = made.select_bands([band for band in ALL if band != "B10"])
    for wrong, told in (
        (CropSeries(twelve.dataset.assign_attrs(level="L2A")), r"x.h5: TinyEuroCrops holds the 13 .*\(L2A\) lacks B10"),
        (CropSeries(made.dataset.assign_attrs(level="L2A")), "is L2A; ingest L1C"),
        (l1c(groups={"region": ["a/b"] * 4}), "region 'a/b' cannot name a table"),
    ):
        with pytest.raises(SeriesUnusable, match=told):
            write_tinyeurocrops(wrong, tmp_path / "x.h5")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "demo_eurocrops_AT113.csv").write_text("mine")
    with pytest.raises(OutputExists, match="AT113"):
        write_tinyeurocrops(made, tmp_path / "x.h5")
    assert [p.name for p in tmp_path.iterdir()] == ["demo_eurocrops_AT113.csv"]
    assert (tmp_path / "demo_eurocrops_AT113.csv").read_text() == "mine"


def test_half_a_date_is_written_as_missing_with_a_warning(tmp_path):
    values = np.full((1, 2, 13), 0.5)
    values[0, 0, 3] = np.nan
    values[0, 1, 4] = -0.01
    made = CropSeries.from_arrays(values, DAYS[:2], ALL, ["5"], crop=["peas"], attrs={"level": "L1C"})
    with pytest.warns(CropxaiWarning, match="1 parcel: dates on which some of the 13 bands are missing"):
        write_tinyeurocrops(made, tmp_path / "a.h5", region="XX000")
    frame = pd.read_hdf(tmp_path / "a.h5", "XX000")
    assert np.isnan(frame.loc[5, "20190106"])
    assert frame.loc[5, "20190421"] == [5000] * 4 + [0] + [5000] * 8


def test_published_codes_are_kept(tmp_path):
    series = read_tinyeurocrops(published(tmp_path / "a.h5", [[PARCEL_463]]))
    write_tinyeurocrops(series, tmp_path / "b.h5", overwrite=True)
    text = (tmp_path / "demo_eurocrops_AT112.csv").read_text()
    assert text == "recno,crpgrpc,crpgrpn\n463,33101011,winter_common_wheat\n"


def test_a_write_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch):
    first = len(write_cells(np.ones((2, 3, 13), np.int32), np.ones((2, 3), bool)))
    monkeypatch.setattr(frames, "LONGEST_PICKLE", first)  # the second region, of three parcels, is too large
    numbers = np.full((5, 3, 13), 0.0001)
    region = ["AT112"] * 2 + ["AT113"] * 3
    attrs = {"level": "L1C"}
    made = CropSeries.from_arrays(numbers, DAYS, ALL, range(5), groups={"region": region}, attrs=attrs)
    with pytest.raises(SeriesUnusable, match="region 'AT113' has 3 parcels, more than one table of the format holds"):
        write_tinyeurocrops(made, tmp_path / "a.h5")
    assert list(tmp_path.iterdir()) == []


def test_without_h5py_the_error_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    for call in (lambda: read_tinyeurocrops(tmp_path / "a.h5"), lambda: write_tinyeurocrops(l1c(), tmp_path / "a.h5")):
        with pytest.raises(ExtraMissing, match=r"pip install 'cropxai\[exchange\]'"):
            call()
