"""The plugin in QGIS: found and described by `qgis_process`, run as by the dialog, and with the real cropxai."""

import configparser
import json
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import pyogrio
import pytest
from example_map import fields, write_example
from system_python import PYTHON, skip_unless_ci

from cropxai.maps import columns

ROOT = Path(__file__).parents[2]
PLUGIN = ROOT / "qgis_plugin" / "cropxai_qgis"
CHECK = Path(__file__).parent / "check_plugin.py"

#: Stands in for cropxai: checks its command line, tells of progress, and copies the example map to its place.
STAND_IN = """#!{python}
import json, os, pathlib, shutil, sys, time
def tell(event, **values):
    print(json.dumps({{"event": event, "protocol": 1, **values}}), flush=True)
assert not [name for name in os.environ if name.startswith("PROJ_")]
words = sys.argv[1:]
output = words[words.index("-o") + 1]
pathlib.Path({folder!r}, "words.json").write_text(json.dumps(words))
for step in range({steps}):
    tell("progress", stage="ingest", fraction=step / {steps}, message=f"scene {{step}}")
    time.sleep(0.05)
shutil.copy({example!r}, output)
tell("result", text="80 parcels", output=output)
"""


def run(command, environment):
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture
def scene(tmp_path):
    """Give a folder with spaces and umlauts that holds parcels, the example map and the stand-in for cropxai."""
    folder = tmp_path / "Übung 1"
    folder.mkdir()
    write_example(folder / "example.gpkg")
    fields(80).drop(columns="fid").rename(columns={"Crop": "crop"}).to_file(folder / "fields.gpkg")
    return folder


def stand_in(folder, steps=3):
    path = folder / "cropxai"
    values = {"python": sys.executable, "folder": str(folder), "example": str(folder / "example.gpkg"), "steps": steps}
    path.write_text(STAND_IN.format(**values), encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture(scope="module")
def qgis_process(qgis):
    """Give the command-line QGIS with our plugin enabled."""
    # Debian's wrapper without .bin passes an option that its own program does not know.
    program = next(
        filter(None, (shutil.which(name, path=qgis["PATH"]) for name in ("qgis_process.bin", "qgis_process")))
    )
    enabled = run([program, "plugins", "enable", "cropxai_qgis"], qgis)
    assert enabled.returncode == 0, enabled.stderr

    def call(*words, **variables):
        return run([program, *words], {**qgis, **variables})

    return call


def test_qgis_process_lists_and_describes_the_algorithm(qgis_process):
    assert "cropxai:map" in qgis_process("list").stdout.replace("\t", "")
    described = json.loads(qgis_process("--json", "help", "cropxai:map").stdout)
    expected = {"PARCELS", "SCENES", "MODEL", "SEASON", "LABEL_FIELD", "ID_FIELD", "OUTPUT"}
    assert set(described["parameters"]) == expected


def test_qgis_process_runs_the_command(qgis_process, scene):
    output = scene / "crops.gpkg"
    given = {"PARCELS": scene / "fields.gpkg", "SCENES": scene, "MODEL": "my model", "SEASON": 2018, "OUTPUT": output}
    words = [f"{name}={value}" for name, value in given.items()]
    ended = qgis_process("run", "cropxai:map", "--", *words, CROPXAI_PYTHON=stand_in(scene), PROJ_LIB="/nowhere")
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads((scene / "words.json").read_text()) == [
        "map", str(scene / "fields.gpkg"), str(scene), "-o", str(output),
        "--model", "my model", "--season", "2018", "--overwrite", "--progress", "json",
    ]  # fmt: skip
    assert output.read_bytes() == (scene / "example.gpkg").read_bytes()


def test_without_cropxai_the_remedy_is_told(qgis_process, scene):
    words = [f"PARCELS={scene / 'fields.gpkg'}", f"SCENES={scene}", f"OUTPUT={scene / 'crops.gpkg'}"]
    ended = qgis_process("run", "cropxai:map", "--", *words)
    assert ended.returncode != 0
    assert "pip install cropxai" in ended.stdout + ended.stderr


def check(scene, qgis, *words, steps=3):
    variables = {**qgis, "CROPXAI_PYTHON": stand_in(scene, steps)}
    looked = run([PYTHON, str(CHECK), str(scene / "fields.gpkg"), str(scene / "crops.gpkg"), *words], variables)
    assert looked.returncode == 0, looked.stderr
    return json.loads(looked.stdout)


def test_the_dialog_opens_the_map_styled(scene, qgis):
    seen = check(scene, qgis)
    source = f"{scene / 'crops.gpkg'}|layername=parcels"
    assert seen["allowed"] == [True, ""]
    assert seen["results"] == {"OUTPUT": source}
    assert seen["layers"] == [{"source": source, "renderer": "categorizedSymbol", "count": 80}]
    assert "80 parcels" in seen["log"]
    assert "--label-field crop" in seen["log"]
    assert "is open in this project" in seen["again"][1]
    assert "let its name end in .gpkg" in seen["shapefile"]


def test_cancel_leaves_nothing(scene, qgis):
    seen = check(scene, qgis, "0.5", steps=1000)
    assert seen["layers"] == []
    assert not (scene / "crops.gpkg").exists()


def test_the_real_cropxai(qgis_process, tmp_path):
    program = Path(sys.executable).with_name("cropxai")
    parcels = sorted((ROOT / "sample_data").glob("*.gpkg")) + sorted((ROOT / "sample_data").glob("*.geojson"))
    if not parcels or run([str(program), "map", "--help"], None).returncode != 0:
        skip_unless_ci("no sample_data, or no 'cropxai map'")
    scenes = next(p for p in sorted((ROOT / "sample_data").iterdir()) if p.is_dir() and p.suffix != ".zarr")
    output = tmp_path / "crops.gpkg"
    words = [f"PARCELS={parcels[0]}", f"SCENES={scenes}", f"OUTPUT={output}"]
    ended = qgis_process("run", "cropxai:map", "--", *words, CROPXAI_PYTHON=str(program))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    answers = pyogrio.read_dataframe(output, layer="parcels", read_geometry=False)
    assert len(answers) == pyogrio.read_info(parcels[0])["features"]
    assert (answers["status"] == "classified").any()
    assert set(columns.names(columns.RELEVANCE)) <= set(pyogrio.read_info(output, layer="relevance")["fields"])


def test_metadata_and_folder_are_as_the_plugin_site_asks():
    metadata = configparser.ConfigParser()
    metadata.read(PLUGIN / "metadata.txt", encoding="utf-8")
    general = metadata["general"]
    required = ("name", "description", "version", "author", "email", "about", "homepage", "tracker", "repository")
    assert all(general.get(field) for field in required)
    assert (general["qgisMinimumVersion"], general["qgisMaximumVersion"]) == ("3.22", "4.99")
    assert general["hasProcessingProvider"] == "yes"
    assert "GNU GENERAL PUBLIC LICENSE" in (PLUGIN / "LICENSE").read_text(encoding="utf-8")
    assert (PLUGIN / general["icon"]).exists()


def test_the_plugin_needs_nothing_but_qgis():
    sources = "\n".join(path.read_text(encoding="utf-8") for path in PLUGIN.rglob("*.py"))
    for module in ("numpy", "torch", "geopandas", "rasterio", "pandas", "PyQt5", "PyQt6", "multiprocessing"):
        assert f"import {module}" not in sources
        assert f"from {module}" not in sources
