"""Parcels answered piece by piece, in memory bounded by a few pieces: on threads, or by the workers of a Dask cluster.

A piece is some thousand parcels of the store, so the answers are the same, bit for bit, wherever they are worked out.
"""

import hashlib
import os
import socket
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch

from cropxai.cluster import Cluster, Task, ahead
from cropxai.errors import ClusterUnusable
from cropxai.model.answering import Answering, Choices, Found
from cropxai.model.checkpoint import Model, load_model
from cropxai.outputs import replacing
from cropxai.reporting import Report
from cropxai.series import CropSeries

PARCELS_AT_ONCE = 8192
#: Most threads unless the user says so.
MOST_WORKERS = 8
#: Pieces that are worked on, or wait to be, for each thread, while that whose turn it is takes long.
PIECES_AHEAD = 2


@dataclass(frozen=True)
class Store:
    """Where the workers of a cluster find a series: its Zarr store, and the first and last date of it that count."""

    path: Path
    start: str | None = None
    end: str | None = None

    @classmethod
    def of(cls, path: str | Path, start: object = None, end: object = None) -> "Store":
        """Name a store by its absolute path, since workers were started elsewhere."""
        first, last = (None if date is None else str(np.datetime64(str(date), "D")) for date in (start, end))
        return cls(Path(path).absolute(), first, last)

    def piece(self, start: int, size: int) -> CropSeries:
        """Return some parcels; values are read when they are used."""
        return rows_of(CropSeries.open(self.path).between(self.start, self.end), start, size)


def most_workers() -> int:
    """Return how many threads or processes there are unless the user says so."""
    return min(os.cpu_count() or 1, MOST_WORKERS)


def rows_of(series: CropSeries, start: int, size: int) -> CropSeries:
    """Return some parcels of a series without reading them."""
    rows = slice(start, start + size)
    parcels = None if series.parcels is None else series.parcels.iloc[rows]
    return replace(series, dataset=series.dataset.isel(parcel=rows), parcels=parcels)


def starts(series: CropSeries, size: int) -> range:
    """Return where the pieces of a series begin."""
    return range(0, len(series), size)


def on_threads(series: CropSeries, answering: Answering, workers: int | None, report: Report) -> list[Found]:
    """Answer for all pieces of a series, several at the same time, each on one thread."""
    begins = starts(series, PARCELS_AT_ONCE)
    workers = min(workers or most_workers(), len(begins))

    def answer(start: int) -> Found:
        return answering(next(rows_of(series, start, PARCELS_AT_ONCE).chunks(PARCELS_AT_ONCE)))

    if workers < 2:
        return _told(map(answer, begins), len(begins), report)
    with one_thread_each(), ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        submitted = ahead(lambda start: pool.submit(answer, start), begins, PIECES_AHEAD * workers)
        with closing(submitted) as found:
            return _told(found, len(begins), report)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Keep PyTorch from dividing each product among threads while there is a thread for each piece."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def on_cluster(
    series: CropSeries,
    store: Store,
    models: Sequence[Model],
    choices: Choices,
    cluster: Cluster,
    folder: Path,
    report: Report,
) -> list[Found]:
    """Answer for all pieces of a series by workers that read it themselves and put what they find into a folder.

    Parameters
    ----------
    series : that of ``store``
    folder : existing, shared by all machines; it keeps what each piece gave, and the models

    Raises
    ------
    ClusterUnusable
    """
    folder = folder.absolute()
    homes = []
    for number, model in enumerate(models):
        homes.append(folder / f"model_{number}")
        model.save(homes[-1], overwrite=True)
    begins = starts(series, PARCELS_AT_ONCE)
    tasks = [Task(f"parcels-{start}", (store, start, tuple(homes), asdict(choices), folder)) for start in begins]
    with closing(cluster.make(_answered, tasks, folder, _load)) as found:
        return _told(found, len(begins), report)


def _told(found: Iterator[Found], count: int, report: Report) -> list[Found]:
    parts = []
    for part in found:
        parts.append(part)
        report(len(parts) / count)
    return parts


def _answered(store: Store, start: int, homes: tuple[Path, ...], choices: dict[str, object], folder: Path) -> str:
    """Answer for a piece on a worker, and return the name of the file that keeps what was found."""
    torch.set_num_threads(1)
    seen_by_all(store.path, folder)
    answering = Answering([load_model(home) for home in homes], Choices(**choices))  # type: ignore[arg-type]
    piece = next(store.piece(start, PARCELS_AT_ONCE).chunks(PARCELS_AT_ONCE))
    known = hashlib.sha256(answering.identity().encode())
    for array in (piece.reflectance, piece.season_day):
        known.update(np.ascontiguousarray(array).data)
    known.update("\0".join(piece.parcel_id).encode())
    file = folder / f"answers_{known.hexdigest()[:32]}.npz"
    if _load(file) is None:
        found = answering(piece)
        arrays = {name: value for name, value in vars(found).items() if value is not None}
        with replacing(file, overwrite=True) as part:
            np.savez(part, **arrays)
    return file.name


def seen_by_all(*paths: Path) -> None:
    """Refuse, on a worker, paths that it does not see.

    Raises
    ------
    ClusterUnusable
    """
    for path in paths:
        if not path.exists():
            raise ClusterUnusable(
                f"worker on {socket.gethostname()}", f"{path} is not shared by all machines; keep it where all see it"
            )


def _load(file: Path) -> Found | None:
    """Read what a worker found; None if it is damaged or not there."""
    try:
        with np.load(file) as arrays:
            return Found(arrays["probabilities"], arrays["clear"], arrays["novelty"], arrays.get("sets"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
