"""The map file, read back by SQLite, GDAL and GDAL's own conformance script."""

import datetime as dt
import sqlite3
import subprocess
import tracemalloc
from contextlib import closing

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from example_map import CROPS, DATES, HOSTILE, HOSTILE_ROW, RUN, WITHOUT, fields, relevance, results, write_example
from pyogrio.errors import DataLayerError
from system_python import system_python

from cropxai.bands import GROUPS
from cropxai.errors import OutputExists, OutputUnwritable
from cropxai.maps import columns, join_attributes, write_map


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "crops.gpkg"
    write_example(path)
    return path


def rows(path, query, *values):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query, values).fetchall()


def tiny(count=1, **values):
    """Results and parcels of a few squares."""
    ids = [str(i) for i in range(count)]
    squares = [shapely.box(i, 0, i + 0.9, 0.9) for i in range(count)]
    return (
        pd.DataFrame({"parcel_id": ids, "status": "classified", **values}),
        gpd.GeoDataFrame({"name": ids}, geometry=squares, crs="EPSG:25832"),
    )


def written(path, results, parcels, relevance=None, **options):
    return write_map(path, join_attributes(results, parcels), relevance, crop_labels=CROPS, run={}, **options)


def test_parcels_arrive_as_they_were_given(example):
    expected = results(80)
    read = pyogrio.read_dataframe(example, layer="parcels")
    assert list(read["parcel_id"]) == list(expected["parcel_id"])
    for name in ("confidence", "top1_relevance", "second_confidence"):
        np.testing.assert_array_equal(read[name], expected[name].astype(float))
    stored = rows(
        example, "SELECT crop, hcat_code, top2_date, window_start, clear_dates, name FROM parcels ORDER BY fid"
    )
    for i, row in enumerate(stored):
        if i not in WITHOUT:
            one = expected.loc[i]
            days = str(one["top2_date"]), str(one["window_start"])
            assert row == (one["crop"], one["hcat_code"], *days, one["clear_dates"], f"Flur {i}")
    shapes = fields(80)
    assert read.crs == shapes.crs
    assert shapely.equals(read.geometry.to_numpy(), shapes.geometry.to_numpy()).all()


def test_missing_answers_are_null(example):
    names = [c.name for c in columns.PARCELS if c.name not in ("parcel_id", "status", "clear_dates", "declared_crop")]
    for i in WITHOUT:
        (row,) = rows(example, f"SELECT {', '.join(names)} FROM parcels WHERE parcel_id = ?", f"P{i:04d}")
        assert row == (None,) * len(names)


def test_empty_text_and_nan_are_null(tmp_path):
    path = written(
        tmp_path / "m.gpkg", *tiny(2, crop=["", "peas"], confidence=[np.nan, 0.5], declared_crop=["", "rye"])
    )
    assert rows(path, "SELECT crop, confidence, declared_crop FROM parcels") == [
        (None, None, None),
        ("peas", 0.5, "rye"),
    ]


def test_hostile_text_arrives_unchanged(example):
    assert rows(example, "SELECT crop FROM parcels WHERE parcel_id = ?", f"P{HOSTILE_ROW:04d}") == [(HOSTILE,)]
    ((card,),) = rows(example, "SELECT value FROM run WHERE key = 'model_card'")
    assert pd.io.json.ujson_loads(card) == RUN["model_card"]


def test_types_are_those_of_the_column_table(example):
    for table, described in columns.TABLES.items():
        types = dict(rows(example, f"SELECT name, type FROM pragma_table_info('{table}')"))
        expected = {c.name: c.type for c in described if c.name not in columns.OPTIONAL}
        assert {name: types[name] for name in expected} == expected
    assert dict(rows(example, "SELECT name, type FROM pragma_table_info('parcels')"))["geom"] == "MULTIPOLYGON"


def test_relevance_table(example):
    expected = pd.concat(relevance(list(results(80)["parcel_id"]), DATES))
    read = pyogrio.read_dataframe(example, layer="relevance")
    assert list(read["date"].dt.date) == list(expected["date"])
    np.testing.assert_array_equal(read["relevance"], expected["relevance"])
    assert list(read["band_group"]) == list(expected["band_group"])
    plan = rows(example, "EXPLAIN QUERY PLAN SELECT * FROM relevance WHERE parcel_id = 'P0001' AND date = '2018-03-01'")
    assert "relevance_parcel_date" in str(plan)


def test_relevance_accepts_other_kinds_of_dates(tmp_path):
    day = dt.date(2018, 5, 1)
    pieces = [
        pd.DataFrame({"parcel_id": "0", "date": [moment], "band_group": GROUPS[0], "relevance": [np.nan]})
        for moment in (day, pd.Timestamp(day), np.datetime64(day))
    ]
    path = written(tmp_path / "m.gpkg", *tiny(), iter(pieces))
    assert rows(path, "SELECT date, relevance FROM relevance") == [("2018-05-01", None)] * 3


def test_unknown_band_group_is_refused(tmp_path):
    piece = pd.DataFrame(
        {"parcel_id": ["0"], "date": [dt.date(2018, 5, 1)], "band_group": ["magic"], "relevance": [1.0]}
    )
    with pytest.raises(ValueError, match="magic"):
        written(tmp_path / "m.gpkg", *tiny(), [piece])
    assert list(tmp_path.iterdir()) == []


def test_columns_are_documented_in_the_file(example):
    found = rows(example, "SELECT table_name, column_name, name, description FROM gpkg_data_columns")
    expected = [
        (table, c.name, c.alias, c.description)
        for table, described in columns.TABLES.items()
        for c in described
        if c.name not in columns.OPTIONAL
    ]
    assert found == expected


