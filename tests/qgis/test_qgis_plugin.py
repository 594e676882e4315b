"""The plugin in QGIS: found and described by `qgis_process`, run as by the dialogs, and with the real cropxai."""

import json
import os
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pyogrio
import pytest
from cropxai_qgis.commands import COMMANDS
from example_map import fields, write_example
from stand_in import stand_in
from system_python import PYTHON

from cropxai.maps import columns

ROOT = Path(__file__).parents[2]
CHECK = Path(__file__).parent / "check_plugin.py"
SAMPLE = ROOT / "sample_data"
RASTERS = sorted((SAMPLE / "scenes").glob("*.tif"))[:2]
ALGORITHMS = [*(command.name for command in COMMANDS), "environment"]


def run(command, environment):
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)


@pytest.fixture(scope="module")
def scene(tmp_path_factory):
    """Give a folder with spaces and umlauts that holds parcels and the example map."""
    folder = tmp_path_factory.mktemp("plugin") / "Übung 1"
    folder.mkdir()
    write_example(folder / "example.gpkg")
    for raster in RASTERS:  # copies, because QGIS writes statistics beside the rasters that it opens
        shutil.copy(raster, folder)
    shutil.copy(SAMPLE / "parcels.gpkg", folder / "sample.gpkg")
    fields(80).drop(columns="fid").rename(columns={"Crop": "crop"}).to_file(folder / "fields.gpkg")
    return folder


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


def test_qgis_process_lists_all_algorithms_and_describes_one(qgis_process):
    listed = qgis_process("list").stdout
    assert [name for name in ALGORITHMS if f"cropxai:{name}\t" not in listed] == []
    assert "cropxai:style\tExport style (plugin-ready)" in listed
    described = json.loads(qgis_process("--json", "help", "cropxai:train").stdout)
    expected = [*(p.name for p in command("train").parameters), "OUTPUT"]
    assert sorted(described["parameters"]) == sorted(expected)
    assert {"OUTPUT", "ACCURACY", "MACRO_F1", "SUMMARY"} == set(described["outputs"])


def test_qgis_process_runs_the_command(qgis_process, scene):
    output = scene / "process.gpkg"
    given = {
        "PARCELS": scene / "fields.gpkg", "SCENES": scene, "MODEL_FOLDER": "my model", "SEASON": 2018,
        "START": "2018-03-01", "MIN_CLEAR": 0.25, "PIXEL_RULE": "exact", "EXTRA": "--dask 'a b'", "OUTPUT": output,
    }  # fmt: skip
    words = [f"{name}={value}" for name, value in given.items()]
    foreign = {"PROJ_LIB": "/nowhere", "GDAL_DATA": "/nowhere"}
    ended = qgis_process("run", "cropxai:map", "--", *words, CROPXAI_PYTHON=stand_in(scene), **foreign)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert json.loads((scene / "words.json").read_text()) == [
        "map", str(scene / "fields.gpkg"), str(scene), "--dask", "a b",
        "--model", "my model", "--season", "2018", "--start", "2018-03-01", "--min-clear", "0.25",
        "--pixel-rule", "exact", "-o", str(output), "--overwrite", "--progress", "json",
    ]  # fmt: skip
    assert output.read_bytes() == (scene / "example.gpkg").read_bytes()


def test_without_cropxai_the_remedy_is_told(qgis_process, scene):
    words = [f"PARCELS={scene / 'fields.gpkg'}", f"SCENES={scene}", f"OUTPUT={scene / 'none.gpkg'}"]
    ended = qgis_process("run", "cropxai:map", "--", *words)
    assert ended.returncode != 0
    assert "pip install cropxai" in ended.stdout + ended.stderr


def command(name):
    return next(c for c in COMMANDS if c.name == name)


