import numpy as np
import pytest

from cropxai.crops import CROPS
from cropxai.simulate.calendars import ARABLE, CALENDARS, GRASSES
from cropxai.simulate.fields import MOST_CUTS, NEVER, draw_fields, draw_region
from cropxai.simulate.phenology import states

MONTH_START = {"Apr": 90, "May": 120, "Jun": 151, "Jul": 181, "Aug": 212}


def fields_of(crop, n=400, seed=1):
    rng = np.random.default_rng(seed)
    regions = [draw_region(10.0, 48.2, year, rng) for year in (2016, 2018, 2019, 2021)]
    return draw_fields([crop] * n, regions, rng.integers(0, 4, n), rng)


def test_labels_are_those_of_the_catalogue():
    assert set(CALENDARS) <= {crop.label for crop in CROPS}
    assert sum(calendar.share for calendar in CALENDARS.values()) == pytest.approx(1, abs=0.1)


@pytest.mark.parametrize("calendar", ARABLE, ids=lambda calendar: calendar.crop)
def test_events_come_in_order(calendar):
    assert list(calendar.days) == sorted(calendar.days)
    events = fields_of(calendar.crop).events
    assert (np.diff(events, axis=1) > 0).all()
    assert np.abs(np.median(events, axis=0) - calendar.days).max() < 15


@pytest.mark.parametrize("calendar", GRASSES, ids=lambda calendar: calendar.crop)
def test_grass_is_cut_as_often_as_its_calendar_says(calendar):
    fields = fields_of(calendar.crop)
    counts = (fields.cuts < NEVER).sum(axis=1)
    assert fields.grass.all()
    assert set(counts) == set(calendar.cut_counts)
    assert max(calendar.cut_counts) <= MOST_CUTS


def test_a_cut_takes_most_of_the_leaf_area_and_it_grows_back():
    fields = fields_of("alfalfa")
    day = float(np.round(fields.cuts[0, 0]))
    green = states(fields.take([0]), [day - 1, day + 1, day + 25], np.zeros(3)).green_lai[0]
    assert green[1] < 0.4 * green[0]
    assert green[2] > 2 * green[1]


def test_nothing_green_of_the_crop_is_left_after_harvest_and_no_state_leaves_its_range():
    for crop in CALENDARS:
        fields = fields_of(crop, 60)
        state = states(fields, np.arange(0, 365, 3), np.full(122, 0.4))
        for share in (state.flower, state.residue, state.wetness, state.ripeness):
            assert share.min() >= -1e-6
            assert share.max() <= 1 + 1e-6
        assert state.green_lai.min() >= -1e-4
        assert state.green_lai.max() < 10


def test_only_rape_and_sunflower_bloom_and_rape_does_in_april_and_may():
    bloom = {c: states(fields_of(c, 80), np.arange(0, 365), np.zeros(365)).flower.mean(axis=0) for c in CALENDARS}
    assert {crop for crop, cover in bloom.items() if cover.max() > 0} == {"winter rapeseed", "sunflower"}
    peak = int(np.argmax(bloom["winter rapeseed"]))
    assert MONTH_START["Apr"] < peak < MONTH_START["Jun"]


def test_the_north_is_later():
    south = [draw_region(10, 47, y, np.random.default_rng(y)).summer for y in range(2000, 2040)]
    north = [draw_region(10, 55, y, np.random.default_rng(y)).summer for y in range(2000, 2040)]
    assert np.subtract(north, south) == pytest.approx(8 * 2.5)


def test_take_repeats_fields():
    fields = fields_of("peas", 5)
    twice = fields.take([3, 3])
    np.testing.assert_array_equal(twice.events[0], fields.events[3])
    np.testing.assert_array_equal(twice.events[1], fields.events[3])
