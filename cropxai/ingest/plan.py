"""The plan: which pixels of a grid belong to which parcel, worked out once and used for every band and date."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import shapely
from pyproj import CRS, Geod

from cropxai.ingest.chunks import Layout, lay_out
from cropxai.ingest.coverage import coverage_of
from cropxai.ingest.memory import give_back_memory
from cropxai.ingest.parcels import Parcels
from cropxai.ingest.rules import CENTRE, EUROCROPSML, EXACT, Rules
from cropxai.ingest.runs import Runs, in_pixels, runs_of
from cropxai.ingest.scenes import CORNERS, Grid
from cropxai.ingest.zonal import WHOLE

IntArray = npt.NDArray[np.int64]

#: Status of a parcel that no raster shows.
OUTSIDE = "outside the rasters"
#: Status of a parcel that is narrower than twice the buffer.
VANISHED = "nothing of it left inside the buffer"
#: The rules where none are given.
DEFAULT = Rules()
#: Parcels whose pixels are found at a time.
AT_ONCE = 1 << 15


@dataclass(frozen=True, eq=False)
class Plan:
    """The pixels of every parcel on one grid, as runs along the rows.

    By the rule "centre", a pixel belongs to a parcel if its centre lies inside, by GDAL's rule for polygons
    (``all_touched=False``); by "exact", if the parcel covers some of it, with the covered share as its weight. Where
    parcels overlap, each keeps its pixels.

    A parcel that holds no centre, as one of a few pixels of 10 m may on a grid of 60 m, has a *stand-in*: the one pixel
    in which a point inside the parcel lies (:func:`shapely.point_on_surface`). Bands of that grid take their value from
    it if the scene has a finer grid on which the parcel has pixels of its own.

    Attributes
    ----------
    grid : Grid
    rule : {"centre", "exact", "eurocropsml"}
        The last is "centre" without stand-ins.
    buffer : float
        Metres by which the parcels were shrunk before.
    runs : Runs
        Of every parcel, those without a pixel on the raster included, in the order of ``order``.
    order : (parcel,) int64
        The parcels along a Hilbert curve: parcels near each other are near each other in ``runs``, whatever their order
        in the file.
    centres : (parcel,) int64
        Pixel centres inside the parcel on the grid continued beyond the raster; by "exact", its area there in pixels
        times :data:`cropxai.ingest.zonal.WHOLE`. Of parcels that miss the raster, 0.
    touches : (parcel,) bool
        Whether the parcel lies on the raster, if only in part.
    vanished : (parcel,) bool
        Whether it does, and nothing of it is left inside the buffer.
    key : str
        A hash of parcels, grid and those rules on which the pixels depend.
    _let_go : callable
        What to do once the runs have been laid out for reading, which are then needed no more.
    """

    grid: Grid
    rule: str
    buffer: float
    runs: Runs
    order: IntArray
    centres: IntArray
    touches: npt.NDArray[np.bool_]
    vanished: npt.NDArray[np.bool_]
    key: str
    _let_go: Callable[[], None] = field(default=give_back_memory, repr=False)
    _layouts: dict[tuple[tuple[int, int], int], Layout] = field(default_factory=dict, init=False, repr=False)
    _lock: Lock = field(default_factory=Lock, init=False, repr=False)

    def __reduce__(self) -> tuple[Any, ...]:
        """Let a plan go to another process, with its arrays; layouts are made there."""
        names = ("grid", "rule", "buffer", "runs", "order", "centres", "touches", "vanished", "key")
        return Plan, tuple(getattr(self, name) for name in names)

    @property
    def whole(self) -> int:
        """What a whole pixel counts in ``centres`` and ``counts``."""
        return WHOLE if self.rule == EXACT else 1

    @cached_property
    def counts(self) -> IntArray:
        """Pixels of each parcel on the raster, stand-ins not among them, (parcel,) int64; by "exact" their weights."""
        areas = np.zeros(len(self.order), dtype=np.int64)
        areas[self.order] = self.runs.areas()
        return np.where(self.centres > 0, areas, 0)

    @cached_property
    def members(self) -> IntArray:
        """The parcels of which scenes tell whose finest grid this is, (member,) int64 ascending.

        They are those with pixels of their own; by "eurocropsml", all that lie on the raster.
        """
        return np.flatnonzero(self.touches if self.rule == EUROCROPSML else self.counts > 0)

    @cached_property
    def tallied(self) -> IntArray:
        """The parcels with a pixel on the raster, or a stand-in, in the order of their runs, (parcel,) int64."""
        return self.order[np.diff(self.runs.ptr) > 0]

    def layout(self, block: tuple[int, int], layers: int) -> Layout:
        """Return how the pixels are read from a raster of such blocks (rows, columns), made on the first call."""
        with self._lock:  # scenes are read in parallel, and one layout serves all
            if (block, layers) not in self._layouts:
                self._layouts[block, layers] = lay_out(self.runs, self.grid, block, layers)
                self._let_go()
            return self._layouts[block, layers]


def make_plan(parcels: Parcels, grid: Grid, rules: Rules = DEFAULT) -> Plan:
    """Find the pixels of every parcel; the parcels are taken to the CRS of the grid, never the pixels to theirs."""
    runs, order = [], parcels.along_curve
    centres = np.zeros(len(parcels), dtype=np.int64)
    touches, vanished = np.zeros((2, len(parcels)), dtype=bool)
    for begin in range(0, len(parcels), AT_ONCE):  # some at a time: all their vertices at once would fill the memory
        some = order[begin : begin + AT_ONCE]
        found = _found(parcels.frame.geometry.iloc[some], parcels.usable[some], grid, rules)
        runs.append(found[0])
        centres[some], touches[some], vanished[some] = found[1:]
    return Plan(
        grid, rules.pixel_rule, rules.buffer, Runs.joined(runs), order, centres, touches, vanished,
        plan_key(parcels, grid, rules),
    )  # fmt: skip


def plan_key(parcels: Parcels, grid: Grid, rules: Rules = DEFAULT) -> str:
    """Return a hash of all that a plan depends on."""
    return hashlib.sha256(repr((parcels.hash, grid, rules.of_shapes)).encode()).hexdigest()


def _found(
    geometry: gpd.GeoSeries, usable: npt.NDArray[np.bool_], grid: Grid, rules: Rules
) -> tuple[Runs, IntArray, npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return the runs of some parcels, their pixels also beyond the raster, who touches it, and who has vanished."""
    shapes = in_crs(geometry, grid.crs)
    touches = _touches(shapes, usable, grid, rules)
    vanished = np.zeros(len(shapes), dtype=bool)
    if rules.buffer:
        shapes[touches] = _shrunk(geometry[touches], grid, rules.buffer)
        vanished[touches] = shapely.is_empty(shapes[touches])
    wanted = touches & ~vanished
    if rules.pixel_rule == EXACT:
        return *coverage_of(shapes, wanted, grid), touches, vanished
    runs, centres = runs_of(shapes, wanted, grid)
    if rules.pixel_rule == CENTRE:
        runs = _with_stand_ins(runs, shapes, wanted & (centres == 0), grid)
    return runs, centres, touches, vanished


