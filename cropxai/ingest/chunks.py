"""Chunks: the pieces in which a raster is read, cut along its blocks, and the parcels that lie in each."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rasterio.windows import Window

from cropxai.errors import TooManyPixels
from cropxai.ingest.runs import Runs
from cropxai.ingest.scenes import Grid
from cropxai.ingest.tally import Groups
from cropxai.ingest.zonal import Weights

IntArray = npt.NDArray[np.int64]

#: Most pixels of all layers of a chunk together, unless one block has more: 32 MiB of DN.
CHUNK_PIXELS = 1 << 24
#: Pixels of a chunk, or those that are kept, are numbered in 32 bits: they lie in memory, with several bands each.
MOST_PIXELS = int(np.iinfo(np.int32).max)
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
    start, length : (run,) int32
        Runs of parcels that lie in several chunks: where in the window, and how long.
    target : (run,) int64
        Where to keep them.
    """

    window: Window
    groups: Groups
    start: npt.NDArray[np.int32]
    length: npt.NDArray[np.int32]
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
        With at least one pixel. Parcels of a chunk are read in their order here.
    grid : Grid
    block : rows and columns of the blocks in which the raster is stored
    layers : bands and mask, which are read together

    Returns
    -------
    Layout

    Raises
    ------
    TooManyPixels
        If the pixels that are kept are more than :data:`MOST_PIXELS`.
    """
    tall, wide = _chunk_size(block, (grid.height, grid.width), layers)
    across = np.int64(-(-grid.width // wide))  # 64 bits, because a large mosaic has many chunks
    some = np.flatnonzero(np.diff(runs.ptr))
    begin, end = runs.ptr[some], runs.ptr[some + 1]
    first = np.minimum.reduceat(runs.row // tall * across + runs.column // wide, begin)
    last = np.maximum.reduceat(runs.row // tall * across + (runs.column + runs.length - 1) // wide, begin)
    order = np.argsort(first, kind="stable")  # within a chunk parcels stay along the curve
    within = order[first[order] == last[order]]
    cut = np.flatnonzero(first != last)
    pieces = _cut(runs, begin[cut], end[cut], wide)
    chunk_of_piece = pieces.row // tall * across + pieces.column // wide
    by_chunk = np.argsort(chunk_of_piece, kind="stable")
    weights_from = runs.first_pixels()
    chunks = []
    for chunk in np.union1d(first[within], chunk_of_piece):
        here = within[slice(*np.searchsorted(first[within], [chunk, chunk + 1]))]
        own = _ranges(begin[here], end[here])
        others = by_chunk[slice(*np.searchsorted(chunk_of_piece[by_chunk], [chunk, chunk + 1]))]
        row, column, length = (
            np.concatenate([getattr(runs, name)[own], getattr(pieces, name)[others]])
            for name in ("row", "column", "length")
        )
        window = _window(row, column, length, block, grid)
        start = ((row - window.row_off) * np.int64(window.width) + column - window.col_off).astype(np.int32)
        n = len(own)
        length = length.astype(np.int32)
        ptr = np.concatenate([[0], np.cumsum(end[here] - begin[here])])
        weigh = weights_from[own] if len(runs.weights) else own[:0]
        groups = Groups(here, ptr, start[:n], length[:n], weigh)
        chunks.append(Chunk(window, groups, start[n:], length[n:], pieces.target[others]))
    places = np.cumsum(pieces.pixels) - pieces.pixels
    if pieces.pixels.sum() > MOST_PIXELS:
        raise TooManyPixels(int(pieces.pixels.sum()))
    kept = Groups(
        cut, np.arange(len(cut) + 1), places.astype(np.int32), pieces.pixels.astype(np.int32),
        places if len(runs.weights) else places[:0],
    )  # fmt: skip
    return Layout(chunks, kept, runs.weights, pieces.weights)


def _chunk_size(block: tuple[int, int], shape: tuple[int, int], layers: int) -> tuple[int, int]:
    """Return rows and columns of a chunk: one row of blocks, or some low ones, if they fit; else a part of one."""
    tall, wide = min(block[0], shape[0]), min(block[1], shape[1])
    rows = CHUNK_PIXELS // (layers * tall * shape[1])
    if rows:
        return tall * min(rows, max(1, CHUNK_ROWS // tall)), shape[1]
    return tall, wide * max(1, CHUNK_PIXELS // (layers * tall * wide))


@dataclass(frozen=True, eq=False)
class _Pieces:
    """The runs of parcels that lie in several chunks, cut where they cross from one column of chunks to the next.

    Attributes
    ----------
    row, column, length : (piece,) int64
    target : (piece,) int64
        Where its pixels are kept: those of a parcel together, parcels one after the other.
    pixels : (parcel,) int64
        Of each parcel.
    weights : (pixel,) uint32
        In the order in which pixels are kept; empty where every pixel counts 1.
    """

    row: IntArray
    column: IntArray
    length: IntArray
    target: IntArray
    pixels: IntArray
    weights: Weights


def _cut(runs: Runs, begin: IntArray, end: IntArray, wide: int) -> _Pieces:
    """Cut the runs ``begin`` to ``end`` of some parcels."""
    chosen = _ranges(begin, end)
    row, left, length = (a[chosen].astype(np.int64) for a in (runs.row, runs.column, runs.length))
    right = left + length
    parts = (right - 1) // wide - left // wide + 1
    of_run = np.repeat(np.arange(len(chosen)), parts)
    edge = (left // wide)[of_run] * wide + wide * _ranges(np.zeros_like(parts), parts)
    column = np.maximum(left[of_run], edge)
    size = np.minimum(right[of_run], edge + wide) - column
    before = runs.first_pixels()
    pixels = before[end] - before[begin]
    weights = runs.weights[_ranges(before[begin], before[end])] if len(runs.weights) else runs.weights
    return _Pieces(row[of_run], column, size, np.cumsum(size) - size, pixels, weights)


def _ranges(begin: IntArray, end: IntArray) -> IntArray:
    """Return the numbers from each begin to before its end, one range after the other."""
    many = end - begin
    return np.asarray(np.arange(int(many.sum())) + np.repeat(begin - np.cumsum(many) + many, many))


def _window(row: IntArray, column: IntArray, length: IntArray, block: tuple[int, int], grid: Grid) -> Window:
    """Return the smallest window of whole blocks that holds the runs."""
    top, left = int(row.min()) // block[0] * block[0], int(column.min()) // block[1] * block[1]
    bottom = min(-(-(int(row.max()) + 1) // block[0]) * block[0], grid.height)
    right = min(-(-int((column + length).max()) // block[1]) * block[1], grid.width)
    return Window(left, top, right - left, bottom - top)
