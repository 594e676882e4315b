"""From the surface to the top of the atmosphere: Rayleigh and aerosol scattering and absorbing gases.

One Lambertian surface below one layer: ``ρ = Tg · (ρ_path + T↓ T↑ ρ_s / (1 − S ρ_s))``, as in Vermote et al. 1997
(doi 10.1109/36.581987), with single scattering for the path and a factor for what is scattered more often.
"""

import numpy as np
import numpy.typing as npt

from cropxai.bands import BANDS
from cropxai.simulate.canopy import Angles
from cropxai.simulate.fields import FloatArray
from cropxai.simulate.weather import Real

WAVELENGTH = np.array([band.wavelength for band in BANDS]) / 1000  # µm


def rayleigh(wavelength: npt.ArrayLike) -> Real:
    """Return the Rayleigh optical thickness at wavelengths in µm (Hansen & Travis 1974, eq. 2.30)."""
    at = np.asarray(wavelength, float)
    return np.asarray(0.008569 * at**-4 * (1 + 0.0113 * at**-2 + 0.00013 * at**-4))


RAYLEIGH = rayleigh(WAVELENGTH)
#: Share of the light scattered backwards, by molecules and by continental aerosol; single-scattering albedo, asymmetry
#: and Ångström exponent of the latter (typical values).
BACKWARD_RAYLEIGH, BACKWARD_AEROSOL = 0.5, 0.14
ALBEDO, ASYMMETRY, ANGSTROM = 0.92, 0.65, 1.3
#: Absorption by water vapour, for (g cm⁻² × air mass)^0.6, and by ozone and other gases an air mass: magnitudes
#: that give the known transmissions of the bands (B09 lies in a water-vapour band, B10 sees no ground).
#:                 B01   B02   B03    B04    B05    B06    B07    B08    B8A    B09   B10  B11    B12
VAPOUR = np.array([0.0, 0.0, 0.001, 0.004, 0.008, 0.010, 0.004, 0.018, 0.002, 0.48, 3.2, 0.006, 0.014])
GASES = np.array([0.001, 0.006, 0.030, 0.018, 0.008, 0.003, 0.0, 0.0, 0.0, 0.0, 0.02, 0.006, 0.012])


def top_of_atmosphere(surface: FloatArray, seen: Angles, aerosol: npt.ArrayLike, vapour: npt.ArrayLike) -> FloatArray:
    """Return reflectance at the top of a cloudless atmosphere, (…, 13) float32.

    Parameters
    ----------
    surface : (…, 13) reflectance of the ground
    seen : angles that broadcast to (…)
    aerosol : optical thickness at 550 nm
    vapour : column of water vapour, g cm⁻²
    """
    sun, view = (np.cos(np.radians(angle))[..., None] for angle in (seen.sun, seen.view))
    turn = np.cos(np.radians(seen.azimuth))[..., None]
    scattering = -sun * view - np.sqrt(1 - sun**2) * np.sqrt(1 - view**2) * turn
    haze = np.asarray(aerosol, float)[..., None] * (WAVELENGTH / 0.55) ** -ANGSTROM
    air = 1 / sun + 1 / view
    thick = RAYLEIGH + haze
    molecules = 0.75 * (1 + scattering**2)
    particles = (1 - ASYMMETRY**2) / (1 + ASYMMETRY**2 - 2 * ASYMMETRY * scattering) ** 1.5
    phase = (RAYLEIGH * molecules + ALBEDO * haze * particles) / thick
    path = (1 - np.exp(-thick * air)) * phase / (4 * (sun + view))
    path *= 1 + 1.4 * RAYLEIGH + 0.9 * haze  # light scattered more than once
    through = np.exp(-(BACKWARD_RAYLEIGH * RAYLEIGH + (BACKWARD_AEROSOL + 1 - ALBEDO) * haze) * air)
    spherical = 0.92 * BACKWARD_RAYLEIGH * RAYLEIGH + BACKWARD_AEROSOL * haze
    absorbed = VAPOUR * (np.asarray(vapour, float)[..., None] * air) ** 0.6 + GASES * air
    out = np.exp(-absorbed) * (path + through * surface / (1 - spherical * surface))
    return np.asarray(out, np.float32)
