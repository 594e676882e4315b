"""Passes of the satellite over a simulated landscape: clouds as fields of pixels, their shadows, and the SCL layer."""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from cropxai.bands import COMMON_BANDS
from cropxai.simulate.canopy import BAND_NAMES
from cropxai.simulate.fields import FloatArray
from cropxai.simulate.landscape import smooth_noise
from cropxai.simulate.sky import AEROSOL, CLOUD, THIN, acquisition_days, draw_cloudiness

#: Room around the scene (pixels) in which clouds lie whose shadows fall into it.
MARGIN = 48
#: Clouds' size, pixels of 10 m, and the distance of shadows, pixels towards north and west (assumptions).
CLOUD_LENGTH = 30.0
SHADOW = (18, 44)
#: Scenes that the edge of the swath cuts.
CUT_SCENES = 2
#: NDVI from which a pixel counts as vegetation in the simulated SCL (assumption).
VEGETATION_NDVI = 0.4

_WHICH = [BAND_NAMES.index(band) for band in COMMON_BANDS]
_RED, _NIR = COMMON_BANDS.index("B04"), COMMON_BANDS.index("B08")


@dataclass(frozen=True)
class ScenePass:
    """One pass: day of year (1 January = 0), how overcast (normal deviate; above 0 mostly cloudy), cut by the swath."""

    day: int
    overcast: float
    cut: bool


def draw_passes(count: int, season: tuple[int, int], cloudiness: float, rng: np.random.Generator) -> list[ScenePass]:
    """Draw the passes that an archive search would keep: of each stretch of the season, one of its clearer days."""
    days = acquisition_days(*season, offset=int(rng.integers(0, 5)))
    overcast = draw_cloudiness(days, 1, rng)[0] + NormalDist().inv_cdf(cloudiness)
    kept = []
    for stretch in np.array_split(np.arange(len(days)), min(count, len(days))):
        tried = rng.choice(stretch, min(3, len(stretch)), replace=False)
        kept.append(int(tried[np.argmin(overcast[tried])]))
    cut = set(rng.choice(kept, min(CUT_SCENES, len(kept)), replace=False).tolist())
    return [ScenePass(int(days[k]), float(overcast[k]), k in cut) for k in kept]


def observe(
    surface: FloatArray,
    water: npt.NDArray[np.bool_],
    snow: npt.NDArray[np.bool_],
    scene: ScenePass,
    rng: np.random.Generator,
) -> tuple[FloatArray, npt.NDArray[np.uint8], npt.NDArray[np.bool_]]:
    """Look at the ground through the sky of a pass.

    Parameters
    ----------
    surface : (row, column, band) reflectance in `COMMON_BANDS`
    water, snow : (row, column) where water is, and snow
    scene : the pass
    rng : source of chance

    Returns
    -------
    (row, column, band) reflectance; (row, column) SCL classes; (row, column) where the swath does not reach
    """
    size = surface.shape[0]
    wide = (size + 2 * MARGIN, size + 2 * MARGIN)
    cover = 0.75 * smooth_noise(wide, CLOUD_LENGTH, rng) + 0.35 * smooth_noise(wide, CLOUD_LENGTH / 4, rng)
    depth = cover + 1.2 * scene.overcast  # above 0: cloud
    opacity = np.clip(depth / 0.5, 0, 1)
    inside = (slice(MARGIN, -MARGIN), slice(MARGIN, -MARGIN))
    north, west = rng.integers(*SHADOW, 2)
    cast = np.roll(np.clip(depth / 0.35, 0, 1), (-int(north), -int(west)), (0, 1))
    shadow = np.asarray((cast * (1 - opacity))[inside], np.float32)
    seen = _through(surface, np.asarray(opacity[inside], np.float32), shadow, rng)
    flaw = smooth_noise((size, size), 4, rng)
    scl = _classify(seen, (water, snow), np.asarray(depth[inside], np.float32), shadow, flaw)
    return seen, scl, _unseen(size, scene.cut, rng)


def _through(surface: FloatArray, opacity: FloatArray, shadow: FloatArray, rng: np.random.Generator) -> FloatArray:
    bands = len(_WHICH)
    seen: FloatArray = surface * (1 - 0.5 * shadow[..., None])
    brightness = rng.uniform(0.8, 1.25)
    haze = rng.exponential(0.05) * (rng.random() < 0.25) * (1 + 0.4 * smooth_noise(opacity.shape, 60, rng)).clip(0)
    thin = THIN[_WHICH] * np.maximum(haze, 0)[..., None]
    seen += (CLOUD[_WHICH] - seen) * thin
    # A cloud is opaque to all bands once thick; at its rim the short-wave infrared sees through.
    through = opacity[..., None] ** (1 / np.maximum(THIN[_WHICH], 0.3))
    seen += (CLOUD[_WHICH] * brightness - seen) * through
    seen = seen * rng.normal(1, 0.03) + rng.normal(0, 0.008) * AEROSOL[_WHICH]
    seen *= 1 + 0.015 * rng.standard_normal((*opacity.shape, bands))
    return np.clip(seen + 0.0015 * rng.standard_normal(seen.shape), 0.0016, 1.2).astype(np.float32)


def _classify(
    seen: FloatArray,
    ground: tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]],
    depth: FloatArray,
    shadow: FloatArray,
    flaw: FloatArray,
) -> npt.NDArray[np.uint8]:
    """Make an SCL layer on pixels of 20 m that misses some rims of clouds and shadows, and overdoes others."""
    ndvi = (seen[..., _NIR] - seen[..., _RED]) / (seen[..., _NIR] + seen[..., _RED])
    scl = np.where(ndvi > VEGETATION_NDVI, 4, 5)
    scl = np.where((ndvi > 0.3) & (ndvi <= VEGETATION_NDVI) & (flaw > 1.2), 7, scl)
    water, snow = ground
    scl = np.where(water, 6, scl)
    found = depth - 0.04 + 0.05 * flaw
    scl = np.where(shadow + 0.1 * flaw > 0.28, 3, scl)
    scl = np.where(snow & (flaw < 1.4), 11, scl)
    scl = np.where(found > 0, 8, scl)
    scl = np.where(found > 0.22, 9, scl)
    coarse = scl[::2, ::2].astype(np.uint8)
    out: npt.NDArray[np.uint8] = coarse.repeat(2, axis=0).repeat(2, axis=1)
    return out


def _unseen(size: int, cut: bool, rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """Where the swath does not reach: beyond a slanted line, as the orbit's inclination makes it."""
    start = rng.uniform(0.3, 0.6) * size
    row, column = np.mgrid[0:size, 0:size]
    # 98.6° of inclination slants the ground track by about 12° at mid-latitudes.
    out: npt.NDArray[np.bool_] = (column > start + 0.21 * (size - row)) & cut
    return out
