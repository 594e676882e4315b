import numpy as np
import pytest

from cropxai.simulate.weather import (
    DAYS,
    Place,
    anomalies,
    climates,
    day_length,
    draw_place,
    draw_weather,
    extraterrestrial,
    known_years,
    normal_temperature,
)

APRIL = (DAYS >= 90) & (DAYS < 120)
JULY = (DAYS >= 181) & (DAYS < 212)
SEPTEMBER_3, LAT_20_SOUTH = 245, -20.0


def test_radiation_and_day_length_are_those_of_the_examples_of_fao_56():
    # Allen et al. 1998, examples 8 and 9: 3 September at 20° S.
    assert extraterrestrial(LAT_20_SOUTH, SEPTEMBER_3) == pytest.approx(32.2, abs=0.1)
    assert day_length(LAT_20_SOUTH, SEPTEMBER_3) == pytest.approx(11.7, abs=0.05)


@pytest.mark.parametrize(("region", "year"), [("Austria", 2018), ("Denmark", 2020), ("Slovenia", 2019)])
def test_months_are_as_much_too_warm_as_published(region, year):
    drawn = [draw_weather([Place(region, 15.0, 48.0)], year, seed).temperature[0] for seed in range(12)]
    departure = np.mean(drawn, axis=0) - normal_temperature(region)
    month = np.where(DAYS >= 0, DAYS * 12 // 365, -1)
    means = np.array([departure[month == m].mean() for m in range(12)])
    published = np.array(anomalies()[climates()[region].country, year])
    # A curve through the middles of months smooths what differs from month to month.
    smooth = np.convolve(np.pad(published, 1, mode="edge"), [0.125, 0.75, 0.125], "valid")
    assert np.corrcoef(means, published)[0, 1] > 0.9
    assert np.abs(means - smooth)[1:11].max() < 0.9


def test_april_2018_was_the_warm_one_and_march_the_cold_one_in_austria():
    known = anomalies()["AT", 2018]
    assert known[3] > 3.5
    assert known[2] < -1


def test_days_differ_within_months_but_not_for_ever():
    weather = draw_weather([Place("Austria", 15.0, 48.0)], 2019, 1)
    rest = weather.temperature[0] - normal_temperature("Austria", 2019)
    assert 2.0 < rest.std() < 4.5
    assert np.corrcoef(rest[:-1], rest[1:])[0, 1] > 0.6
    assert abs(np.corrcoef(rest[:-30], rest[30:])[0, 1]) < 0.2


@pytest.mark.parametrize("region", list(climates()))
def test_it_rains_as_often_and_as_much_as_in_the_normals(region):
    place = draw_place(region, np.random.default_rng(1))
    climate = climates()[region]
    # A year in which July was as warm as usual: warm months are dry.
    year = min(range(2015, 2024), key=lambda y: abs(anomalies()[climate.country, y][6]))
    rain = np.concatenate([draw_weather([place], year, seed).rain for seed in range(60)])[:, JULY]
    assert (rain > 0).sum(axis=1).mean() == pytest.approx(climate.rain_days[6], rel=0.15)
    assert rain.sum(axis=1).mean() == pytest.approx(climate.rain[6], rel=0.25)


def test_a_warm_summer_is_a_dry_one():
    place = Place("Flanders", 4.0, 51.0)
    dry, usual = (np.mean([draw_weather([place], y, s).rain[:, JULY].sum() for s in range(20)]) for y in (2018, 2016))
    assert dry < 0.75 * usual


def test_snow_and_water_follow_the_weather():
    weather = draw_weather([draw_place("Bavaria", np.random.default_rng(s)) for s in range(8)], 2017, 4)
    assert weather.snow[:, JULY].max() == 0
    assert 0.1 < weather.snow[:, (DAYS >= 0) & (DAYS < 31)].mean() < 1  # January 2017 was 3.9 °C too cold
    rainy = weather.rain > 5
    assert weather.wetness[rainy].mean() > weather.wetness[~rainy].mean() + 0.2
    light, _, heavy = (weather.stress[:, kind][:, JULY].mean() for kind in range(3))
    assert light > heavy
    for share in (weather.snow, weather.wetness, weather.stress):
        assert share.min() >= 0
        assert share.max() <= 1


def test_places_and_years():
    first, last = known_years()
    assert first <= 2017
    assert last >= 2023
    west, south, east, north = climates()["Denmark"].box
    place = draw_place("Denmark", np.random.default_rng(1))
    assert west <= place.lon <= east
    assert south <= place.lat <= north
    with pytest.raises(KeyError):
        draw_weather([place], last + 2, 0)
