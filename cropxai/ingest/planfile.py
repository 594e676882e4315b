"""Plans as files: made once, for the runs that go on, the shares of an array job, and the workers of a cluster.

They are mapped into memory: what several processes read is there once, and what is not needed can be dropped. A file is
one line that names the format, a line of JSON that says what is where, and the arrays as they lie in memory; checksums
tell damage.
"""

import json
import mmap
import zlib
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from cropxai.ingest.memory import give_back_memory
from cropxai.ingest.parcels import Parcels
from cropxai.ingest.plan import DEFAULT, Plan, make_plan, plan_key
from cropxai.ingest.rules import Rules
from cropxai.ingest.runs import Runs
from cropxai.ingest.scenes import Grid
from cropxai.outputs import replacing

#: A new number puts all older files out of use, in name and content.
VERSION = 2
FORMAT = f"cropxai plan {VERSION}\n".encode()
#: Arrays begin at multiples of so many bytes.
ALIGNED = 64
DTYPES: dict[str, Any] = {
    "ptr": np.int64, "row": np.int32, "column": np.int32, "length": np.int32, "weights": np.uint32,
    "order": np.int64, "centres": np.int64, "touches": np.bool_, "vanished": np.bool_,
}  # fmt: skip


def kept_plan(parcels: Parcels, grid: Grid, folder: Path | None = None, rules: Rules = DEFAULT) -> Plan:
    """Make the plan of a grid, or take over what is in the folder; keep it there.

    Raises
    ------
    OutputUnwritable
        If the folder cannot be written.
    """
    if folder is None:
        return make_plan(parcels, grid, rules)
    key = plan_key(parcels, grid, rules)
    path = plan_path(folder, key)
    try:
        plan = load_plan(path)
        if plan.key == key:
            return plan
    except (OSError, ValueError):  # none, or damaged by something else
        pass
    save_plan(make_plan(parcels, grid, rules), path)
    give_back_memory()
    return load_plan(path)


def plan_path(folder: Path, key: str) -> Path:
    """Return where a plan is kept."""
    return folder / f"plan{VERSION}_{key[:24]}.bin"


def save_plan(plan: Plan, path: Path) -> None:
    """Write a plan, whole or not at all.

    Raises
    ------
    OutputUnwritable
    """
    found = {**vars(plan), **vars(plan.runs)}
    arrays = {name: np.ascontiguousarray(found[name], dtype) for name, dtype in DTYPES.items()}
    header = {
        "key": plan.key,
        "rule": plan.rule,
        "buffer": plan.buffer,
        "crs": plan.grid.crs,
        "transform": list(plan.grid.transform)[:6],
        "size": [plan.grid.width, plan.grid.height],
        "arrays": {name: [len(values), zlib.crc32(values.data)] for name, values in arrays.items()},
    }
    with replacing(path, overwrite=True) as part, part.open("wb") as file:
        text = json.dumps(header).encode()
        file.write(FORMAT + b"%08x %b\n" % (zlib.crc32(text), text))
        for values in arrays.values():
            file.write(bytes(-file.tell() % ALIGNED))
            file.write(values.data)


def load_plan(path: Path) -> Plan:
    """Map a plan into memory that :func:`save_plan` wrote.

    Raises
    ------
    OSError
        If it is not there.
    ValueError
        If it is damaged.
    """
    with path.open("rb") as file:
        if file.readline(len(FORMAT)) != FORMAT:
            raise ValueError(f"{path}: no plan of this version")
        checksum, _, text = file.readline().rstrip(b"\n").partition(b" ")
        at = file.tell()
    if b"%08x" % zlib.crc32(text) != checksum:
        raise ValueError(f"{path}: damaged")
    header = json.loads(text)
    stored = np.memmap(path, dtype=np.uint8, mode="c")  # "c", because compiled code asks for arrays to write to
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, dtype in DTYPES.items():
        length, known = header["arrays"][name]
        at += -at % ALIGNED
        values = np.asarray(stored[at : at + length * np.dtype(dtype).itemsize])
        if zlib.crc32(values.data) != known:
            raise ValueError(f"{path}: damaged")
        arrays[name] = values.view(dtype)
        at += values.size
    grid = Grid(header["crs"], Affine(*header["transform"]), *header["size"])
    runs = Runs(*(arrays[name] for name in ("ptr", "row", "column", "length", "weights")))
    return Plan(
        grid, header["rule"], header["buffer"], runs, arrays["order"], arrays["centres"], arrays["touches"],
        arrays["vanished"], header["key"], partial(_let_go, stored.base),
    )  # fmt: skip


def _let_go(mapped: Any) -> None:
    """Take the pages of a mapped file out of memory, where the system can; they come back when they are looked at."""
    give_back_memory()
    if hasattr(mmap, "MADV_DONTNEED"):  # nothing writes to them, so that nothing is lost
        mapped.madvise(mmap.MADV_DONTNEED)


def plan_at(path: Path) -> Plan:
    """Map a plan into memory, or return it as it was before: what has been laid out for reading stays with it.

    Raises
    ------
    OSError, ValueError
        As of :func:`load_plan`.
    """
    status = path.stat()
    return _plan_at(path, (status.st_ino, status.st_mtime_ns))


@lru_cache(maxsize=8)  # the grids of two tiles or so
def _plan_at(path: Path, state: tuple[int, int]) -> Plan:
    # The same plan may have been removed and written again; what was mapped before must not be touched then, because on
    # network file systems it is gone.
    return load_plan(path)
