"""Chunks: the pieces in which a raster is read, cut along its blocks, and the parcels that lie in each."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from cropxai.ingest.runs import Runs
from cropxai.ingest.scenes import Grid
from cropxai.ingest.zonal import Groups, Weights, copy_runs

IntArray = npt.NDArray[np.int64]

#: Most pixels of all layers of a chunk together, unless one block has more: 32 MiB of DN.
CHUNK_PIXELS = 1 << 24
#: Rows of a chunk, unless its blocks have more: beyond some parcels' height nothing is gained.
CHUNK_ROWS = 256


@dataclass(frozen=True, eq=False)
class Chunk:
    """A window of the raster along its blocks, and the pixels of parcels in it.

    Attributes
    ----------
    window : rasterio.windows.Window
    groups : Groups
        The parcels that lie in it whole.
    start, length, target : (run,) int64
        Runs of parcels that lie in several chunks: where in the window, how long, and where to keep them.
    """

    window: Window
    groups: Groups
    start: IntArray
    length: IntArray
    target: IntArray


@dataclass(frozen=True, eq=False)
class Layout:
    """How the pixels of parcels are read: the chunks in order, and the parcels that lie in several of them.

    Windows without a pixel of a parcel are not among the chunks, and each block is in one chunk at most.

    Attributes
    ----------
    chunks : sequence of Chunk
    kept : Groups
        The parcels of several chunks, by the place at which their pixels are kept.
    weights : (weight,) uint32
        To which the groups of the chunks point: those of the runs; empty where every pixel counts 1.
    kept_weights : (pixel,) uint32
        To which ``kept`` points.
    """

    chunks: Sequence[Chunk]
    kept: Groups
    weights: Weights
    kept_weights: Weights

    @property
    def kept_pixels(self) -> int:
        """Pixels that are kept until all chunks are read."""
        return int(self.kept.length.sum())


def lay_out(runs: Runs, grid: Grid, block: tuple[int, int], layers: int) -> Layout:
    """Divide the raster into chunks.

    Parameters
    ----------
    runs : Runs
        With at least one pixel.
    grid : Grid
    block : rows and columns of the blocks in which the raster is stored
    layers : bands and mask, which are read together

    Returns
    -------
    Layout
    """
    tall, wide = _chunk_size(block, (grid.height, grid.width), layers)
    pixels = runs.counts()
    member = np.repeat(np.cumsum(pixels > 0) - 1, np.diff(runs.ptr))
    pixels = pixels[pixels > 0]
    weighted = len(runs.weights) > 0
    member, row, column, length, weigh = _cut(member, runs, wide)
    across = -(-grid.width // wide)
    chunk = row // tall * across + column // wide
    first = np.full(len(pixels), np.iinfo(np.int64).max)
    last = np.full(len(pixels), -1)
    np.minimum.at(first, member, chunk)
    np.maximum.at(last, member, chunk)
    whole = (first == last)[member]
    # Chunk by chunk, and within it parcel by parcel, in the order in which they begin on the raster.
    begins = np.full(len(pixels), np.iinfo(np.int64).max)
    np.minimum.at(begins, member, row * grid.width + column)
    order = np.lexsort((member, begins[member], ~whole, chunk))
    member, row, column, length, weigh, chunk = (a[order] for a in (member, row, column, length, weigh, chunk))
    whole = whole[order]
    target = _targets(member, length, ~whole)
    kept_weights = np.zeros(int(length[~whole].sum()) if weighted else 0, dtype=np.uint32)
    edges = np.flatnonzero(np.diff(chunk, prepend=-1, append=-1))
    chunks = []
    for start, end in pairwise(edges):
        part = slice(start, end)
        window = _window(row[part], column[part], length[part], block, grid)
        offset = (row[part] - window.row_off) * window.width + column[part] - window.col_off
        n = int(whole[part].sum())
        groups = _grouped(member[part][:n], offset[:n], length[part][:n], weigh[part][:n] if weighted else weigh[:0])
        chunks.append(Chunk(window, groups, offset[n:], length[part][n:], target[part][n:]))
        if weighted:
            copy_runs(runs.weights[None], weigh[part][n:], length[part][n:], target[part][n:], kept_weights[None])
    cut = np.flatnonzero(first != last)
    places = np.cumsum(pixels[cut]) - pixels[cut]
    kept = Groups(cut, np.arange(len(cut) + 1), places, pixels[cut], places if weighted else places[:0])
    return Layout(chunks, kept, runs.weights, kept_weights)


def _chunk_size(block: tuple[int, int], shape: tuple[int, int], layers: int) -> tuple[int, int]:
    """Return rows and columns of a chunk: one row of blocks, or some low ones, if they fit; else a part of one."""
    tall, wide = min(block[0], shape[0]), min(block[1], shape[1])
    rows = CHUNK_PIXELS // (layers * tall * shape[1])
    if rows:
        return tall * min(rows, max(1, CHUNK_ROWS // tall)), shape[1]
    return tall, wide * max(1, CHUNK_PIXELS // (layers * tall * wide))


def _cut(member: IntArray, runs: Runs, wide: int) -> tuple[IntArray, IntArray, IntArray, IntArray, IntArray]:
    """Cut runs where they cross from one column of chunks to the next; the last are the places of their weights."""
    ends = runs.column.astype(np.int64) + runs.length
    pieces = (ends - 1) // wide - runs.column // wide + 1
    of_run = np.repeat(np.arange(len(ends)), pieces)
    number = np.arange(len(of_run)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    starts = runs.column[of_run].astype(np.int64)
    left = np.maximum(starts, (starts // wide + number) * wide)
    right = np.minimum(ends[of_run], (starts // wide + number + 1) * wide)
    weigh = runs.first_pixels()[of_run] + left - starts
    return member[of_run], runs.row[of_run].astype(np.int64), left, right - left, weigh


def _targets(member: IntArray, length: IntArray, kept: npt.NDArray[np.bool_]) -> IntArray:
    """Return where each kept run begins if the runs of a parcel are laid end to end, parcels in ascending order."""
    target = np.zeros(len(member), dtype=np.int64)
    runs = np.flatnonzero(kept)
    runs = runs[np.argsort(member[runs], kind="stable")]
    target[runs] = np.cumsum(length[runs]) - length[runs]
    return target


def _window(row: IntArray, column: IntArray, length: IntArray, block: tuple[int, int], grid: Grid) -> Window:
    """Return the smallest window of whole blocks that holds the runs."""
    top, left = int(row.min()) // block[0] * block[0], int(column.min()) // block[1] * block[1]
    bottom = min(-(-(int(row.max()) + 1) // block[0]) * block[0], grid.height)
    right = min(-(-int((column + length).max()) // block[1]) * block[1], grid.width)
    return Window(left, top, right - left, bottom - top)


def _grouped(member: IntArray, start: IntArray, length: IntArray, weigh: IntArray) -> Groups:
    firsts = np.flatnonzero(np.diff(member, prepend=-1))
    return Groups(member[firsts], np.append(firsts, len(member)), start, length, weigh)
