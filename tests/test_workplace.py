"""The folder of a run: one run at a time, whatever became of the one before."""

import errno
import json
import os
import signal
import socket
import subprocess
import sys

import pytest

from cropxai import workplace
from cropxai.errors import OutputBusy, OutputUnwritable
from cropxai.workplace import LOCK, Workplace

HOLDER = """
import sys, time
from cropxai.workplace import Workplace
with Workplace(sys.argv[1], shared=len(sys.argv) > 2) as place:
    (place.folder / "part").write_text("half")
    print("in", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Start a process that works at an output."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", HOLDER, str(tmp_path / "out.zarr"), *arguments], stdout=subprocess.PIPE, text=True
        )
        started.append(process)
        assert process.stdout.readline() == "in\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def enter(output, **how):
    with Workplace(output, **how) as place:
        assert place.folder.is_dir()


def test_the_folder_is_there_during_the_work_only(tmp_path):
    with Workplace(tmp_path / "out.zarr") as place:
        (place.folder / "part").touch()
        known = json.loads((place.folder / LOCK).read_text())
        assert (known["pid"], known["host"]) == (os.getpid(), socket.gethostname())
    assert list(tmp_path.iterdir()) == []


def test_after_a_failure_what_is_done_is_kept(tmp_path):
    with pytest.raises(KeyboardInterrupt), Workplace(tmp_path / "out.zarr") as place:
        (place.folder / "part").touch()
        raise KeyboardInterrupt
    assert [p.name for p in place.folder.iterdir()] == ["part"]
    with pytest.raises(KeyboardInterrupt), Workplace(tmp_path / "other.zarr") as place:
        raise KeyboardInterrupt
    assert not place.folder.exists()


def test_a_second_run_is_refused_and_told_by_whom(tmp_path, holder):
    process = holder()
    for shared in (False, True):
        with pytest.raises(OutputBusy) as refused:
            enter(tmp_path / "out.zarr", shared=shared)
        assert f"out.zarr: another run is at work on it (process {process.pid} on {socket.gethostname()} since" in str(
            refused.value
        )
    enter(tmp_path / "other.zarr")


def test_a_second_run_in_the_same_process_is_refused(tmp_path):
    with Workplace(tmp_path / "out.zarr") as place, pytest.raises(OutputBusy):
        enter(tmp_path / "out.zarr")
    assert not place.folder.exists()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_lock_of_a_killed_run_is_taken_over_with_what_it_did(tmp_path, holder):
    process = holder()
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert (tmp_path / ".out.zarr.parts" / LOCK).exists()
    with Workplace(tmp_path / "out.zarr") as place:
        assert (place.folder / "part").read_text() == "half"
    assert list(tmp_path.iterdir()) == []


def test_without_locks_of_the_system_the_process_is_asked_for(tmp_path, monkeypatch, holder):
    def unsupported(*_):
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(workplace, "_flock", unsupported)
    process = holder()
    with pytest.raises(OutputBusy, match=f"process {process.pid}"):
        enter(tmp_path / "out.zarr")
    process.kill()
    process.wait()
    enter(tmp_path / "out.zarr")
    assert list(tmp_path.iterdir()) == []


def test_a_run_on_another_machine_is_believed_to_live(tmp_path):
    folder = tmp_path / ".out.zarr.parts"
    folder.mkdir()
    (folder / LOCK).write_text(json.dumps({"pid": 1, "host": "elsewhere", "since": "2018-05-01 12:00"}))
    for shared in (False, True):
        with pytest.raises(
            OutputBusy, match=r"\(process 1 on elsewhere since 2018-05-01 12:00\); wait .* remove .*lock$"
        ):
            enter(tmp_path / "out.zarr", shared=shared)
    (folder / LOCK).unlink()
    enter(tmp_path / "out.zarr")


def test_shares_work_side_by_side_and_the_last_goes_on_alone(tmp_path):
    with Workplace(tmp_path / "out.zarr", shared=True) as second:
        with pytest.raises(OutputBusy, match="a share of it"):
            enter(tmp_path / "out.zarr")
        with Workplace(tmp_path / "out.zarr", shared=True) as first:
            assert not first.alone()
        assert second.folder.exists()
        assert second.alone()
        with pytest.raises(OutputBusy):
            enter(tmp_path / "out.zarr", shared=True)
    assert list(tmp_path.iterdir()) == []


def test_of_shares_that_end_together_one_goes_on_alone(tmp_path):
    first, second = (Workplace(tmp_path / "out.zarr", shared=True).__enter__() for _ in range(2))
    (first.folder / "part").touch()
    assert not first.alone()
    assert second.alone()
    first.__exit__(None, None, None)
    assert (second.folder / "part").exists()
    second.__exit__(None, None, None)
    assert list(tmp_path.iterdir()) == []


def test_one_of_many_processes_that_start_at_once_gets_in(tmp_path):
    """Each tries for a while; no two are ever in, and everyone gets in at last."""
    script = """
import os, sys, time
from cropxai.errors import OutputBusy
from cropxai.workplace import Workplace
entered = 0
while entered < 20:
    try:
        with Workplace(sys.argv[1]) as place:
            file = os.open(place.folder / "alone", os.O_CREAT | os.O_EXCL)
            os.close(file)
            entered += 1
    except OutputBusy:
        time.sleep(0.001)
"""
    many = [subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "out")]) for _ in range(4)]
    assert [process.wait() for process in many] == [0] * 4
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_run_removes_at_that_moment_is_made_again(tmp_path, monkeypatch):
    make, made = os.mkdir, []

    def mkdir(path, *mode):
        made.append(path)
        if len(made) == 1:  # it was there, and is gone before anyone looks
            raise FileExistsError(errno.EEXIST, "File exists", path)
        make(path, *mode)

    monkeypatch.setattr(os, "mkdir", mkdir)
    with Workplace(tmp_path / "out") as place:
        assert place.folder.is_dir()


@pytest.mark.parametrize("kind", ["file", "broken link"])
def test_what_is_no_folder_in_its_place_is_refused(tmp_path, kind):
    place = tmp_path / ".out.parts"
    place.touch() if kind == "file" else place.symlink_to(tmp_path / "nowhere")
    with pytest.raises(OutputUnwritable, match="out: cannot be written"):
        enter(tmp_path / "out")
    assert os.path.lexists(place)


def test_what_killed_runs_left_is_put_away(tmp_path):
    (tmp_path / ".out.123-0a1b2c3d.part.zarr").mkdir()
    (tmp_path / ".out.zarr.parts.123.old").mkdir()
    (tmp_path / ".out.zarr.99.old").mkdir()
    (tmp_path / ".out.zarr.99.old" / "values").touch()
    others = [
        ".out.2019.123-0a1b2c3d.part.zarr",
        ".out.zarr.old",
        "out.123-0a1b2c3d.part.zarr",
        ".out.2019.zarr.99.old",
    ]
    for name in others:
        (tmp_path / name).mkdir()
    enter(tmp_path / "out.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted([*others, "out.zarr"])
    assert [p.name for p in (tmp_path / "out.zarr").iterdir()] == ["values"]  # it was about to be replaced


def test_a_place_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputUnwritable, match=r"out\.zarr: cannot be written \(Not a directory\)"):
        enter(tmp_path / "file" / "out.zarr")
    (tmp_path / ".out.zarr.parts").touch()
    with pytest.raises(OutputUnwritable):
        enter(tmp_path / "out.zarr")
