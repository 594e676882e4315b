import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from cropxai.simulate import prospect
from cropxai.simulate.spectra import Constants, constants

EVERY_NM = np.arange(400.0, 2501.0)


@pytest.fixture(scope="module")
def optics() -> Constants:
    return constants(EVERY_NM)


def leaf(optics, *values):
    made = prospect.leaf_optics(np.array([values], float), optics.absorption, prospect.surfaces(optics))
    return made[0][0], made[1][0]


contents = st.tuples(
    st.floats(1, 4), st.floats(0, 120), st.floats(0, 30), st.floats(0, 10), st.floats(0, 1), st.floats(0, 0.08),
    st.floats(0.0002, 0.05),
)  # fmt: skip


@settings(max_examples=40)
@given(contents)
def test_leaves_are_those_of_the_package(optics, values):
    from prosail import run_prospect

    structure, chlorophyll, carotenoids, anthocyanins, brown, water, dry = values
    _, expected_r, expected_t = run_prospect(
        structure, chlorophyll, carotenoids, brown, water, dry, ant=anthocyanins, prospect_version="D"
    )
    found_r, found_t = leaf(optics, *values)
    np.testing.assert_allclose(found_r, expected_r, atol=1e-7)
    np.testing.assert_allclose(found_t, expected_t, atol=1e-7)


@settings(max_examples=40)
@given(contents)
def test_no_more_light_leaves_than_came(optics, values):
    found_r, found_t = leaf(optics, *values)
    assert (found_r > 0).all() and (found_t > 0).all()
    assert (found_r + found_t <= 1 + 1e-12).all()


@pytest.mark.parametrize("structure", [1, 1.5, 3.7])
def test_what_absorbs_nothing_loses_nothing(optics, structure):
    found_r, found_t = leaf(optics, structure, 0, 0, 0, 0, 0, 0)
    np.testing.assert_allclose(found_r + found_t, 1, atol=1e-12)


def test_one_plate_is_the_sum_of_its_inner_reflections(optics):
    """Follow the light by hand: in through one face, then to and fro, a share leaving at each turn."""
    at = 1000
    absorbed = optics.absorption[:, at] @ [30, 6, 0, 0, 0.02, 0.006]
    directions = lambda mu: 2 * mu * np.exp(-absorbed / mu)  # noqa: E731
    passed = quad(directions, 0, 1, epsabs=1e-13)[0]
    surface = prospect.surfaces(optics)
    entering, out = surface.entering[at], surface.outwards[at]
    inside, up, down = entering, 1 - entering, 0.0
    for turn in range(200):
        inside *= passed
        if turn % 2:
            up += inside * out
        else:
            down += inside * out
        inside *= 1 - out
    found_r, found_t = leaf(optics, 1, 30, 6, 0, 0, 0.02, 0.006)
    assert found_r[at] == pytest.approx(up, abs=1e-8)
    assert found_t[at] == pytest.approx(down, abs=1e-8)


@pytest.mark.parametrize("angle", [10, 40, 59, 90])
def test_surface_transmission_is_the_closed_form(angle):
    from prosail.prospect_d import calctav

    refraction = np.linspace(1.2, 1.6, 9)
    np.testing.assert_allclose(prospect.transmission(refraction, angle), calctav(angle, refraction), atol=1e-10)


def test_at_right_angles_it_is_fresnels():
    assert prospect.transmission(np.array([1.5]), 0.01)[0] == pytest.approx(1 - (0.5 / 2.5) ** 2, abs=1e-6)


def test_missing_contents_stay_missing(optics):
    found_r, found_t = leaf(optics, 1.5, np.nan, 8, 0, 0, 0.01, 0.005)
    assert np.isnan(found_r).all() and np.isnan(found_t).all()
