"""The conventions that all commands share."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import cropxai
from cropxai.cli.main import COMMANDS, main

CROPXAI = [sys.executable, "-c", "from cropxai.cli.main import run; run()"]


def run(*argv, **more):
    return subprocess.run([*CROPXAI, *map(str, argv)], capture_output=True, text=True, **more)


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(f"\n  {name} " in shown for name in COMMANDS)


def test_version(capsys):
    assert main(["--version"]) == 0
    assert cropxai.__version__ in capsys.readouterr().out


@pytest.mark.parametrize("name", [c for c in COMMANDS if c != "simulate"])
def test_every_command_has_help_with_an_example_and_the_shared_options(name, capsys):
    assert main([name, "--help"]) == 0
    shown = capsys.readouterr().out
    assert f"$ cropxai {name}" in shown
    assert all(option in shown for option in ("--progress", "--quiet", "--debug"))


def test_wrong_usage_is_one_line_and_exit_2(capsys):
    assert main(["train"]) == 2
    assert main(["classify", "x.zarr", "-o", "y.tif"]) == 2
    lines = capsys.readouterr().err.strip().splitlines()
    assert lines[0].startswith("cropxai: Missing argument 'SERIES'")
    assert "ends in '.tif'; use .gpkg or .parquet or .shp or .csv" in lines[1]
    assert len(lines) == 2


def test_wrong_data_is_one_line_and_exit_1(capsys, tmp_path):
    assert main(["info", str(tmp_path / "none.zarr")]) == 1
    assert (
        capsys.readouterr().err
        == f"cropxai: {tmp_path}/none.zarr: no such series, relevance, model or map; check the path\n"
    )


def test_debug_shows_the_traceback(capsys, tmp_path):
    assert main(["info", str(tmp_path / "none.zarr"), "--debug"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_json_is_all_there_is_on_standard_output(series, tmp_path):
    series.save(tmp_path / "a.zarr")
    done = run(
        "train", tmp_path / "a.zarr", "-o", tmp_path / "m", "--epochs", 2, "--split", "random", "--progress", "json"
    )
    assert done.returncode == 0, done.stderr
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert {e["event"] for e in events} == {"progress", "result"}
    assert all(e["protocol"] == 1 for e in events)
    fractions = [e["fraction"] for e in events if e["event"] == "progress"]
    assert fractions == sorted(fractions) and fractions[-1] == 1
    assert events[-1]["output"] == str(tmp_path / "m")


def test_json_tells_of_errors_and_warnings(series, tmp_path):
    done = run("info", tmp_path / "none", "--progress", "json")
    (event,) = [json.loads(line) for line in done.stdout.splitlines()]
    assert event == {
        "event": "error",
        "protocol": 1,
        "message": done.stderr.strip().removeprefix("cropxai: "),
        "exit_code": 1,
    }
    crop = series.labels.copy()
    crop[:3] = "rice"
    type(series)(series.dataset.assign_coords(crop=("parcel", crop))).save(tmp_path / "a.zarr")
    done = run(
        "train", tmp_path / "a.zarr", "-o", tmp_path / "m", "--epochs", 1, "--split", "random", "--progress", "json"
    )
    logs = [e for e in map(json.loads, done.stdout.splitlines()) if e["event"] == "log"]
    assert len(logs) == 1 and logs[0]["level"] == "warning" and "rice" in logs[0]["message"]


def test_quiet_says_nothing(series, tmp_path):
    series.save(tmp_path / "a.zarr")
    done = run("info", tmp_path / "a.zarr", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(("signal_", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_stopped_run_cleans_up_and_says_so(series, tmp_path, signal_, code):
    series.save(tmp_path / "a.zarr")
    argv = [
        "train",
        tmp_path / "a.zarr",
        "-o",
        tmp_path / "m",
        "--epochs",
        5000,
        "--patience",
        1,
        "--split",
        "random",
    ]
    process = subprocess.Popen(
        [*CROPXAI, *map(str, argv), "--progress", "json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )
    for line in process.stdout:
        if json.loads(line).get("fraction", 0) > 0:  # an epoch is done
            break
    process.send_signal(signal_)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == code
    assert errors.strip().splitlines()[-1] == f"cropxai: {'interrupted' if code == 130 else 'terminated'}"
    assert not (tmp_path / "m").exists()
    assert {p.name for p in tmp_path.iterdir()} == {"a.zarr", ".m.training"}  # what a second run goes on from


def test_a_silent_stage_beats(monkeypatch, capfd):
    from cropxai.cli import progress

    monkeypatch.setattr(progress, "HEARTBEAT_SECONDS", 0.05)
    teller = progress.Progress()
    saved = os.dup(1)
    teller.configure(mode="json")
    try:
        with teller.stage("work"):
            time.sleep(0.4)
    finally:
        teller.close()
        os.dup2(saved, 1)
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    assert len(lines) > 4 and all(e["event"] == "progress" and e["stage"] == "work" for e in lines)


def test_foreign_proj_and_gdal_are_not_taken_over(series, tmp_path):
    series.save(tmp_path / "a.zarr")
    environment = os.environ | {"PROJ_LIB": str(tmp_path), "GDAL_DATA": str(tmp_path)}
    code = (
        "import os; from cropxai.cli.main import main; main(['models']); "
        "print(sorted(set(os.environ) & {'PROJ_LIB', 'GDAL_DATA'}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.stdout.splitlines()[-1] == "[]"


def test_no_torch_for_help():
    code = (
        "import sys; from cropxai.cli.main import main; main(['--help']); "
        "print('torch' in sys.modules, 'numpy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert done.stdout.splitlines()[-1] == "False False"
