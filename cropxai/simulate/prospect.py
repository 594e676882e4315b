"""Reflectance and transmittance of leaves: PROSPECT-D.

A leaf is a pile of N plates with rough surfaces (Allen et al. 1969, *J. Opt. Soc. Am.* 59; Jacquemoud & Baret 1990,
*Remote Sens. Environ.* 34), whose absorption is the sum over its contents (Féret et al. 2017, *Remote Sens. Environ.*
193). The light that a plate of absorption k lets through is, for diffuse light, τ = 2 E₃(k) = (1−k) e⁻ᵏ + k² E₁(k).
"""

import math
from dataclasses import dataclass

import numpy as np

from cropxai.jit import compiled
from cropxai.simulate.spectra import Array, Constants

#: Half angle of the cone, in degrees, within which light falls on the upper face of a leaf.
INCIDENCE = 40.0
#: Columns of a table of leaves: plates, µg cm⁻² of three pigments, brown pigment, cm of water, g cm⁻² of dry matter.
COLUMNS = ("structure", "chlorophyll", "carotenoids", "anthocyanins", "brown", "water", "dry_matter")

# Abramowitz & Stegun 1964, 5.1.56: x eˣ E₁(x) for x ≥ 1, within 2e-8.
_A = (8.5733287401, 18.0590169730, 8.6347608925, 0.2677737343)
_B = (9.5733223454, 25.6329561486, 21.0996530827, 3.9584969228)
_EULER = 0.5772156649015329
# 5.1.11: E₁(x) = -γ - ln x - Σ (-x)ⁿ / (n n!); twelve terms are within 2e-11 for x ≤ 1.
_SERIES = tuple(-((-1.0) ** n) / (n * math.factorial(n)) for n in range(1, 13))


@dataclass(frozen=True)
class Surfaces:
    """Shares of light that pass the surface of a leaf, (wavelength,): into it from the cone, into it, out of it."""

    entering: Array
    inwards: Array
    outwards: Array


def transmission(refraction: Array, half_angle: float) -> Array:
    """Return the share of unpolarised light in a cone that passes a plane surface into a denser medium.

    The mean of Fresnel's transmission over directions up to ``half_angle`` (degrees) from the normal, weighted by the
    cosine of incidence; Stern (1964) and Allen (1973) give the integral in closed form, here it is a Gauss rule, exact
    to rounding.
    """
    least = np.cos(np.deg2rad(half_angle))
    points, weights = np.polynomial.legendre.leggauss(48)
    incident = least + (1 - least) * (points + 1) / 2  # cosine of the angle of incidence
    n = np.asarray(refraction)[..., None]
    refracted = np.sqrt(n**2 - 1 + incident**2)  # n times the cosine of the refracted angle
    across = ((incident - refracted) / (incident + refracted)) ** 2
    along = ((n**2 * incident - refracted) / (n**2 * incident + refracted)) ** 2
    passed = 1 - (across + along) / 2
    share = weights * incident
    out: Array = passed @ share / share.sum()
    return out


def surfaces(optics: Constants) -> Surfaces:
    """Return the transmissions of leaf surfaces."""
    inwards = transmission(optics.refraction, 90)
    return Surfaces(transmission(optics.refraction, INCIDENCE), inwards, inwards / optics.refraction**2)


def leaf_optics(leaves: Array, absorption: Array, surface: Surfaces) -> tuple[Array, Array]:
    """Return reflectance and transmittance of leaves, each (leaf, wavelength).

    Parameters
    ----------
    leaves : (leaf, 7) in the order of `COLUMNS`
    absorption : (absorber, wavelength) of `Constants`
    surface : of the same wavelengths
    """
    shape = len(leaves), absorption.shape[1]
    reflectance, transmittance = np.empty(shape), np.empty(shape)
    by_wavelength = np.ascontiguousarray(absorption.T)
    arguments = by_wavelength, surface.entering, surface.inwards, surface.outwards, reflectance, transmittance
    _pile(np.ascontiguousarray(leaves, float), *arguments)
    return reflectance, transmittance


@compiled
def _pile(
    leaves: Array,
    absorption: Array,
    entering: Array,
    inwards: Array,
    outwards: Array,
    reflectance: Array,
    transmittance: Array,
) -> None:
    a1, a2, a3, a4 = _A
    b1, b2, b3, b4 = _B
    for i in range(len(leaves)):
        plates = leaves[i, 0]
        chlorophyll, carotenoids, anthocyanins = leaves[i, 1], leaves[i, 2], leaves[i, 3]
        brown, water, dry_matter = leaves[i, 4], leaves[i, 5], leaves[i, 6]
        for j in range(len(entering)):
            absorbed = chlorophyll * absorption[j, 0] + carotenoids * absorption[j, 1] + anthocyanins * absorption[j, 2]
            absorbed += brown * absorption[j, 3] + water * absorption[j, 4] + dry_matter * absorption[j, 5]
            k = absorbed / plates
            decay = math.exp(-k)
            if k <= 0.0:
                passed = 1.0
            elif k < 1.0:
                series = 0.0
                for n in range(11, -1, -1):
                    series = (series + _SERIES[n]) * k
                passed = (1 - k) * decay + k * k * (series - _EULER - math.log(k))
            else:
                ratio = (((k + a1) * k + a2) * k + a3) * k + a4
                ratio /= (((k + b1) * k + b2) * k + b3) * k + b4
                passed = decay * (1 - k + k * ratio)

            # One plate, lit from the cone (first) and by diffuse light: the light goes to and fro between its faces.
            out = outwards[j]
            back = 1 - out
            rest = passed * out / (1 - (back * passed) ** 2)
            first_t = entering[j] * rest
            first_r = 1 - entering[j] + back * passed * first_t
            t = inwards[j] * rest
            r = 1 - inwards[j] + back * passed * t

            # The plates below (Stokes 1862): powers of the two roots of the recurrence of a pile.
            if r + t >= 1:
                pile_t = t / (t + (1 - t) * (plates - 1))
                pile_r = 1 - pile_t
            else:
                root = math.sqrt((1 + r + t) * (1 + r - t) * (1 - r + t) * (1 - r - t))
                square_difference = (r - t) * (r + t)
                a = (1 + square_difference + root) / (2 * r)
                b = (1 - square_difference + root) / (2 * t)
                power = math.exp((plates - 1) * math.log(b))
                scale = 1 / (a * a * power * power - 1)
                pile_r = a * (power * power - 1) * scale
                pile_t = power * (a * a - 1) * scale

            between = first_t / (1 - pile_r * r)
            reflectance[i, j] = first_r + between * pile_r * t
            transmittance[i, j] = between * pile_t
