"""The styles as documents, and the column table as documentation; QGIS itself looks at them in tests/qgis."""

import io
import sqlite3
import zipfile
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from example_map import CROPS, DATES, HOSTILE, write_example

from cropxai.crops import find_crop
from cropxai.maps import columns
from cropxai.maps.maptip import UNLIKE
from cropxai.maps.reading import restyle
from cropxai.maps.styles import AGAINST_TO_FOR, map_styles, ramp
from cropxai.maps.survey import SUMMARIES, Crs, Survey

FOUND = Survey(
    crops=tuple((crop, find_crop(crop).colour) for crop in CROPS),
    codes=((3301010101, "winter_common_soft_wheat"),),
    unanswered=True,
    unlike=True,
    dates=DATES,
    columns=columns.names(columns.PARCELS),
    filled=frozenset(columns.names(columns.PARCELS)),
    relevance=True,
    reflectance=True,
    vegetation=True,
    summaries=SUMMARIES,
    scale=500,
    decided_at=0.9,
    crs=Crs("EPSG:32632", ""),
    extent=(0, 0, 1, 1),
)


def documents(found=FOUND, table="parcels"):
    return {s.name: ET.fromstring(s.qml) for s in map_styles(found, "crops.gpkg") if s.table == table}


@pytest.fixture(scope="module")
def example(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "crops.gpkg"
    write_example(path)
    return path


def fill(document, symbol):
    layers = document.findall(f".//symbol[@name='{symbol}']/layer")
    drawn = [layer for layer in layers if layer.find("data_defined_properties") is None]
    options = [option for layer in drawn for option in layer.findall(".//Option[@name]")]
    return {option.get("name"): option.get("value") for option in options}


def changed(**values):
    return Survey(**{**{name: getattr(FOUND, name) for name in FOUND.__dataclass_fields__}, **values})


def test_every_crop_has_its_catalogue_colour():
    document = documents()["crop"]
    for category, crop in zip(document.iter("category"), CROPS, strict=False):
        assert (category.get("value"), category.get("label")) == (crop, crop)
        red, green, blue, alpha = map(int, fill(document, category.get("symbol"))["color"].split(","))
        assert (f"#{red:02x}{green:02x}{blue:02x}", alpha) == (find_crop(crop).colour, 255)


def test_no_answer_is_a_hatched_class_of_its_own():
    for name, kind in (
        ("crop", "category"),
        ("confidence", "range"),
        ("decision date", "range"),
        ("disagreement", "rule"),
    ):
        document = documents()[name]
        entry = list(document.iter(kind))[-1]
        assert entry.get("label") == "no answer"
        assert fill(document, entry.get("symbol"))["style"] == "b_diagonal"


def test_confidence_classes_cover_all_probabilities():
    ranges = [(float(r.get("lower")), float(r.get("upper"))) for r in documents()["confidence"].iter("range")][:-1]
    assert ranges[0][0] == 0 and ranges[-1][1] == 1
    assert all(upper == lower for (_, upper), (lower, _) in pairwise(ranges))


def test_months_of_the_season_have_a_class_each():
    labels = [r.get("label") for r in documents()["decision date"].iter("range")]
    assert labels == ["March 2018", "April 2018", "May 2018", "June 2018", "not known with 90% confidence", "no answer"]


def test_relevance_classes_lie_around_zero_and_cover_all():
    document = documents(table="relevance_by_date")["relevance"]
    ranges = [(float(r.get("lower")), float(r.get("upper"))) for r in document.iter("range")]
    assert len(ranges) == len(AGAINST_TO_FOR)
    assert all(upper == lower for (_, upper), (lower, _) in pairwise(ranges))
    assert all(low == pytest.approx(-high) for (low, _), (_, high) in zip(ranges, ranges[::-1], strict=True))
    assert ranges[0][1] == -500
    temporal = document.find("temporal")
    assert (temporal.get("enabled"), temporal.get("startField"), temporal.get("fixedDuration")) == ("1", "date", "10")


def test_styles_are_made_of_what_the_map_holds():
    bare = changed(
        filled=frozenset(["crop"]),
        relevance=False,
        reflectance=False,
        vegetation=False,
        dates=DATES[:0],
        extent=None,
        crs=None,
    )
    assert list(documents(bare)) == ["crop", "confidence"]
    assert documents(bare, "relevance_by_date") == {}
    tip = documents(bare)["crop"].findtext("mapTip")
    assert "base64" not in tip and "base64" in documents()["crop"].findtext("mapTip")


def test_the_vegetation_index_is_drawn_where_there_is_reflectance():
    document = documents(table="relevance_by_date")["vegetation"]
    ranges = [(float(r.get("lower")), float(r.get("upper"))) for r in document.iter("range")]
    assert all(upper == lower for (_, upper), (lower, _) in pairwise(ranges))
    assert ranges[0][0] < -1 and ranges[-1][1] > 1
    assert [r.get("label") for r in document.iter("range")][::5] == ["below 0.15", "above 0.75"]
    assert document.find("temporal").get("enabled") == "1"
    without = changed(reflectance=False, vegetation=False)
    assert list(documents(without, "relevance_by_date")) == ["relevance"]
    for table in ("relevance", "relevance_by_date"):
        aliases = [a.get("field") for a in documents(without, table)["relevance"].iter("alias")]
        assert aliases == [c.name for c in columns.TABLES[table] if c.name not in columns.OPTIONAL]
    # A map of answers alone, with reflectance: the vegetation is what opens.
    styles = [s for s in map_styles(changed(relevance=False), "m.gpkg") if s.table == "relevance_by_date"]
    assert [(s.name, s.default) for s in styles] == [("vegetation", True)]
    # Without red there is no index to draw.
    assert list(documents(changed(vegetation=False), "relevance_by_date")) == ["relevance"]


def test_what_is_unlike_the_training_data_is_hatched():
    document = documents()["crop"]
    for number in range(len(CROPS)):
        layers = document.findall(f".//symbol[@name='{number}']/layer")
        conditions = [layer.find(".//Option[@name='expression']") for layer in layers]
        assert [c is None for c in conditions] == [True, False]
        assert "'novelty'), 0) > 1" in conditions[1].get("value")
    older = FOUND.filled - {"novelty", "crop_set", "set_size"}
    columns = tuple(c for c in FOUND.columns if c in older)
    older = documents(changed(filled=older, columns=columns, unlike=False))["crop"]
    assert older.find(".//data_defined_properties") is None
    assert UNLIKE not in older.findtext("mapTip") and UNLIKE in documents()["crop"].findtext("mapTip")


def test_hostile_labels_cannot_break_the_document():
    document = documents(changed(crops=((HOSTILE, "#112233"), ("a\x00b\x1f\ud800", "#445566"))))["crop"]
    assert [c.get("value") for c in document.iter("category")] == [HOSTILE, "ab", UNLIKE, ""]


def test_one_default_style_a_table_in_the_file(example):
    with closing(sqlite3.connect(example)) as database:
        query = "SELECT styleName, f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        found = database.execute(query).fetchall()
    assert [row[:4] for row in found] == [
        ("crop", "parcels", "geom", 1),
        ("confidence", "parcels", "geom", 0),
        ("decision date", "parcels", "geom", 0),
        ("top date", "parcels", "geom", 0),
        ("disagreement", "parcels", "geom", 0),
        ("relevance", "relevance_by_date", "geom", 1),
        ("vegetation", "relevance_by_date", "geom", 0),
        ("relevance", "relevance", "", 1),
        ("classes", "classes", "", 1),
    ]
    values = [c.get("value") for c in ET.fromstring(found[0][4]).iter("category")]
    codes = sorted(CROPS, key=lambda crop: find_crop(crop).hcat_code)
    assert values == [*codes, HOSTILE, UNLIKE, ""]  # a crop that the classes do not list still has a class, the last


def test_every_column_has_an_alias_in_the_style():
    aliases = {a.get("field"): a.get("name") for a in documents()["crop"].iter("alias")}
    assert aliases == {c.name: c.alias for c in columns.PARCELS}


def test_rows_of_relevance_are_named_by_their_date():
    document = documents(table="relevance")["relevance"]
    assert document.findtext("previewExpression").startswith("format_date(\"date\", 'yyyy-MM-dd')")
    names = [a.get("name") for a in document.iter("alias")]
    assert len(set(names)) == len(names)  # relevance and reflectance of near infrared are told apart


def test_the_form_shows_every_column_but_the_chart_once(example):
    with closing(sqlite3.connect(example)) as database:
        ((qml,),) = database.execute("SELECT styleQML FROM layer_styles WHERE styleName = 'crop'")
        own = [row[0] for row in database.execute("SELECT name FROM pragma_table_info('parcels')")]
    shown = [field.get("name") for field in ET.fromstring(qml).iter("attributeEditorField")]
    assert sorted(shown) == sorted(set(own) - {"fid", "geom", "relevance_chart"})


def test_the_project_in_the_file_has_the_layers_of_the_map(example):
    with closing(sqlite3.connect(example)) as database:
        ((content,),) = database.execute("SELECT content FROM qgis_projects WHERE name = 'cropxai'")
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(content))) as archive:
        project = ET.fromstring(archive.read("cropxai.qgs"))
    sources = [layer.findtext("datasource") for layer in project.iter("maplayer")]
    tables = ["relevance_by_date", "parcels", "classes", "relevance", "run"]
    assert sources == [f"./crops.gpkg|layername={table}" for table in tables]
    (relation,) = project.find("relations")
    assert relation.find("fieldRef").attrib == {"referencingField": "parcel", "referencedField": "fid"}
    assert project.findtext("projectCrs/spatialrefsys/authid") == "EPSG:32632"


