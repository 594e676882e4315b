"""The map as QGIS shows it: a script in the Python of QGIS looks, this side compares with what was written."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from example_map import CROPS, DATES, HOSTILE, HOSTILE_ROW, WITHOUT, write_example
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from system_python import PYTHON

from cropxai.bands import GROUPS
from cropxai.crops import colours
from cropxai.maps import columns

CHECK = Path(__file__).parent / "check_map.py"
DRAW = Path(__file__).parents[2] / "docs" / "make_map_picture.py"


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


def test_all_tables_open(seen):
    assert seen["valid"] == [True, True, True]
    assert seen["counts"] == [80, 80 * len(DATES) * len(GROUPS), 3]


def test_dates_are_dates(seen):
    expected = {c.name for described in columns.TABLES.values() for c in described if c.type == "DATE"}
    assert {name for name, kind in seen["types"].items() if kind == "Date"} == expected


def test_layer_opens_with_the_crop_style(seen):
    look = seen["default"]
    assert (look["type"], look["attribute"]) == ("categorizedSymbol", "crop")
    expected = {crop: [crop, colour, "solid"] for crop, colour in colours([*CROPS, HOSTILE]).items()}
    assert look["categories"] == {**expected, "": ["no answer", "#b4b4b4", "b_diagonal"]}


def test_the_second_style_loads(seen):
    assert seen["styles"] == ["confidence", "crop"]
    assert [label[:3] for label in seen["confidence"]] == ["0% ", "50%", "70%", "80%", "90%", "no "]


def test_columns_have_aliases(seen):
    assert seen["aliases"] == {c.name: c.alias for c in columns.PARCELS if c.name not in columns.OPTIONAL}


def test_parcels_are_drawn_in_the_colour_of_their_crop(seen, written):
    colour_of = colours([*CROPS, HOSTILE])
    answers = written[1].drop(index=list(WITHOUT))
    expected = {row.parcel_id: colour_of[row.crop] for row in answers.itertuples()}
    assert {name: seen["colours"][name] for name in expected} == expected


def test_map_tip_tells_the_answer(seen, written):
    one = written[1].loc[0]
    tip = seen["tips"][one["parcel_id"]]
    assert f"{one['crop']} · {round(100 * one['confidence'])} %" in tip
    assert f"{one['window_start']:%-d %b %Y} – {one['window_end']:%-d %b %Y}" in tip
    assert f"{one['top1_date']:%-d %b %Y} · 0.400" in tip


def test_map_tip_is_safe_and_shows_a_missing_answer(seen):
    tip = seen["tips"][f"P{HOSTILE_ROW:04d}"]
    assert "<script" not in tip
    assert "&lt;script&gt;" in tip
    missing = seen["tips"][f"P{WITHOUT[0]:04d}"]
    assert "<td>–</td>" in missing
    assert "seen clear on no date" in missing


def test_the_picture_of_the_readme_shows_every_crop(written, qgis):
    path, _ = written
    picture = path.with_name("picture.png")
    drawn = subprocess.run([PYTHON, str(DRAW), str(path), str(picture)], env=qgis, capture_output=True, text=True)
    assert (drawn.returncode, drawn.stdout) == (0, ""), drawn.stderr
    pixels = np.round(imread(picture)[..., :3].reshape(-1, 3) * 255)
    for colour in colours([*CROPS, HOSTILE]).values():
        share = (pixels == np.round(np.array(to_rgb(colour)) * 255)).all(axis=1).mean()
        assert share > 0.001
