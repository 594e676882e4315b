"""Engines, shares, updates: however the scenes are measured, the series is the same to the bit."""

import dataclasses
import logging
import os
import sys
import threading

import faults
import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from cropxai import cluster as clusters
from cropxai.errors import ClusterUnusable, ExtraMissing, ScenesUnreadable, SharesLeft
from cropxai.ingest import Share, cluster, extract_series, read_parcels, reading
from cropxai.ingest import measure as measuring
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.engine import Job, Threads
from cropxai.ingest.plan import make_plan
from cropxai.ingest.rules import Rules

X, Y = 500_000, 5_600_000
SHAPE = (15, 20)


def at(left, top, right, bottom):
    return box(X + 10 * left, Y - 10 * bottom, X + 10 * right, Y - 10 * top)


def layers(seed, bands=("B02", "B8A"), cloud=0.3, gaps=0.1):
    rng = np.random.default_rng(seed)
    values = {name: rng.integers(1, 9000, SHAPE).astype(np.uint16) for name in bands}
    gap = rng.random(SHAPE) < gaps
    for band in values.values():
        band[gap] = 0
    return {**values, "SCL": np.where(rng.random(SHAPE) < cloud, 9, 4).astype(np.uint16)}


@pytest.fixture
def fields(tmp_path, vector):
    shapes = [at(1, 1, 6, 5), at(4, 3, 9, 8), at(14, 2, 18, 9), at(17, 10, 24, 14), at(22, 2, 28, 8), at(90, 2, 99, 9)]
    return vector(tmp_path / "fields.gpkg", shapes, crop=list("abcdef"))


@pytest.fixture
def images(tmp_path, raster):
    """Two tiles that overlap, on five dates; the second tile is missing on some."""
    east = Affine(10, 0, X + 120, 0, -10, Y)
    for day in (1, 6, 11, 16, 21):
        raster(tmp_path / "s2" / f"S2L2A_31UDS_201805{day:02}.tif", layers(day))
        if day != 11:
            raster(tmp_path / "s2" / f"S2L2A_31UES_201805{day:02}.tif", layers(100 + day), transform=east)
    return tmp_path / "s2"


def contents(store):
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}


def same(first, second):
    """Compare two series: every value to the bit, every attribute, and the parcels."""
    assert first.dataset.identical(second.dataset)
    assert first.dataset["reflectance"].values.tobytes() == second.dataset["reflectance"].values.tobytes()
    assert first.parcels.equals(second.parcels)


# --- order and workers -------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(9)), workers=st.integers(1, 5))
def test_neither_order_nor_workers_matter(fields, images, order, workers):
    files = sorted(images.iterdir())
    same(extract_series(fields, [files[i] for i in order], workers=workers), extract_series(fields, images, workers=1))


@pytest.mark.filterwarnings("ignore:.*of the same tile")  # twice one scene is a case too
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_parcel_has_the_home_that_the_rule_gives_it(tmp_path_factory, raster, vector, data):
    """Scenes of one date with few values, so that ties are frequent; the home by a sort of plain tuples."""
    folder = tmp_path_factory.mktemp("home")
    parcels = vector(folder / "p.gpkg", [at(1, 1, 4, 4), at(6, 6, 9, 9)])
    names = data.draw(st.lists(st.sampled_from(["31UDS", "31UES", "32TPT"]), min_size=2, max_size=4))
    scenes = []
    for n, tile in enumerate(names):
        values = {"B02": np.full(SHAPE, 1000 + n, np.uint16), "SCL": np.full(SHAPE, 4, np.uint16)}
        for row, column in ((1, 1), (6, 6)):
            gone, cloudy = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))
            values["B02"][row : row + 3, column : column + gone] = 0
            values["SCL"][row : row + 3, column + 3 - cloudy : column + 3] = 9
        path = folder / f"{data.draw(st.sampled_from('ab'))}{n}" / f"L2A_{tile}_20180507.tif"
        raster(path, values)
        scenes.append((path, tile, data.draw(st.sampled_from(["", "02.08", "05.09"])), values))
    baselines = {str(path): baseline for path, _, baseline, _ in scenes}
    ordered = data.draw(st.permutations([path for path, *_ in scenes]))
    with pytest.MonkeyPatch.context() as patch:
        import cropxai.ingest.extract as extracting

        find = extracting.find_scenes
        patch.setattr(
            extracting,
            "find_scenes",
            lambda *a, **k: [dataclasses.replace(s, baseline=baselines[s.path]) for s in find(*a, **k)],
        )
        series = extract_series(parcels, ordered)
    for p, (row, column) in enumerate(((1, 1), (6, 6))):
        inside = np.s_[row : row + 3, column : column + 3]

        def order(scene, inside=inside):
            path, tile, baseline, values = scene
            has = values["B02"][inside] > 0
            clear = int((has & (values["SCL"][inside] == 4)).sum())
            number = float(baseline or 0)
            return clear < 4.5, -int(has.sum()), -number, -clear, tile, str(path)

        counts, *_ = order(min(scenes, key=order))
        best = min(scenes, key=order)[3]["B02"].max()
        expected = np.nan if counts else np.float32(best / 10_000)
        np.testing.assert_array_equal(series.reflectance[p, 0, 0], np.float32(expected))


