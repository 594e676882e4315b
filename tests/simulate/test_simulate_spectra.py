import importlib.util
from importlib.resources import files

import numpy as np
import pytest

from cropxai.bands import BANDS
from cropxai.errors import ExtraMissing
from cropxai.simulate.spectra import ABSORBERS, band_nodes, constants


def mean_response(band: str) -> tuple[np.ndarray, np.ndarray]:
    """Response of a band at 1 nm, mean of Sentinel-2A and 2B, of sum one: from the package pyrsr."""
    name = band[1:].removeprefix("0")
    whole = np.zeros(2600)
    for satellite in "AB":
        table = files("pyrsr") / "data" / f"Sentinel-2{satellite}" / "MSI" / f"band_{name}"
        wavelength, value = np.loadtxt(table.open(), skiprows=1, unpack=True)
        value = np.maximum(value, 0)
        whole[wavelength.astype(int)] += value / value.sum() / 2
    used = np.flatnonzero(whole)
    return used.astype(float), whole[used]


@pytest.mark.parametrize("number", range(len(BANDS)))
def test_a_rule_of_n_nodes_has_the_first_2n_moments_of_the_response(number):
    nodes = band_nodes()
    part = slice(*nodes.starts[number : number + 2])
    wavelength, share = mean_response(BANDS[number].name)
    centre, scale = wavelength @ share, np.ptp(wavelength) / 2
    for power in range(2 * (part.stop - part.start)):
        expected = share @ ((wavelength - centre) / scale) ** power
        found = nodes.weight[part] @ ((nodes.wavelength[part] - centre) / scale) ** power
        assert found == pytest.approx(expected, abs=1e-7)


def test_nodes_lie_in_their_band():
    nodes = band_nodes()
    for number, band in enumerate(BANDS):
        part = slice(*nodes.starts[number : number + 2])
        assert nodes.weight[part].sum() == pytest.approx(1, abs=1e-8)
        assert nodes.weight[part] @ nodes.wavelength[part] == pytest.approx(band.wavelength, abs=9)


def test_constants_are_those_of_the_package():
    from prosail import spectral_lib

    leaf, soil = spectral_lib.prospectd, spectral_lib.soil
    found = constants(np.arange(400.0, 2501.0))
    np.testing.assert_array_equal(found.refraction, leaf.nr)
    theirs = {"chlorophyll": leaf.kab, "carotenoids": leaf.kcar, "anthocyanins": leaf.kant}
    theirs |= {"brown": leaf.kbrown, "water": leaf.kw, "dry_matter": leaf.km}
    for name, row in zip(ABSORBERS, found.absorption, strict=True):
        np.testing.assert_array_equal(row, theirs[name])
    np.testing.assert_array_equal(found.dry_soil, soil.rsoil1)
    np.testing.assert_array_equal(found.wet_soil, soil.rsoil2)
    halfway = constants(np.array([550.5]))
    assert halfway.refraction[0] == pytest.approx((leaf.nr[150] + leaf.nr[151]) / 2)


def test_without_the_package_the_remedy_is_told(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ExtraMissing, match=r"prosail; install it with: pip install 'cropxai\[simulate\]'"):
        constants(np.array([550.0]))


def test_reading_the_constants_does_not_import_the_package():
    import subprocess
    import sys

    code = (
        "import sys, numpy as np; from cropxai.simulate.spectra import constants; constants(np.array([550.]));"
        "print('prosail' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "False"
