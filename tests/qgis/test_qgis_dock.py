"""The panel "Parcel relevance": what it reads of a map, and what it draws in QGIS."""

import datetime as dt
import json
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from cropxai_qgis.parcel import NoMap, read_parcel
from example_map import DAYS, HOSTILE, HOSTILE_ROW, WITHOUT, results, totals, write_example
from system_python import PYTHON

CHECK = Path(__file__).parent / "check_dock.py"
FOR, AGAINST, RED, INFRARED = "#2166ac", "#d6604d", "#c0392b", "#7d3c98"


@pytest.fixture(scope="module")
def crop_map(tmp_path_factory):
    """Give the example map, with curves of one crop and growth stages that overlap."""
    path = tmp_path_factory.mktemp("dock") / "Größe #1?.gpkg"
    write_example(path)
    with closing(sqlite3.connect(path)) as database:
        database.execute("DROP TABLE IF EXISTS curves")
        database.execute("CREATE TABLE curves (fid INTEGER PRIMARY KEY, crop TEXT, date DATE, B04 REAL, B08 REAL)")
        rows = [(None, results(80)["crop"][0], day.isoformat(), 0.1, 0.2 + 0.02 * i) for i, day in enumerate(DAYS[2:])]
        database.executemany("INSERT INTO curves VALUES (?, ?, ?, ?, ?)", rows)
        database.execute("UPDATE classes SET peak2_date = '2018-04-20', peak2_stage = 'sowing (BBCH 00)'")
        database.commit()
    return path


def test_a_parcel_is_read_as_it_was_written(crop_map):
    expected, relevance = results(80), totals(80)
    for row in (0, 7, HOSTILE_ROW):
        told = read_parcel(str(crop_map), row + 1)
        assert (told.parcel, told.crop) == (expected.parcel_id[row], expected.crop[row])
        assert told.confidence == expected.confidence[row]
        assert told.dates == tuple(DAYS)
        assert told.window == (expected.window_start[row], expected.window_end[row])
        assert told.known_from == expected.decision_date[row]
        known = np.array([np.nan if value is None else value for value in told.relevance])
        np.testing.assert_allclose(known, relevance[row], atol=0.0005)


def test_stages_and_curves_are_those_of_the_crop(crop_map):
    told = read_parcel(str(crop_map), 1)
    assert told.stages[0] == (dt.date(2018, 4, 20), "sowing (BBCH 00)")
    assert told.curves["red"] == (None, None, *[0.1] * (len(DAYS) - 2))
    assert told.curves["near infrared"][-1] == pytest.approx(0.2 + 0.02 * (len(DAYS) - 3))
    assert read_parcel(str(crop_map), HOSTILE_ROW + 1).curves == {}


def test_a_parcel_without_an_answer(crop_map):
    told = read_parcel(str(crop_map), WITHOUT[0] + 1)
    assert (told.crop, told.confidence, told.window, told.known_from) == ("", None, None, None)
    assert told.status == "seen clear on no date"
    assert set(told.relevance) == {None}


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("UPDATE parcels SET relevance_chart = '1;2'", "relevance of 2 dates, but the map has 12"),
        ("UPDATE parcels SET relevance_chart = 'a;b'", "invalid literal"),
        ("DELETE FROM run", "does not tell its dates"),
        ("UPDATE run SET value = '[' WHERE key = 'dates'", "cannot be read as a crop map"),
        ("DROP TABLE run", "no such table"),
    ],
)
def test_a_damaged_map_is_told_in_a_sentence(tmp_path, statement, text):
    path = tmp_path / "map.gpkg"
    write_example(path)
    with closing(sqlite3.connect(path)) as database:
        if statement.startswith("UPDATE parcels"):  # its triggers need functions of SpatiaLite
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f'DROP TRIGGER "{name}"')
        database.execute(statement)
        database.commit()
    with pytest.raises(NoMap, match=text):
        read_parcel(str(path), 1)


def test_what_is_no_map(tmp_path):
    with pytest.raises(NoMap, match="cannot be read"):
        read_parcel(str(tmp_path / "absent.gpkg"), 1)
    assert not (tmp_path / "absent.gpkg").exists()


@pytest.fixture(scope="module")
def seen(crop_map, qgis, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pictures")
    command = [PYTHON, str(CHECK), str(crop_map), str(folder), "P0000", f"P{WITHOUT[0]:04d}", f"P{HOSTILE_ROW:04d}"]
    looked = subprocess.run(command, env=qgis, capture_output=True, text=True)
    assert looked.returncode == 0, looked.stderr
    return json.loads(looked.stdout)


def test_the_panel_says_what_to_do(seen):
    for state in ("without layer", "other table", "layer gone"):
        assert "Make the parcels of a crop map the current layer" in seen[state], state
    for state in ("without selection", "all selected"):
        assert "Select one parcel" in seen[state], state


def test_bars_have_the_area_of_their_relevance(seen):
    """The pixels of each colour are as the sums of positive and negative relevance, but for the key and edges."""
    values = totals(80)[0]
    positive, negative = np.nansum(values[values > 0]), -np.nansum(values[values < 0])
    colours = seen["P0000"]["colours"]
    assert colours[FOR] / colours[AGAINST] == pytest.approx(positive / negative, rel=0.1)


def test_curves_are_drawn_where_the_map_has_them(seen):
    # Lines are smoothed at their edges, so a line has few pixels of its pure colour.
    assert {RED, INFRARED} <= set(seen["P0000"]["colours"])
    assert not {RED, INFRARED} & set(seen[f"P{HOSTILE_ROW:04d}"]["colours"])


def test_a_parcel_without_an_answer_has_no_bars(seen):
    assert not {FOR, AGAINST} & set(seen[f"P{WITHOUT[0]:04d}"]["colours"])


def test_tool_tips_tell_date_relevance_and_stage(seen):
    values = totals(80)[0]
    for day, value, tip in zip(DAYS, values, seen["P0000"]["tips"], strict=True):
        told = tip.split(" · ")
        assert told[0] == str(day)
        if np.isnan(value):
            assert told[1] == "not seen"
        else:
            assert float(told[1].removeprefix("relevance ")) == pytest.approx(value, abs=0.0006)
    assert seen["P0000"]["tips"][5].endswith("sowing (BBCH 00)")


def test_the_layer_of_dates_shows_its_parcel(seen):
    assert seen["by date"]["tips"] == seen["P0000"]["tips"]
    assert seen[f"P{HOSTILE_ROW:04d}"]["crop"] == HOSTILE


def test_the_plugin_adds_its_panel_to_a_window_and_takes_it_away(seen):
    assert seen["window"] == {
        "menu": ["cropxai > Parcel relevance"], "hidden": True, "note": "Select one parcel on the map.", "tips": True,
        "after": [[], True],
    }  # fmt: skip
