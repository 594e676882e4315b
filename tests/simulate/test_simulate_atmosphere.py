import numpy as np
import pytest

from cropxai.simulate.atmosphere import rayleigh, top_of_atmosphere
from cropxai.simulate.canopy import BAND_NAMES, Angles

BLUE, RED, VAPOUR, CIRRUS = (BAND_NAMES.index(b) for b in ("B02", "B04", "B09", "B10"))


def at(sun):
    return Angles(np.array([float(sun)]), np.array([5.0]), np.array([90.0]))


def top(surface, sun=45.0, aerosol=0.1, vapour=1.5):
    return top_of_atmosphere(np.full((1, 13), surface, np.float32), at(sun), np.array([aerosol]), np.array([vapour]))[0]


def test_rayleigh_optical_thickness_is_the_published_one():
    # Bodhaine et al. 1999 (doi 10.1175/1520-0426(1999)016<1854:ORODC>2.0.CO;2): 0.1424 at 500 nm and 0.0688 at 600 nm.
    assert rayleigh([0.5, 0.6]) == pytest.approx([0.1424, 0.0688], rel=0.02)


def test_the_air_brightens_blue_and_hides_the_ground_in_the_absorbing_bands():
    dark = top(0.0)
    assert dark[0] > dark[BLUE] > dark[2] > dark[RED] > dark[7] > 0
    assert 0.09 < dark[0] < 0.16  # Rayleigh and some haze: 6S gives about 0.12 at 443 nm
    assert top(0.5)[CIRRUS] < 0.01
    assert top(0.3)[VAPOUR] < 0.7 * top(0.3)[8]


def test_more_haze_more_path_and_lower_sun_more_path():
    assert (top(0.02, aerosol=0.4) > top(0.02, aerosol=0.05))[:9].all()
    assert top(0.0, sun=65)[0] > top(0.0, sun=30)[0]
    assert top(0.3, vapour=3.0)[VAPOUR] < top(0.3, vapour=0.5)[VAPOUR]


def test_without_air_mass_limits_reflectance_rises_with_the_ground():
    values = np.array([top(s)[RED] for s in (0.0, 0.1, 0.2, 0.4)])
    assert (np.diff(values) > 0).all()
    assert (np.diff(values) / np.array([0.1, 0.1, 0.2]) < 1.1).all()
