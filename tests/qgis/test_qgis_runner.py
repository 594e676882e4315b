"""The plugin's runner and its search for cropxai, with small programs in place of cropxai; needs no QGIS."""

import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from cropxai_qgis.environment import CropxaiMissing, clean_variables, find_cropxai
from cropxai_qgis.runner import Cancelled, RunFailed, run

pytestmark = pytest.mark.skipif(os.name == "nt", reason="the programs are POSIX scripts")

TELL = """
import json, sys, time
def tell(event, **values):
    print(json.dumps({"event": event, "protocol": 1, **values}), flush=True)
"""


class Feedback:
    """Keeps what it is told, as the log window of QGIS does."""

    def __init__(self):
        self.heard = []
        self.cancelled = threading.Event()

    def isCanceled(self):  # noqa: N802
        return self.cancelled.is_set()

    def __getattr__(self, name):
        return lambda value: self.heard.append((name, value))


def program(path, body):
    path.write_text(f"#!{sys.executable}\n{TELL}\n{body}", encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


@pytest.fixture
def cropxai(tmp_path):
    return lambda body: [program(tmp_path / "cropxai", body)]


def test_progress_log_and_result_are_passed_on(cropxai):
    command = cropxai("""
tell("progress", stage="ingest", fraction=0.25, message="tile 32UPU")
tell("progress", stage="ingest", fraction=0.5, message="tile 32UQU")
print("a library says Grüß Gott")
tell("log", level="warning", message="1 parcel: too small")
tell("progress", stage="classify", fraction=1.0, message="")
tell("result", text="80 parcels", output="crops.gpkg")
""")
    feedback = Feedback()
    assert run(command, clean_variables(), feedback) == {"text": "80 parcels", "output": "crops.gpkg"}
    assert [f for f in feedback.heard if f[0] == "setProgress"] == [("setProgress", v) for v in (25.0, 50.0, 100.0)]
    assert [f for f in feedback.heard if f[0] != "setProgress"] == [
        ("setProgressText", "ingest: tile 32UPU"),
        ("pushDebugInfo", "a library says Grüß Gott"),
        ("pushWarning", "1 parcel: too small"),
        ("setProgressText", "classify"),
        ("pushInfo", "80 parcels"),
    ]


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('tell("error", message="fields.shp: no field \'x\'", exit_code=1); sys.exit(1)', "fields.shp: no field 'x'"),
        ('print("Killed", file=sys.stderr); sys.exit(137)', "Killed"),
        ("sys.exit(3)", "cropxai ended with code 3"),
        ('print(json.dumps({"event": "log", "protocol": 2}))', "update the plugin"),
    ],
)
def test_a_failure_becomes_one_error(cropxai, body, text):
    with pytest.raises(RunFailed, match=text):
        run(cropxai(body), clean_variables(), Feedback())


def test_a_program_that_cannot_start(tmp_path):
    with pytest.raises(RunFailed, match="cannot be started"):
        run([str(tmp_path / "nothing")], clean_variables(), Feedback())


def cancel_after_start(command, marker, grace):
    """Cancel when the program has written its marker; return the seconds until the run had ended."""
    feedback = Feedback()

    def cancel():
        while not marker.exists():
            time.sleep(0.02)
        feedback.cancelled.set()

    threading.Thread(target=cancel).start()
    with pytest.raises(Cancelled):
        run(command, clean_variables(), feedback, grace=grace)


def is_running(pid):
    state = Path(f"/proc/{pid}/stat")
    return state.exists() and state.read_text().rsplit(")", 1)[1].split()[0] != "Z"


def test_cancel_lets_the_program_tidy_up(cropxai, tmp_path):
    marker = tmp_path / "half-written"
    command = cropxai(f"""
import pathlib, signal
half = pathlib.Path({str(marker)!r})
def stop(*_):
    half.unlink()
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
half.write_text("…", encoding="utf-8")
while True:
    tell("progress", stage="ingest", fraction=0.1)
    time.sleep(0.05)
""")
    cancel_after_start(command, marker, grace=10)
    assert not marker.exists()


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes in /proc")
def test_cancel_ends_a_stubborn_program_and_its_workers(cropxai, tmp_path):
    marker = tmp_path / "pids"
    command = cropxai(f"""
import os, pathlib, signal
signal.signal(signal.SIGTERM, signal.SIG_IGN)
worker = os.fork()
if worker:
    part = pathlib.Path({str(marker)!r} + ".part")
    part.write_text(f"{{os.getpid()}} {{worker}}")
    part.rename({str(marker)!r})
time.sleep(60)
""")
    cancel_after_start(command, marker, grace=0.3)
    time.sleep(0.2)
    assert not any(is_running(pid) for pid in marker.read_text().split())


def test_the_search_for_cropxai(tmp_path):
    for name in ("set", "named", "path"):
        (tmp_path / name / "bin").mkdir(parents=True)
        program(tmp_path / name / "bin" / "cropxai", "")
        (tmp_path / name / "bin" / "python").touch()
    of = {name: str(tmp_path / name / "bin" / "cropxai") for name in ("set", "named", "path")}
    variables = {"CROPXAI_PYTHON": str(tmp_path / "named" / "bin" / "python"), "PATH": str(tmp_path / "path" / "bin")}
    for setting in (tmp_path / "set", tmp_path / "set" / "bin" / "python", of["set"]):
        assert find_cropxai(str(setting), variables) == of["set"]
    assert find_cropxai("", variables) == of["named"]
    assert find_cropxai("", {"PATH": variables["PATH"]}) == of["path"]
    with pytest.raises(CropxaiMissing, match="was not found"):
        find_cropxai("", {"PATH": ""})
    with pytest.raises(CropxaiMissing, match="the setting"):
        find_cropxai(str(tmp_path), variables)


def test_variables_of_qgis_are_not_handed_on():
    given = {"HOME": "/home/me", "PYTHONHOME": "/qgis", "PROJ_LIB": "/qgis/proj", "GDAL_DATA": "/qgis/gdal"}
    assert clean_variables(given) == {"HOME": "/home/me", "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
