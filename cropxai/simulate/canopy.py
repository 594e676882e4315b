"""Reflectance of simulated fields in the 13 Sentinel-2 bands, from the state of soil, leaves, flowers and straw.

The canopy is a two-stream layer over soil: Goudriaan (1977), *Crop micrometeorology*, with leaf single-scattering
albedo ω, extinction k, leaf area L and soil reflectance ρs::

    ρ∞ = (1 − √(1−ω)) / (1 + √(1−ω)),   K = k √(1−ω),   A = (ρ∞ − ρs) / (ρ∞ ρs − 1) · exp(−2 K L)
    ρ  = (ρ∞ + A) / (1 + ρ∞ A)

so that the visible bands saturate early and the near infrared late. The band-wise spectra below are typical published
magnitudes set by hand (assumptions, to be replaced by PROSPECT leaf optics); no measured spectrum is copied.
"""

import numpy as np
import numpy.typing as npt

from cropxai.bands import BANDS
from cropxai.simulate.fields import Fields, FloatArray
from cropxai.simulate.phenology import States

BAND_NAMES = tuple(band.name for band in BANDS)


def _spectrum(*values: float) -> FloatArray:
    return np.array(values, np.float32)


# Bands:                    B01   B02   B03   B04   B05   B06   B07   B08   B8A   B09   B10   B11   B12
#: Leaf single-scattering albedo (reflectance + transmittance) of a fresh leaf with chlorophyll 45 µg cm⁻².
GREEN_LEAF = _spectrum(0.065, 0.095, 0.215, 0.145, 0.330, 0.820, 0.925, 0.940, 0.946, 0.920, 0.680, 0.570, 0.310)
#: The same of dead leaves and ripe stems.
BROWN_LEAF = _spectrum(0.190, 0.240, 0.330, 0.430, 0.510, 0.580, 0.640, 0.690, 0.720, 0.750, 0.740, 0.720, 0.590)
#: Absorption, as -ln ω, that doubling the chlorophyll or the water of a leaf adds.
BY_CHLOROPHYLL = _spectrum(0.10, 0.15, 0.45, 0.30, 0.55, 0.09, 0.02, 0, 0, 0, 0, 0, 0)
BY_WATER = _spectrum(0, 0, 0, 0, 0, 0, 0, 0.003, 0.006, 0.03, 0.35, 0.28, 0.55)
#: Dry bare soil (loam), and the share of it that remains when wet (Lobell & Asner 2002: exponential, to about half).
DRY_SOIL = _spectrum(0.085, 0.105, 0.142, 0.182, 0.205, 0.225, 0.240, 0.253, 0.265, 0.280, 0.290, 0.335, 0.295)
WET_SHARE = _spectrum(0.55, 0.54, 0.53, 0.53, 0.54, 0.55, 0.56, 0.56, 0.57, 0.56, 0.50, 0.52, 0.45)
#: Layers that cover: straw on the ground, yellow petals.
STRAW = _spectrum(0.105, 0.125, 0.172, 0.225, 0.252, 0.275, 0.295, 0.312, 0.330, 0.345, 0.360, 0.430, 0.340)
PETALS = _spectrum(0.050, 0.055, 0.230, 0.260, 0.340, 0.500, 0.560, 0.580, 0.590, 0.570, 0.400, 0.300, 0.160)

# Top of atmosphere, for a clear mid-latitude sky: path reflectance, transmittance both ways and spherical albedo.
# Rayleigh optical thickness falls with wavelength^-4 (Hansen & Travis 1974); B09 lies in a water-vapour band, B10 sees
# no ground. Values are set by hand to agree with clear top-of-atmosphere scenes of Central Europe.
PATH = _spectrum(0.112, 0.076, 0.042, 0.021, 0.016, 0.012, 0.009, 0.007, 0.006, 0.002, 0.001, 0.001, 0.0005)
TRANSMITTANCE = _spectrum(0.74, 0.81, 0.84, 0.90, 0.88, 0.90, 0.93, 0.91, 0.96, 0.42, 0.010, 0.95, 0.92)
SPHERICAL_ALBEDO = _spectrum(0.18, 0.13, 0.09, 0.06, 0.05, 0.04, 0.035, 0.03, 0.027, 0.02, 0, 0.007, 0.003)