def test_the_project_has_the_summaries_that_have_rows(tmp_path):
    path = tmp_path / "crops.gpkg"
    write_example(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("INSERT INTO months (month, dates, clear) VALUES ('2018-03', 4, 0.5)")
        database.execute("DROP TABLE season_ends")  # as in a map of an older version
        database.commit()
    restyle(path)
    with closing(sqlite3.connect(path)) as database:
        ((content,),) = database.execute("SELECT content FROM qgis_projects")
        ((qml,),) = database.execute("SELECT styleQML FROM layer_styles WHERE f_table_name = 'months'")
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(content))) as archive:
        project = ET.fromstring(archive.read("cropxai.qgs"))
    titles = [layer.findtext("layername") for layer in project.iter("maplayer")]
    assert titles == ["Relevance by date", "Parcels", "Classes", "Months", "Relevance", "Run"]
    months = next(layer for layer in project.iter("maplayer") if layer.findtext("layername") == "Months")
    for document in (months, ET.fromstring(qml)):
        assert [a.get("name") for a in document.iter("alias")] == [c.alias for c in columns.MONTHS]


def test_restyling_takes_new_colours_and_names_and_keeps_what_a_person_saved(tmp_path):
    path = tmp_path / "old.gpkg"
    write_example(path)
    with closing(sqlite3.connect(path)) as database:
        before = database.execute("SELECT * FROM parcels ORDER BY fid").fetchall()
        database.execute("UPDATE classes SET colour = '#123456' WHERE crop = 'grassland'")
        database.execute("UPDATE classes SET colour = 'red; DROP TABLE' WHERE crop = 'sugar beet'")
        database.execute("INSERT INTO layer_styles (f_table_name, styleName, styleQML, useAsDefault, owner) "
                         "VALUES ('parcels', 'mine', '<qgis/>', 1, 'me')")  # fmt: skip
        database.commit()
    path = path.rename(tmp_path / "new.gpkg")
    assert restyle(path) == ("crop", "confidence", "decision date", "top date", "disagreement")
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT * FROM parcels ORDER BY fid").fetchall() == before
        styles = database.execute("SELECT styleName, useAsDefault FROM layer_styles WHERE f_table_name = 'parcels'")
        assert set(styles) == {("mine", 0), ("crop", 1), ("confidence", 0), ("decision date", 0), ("top date", 0),
                               ("disagreement", 0)}  # fmt: skip
        ((qml,),) = database.execute("SELECT styleQML FROM layer_styles WHERE styleName = 'crop'")
        ((content,),) = database.execute("SELECT content FROM qgis_projects")
    document = ET.fromstring(qml)
    symbol = {c.get("value"): c.get("symbol") for c in document.iter("category")}
    assert fill(document, symbol["grassland"])["color"] == "18,52,86,255"
    assert fill(document, symbol["sugar beet"])["color"] == "180,180,180,255"
    with zipfile.ZipFile(io.BytesIO(bytes.fromhex(content))) as archive:
        assert b"./new.gpkg|layername=parcels" in archive.read("cropxai.qgs")


def test_ramps_keep_their_ends():
    assert ramp(("#000000", "#ffffff"), 3) == ["#000000", "#808080", "#ffffff"]
    assert ramp(("#000000", "#ffffff"), 1) == ["#000000"]
    assert ramp(("#000000", "#ffffff"), 0) == []


def test_the_step_is_the_usual_gap():
    assert changed(dates=np.array(["2018-01-01"], "datetime64[D]")).step == 1
    assert changed(dates=np.array(["2018-01-20", "2018-01-01", "2018-01-06"], "datetime64[D]")).step == 10


def test_the_formats_page_shows_the_column_tables():
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    for described in columns.TABLES.values():
        assert columns.markdown(described) in page
