import logging

import numpy as np
import pytest

from cropxai.cluster import Cluster
from cropxai.errors import ClusterUnusable
from cropxai.model import classify, streaming
from cropxai.model.predict import Far
from cropxai.model.streaming import Store, rows_of


@pytest.fixture(scope="module")
def scheduler():
    """A cluster of one process, and its address."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def far(tmp_path, scheduler, series):
    """A cluster with a stored series and a folder."""
    store = series.save(tmp_path / "series.zarr")
    (tmp_path / "parts").mkdir()
    cluster = Cluster(scheduler, 1)
    yield Far(cluster, Store.of(store), tmp_path / "parts")
    cluster.close()


def same(found, expected):
    assert found.probabilities.tobytes() == expected.probabilities.tobytes()
    assert found.frame.equals(expected.frame)


def test_workers_give_what_threads_give_and_what_is_kept_is_taken_over(far, model):
    stored = far.store.piece(0, 1000)
    here = classify(stored, model)
    same(classify(stored, model, far=far), here)
    (part,) = far.folder.glob("answers_*.npz")
    before = part.stat().st_mtime_ns
    same(classify(stored, model, far=far), here)
    assert part.stat().st_mtime_ns == before
    part.write_bytes(b"damaged")
    same(classify(stored, model, far=far), here)


def test_other_choices_and_dates_are_other_parts(far, model):
    stored = far.store.piece(0, 1000)
    classify(stored, model, far=far)
    same(classify(stored, model, far=far, views=2), classify(stored, model, views=2))
    cut = Far(far.cluster, Store.of(far.store.path, end="2018-06-20"), far.folder)
    until = stored.between(end="2018-06-20")
    same(classify(until, model, far=cut), classify(until, model))
    assert len(list(far.folder.glob("answers_*.npz"))) == 3


def test_a_store_that_workers_do_not_see(far, model, series):
    nowhere = Far(far.cluster, Store.of("/nowhere/series.zarr"), far.folder)
    with pytest.raises(ClusterUnusable, match=r"/nowhere/series\.zarr is not shared by all machines"):
        classify(series, model, far=nowhere)


@pytest.mark.parametrize(("start", "size", "count"), [(0, 50, 50), (100, 50, 20), (0, 500, 120)])
def test_rows_of_a_series(series, start, size, count):
    found = rows_of(series, start, size)
    assert found.parcel_id.tolist() == series.parcel_id[start : start + size].tolist()
    assert len(found) == count
    np.testing.assert_array_equal(found.reflectance, series.reflectance[start : start + size])


def test_an_interrupted_report_ends_the_threads(monkeypatch, series, model):
    monkeypatch.setattr(streaming, "PARCELS_AT_ONCE", 10)

    def stop(done, message=""):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        classify(series, model, workers=2, report=stop)