def test_a_closed_engine_stops_what_runs_but_an_error_does_not(monkeypatch, fields, images):
    """Of two scenes that are read at the same time, the second waits for what becomes of the first."""
    scenes = find_scenes(images)
    parcels = read_parcels(fields)
    plans = {grid: make_plan(parcels, grid) for grid in {grid for scene in scenes for grid in scene.grids}}
    ended = {}
    for outcome in ("closed", "failed"):
        job = Job(plans, ["B02"], Rules(), None)
        running, original = threading.Event(), reading.SceneReader.read

        def read(reader, window, into, job=job, running=running, original=original, outcome=outcome):
            if reader._scene is scenes[1]:
                running.set()
                threading.Event().wait(0.3) if outcome == "failed" else job.stop.wait(20)
            elif outcome == "failed":
                running.wait(20)
                raise ScenesUnreadable(reader._scene.path, "is damaged")
            return original(reader, window, into)

        def tally(*arguments, outcome=outcome, measure=measuring._tally):
            if arguments[0] is not scenes[1]:
                return measure(*arguments)
            try:
                measured = measure(*arguments)
                measure(*arguments)  # as if there were another chunk
                ended[outcome] = "measured"
                return measured
            except measuring.Stopped:
                ended[outcome] = "stopped"
                raise

        with monkeypatch.context() as patch:
            patch.setattr(reading.SceneReader, "read", read)
            patch.setattr(measuring, "_tally", tally)
            engine = Threads(2).measure(job, scenes[:2])
            if outcome == "failed":
                with pytest.raises(ScenesUnreadable):
                    next(engine)
            else:
                next(engine)
                running.wait(20)
                engine.close()
    assert ended == {"closed": "stopped", "failed": "measured"}


