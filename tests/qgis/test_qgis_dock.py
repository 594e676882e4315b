"""The panel "Parcel relevance": what it reads of a map, and what it draws in QGIS."""

import datetime as dt
import json
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from cropxai_qgis.parcel import NoMap, read_parcel
from example_map import (
    DAYS,
    HOSTILE,
    HOSTILE_ROW,
    WITHOUT,
    contents,
    reflectances,
    relevance,
    results,
    totals,
    write_example,
)
from system_python import PYTHON

from cropxai.maps import write_map

CHECK = Path(__file__).parent / "check_dock.py"
FOR, AGAINST, BANDS = "#2166ac", "#d6604d", ["#c0392b", "#7d3c98", "#117a65"]
NAMES = ["red", "near infrared", "short-wave infrared"]


@pytest.fixture(scope="module")
def crop_map(tmp_path_factory):
    """Give the example map, with curves of one crop and growth stages that overlap."""
    path = tmp_path_factory.mktemp("dock") / "Größe #1?.gpkg"
    write_example(path)
    return with_curves(path)


@pytest.fixture(scope="module")
def plain_map(tmp_path_factory):
    """Give the same without the reflectance of the parcels."""
    path = tmp_path_factory.mktemp("dock") / "plain.gpkg"
    blocks = (replace(block, reflectance=None) for block in relevance(80))
    write_map(path, replace(contents(), relevance=blocks))
    return with_curves(path)


def with_curves(path):
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


def test_reflectance_is_that_of_the_parcel(crop_map, plain_map):
    for row in (0, HOSTILE_ROW):
        told = read_parcel(str(crop_map), row + 1).own
        assert list(told) == NAMES
        values = np.array([[np.nan if v is None else v for v in told[name]] for name in NAMES])
        np.testing.assert_allclose(values.T, reflectances(80)[row], atol=0.00005)
    assert read_parcel(str(crop_map), WITHOUT[0] + 1).own == {}
    told = read_parcel(str(plain_map), 1)
    assert told.own == {} and list(told.curves) == NAMES[:2]


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
    rows = (0, WITHOUT[0], HOSTILE_ROW)
    return looked(crop_map, tmp_path_factory.mktemp("pictures"), qgis, *(f"P{row:04d}" for row in rows))


@pytest.fixture(scope="module")
def seen_plain(plain_map, qgis, tmp_path_factory):
    return looked(plain_map, tmp_path_factory.mktemp("plain pictures"), qgis, "P0000", f"P{HOSTILE_ROW:04d}")


def looked(crop_map, folder, qgis, *parcels):
    command = [PYTHON, str(CHECK), str(crop_map), str(folder), *parcels]
    ended = subprocess.run(command, env=qgis, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


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


def of_band(colours, band, pale):
    """Count pixels of a band's colour, or of the same made pale on white; edges of lines are in between."""
    red, green, blue = (int(BANDS[band][i : i + 2], 16) for i in (1, 3, 5))
    wanted = [round(255 - (255 - part) * (85 / 255 if pale else 1)) for part in (red, green, blue)]
    near = (colour for colour in colours if max(abs(int(colour[2 * i + 1 : 2 * i + 3], 16) - w)
                                                for i, w in enumerate(wanted)) <= 3)  # fmt: skip
    return sum(colours[colour] for colour in near)


def test_the_parcel_is_drawn_strongly_and_its_crop_pale(seen):
    both, alone = seen["P0000"]["colours"], seen[f"P{HOSTILE_ROW:04d}"]["colours"]
    for band in range(3):
        assert of_band(both, band, pale=False) > 20 and of_band(alone, band, pale=False) > 20
    for band in range(2):  # of the third there is no median, and of the crop of the other parcel none
        assert of_band(both, band, pale=True) > of_band(alone, band, pale=True) + 20


def test_the_median_is_drawn_strongly_where_the_map_has_no_reflectance_of_the_parcel(seen_plain):
    colours = seen_plain["P0000"]["colours"]
    assert [of_band(colours, band, pale=False) > 20 for band in range(3)] == [True, True, False]
    assert [of_band(seen_plain[f"P{HOSTILE_ROW:04d}"]["colours"], band, False) for band in range(3)] == [0, 0, 0]


def test_dark_colours_are_lighter_in_a_dark_theme(seen):
    colours = seen["dark"]["colours"]
    assert max(colours, key=colours.get) == "#232629"
    assert colours[AGAINST] > 0.8 * seen["P0000"]["colours"][AGAINST]
    assert FOR not in colours and not set(BANDS) & set(colours)


def test_a_parcel_without_an_answer_has_no_bars(seen):
    assert not {FOR, AGAINST} & set(seen[f"P{WITHOUT[0]:04d}"]["colours"])


def test_tool_tips_tell_date_relevance_and_stage(seen):
    values, own = totals(80)[0], np.round(reflectances(80)[0].astype(float), 4)
    for day, value, tip in zip(DAYS, values, seen["P0000"]["tips"], strict=True):
        told = tip.split(" · ")
        assert told[0] == str(day)
        if np.isnan(value):
            assert told[1] == "not seen"
        else:
            assert float(told[1].removeprefix("relevance ")) == pytest.approx(value, abs=0.0006)
            seen_then = [f"{n} {v:.1%}" for n, v in zip(NAMES, own[DAYS.index(day)], strict=True) if np.isfinite(v)]
            assert told[2 : 2 + len(seen_then)] == seen_then
    assert seen["P0000"]["tips"][5].endswith("sowing (BBCH 00)")


def test_the_layer_of_dates_shows_its_parcel(seen):
    assert seen["by date"]["tips"] == seen["P0000"]["tips"]
    assert seen[f"P{HOSTILE_ROW:04d}"]["crop"] == HOSTILE


def test_the_plugin_adds_its_panel_to_a_window_and_takes_it_away(seen):
    assert seen["window"] == {
        "menu": ["cropxai > Parcel relevance"], "hidden": True, "note": "Select one parcel on the map.", "tips": True,
        "after": [[], True],
    }  # fmt: skip
