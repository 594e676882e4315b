"""Bands of whole fields, against the package prosail at 1 nm and the bands' responses of the package pyrsr."""

from dataclasses import replace

import numpy as np
import pytest
from test_simulate_spectra import mean_response

from cropxai.bands import BANDS
from cropxai.simulate.radiation import Canopy, CanopyRefused, Optics, load_optics, reflectance

B05, B08, B11 = (next(k for k, band in enumerate(BANDS) if band.name == name) for name in ("B05", "B08", "B11"))
ANGLES = ("sun_zenith", "view_zenith", "azimuth")


@pytest.fixture(scope="module")
def optics() -> Optics:
    return load_optics()


@pytest.fixture(scope="module")
def responses() -> np.ndarray:
    """(1 nm from 400 to 2500, band)"""
    whole = np.zeros((2101, len(BANDS)))
    for k, band in enumerate(BANDS):
        wavelength, share = mean_response(band.name)
        whole[wavelength.astype(int) - 400, k] = share
    return whole


def many(count: int, seed: int = 0) -> Canopy:
    rng = np.random.default_rng(seed)
    leaf_area = np.where(rng.random(count) < 0.3, rng.uniform(0.01, 1, count), rng.uniform(0, 7, count))
    return Canopy(
        structure=rng.uniform(1, 2.6, count),
        chlorophyll=rng.uniform(0, 90, count),
        carotenoids=rng.uniform(0, 20, count),
        anthocyanins=rng.choice([0, 1], count) * rng.uniform(0, 6, count),
        brown=rng.uniform(0, 1, count),
        water=rng.uniform(0.0005, 0.04, count),
        dry_matter=rng.uniform(0.001, 0.02, count),
        lai=leaf_area,
        leaf_angle=rng.uniform(20, 80, count),
        hotspot=rng.uniform(0.01, 0.5, count),
        soil_brightness=rng.uniform(0.4, 1.4, count),
        soil_wetness=rng.uniform(0, 1, count),
        sun_zenith=rng.uniform(20, 75, count),
        view_zenith=rng.uniform(0, 11, count),
        azimuth=rng.uniform(0, 180, count),
    )


def package(canopy: Canopy, k: int) -> np.ndarray:
    """The spectrum of one canopy at 1 nm."""
    from prosail import run_prosail

    c = {name: float(np.broadcast_to(value, np.shape(canopy.structure))[k]) for name, value in vars(canopy).items()}
    return run_prosail(
        *(c[name] for name in ("structure", "chlorophyll", "carotenoids", "brown", "water", "dry_matter")),
        *(c[name] for name in ("lai", "leaf_angle", "hotspot", *ANGLES)),
        ant=c["anthocyanins"], prospect_version="D", rsoil=c["soil_brightness"], psoil=1 - c["soil_wetness"],
    )  # fmt: skip


def test_bands_are_those_of_1_nm(optics, responses):
    canopy = many(400)
    found = reflectance(canopy, optics)
    expected = np.array([package(canopy, k) for k in range(400)]) @ responses
    wrong = np.abs(found - expected).max(0)
    assert (wrong <= 0.0008).all(), dict(zip([band.name for band in BANDS], wrong.round(5), strict=True))
    assert np.sqrt(np.mean((found - expected) ** 2)) < 0.0002


def test_rows_mix_a_denser_canopy_with_the_ground(optics, responses):
    canopy = replace(many(30), cover=0.6)
    dense = replace(canopy, lai=canopy.lai / 0.6, cover=1.0)
    spectra = np.array([package(dense, k) for k in range(30)])
    soils = np.array([package(replace(canopy, lai=0.0), k) for k in range(30)])
    expected = (0.6 * spectra + 0.4 * soils) @ responses
    np.testing.assert_allclose(reflectance(canopy, optics), expected, atol=0.0011)


def test_without_leaves_there_is_soil(optics, responses):
    from prosail import spectral_lib

    soil = spectral_lib.soil
    tilt = 1 + 0.3 * (np.arange(400, 2501) - 1200) / 1200
    expected = 0.8 * tilt * (0.25 * soil.rsoil1 + 0.75 * soil.rsoil2) @ responses
    bare = Canopy(lai=0, soil_brightness=0.8, soil_slope=0.3, soil_wetness=0.75)
    np.testing.assert_allclose(reflectance(bare, optics), expected, atol=0.0011)
    np.testing.assert_array_equal(reflectance(replace(bare, lai=4, cover=0), optics), reflectance(bare, optics))


