"""The styles as documents, and the column table as documentation; QGIS itself looks at them in tests/qgis."""

import sqlite3
from contextlib import closing
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

from example_map import CROPS, HOSTILE, write_example

from cropxai.crops import find_crop
from cropxai.maps import columns
from cropxai.maps.styles import parcel_styles


def documents(labels):
    return {style.name: ET.fromstring(style.qml) for style in parcel_styles(labels)}


def fill(document, symbol):
    options = document.find(f".//symbol[@name='{symbol}']").findall(".//Option[@name]")
    return {option.get("name"): option.get("value") for option in options}


def test_every_crop_has_its_catalogue_colour():
    document = documents(CROPS)["crop"]
    for category, crop in zip(document.iter("category"), CROPS, strict=False):
        assert (category.get("value"), category.get("label")) == (crop, crop)
        red, green, blue, alpha = map(int, fill(document, category.get("symbol"))["color"].split(","))
        assert (f"#{red:02x}{green:02x}{blue:02x}", alpha) == (find_crop(crop).colour, 255)


def test_no_answer_is_a_hatched_class_of_its_own():
    for document, last in ((documents(CROPS)["crop"], "category"), (documents(CROPS)["confidence"], "range")):
        entry = list(document.iter(last))[-1]
        assert entry.get("label") == "no answer"
        assert fill(document, entry.get("symbol"))["style"] == "b_diagonal"


def test_confidence_classes_cover_all_probabilities():
    ranges = [(float(r.get("lower")), float(r.get("upper"))) for r in documents(CROPS)["confidence"].iter("range")][:-1]
    assert ranges[0][0] == 0 and ranges[-1][1] == 1
    assert all(upper == lower for (_, upper), (lower, _) in pairwise(ranges))


def test_hostile_labels_cannot_break_the_document():
    document = documents([HOSTILE, "a\x00b\x1f\ud800"])["crop"]
    assert [c.get("value") for c in document.iter("category")] == [HOSTILE, "ab", ""]


def test_one_default_style_in_the_file(tmp_path):
    write_example(tmp_path / "m.gpkg")
    with closing(sqlite3.connect(tmp_path / "m.gpkg")) as database:
        query = "SELECT styleName, f_table_name, f_geometry_column, useAsDefault, styleQML FROM layer_styles"
        found = database.execute(query).fetchall()
    assert [row[:4] for row in found] == [("crop", "parcels", "geom", 1), ("confidence", "parcels", "geom", 0)]
    values = [c.get("value") for c in ET.fromstring(found[0][4]).iter("category")]
    assert values == [*CROPS, HOSTILE, ""]  # a crop that the model did not list still has a class


def test_every_column_has_an_alias_in_the_style():
    aliases = {a.get("field"): a.get("name") for a in documents(CROPS)["crop"].iter("alias")}
    assert aliases == {c.name: c.alias for c in columns.PARCELS}


def test_the_formats_page_shows_the_column_tables():
    page = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    for described in columns.TABLES.values():
        assert columns.markdown(described) in page
