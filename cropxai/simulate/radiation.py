"""Reflectance of fields in the 13 bands of Sentinel-2, from leaves, canopy, ground, flowers and angles.

PROSPECT-D leaves (`prospect`) make a 4SAIL canopy (`sail`) over ground that is soil, dry to wet, or straw. Rows and
gaps: the whole leaf area stands on the covered share of the ground, the rest is bare. Petals lie above all. These
shares are mixed linearly. Everything is worked out at the nodes of the bands (`spectra`), whose weighted sums are the
bands. Not in it: light from the sky (all light is the sun's), rows that shade the gaps, clumps of leaves.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from cropxai.errors import CropxaiError
from cropxai.simulate import prospect, sail
from cropxai.simulate.spectra import Array, Nodes, band_nodes, constants

#: Canopies that are worked out at a time: their spectra stay in the processor's cache.
_AT_A_TIME = 512
#: Leaf area below which there is no canopy.
_BARE = 1e-3

#: Leaves of which straw and petals are made, in the order of `prospect.COLUMNS`, and the share of light that petals
#: keep: assumptions that give the known colours (no chlorophyll; carotenoids in yellow ones; dead leaves for straw).
_STRAW = (2.2, 0.0, 2.0, 0.0, 0.9, 0.0006, 0.008)
_YELLOW, _WHITE = (1.6, 1.0, 18.0, 0.0, 0.0, 0.010, 0.002), (1.8, 0.0, 0.0, 0.0, 0.0, 0.010, 0.002)
_PETAL_BRIGHTNESS = 0.85
#: The litter layer of straw (order of `sail.COLUMNS`) and what lies below it.
_STRAW_LAYER = (2.5, 35.0, 0.1, 45.0, 5.0, 90.0)


@dataclass(frozen=True)
class Canopy:
    """What a field looks like: numbers or arrays that broadcast to one shape, with the values of a green crop.

    Attributes
    ----------
    structure : number of plates N of a leaf, 1 to 4
    chlorophyll, carotenoids, anthocyanins : µg cm⁻² of leaf
    brown : brown pigment, 0 to 1 and more
    water : cm (equal to g cm⁻²)
    dry_matter : g cm⁻²
    lai : leaf area of all the ground, m² m⁻²
    leaf_angle : mean inclination of leaves, degrees (57: spherical)
    hotspot : leaf size over canopy height
    cover : share of the ground on which the canopy stands
    soil_brightness : factor on the reflectance of the soil
    soil_slope : tilt of the soil's spectrum: its relative gain at 2400 nm against 1200 nm
    soil_wetness : 0 dry to 1 wet
    straw : share of the ground below that straw covers
    flowers : share of the field that petals cover, seen from above
    white : share of the petals that is white; the others are yellow
    sun_zenith, view_zenith, azimuth : degrees; the azimuth of the view from that of the sun
    """

    structure: npt.ArrayLike = 1.5
    chlorophyll: npt.ArrayLike = 40.0
    carotenoids: npt.ArrayLike = 8.0
    anthocyanins: npt.ArrayLike = 0.0
    brown: npt.ArrayLike = 0.0
    water: npt.ArrayLike = 0.012
    dry_matter: npt.ArrayLike = 0.005
    lai: npt.ArrayLike = 3.0
    leaf_angle: npt.ArrayLike = 57.0
    hotspot: npt.ArrayLike = 0.1
    cover: npt.ArrayLike = 1.0
    soil_brightness: npt.ArrayLike = 1.0
    soil_slope: npt.ArrayLike = 0.0
    soil_wetness: npt.ArrayLike = 0.3
    straw: npt.ArrayLike = 0.0
    flowers: npt.ArrayLike = 0.0
    white: npt.ArrayLike = 0.0
    sun_zenith: npt.ArrayLike = 40.0
    view_zenith: npt.ArrayLike = 5.0
    azimuth: npt.ArrayLike = 90.0


_NAMES = tuple(field.name for field in fields(Canopy))
_LEAF = [_NAMES.index(name) for name in prospect.COLUMNS]
_LAYER = [_NAMES.index(name) for name in sail.COLUMNS]
#: Least and greatest of each parameter for which the models hold.
_LIMITS = {
    **{"structure": (1, 4), "chlorophyll": (0, 150), "carotenoids": (0, 60), "anthocyanins": (0, 60), "brown": (0, 5)},
    **{"water": (0, 0.2), "dry_matter": (0, 0.1), "lai": (0, 20), "leaf_angle": (1, 89), "hotspot": (0, 5)},
    **{"cover": (0, 1), "soil_brightness": (0, 2.5), "soil_slope": (-1, 1), "soil_wetness": (0, 1), "straw": (0, 1)},
    **{"flowers": (0, 1), "white": (0, 1), "sun_zenith": (0, 88), "view_zenith": (0, 80), "azimuth": (-360, 360)},
}


class CanopyRefused(CropxaiError):
    """A parameter of a canopy is outside of what the models describe."""

    def __init__(self, name: str, value: float, low: float, high: float):
        super().__init__(f"canopy: {name} is {value:g}; give a value from {low:g} to {high:g}")


@dataclass(frozen=True)
class Optics:
    """All that does not change from field to field, at the nodes of the bands.

    Attributes
    ----------
    nodes : where the bands sample a spectrum
    absorption : (absorber, node)
    surface : transmissions of leaf surfaces
    dry_soil, wet_soil, straw : (node,) reflectance of what lies below
    tilt : (node,) the soil's gain for a slope of one
    petals : (2, band) reflectance of yellow and of white petals
    """

    nodes: Nodes
    absorption: Array
    surface: prospect.Surfaces
    dry_soil: Array
    wet_soil: Array
    straw: Array
    tilt: Array
    petals: Array


def load_optics() -> Optics:
    """Read the optical constants and prepare the spectra of straw and petals.

    Raises
    ------
    ExtraMissing
        The package prosail is not installed.
    """
    nodes = band_nodes()
    here = constants(nodes.wavelength)
    surface = prospect.surfaces(here)
    made_of = np.array([_STRAW, _YELLOW, _WHITE])
    reflectance, transmittance = prospect.leaf_optics(made_of, here.absorption, surface)
    layer = np.array([_STRAW_LAYER])
    straw = sail.canopy_reflectance(layer, reflectance[:1], transmittance[:1], here.dry_soil[None])[0]
    petals = _to_bands(_PETAL_BRIGHTNESS * reflectance[1:], nodes)
    tilt = (nodes.wavelength - 1200) / 1200
    return Optics(nodes, here.absorption, surface, here.dry_soil, here.wet_soil, straw, tilt, petals)


def reflectance(canopy: Canopy, optics: Optics, threads: int = 1) -> npt.NDArray[np.float32]:
    """Return surface reflectance in all bands, in the order of `cropxai.bands.BANDS`.

    Parameters
    ----------
    canopy : parameters that broadcast to one shape; where one is NaN, the reflectance is
    optics : of `load_optics`
    threads : how many at a time work on it; the result is the same for any number

    Returns
    -------
    (…, 13) float32 : the bidirectional reflectance factor

    Raises
    ------
    CanopyRefused
        A parameter is outside of what the models describe.
    """
    columns = {name: _checked(name, np.asarray(getattr(canopy, name), float)) for name in _NAMES}
    shape = np.broadcast_shapes(*(column.shape for column in columns.values()))
    whole = {name: np.broadcast_to(column, shape or (1,)) for name, column in columns.items()}
    out = np.empty((*(shape or (1,)), len(optics.nodes.starts) - 1), np.float32)

    def work(piece: slice) -> None:
        table = np.stack([whole[name][piece].reshape(-1) for name in _NAMES], axis=1)
        out[piece] = _rows(table, optics).reshape(out[piece].shape)

    pieces = list(_pieces(out.shape[:-1]))
    if threads == 1 or len(pieces) == 1:
        for piece in pieces:
            work(piece)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, pieces))
    return out.reshape((*shape, out.shape[-1]))


def _checked(name: str, values: Array) -> Array:
    low, high = _LIMITS[name]
    outside = (values < low) | (values > high)
    if outside.any():
        raise CanopyRefused(name, float(values[outside][0]), low, high)
    return values


def _pieces(shape: tuple[int, ...]) -> Iterator[slice]:
    """Cut along the first axis."""
    step = max(1, _AT_A_TIME // max(1, int(np.prod(shape[1:]))))
    for start in range(0, shape[0], step):
        yield slice(start, start + step)


def _rows(table: Array, optics: Optics) -> Array:
    """Return the bands of canopies, given as rows with columns in the order of `_NAMES`."""
    column = {name: table[:, k, None] for k, name in enumerate(_NAMES)}
    spectrum = _ground(column, optics)
    cover = column["cover"]
    green = np.flatnonzero(~((column["lai"] <= _BARE) | (cover <= _BARE))[:, 0])
    if len(green):
        leaves = prospect.leaf_optics(table[green][:, _LEAF], optics.absorption, optics.surface)
        layer = table[green][:, _LAYER]
        layer[:, 0] /= cover[green, 0]
        below = spectrum[green]
        spectrum[green] += cover[green] * (sail.canopy_reflectance(layer, *leaves, below) - below)
    bands = _to_bands(spectrum, optics.nodes)
    yellow, white = optics.petals
    out: Array = bands + column["flowers"] * (yellow + (white - yellow) * column["white"] - bands)
    return out


def _ground(column: dict[str, Array], optics: Optics) -> Array:
    """Return the reflectance of soil and straw at the nodes, (row, node)."""
    soil = optics.dry_soil + (optics.wet_soil - optics.dry_soil) * column["soil_wetness"]
    soil = np.minimum(soil * (column["soil_brightness"] * (1 + column["soil_slope"] * optics.tilt)), 0.99)
    out: Array = soil + (optics.straw - soil) * column["straw"]
    return out


def _to_bands(spectrum: Array, nodes: Nodes) -> Array:
    out: Array = np.add.reduceat(spectrum * nodes.weight, nodes.starts[:-1], axis=-1)
    return out
