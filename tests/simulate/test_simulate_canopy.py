import numpy as np
import pytest

from cropxai.bands import BANDS
from cropxai.simulate import canopy

F32 = np.float32


def test_no_leaves_show_the_soil_and_very_many_hide_it():
    soil = np.array([0.05, 0.3], F32)
    assert canopy.two_stream(F32(0.4), soil, F32(0.5), F32(0)) == pytest.approx(soil)
    deep = canopy.two_stream(F32(0.4), soil, F32(0.5), F32(40))
    root = np.sqrt(1 - 0.4)
    assert deep == pytest.approx((1 - root) / (1 + root), rel=1e-4)


def test_two_stream_solves_its_differential_equation():
    """Integrate the Riccati equation of a two-stream layer upwards, an answer that does not use the closed form.

    With up- and downward fluxes dD/dL = -k(1-w/2) D + k w/2 U and dU/dL = k(1-w/2) U - k w/2 D (leaves scatter half
    each way), r = U/D obeys dr/dL = k (w/2 - 2 (1 - w/2) r + w/2 r^2) with growing leaf area above soil.
    """
    for leaf, soil, k, lai in ((0.94, 0.2, 0.5, 3.0), (0.15, 0.15, 0.4, 1.0), (0.6, 0.3, 0.7, 2.0)):
        r, steps = soil, 20_000
        for _ in range(steps):
            r += lai / steps * k * (leaf / 2 - 2 * (1 - leaf / 2) * r + leaf / 2 * r * r)
        assert canopy.two_stream(F32(leaf), F32(soil), F32(k), F32(lai)) == pytest.approx(r, abs=2e-4)


def test_chlorophyll_darkens_red_and_red_edge_only_and_water_the_short_wave():
    pale, green = canopy.leaf_albedo(np.array([0.6, 1.4], F32), np.ones(2, F32))
    changed = pale - green > 0.005
    assert [b.name for b, c in zip(BANDS, changed, strict=True) if c] == [
        "B01", "B02", "B03", "B04", "B05", "B06", "B07",
    ]  # fmt: skip
    dry, wet = canopy.leaf_albedo(np.ones(2, F32), np.array([0.6, 1.4], F32))
    assert [b.name for b, c in zip(BANDS, dry - wet > 0.05, strict=True) if c] == ["B10", "B11", "B12"]


def test_wet_soil_is_about_half_as_bright():
    dry, wet = canopy.soil_reflectance(np.ones(2, F32), np.zeros(2, F32), np.array([0, 1], F32))
    assert ((wet / dry > 0.4) & (wet / dry < 0.6)).all()


def test_spectra_are_plausible():
    for name in ("GREEN_LEAF", "BROWN_LEAF", "DRY_SOIL", "STRAW", "PETALS", "TRANSMITTANCE"):
        values = getattr(canopy, name)
        assert values.shape == (13,)
        assert (values > 0).all()
        assert (values < 1).all()


def test_the_atmosphere_brightens_blue_and_hides_the_cirrus_band():
    surface = np.full((1, 13), 0.1, F32)
    top = canopy.top_of_atmosphere(surface, np.ones(1, F32))[0]
    assert top[0] > top[1] > top[2] > 0.1
    assert top[10] < 0.01