def two_stream(leaf: FloatArray, soil: FloatArray, extinction: FloatArray, lai: FloatArray) -> FloatArray:
    """Reflectance of a leaf layer over soil; see the module's formula. All arguments broadcast.

    Parameters
    ----------
    leaf : single-scattering albedo of the leaves
    soil : reflectance below
    extinction : k
    lai : leaf area index, m² m⁻²
    """
    root = np.sqrt(1 - leaf)
    deep = (1 - root) / (1 + root)
    back = (deep - soil) / (deep * soil - 1) * np.exp(-2 * extinction * root * lai)
    out: FloatArray = (deep + back) / (1 + deep * back)
    return out


def leaf_albedo(chlorophyll: FloatArray, water: FloatArray) -> FloatArray:
    """Single-scattering albedo of green leaves, (…, 13), for chlorophyll and water relative to the reference leaf."""
    absorbed = (chlorophyll[..., None] - 1) * BY_CHLOROPHYLL + (water[..., None] - 1) * BY_WATER
    out: FloatArray = np.clip(GREEN_LEAF * np.exp(-absorbed), 0.02, 0.985)
    return out


def soil_reflectance(brightness: FloatArray, slope: FloatArray, wetness: FloatArray) -> FloatArray:
    """Reflectance of bare soil, (…, 13); darkens exponentially with wetness and reddens with ``slope``."""
    tilt = np.linspace(-0.5, 0.5, len(BANDS), dtype=np.float32)
    dry = DRY_SOIL * brightness[..., None] * np.exp(slope[..., None] * tilt)
    wet = WET_SHARE ** np.minimum(wetness, 1)[..., None]
    out: FloatArray = np.clip(dry * wet, 0.01, 0.7)
    return out


def surface_reflectance(fields: Fields, state: States) -> FloatArray:
    """Reflectance at the surface in all bands of `BAND_NAMES`, (field, time, 13) float32.

    Green and dead leaves form one layer with their mean albedo; straw and open rows lie below and beside it, petals
    above.
    """
    soil = soil_reflectance(fields.soil_brightness[:, None], fields.soil_slope[:, None], state.wetness)
    straw = STRAW * (0.75 + 0.25 * fields.soil_brightness[:, None, None])
    ground = soil + (straw - soil) * state.residue[..., None]
    fresh = 1 - 0.6 * state.ripeness
    green = leaf_albedo(fields.chlorophyll[:, None] * fresh, fields.water[:, None] * fresh)
    area = state.green_lai + state.brown_lai
    dead = (state.brown_lai / np.maximum(area, 1e-3))[..., None]
    leaf = green + (BROWN_LEAF - green) * dead
    open_rows = 1 - fields.cover[:, None, None]
    # The whole leaf area stands on the covered share of the ground.
    canopy = two_stream(leaf, ground, fields.extinction[:, None, None], (area / fields.cover[:, None])[..., None])
    mixed = canopy + (ground - canopy) * open_rows
    out: npt.NDArray[np.float32] = mixed + (PETALS - mixed) * state.flower[..., None]
    return out.astype(np.float32, copy=False)


def top_of_atmosphere(surface: FloatArray, haze: FloatArray) -> FloatArray:
    """Reflectance at the top of a clear atmosphere, (…, 13); ``haze`` scales the path reflectance (1 = typical)."""
    out: FloatArray = PATH * haze[..., None] + TRANSMITTANCE * surface / (1 - SPHERICAL_ALBEDO * surface)
    return out.astype(np.float32, copy=False)
