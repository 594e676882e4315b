"""Maps in other formats, read back by other programs, and what these formats refuse."""

import datetime as dt
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import shapely
from example_map import CONTROL, CROPS, DATES, HOSTILE, HOSTILE_ROW, WITHOUT, classes, contents, fields, results, totals
from hypothesis import given
from hypothesis import strategies as st

from cropxai.crops import find_crop
from cropxai.errors import MapUnsupported, OutputExists
from cropxai.maps import MapContents, write_map
from cropxai.maps.attributes import join_attributes
from cropxai.maps.shapefile import short_names


def plain(count=20, **attributes):
    """A map without hostile texts."""
    answers = results(count).drop(columns=["relevance_chart"])
    shapes = fields(20).iloc[:count].drop(columns=['no "te'])
    answers.loc[answers["crop"] == HOSTILE, ["crop", "declared_crop", "status"]] = "peas"
    return MapContents(join_attributes(answers, shapes.assign(**attributes)), classes(answers["crop"]), {}, DATES)


@pytest.fixture(scope="module")
def parquet(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "crops.parquet"
    return write_map(path, contents())


def test_geoparquet_follows_fiboa(parquet):
    file = pq.ParquetFile(parquet)
    metadata = {k: json.loads(v) for k, v in file.schema_arrow.metadata.items() if k in (b"geo", b"fiboa", b"cropxai")}
    assert metadata[b"fiboa"]["fiboa_version"] == "0.2.0"
    assert any("hcat-extension" in extension for extension in metadata[b"fiboa"]["fiboa_extensions"])
    assert metadata[b"geo"]["columns"]["geometry"]["crs"]["id"] == {"authority": "EPSG", "code": 32632}
    types = {field.name: str(field.type) for field in file.schema_arrow}
    assert types["id"] == "string" and types["area"] == "float" and types["hcat:code"] == "uint32"
    names = {n for n in types if not n.startswith(("cropxai:", "hcat:"))}
    assert names == {"id", "geometry", "area", "name", "Crop_input", "fid_input", "area_ha", 'no "te'}


def test_geoparquet_reads_back(parquet):
    read, expected = gpd.read_parquet(parquet), results(80)
    assert read.crs == "EPSG:32632"
    assert shapely.equals(read.geometry.to_numpy(), fields(80).geometry.to_numpy()).all()
    np.testing.assert_allclose(read["area"], fields(80).area / 1e4, rtol=2e-3)  # UTM shrinks areas by up to 0.08 %
    assert list(read["id"]) == list(expected["parcel_id"])
    for row in (0, 1, 2, 4):
        assert read["hcat:name_en"][row] == expected["crop"][row]
        assert read["hcat:name"][row] == find_crop(expected["crop"][row]).hcat_name
        assert read["hcat:code"][row] == expected["hcat_code"][row]
        assert read["cropxai:window_end"][row] == expected["window_end"][row]
        given = [None if np.isnan(v) else round(float(v) * 1000) for v in totals(80)[row]]
        assert [None if pd.isna(v) else int(v) for v in read["cropxai:relevance"][row]] == given
    assert read["hcat:name_en"][HOSTILE_ROW] == HOSTILE and read['no "te'][HOSTILE_ROW] == CONTROL
    missing = ["hcat:code", "hcat:name", "hcat:name_en", "cropxai:confidence", "cropxai:relevance"]
    assert read.loc[list(WITHOUT), missing].isna().all(axis=None)


def test_geoparquet_keeps_the_run_and_the_classes(parquet):
    own = json.loads(pq.read_schema(parquet).metadata[b"cropxai"])
    assert own["run"]["dates"] == [str(d) for d in DATES]
    assert [c["crop"] for c in own["classes"]] == CROPS


def test_attributes_that_bear_the_names_of_fiboa_are_renamed(tmp_path):
    path = write_map(tmp_path / "m.parquet", plain(3, id=[1, 2, 3], area=5.0))
    read = gpd.read_parquet(path)
    assert list(read["id_input"]) == [1, 2, 3]
    assert list(read["id"]) == ["P0000", "P0001", "P0002"]


def test_csv_holds_every_text_as_it_is(tmp_path):
    path = write_map(tmp_path / "m.csv", contents())
    read = pd.read_csv(path, dtype={"parcel_id": str}, keep_default_na=False)
    assert read["crop"][HOSTILE_ROW] == HOSTILE
    assert read['no "te'][HOSTILE_ROW] == CONTROL
    assert "geometry" not in read and len(read) == 80


def test_shapefile_reads_back_under_short_names(tmp_path):
    path = write_map(tmp_path / "m.shp", plain())
    names = pd.read_csv(tmp_path / "m.columns.csv").set_index("name")["column"]
    read, expected = gpd.read_file(path), plain().parcels
    assert read.crs == "EPSG:32632"
    assert max(map(len, names)) <= 10
    for name in ("crop", "second_crop", "status", "hcat_code", "declared_crop"):
        assert [v or None for v in read[names[name]].fillna("")] == [v or None for v in expected[name].fillna("")]
    np.testing.assert_allclose(read[names["confidence"]], expected["confidence"].astype(float), rtol=1e-12)
    assert list(pd.to_datetime(read[names["window_start"]]).dt.date.dropna()) == list(expected["window_start"].dropna())
    assert set(read[names["declared_agrees"]].dropna()) == {0, 1}
    assert sorted(p.suffix for p in tmp_path.iterdir()) == [".cpg", ".csv", ".dbf", ".prj", ".shp", ".shx"]


@pytest.mark.parametrize(
    ("attribute", "values"),
    [
        ("note", "ä" * 128),
        ("note", "ends with a blank "),
        ("number", 1e-20),
    ],
)
def test_shapefile_refuses_what_it_would_change(tmp_path, attribute, values):
    given = [None, values, values]
    with pytest.raises(
        MapUnsupported, match=f"m.shp: a Shapefile cannot hold '{attribute}' of parcel 'P0001' as it is"
    ):
        write_map(tmp_path / "m.shp", plain(3, **{attribute: given}))
    assert list(tmp_path.iterdir()) == []


def test_shapefile_keeps_what_fits(tmp_path):
    write_map(tmp_path / "m.shp", plain(3, note=["🌾" * 63, "=1+1", "'; DROP"], day=dt.date(2018, 5, 1)))
    read = gpd.read_file(tmp_path / "m.shp")
    assert list(read["note"]) == ["🌾" * 63, "=1+1", "'; DROP"]
    with pytest.raises(OutputExists):
        write_map(tmp_path / "m.shp", plain(3))
    write_map(tmp_path / "m.shp", plain(2), overwrite=True)
    assert len(gpd.read_file(tmp_path / "m.shp")) == 2


def test_shapefile_refuses_other_geometries(tmp_path):
    given = plain(3)
    given.parcels.loc[1, "geometry"] = shapely.Point(0, 0)
    with pytest.raises(MapUnsupported, match="holds polygons only"):
        write_map(tmp_path / "m.shp", given)


@given(st.lists(st.text(min_size=1, max_size=30), unique_by=str.lower, max_size=40))
def test_short_names_fit_and_differ(names):
    short = short_names(names)
    assert list(short) == names
    assert all(len(s.encode()) <= 10 for s in short.values())
    assert len({s.lower() for s in short.values()}) == len(names)
