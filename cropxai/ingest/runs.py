"""Polygons as pixel runs: the pixels of a row that follow each other are one run, some fifteen times fewer."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import shapely

from cropxai.ingest.scenes import Grid
from cropxai.ingest.tally import ALL_ALIKE
from cropxai.ingest.zonal import Weights
from cropxai.jit import compiled

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

#: Most rows of a parcel that are looked at beyond the raster; a taller one is counted by its area.
COUNTED_ROWS = 1 << 20
#: Columns, and rows of a parcel, beyond this do not fit the keys by which crossings are sorted.
FARTHEST = 1 << 30


@dataclass(frozen=True, eq=False)
class Runs:
    """The pixels of parcels, row by row.

    Attributes
    ----------
    ptr : (parcel + 1,) int64
        Runs ``ptr[i]`` to ``ptr[i + 1]`` belong to parcel i; they are sorted by row and column, and do not overlap.
    row, column, length : (run,) int32
        The first pixel of a run, and how many there are.
    weights : (pixel,) uint32
        Of each pixel, run after run, above 0 (:data:`cropxai.ingest.zonal.WHOLE`: all of it); empty where every pixel
        counts 1.
    """

    ptr: IntArray
    row: npt.NDArray[np.int32]
    column: npt.NDArray[np.int32]
    length: npt.NDArray[np.int32]
    weights: Weights = field(default_factory=lambda: ALL_ALIKE)

    @classmethod
    def joined(cls, parts: "Sequence[Runs]") -> "Runs":
        """Return the runs of all parcels from those of some after the other; there is one part at least."""
        before = np.cumsum([0, *(part.ptr[-1] for part in parts)])
        ptr = np.concatenate([[0], *(part.ptr[1:] + n for part, n in zip(parts, before, strict=False))])
        names = ("row", "column", "length", "weights")
        return cls(ptr.astype(np.int64), *(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def counts(self) -> IntArray:
        """Return the pixels of each parcel, (parcel,) int64."""
        return np.diff(self.first_pixels()[self.ptr])

    def areas(self) -> IntArray:
        """Return the sum of the weights of each parcel's pixels, (parcel,) int64; where there is none, their number."""
        if not len(self.weights):
            return self.counts()
        found = np.zeros(len(self.ptr) - 1, dtype=np.int64)
        some = np.flatnonzero(np.diff(self.ptr))
        if len(some):
            begin = self.first_pixels()[self.ptr[some]]
            found[some] = np.add.reduceat(self.weights, begin, dtype=np.int64)
        return found

    def first_pixels(self) -> IntArray:
        """Return the number of pixels before each run, and last of all, (run + 1,) int64."""
        return np.concatenate([[0], np.cumsum(self.length, dtype=np.int64)])


@dataclass(frozen=True, eq=False)
class Outlines:
    """The rings of shapes in pixels of a grid, from the outer corner of its first pixel.

    Attributes
    ----------
    x, y : (vertex,) float64
    turned : (ring,) bool
        Whether the ring runs counter-clockwise in coordinates of the CRS.
    outer : (ring,) bool
        Whether it is the outer ring of a polygon.
    ring_ptr, shape_ptr : (ring + 1,), (shape + 1,) int64
        The vertices of each ring, and the rings of each shape.
    """

    x: FloatArray
    y: FloatArray
    turned: npt.NDArray[np.bool_]
    outer: npt.NDArray[np.bool_]
    ring_ptr: IntArray
    shape_ptr: IntArray


def outlines_of(shapes: npt.NDArray[np.object_], wanted: npt.NDArray[np.bool_], grid: Grid) -> Outlines:
    """Return the rings of polygons and multipolygons in the CRS of the grid; those not wanted have none."""
    polygons, of_shape = shapely.get_parts(np.where(wanted, shapes, np.array(None)), return_index=True)
    rings, of_polygon = shapely.get_rings(polygons, return_index=True)
    coordinates, of_ring = shapely.get_coordinates(rings, return_index=True)
    x, y = in_pixels(coordinates, grid)
    outer = np.diff(of_polygon, prepend=-1) > 0  # a polygon gives its outer ring first
    ring_ptr, shape_ptr = _pointers(of_ring, len(rings)), _pointers(of_shape[of_polygon], len(shapes))
    return Outlines(x, y, shapely.is_ccw(rings), outer, ring_ptr, shape_ptr)