def in_crs(geometry: gpd.GeoSeries, crs: str) -> npt.NDArray[np.object_]:
    """Return the shapes in another CRS, (parcel,) geometries."""
    return np.array(geometry.to_crs(crs).values, dtype=object)


def _shrunk(geometry: gpd.GeoSeries, grid: Grid, metres: float) -> npt.NDArray[np.object_]:
    """Return what of each shape lies so far inside its edge, in the CRS of the grid."""
    crs = CRS.from_user_input(grid.crs)
    in_metres = geometry.to_crs(crs if crs.is_projected else geometry.estimate_utm_crs())
    per_metre = 1 / in_metres.crs.axis_info[0].unit_conversion_factor
    return in_crs(in_metres.buffer(-metres * per_metre), grid.crs)


def _with_stand_ins(runs: Runs, shapes: npt.NDArray[np.object_], lacking: npt.NDArray[np.bool_], grid: Grid) -> Runs:
    """Give shapes without a pixel centre the pixel of a point inside them, if it lies on the raster."""
    who = np.flatnonzero(lacking)
    points = shapely.get_coordinates(shapely.point_on_surface(shapes[who]))
    places = np.floor([grid.pixels(x, y) for x, y in points]).astype(np.int64).reshape(-1, 2)
    inside = ((places >= 0) & (places < (grid.width, grid.height))).all(axis=1)
    who, places = who[inside], places[inside]
    at = runs.ptr[who]  # they have no run, so theirs comes before that of the next
    column, row = (np.insert(old, at, new) for old, new in zip((runs.column, runs.row), places.T, strict=True))
    more = np.cumsum(np.bincount(who + 1, minlength=len(runs.ptr)))
    return Runs(runs.ptr + more, row, column, np.insert(runs.length, at, 1))


