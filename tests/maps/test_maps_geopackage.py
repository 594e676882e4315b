"""The map file, read back by SQLite, GDAL and GDAL's own conformance script."""

import io
import json
import sqlite3
import subprocess
import tracemalloc
import zipfile
from contextlib import closing
from xml.etree import ElementTree as ET

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely
from example_map import (
    CONTROL,
    CROPS,
    DATES,
    DAYS,
    HOSTILE,
    HOSTILE_ROW,
    RUN,
    WITHOUT,
    classes,
    fields,
    reflectances,
    relevance,
    results,
    totals,
    write_example,
)
from pyogrio.errors import DataLayerError
from system_python import system_python

from cropxai.bands import GROUPS
from cropxai.errors import OutputExists, OutputUnwritable
from cropxai.maps import MapContents, RelevanceBlock, columns, write_map
from cropxai.maps.attributes import join_attributes


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


def written(path, results, parcels, relevance=None, dates=DATES, **options):
    crop = results["crop"] if "crop" in results else pd.Series(dtype=object)
    contents = MapContents(join_attributes(results, parcels), classes(crop), {}, dates, relevance)
    return write_map(path, contents, **options)


def block(first, *by_date):
    return RelevanceBlock(first, np.array(by_date, dtype=np.float32))


def test_parcels_arrive_as_they_were_given(example):
    expected = results(80)
    read = pyogrio.read_dataframe(example, layer="parcels")
    assert list(read["parcel_id"]) == list(expected["parcel_id"])
    for name in ("confidence", "top1_relevance", "second_confidence", "decision_confidence"):
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
    given = ("parcel_id", "status", "clear_dates", "declared_crop")
    names = [c.name for c in columns.PARCELS if c.name not in given]
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
    notes = [note for (note,) in rows(example, 'SELECT "no ""te" FROM parcels ORDER BY fid')]
    assert notes[HOSTILE_ROW] == CONTROL
    assert set(notes) == {CONTROL, HOSTILE, None}
    ((card,),) = rows(example, "SELECT value FROM run WHERE key = 'model'")
    assert json.loads(card) == RUN["model"]
    assert rows(example, "SELECT peak1_stage FROM classes WHERE crop = 'winter wheat'") == [(HOSTILE,)]


def test_long_text_is_not_cut(tmp_path):
    long = "ä🌾" * 50_000
    given, parcels = tiny(2, status=[long, "classified"])
    path = written(tmp_path / "m.gpkg", given, parcels.assign(note=["x", long]))
    assert rows(path, "SELECT status, note FROM parcels") == [(long, "x"), ("classified", long)]


def test_types_are_those_of_the_column_table(example):
    for table, described in columns.TABLES.items():
        types = dict(rows(example, f"SELECT name, type FROM pragma_table_info('{table}')"))
        assert {c.name: types[c.name] for c in described} == {c.name: c.type for c in described}
    assert dict(rows(example, "SELECT name, type FROM pragma_table_info('parcels')"))["geom"] == "MULTIPOLYGON"


def test_relevance_table_holds_every_number_in_thousandths(example):
    expected = totals(80)
    table = pyogrio.read_dataframe(example, layer="relevance")
    assert len(table) == np.isfinite(expected).sum()
    for row in table.sample(200, random_state=0).itertuples():
        day = DAYS.index(row.date.date())
        assert row.relevance == round(float(expected[row.parcel - 1, day]) * 1000)
        assert row.visible == pytest.approx(700 * expected[row.parcel - 1, day], abs=0.51)
    assert table["atmosphere"].isna().all()
    plan = str(rows(example, "EXPLAIN QUERY PLAN SELECT * FROM relevance WHERE parcel = 3"))
    assert "relevance_parcel" in plan


def test_reflectance_is_that_of_the_parcel_in_ten_thousandths(example):
    expected = reflectances(80)
    there = {
        (i + 1, str(DATES[t])): tuple(None if np.isnan(v) else round(float(v) * 10_000) for v in expected[i, t])
        for i, t in np.argwhere(np.isfinite(totals(80)))
    }
    for table in ("relevance", "relevance_by_date"):
        query = f"SELECT parcel, date, reflectance_red, reflectance_nir, reflectance_swir FROM {table}"
        assert {
            (parcel, day): seen for parcel, day, *values in rows(example, query) if (seen := tuple(values))
        } == there
    missing = sum(values[2] is None for values in there.values())
    assert missing == rows(example, "SELECT sum(reflectance_swir IS NULL) FROM relevance")[0][0] > 100
    assert rows(example, "SELECT max(reflectance_nir) FROM relevance") == [(12_000,)]


