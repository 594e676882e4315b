import logging

import pytest

from cropxai.cluster import Cluster
from cropxai.errors import ClusterUnusable
from cropxai.explain import explain_to
from cropxai.model.streaming import Store
from cropxai.workplace import Workplace


@pytest.fixture(scope="module")
def cluster():
    """A cluster of one process."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL
    ) as local:
        joined = Cluster(local.scheduler_address, 1)
        yield joined
        joined.close()


@pytest.mark.parametrize("choices", [{}, {"method": "attnlrp", "level": "date", "target": "logit"}], ids=str)
def test_workers_explain_as_this_process_does(tmp_path, cluster, series, model, choices):
    store = series.save(tmp_path / "series.zarr")
    stored = type(series).open(store).between(end="2018-07-20")
    here = explain_to(tmp_path / "here.zarr", stored, model, **choices)
    there = explain_to(
        tmp_path / "far.zarr", stored, model, cluster=cluster, store=Store.of(store, end="2018-07-20"), **choices
    )
    assert there.dataset.load().identical(here.dataset.load())
    assert not Workplace(tmp_path / "far.zarr").folder.exists()


def test_a_store_that_workers_do_not_see(tmp_path, cluster, series, model):
    with pytest.raises(ClusterUnusable, match=r"/nowhere is not shared by all machines"):
        explain_to(tmp_path / "far.zarr", series, model, cluster=cluster, store=Store.of("/nowhere"))
    assert not (tmp_path / "far.zarr").exists()