def _touches(
    shapes: npt.NDArray[np.object_], usable: npt.NDArray[np.bool_], grid: Grid, rules: Rules
) -> npt.NDArray[np.bool_]:
    extent = shapely.Polygon(grid.corners)
    shapely.prepare(extent)
    finite = np.isfinite(shapely.bounds(shapes)).all(axis=1)  # beyond its domain a projection gives infinity
    known = usable & finite
    touches = np.zeros(len(shapes), dtype=bool)
    if rules.as_eurocropsml:
        touches[known] = _windows_overlap(shapes[known], grid)
    else:
        touches[known] = shapely.intersects(extent, shapes[known])
    return touches


def _windows_overlap(shapes: npt.NDArray[np.object_], grid: Grid) -> npt.NDArray[np.bool_]:
    """Return whether some of the pixels round each shape are the raster's: for ``rasterio.mask``, it is on it then."""
    places = shapely.transform(shapes, lambda coordinates: np.column_stack(in_pixels(coordinates, grid)))
    left, top, right, bottom = shapely.bounds(places).T
    across = np.minimum(np.ceil(right), grid.width) - np.maximum(np.floor(left), 0)
    down = np.minimum(np.ceil(bottom), grid.height) - np.maximum(np.floor(top), 0)
    return np.asarray((across > 0) & (down > 0))


def why_no_pixel(parcels: Parcels, plans: Collection[Plan]) -> list[str]:
    """Say of each parcel why none of the rasters has a pixel of it; empty if one has."""
    reasons = list(parcels.status)
    has_pixel = np.any([plan.counts > 0 for plan in plans], axis=0)
    vanished = np.any([plan.vanished for plan in plans], axis=0)
    for i in np.flatnonzero(parcels.usable & ~has_pixel):
        if vanished[i]:
            reasons[i] = VANISHED
            continue
        small = next((plan for plan in plans if plan.touches[i] and plan.centres[i] == 0), None)
        reasons[i] = OUTSIDE if small is None else _too_small(parcels.frame.geometry.iloc[[i]], small)
    return reasons


def _too_small(geometry: gpd.GeoSeries, plan: Plan) -> str:
    """Say why a parcel has no pixel: its area beside the size of a pixel."""
    grid, buffer = plan.grid, plan.buffer
    (shape,) = _shrunk(geometry, grid, buffer) if buffer else in_crs(geometry, grid.crs)
    place = shape.representative_point()
    column, row = (int(np.floor(value)) for value in grid.pixels(place.x, place.y))
    pixel = shapely.Polygon([grid.coordinates(column + x, row + y) for x, y in CORNERS])
    areas = gpd.GeoSeries([shape, pixel], crs=grid.crs).to_crs("EPSG:4326")
    geod = Geod(ellps="WGS84")
    own, one = (abs(geod.geometry_area_perimeter(area)[0]) for area in areas)
    within = f"inside the buffer of {buffer:g} m" if buffer else "inside"
    return f"no pixel centre {within}: area {own:.0f} m2, pixel {one**0.5:.3g} m"
