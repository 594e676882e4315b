"""The desktop of QGIS: the crop map made by toolbox and dialog, as the script of the docs' pictures makes it."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pyogrio
import pytest
from matplotlib.colors import to_hex
from matplotlib.image import imread
from system_python import skip_unless_ci

from cropxai.maps import columns

SCRIPT = Path(__file__).parents[2] / "docs" / "make_plugin_pictures.py"
PARCEL = "P016"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("desktop")


@pytest.fixture(scope="module")
def seen(folder, qgis):
    """Make the map of sample_data in the desktop, and tell what QGIS then holds."""
    if shutil.which("Xvfb", path=qgis["PATH"]) is None:
        skip_unless_ci("there is no Xvfb to run the desktop of QGIS on; install xvfb")
    command = [sys.executable, str(SCRIPT), str(folder), "--parcel", PARCEL, "--map", str(folder / "Größe 1.gpkg")]
    made = subprocess.run(command, capture_output=True, text=True)
    assert made.returncode == 0, made.stderr
    return json.loads(made.stdout)


@pytest.fixture(scope="module")
def parcels(seen, folder):
    """What the map holds, read without QGIS."""
    return pyogrio.read_dataframe(folder / "Größe 1.gpkg", layer="parcels").set_index("parcel_id")


def test_run_opens_the_map_as_a_group_above_the_parcels(seen, parcels, folder):
    tables = ["Classes", "Curves", "Season ends", "Months", "Relevance", "Run"]
    group = ["Crop map: Größe 1", ["Parcels", "Relevance by date", ["Tables", tables]]]
    assert seen["tree"] == [group, "parcels"]
    results = seen["results"]
    assert results["OUTPUT"] == f"{folder / 'Größe 1.gpkg'}|layername=parcels"
    answered = int(parcels["crop"].notna().sum())
    assert (results["CLASSIFIED"], results["UNANSWERED"]) == (answered, len(parcels) - answered)


def test_every_layer_has_its_style(seen, parcels, folder):
    layers = seen["layers"]
    classes = pyogrio.read_dataframe(folder / "Größe 1.gpkg", layer="classes").set_index("crop")
    own = layers["Parcels"]["categories"]
    crops = parcels["crop"].dropna().unique()
    assert {crop: own[crop] for crop in crops} == {crop: classes["colour"][crop] for crop in crops}
    assert layers["Parcels"]["style"] == "categorizedSymbol" and layers["Parcels"]["tip"]
    assert layers["Relevance by date"]["style"] == "graduatedSymbol" and layers["Relevance by date"]["temporal"]
    for title in ("Relevance by date", "Classes", "Curves", "Season ends", "Months", "Relevance"):
        described = columns.TABLES[title.lower().replace(" ", "_")]
        assert layers[title]["aliases"] == {column.name: column.alias for column in described}
    assert seen["relations"] == ["cropxai_relevance_of_parcel"] and seen["tips"]


def test_the_parcels_are_drawn_in_the_colour_of_their_crop(seen, parcels, folder):
    left, top, width, height, metres = seen["canvas"]
    pixels = imread(folder / "qgis_panel.png")[top : top + height, left : left + width, :3]
    colours, counts = np.unique(pixels.reshape(-1, 3), axis=0, return_counts=True)
    drawn = {to_hex(colour): count for colour, count in zip(colours, counts, strict=True)}
    others = parcels.drop(index=PARCEL)  # it is selected, and has the colour of that
    others = others[~(others["novelty"].astype(float) > 1)]  # what is unlike the training data is hatched
    for crop, area in others.geometry.area.groupby(others["crop"]).sum().items():
        share = drawn.get(seen["layers"]["Parcels"]["categories"][crop], 0) * metres**2 / area
        assert 0.5 < share < 1.1, crop  # outlines take some of it


def test_the_panel_shows_the_selected_parcel(seen, parcels):
    chart = parcels["relevance_chart"][PARCEL]
    assert seen["panel"] == {"note": "", "crop": parcels["crop"][PARCEL], "dates": chart.count(";") + 1}