def the_runs(scene):
    """Write down the runs that one QGIS does after another."""
    programs = {body: stand_in(scene, body) for body in ("map", "slow", "crash", "rubbish", "nothing", "future")}
    programs["old"] = stand_in(scene, "map", "cropxai, version 0.0.9")
    programs["other"] = stand_in(scene, "map", "ImportError: no module named torch")
    series, home = scene / "fields.zarr", scene / "home"
    series.mkdir()
    home.mkdir()
    (home / "letter.txt").write_text("dear diary", encoding="utf-8")

    rasters = [str(scene / raster.name) for raster in RASTERS]

    def on_parcels(name, program="map", more=None, **options):
        values = {"PARCELS": str(scene / "fields.gpkg"), "SCENES": str(scene), "OUTPUT": str(scene / f"{name}.gpkg")}
        return {"name": name, "program": programs[program], "values": {**values, **(more or {})}, **options}

    def on(algorithm, name, **values):
        return {"name": name, "program": programs["map"], "algorithm": algorithm, "values": values}

    kinds = [on_parcels(kind, parcels=kind) for kind in ("filtered", "selected", "memory", "edited")]
    failing = [on_parcels(body, body) for body in ("crash", "rubbish", "nothing", "future", "old", "other")]
    return [
        on_parcels("opened", more={"LABEL_FIELD": "crop"}, load=True),
        on_parcels("bare", more={"REFLECTANCE": False}),
        *kinds,
        *failing,
        on_parcels("cancelled", "slow", cancel_after=2.0, load=True),
        {
            **on_parcels("half", more={"PARCELS": str(scene / "sample.gpkg"), "SCENES": str(SAMPLE / "scenes")}),
            "program": str(Path(sys.executable).with_name("cropxai")),
            "cancel_at": 20,
        },
        {**on_parcels("missing"), "program": str(scene / "nowhere")},
        on_parcels("shapefile", more={"OUTPUT": str(scene / "crops.shp")}),
        on_parcels("no scenes", more={"SCENES": ""}),
        on_parcels("extra", more={"EXTRA": "--overwrite"}),
        on_parcels("quote", more={"EXTRA": "'open"}),
        on_parcels("rasters", more={"SCENES": "", "RASTERS": rasters}),
        on_parcels("rasters gone", more={"RASTERS": [rasters[0], "/nowhere.tif"]}),
        on_parcels("no raster", more={"SCENES": "", "RASTERS": [rasters[0], str(scene / "fields.gpkg")]}),
        on("train", "train", SERIES=str(series), STEPS=50, SEED=0, OUTPUT=str(scene / "model")),
        on("train", "home", SERIES=str(series), OUTPUT=str(home)),
        on("season", "season", SERIES=str(series), OUTPUT=str(scene / "season")),
        on("explain", "explain", SERIES=str(series), CROP="maize", DETAIL="date", OUTPUT=str(scene / "r.zarr")),
        on("classify", "classify", SERIES=str(series), OUTPUT=str(scene / "answers.gpkg")),
        on("report", "report", MAP=str(scene / "example.gpkg"), OUTPUT=str(scene / "page.html")),
        on(
            "chain",
            "chain",
            PARCELS=str(scene / "fields.gpkg"),
            SCENES=str(scene),
            **{"report:page": str(scene / "chained.html")},
        ),
        on("style", "style", MAP=str(scene / "example.gpkg")),
        on("environment", "environment", OUTPUT=str(scene / "environment.html")),
        {**on("environment", "environment missing", OUTPUT=str(scene / "no.html")), "program": "/nowhere"},
    ]


@pytest.fixture(scope="module")
def seen(scene, qgis):
    """Do all runs in one QGIS, and keep what the stand-in was given with each."""
    (scene / "runs.json").write_text(json.dumps(the_runs(scene)), encoding="utf-8")
    looked = run([PYTHON, str(CHECK), str(scene / "runs.json")], {**qgis, "PROJ_LIB": "/usr/share/proj"})
    assert looked.returncode == 0, looked.stderr
    return json.loads(looked.stdout)


