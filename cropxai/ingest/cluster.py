"""Scenes measured by the workers of a Dask cluster.

To a worker goes the scene and where the plans lie, and back comes a name: plans and measurements are files in one
folder, which all machines must share. A worker that dies takes nothing with it; its scenes go to others.
"""

import logging
import secrets
import socket
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextlib import closing
from copy import copy
from pathlib import Path
from typing import Any

import cropxai
from cropxai.errors import ClusterUnusable, CropxaiError, ExtraMissing
from cropxai.ingest.engine import Job, Measured, ahead
from cropxai.ingest.files import small_cache
from cropxai.ingest.measure import kept_in, measure, part_of
from cropxai.ingest.planfile import plan_at, plan_path, save_plan
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid, Scene
from cropxai.outputs import remove, replacing

#: Address that stands for workers on this machine, one process each.
LOCAL = "local"
#: How long a scheduler, and its first worker, may take to answer.
PATIENCE_SECONDS = 30
#: Scenes that are with the scheduler at the same time: enough for any cluster, and few enough for its memory.
SCENES_AHEAD = 2000
#: Ctrl-C goes to all processes of a terminal; the workers are ended by the one that started them.
UNINTERRUPTED = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"


class Cluster:
    """A Dask cluster: one that runs, or one on this machine that ends with the work.

    Parameters
    ----------
    address : str
        "local", or that of a scheduler ("tcp://host:8786").
    workers : int
        Processes, if it is local.

    Raises
    ------
    ExtraMissing
        If `distributed` is not installed.
    ClusterUnusable
        If there is no such cluster, or no worker in it.
    """

    def __init__(self, address: str, workers: int):
        try:
            from distributed import Client, LocalCluster
        except ImportError as error:
            raise ExtraMissing("distributed", "cluster", "--dask") from error
        self._address = address
        self._cluster = None
        if address == LOCAL:
            self._cluster = LocalCluster(
                n_workers=workers, threads_per_worker=1, dashboard_address=":0", silence_logs=logging.CRITICAL,
                preload=[UNINTERRUPTED],
            )  # fmt: skip
        try:
            self._client = Client(self._cluster or address, timeout=PATIENCE_SECONDS, set_as_default=False)
        except (OSError, ValueError) as error:
            reason = "no scheduler answers there; start one with 'dask scheduler', or check the address"
            raise ClusterUnusable(address, reason) from error
        try:
            self._client.wait_for_workers(1, timeout=PATIENCE_SECONDS)
        except TimeoutError as error:
            self.close()
            raise ClusterUnusable(address, "the scheduler has no worker; start some with 'dask worker'") from error

    def measure(self, job: Job, scenes: Sequence[Scene]) -> Measured:
        """Give the measurement of each scene, in order; once closed, call back those that wait or run.

        Raises
        ------
        ClusterUnusable
            If the workers do not share the folder or the software, or if they die of a scene, or the scheduler dies.
        """
        from distributed import CancelledError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        if job.folder is None:
            raise ClusterUnusable(self._address, "give a workdir, in a folder that all workers share")
        folder = job.folder.absolute()  # workers were started elsewhere
        self._check(folder)
        plans = {grid: plan_path(folder, plan.key) for grid, plan in job.plans.items()}
        for grid, path in plans.items():
            if not path.exists():
                save_plan(job.plans[grid], path)

        def submit(scene: Scene) -> Any:
            part = job.part(scene)
            if not part.exists():
                return far(scene)
            kept: Future[str] = Future()
            kept.set_result(part.name)
            return kept

        def far(scene: Scene) -> Any:
            own = {grid: plans[grid] for grid in scene.grids}
            key = f"{Path(scene.path).name}-{secrets.token_hex(8)}"  # a name that tells a person what is done
            return self._client.submit(_measured, scene, own, job.bands, job.rules, folder, key=key)

        try:
            with closing(ahead(submit, scenes, SCENES_AHEAD)) as names:
                for scene, name in zip(scenes, names, strict=True):
                    measured = kept_in(folder / name) or kept_in(folder / far(scene).result())
                    if measured is None:
                        raise ClusterUnusable(self._address, _UNSHARED.format(folder))
                    yield measured
        except KilledWorker as error:
            reason = f"workers died again and again, at last with {error.task}; give them more memory, then run again"
            raise ClusterUnusable(self._address, reason) from error
        except (CancelledError, CommClosedError) as error:
            reason = "the scheduler is gone; start it anew, then run again: what has been measured is kept"
            raise ClusterUnusable(self._address, reason) from error

    def close(self) -> None:
        """Leave the cluster, and end it if it is local."""
        self._client.close()
        if self._cluster is not None:
            self._cluster.close()

    def _check(self, folder: Path) -> None:
        """Refuse workers of another version, or that do not see the folder."""
        token = secrets.token_hex(8)
        with replacing(folder / f"shared_{token}") as file:
            file.write_text(token)
        try:
            told = self._client.run(_sees, folder / f"shared_{token}", token, on_error="return")
        finally:
            remove(folder / f"shared_{token}")
        for worker, answer in told.items():
            if isinstance(answer, ImportError):
                raise ClusterUnusable(
                    self._address, f"worker {worker} has no cropxai; install {cropxai.__version__} there"
                )
            if isinstance(answer, Exception):
                raise ClusterUnusable(self._address, f"worker {worker} does not answer ({answer}); start it anew")
            version, seen = answer
            if version != cropxai.__version__:
                reason = (
                    f"worker {worker} has cropxai {version}, not {cropxai.__version__}; install one version everywhere"
                )
                raise ClusterUnusable(self._address, reason)
            if not seen:
                raise ClusterUnusable(self._address, f"worker {worker}: " + _UNSHARED.format(folder))


_UNSHARED = "{} is not shared by all machines; give -o in a folder that all see under one path"


def _sees(file: Path, token: str) -> tuple[str, bool]:
    """Say, on a worker, which version it has and whether it sees a file of the client."""
    try:
        return cropxai.__version__, file.read_text() == token
    except OSError:
        return cropxai.__version__, False


def _measured(scene: Scene, plans: Mapping[Grid, Path], bands: Sequence[str], rules: Rules, folder: Path) -> str:
    """Measure a scene on a worker, and return the name of the file that keeps it.

    Raises
    ------
    ClusterUnusable
        If the worker, which came after the others were asked, does not see the folder.
    """
    try:
        loaded = {grid: plan_at(path) for grid, path in plans.items()}
        with small_cache():
            measure(scene, loaded, bands, rules, folder)
        return part_of(scene, loaded, bands, rules, folder).name
    except FileNotFoundError as error:
        raise ClusterUnusable(f"worker on {socket.gethostname()}", _UNSHARED.format(folder)) from error
    except CropxaiError as error:
        failure = copy(error)
    raise failure  # without its causes, which may be errors of GDAL that cannot be sent