def runs_of(shapes: npt.NDArray[np.object_], wanted: npt.NDArray[np.bool_], grid: Grid) -> tuple[Runs, IntArray]:
    """Find the pixels whose centre lies inside each shape.

    The rule is GDAL's for polygons (``all_touched=False``), also where a centre lies exactly on an edge: crossings of
    a row's centre line are rounded as its scan line algorithm rounds them, and a horizontal edge on that line counts
    where it runs to the left once its ring is turned clockwise (``GDALdllImageFilledPolygon``). Unlike in a burnt
    raster, shapes may overlap.

    Parameters
    ----------
    shapes : (parcel,) polygons or multipolygons in the CRS of the grid
    wanted : (parcel,) bool
        Shapes to look at; the others get no run.
    grid : Grid

    Returns
    -------
    runs : Runs
        On the raster.
    centres : (parcel,) int64
        Pixel centres inside, on the grid continued beyond the raster.
    """
    rings = outlines_of(shapes, wanted, grid)
    x, y, turned, ring_ptr, shape_ptr = rings.x, rings.y, rings.turned, rings.ring_ptr, rings.shape_ptr
    first, last, countable = _rows(x, y, ring_ptr[shape_ptr], grid)
    room = _room(y, ring_ptr, shape_ptr, first, last)
    ends = np.concatenate([[0], np.cumsum(room)])
    row, column, length = (np.zeros(ends[-1], dtype=np.int32) for _ in range(3))
    centres = np.zeros(len(shapes), dtype=np.int64)
    _fill(x, y, turned, ring_ptr, shape_ptr, first, last, grid.width, grid.height, ends, row, column, length, centres)
    kept = length > 0
    before = np.concatenate([[0], np.cumsum(kept)])
    for i in np.flatnonzero(~countable):  # of many rasters' size: its area tells the number well enough
        centres[i] = max(centres[i], round(shapes[i].area / abs(grid.transform.determinant)))
    return Runs(before[ends].astype(np.int64), row[kept], column[kept], length[kept]), centres


def in_pixels(coordinates: FloatArray, grid: Grid) -> tuple[FloatArray, FloatArray]:
    """Take coordinates to pixels with the inverse that GDAL uses, operation by operation, so that ties fall alike."""
    a, b, c, d, e, f = (float(value) for value in grid.transform[:6])
    if b == 0 and d == 0:
        columns, rows = (-c / a, 1 / a, 0.0), (-f / e, 0.0, 1 / e)
    else:
        inverse = 1 / (a * e - b * d)
        columns = ((b * f - c * e) * inverse, e * inverse, -b * inverse)
        rows = ((-a * f + c * d) * inverse, -d * inverse, a * inverse)
    x, y = coordinates[:, 0], coordinates[:, 1]
    return columns[0] + x * columns[1] + y * columns[2], rows[0] + x * rows[1] + y * rows[2]


def _pointers(owner: IntArray, owners: int) -> IntArray:
    return np.concatenate([[0], np.cumsum(np.bincount(owner, minlength=owners))]).astype(np.int64)


def _rows(
    x: FloatArray, y: FloatArray, vertex_ptr: IntArray, grid: Grid
) -> tuple[IntArray, IntArray, npt.NDArray[np.bool_]]:
    """Return of each shape the first row, the one after the last, and whether it can be counted row by row."""
    some = np.flatnonzero(np.diff(vertex_ptr))
    first, last = np.zeros((2, len(vertex_ptr) - 1), dtype=np.int64)
    countable = np.ones(len(first), dtype=bool)
    if len(some):
        starts = vertex_ptr[some]  # shapes without vertices do not come between: they have no length
        low, high = np.floor(np.minimum.reduceat(y, starts)), np.ceil(np.maximum.reduceat(y, starts))
        far = np.maximum.reduceat(np.abs(x), starts)
        fits = (high - low <= COUNTED_ROWS) & (np.maximum(np.abs(low), np.abs(high)) < FARTHEST) & (far < FARTHEST)
        first[some] = np.where(fits, low, np.clip(low, 0, grid.height)).astype(np.int64)
        last[some] = np.where(fits, high, np.clip(high, 0, grid.height)).astype(np.int64)
        countable[some] = fits
    return first, last, countable