def test_the_map_opens_styled_in_a_group(seen, scene):
    found = seen["opened"]
    source = f"{scene / 'opened.gpkg'}|layername=parcels"
    assert found["results"] == {"OUTPUT": source, "CLASSIFIED": 78, "UNANSWERED": 2, "SUMMARY": "80 parcels"}
    assert found["opened"] == [[source, "categorizedSymbol", 80]]
    assert found["tree"][0] == [
        "Crop map: opened", ["Parcels", True], ["Relevance by date", False],
        ["Tables", *([title, True] for title in ("Classes", "Curves", "Season ends", "Months", "Relevance", "Run"))],
    ]  # fmt: skip
    assert "--label-field crop" in found["log"] and "cropxai 0.1.0: " in found["log"]
    assert "is open in this project" in found["again"]


def test_a_flag_that_is_on_can_be_taken_away(seen):
    assert " --no-reflectance " in seen["bare"]["log"] and "reflectance" not in seen["opened"]["log"]


def test_the_log_holds_the_exact_command(seen, scene):
    program = scene / "map 0.1.0" / "cropxai"
    words = f"map '{scene / 'fields.gpkg'}' '{scene}' --label-field crop -o '{scene / 'opened.gpkg'}'"
    assert f"'{program}' {words} --overwrite --progress json\n" in seen["opened"]["log"]


@pytest.mark.parametrize(("kind", "count"), [("filtered", 2), ("selected", 3), ("memory", 80)])
def test_layers_that_are_not_whole_files_are_exported(seen, scene, kind, count):
    found = seen[kind]
    assert found["succeeded"], found
    told = next(line for line in found["log"].splitlines() if " map " in line)
    assert str(scene / "fields.gpkg") not in told
    assert found["left"] == []
    assert found["results"]["OUTPUT"].startswith(str(scene / f"{kind}.gpkg"))
    assert f"{count} rows" in found["log"]


def test_unsaved_edits_are_not_passed_over(seen):
    assert not seen["edited"]["succeeded"]
    assert "has edits that are not saved" in seen["edited"]["log"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("crash", "Segmentation fault (core dumped)"),
        ("rubbish", "update the plugin and cropxai"),
        ("nothing", "nothing.gpkg is not there"),
        ("future", "speaks protocol 2, the plugin 1"),
        ("old", "cropxai, version 0.0.9"),
        ("other", "'ImportError: no module named torch' when asked for its version"),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence(seen, name, text):
    assert not seen[name]["succeeded"]
    assert text in seen[name]["log"]
    assert seen[name]["opened"] == []


def test_rasters_are_named_one_by_one_and_none_is_passed_over(seen, scene):
    assert seen["rasters"]["succeeded"]
    first, second = (scene / raster.name for raster in RASTERS)
    assert f"'{first}' '{second}' -o" in seen["rasters"]["log"]
    assert seen["rasters gone"]["allowed"] == [False, "Incorrect parameter value for RASTERS"]
    # What is there but no raster is handed on, because cropxai says what is wrong with it.
    assert f"'{first}' '{scene / 'fields.gpkg'}' -o" in seen["no raster"]["log"]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("shapefile", "let its name end in .gpkg, not '.shp'"),
        ("no scenes", "Give one of these: Folder of Sentinel-2 scenes, Sentinel-2 rasters, Catalogue of scenes"),
        ("extra", "--overwrite is given by the plugin itself"),
        ("quote", "No closing quotation"),
        ("home", "holds other things, which would be lost"),
    ],
)
def test_bad_input_is_refused_before_the_run(seen, name, text):
    assert seen[name]["allowed"][0] is False
    assert text in seen[name]["allowed"][1]


def test_a_missing_environment_stops_the_dialog_with_the_remedy(seen):
    executable, why = seen["missing"]["executable"]
    assert not executable and "holds no cropxai" in why and "pip install cropxai" in why


def test_cancel_leaves_no_process_no_layer_and_no_file(seen, scene):
    found = seen["cancelled"]
    assert found["opened"] == [] and found["results"] == {}
    assert not [path.name for path in scene.iterdir() if path.name.startswith("cancelled")]
    pid = int((scene / "pid").read_text())
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_cancel_in_the_middle_of_a_real_run_leaves_whole_parts_to_go_on_from(seen, scene):
    found = seen["half"]
    assert found["results"] == {} and found["running"] == []
    assert [path.name for path in scene.iterdir() if "half" in path.name] == [".half.gpkg.parts"]
    left = [path.name for path in (scene / ".half.gpkg.parts").iterdir()]
    read = sum(name.endswith(".npz") for name in left)
    assert 1 < read < len(list((SAMPLE / "scenes").glob("*.tif")))
    assert not [name for name in left if name.startswith(".") or name == "lock"]


