"""What lies on each pixel of a simulated landscape, and how it looks from above on a date."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from rasterio.features import rasterize
from rasterio.transform import Affine

from cropxai.bands import BY_NAME, COMMON_BANDS, QUANTIFICATION
from cropxai.simulate.canopy import BAND_NAMES, Angles, angles, surface_reflectance
from cropxai.simulate.clouds import ScenePass, observe
from cropxai.simulate.fields import Fields, FloatArray
from cropxai.simulate.landscape import ROAD, VERGE, VILLAGE, WATER, WOOD, Landscape, smooth_noise
from cropxai.simulate.phenology import states
from cropxai.simulate.pieces import SNOWY
from cropxai.simulate.weather import Place, Weather

#: Where the landscape lies.
PLACE = Place("Bavaria", 11.7, 48.3)
#: Digital numbers are rounded to multiples of this, so that files compress.
STEP = 16

_WHICH = [BAND_NAMES.index(band) for band in COMMON_BANDS]
_COARSE = np.array([BY_NAME[band].resolution > 10 for band in COMMON_BANDS])


@dataclass(frozen=True)
class Ground:
    """What lies on each pixel.

    Attributes
    ----------
    kind : (row, column) -1 on fields and verges, else one of `landscape.BACKGROUND`
    fields : one simulated field a pixel, in row order
    texture : (row, column) smooth noise
    """

    kind: npt.NDArray[np.int16]
    fields: Fields
    texture: FloatArray


def draw_ground(land: Landscape, grown: Fields, size: int, transform: Affine, rng: np.random.Generator) -> Ground:
    """Lay out fields on a grid of pixels; the last of ``grown`` is what grows where no parcel is."""
    shape = (size, size)
    verge = len(grown) - 1
    shapes = [(geometry, n) for n, geometry in enumerate(land.grown)]
    of_pixel = rasterize(shapes, shape, fill=verge, transform=transform, dtype="int32")
    around = [(geometry, kind) for kind, geometry in sorted(land.background.items()) if not geometry.is_empty]
    between = rasterize(around, shape, fill=VERGE, transform=transform, dtype="int16")
    kind = np.asarray(np.where((of_pixel == verge) & (between != VERGE), between, -1), np.int16)
    fields = grown.take(of_pixel.ravel())
    # Fields are not even: growth, earliness, leaf colour and soil vary smoothly within them (assumed strengths).
    growth, early, colour, soil = (smooth_noise(shape, length, rng).ravel() for length in (12, 20, 8, 25))
    fields = replace(
        fields,
        lai=fields.lai * np.exp(0.10 * growth + 0.04 * rng.standard_normal(size * size)).astype(np.float32),
        events=fields.events + 1.5 * early[:, None],
        chlorophyll=fields.chlorophyll * (1 + 0.05 * colour),
        soil_brightness=fields.soil_brightness * np.exp(0.08 * soil),
        wetness=fields.wetness - 0.05 * soil,
    )
    return Ground(kind, fields, smooth_noise(shape, 3, rng))


def digital_numbers(
    ground: Ground, scene: ScenePass, weather: Weather, rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """Return a scene: (11, row, column), ten bands and SCL."""
    size = ground.kind.shape[0]
    state = states(ground.fields, [scene.day], weather)
    seen_from: Angles = angles(PLACE.lat, np.array([scene.day]))
    surface = surface_reflectance(ground.fields, state, seen_from)[:, 0, _WHICH].reshape(size, size, -1)
    _paint_background(surface, ground, scene.day)
    snow = (state.snow[:, 0] > SNOWY).reshape(size, size) & (ground.kind != WATER)
    seen, scl, unseen = observe(_blur(surface), ground.kind == WATER, snow, scene, rng)
    seen[..., _COARSE] = _coarsen(seen[..., _COARSE])
    numbers = np.round(seen * (QUANTIFICATION / STEP)).clip(1, 65_535 // STEP) * STEP
    numbers[unseen], scl[unseen] = 0, 0
    return np.moveaxis(np.concatenate([numbers, scl[..., None]], axis=2), 2, 0).astype(np.uint16)


# Typical magnitudes of what lies between fields, in the order of `COMMON_BANDS` (assumptions).
_ROAD = np.array([0.085, 0.10, 0.115, 0.125, 0.145, 0.155, 0.165, 0.17, 0.19, 0.165], np.float32)
_ROOF = np.array([0.12, 0.14, 0.18, 0.20, 0.22, 0.235, 0.25, 0.26, 0.28, 0.25], np.float32)
_GARDEN = np.array([0.04, 0.07, 0.06, 0.11, 0.22, 0.26, 0.28, 0.29, 0.19, 0.12], np.float32)
_WATER = np.array([0.035, 0.042, 0.030, 0.025, 0.020, 0.018, 0.016, 0.014, 0.008, 0.006], np.float32)
_WOOD_SUMMER = np.array([0.017, 0.033, 0.02, 0.06, 0.20, 0.25, 0.26, 0.275, 0.115, 0.05], np.float32)
_WOOD_WINTER = np.array([0.03, 0.04, 0.045, 0.075, 0.13, 0.15, 0.16, 0.17, 0.13, 0.075], np.float32)


def _paint_background(surface: FloatArray, ground: Ground, day: int) -> None:
    texture = ground.texture[..., None]
    roofs = np.clip(0.5 + 0.6 * texture, 0, 1)
    # Leaves come out around 20 April and fall around 1 November.
    leafy = float(np.clip((day - 100) / 25, 0, 1) * np.clip((315 - day) / 25, 0, 1))
    wood = (_WOOD_WINTER + (_WOOD_SUMMER - _WOOD_WINTER) * (0.5 + 0.5 * leafy)) * np.exp(0.12 * texture)
    looks = {
        VILLAGE: _GARDEN + (_ROOF - _GARDEN) * roofs,
        WOOD: wood,
        WATER: np.broadcast_to(_WATER, surface.shape),
        ROAD: _ROAD * np.exp(0.05 * texture),
    }
    for kind, look in looks.items():
        here = ground.kind == kind
        surface[here] = look[here]


def _blur(surface: FloatArray) -> FloatArray:
    """Let light of neighbouring pixels in, as the point spread function of the instrument does (small, assumed)."""
    out: FloatArray = surface
    for axis in (0, 1):
        edge = [(1, 1) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(out, edge, mode="edge")
        before, after = np.delete(padded, [-1, -2], axis), np.delete(padded, [0, 1], axis)
        out = 0.76 * out + 0.12 * (before + after)
    return out


def _coarsen(values: FloatArray) -> FloatArray:
    """Average 2 × 2 pixels and give each of the four the mean: a 20 m band on a 10 m grid."""
    rows, columns, bands = values.shape
    means = values.reshape(rows // 2, 2, columns // 2, 2, bands).mean(axis=(1, 3))
    out: FloatArray = means.repeat(2, axis=0).repeat(2, axis=1)
    return out
