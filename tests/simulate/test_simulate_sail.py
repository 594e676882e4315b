import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from cropxai.simulate.sail import canopy_reflectance

# Leaves and ground of every kind, one a column: reflectance, transmittance, ground.
RHO = np.array([[0.02, 0.05, 0.1, 0.3, 0.45, 0.48, 0.001, 0.2]])
TAU = np.array([[0.01, 0.05, 0.12, 0.2, 0.5, 0.46, 0.002, 0.6]])
GROUND = np.array([[0.05, 0.2, 0.0, 0.3, 0.4, 0.9, 0.1, 0.15]])


def canopy(lai, angle=57.0, hotspot=0.1, sun=40.0, view=5.0, azimuth=90.0, rho=RHO, tau=TAU, ground=GROUND):
    return canopy_reflectance(np.array([[lai, angle, hotspot, sun, view, azimuth]]), rho, tau, ground)[0]


@settings(max_examples=150)
@given(
    lai=st.floats(0.002, 12), angle=st.floats(5, 85), hotspot=st.floats(0.005, 1) | st.just(0.0),
    sun=st.floats(0.5, 85), view=st.floats(0, 70), azimuth=st.floats(0, 180),
)  # fmt: skip
def test_canopies_are_those_of_the_package(lai, angle, hotspot, sun, view, azimuth):
    from prosail import run_sail

    assume(abs(sun - view) + azimuth > 0.01)  # nearly at the hot spot the package divides by zero

    expected = run_sail(RHO[0], TAU[0], lai, angle, hotspot, sun, view, azimuth, rsoil0=GROUND[0])
    np.testing.assert_allclose(canopy(lai, angle, hotspot, sun, view, azimuth), expected, atol=1e-7)


def test_the_hot_spot_is_that_of_the_package():
    from prosail import run_sail

    expected = run_sail(RHO[0], TAU[0], 2.0, 50.0, 0.2, 30.0, 30.0, 0.0, rsoil0=GROUND[0])
    np.testing.assert_allclose(canopy(2.0, 50.0, 0.2, 30.0, 30.0, 0.0), expected, atol=1e-9)
    beside = canopy(2.0, 50.0, 0.2, 30.0, 30.0, 40.0)
    assert (canopy(2.0, 50.0, 0.2, 30.0, 30.0, 0.0)[:4] > beside[:4]).all()


def test_azimuth_goes_round():
    expected = canopy(2.0, view=20, azimuth=100)
    for same in (-100, 260, 460):
        np.testing.assert_allclose(canopy(2.0, view=20, azimuth=same), expected, atol=1e-12)


def test_few_leaves_show_the_ground():
    np.testing.assert_allclose(canopy(1e-6), GROUND[0], atol=1e-5)


def test_many_leaves_hide_the_ground():
    other = 0.5 - GROUND / 2
    np.testing.assert_allclose(canopy(40.0)[:4], canopy(40.0, ground=other)[:4], atol=1e-9)


#: Mean angle at which Campbell's cubic gives an ellipsoid with axes alike: leaves like the surface of a sphere.
SPHERE = 58.43


@pytest.mark.parametrize("sun", [0, 30, 60])
def test_black_leaves_only_take_light(sun):
    """Both ways through leaves that scatter nothing, without a hot spot: Beer's law, G = 0.5 from all sides."""
    black = np.full((1, 1), 1e-12)
    found = canopy(1.5, angle=SPHERE, hotspot=0.0, sun=sun, view=0, rho=black, tau=black, ground=np.array([[0.3]]))
    assert found[0] == pytest.approx(0.3 * np.exp(-0.5 * 1.5 * (1 + 1 / np.cos(np.deg2rad(sun)))), rel=0.005)


def test_leaves_that_absorb_nothing_are_no_trouble():
    white = canopy(5.0, rho=np.array([[0.5]]), tau=np.array([[0.5]]), ground=np.array([[0.99]]))
    nearly = canopy(5.0, rho=np.array([[0.4999]]), tau=np.array([[0.4999]]), ground=np.array([[0.99]]))
    assert white[0] == pytest.approx(nearly[0], abs=5e-3)


@pytest.mark.parametrize("angle", SPHERE + np.array([-0.01, -0.005, 0, 0.005, 0.01]))
def test_leaves_like_a_sphere_are_no_singularity(angle):
    """There the ratio of the ellipsoid's axes is one, and the formulas of either side are 0/0."""
    around = (canopy(3.0, angle - 0.5) + canopy(3.0, angle + 0.5)) / 2
    np.testing.assert_allclose(canopy(3.0, angle), around, atol=2e-4)


@pytest.mark.parametrize("name", ["lai", "angle", "hotspot", "sun", "view", "azimuth"])
def test_missing_stays_missing(name):
    assert np.isnan(canopy(**{"lai": 2.0, name: np.nan})).all()
