"""Reflectance of simulated fields in the 13 Sentinel-2 bands, from the state of soil, leaves, flowers and straw.

Living and dead leaves form one layer whose pigments, water and structure are their mean by area; PROSPECT-D and 4SAIL
(`radiation`) do the rest. Snow and foil are mixed in afterwards.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt

from cropxai.bands import BANDS
from cropxai.simulate.fields import Fields, FloatArray
from cropxai.simulate.phenology import States
from cropxai.simulate.radiation import Canopy, Optics, load_optics, reflectance
from cropxai.simulate.weather import Real

BAND_NAMES = tuple(band.name for band in BANDS)

#: Local solar time of an overpass, hours (ESA: 10:30 mean local time of the descending node).
OVERPASS_HOUR = 10.6
#: Carotenoids a unit of chlorophyll and what remains without it, µg cm⁻² (near the ratio of 1:4 to 1:5 that leaf data
#: sets show: Féret et al. 2017).
CAROTENOIDS, LEAST_CAROTENOIDS = 0.19, 1.5
#: Brown pigment of dead leaves, and how ripeness dries and bleaches the living ones (assumptions).
DEAD_BROWN, RIPE_BROWN, RIPE_LOSS = 0.9, 0.3, 0.65
#: Water that dead leaves keep, and how much more structured they are.
DEAD_WATER, DEAD_STRUCTURE = 0.08, 0.5
#: Reflectance of fresh snow: bright up to the near infrared, dark in the short-wave infrared; of foil and glass
#: houses (typical magnitudes; bands in the order of `BAND_NAMES`).
SNOW = np.array([0.86, 0.86, 0.85, 0.84, 0.83, 0.81, 0.80, 0.78, 0.77, 0.72, 0.30, 0.10, 0.07], np.float32)
FOIL = np.array([0.26, 0.28, 0.30, 0.31, 0.32, 0.35, 0.36, 0.36, 0.36, 0.34, 0.26, 0.24, 0.16], np.float32)
#: Mean factor on the reflectance of the soil of the optical constants, and share of its wet spectrum in a soil that is
#: wet: fields of Central Europe are darker, and wet soil is about half as bright as dry soil (Lobell & Asner 2002).
SOIL_LEVEL, SOIL_WET = 0.58, 0.6


@dataclass(frozen=True)
class Angles:
    """Where sun and satellite stand; each (time,) or (field, time), degrees.

    Attributes
    ----------
    sun, view : zenith angles
    azimuth : of the view from that of the sun
    """

    sun: npt.NDArray[np.float64]
    view: npt.NDArray[np.float64]
    azimuth: npt.NDArray[np.float64]


def sun_zenith(lat: npt.ArrayLike, days: npt.ArrayLike, hour: float = OVERPASS_HOUR) -> Real:
    """Return the zenith angle of the sun, degrees (spherical astronomy; declination as FAO-56, eq. 24)."""
    declination = 0.409 * np.sin(2 * np.pi * (np.asarray(days, float) + 1) / 365 - 1.39)
    phi = np.radians(lat)
    up = np.sin(phi) * np.sin(declination) + np.cos(phi) * np.cos(declination) * np.cos(np.pi / 12 * (hour - 12))
    return np.asarray(np.degrees(np.arccos(up)).clip(0, 84))


def angles(lat: npt.ArrayLike, days: npt.ArrayLike) -> Angles:
    """Return the angles of a view from straight above, for days of year at a latitude."""
    sun = sun_zenith(lat, days)
    return Angles(sun, np.full_like(sun, 5.0), np.full_like(sun, 90.0))


@cache
def _optics() -> Optics:
    return load_optics()


def surface_reflectance(fields: Fields, state: States, seen: Angles, threads: int = 1) -> FloatArray:
    """Return reflectance at the surface in all bands of `BAND_NAMES`, (field, time, 13) float32.

    Raises
    ------
    ExtraMissing
        The package prosail, which brings the optical constants, is not installed.
    """
    area = state.green_lai + state.brown_lai
    dead = state.brown_lai / np.maximum(area, 1e-3)
    fresh = 1 - RIPE_LOSS * state.ripeness
    chlorophyll = fields.chlorophyll[:, None] * fresh * (1 - dead)
    # Stems and ears hold water until the leaves are nearly ripe.
    moist = (1 - 0.8 * state.ripeness**2) * (1 - dead) + DEAD_WATER * dead
    canopy = Canopy(
        structure=fields.structure[:, None] + DEAD_STRUCTURE * dead,
        chlorophyll=chlorophyll,
        carotenoids=CAROTENOIDS * fields.chlorophyll[:, None] * (1 - 0.7 * dead) + LEAST_CAROTENOIDS,
        brown=DEAD_BROWN * dead + RIPE_BROWN * state.ripeness * (1 - dead),
        water=fields.water[:, None] * moist,
        dry_matter=fields.dry[:, None],
        lai=np.maximum(area, 0),
        leaf_angle=fields.angle[:, None],
        cover=state.cover,
        soil_brightness=SOIL_LEVEL * fields.soil_brightness[:, None],
        soil_slope=fields.soil_slope[:, None],
        soil_wetness=SOIL_WET * state.wetness,
        straw=state.residue,
        flowers=state.flower.clip(0, 1),
        white=fields.flower[:, 3, None],
        sun_zenith=seen.sun,
        view_zenith=seen.view,
        azimuth=seen.azimuth,
    )
    out = reflectance(canopy, _optics(), threads)
    out += (FOIL - out) * fields.foil[:, None, None]
    out += (SNOW - out) * state.snow[..., None]
    return out
