"""The map as QGIS shows it: a script in the Python of QGIS looks, this side compares with what was written."""

import json
import re
import subprocess
from pathlib import Path
from xml.etree import ElementTree as ET

import numpy as np
import pytest
from example_map import CROPS, DATES, HOSTILE, HOSTILE_ROW, ONE_DAY, WITHOUT, reflectances, totals, write_example
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from system_python import PYTHON

from cropxai.crops import colours, find_crop
from cropxai.maps import columns
from cropxai.maps.maptip import NEGATIVE, POSITIVE, UNLIKE
from cropxai.maps.styles import AGAINST_TO_FOR, BARE_TO_GREEN, NDVI_EDGES
from cropxai.maps.symbology import HATCH_COLOUR

CHECK = Path(__file__).parent / "check_map.py"
DRAW = Path(__file__).parents[2] / "docs" / "make_map_picture.py"
ROWS = int(np.isfinite(totals(80)).sum())


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "crops é.gpkg"
    return path, write_example(path)


@pytest.fixture(scope="module")
def seen(written, qgis):
    path, _ = written
    command = [PYTHON, str(CHECK), str(path), str(path.with_suffix(".png"))]
    looked = subprocess.run(command, env=qgis, capture_output=True, text=True)
    assert looked.returncode == 0, looked.stderr
    return json.loads(looked.stdout)


def colour_of(crop):
    return "#b4b4b4" if crop == HOSTILE else find_crop(crop).colour  # a crop that is not in the table of classes


def test_all_tables_open(seen):
    assert all(seen["valid"].values())
    assert set(seen["valid"]) == set(columns.TABLES)
    expected = {"parcels": 80, "relevance": ROWS, "relevance_by_date": ROWS, "classes": 6, "run": 5}
    assert {name: seen["counts"][name] for name in expected} == expected


def test_dates_are_dates_and_truths_are_truths(seen):
    for table, described in columns.TABLES.items():
        for column in described:
            kind = seen["types"][f"{table}.{column.name}"]
            assert (kind == "Date") == (column.type == "DATE"), column
            assert (kind == "Boolean") == (column.type == "BOOLEAN"), column


def test_layer_opens_with_the_crop_style(seen):
    look = seen["default"]
    assert (look["type"], look["attribute"]) == ("categorizedSymbol", "crop")
    expected = {crop: [crop, colour_of(crop), "b_diagonal"] for crop in [*CROPS, HOSTILE]}  # drawn where it is true
    apart = {UNLIKE: [UNLIKE, "#ffffff", "b_diagonal"], "": ["no answer", "#e9e9e9", "b_diagonal"]}
    assert look["categories"] == expected | apart


def test_the_legend_lists_the_crops_in_the_order_of_hcat(seen):
    assert seen["legend"] == [*sorted(CROPS, key=lambda crop: find_crop(crop).hcat_code), HOSTILE, UNLIKE, "no answer"]


def test_columns_have_aliases_and_the_layer_metadata(seen):
    assert seen["aliases"] == {c.name: c.alias for c in columns.PARCELS}
    assert seen["metadata"][0] == "Parcels" and "which dates decided" in seen["metadata"][1]


def test_the_vegetation_index_is_drawn_in_its_classes(seen):
    """The colour of every parcel is that of the class of (near infrared - red) / (near infrared + red)."""
    found, day = seen["vegetation"], list(DATES.astype(str)).index("2018-03-11")
    red, infrared = np.round(reflectances(80)[:, day, :2].astype(float), 4).T
    index = (infrared - red) / (infrared + red)
    drawn = {f"P{row:04d}": value for row, value in enumerate(index) if np.isfinite(value)}
    assert found["loaded"] and set(found["colours"]) == set(drawn) and len(drawn) == 78
    edges = np.array(NDVI_EDGES)
    expected = {name: BARE_TO_GREEN[int((edges < value).sum())] for name, value in drawn.items()}
    assert found["colours"] == expected and len(set(expected.values())) > 4


def test_parcels_are_drawn_in_the_colour_of_their_crop(seen, written):
    answers = written[1].drop(index=list(WITHOUT))
    drawn = {row.parcel_id: (row.novelty > 1, seen["colours"][row.parcel_id], row.crop) for row in answers.itertuples()}
    for strange, colour, crop in drawn.values():  # of hatched parcels either ground or line is met
        assert colour == colour_of(crop) or (strange and colour == HATCH_COLOUR)
    assert any(colour == HATCH_COLOUR for strange, colour, _ in drawn.values() if strange)


def test_every_style_loads_and_draws(seen, written):
    styles = seen["styles"]
    assert list(styles) == ["confidence", "crop", "decision date", "disagreement", "top date"]
    assert all(style["loaded"] for style in styles.values())
    assert [label[:3] for label in styles["confidence"]["labels"]] == ["0% ", "50%", "70%", "80%", "90%", "no "]
    assert styles["decision date"]["labels"][0] == "March 2018"
    answers = written[1].drop(index=[*WITHOUT, HOSTILE_ROW])
    differs = ~answers["declared_agrees"].astype(bool)
    sure = answers["confidence"].astype(float) >= 0.8
    expected = np.select([differs & sure, differs], ["#d1495b", "#f3c68f"], "#d5e3ea")
    drawn = [styles["disagreement"]["colours"][name] for name in answers["parcel_id"]]
    assert drawn == expected.tolist()
    months = {row.parcel_id: row.decision_date.month for row in answers.itertuples() if row.decision_date is not None}
    by_month = {
        month: {styles["decision date"]["colours"][p] for p, m in months.items() if m == month}
        for month in set(months.values())
    }
    assert all(len(shades) == 1 for shades in by_month.values())
    assert len(set.union(*by_month.values())) == len(by_month)


