"""Polygons as weighted pixel runs: of each pixel the share that the polygon covers, exact but for rounding."""

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from cropxai.ingest.runs import Runs, outlines_of
from cropxai.ingest.scenes import Grid
from cropxai.ingest.zonal import WHOLE, Weights
from cropxai.jit import compiled

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
PixelArray = npt.NDArray[np.int32]

T = TypeVar("T", np.int32, np.uint32)

#: Pixels of a shape that are worked on at a time, unless a row has more: 8 MiB.
CELLS = 1 << 20


def coverage_of(shapes: npt.NDArray[np.object_], wanted: npt.NDArray[np.bool_], grid: Grid) -> tuple[Runs, IntArray]:
    """Find the pixels that each shape covers, if only in part, and how much of them.

    The area between an edge and the end of the row is added or taken away pixel by pixel as the edge runs down or up
    (the signed areas by which fonts are drawn with smooth edges): after all edges, what is left in a pixel is the
    covered share. Where the parts of an invalid shape overlap, a pixel counts once.

    Parameters
    ----------
    shapes : (parcel,) polygons or multipolygons in the CRS of the grid
    wanted : (parcel,) bool
        Shapes to look at; the others get no run.
    grid : Grid

    Returns
    -------
    runs : Runs
        On the raster, with weights.
    areas : (parcel,) int64
        Area of the shape, also beyond the raster, in pixels times :data:`cropxai.ingest.zonal.WHOLE`.
    """
    rings = outlines_of(shapes, wanted, grid)
    areas = np.zeros(len(shapes))
    ptr = np.zeros(len(shapes) + 1, dtype=np.int64)
    row, column, length, weights = _fill(
        rings.x, rings.y, rings.outer, rings.ring_ptr, rings.shape_ptr, grid.width, grid.height, CELLS, ptr, areas
    )
    runs = Runs(ptr, row, column, length, weights)
    return runs, np.maximum(runs.areas(), np.rint(areas * WHOLE).astype(np.int64))


@compiled
def _fill(
    x: FloatArray,
    y: FloatArray,
    outer: npt.NDArray[np.bool_],
    ring_ptr: IntArray,
    shape_ptr: IntArray,
    width: int,
    height: int,
    cells: int,
    ptr: IntArray,
    areas: FloatArray,
) -> tuple[PixelArray, PixelArray, PixelArray, Weights]:
    """Return the runs of all shapes, and write where each shape's begin, and its area."""
    row, column, length = np.empty(1024, np.int32), np.empty(1024, np.int32), np.empty(1024, np.int32)
    weights = np.empty(4096, np.uint32)
    runs = 0
    pixels = 0
    for s in range(len(areas)):
        first, last = shape_ptr[s], shape_ptr[s + 1]
        ptr[s + 1] = runs
        if first == last:
            continue
        vertices = slice(ring_ptr[first], ring_ptr[last])
        signs = np.empty(last - first)
        for r in range(first, last):
            area = _signed_area(x[ring_ptr[r] : ring_ptr[r + 1]], y[ring_ptr[r] : ring_ptr[r + 1]])
            signs[r - first] = (1.0 if area > 0 else -1.0) * (1.0 if outer[r] else -1.0)
            areas[s] += abs(area) if outer[r] else -abs(area)
        left, right = _within(x[vertices], width)
        top, bottom = _within(y[vertices], height)
        if right <= left:
            continue
        wide = right - left
        rows = max(1, cells // (wide + 1))
        for begin in range(top, bottom, rows):
            end = min(begin + rows, bottom)
            gains = np.zeros((end - begin, wide + 1))  # of the share, from each pixel to the next
            for r in range(first, last):
                for v in range(ring_ptr[r] + 1, ring_ptr[r + 1]):
                    _edge(x[v - 1] - left, y[v - 1] - begin, x[v] - left, y[v] - begin, signs[r - first], gains)
            while len(row) < runs + gains.size:
                row, column, length = _doubled(row), _doubled(column), _doubled(length)
            while len(weights) < pixels + gains.size:
                weights = _doubled(weights)
            for i in range(end - begin):
                share = 0.0
                open_run = False
                for j in range(wide):
                    share += gains[i, j]
                    weight = np.uint32(round(min(max(share, 0.0), 1.0) * WHOLE))
                    if weight == 0:
                        open_run = False
                        continue
                    if not open_run:
                        row[runs], column[runs], length[runs] = begin + i, left + j, 0
                        runs += 1
                        open_run = True
                    length[runs - 1] += 1
                    weights[pixels] = weight
                    pixels += 1
        ptr[s + 1] = runs
    return row[:runs].copy(), column[:runs].copy(), length[:runs].copy(), weights[:pixels].copy()


@compiled
def _signed_area(x: FloatArray, y: FloatArray) -> float:
    """Return the area of a closed ring, above 0 if it goes round from the column axis to the row axis."""
    area = 0.0
    for v in range(1, len(x)):
        area += (x[v - 1] - x[0]) * (y[v] - y[0]) - (x[v] - x[0]) * (y[v - 1] - y[0])
    return area / 2


@compiled
def _within(places: FloatArray, size: int) -> tuple[int, int]:
    """Return the first pixel that places between 0 and a size span, and the one after the last."""
    low, high = min(max(places.min(), 0.0), size), max(min(places.max(), size), 0.0)
    return int(np.floor(low)), int(np.ceil(high))


@compiled
def _doubled(values: npt.NDArray[T]) -> npt.NDArray[T]:
    larger = np.empty(2 * len(values), dtype=values.dtype)
    larger[: len(values)] = values
    return larger


@compiled
def _edge(x1: float, y1: float, x2: float, y2: float, sign: float, gains: FloatArray) -> None:
    """Add what one edge gives to the pixels right of it, row by row."""
    rows, wide = gains.shape[0], gains.shape[1] - 1
    if y1 > y2:
        x1, y1, x2, y2, sign = x2, y2, x1, y1, -sign
    if y2 <= 0 or y1 >= rows or y1 == y2:
        return
    slope = (x2 - x1) / (y2 - y1)
    for i in range(int(max(np.floor(y1), 0)), int(min(np.ceil(y2), rows))):
        above, under = max(y1, float(i)), min(y2, i + 1.0)
        a = x1 + (above - y1) * slope
        b = x1 + (under - y1) * slope
        low, high = min(a, b), max(a, b)
        part = -sign * (under - above)
        if high <= 0:
            gains[i, 0] += part
        elif low < wide:
            first = int(np.floor(low))
            if high <= first + 1 and first >= 0:
                beyond = (low + high) / 2 - first
                gains[i, first] += part * (1 - beyond)
                gains[i, first + 1] += part * beyond
                continue
            part /= high - low
            if low < 0:
                gains[i, 0] -= low * part
            for j in range(max(first, 0), min(int(np.ceil(high)), wide)):
                start, stop = max(low, float(j)), min(high, j + 1.0)
                beyond = (start + stop) / 2 - j
                gains[i, j] += (stop - start) * part * (1 - beyond)
                gains[i, j + 1] += (stop - start) * part * beyond
