"""Where scenes are measured: threads of this process, the workers of a Dask cluster, or the shares of an array job.

One scene is one task, and a task is done when its file is there (:mod:`cropxai.ingest.measure`), so the result does not
depend on the engine, nor on how many work at the same time, nor on how often one of them is killed.
"""

import os
from collections.abc import Generator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event
from typing import Protocol

from cropxai.cluster import ahead
from cropxai.errors import SharesLeft
from cropxai.ingest.files import small_cache
from cropxai.ingest.measure import Measurement, measure, part_of
from cropxai.ingest.plan import Plan
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid, Scene

#: Most scenes that are read at the same time unless the user says so: each takes memory, and a disk serves few readers.
MOST_WORKERS = 8
#: Scenes that are measured, or wait to be, for each worker, while that whose turn it is takes long.
SCENES_AHEAD = 4

Measured = Generator[Measurement, None, None]


@dataclass(frozen=True)
class Job:
    """What the measuring of a scene depends on, beside the scene.

    Attributes
    ----------
    plans : mapping of Grid to Plan
        Of every grid of the scenes.
    bands : sequence of str
    rules : Rules
    folder : pathlib.Path or None
        Where measurements are kept.
    stop : threading.Event
        Set when the run ends early, for what is measured in this process.
    """

    plans: Mapping[Grid, Plan]
    bands: Sequence[str]
    rules: Rules
    folder: Path | None
    stop: Event = field(default_factory=Event)

    def measure(self, scene: Scene) -> Measurement:
        """Measure a scene in this thread."""
        return measure(scene, self.plans, self.bands, self.rules, self.folder, self.stop)

    def part(self, scene: Scene) -> Path:
        """Return the file that keeps, or will keep, the measurement of a scene."""
        if self.folder is None:
            raise ValueError("shares and clusters need a folder for what is measured")
        return part_of(scene, self.plans, self.bands, self.rules, self.folder)


class Engine(Protocol):
    """Two functions: measure scenes, and end."""

    def measure(self, job: Job, scenes: Sequence[Scene]) -> Measured:
        """Give the measurement of each scene, in order; once closed, start no more."""
        ...

    def close(self) -> None:
        """Give back what the engine holds."""
        ...


@contextmanager
def open_engine(workers: int | None = None, dask: str | None = None) -> Iterator[Engine]:
    """Choose the engine, and close it at the end.

    Parameters
    ----------
    workers : int, optional
        Scenes to read at the same time; by default the number of CPUs, at most 8.
    dask : str, optional
        "local", or the address of a scheduler.

    Raises
    ------
    ExtraMissing, ClusterUnusable
    """
    workers = workers or min(os.cpu_count() or 1, MOST_WORKERS)
    engine: Engine
    if dask is None:
        engine = Threads(workers)
    else:
        from cropxai.ingest.cluster import Cluster

        engine = Cluster(dask, workers)
    with closing(engine), small_cache():
        yield engine


class Threads:
    """Threads of this process: GDAL decodes, and the compiled loops run, without the interpreter's lock."""

    def __init__(self, workers: int):
        self._workers = workers

    def measure(self, job: Job, scenes: Sequence[Scene]) -> Measured:
        """Give the measurement of each scene; once closed, stop those that run and start no more.

        If one cannot be measured, those that run are measured to their end, and kept.
        """
        if self._workers == 1 or len(scenes) == 1:
            yield from map(job.measure, scenes)
            return
        pool = ThreadPoolExecutor(self._workers)
        try:
            yield from ahead(lambda scene: pool.submit(job.measure, scene), scenes, SCENES_AHEAD * self._workers)
        except Exception:
            raise
        except BaseException:  # interrupted, or closed
            job.stop.set()
            raise
        finally:
            pool.shutdown()

    def close(self) -> None:
        """Do nothing: the threads end with the work."""


@dataclass(frozen=True)
class Share:
    """Which of the scenes a run measures: every ``of``-th, from the ``number``-th (1…of) on."""

    number: int
    of: int

    def __str__(self) -> str:
        return f"{self.number}/{self.of}"

    def measure(self, engine: Engine, job: Job, scenes: Sequence[Scene]) -> Iterator[tuple[int, int]]:
        """Measure the share, telling after each of its scenes how many are done, and how many there are.

        Raises
        ------
        SharesLeft
            If scenes of other shares have not been measured yet.
        """
        own = [scene for scene in scenes[self.number - 1 :: self.of] if not job.part(scene).exists()]
        with closing(engine.measure(job, own)) as measured:
            yield from ((done, len(own)) for done, _ in enumerate(measured, start=1))
        left = sum(not job.part(scene).exists() for scene in scenes)
        if left:
            raise SharesLeft(str(self), left, len(scenes))