# --- clusters ----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workers():
    """A cluster of two processes, and its address."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster.scheduler_address


def test_workers_give_the_same_though_one_is_killed(tmp_path, monkeypatch, workers, fields, images):
    monkeypatch.setattr(cluster, "_measured", faults.dying_once)
    far = extract_series(fields, images, workdir=tmp_path, dask=workers)
    assert (tmp_path / "killed").exists()
    same(far, extract_series(fields, images))


def test_what_is_measured_is_not_measured_again_and_what_is_damaged_is(tmp_path, monkeypatch, workers, fields, images):
    whole = extract_series(fields, images, workdir=tmp_path)
    monkeypatch.chdir(tmp_path)  # the workers were started elsewhere
    kept = sorted(tmp_path.glob("2018*"))
    kept[3].write_bytes(b"damaged")
    kept[5].unlink()
    sent = []
    monkeypatch.setattr(clusters.secrets, "token_hex", lambda n: sent.append(n) or os.urandom(n).hex())
    same(extract_series(fields, images, workdir=".", dask=workers), whole)
    assert sorted(tmp_path.glob("2018*")) == kept
    assert len(sent) < len(kept)


def test_workers_that_do_not_share_the_folder_or_the_version(tmp_path, monkeypatch, workers, fields, images):
    monkeypatch.setattr(clusters, "_sees", faults.unsharing)
    with pytest.raises(
        ClusterUnusable, match=rf"worker tcp://\S+: {tmp_path} is not shared by all machines; give -o in"
    ):
        extract_series(fields, images, workdir=tmp_path, dask=workers)
    monkeypatch.setattr(clusters, "_sees", faults.outdated)
    with pytest.raises(ClusterUnusable, match=r"has cropxai 0\.0\.1, not .*; install one version everywhere"):
        extract_series(fields, images, workdir=tmp_path, dask=workers)
    assert list(tmp_path.glob("2018*")) == []


def test_a_damaged_raster_is_named_by_a_worker_too(tmp_path, workers, fields, images):
    path = images / "S2L2A_31UDS_20180516.tif"
    path.write_bytes(path.read_bytes()[:-300])
    (tmp_path / "parts").mkdir()
    with pytest.raises(ScenesUnreadable, match=r"0516\.tif: is damaged"):
        extract_series(fields, images, workdir=tmp_path / "parts", dask=workers)
    assert len(list((tmp_path / "parts").glob("2018*"))) >= 5


def test_a_scene_of_which_workers_die(tmp_path, monkeypatch, workers, fields, images):
    import dask

    monkeypatch.setattr(cluster, "_measured", faults.dying)
    with dask.config.set({"distributed.scheduler.allowed-failures": 0}), pytest.raises(ClusterUnusable) as raised:
        extract_series(fields, images, workdir=tmp_path, dask="local", workers=1)
    assert str(raised.value).startswith("--dask local: workers died again and again, at last with S2L2A_31U")
    assert str(raised.value).endswith("give them more memory, then run again")


def test_a_cluster_without_its_package(monkeypatch, fields, images):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExtraMissing, match=r"--dask needs the package distributed; install it with: pip install 'crop"):
        extract_series(fields, images, dask="local")


def test_a_scheduler_that_does_not_answer(monkeypatch, tmp_path, fields, images):
    pytest.importorskip("distributed")
    monkeypatch.setattr(clusters, "PATIENCE_SECONDS", 1)
    with pytest.raises(ClusterUnusable, match=r"--dask tcp://127\.0\.0\.1:9: no scheduler answers there"):
        extract_series(fields, images, dask="tcp://127.0.0.1:9", workdir=tmp_path)
    with pytest.raises(ClusterUnusable, match="--dask nonsense: no scheduler answers there"):
        extract_series(fields, images, dask="nonsense", workdir=tmp_path)


# --- shares ------------------------------------------------------------------------------------------------------


def test_shares_are_a_partition_and_the_last_gathers(tmp_path, monkeypatch, command, fields, images):
    measured = []
    original = measuring._measure
    monkeypatch.setattr(measuring, "_measure", lambda s, *r: measured.append(s.path) or original(s, *r))
    output = tmp_path / "out.zarr"
    for number, left in ((2, 6), (3, 3)):
        code, out, err = command("ingest", fields, images, "-o", output, "--shard", f"{number}/3")
        assert (code, err) == (0, "")
        assert out == (
            f"share {number}/3 is measured; {left} of 9 rasters are left to other shares: "
            "when all have ended, run once more without --shard\n"
        )
        assert not output.exists()
    assert command("ingest", fields, images, "-o", output, "--shard", "2/3")[0] == 0  # a job that is started again
    assert len(measured) == 6
    assert command("ingest", fields, images, "-o", output, "--shard", "1/3")[0] == 0
    assert sorted(measured) == sorted(map(str, images.iterdir()))
    assert command("ingest", fields, images, "-o", tmp_path / "whole.zarr")[0] == 0
    assert contents(output) == contents(tmp_path / "whole.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fields.gpkg", "out.zarr", "s2", "whole.zarr"]


def test_a_run_without_a_share_gathers(tmp_path, command, fields, images):
    output = tmp_path / "out.zarr"
    for number in (1, 3, 4):
        assert command("ingest", fields, images, "-o", output, "--shard", f"{number}/4")[0] == 0
    assert command("ingest", fields, images, "-o", output)[0] == 0
    assert command("ingest", fields, images, "-o", tmp_path / "whole.zarr")[0] == 0
    assert contents(output) == contents(tmp_path / "whole.zarr")


def test_more_shares_than_rasters(tmp_path, fields, images):
    for number in (30, 1, 2, 3, 4, 5, 6, 7, 8):
        with pytest.raises(SharesLeft):
            extract_series(fields, images, workdir=tmp_path, share=Share(number, 30))
    for number in (9, 10):
        same(extract_series(fields, images, workdir=tmp_path, share=Share(number, 30)), extract_series(fields, images))


@pytest.mark.parametrize("share", ["0/3", "4/3", "1", "a/b", "1/0", "-1/3"])
def test_shares_that_are_none(tmp_path, command, fields, images, share):
    code, _, err = command("ingest", fields, images, "-o", tmp_path / "out.zarr", "--shard", share)
    (line,) = err.splitlines()
    assert code == 2
    assert "is no share; write 1/8 for the first of eight, up to 8/8" in line