def test_without_reflectance_its_columns_are_not_there(tmp_path):
    blocks = (RelevanceBlock(b.first, b.total, b.groups) for b in relevance(2))
    path = written(tmp_path / "m.gpkg", *tiny(2), blocks)
    for table in ("relevance", "relevance_by_date"):
        for query in ("SELECT name FROM pragma_table_info(?)",
                      "SELECT column_name FROM gpkg_data_columns WHERE table_name = ?"):  # fmt: skip
            names = {name for (name,) in rows(path, query, table)}
            assert not names & set(columns.OPTIONAL) and "relevance" in names
    assert rows(path, "SELECT count(*) FROM relevance") == [(int(np.isfinite(totals(2)).sum()),)]


def test_reflectance_alone_has_its_rows(tmp_path):
    nothing, seen = np.full((2, 2), np.nan, np.float32), np.full((2, 2, 3), np.nan, np.float32)
    seen[1, 0, :2] = 0.125, 0.25
    path = written(tmp_path / "m.gpkg", *tiny(2), [RelevanceBlock(0, nothing, None, seen)], dates=DATES[:2])
    query = "SELECT parcel, date, relevance, visible, reflectance_red, reflectance_nir FROM relevance"
    assert rows(path, query) == [(2, "2018-03-01", None, None, 1250, 2500)]
    styles = "SELECT styleName, useAsDefault FROM layer_styles WHERE f_table_name = 'relevance_by_date'"
    assert rows(path, styles) == [("vegetation", 1)]
    seen[..., 0] = np.nan  # no red, no index, nothing to step through
    path = written(tmp_path / "n.gpkg", *tiny(2), [RelevanceBlock(0, nothing, None, seen)], dates=DATES[:2])
    assert rows(path, styles) == []
    ((content,),) = rows(path, "SELECT content FROM qgis_projects")
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(content))) as archive:
        project = ET.fromstring(archive.read("cropxai.qgs"))
    names = [layer.findtext("id") for layer in project.iter("maplayer")]
    assert "cropxai_relevance" in names and "cropxai_relevance_by_date" not in names


def test_relevance_without_bands_leaves_the_groups_null(tmp_path):
    path = written(tmp_path / "m.gpkg", *tiny(2), [block(0, [0.5, np.nan], [np.nan, np.nan])], dates=DATES[:2])
    assert rows(path, "SELECT parcel, date, relevance, visible FROM relevance") == [(1, "2018-03-01", 500, None)]


def test_the_view_shows_relevance_on_the_parcel(example):
    view = pyogrio.read_dataframe(example, layer="relevance_by_date")
    parcels = pyogrio.read_dataframe(example, layer="parcels")
    assert len(view) == np.isfinite(totals(80)).sum()
    assert view.crs == parcels.crs
    own = parcels.geometry[view["parcel"] - 1].to_numpy()
    assert shapely.equals(view.geometry.to_numpy(), own).all()
    assert (view["parcel_id"].to_numpy() == parcels["parcel_id"][view["parcel"] - 1].to_numpy()).all()
    assert str(view["date"].dtype).startswith("datetime64")


def test_dates_and_counts_of_the_view_are_answered_by_an_index(example):
    for query in ("SELECT count(*) FROM relevance_by_date", "SELECT max(date) FROM relevance_by_date"):
        plan = str(rows(example, f"EXPLAIN QUERY PLAN {query}"))
        assert "COVERING INDEX" in plan and "parcels" not in plan


def test_relevance_of_another_shape_is_refused(tmp_path):
    ones = np.ones((1, 12))
    for wrong in (block(0, [1.0]), RelevanceBlock(0, ones, np.ones((1, 12, 2))),
                  RelevanceBlock(0, ones, None, np.ones((1, 12, 2)))):  # fmt: skip
        with pytest.raises(ValueError, match="12 dates"):
            written(tmp_path / "m.gpkg", *tiny(), [wrong])
    some = [RelevanceBlock(0, ones), RelevanceBlock(1, ones, None, np.ones((1, 12, 3)))]
    for mixed in (some, some[::-1]):
        with pytest.raises(ValueError, match="not every block has the reflectance"):
            written(tmp_path / "m.gpkg", *tiny(2), mixed)
    assert list(tmp_path.iterdir()) == []


