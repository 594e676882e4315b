"""Plans as files: made once, for the runs that go on, the shares of an array job, and the workers of a cluster."""

import zipfile
from functools import lru_cache
from pathlib import Path

import numpy as np
from affine import Affine

from cropxai.ingest.measure import VERSION
from cropxai.ingest.parcels import Parcels
from cropxai.ingest.plan import Plan, make_plan, plan_key
from cropxai.ingest.runs import Runs
from cropxai.ingest.scenes import Grid
from cropxai.outputs import replacing


def kept_plan(parcels: Parcels, grid: Grid, folder: Path | None = None) -> Plan:
    """Make the plan of a grid, or take over what is in the folder; keep it there.

    Raises
    ------
    OutputUnwritable
        If the folder cannot be written.
    """
    if folder is None:
        return make_plan(parcels, grid)
    path = plan_path(folder, plan_key(parcels, grid))
    try:
        return load_plan(path)
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # none, or damaged by something else
        plan = make_plan(parcels, grid)
        save_plan(plan, path)
        return plan


def plan_path(folder: Path, key: str) -> Path:
    """Return where a plan is kept."""
    return folder / f"plan{VERSION}_{key[:24]}.npz"


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan, whole or not at all.

    Raises
    ------
    OutputUnwritable
    """
    with replacing(path, overwrite=True) as file:
        np.savez(
            file,
            key=np.array(plan.key),
            crs=np.array(plan.grid.crs),
            transform=np.array(plan.grid.transform[:6], dtype=np.float64),
            size=np.array([plan.grid.width, plan.grid.height]),
            centres=plan.centres,
            touches=plan.touches,
            **vars(plan.runs),
        )


def load_plan(path: Path) -> Plan:
    """Read a plan that :func:`save_plan` wrote."""
    with np.load(path) as kept:
        width, height = kept["size"].tolist()
        grid = Grid(str(kept["crs"]), Affine(*kept["transform"].tolist()), width, height)
        runs = Runs(kept["ptr"], kept["row"], kept["column"], kept["length"])
        return Plan(grid, runs, kept["centres"], kept["touches"], str(kept["key"]))


@lru_cache(maxsize=8)  # the grids of two tiles or so; the name of a file tells all that is in it
def plan_at(path: Path) -> Plan:
    """Read a plan, or return it as it was read before: what has been laid out for reading stays with it."""
    return load_plan(path)
