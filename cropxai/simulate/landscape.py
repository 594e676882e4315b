"""A simulated landscape: fields cut by roads and paths, around a village, a wood and a stream."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely
from shapely import LineString, MultiPolygon, Point, Polygon, affinity
from shapely.geometry.base import BaseGeometry

from cropxai.errors import CropxaiError
from cropxai.simulate.fields import FloatArray

#: Pixel of the rasters, m.
PIXEL = 10.0
#: Half the width (m) of the strip left between fields by the first cuts and by the later ones: roads, tracks, balks.
STRIPS = (6.0, 6.0, 3.0, 3.0, 3.0)
BALK = 1.5
#: Smallest field, m² (assumption).
SMALLEST = 5_000.0

VERGE, ROAD, VILLAGE, WOOD, WATER = range(5)
BACKGROUND = ("verge", "road", "village", "wood", "water")


class LandscapeTooSmall(CropxaiError):
    """So many fields do not fit on the raster."""

    def __init__(self, parcels: int, size: int):
        super().__init__(
            f"{parcels} parcels do not fit on {size} × {size} pixels; ask for fewer parcels or a larger --size"
        )


@dataclass(frozen=True)
class Landscape:
    """Fields and what lies between them, in the CRS of the rasters.

    Attributes
    ----------
    grown : where each crop really grows, one geometry a parcel
    declared : the boundaries as a file gives them, a few of them bad on purpose
    background : the shape of each of `BACKGROUND`; a verge wherever nothing else is
    """

    grown: list[BaseGeometry]
    declared: list[BaseGeometry]
    background: dict[int, BaseGeometry]


def draw_landscape(parcels: int, size: int, corner: tuple[float, float], rng: np.random.Generator) -> Landscape:
    """Draw a landscape of ``parcels`` fields on ``size`` × ``size`` pixels.

    The last four parcels are bad on purpose: a bow-tie, a multi-part, a sliver without any pixel centre, and one
    outside the rasters.

    Parameters
    ----------
    parcels : number of parcels, the bad ones included
    size : pixels along each side
    corner : easting and northing (m) of the upper left corner
    rng : source of chance

    Raises
    ------
    LandscapeTooSmall
    """
    side = size * PIXEL
    frame = shapely.box(corner[0], corner[1] - side, corner[0] + side, corner[1])
    background = _background(frame, rng)
    taken = shapely.union_all([background[kind] for kind in (VILLAGE, WOOD, WATER, ROAD)]).buffer(4)
    pieces, roads = _cut(frame.buffer(-12).difference(taken), parcels - 1, rng)
    if len(pieces) < parcels - 1:
        raise LandscapeTooSmall(parcels, size)
    background[ROAD] = roads.union(background[ROAD])
    order = rng.permutation(len(pieces))
    fields: list[BaseGeometry] = [pieces[i] for i in order]
    regular, tie, first, second = fields[:-3], fields[-3], fields[-2], fields[-1]
    sliver, outside = _sliver(frame), _outside(frame)
    several = MultiPolygon([first, second])
    return Landscape(
        grown=[*regular, tie, several, sliver, outside],
        declared=[*regular, _bow_tie(tie), several, sliver, outside],
        background=background,
    )


def _background(frame: Polygon, rng: np.random.Generator) -> dict[int, BaseGeometry]:
    west, south, east, north = frame.bounds
    side = east - west
    village = _blob(Point(west + 0.22 * side, north - 0.28 * side), 0.11 * side, rng)
    wood = _blob(Point(east - 0.14 * side, south + 0.2 * side), 0.14 * side, rng)
    across = np.linspace(-0.1, 1.1, 30)
    bends = 0.55 + 0.03 * np.sin(2 * np.pi * (across * 1.7 + rng.random())) + 0.12 * (across - 0.5)
    stream = LineString(np.stack([west + across * side, south + bends * side], axis=1)).buffer(9)
    pond = _blob(Point(west + 0.7 * side, south + 0.66 * side), 0.035 * side, rng)
    street = LineString([(west - 50, north - 0.25 * side), (east + 50, north - 0.34 * side)]).buffer(6)
    return {VILLAGE: village, WOOD: wood, WATER: stream.union(pond), ROAD: street}


def _blob(centre: Point, radius: float, rng: np.random.Generator) -> Polygon:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    waves = sum(rng.uniform(0.03, 0.12) * np.sin(k * angle + rng.uniform(0, 2 * np.pi)) for k in (2, 3, 5))
    r = radius * (1 + waves)
    return Polygon(np.stack([centre.x + r * np.cos(angle), centre.y + r * np.sin(angle)], axis=1))


def _cut(land: BaseGeometry, count: int, rng: np.random.Generator) -> tuple[list[Polygon], BaseGeometry]:
    """Cut land into ``count`` fields: always the largest piece (by area and luck), across its longer side."""
    tilt = rng.uniform(10, 30)  # degrees; the whole field pattern is turned a little
    pieces = [(polygon, 0) for polygon in shapely.get_parts(land) if polygon.area >= SMALLEST]
    luck = {polygon.wkb: 1.0 for polygon, _ in pieces}
    roads: list[BaseGeometry] = []
    while len(pieces) < count:
        pieces.sort(key=lambda piece: piece[0].area * luck[piece[0].wkb])
        polygon, depth = pieces.pop()
        if polygon.area < 2.2 * SMALLEST:
            break
        line = _cut_line(polygon, tilt, rng)
        strip = STRIPS[depth] if depth < len(STRIPS) else BALK
        if strip > 5:
            roads.append(line.buffer(strip - 1.5).intersection(polygon))
        for part in shapely.get_parts(polygon.difference(line.buffer(strip))):
            if part.area >= SMALLEST:
                pieces.append((part, depth + 1))
                luck[part.wkb] = float(np.exp(rng.normal(0, 0.45)))
    return [polygon for polygon, _ in pieces][:count], shapely.union_all(roads)


def _cut_line(polygon: Polygon, tilt: float, rng: np.random.Generator) -> LineString:
    upright = affinity.rotate(polygon, -tilt, origin=(0, 0))
    west, south, east, north = upright.bounds
    at = rng.uniform(0.38, 0.62)
    if east - west > north - south:
        x = west + at * (east - west)
        line = LineString([(x, south - 100), (x, north + 100)])
    else:
        y = south + at * (north - south)
        line = LineString([(west - 100, y), (east + 100, y)])
    line = affinity.rotate(line, rng.normal(0, 3))
    return affinity.rotate(line, tilt, origin=(0, 0))


def _bow_tie(polygon: BaseGeometry) -> Polygon:
    a, b, c, d = list(shapely.oriented_envelope(polygon).exterior.coords)[:4]
    return affinity.scale(Polygon([a, b, d, c]), 0.9, 0.9, origin=polygon.centroid)


def _sliver(frame: Polygon) -> Polygon:
    """Lay a strip 2 m wide on the border of two pixel columns, so that it holds no pixel centre."""
    x = frame.bounds[0] + 60 * PIXEL
    y = frame.bounds[1] + 40 * PIXEL
    return shapely.box(x - 1, y, x + 1, y + 60)


def _outside(frame: Polygon) -> Polygon:
    x, y = frame.bounds[2] + 3000, frame.bounds[1]
    return Polygon([(x, y), (x + 180, y + 20), (x + 170, y + 160), (x - 15, y + 130)])


def smooth_noise(shape: tuple[int, int], length: float, rng: np.random.Generator) -> FloatArray:
    """Draw a smooth random surface of zero mean and unit variance with features of ``length`` pixels.

    White noise filtered in the frequency domain by a Gaussian; it repeats at the edges.
    """
    rows, columns = np.fft.fftfreq(shape[0]), np.fft.rfftfreq(shape[1])
    square = rows[:, None] ** 2 + columns[None] ** 2
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * np.exp(-square * (np.pi * length) ** 2 / 2)
    surface = np.fft.irfft2(spectrum, shape)
    return np.asarray((surface - surface.mean()) / surface.std(), np.float32)


def spread_evenly(shares: dict[str, float], count: int, rng: np.random.Generator) -> npt.NDArray[np.object_]:
    """Give ``count`` parcels their crops, in numbers close to the shares, at random places; rare ones come first."""
    labels, weights = list(shares), np.array(list(shares.values()))
    ideal = weights / weights.sum() * count
    numbers = np.floor(ideal).astype(int)
    if count >= len(labels):
        numbers = np.maximum(numbers, 1)
    while numbers.sum() > count:
        numbers[np.argmax(numbers - ideal)] -= 1
    while numbers.sum() < count:
        numbers[np.argmax(ideal - numbers)] += 1
    crops = np.repeat(np.array(labels, dtype=object), numbers)
    rng.shuffle(crops)
    return crops


def field_names(count: int, rng: np.random.Generator) -> Sequence[str]:
    """Make up names as farmers give their fields."""
    first = ("Große", "Kleine", "Obere", "Untere", "Hintere", "Lange", "Krumme", "Žlutá", "Šedá", "Długa", "Vieille")
    second = ("Breite", "Wiese", "Höhe", "Äcker", "Straße", "Mühle", "Fürst", "łąka", "niva", "Côte", "Bühel")
    return [f"{rng.choice(first)} {rng.choice(second)} {rng.integers(1, 90)}" for _ in range(count)]
