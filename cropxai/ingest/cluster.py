"""Scenes measured by the workers of a Dask cluster.

To a worker goes the scene and where the plans lie: plans and measurements are files in one folder, which all machines
must share.
"""

import socket
from collections.abc import Mapping, Sequence
from copy import copy
from pathlib import Path

from cropxai import cluster
from cropxai.cluster import UNSHARED, Task
from cropxai.errors import ClusterUnusable, CropxaiError
from cropxai.ingest.engine import Job, Measured
from cropxai.ingest.files import small_cache
from cropxai.ingest.measure import kept_in, measure, part_of
from cropxai.ingest.planfile import plan_at, plan_path, save_plan
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid, Scene


class Cluster(cluster.Cluster):
    """A Dask cluster that measures scenes."""

    def measure(self, job: Job, scenes: Sequence[Scene]) -> Measured:
        """Give the measurement of each scene, in order; raises what :meth:`cropxai.cluster.Cluster.make` does."""
        if job.folder is None:
            raise ClusterUnusable(self._address, "give a workdir, in a folder that all workers share")
        folder = job.folder.absolute()  # workers were started elsewhere
        plans = {grid: plan_path(folder, plan.key) for grid, plan in job.plans.items()}
        for grid, path in plans.items():
            if not path.exists():
                save_plan(job.plans[grid], path)
        tasks = [
            Task(
                Path(scene.path).name,
                (scene, {grid: plans[grid] for grid in scene.grids}, job.bands, job.rules, folder),
                job.part(scene),
            )
            for scene in scenes
        ]
        yield from self.make(_measured, tasks, folder, kept_in)


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
        raise ClusterUnusable(f"worker on {socket.gethostname()}", UNSHARED.format(folder)) from error
    except CropxaiError as error:
        failure = copy(error)
    raise failure  # without its causes, which may be errors of GDAL that cannot be sent
