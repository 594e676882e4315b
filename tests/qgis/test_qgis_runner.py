"""The plugin's runner and its search for cropxai, with small programs in place of cropxai; needs no QGIS."""

import os
import stat
import sys
import threading
import time
from pathlib import Path

import pytest
from cropxai_qgis.environment import CropxaiMissing, clean_variables, find_cropxai, python_of, version_of
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
        ('print(json.dumps({"event": "log", "protocol": 2}))', "speaks protocol 2, the plugin 1; update"),
        ('print(json.dumps({"event": "log"}))', "speaks protocol None"),
        ('print("[1, {"); print(json.dumps({"event": ["a"]}))', "ended without telling a result"),
        ('tell("progress", fraction="half"); tell("progress", stage=3)', "ended without telling a result"),
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


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks at processes in /proc")
def test_a_worker_that_outlives_the_program_does_not_hold_the_run(cropxai, tmp_path):
    marker = tmp_path / "pid"
    command = cropxai(f"""
import os, pathlib
worker = os.fork()
if worker:
    pathlib.Path({str(marker)!r}).write_text(str(worker))
    os.kill(os.getpid(), 9)
time.sleep(60)
""")
    with pytest.raises(RunFailed, match="code -9"):
        run(command, clean_variables(), Feedback(), grace=0.3)
    time.sleep(0.2)
    assert not is_running(marker.read_text())


def test_the_search_for_cropxai(tmp_path):
    for name in ("set", "named", "path"):
        (tmp_path / name / "bin").mkdir(parents=True)
        program(tmp_path / name / "bin" / "cropxai", "")
        (tmp_path / name / "bin" / "python").touch()
    of = {name: str(tmp_path / name / "bin" / "cropxai") for name in ("set", "named", "path")}
    variables = {"CROPXAI_PYTHON": str(tmp_path / "named" / "bin" / "python"), "PATH": str(tmp_path / "path" / "bin")}
    for setting in (tmp_path / "set", tmp_path / "set" / "bin" / "python", of["set"]):
        assert find_cropxai(str(setting), "", variables) == of["set"]
    assert find_cropxai("", "", variables) == of["named"]
    (tmp_path / "named").rename(tmp_path / "cropxai-env")
    profile = str(tmp_path)
    in_profile = str(tmp_path / "cropxai-env" / "bin" / "cropxai")
    assert find_cropxai("", profile, {"PATH": variables["PATH"]}) == of["path"]
    assert find_cropxai("", profile, {"PATH": ""}) == in_profile
    assert python_of(in_profile) == str(tmp_path / "cropxai-env" / "bin" / "python")
    with pytest.raises(CropxaiMissing, match="was not found"):
        find_cropxai("", str(tmp_path / "path"), {"PATH": ""})
    with pytest.raises(CropxaiMissing, match="the setting"):
        find_cropxai(str(tmp_path), "", variables)


def test_a_program_linked_from_elsewhere_has_its_python_beside_it(tmp_path):
    home = tmp_path / "env" / "bin"
    home.mkdir(parents=True)
    program(home / "cropxai", "")
    (home / "python").touch()
    (tmp_path / "shims").mkdir()
    (tmp_path / "shims" / "cropxai").symlink_to(home / "cropxai")
    assert python_of(str(tmp_path / "shims" / "cropxai")) == str(home / "python")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ('print("cropxai, version 0.0.9")', "too old for the plugin, which needs 0.1"),
        ('sys.exit("No module named torch")', "answered 'No module named torch'"),
        ("pass", "answered 'nothing'"),
    ],
)
def test_a_program_that_does_not_fit_is_refused(cropxai, body, text):
    with pytest.raises(CropxaiMissing, match=text):
        version_of(cropxai(body)[0], clean_variables())


def test_versions_that_fit(cropxai):
    for version in ("0.1.0", "0.12.3.dev1+g12", "1.0"):
        assert version_of(cropxai(f'print("cropxai, version {version}")')[0], clean_variables()) == version


def test_variables_of_qgis_are_not_handed_on():
    foreign = {"PYTHONHOME": "/qgis", "PROJ_LIB": "/qgis/proj", "PROJ_DATA": "/qgis", "GDAL_DATA": "/qgis/gdal"}
    ours = {"HOME": "/home/me", "GDAL_HTTP_PROXY": "proxy:3128"}
    assert clean_variables({**foreign, **ours}) == {**ours, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
