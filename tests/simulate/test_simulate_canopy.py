import numpy as np
import pytest

from cropxai.simulate.canopy import BAND_NAMES, FOIL, SNOW, angles, sun_zenith, surface_reflectance
from cropxai.simulate.fields import draw_fields
from cropxai.simulate.phenology import states
from cropxai.simulate.weather import draw_place, draw_weather

WEATHER = draw_weather([draw_place("Bavaria", np.random.default_rng(s)) for s in range(2)], 2018, 1)
RED, GREEN, INFRARED, SHORT = (BAND_NAMES.index(b) for b in ("B04", "B03", "B08", "B11"))


def seen(plant, days, count=80):
    rng = np.random.default_rng(2)
    fields = draw_fields(["any"] * count, [plant] * count, rng.integers(0, 2, count), WEATHER, rng)
    state = states(fields, days, WEATHER)
    return surface_reflectance(fields, state, angles(48.4, np.asarray(days))), state, fields


def test_the_sun_stands_as_an_almanac_says():
    # At the solstices the sun culminates at latitude -/+ 23.4°; at the equinox it rises to 90° - latitude.
    assert sun_zenith(48.0, 171, 12.0) == pytest.approx(48 - 23.4, abs=0.5)
    assert sun_zenith(48.0, 355, 12.0) == pytest.approx(48 + 23.4, abs=0.5)
    assert sun_zenith(48.0, 80, 12.0) == pytest.approx(48, abs=1.0)
    assert sun_zenith(48.0, 171) > sun_zenith(48.0, 171, 12.0)


def test_fields_look_as_they_are_known_to():
    """NDVI of bare soil, of a closed stand and of stubble; published magnitudes (0.1-0.3, above 0.7, below 0.4)."""
    values, _, _ = seen("winter wheat", [145, 235])
    ndvi = (values[..., INFRARED] - values[..., RED]) / (values[..., INFRARED] + values[..., RED])
    assert np.median(ndvi[:, 0]) > 0.75
    assert np.median(ndvi[:, 1]) < 0.45
    bare, _, _ = seen("grain maize", [128])
    ndvi = (bare[..., INFRARED] - bare[..., RED]) / (bare[..., INFRARED] + bare[..., RED])
    assert 0.05 < np.median(ndvi) < 0.35


def test_rape_in_flower_is_bright_in_green_and_red():
    values, state, _fields = seen("winter rapeseed", [100, 128, 152])
    assert np.median(state.flower[:, 1]) > 0.1
    yellow = (values[..., GREEN] - values[..., 1]) / (values[..., GREEN] + values[..., 1])  # NDYI, Sulik & Long 2016
    middle = np.median(yellow, axis=0)
    assert middle[1] > middle[0] + 0.1
    assert middle[1] > middle[2] + 0.1


def test_snow_and_foil_hide_the_ground():
    values, _state, fields = seen("greenhouse", [180])
    share = fields.foil[:, None]
    assert (values[:, 0, INFRARED] > 0.5 * share[:, 0] * FOIL[INFRARED]).all()
    winter = draw_weather([draw_place("Bavaria", np.random.default_rng(s)) for s in range(2)], 2017, 4)
    days = np.arange(0, 60)
    snowy = days[winter.snow[0][winter.column(days)].argmax()]
    rng = np.random.default_rng(2)
    field = draw_fields(["any"] * 4, ["winter wheat"] * 4, np.zeros(4, int), winter, rng)
    white = surface_reflectance(field, states(field, [snowy], winter), angles(48.4, np.array([snowy])))
    cover = winter.snow[0][winter.column([snowy])][0]
    assert cover > 0.9
    np.testing.assert_allclose(white[:, 0], np.broadcast_to(SNOW, (4, 13)), atol=0.1)


def test_ripening_dries_and_bleaches():
    values, state, _ = seen("winter wheat", [150, 196])
    assert np.median(state.ripeness[:, 1]) > np.median(state.ripeness[:, 0])
    assert np.median(values[:, 1, SHORT]) > np.median(values[:, 0, SHORT]) + 0.05
    assert np.median(values[:, 1, RED]) > np.median(values[:, 0, RED]) + 0.03
