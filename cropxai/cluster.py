"""Work done by the workers of a Dask cluster, which put it into files of one folder that all machines share.

To a worker goes what it needs to make a file, and back comes the file's name. A worker that dies takes nothing with it;
its tasks go to others.
"""

import logging
import secrets
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import cropxai
from cropxai.errors import ClusterUnusable, ExtraMissing
from cropxai.outputs import remove, replacing

#: Address that stands for workers on this machine, one process each.
LOCAL = "local"
#: How long a scheduler, and its first worker, may take to answer.
PATIENCE_SECONDS = 30
#: Tasks that are with the scheduler at the same time: enough for any cluster, and few enough for its memory.
TASKS_AHEAD = 2000
#: Ctrl-C goes to all processes of a terminal; the workers are ended by the one that started them.
UNINTERRUPTED = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
UNSHARED = "{} is not shared by all machines; give -o in a folder that all see under one path"

Item = TypeVar("Item")
Result = TypeVar("Result")


def ahead(submit: Callable[[Item], Future[Result]], items: Sequence[Item], many: int) -> Generator[Result, None, None]:
    """Give the results of futures in order, at most ``many`` of them submitted before they are asked for."""
    rest = iter(items)
    waiting = deque(submit(item) for item in islice(rest, many))
    try:
        while waiting:
            yield waiting.popleft().result()
            waiting.extend(submit(item) for item in islice(rest, 1))
    finally:
        for future in waiting:
            future.cancel()


@dataclass(frozen=True)
class Task:
    """One file to be made.

    Attributes
    ----------
    title : a name that tells a person what is done
    arguments : of the function that makes the file and returns its name
    file : the file, if its name is known before; if it is there, nothing is done
    """

    title: str
    arguments: tuple[Any, ...]
    file: Path | None = None


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

    def make(
        self,
        function: Callable[..., str],
        tasks: Sequence[Task],
        folder: Path,
        load: Callable[[Path], Result | None],
    ) -> Generator[Result, None, None]:
        """Have files made, and give what is in them, in order; once closed, call back those that wait or run.

        Parameters
        ----------
        function : returns the name of the file in ``folder`` that it has made of the arguments of a task
        folder : that all workers share, absolute
        load : reads a file; None if it is damaged or not there, so that it is made again

        Raises
        ------
        ClusterUnusable
            If the workers do not share the folder or the software, or if they die of a task, or the scheduler dies.
        """
        from distributed import CancelledError
        from distributed.comm import CommClosedError
        from distributed.scheduler import KilledWorker

        self._check(folder)

        def submit(task: Task) -> Any:
            if task.file is None or not task.file.exists():
                return far(task)
            kept: Future[str] = Future()
            kept.set_result(task.file.name)
            return kept

        def far(task: Task) -> Any:
            return self._client.submit(function, *task.arguments, key=f"{task.title}-{secrets.token_hex(8)}")

        try:
            with closing(ahead(submit, tasks, TASKS_AHEAD)) as names:
                for task, name in zip(tasks, names, strict=True):
                    found = load(folder / name)
                    if found is None:
                        found = load(folder / far(task).result())
                    if found is None:
                        raise ClusterUnusable(self._address, UNSHARED.format(folder))
                    yield found
        except KilledWorker as error:
            reason = f"workers died again and again, at last with {error.task}; give them more memory, then run again"
            raise ClusterUnusable(self._address, reason) from error
        except (CancelledError, CommClosedError) as error:
            reason = "the scheduler is gone; start it anew, then run again: what has been done is kept"
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
                raise ClusterUnusable(self._address, f"worker {worker}: " + UNSHARED.format(folder))


def _sees(file: Path, token: str) -> tuple[str, bool]:
    """Say, on a worker, which version it has and whether it sees a file of the client."""
    try:
        return cropxai.__version__, file.read_text() == token
    except OSError:
        return cropxai.__version__, False
