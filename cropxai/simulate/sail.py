"""Reflectance of a canopy over ground: 4SAIL, the four-stream theory of a homogeneous layer of leaves.

Verhoef, Jia, Xiao & Su 2007, *IEEE Trans. Geosci. Remote Sens.* 45, with Verhoef's (1998) volume scattering for leaves
of one inclination, Kuusk's hot spot with Bréon's factor, and the ellipsoidal distribution of leaf angles (Campbell
1986, *Agric. For. Meteorol.* 36; 1990, 49).

Four streams pass the layer: direct sunlight (s), diffuse light down and up (d), and the light towards the observer (o).
Of all results only the bidirectional reflectance factor of layer and ground is wanted, and only it is worked out.
"""

import math

import numpy as np

from cropxai.jit import compiled
from cropxai.simulate.spectra import Array

#: Columns of a table of canopies: m² m⁻², mean angle of leaves (°), leaf size over canopy height, and three angles (°).
COLUMNS = ("lai", "leaf_angle", "hotspot", "sun_zenith", "view_zenith", "azimuth")

_CLASSES = 18  # of leaf inclination, each of 5°
_EDGES = np.deg2rad(np.linspace(0, 90, _CLASSES + 1))
_TAN_SQUARED = np.tan(_EDGES[:-1]) ** 2
_CENTRES = (_EDGES[1:] + _EDGES[:-1]) / 2
_COS, _SIN = np.cos(_CENTRES), np.sin(_CENTRES)
_STEPS = 20  # of the integral over the hot spot
#: Below this attenuation of diffuse light the streams can no longer be told apart in 64 bits: leaves absorb nothing.
_LEAST_ATTENUATION = 1e-5


def canopy_reflectance(canopies: Array, reflectance: Array, transmittance: Array, ground: Array) -> Array:
    """Return the bidirectional reflectance factor of layer and ground, (canopy, wavelength).

    Parameters
    ----------
    canopies : (canopy, 6) in the order of `COLUMNS`; leaf area above zero, zenith angles below 90°
    reflectance, transmittance : (canopy, wavelength) of the leaves
    ground : (canopy, wavelength) reflectance below them, below 1
    """
    out = np.empty_like(ground)
    _layer(np.ascontiguousarray(canopies, float), reflectance, transmittance, ground, out)
    return out