def test_the_first_leaves_change_little(optics):
    none, few = (reflectance(Canopy(lai=lai), optics) for lai in (0.001, 0.00101))
    np.testing.assert_allclose(few, none, atol=5e-4)


def test_dense_canopies_hide_the_ground(optics):
    dark, bright = (reflectance(Canopy(lai=15, soil_brightness=b, straw=s), optics) for b, s in ((0.4, 0), (1.4, 1)))
    np.testing.assert_allclose(dark, bright, atol=2e-3)


def test_reflectance_is_a_share(optics):
    found = reflectance(replace(many(2000, seed=1), straw=0.5, flowers=0.3, cover=0.9), optics)
    assert found.dtype == np.float32
    assert (found > 0).all() and (found < 1).all()


def test_what_is_known_of_leaves(optics):
    at = {band.name: k for k, band in enumerate(BANDS)}
    usual = reflectance(Canopy(), optics)
    more_green = reflectance(Canopy(chlorophyll=60), optics)
    drier = reflectance(Canopy(water=0.006), optics)
    assert more_green[at["B05"]] < usual[at["B05"]] - 0.01
    assert abs(more_green[at["B08"]] - usual[at["B08"]]) < 1e-3
    assert drier[at["B11"]] > usual[at["B11"]] + 0.02
    assert abs(drier[at["B04"]] - usual[at["B04"]]) < 1e-3
    red, infrared = usual[at["B04"]], usual[at["B08"]]
    assert 0.8 < (infrared - red) / (infrared + red) < 0.95


def test_straw_is_bright_and_shows_dry_matter(optics):
    """Litter rises steadily to the short-wave infrared and is brighter than wet soil (Daughtry 2001)."""
    straw = reflectance(Canopy(lai=0, straw=1), optics)
    soil = reflectance(Canopy(lai=0, soil_wetness=1), optics)
    assert (straw > soil).all()
    assert (np.diff(straw[[1, 2, 3, 7, 11]]) > 0).all()


def test_petals_are_yellow_or_white(optics):
    yellow, white = (reflectance(Canopy(flowers=1, white=w), optics) for w in (0, 1))
    assert yellow[1] < 0.5 * yellow[2]  # no blue
    assert (white[1:4] > 0.75 * white[7]).all()
    half = reflectance(Canopy(flowers=0.5), optics)
    np.testing.assert_allclose(half, (reflectance(Canopy(), optics) + yellow) / 2, atol=1e-6)


def test_shapes_broadcast_and_pieces_do_not_matter(optics):
    rng = np.random.default_rng(3)
    area, angle, sun = rng.uniform(0, 5, (90, 12)), rng.uniform(30, 70, (90, 1)), rng.uniform(30, 60, 12)
    found = reflectance(Canopy(lai=area, leaf_angle=angle, sun_zenith=sun), optics)
    assert found.shape == (90, 12, 13)
    np.testing.assert_array_equal(found, reflectance(Canopy(lai=area, leaf_angle=angle, sun_zenith=sun), optics, 3))
    one = reflectance(Canopy(lai=area[7, 5], leaf_angle=angle[7, 0], sun_zenith=sun[5]), optics)
    np.testing.assert_array_equal(found[7, 5], one)
    assert reflectance(Canopy(lai=np.empty((0, 4))), optics).shape == (0, 4, 13)


@pytest.mark.parametrize("name", vars(Canopy()))
def test_missing_stays_missing(optics, name):
    usual = {"flowers": 0.5, name: np.array([np.nan, float(vars(Canopy())[name])])}
    found = reflectance(Canopy(**usual), optics)
    if name != "white":
        assert np.isnan(found[0]).all()
    assert np.isfinite(found[1]).all()


@pytest.mark.parametrize(("name", "value"), [("lai", -0.1), ("cover", 1.2), ("sun_zenith", 91), ("structure", 0.5)])
def test_the_impossible_is_refused(optics, name, value):
    with pytest.raises(CanopyRefused, match=rf"^canopy: {name} is {value:g}; give a value from"):
        reflectance(Canopy(**{name: np.array([1.0, value])}), optics)
