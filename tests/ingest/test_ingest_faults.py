"""What goes wrong in the middle of the work ends in one line, loses nothing, and leaves nothing half-written."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import killed
import numpy as np
import pytest
from affine import Affine
from shapely.geometry import box

from cropxai.errors import ScenesUnreadable
from cropxai.ingest import extract_series
from cropxai.ingest import measure as measuring

X, Y = 500_000, 5_600_000
SHAPE = (40, 60)
HERE = Path(__file__).parent
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")


def layers(seed, bands=("B02", "B8A")):
    rng = np.random.default_rng(seed)
    values = {name: rng.integers(1, 9000, SHAPE).astype(np.uint16) for name in bands}
    return {**values, "SCL": np.where(rng.random(SHAPE) < 0.3, 9, 4).astype(np.uint16)}


@pytest.fixture
def fields(tmp_path, vector):
    corners = [(X + 40 * i, Y - 40 * j - 30) for i in range(18) for j in range(9)]
    return vector(tmp_path / "fields.gpkg", [box(x, y, x + 30, y + 30) for x, y in corners])


@pytest.fixture
def images(tmp_path, raster):
    for day in range(1, 13):
        shift = 120 * (day % 2)
        raster(
            tmp_path / "s2" / f"S2L2A_31UDS_201805{day:02}.tif",
            layers(day),
            transform=Affine(10, 0, X + shift, 0, -10, Y),
        )
    return tmp_path / "s2"


def contents(store):
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}


def left_over(folder):
    """Files that no one was to see."""
    return [str(p.relative_to(folder)) for p in folder.rglob("*") if ".part." in p.name or p.name.endswith(".old")]


# --- killed ------------------------------------------------------------------------------------------------------


def killed_runs(seed, kills, watched, *command):
    script = [sys.executable, str(HERE / "killed.py"), str(seed), str(kills), str(watched), *map(str, command)]
    done = subprocess.run(script, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stderr.split()


@POSIX
def test_a_run_that_is_killed_at_any_moment_ends_with_the_same_bytes(tmp_path, command, fields, images):
    assert command("ingest", fields, images, "-o", tmp_path / "whole.zarr")[0] == 0
    output = tmp_path / "out.zarr"
    found = killed_runs(1, 10, output, "ingest", fields, images, "-o", output, "--workers", 2)
    assert set(found[:-1]) <= {"nothing", found[-1]}
    assert contents(output) == contents(tmp_path / "whole.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fields.gpkg", "out.zarr", "s2", "whole.zarr"]


@POSIX
def test_an_update_that_is_killed_leaves_the_old_series_or_the_new(tmp_path, command, fields, images):
    early = sorted(images.iterdir())[3:8]
    assert command("ingest", fields, images, "-o", tmp_path / "whole.zarr")[0] == 0
    assert command("ingest", fields, *early, "-o", tmp_path / "early.zarr")[0] == 0
    output = tmp_path / "out.zarr"
    shutil.copytree(tmp_path / "early.zarr", output)
    known = {killed.content(output), killed.content(tmp_path / "whole.zarr")}
    found = killed_runs(1, 12, output, "ingest", fields, images, "-o", output, "--update")
    assert set(found) <= known
    assert contents(output) == contents(tmp_path / "whole.zarr")
    assert left_over(tmp_path) == []


# --- stopped -----------------------------------------------------------------------------------------------------


@POSIX
@pytest.mark.parametrize(
    ("signum", "options", "code"),
    [
        (signal.SIGINT, ["--workers", "2"], 130),
        (signal.SIGTERM, ["--workers", "1"], 143),
        (signal.SIGINT, ["--dask", "local", "--workers", "2"], 130),
        (signal.SIGTERM, ["--dask", "local", "--workers", "2"], 143),
    ],
)
def test_a_stopped_run_says_so_keeps_what_is_done_and_ends_all_processes(
    tmp_path, fields, images, signum, options, code
):
    if "--dask" in options:
        pytest.importorskip("distributed")
    output = tmp_path / "out.zarr"
    arguments = ["ingest", fields, images, "-o", output, *options]
    process = subprocess.Popen(
        [sys.executable, str(HERE / "faults.py"), *map(str, arguments)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip
    parts = tmp_path / ".out.zarr.parts"
    end = time.monotonic() + 90
    while len(list(parts.glob("2018*.npz"))) < 3:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < end
        time.sleep(0.05)
    # As a terminal does it, Ctrl-C goes to all processes of the group; other signals to the one that was started.
    os.killpg(process.pid, signum) if signum == signal.SIGINT else process.send_signal(signum)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (code, "")
    assert err.strip() == f"cropxai: {'interrupted' if code == 130 else 'terminated'}"
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.05)
    assert not output.exists()
    assert 3 <= len(list(parts.glob("2018*.npz"))) < 12
    assert not (parts / "lock").exists()
    whole = extract_series(fields, images)
    assert extract_series(fields, images, workdir=parts).dataset.identical(whole.dataset)


# --- files -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 3])
def test_a_raster_that_is_cut_short_is_named_and_the_others_are_kept(tmp_path, command, fields, images, workers):
    path = images / "S2L2A_31UDS_20180507.tif"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    output = tmp_path / "out.zarr"
    code, _, err = command("ingest", fields, images, "-o", output, "--workers", workers)
    (line,) = err.splitlines()
    assert code == 1
    assert line == f"cropxai: {path}: is damaged, its pixels cannot be read; copy or download it again"
    assert len(list((tmp_path / ".out.zarr.parts").glob("2018*"))) >= 6
    path.write_bytes(whole)
    measured = []
    original = measuring._measure
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measuring, "_measure", lambda scene, *r: measured.append(scene) or original(scene, *r))
        assert command("ingest", fields, images, "-o", output)[0] == 0
    assert len(measured) <= 6
    assert command("ingest", fields, images, "-o", tmp_path / "whole.zarr")[0] == 0
    assert {k: v for k, v in contents(output).items() if k[:2] not in (".z",)} == {
        k: v for k, v in contents(tmp_path / "whole.zarr").items() if k[:2] not in (".z",)
    }


def test_a_raster_that_is_gone_or_changed_when_its_turn_comes(tmp_path, monkeypatch, fields, images):
    gone, changed = (images / f"S2L2A_31UDS_201805{day}.tif" for day in ("05", "08"))
    original = measuring._measure

    def measure(scene, *rest):
        if "0504" in scene.path:
            gone.rename(tmp_path / "elsewhere.tif")
        if "0508" in scene.path:
            os.utime(changed)
        return original(scene, *rest)

    monkeypatch.setattr(measuring, "_measure", measure)
    parts = tmp_path / "parts"
    with pytest.raises(ScenesUnreadable) as raised:
        extract_series(fields, images, workdir=parts, workers=1)
    why = (
        "S2L2A_31UDS_20180505.tif cannot be found any more (No such file or directory); check its disk, then run again"
    )
    assert str(raised.value) == f"{gone}: {why}"
    (tmp_path / "elsewhere.tif").rename(gone)
    with pytest.raises(
        ScenesUnreadable, match=r"0508\.tif: was changed while it was read; run again when it is complete"
    ):
        extract_series(fields, images, workdir=parts, workers=1)
    assert len(list(parts.glob("2018*"))) == 7
    monkeypatch.setattr(measuring, "_measure", original)
    whole = extract_series(fields, images)
    assert extract_series(fields, images, workdir=parts).dataset.identical(whole.dataset)


@pytest.mark.parametrize("moment", [0, 1_000_000_000, 4_000_000_000])
def test_times_of_change_in_the_past_or_in_the_future(tmp_path, monkeypatch, raster, fields, images, moment):
    """A file is known by its time of change, not by being older or younger than what was made from it."""
    measured = []
    original = measuring._measure
    monkeypatch.setattr(measuring, "_measure", lambda scene, *r: measured.append(scene.date.day) or original(scene, *r))
    path = images / "S2L2A_31UDS_20180507.tif"
    extract_series(fields, images, workdir=tmp_path / "parts", workers=1)
    measured.clear()
    raster(path, layers(77), transform=Affine(10, 0, X + 120, 0, -10, Y))
    os.utime(path, (moment, moment))
    changed = extract_series(fields, images, workdir=tmp_path / "parts", workers=1)
    assert measured == [7]
    extract_series(fields, images, workdir=tmp_path / "parts", workers=1)
    assert measured == [7]
    shutil.rmtree(tmp_path / "parts")
    assert changed.dataset.identical(extract_series(fields, images).dataset)


# --- places ------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(tmp_path):
    """Mount a disk of so many KiB; skip where that is not allowed."""
    mounted = []

    def mount(size, *options):
        place = tmp_path / "disk"
        place.mkdir(exist_ok=True)
        how = ",".join([f"size={size}k", *options])
        if shutil.which("mount") is None or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", how, "none", str(place)], capture_output=True, check=False
        ).returncode:  # fmt: skip
            pytest.skip("no right to mount")
        mounted.append(place)
        return place

    yield mount
    for place in mounted:
        subprocess.run(["umount", "-l", str(place)], check=True)


@pytest.mark.parametrize("size", [4, 8, 24, 60, 120, 160, 200])
def test_a_disk_that_is_full(small_disk, tmp_path, command, fields, images, size):
    disk = small_disk(size)
    output = disk / "out.zarr"
    code, out, err = command("ingest", fields, images, "-o", output)
    (line,) = err.splitlines()
    assert (code, out) == (1, "")
    assert line.startswith(f"cropxai: {disk}/")
    assert "cannot be written (no space left on the device); free space or choose another place, then run again" in line
    assert not output.exists()
    assert left_over(disk) == []
    subprocess.run(["mount", "-o", "remount,size=9000k", str(disk)], check=True)
    assert command("ingest", fields, images, "-o", output)[0] == 0
    assert [p.name for p in disk.iterdir()] == ["out.zarr"]


def test_a_disk_that_may_not_be_written(small_disk, command, fields, images):
    disk = small_disk(9000, "ro")
    code, _, err = command("ingest", fields, images, "-o", disk / "out.zarr")
    (line,) = err.splitlines()
    assert code == 1
    assert line.startswith(f"cropxai: {disk / 'out.zarr'}: cannot be written (Read-only file system); free space or")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_may_not_be_written(tmp_path, command, fields, images):
    place = tmp_path / "place"
    place.mkdir(mode=0o555)
    code, _, err = command("ingest", fields, images, "-o", place / "out.zarr")
    (line,) = err.splitlines()
    assert code == 1
    assert line.startswith(f"cropxai: {place / 'out.zarr'}: cannot be written (Permission denied)")


@pytest.mark.parametrize("after", [0, 1, 4, 11])
def test_no_space_at_any_file(tmp_path, monkeypatch, command, fields, images, after):
    """Where no disk can be mounted: the n-th file that numpy writes finds no space."""
    written = []
    original = np.savez

    def savez(file, **arrays):
        written.append(file)
        if len(written) > after:
            Path(file).write_bytes(b"half")
            raise OSError(errno.ENOSPC, "No space left on device")
        original(file, **arrays)

    monkeypatch.setattr(np, "savez", savez)
    code, _, err = command("ingest", fields, images, "-o", tmp_path / "out.zarr")
    (line,) = err.splitlines()
    assert code == 1
    assert "cannot be written (no space left on the device)" in line
    assert left_over(tmp_path) == []


def test_a_second_run_on_the_same_output(tmp_path, command, fields, images):
    output = tmp_path / "out.zarr"
    first = subprocess.Popen(
        [sys.executable, str(HERE / "faults.py"), "ingest", str(fields), str(images), "-o", str(output)],
        stdout=subprocess.DEVNULL,
    )
    parts = tmp_path / ".out.zarr.parts"
    while not list(parts.glob("2018*.npz")):
        assert first.poll() is None
        time.sleep(0.05)
    code, _, err = command("ingest", fields, images, "-o", output)
    (line,) = err.splitlines()
    assert code == 1
    assert line.startswith(f"cropxai: {output}: another run is at work on it (process {first.pid} on ")
    assert line.endswith(f"; wait until it ends or, if it was killed, remove {parts / 'lock'}")
    assert first.wait(60) == 0
    assert output.exists()
    assert not parts.exists()
