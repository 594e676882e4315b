"""What stands between the satellite and the simulated fields: orbits, clouds, shadows, haze and noise.

Frequencies and strengths are assumptions, chosen near what real Central European series show: half of all dates lost
to cloud, and some cloud, haze and shadow left undetected in those that count as clear.
"""

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from cropxai.simulate.canopy import SPHERICAL_ALBEDO
from cropxai.simulate.fields import FloatArray

#: Days between two passes of one orbit with two satellites (ESA Sentinel-2 mission: 5 days).
REVISIT = 5
#: Days between the passes of two neighbouring orbits (they alternate 2 and 3).
NEIGHBOUR = 3
#: A parcel that lies in the overlap of both orbits.
BOTH = 2

#: Reflectance of a bright cloud (typical magnitudes; B10 sees its upper part only).
CLOUD = np.array([0.62, 0.61, 0.60, 0.60, 0.61, 0.62, 0.63, 0.63, 0.63, 0.45, 0.06, 0.42, 0.32], np.float32)
#: How haze and thin cloud brighten: falls from blue to short-wave infrared.
THIN = np.array([1.0, 0.97, 0.93, 0.9, 0.88, 0.87, 0.86, 0.85, 0.84, 0.7, 0.1, 0.45, 0.35], np.float32)
#: Error of the aerosol correction, strongest in the blue.
AEROSOL = np.array([1.3, 1.0, 0.7, 0.5, 0.42, 0.35, 0.28, 0.24, 0.2, 0.2, 0, 0.08, 0.05], np.float32)


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
    first = (days - days[0]) % REVISIT == 0
    out: npt.NDArray[np.bool_] = (of_orbit[:, None] == BOTH) | (of_orbit[:, None] == np.where(first, 0, 1)[None])
    return out


def draw_cloudiness(days: npt.NDArray[np.int64], regions: int, rng: np.random.Generator) -> FloatArray:
    """Draw how overcast each region is on each day, as a standard normal value, (region, time).

    Half of the variance is common to all regions; weather lasts about three days.
    """
    memory = np.exp(-np.diff(days, prepend=days[0]) / 3.0)
    level = np.zeros((regions + 1, len(days)), np.float32)
    level[:, 0] = rng.normal(0, 1, regions + 1)
    for step in range(1, len(days)):
        fresh = rng.normal(0, 1, regions + 1)
        level[:, step] = memory[step] * level[:, step - 1] + np.sqrt(1 - memory[step] ** 2) * fresh
    out: FloatArray = np.sqrt(np.float32(0.5)) * (level[1:] + level[:1])
    return out


def draw_sky(
    overcast: FloatArray, east: FloatArray, north: FloatArray, cloudiness: float, rng: np.random.Generator
) -> Sky:
    """Draw the sky over the parcels of one region.

    Parameters
    ----------
    overcast : (time,) standard normal, see `draw_cloudiness`
    east, north : (parcel,) kilometres
    cloudiness : mean share of cloudy parcel-dates
    rng : source of chance
    """
    n, times = len(east), len(overcast)
    field = _waves(east, north, times, rng)
    # Whole-region weather (0.8) and cloud fields within it (0.6) together have unit variance.
    z = 0.8 * overcast[None] + 0.6 * field
    depth = z + NormalDist().inv_cdf(cloudiness)  # above 0: cloudy
    cloud = np.clip(0.5 + depth / 0.3, 0, 1)
    clear = 1 - np.clip(0.5 + (depth + 0.05) / 0.3, 0, 1)  # masks reach a little beyond the cloud
    missed = rng.random((n, times)) < 0.06
    clear = np.where(missed, np.maximum(clear, 1 - np.clip(0.35 + depth / 0.6, 0, 1)), clear)
    near = np.exp(-np.clip(-depth, 0, None) / 0.25)  # 1 at a cloud's rim
    thin = rng.exponential(0.05, (n, times)) * near * (rng.random((n, times)) < 0.5)
    thin += rng.exponential(0.07, times)[None] * (rng.random(times) < 0.12)[None] * rng.uniform(0.6, 1.4, (n, times))
    thin += missed * cloud * rng.uniform(0.1, 0.5, (n, times))
    shade = np.where(rng.random((n, times)) < 0.12 * near, rng.uniform(0.4, 0.95, (n, times)), 1)
    return Sky(clear.astype(np.float32), cloud.astype(np.float32), thin.clip(0, 0.7).astype(np.float32), shade)


def _waves(east: FloatArray, north: FloatArray, times: int, rng: np.random.Generator, count: int = 24) -> FloatArray:
    """Draw smooth random fields of unit variance as sums of plane waves of 5 to 60 km, (place, time)."""
    length = np.exp(rng.uniform(np.log(5), np.log(60), (count, times)))
    angle, phase = rng.uniform(0, 2 * np.pi, (2, count, times)).astype(np.float32)
    along_x = (2 * np.pi / length * np.cos(angle)).astype(np.float32)
    along_y = (2 * np.pi / length * np.sin(angle)).astype(np.float32)
    total = np.zeros((len(east), times), np.float32)
    for k in range(count):
        total += np.cos(east[:, None] * along_x[k] + north[:, None] * along_y[k] + phase[k])
    out: FloatArray = total * np.float32(np.sqrt(2 / count))
    return out


def disturb(reflectance: FloatArray, sky: Sky, rng: np.random.Generator) -> FloatArray:
    """Add undetected haze and shadow, errors of the atmospheric correction, and noise, (parcel, time, 13).

    The residual aerosol error is common to all parcels of a call on a date; the rest is each parcel's own.
    """
    n, times, bands = reflectance.shape
    aerosol = np.asarray(rng.normal(0, 0.010, (1, times, 1)), np.float32) * AEROSOL
    level = np.asarray(rng.normal(1, 0.035, (1, times, 1)), np.float32)
    own = 1 + rng.standard_normal((n, times, 1), np.float32) * np.float32(0.03)
    thin = sky.thin[..., None] * THIN
    lit = reflectance * (sky.shade[..., None] * level * own)
    lit += (CLOUD - lit) * thin + aerosol
    lit *= 1 + rng.standard_normal((n, times, bands), np.float32) * np.float32(0.02)
    lit += rng.standard_normal((n, times, bands), np.float32) * np.float32(0.0025)
    out: FloatArray = lit
    return out


def under_cloud(top: FloatArray, cloud: FloatArray, rng: np.random.Generator) -> FloatArray:
    """Cover top-of-atmosphere reflectance with the clouds that no mask removes, (parcel, time, 13)."""
    opacity = (cloud * rng.uniform(0.35, 1.0, cloud.shape))[..., None].astype(np.float32)
    bright = rng.uniform(0.7, 1.35, (*cloud.shape, 1)).astype(np.float32)
    out: FloatArray = top + (CLOUD * bright / (1 - 0.3 * SPHERICAL_ALBEDO) - top) * opacity
    return out