@compiled
def _layer(canopies: Array, leaf_r: Array, leaf_t: Array, ground: Array, out: Array) -> None:
    cumulated = np.empty(_CLASSES + 1)
    for i in range(len(canopies)):
        lai, leaf_angle, hotspot = canopies[i, 0], canopies[i, 1], canopies[i, 2]
        sun, view = math.radians(canopies[i, 3]), math.radians(canopies[i, 4])
        azimuth = math.radians(canopies[i, 5]) % (2 * math.pi)
        azimuth = min(azimuth, 2 * math.pi - azimuth)
        cos_azimuth = math.cos(azimuth)
        cos_sun, sin_sun, cos_view, sin_view = math.cos(sun), math.sin(sun), math.cos(view), math.sin(view)

        # Shares of the classes of inclination: an ellipsoid's surface between two angles (Campbell 1990), whose ratio
        # of axes follows from the mean angle. x is the height on an ellipsoid of vertical half axis 1 … ratio.
        angle = leaf_angle
        ratio = math.exp(((-1.6184e-5 * angle + 2.1145e-3) * angle - 0.12390) * angle + 3.2491)
        eccentric = ratio * ratio / max(abs(1 - ratio * ratio), 1e-12)
        for c in range(_CLASSES + 1):
            x = ratio / math.sqrt(1 + ratio * ratio * _TAN_SQUARED[c]) if c < _CLASSES else 0.0
            if ratio > 1:
                side = math.sqrt(eccentric + x * x)
                cumulated[c] = x * side + eccentric * math.log(x + side)
            else:
                side = math.sqrt(max(eccentric - x * x, 0.0))
                cumulated[c] = x * side + eccentric * math.asin(min(x / math.sqrt(eccentric), 1.0))
        whole = cumulated[0] - cumulated[_CLASSES]

        # Extinction towards sun and observer, and what leaves scatter from the one to the other (Verhoef 1998).
        ks = ko = level = back = forth = 0.0
        for c in range(_CLASSES):
            share = (cumulated[c] - cumulated[c + 1]) / whole
            cc_s, ss_s = _COS[c] * cos_sun, _SIN[c] * sin_sun
            cc_o, ss_o = _COS[c] * cos_view, _SIN[c] * sin_view
            # Azimuth at which a leaf turns its edge to the sun (the observer); π where it never does.
            if ss_s > cc_s:
                edge_s, cos_s = math.acos(-cc_s / ss_s), -cc_s / ss_s
                sin_s, scale_s = math.sqrt(1 - cos_s * cos_s), ss_s
            else:
                edge_s, cos_s, sin_s, scale_s = math.pi, -1.0, 0.0, cc_s
            if ss_o > cc_o:
                edge_o, cos_o = math.acos(-cc_o / ss_o), -cc_o / ss_o
                sin_o, scale_o = math.sqrt(1 - cos_o * cos_o), ss_o
            else:
                edge_o, cos_o, sin_o, scale_o = math.pi, -1.0, 0.0, cc_o
            ks += share * 2 / math.pi * ((edge_s - math.pi / 2) * cc_s + sin_s * ss_s) / cos_sun
            ko += share * 2 / math.pi * ((edge_o - math.pi / 2) * cc_o + sin_o * ss_o) / cos_view
            level += share * _COS[c] * _COS[c]
            # The relative azimuth among the two at which a leaf's sides change, in order; cosines go with them.
            low, high = abs(edge_s - edge_o), math.pi - abs(edge_s + edge_o - math.pi)
            cos_low, cos_high = cos_s * cos_o + sin_s * sin_o, cos_s * cos_o - sin_s * sin_o
            if azimuth <= low:
                middle, cos_middle, cos_outer = low, cos_low, cos_azimuth * cos_high
            elif azimuth <= high:
                middle, cos_middle, cos_outer = azimuth, cos_azimuth, cos_low * cos_high
            else:
                middle, cos_middle, cos_outer = high, cos_high, cos_low * cos_azimuth
            both = 2 * cc_s * cc_o + ss_s * ss_o * cos_azimuth
            turned = math.sqrt(max(1 - cos_middle * cos_middle, 0.0)) * (
                2 * scale_s * scale_o + ss_s * ss_o * cos_outer
            )
            back += share * max((math.pi - middle) * both + turned, 0.0)
            forth += share * max(turned - middle * both, 0.0)
        bidirectional = 1 / (2 * math.pi * cos_sun * cos_view)
        back, forth = back * bidirectional, forth * bidirectional

        # Light that is scattered once: the chance that both ways are free, over the depth of the layer. Its exponent
        # is integrated by steps that are equal in the slope of the hot spot, the exponential within each.
        apart = math.sqrt(
            max(
                (sin_sun / cos_sun) ** 2
                + (sin_view / cos_view) ** 2
                - 2 * (sin_sun / cos_sun) * (sin_view / cos_view) * cos_azimuth,
                0.0,
            )
        )
        through_s, through_o = math.exp(-ks * lai), math.exp(-ko * lai)
        steepness = apart / hotspot * 2 / (ks + ko) if hotspot != 0 else 1e36
        if steepness < 1e-9:
            through_both, once = through_s, (1 - through_s) / (ks * lai)
        else:
            joint = lai * math.sqrt(ko * ks) / steepness
            slice_ = (1 - math.exp(-steepness)) / _STEPS
            depth, exponent, free, once = 0.0, 0.0, 1.0, 0.0
            for step in range(1, _STEPS + 1):
                gone = step * slice_
                next_depth = -math.log(1 - gone) / steepness if step < _STEPS else 1.0
                next_exponent = joint * gone - (ks + ko) * lai * next_depth
                next_free = math.exp(next_exponent)
                fall = next_exponent - exponent
                mean = (next_free - free) / fall if abs(fall) > 1e-7 else 0.5 * (next_free + free)
                once += mean * (next_depth - depth)
                depth, exponent, free = next_depth, next_exponent, next_free
            through_both = free

        for j in range(ground.shape[1]):
            rho, tau, below = leaf_r[i, j], leaf_t[i, j], ground[i, j]
            # Scattering coefficients: diffuse light back and forth, sunlight into it, diffuse light to the observer.
            half_sum, half_difference = 0.5 * (rho + tau), 0.5 * (rho - tau) * level
            sigma_back, sigma_forth = half_sum + half_difference, half_sum - half_difference
            s_back, s_forth = ks * half_sum + half_difference, ks * half_sum - half_difference
            o_back, o_forth = ko * half_sum + half_difference, ko * half_sum - half_difference
            attenuated = 1 - sigma_forth
            m = math.sqrt(max(attenuated * attenuated - sigma_back * sigma_back, 0.0))
            m = max(m, _LEAST_ATTENUATION)
            deep = (attenuated - m) / max(sigma_back, 1e-36)  # reflectance of an infinitely deep layer

            e1 = math.exp(-m * lai)
            rest = 1 / (1 - deep * deep * e1 * e1)
            # Integrals of products of exponentials over depth; the first is near 0/0 where both fall alike.
            if abs((ks - m) * lai) > 1e-3:
                s_down = (e1 - through_s) / (ks - m)
            else:
                s_down = 0.5 * lai * (through_s + e1) * (1 - ((ks - m) * lai) ** 2 / 12)
            if abs((ko - m) * lai) > 1e-3:
                o_down = (e1 - through_o) / (ko - m)
            else:
                o_down = 0.5 * lai * (through_o + e1) * (1 - ((ko - m) * lai) ** 2 / 12)
            s_up, o_up = (1 - through_s * e1) / (ks + m), (1 - through_o * e1) / (ko + m)

            p_s, q_s = (s_forth + s_back * deep) * s_down, (s_forth * deep + s_back) * s_up
            p_o, q_o = (o_forth + o_back * deep) * o_down, (o_forth * deep + o_back) * o_up
            r_dd = deep * (1 - e1 * e1) * rest
            t_sd = (p_s - deep * e1 * q_s) * rest
            t_do, r_do = (p_o - deep * e1 * q_o) * rest, (q_o - deep * e1 * p_o) * rest

            both_ways = (1 - through_s * through_o) / (ks + ko)
            g_s, g_o = (both_ways - s_down * through_o) / (ko + m), (both_ways - o_down * through_s) / (ks + m)
            many = (o_forth * deep + o_back) * g_s * (s_forth + s_back * deep)
            many += (o_forth + o_back * deep) * g_o * (s_forth * deep + s_back)
            many -= (r_do * q_s + t_do * p_s) * deep
            many /= 1 - deep * deep

            of_layer = (back * rho + forth * tau) * lai * once + many
            bounced = (through_s + t_sd) * t_do + (t_sd + through_s * below * r_dd) * through_o
            out[i, j] = of_layer + through_both * below + bounced * below / (1 - below * r_dd)