def test_the_form_has_tabs_and_names_for_codes(seen):
    tabs = seen["form"]["tabs"]
    assert list(tabs) == ["Answer", "Dates", "Relevance", "Input"]
    assert tabs["Relevance"] == ["cropxai_relevance_of_parcel"]
    assert 'no "te' in tabs["Input"] and "relevance_chart" not in [name for names in tabs.values() for name in names]
    kind, entries = seen["form"]["code"]
    assert kind == "ValueMap"
    assert ["winter common soft wheat", "3301010101"] in entries


def test_map_tip_tells_the_answer(seen, written):
    one = written[1].loc[0]
    tip = seen["tips"][one["parcel_id"]]["html"]
    assert f"<b>{one['crop']} · {round(100 * one['confidence'])} %</b>" in tip
    assert f"{one['window_start']:%-d %b %Y} – {one['window_end']:%-d %b %Y}" in tip
    assert f"{one['top1_date']:%-d %b}, {one['top2_date']:%-d %b}" in tip
    short = written[1].loc[ONE_DAY]
    tip = seen["tips"][short["parcel_id"]]["html"]
    assert f"<td>{short['window_end']:%-d %b %Y}</td>" in tip


def test_the_chart_has_a_bar_for_every_date_seen(seen):
    values = totals(80)
    for row in (0, 7, 40):
        root = ET.fromstring(seen["tips"][f"P{row:04d}"]["svg"])
        space = "{http://www.w3.org/2000/svg}"
        bars = [b for b in root.iter(f"{space}rect") if b.get("fill") in (POSITIVE, NEGATIVE)]
        known = np.round(values[row][np.isfinite(values[row])], 3)
        assert [b.get("fill") for b in bars] == [POSITIVE if v >= 0 else NEGATIVE for v in known]
        heights = np.array([float(b.get("height")) for b in bars])
        span = max(known.max(), 0) - min(known.min(), 0)
        np.testing.assert_allclose(heights, 82 * np.abs(known) / span, atol=0.3)
        assert len(list(root.iter(f"{space}circle"))) == len(DATES) - len(known)
        places = [float(b.get("x")) for b in bars]
        assert places == sorted(places) and 0 < places[0] and places[-1] < 340
        months = [t.text for t in root.iter(f"{space}text") if t.text in ("Mar", "Apr", "May", "Jun")]
        assert months == ["Mar", "Apr", "May", "Jun"]


def test_map_tip_is_safe_and_shows_a_missing_answer(seen):
    for tip in seen["tips"].values():
        assert not re.search(r"<(?!/?(b|br|font|table|tr|td|img)[ />])", tip["html"])
    hostile = seen["tips"][f"P{HOSTILE_ROW:04d}"]
    assert (
        "&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt; &amp; 'Löß'; DROP TABLE parcels; -- 麦 🌾 ]]&gt; [% 1 %] \\"
        in hostile["html"]
    )
    assert "script" not in hostile["svg"] and "script" not in hostile["html"].split("base64,")[0].split("</b>")[1]
    missing = seen["tips"][f"P{WITHOUT[0]:04d}"]
    assert "no answer: seen clear on no date" in missing["html"]
    assert missing["svg"] == "" and "Known from" not in missing["html"]


def test_the_project_in_the_file_opens_everything(seen):
    project = seen["project"]
    assert project["read"] and project["crs"] == "EPSG:32632"
    assert project["tree"] == ["Relevance by date", "Parcels", "Tables"]
    assert len(project["valid"]) == 5 and all(project["valid"].values())
    assert project["renderer"] == "categorizedSymbol"
    assert project["relation"] == [True, int(np.isfinite(totals(80)[0]).sum())]
    assert project["times"] == [True, "date", 10.0]
    assert project["stretch"] == ["2018-03-01", "2018-06-29"]


def test_the_time_stepped_map_differs_by_date(seen):
    days = seen["project"]["days"]
    assert days["2018-03-11"] != days["2018-03-01"]
    for day in ("2018-03-11", "2018-04-20"):
        shades = {c for c in days[day] if c in AGAINST_TO_FOR}
        assert len(shades) >= 5
    assert not set(days["2018-03-01"]) & set(AGAINST_TO_FOR)  # no parcel was seen on this date


def test_the_pictures_of_the_docs_show_every_crop(written, qgis):
    path, _ = written
    picture, tip = path.with_name("picture.png"), path.with_name("tip.png")
    command = [PYTHON, str(DRAW), str(path), str(picture), "--tip", str(tip), "--parcel", "P0000"]
    drawn = subprocess.run(command, env=qgis, capture_output=True, text=True)
    assert (drawn.returncode, drawn.stdout) == (0, ""), drawn.stderr
    pixels = np.round(imread(picture)[..., :3].reshape(-1, 3) * 255)
    for colour in colours(CROPS).values():
        share = (pixels == np.round(np.array(to_rgb(colour)) * 255)).all(axis=1).mean()
        assert share > 0.001
    shades = np.round(imread(tip)[..., :3].reshape(-1, 3) * 255)
    assert (shades == np.round(np.array(to_rgb(POSITIVE)) * 255)).all(axis=1).any()