def test_the_other_algorithms_run_their_command(seen, scene):
    def told(name):
        line = next(line for line in seen[name]["log"].splitlines() if "--progress json" in line)
        return line.split("cropxai' ")[1].replace(f"'{scene}/", "'")

    assert told("train") == "train 'fields.zarr' --steps 50 -o 'model' --overwrite --progress json"
    assert told("season") == "season 'fields.zarr' -o 'season' --overwrite --progress json"
    wanted = "explain 'fields.zarr' --level date --class maize -o 'r.zarr' --overwrite --progress json"
    assert told("explain") == wanted
    assert told("classify") == "classify 'fields.zarr' -o 'answers.gpkg' --overwrite --progress json"
    assert told("report") == "report 'example.gpkg' -o 'page.html' --overwrite --progress json"
    assert told("style") == "style 'example.gpkg' --progress json"


def test_models_get_numbers_and_texts(seen, scene):
    train = {"OUTPUT": str(scene / "model"), "ACCURACY": 0.75, "MACRO_F1": 0.5, "SUMMARY": "80 parcels"}
    assert seen["train"]["results"] == train
    assert seen["season"]["results"]["WINDOW"] == "5 April to 3 June"
    assert seen["report"]["results"]["OUTPUT"] == str(scene / "page.html")


def test_a_model_of_the_designer_hands_the_map_to_the_report(seen, scene):
    found = seen["chain"]
    assert found["succeeded"], found
    lines = [shlex.split(line) for line in found["log"].splitlines() if "--progress json" in line]
    assert [("map" in words, "report" in words) for words in lines] == [(True, False), (False, True)], found["log"]
    first, second = lines
    assert second[second.index("report") + 1] == first[first.index("-o") + 1]
    assert second[second.index("-o") + 1] == str(scene / "chained.html") and (scene / "chained.html").exists()


def test_the_environment_is_described(seen, scene):
    found = seen["environment"]["results"]
    # The stand-in lies in a folder without a Python.
    assert found["READY"] and "cropxai: 0.1.0" in found["REPORT"] and "QGIS: 3." in found["REPORT"]
    assert "cropxai" in (scene / "environment.html").read_text(encoding="utf-8")
    found = seen["environment missing"]["results"]
    assert found["READY"] is False and "pip install cropxai" in found["REPORT"]


def test_the_real_cropxai(qgis_process, tmp_path):
    program = Path(sys.executable).with_name("cropxai")
    output = tmp_path / "Größe 1.gpkg"
    words = [f"PARCELS={ROOT / 'sample_data' / 'parcels.gpkg'}", f"SCENES={ROOT / 'sample_data' / 'scenes'}"]
    ended = qgis_process("run", "cropxai:map", "--", *words, f"OUTPUT={output}", CROPXAI_PYTHON=str(program))
    assert ended.returncode == 0, ended.stdout + ended.stderr
    answers = pyogrio.read_dataframe(output, layer="parcels", read_geometry=False)
    assert len(answers) == pyogrio.read_info(SAMPLE / "parcels.gpkg")["features"]
    assert (answers["status"] == "classified").any()
    assert set(columns.names(columns.RELEVANCE)) <= set(pyogrio.read_info(output, layer="relevance")["fields"])


def test_the_real_environment_is_checked(qgis_process, tmp_path):
    page = tmp_path / "environment.html"
    ended = qgis_process("run", "cropxai:environment", "--", f"OUTPUT={page}", CROPXAI_PYTHON=sys.executable)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    text = page.read_text(encoding="utf-8")
    assert "<b>Devices</b></td><td>cpu" in text and "<b>torch</b>" in text and "missing" not in text
