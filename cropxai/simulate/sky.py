"""What stands between the satellite and the simulated fields: orbits, clouds, shadows, haze and noise.

Frequencies and strengths are assumptions, chosen near what real Central European series show: half of all dates lost
to cloud, and some cloud, haze and shadow left undetected in those that count as clear.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from cropxai.simulate.atmosphere import top_of_atmosphere
from cropxai.simulate.canopy import BAND_NAMES, Angles, sun_zenith
from cropxai.simulate.fields import FloatArray

#: Days between two passes of one orbit with two satellites (ESA Sentinel-2 mission: 5 days).
REVISIT = 5
#: Days between the passes of two neighbouring orbits (they alternate 2 and 3).
NEIGHBOUR = 3
#: A parcel that lies in the overlap of both orbits.
BOTH = 2
#: Days of year (1 January = 0) of TinyEuroCrops over Austria, tile 33UWP, in 2019: 80 dates of two orbits.
TINYEUROCROPS_DAYS = np.array([
    5, 10, 12, 15, 17, 35, 37, 42, 45, 47, 50, 55, 57, 65, 70, 72, 77, 80, 82, 87, 90, 95, 105, 107, 110, 117, 120, 127,
    137, 145, 150, 152, 155, 157, 162, 165, 167, 170, 175, 177, 180, 182, 185, 195, 197, 200, 205, 212, 215, 220, 222,
    225, 227, 230, 240, 242, 245, 247, 250, 252, 255, 257, 260, 262, 265, 272, 280, 282, 285, 287, 290, 295, 297, 310,
    325, 332, 337, 340, 357, 360,
])  # fmt: skip

#: Reflectance of a bright cloud (typical magnitudes; B10 sees its upper part only).
CLOUD = np.array([0.62, 0.61, 0.60, 0.60, 0.61, 0.62, 0.63, 0.63, 0.63, 0.45, 0.06, 0.42, 0.32], np.float32)
#: What ice in a cloud changes: darker in the short-wave infrared, brighter in B10.
ICE = np.array([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0.2, -0.22, -0.2], np.float32)
#: How haze and thin cloud brighten: falls from blue to short-wave infrared.
THIN = np.array([1.0, 0.97, 0.93, 0.9, 0.88, 0.87, 0.86, 0.85, 0.84, 0.7, 0.1, 0.45, 0.35], np.float32)
#: Error of the aerosol correction, strongest in the blue.
AEROSOL = np.array([1.3, 1.0, 0.7, 0.5, 0.42, 0.35, 0.28, 0.24, 0.2, 0.2, 0, 0.08, 0.05], np.float32)
#: Spread of that error, of a date's level and of a parcel's own level (shares of reflectance), and noise by band: what
#: scales with reflectance and what does not.
AEROSOL_ERROR, DATE_LEVEL, OWN_LEVEL, BAND_NOISE, LEAST_NOISE = 0.010, 0.035, 0.03, 0.02, 0.0025
#: Noise of a mean of pixels at the top of the atmosphere, relative and absolute.
SENSOR_NOISE = (0.01, 0.0012)
#: Reflectance that B10 has without a visible cloud (median of clear half-months over Bavaria), and its place.
CIRRUS = 0.0018
_B10 = BAND_NAMES.index("B10")
#: By how much of a standard normal deviate winter is cloudier than summer.
WINTER_CLOUD = 0.35


@dataclass(frozen=True)
class Air:
    """The air over a landscape by date: all that its parcels have in common, (time,) each unless told.

    Attributes
    ----------
    depth : how overcast, a normal deviate; cloudy above 0
    waves : (3, wave, time) wave numbers along x and y (1/km) and phases of the field of clouds
    haze, level, error : thin cloud, factor of the date's level, error of the aerosol correction
    aerosol, vapour : optical thickness at 550 nm, water vapour (g cm⁻²)
    cirrus : reflectance in B10 of what is always in the air
    view, azimuth : angles under which the landscape is seen, degrees
    """

    depth: FloatArray
    waves: FloatArray
    haze: FloatArray
    level: FloatArray
    error: FloatArray
    aerosol: FloatArray
    vapour: FloatArray
    cirrus: FloatArray
    view: FloatArray
    azimuth: FloatArray


@dataclass(frozen=True)
class Sky:
    """The sky over parcels by date, each (parcel, time) float32.

    Attributes
    ----------
    clear : share of a parcel's pixels that the cloud mask calls clear
    cloud : cover of the parcel's whole area by cloud, 0…1
    thin : opacity of undetected haze or cloud over the clear pixels, 0…1
    shade : share of light that an undetected shadow leaves, 0…1
    """

    clear: FloatArray
    cloud: FloatArray
    thin: FloatArray
    shade: FloatArray


def acquisition_days(first: int, last: int, offset: int = 0, orbits: int = 2) -> npt.NDArray[np.int64]:
    """Return the days of year (1 January = 0) on which one or two orbits pass, (time,)."""
    passes = [np.arange(first + (offset + NEIGHBOUR * orbit) % REVISIT, last + 1, REVISIT) for orbit in range(orbits)]
    return np.unique(np.concatenate(passes))


def passing(days: npt.NDArray[np.int64], of_orbit: npt.NDArray[np.int64]) -> npt.NDArray[np.bool_]:
    """Say which of the days each parcel is seen on; (parcel, time).

    Parameters
    ----------
    days : (time,) day of year
    of_orbit : (parcel,) 0 for the first day's orbit, 1 for the neighbour, or `BOTH`
    """
    out: npt.NDArray[np.bool_] = (of_orbit[:, None] == BOTH) | (of_orbit[:, None] == _orbit(days)[None])
    return out


def _orbit(days: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.where((days - days[0]) % REVISIT == 0, 0, 1)


def draw_cloudiness(days: npt.NDArray[np.int64], places: int, rng: np.random.Generator) -> FloatArray:
    """Draw how overcast each landscape is on each day, as a standard normal value, (place, time).

    Half of the variance is common to all landscapes; weather lasts about three days.
    """
    memory = np.exp(-np.diff(days, prepend=days[0]) / 3.0)
    level = np.zeros((places + 1, len(days)), np.float32)
    level[:, 0] = rng.normal(0, 1, places + 1)
    for step in range(1, len(days)):
        fresh = rng.normal(0, 1, places + 1)
        level[:, step] = memory[step] * level[:, step - 1] + np.sqrt(1 - memory[step] ** 2) * fresh
    out: FloatArray = np.sqrt(np.float32(0.5)) * (level[1:] + level[:1])
    return out


def draw_air(
    days: npt.NDArray[np.int64], overcast: FloatArray, cloudiness: float, rng: np.random.Generator, waves: int = 24
) -> Air:
    """Draw the air over one landscape.

    Parameters
    ----------
    days : (time,) day of year
    overcast : (time,) standard normal, see `draw_cloudiness`
    cloudiness : mean share of cloudy parcel-dates
    rng : source of chance
    waves : plane waves of 5 to 60 km of which the field of clouds is made
    """
    times = len(days)
    winter = np.cos(2 * np.pi * (np.asarray(days, float) + 15) / 365)
    length = np.exp(rng.uniform(np.log(5), np.log(60), (waves, times)))
    angle, phase = rng.uniform(0, 2 * np.pi, (2, waves, times))
    turn = 2 * np.pi / length
    orbit = _orbit(np.asarray(days))
    views, azimuths = rng.uniform(2, 10, 2), (rng.uniform(40, 75), rng.uniform(105, 140))
    drawn = {
        "depth": 0.8 * overcast + NormalDist().inv_cdf(cloudiness) + WINTER_CLOUD * winter,
        "waves": np.stack([turn * np.cos(angle), turn * np.sin(angle), phase]),
        "haze": rng.exponential(0.07, times) * (rng.random(times) < 0.12),
        "level": 1 + DATE_LEVEL * rng.standard_normal(times),
        "error": AEROSOL_ERROR * rng.standard_normal(times),
        "aerosol": (0.12 - 0.04 * winter) * np.exp(0.45 * rng.standard_normal(times)),
        "vapour": (1.6 - 1.0 * winter) * np.exp(0.25 * rng.standard_normal(times)),
        "cirrus": CIRRUS * np.exp(0.4 * rng.standard_normal(times)),
        "view": views[orbit],
        "azimuth": np.array(azimuths)[orbit],
    }
    return Air(**{name: np.asarray(value, np.float32) for name, value in drawn.items()})


def seen_from(air: Air, lat: float, days: npt.NDArray[np.int64]) -> Angles:
    """Return the angles of sun and satellite over a landscape by date."""
    return Angles(sun_zenith(lat, days), np.asarray(air.view, float), np.asarray(air.azimuth, float))


def draw_sky(air: Air, east: FloatArray, north: FloatArray, rng: np.random.Generator) -> Sky:
    """Draw the sky over parcels of one landscape.

    Parameters
    ----------
    air : over the landscape
    east, north : (parcel,) kilometres
    rng : source of chance
    """
    n, times = len(east), len(air.depth)
    field = np.zeros((n, times), np.float32)
    for along_x, along_y, phase in zip(*air.waves, strict=True):
        field += np.cos(east[:, None] * along_x + north[:, None] * along_y + phase)
    # Whole-region weather (0.8) and cloud fields within it (0.6) together have unit variance.
    depth = air.depth[None] + np.float32(0.6 * np.sqrt(2 / air.waves.shape[1])) * field  # above 0: cloudy
    cloud = np.clip(0.5 + depth / 0.3, 0, 1)
    clear = 1 - np.clip(0.5 + (depth + 0.05) / 0.3, 0, 1)  # masks reach a little beyond the cloud
    chance = rng.random((4, n, times), np.float32)
    missed = chance[0] < 0.06
    clear = np.where(missed, np.maximum(clear, 1 - np.clip(0.35 + depth / 0.6, 0, 1)), clear)
    near = np.exp(-np.clip(-depth, 0, None) / 0.25)  # 1 at a cloud's rim
    thin = rng.exponential(0.05, (n, times)) * near * (chance[1] < 0.5)
    thin += air.haze[None] * (0.6 + 0.8 * chance[1])
    thin += missed * cloud * (0.1 + 0.4 * chance[2])
    shade = np.where(chance[3] < 0.12 * near, 0.4 + 0.55 * chance[2], 1)
    parts = (clear, cloud, thin.clip(0, 0.7), shade)
    return Sky(*(np.asarray(part, np.float32) for part in parts))


def disturb(reflectance: FloatArray, sky: Sky, air: Air, rng: np.random.Generator) -> FloatArray:
    """Add undetected haze and shadow, errors of the atmospheric correction, and noise, (parcel, time, 13)."""
    n, times, bands = reflectance.shape
    own = 1 + rng.standard_normal((n, times), np.float32) * np.float32(OWN_LEVEL)
    lit: FloatArray = reflectance * (sky.shade * air.level[None] * own)[..., None]
    lit += (CLOUD - lit) * (sky.thin[..., None] * THIN)
    lit += air.error[None, :, None] * AEROSOL
    lit *= 1 + rng.standard_normal((n, times, bands), np.float32) * np.float32(BAND_NOISE)
    lit += rng.standard_normal((n, times, bands), np.float32) * np.float32(LEAST_NOISE)
    return lit


def from_above(surface: FloatArray, sky: Sky, air: Air, seen: Angles, rng: np.random.Generator) -> FloatArray:
    """Return what the satellite measures at the top of the atmosphere, clouds and shadows in it, (parcel, time, 13).

    Shadows that a mask would find are twice as many as those it misses.
    """
    n, times, bands = surface.shape
    shade = np.minimum(sky.shade, np.where(rng.random((n, times)) < 0.1, rng.uniform(0.35, 0.9, (n, times)), 1))
    dark = np.where(sky.cloud > 0.9, 1, shade).astype(np.float32)
    aerosol = air.aerosol[None] * (1 + 3 * sky.thin)
    top = top_of_atmosphere(surface * dark[..., None], seen, aerosol, np.broadcast_to(air.vapour, aerosol.shape))
    top[..., _B10] += air.cirrus * (1 + 0.1 * rng.standard_normal((n, times)))
    thick = (sky.cloud * rng.uniform(0.3, 1.0, sky.cloud.shape))[..., None]
    look = CLOUD * rng.uniform(0.6, 1.35, (n, times, 1)) + ICE * rng.beta(0.7, 2.0, (n, times, 1))
    out: FloatArray = (top + (np.maximum(look, 0.001) - top) * thick).astype(np.float32)
    relative, least = (np.float32(s) for s in SENSOR_NOISE)
    out *= 1 + rng.standard_normal((n, times, bands), np.float32) * relative
    fixed = np.where(np.arange(bands) == _B10, least / 12, least).astype(np.float32)  # B10 is dark, and so is its noise
    out += rng.standard_normal((n, times, bands), np.float32) * fixed
    return out


def clear_top(surface: FloatArray, air: Air, seen: Angles) -> FloatArray:
    """Return what would be seen at the top of an air without clouds, shadows and noise, (parcel, time, 13)."""
    shape = surface.shape[:2]
    top = top_of_atmosphere(surface, seen, np.broadcast_to(air.aerosol, shape), np.broadcast_to(air.vapour, shape))
    top[..., _B10] += air.cirrus
    return top