@compiled
def _room(y: FloatArray, ring_ptr: IntArray, shape_ptr: IntArray, first: IntArray, last: IntArray) -> IntArray:
    """Return how many runs each shape has at most, (shape,)."""
    room = np.zeros(len(first), dtype=np.int64)
    for s in range(len(first)):
        crossings = 0
        flat = 0
        for r in range(shape_ptr[s], shape_ptr[s + 1]):
            for v in range(ring_ptr[r] + 1, ring_ptr[r + 1]):
                low, high = min(y[v - 1], y[v]), max(y[v - 1], y[v])
                if low == high:
                    flat += 1
                else:
                    start = max(np.ceil(low - 0.5), first[s])
                    crossings += max(0, int(min(np.ceil(high - 0.5), last[s]) - start))
        room[s] = crossings // 2 + flat
    return room


@compiled
def _fill(
    x: FloatArray,
    y: FloatArray,
    turned: npt.NDArray[np.bool_],
    ring_ptr: IntArray,
    shape_ptr: IntArray,
    first: IntArray,
    last: IntArray,
    width: int,
    height: int,
    ends: IntArray,
    row: npt.NDArray[np.int32],
    column: npt.NDArray[np.int32],
    length: npt.NDArray[np.int32],
    centres: IntArray,
) -> None:
    """Write the runs of each shape from ``ends[s]`` on, and count all its pixel centres.

    A crossing is one number, row · 2³² + column, so that sorting them brings the two ends of a run together.
    """
    for s in range(len(first)):
        room = ends[s + 1] - ends[s]
        crossings = np.empty(2 * room, dtype=np.int64)
        flat = np.empty((room, 2), dtype=np.int64)
        n = 0
        flats = 0
        for r in range(shape_ptr[s], shape_ptr[s + 1]):
            for v in range(ring_ptr[r] + 1, ring_ptr[r + 1]):
                x1, y1, x2, y2 = x[v - 1], y[v - 1], x[v], y[v]
                if y1 == y2:
                    line = np.floor(y1)
                    leftward = x1 < x2 if turned[r] else x1 > x2
                    if y1 - line == 0.5 and leftward and first[s] <= line < last[s]:
                        flat[flats, 0] = _key(line - first[s], min(x1, x2))
                        flat[flats, 1] = _key(line - first[s], max(x1, x2))
                        flats += 1
                    continue
                if y1 > y2:
                    x1, y1, x2, y2 = x2, y2, x1, y1
                start = max(np.ceil(y1 - 0.5), first[s])
                end = min(np.ceil(y2 - 0.5), last[s])
                for line in range(int(start), int(end)):
                    crossings[n] = _key(line - first[s], (line + 0.5 - y1) * (x2 - x1) / (y2 - y1) + x1)
                    n += 1
        crossings[:n].sort()
        runs = n // 2 + flats
        starts, stops = np.empty(runs, dtype=np.int64), np.empty(runs, dtype=np.int64)
        for i in range(n // 2):
            starts[i], stops[i] = crossings[2 * i], crossings[2 * i + 1]
        if flats:
            starts[n // 2 :], stops[n // 2 :] = flat[:flats, 0], flat[:flats, 1]
            starts.sort()
            stops.sort()
        k = ends[s]
        i = 0
        while i < runs:
            begin = starts[i]
            while i + 1 < runs and starts[i + 1] <= stops[i]:  # they meet, or overlap
                i += 1
            stop = stops[i]
            i += 1
            centres[s] += stop - begin
            line_at = (begin >> 32) + first[s]
            left = max((begin & 0xFFFFFFFF) - FARTHEST, 0)
            right = min((stop & 0xFFFFFFFF) - FARTHEST, width)
            if 0 <= line_at < height and right > left:
                row[k] = line_at
                column[k] = left
                length[k] = right - left
                k += 1


@compiled
def _key(line: float, x: float) -> Any:
    """Return row · 2³² + the first column whose centre lies beyond x."""
    column = np.floor(min(max(x, -1.0 * FARTHEST), 1.0 * FARTHEST) + 0.5)
    return (np.int64(line) << 32) + np.int64(column) + FARTHEST
