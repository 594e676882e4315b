from dataclasses import replace

import numpy as np
import pytest

from cropxai.simulate.arable import ARABLE
from cropxai.simulate.development import (
    BBCH,
    EMERGENCE,
    EVENTS,
    FLOWERED,
    FLOWERING,
    HARVEST,
    REFERENCE,
    REFERENCE_LATITUDE,
    REGREENING,
    SOWING,
    Chance,
    event_days,
    needs,
    own_needs,
    thermal_time,
)
from cropxai.simulate.fields import PLANTS
from cropxai.simulate.weather import DAYS, Place, draw_place, draw_weather, normal_temperature

YEARS = (2015, 2016, 2017, 2018, 2019, 2020)


def usual(count):
    """Fields without chance."""
    one = np.ones(count)
    return Chance(0 * one, one, 0 * one, np.ones((count, 6)), 0 * one)


def mean_events(name, region, years=YEARS):
    """Mean day of each event over landscapes and years."""
    plant = PLANTS[name]
    found = []
    for year in years:
        places = [draw_place(region, np.random.default_rng(s)) for s in range(3)]
        weather = draw_weather(places, year, 1)
        found.append(event_days(plant.days, plant.clock, weather, np.arange(3), usual(3)).mean(axis=0))
    return np.mean(found, axis=0)


def test_stages_have_codes_in_their_order():
    codes = [BBCH[event] for event in EVENTS]
    assert codes == sorted(codes)


@pytest.mark.parametrize("plant", ARABLE, ids=lambda plant: plant.name)
def test_the_reference_climate_gives_the_reference_calendar(plant):
    weather = draw_weather([Place(REFERENCE, 11.7, REFERENCE_LATITUDE)], 2019, 0)
    weather = replace(weather, temperature=normal_temperature(REFERENCE)[None].astype(np.float32))
    events = event_days(plant.days, plant.clock, weather, np.zeros(1, int), usual(1))[0]
    assert list(plant.days) == sorted(plant.days)
    # Days of the mean count less than the mean of days, the more so where few exceed the base temperature.
    assert np.abs(events - plant.days).max() < 9


@pytest.mark.parametrize("name", ["winter wheat", "grain maize", "potatoes"])
def test_events_are_those_of_counting_day_by_day(name):
    plant = PLANTS[name]
    weather = draw_weather([Place("Austria", 15.0, 48.2)], 2018, 5)
    events = event_days(plant.days, plant.clock, weather, np.zeros(1, int), usual(1))[0]
    required = own_needs(plant.days, plant.clock, "Austria")
    lat = np.array([48.2])
    plain, lit, ripening = (
        np.diff(sums[0], prepend=0) for sums in thermal_time(weather.temperature.astype(float), plant.clock, lat)
    )
    for interval in range(5):
        units = (plain, lit, lit, ripening, ripening, ripening)[interval]
        start = max(events[interval], REGREENING) if interval == 1 and plant.winter else events[interval]
        day, total = start, 0.0
        while total < required[interval] and day < DAYS[-1]:
            day += 1
            total += units[int(np.floor(day)) - DAYS[0]]
        latest = plant.days[interval + 1] + 24
        assert events[interval + 1] == pytest.approx(min(day, latest), abs=1.6)


#: Observers of Deutscher Wetterdienst, means over years (seeding and harvest days compiled by ILR Bonn): Schleswig,
#: next to Denmark; Aachen, next to Flanders; Freising.
HARVESTS = [
    ("winter wheat", "Denmark", 218), ("winter barley", "Denmark", 199), ("winter rapeseed", "Denmark", 211),
    ("spring barley", "Denmark", 222), ("silage maize", "Denmark", 264), ("winter wheat", "Flanders", 215),
    ("winter barley", "Flanders", 193), ("winter rapeseed", "Flanders", 202), ("winter wheat", "Bavaria", 212),
    ("winter barley", "Bavaria", 190), ("winter rapeseed", "Bavaria", 204), ("spring barley", "Bavaria", 213),
]  # fmt: skip


@pytest.mark.parametrize(("name", "region", "day"), HARVESTS)
def test_harvests_are_near_those_of_observers(name, region, day):
    # The years simulated are warmer than those observed (1996 to 2011): early by days is right.
    assert -16 <= mean_events(name, region)[HARVEST] - day <= 8


def test_emergence_of_maize_is_near_that_of_observers_by_year():
    # State means of North Rhine-Westphalia, Klimaatlas NRW.
    observed = {2015: (113, 131), 2016: (117, 133), 2017: (113, 132), 2018: (114, 127), 2019: (112, 128),
                2020: (110, 126), 2021: (117, 138), 2022: (115, 130)}  # fmt: skip
    for year, (sown, emerged) in observed.items():
        events = mean_events("silage maize", "Flanders", (year,))
        assert abs(events[SOWING] - sown) < 13
        assert abs(events[EMERGENCE] - emerged) < 13


def test_thermal_needs_are_near_the_parameters_of_wofost():
    # facts of the crop files: base 0 °C, emergence to flowering about 800, flowering to maturity about 750 °C d.
    barley = needs(PLANTS["spring barley"].days, PLANTS["spring barley"].clock, REFERENCE)
    assert barley[0] == pytest.approx(110, rel=0.35)
    assert sum(barley[1:3]) == pytest.approx(800, rel=0.15)
    assert sum(barley[3:]) == pytest.approx(750, rel=0.2)


def test_development_is_early_in_the_south_and_in_warm_springs():
    rape, wheat = (mean_events(name, "Austria") for name in ("winter rapeseed", "winter wheat"))
    north = mean_events("winter wheat", "Denmark")
    assert 8 < north[HARVEST] - wheat[HARVEST] < 30
    assert 96 < rape[FLOWERING] < 118
    assert 20 < rape[FLOWERED] - rape[FLOWERING] < 40
    warm, cold = (mean_events("spring barley", "Bavaria", (year,))[HARVEST] for year in (2018, 2021))
    assert warm < cold - 5