def test_own_names_win_over_the_names_of_the_input():
    given, parcels = tiny(2)
    own = dict.fromkeys(("Crop", "STATUS", "FID", "geom", "name"), 1)
    parcels = parcels.assign(parcel_id=["0", "1"], **own, **{"Crop_input": 2})
    joined = join_attributes(given, parcels)
    ours, theirs = ["parcel_id", "status"], ["STATUS_input", "FID_input", "geom_input", "Crop_input_input"]
    assert list(joined.columns) == [*ours, "name", "Crop_input", *theirs, "geometry"]
    with pytest.raises(ValueError, match="2 results for 1 parcels"):
        join_attributes(given, parcels.iloc[:1])


def test_another_parcel_id_of_the_input_is_kept():
    given, parcels = tiny(2)
    assert list(join_attributes(given, parcels.assign(parcel_id=[7, 8]))["parcel_id_input"]) == [7, 8]


def test_attributes_of_any_kind_are_written(tmp_path):
    given, parcels = tiny(3)
    parcels = parcels.assign(
        lists=[[1], None, [2, 3]],
        mixed=[1, "ä", None],
        nothing=None,
        kind=pd.Categorical(["a", None, "b"]),
        flag=[True, False, True],
        when=pd.to_datetime(["2018-01-01T10:00", None, "2018-01-02T00:00"]),
        span=pd.to_timedelta([1, 2, None], unit="D"),
    )
    path = written(tmp_path / "m.gpkg", given, parcels)
    stored = rows(path, 'SELECT lists, mixed, "nothing", kind, flag FROM parcels')
    assert stored == [("[1]", "1", None, "a", 1), (None, "ä", None, None, 0), ("[2, 3]", None, None, "b", 1)]


def test_geometries(tmp_path):
    given, parcels = tiny(3)
    parcels.geometry = [shapely.force_3d(parcels.geometry[0], 400.0), None, shapely.MultiPolygon([parcels.geometry[2]])]
    path = written(tmp_path / "m.gpkg", given, parcels)
    assert [
        None if g is None else (g.geom_type, g.has_z) for g in pyogrio.read_dataframe(path, layer="parcels").geometry
    ] == [
        ("MultiPolygon", False),
        None,
        ("MultiPolygon", False),
    ]
    parcels.loc[1, "geometry"] = shapely.Point(0, 0)
    path = written(tmp_path / "mixed.gpkg", given, parcels)
    assert list(pyogrio.read_dataframe(path, layer="parcels").geom_type) == ["Polygon", "Point", "MultiPolygon"]


def test_a_map_of_no_parcels(tmp_path):
    given, parcels = tiny(1)
    path = written(tmp_path / "m.gpkg", given.iloc[:0], parcels.iloc[:0])
    assert len(pyogrio.read_dataframe(path, layer="parcels")) == 0


def test_overwrite_is_asked_for(tmp_path):
    path = written(tmp_path / "m.gpkg", *tiny(1))
    with pytest.raises(OutputExists):
        written(path, *tiny(2))
    assert rows(path, "SELECT count(*) FROM parcels") == [(1,)]
    written(path, *tiny(2), overwrite=True)
    assert rows(path, "SELECT count(*) FROM parcels") == [(2,)]


@pytest.mark.parametrize("before", [False, True])
def test_a_failure_half_way_leaves_no_half_map(tmp_path, before):
    path = tmp_path / "m.gpkg"
    if before:
        written(path, *tiny(1))
        kept = path.read_bytes()

    def failing():
        yield from relevance(["0"], DATES)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(path, *tiny(2), failing(), overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ([path.name] if before else [])
    assert not before or path.read_bytes() == kept


@pytest.mark.parametrize("error", [sqlite3.OperationalError("disk is full"), DataLayerError("disk is full")])
def test_a_full_disk_is_told_in_one_line(tmp_path, monkeypatch, error):
    def full(*_, **__):
        raise error

    monkeypatch.setattr(pyogrio, "write_dataframe", full)
    with pytest.raises(OutputUnwritable, match=r"m\.gpkg: cannot be written \(disk is full\); free space"):
        written(tmp_path / "m.gpkg", *tiny(1))


def test_many_rows_in_bounded_memory(tmp_path):
    given, dates = results(5000), [dt.date(2018, 1, 1) + dt.timedelta(days=5 * i) for i in range(30)]
    squares = shapely.box(*(np.arange(5000.0) + offset for offset in (0, 0, 0.9, 0.9)))
    parcels = gpd.GeoDataFrame(geometry=squares, crs="EPSG:25832")
    tracemalloc.start()
    path = written(
        tmp_path / "m.gpkg", given, parcels, relevance(list(given["parcel_id"]), dates, size=100, groups=GROUPS[:1])
    )
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows(path, "SELECT count(*) FROM relevance") == [(5000 * 30,)]

    assert peak < 8e6  # 100 parcels at a time; all rows at once take some 40 MB


@pytest.mark.parametrize("make", [write_example, lambda path: written(path, *tiny(1))], ids=["example", "tiny"])
def test_conforms_to_the_standard(tmp_path, make):
    python, environment = system_python("osgeo_utils.samples.validate_gpkg")
    make(tmp_path / "m.gpkg")
    command = [python, "-m", "osgeo_utils.samples.validate_gpkg", str(tmp_path / "m.gpkg")]
    judged = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")