def test_classes_and_run(example):
    table = pyogrio.read_dataframe(example, layer="classes")
    assert list(table["crop"]) == CROPS
    assert table["parcels"].sum() == results(80)["crop"].isin(CROPS).sum()
    assert (table["peak1_date"] == pd.Timestamp("2018-05-20")).all()
    assert table["accuracy"].isna().all()
    facts = dict(rows(example, "SELECT key, value FROM run"))
    assert json.loads(facts["dates"]) == [str(d) for d in DATES]
    assert facts["software"] == "cropxai 0.1.0"


def test_columns_are_documented_in_the_file(example):
    found = rows(example, "SELECT table_name, column_name, name, description FROM gpkg_data_columns")
    expected = [
        (table, c.name, c.alias, c.description) for table, described in columns.TABLES.items() for c in described
    ]
    assert found == expected


def test_layers_have_metadata(example):
    found = rows(
        example,
        "SELECT r.table_name, m.metadata FROM gpkg_metadata m JOIN gpkg_metadata_reference r ON r.md_file_id = m.id",
    )
    assert [table for table, _ in found] == ["parcels", "relevance_by_date"]
    assert all("cropxai 0.1.0" in text for _, text in found)


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
    ] == [("MultiPolygon", False), None, ("MultiPolygon", False)]
    parcels.loc[1, "geometry"] = shapely.Point(0, 0)
    path = written(tmp_path / "mixed.gpkg", given, parcels)
    assert list(pyogrio.read_dataframe(path, layer="parcels").geom_type) == ["Polygon", "Point", "MultiPolygon"]


def test_a_map_without_a_crs_or_parcels(tmp_path):
    given, parcels = tiny(1)
    path = written(tmp_path / "m.gpkg", given.iloc[:0], parcels.iloc[:0])
    assert len(pyogrio.read_dataframe(path, layer="parcels")) == 0
    path = written(tmp_path / "n.gpkg", given, parcels.set_crs(None, allow_override=True))
    assert pyogrio.read_dataframe(path, layer="parcels").crs is None


def test_parcels_are_handed_over_in_pieces(tmp_path, monkeypatch):
    monkeypatch.setattr("cropxai.maps.geopackage.PARCELS_AT_ONCE", 30)
    expected = write_example(tmp_path / "m.gpkg")
    read = pyogrio.read_dataframe(tmp_path / "m.gpkg", layer="parcels")
    assert list(read["parcel_id"]) == list(expected["parcel_id"])
    assert rows(tmp_path / "m.gpkg", "SELECT min(fid), max(fid) FROM parcels") == [(1, 80)]


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
        yield block(0, [1.0])
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        written(path, *tiny(2), failing(), dates=DATES[:1], overwrite=True)
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
    dates = np.arange("2018-01-01", "2018-05-31", 5, dtype="datetime64[D]")
    given = results(2000).drop(columns="relevance_chart")
    squares = shapely.box(*(np.arange(2000.0) + offset for offset in (0, 0, 0.9, 0.9)))
    parcels = gpd.GeoDataFrame(geometry=squares, crs="EPSG:25832")
    blocks = (
        RelevanceBlock(first, *(np.ones((100, 30, *more), np.float32) for more in ((), (len(GROUPS),), (3,))))
        for first in range(0, 2000, 100)
    )
    tracemalloc.start()
    path = written(tmp_path / "m.gpkg", given, parcels, blocks, dates=dates)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert rows(path, "SELECT count(*) FROM relevance") == [(2000 * 30,)]
    assert peak < 6e6  # 100 parcels at a time; all rows at once take some 16 MB


@pytest.mark.parametrize("make", [write_example, lambda path: written(path, *tiny(1))], ids=["example", "tiny"])
def test_conforms_to_the_standard(tmp_path, make):
    python, environment = system_python("osgeo_utils.samples.validate_gpkg")
    make(tmp_path / "m.gpkg")
    assert rows(tmp_path / "m.gpkg", "PRAGMA user_version") == [(10200,)]  # of later ones QGIS 3.22 warns
    command = [python, "-m", "osgeo_utils.samples.validate_gpkg", str(tmp_path / "m.gpkg")]
    judged = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (judged.returncode, judged.stdout + judged.stderr) == (0, "")
