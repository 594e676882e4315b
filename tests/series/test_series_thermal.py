"""Thermal time from weather files, against sums written out day by day."""

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import two_crops

from cropxai.errors import WeatherUnusable
from cropxai.series import with_thermal_time

DAYS = pd.date_range("2018-01-01", "2018-12-31")


def temperature(days=DAYS):
    number = np.arange(len(days))
    return 10 - 14 * np.cos(2 * np.pi * (number - 19) / 365) + 3 * np.sin(number)


def by_day(date, base, cap, days=DAYS, values=None):
    values = temperature(days) if values is None else values
    return sum(min(max(t, base), cap) - base for day, t in zip(days, values, strict=True) if day <= pd.Timestamp(date))


@pytest.fixture
def weather(tmp_path):
    file = tmp_path / "weather.csv"
    pd.DataFrame({"date": DAYS.strftime("%Y-%m-%d"), "temperature": temperature()}).to_csv(file, index=False)
    return file


@pytest.mark.parametrize(("base", "cap"), [(0.0, 30.0), (8.0, 20.0)])
def test_degree_days_are_the_sum_of_days(weather, base, cap):
    series = two_crops(5)
    found = with_thermal_time(series, weather, base=base, cap=cap).dataset["thermal_time"]
    assert found.dtype == np.float32 and found.dims == ("parcel", "time")
    expected = [by_day(date, base, cap) for date in series.dates]
    np.testing.assert_allclose(found, np.tile(expected, (5, 1)), rtol=1e-6)


@settings(max_examples=20)
@given(st.integers(0, 40), st.floats(-20, 40))
def test_a_steady_temperature_adds_the_same_every_day(tmp_path_factory, base, level):
    file = tmp_path_factory.mktemp("w") / "steady.csv"
    pd.DataFrame({"date": DAYS, "temperature": level}).to_csv(file, index=False)
    series = two_crops(2)
    found = with_thermal_time(series, file, base=base, cap=base + 10).dataset["thermal_time"].values[0]
    days = (series.dates - np.datetime64("2018-01-01")).astype(int) + 1
    np.testing.assert_allclose(found, days * np.clip(level - base, 0, 10), rtol=1e-5, atol=1e-4)


def test_dates_of_the_autumn_before_have_no_warmth(weather):
    series = two_crops(3)
    early = series.dataset.assign_coords(time=series.dataset["time"] - np.timedelta64(70, "D"))
    found = with_thermal_time(type(series)(early), weather).dataset["thermal_time"]
    assert (found.values[:, early["time"].values < np.datetime64("2018-01-01")] == 0).all()


def test_places_are_by_region_parcel_or_the_nearest(tmp_path):
    series = two_crops(30)
    zones = series.group("zone")
    file = tmp_path / "zones.csv"
    pd.concat([pd.DataFrame({"date": DAYS, "zone": z, "temperature": 5.0 + z}) for z in (0, 1)]).to_csv(
        file, index=False
    )
    found = with_thermal_time(series, file, base=0.0).dataset["thermal_time"].values
    warmth = np.where(zones == "1", 6.0, 5.0)
    days = (series.dates - np.datetime64("2018-01-01")).astype(int) + 1
    np.testing.assert_allclose(found, warmth[:, None] * days, rtol=1e-6)

    spots = tmp_path / "spots.csv"
    frames = [
        pd.DataFrame({"date": DAYS, "lon": x, "lat": 48.5, "temperature": t}) for x, t in ((10.1, 4.0), (10.9, 9.0))
    ]
    pd.concat(frames).to_csv(spots, index=False)
    found = with_thermal_time(series, spots, base=0.0).dataset["thermal_time"].values
    west = series.dataset["lon"].values < 10.5
    np.testing.assert_allclose(found, np.where(west, 4.0, 9.0)[:, None] * days, rtol=1e-6)

    own = tmp_path / "own.csv"
    frames = [pd.DataFrame({"date": DAYS, "parcel_id": p, "t_min": n - 3.0, "t_max": n + 3.0})
              for n, p in enumerate(series.parcel_id)]  # fmt: skip
    pd.concat(frames).to_csv(own, index=False)
    found = with_thermal_time(series, own, base=0.0).dataset["thermal_time"].values
    np.testing.assert_allclose(found, np.arange(30)[:, None] * days, rtol=1e-6)


@pytest.mark.parametrize(("unit", "offset"), [("K", 273.15), ("degC", 0.0)])
def test_netcdf_like_era5_is_averaged_by_day(tmp_path, unit, offset):
    """Four times a day, kelvin, longitudes from 0 to 360."""
    hours = pd.date_range("2018-01-01", "2018-12-31 18:00", freq="6h")
    swing = np.tile([-4.0, -2.0, 4.0, 2.0], len(DAYS))
    values = np.repeat(temperature(), 4) + swing
    grid = np.broadcast_to(values[:, None, None] + offset, (len(hours), 2, 2))
    file = tmp_path / "era5.nc"
    xr.Dataset(
        {"t2m": (("valid_time", "latitude", "longitude"), grid, {"units": unit})},
        coords={"valid_time": hours, "latitude": [49.0, 48.0], "longitude": [10.0, 11.0]},
    ).to_netcdf(file, engine="scipy")
    series = two_crops(4)
    found = with_thermal_time(series, file, base=0.0).dataset["thermal_time"]
    np.testing.assert_allclose(found[0], [by_day(d, 0, 30) for d in series.dates], rtol=1e-4)


def broken(tmp_path, **columns):
    file = tmp_path / "broken.csv"
    pd.DataFrame(columns).to_csv(file, index=False)
    return file


def test_errors_name_the_file_and_the_remedy(tmp_path, weather):
    series = two_crops(3)
    dates = DAYS.strftime("%Y-%m-%d")
    with pytest.raises(WeatherUnusable, match="lacks 1 days, the first 2018-03-02"):
        with_thermal_time(series, broken_days(tmp_path, drop="2018-03-02"))
    other_year = broken(tmp_path, date=dates.str.replace("2018", "2016"), temperature=9.0)
    with pytest.raises(WeatherUnusable, match="has no day from 2018-01-01 to 2018-08-28.*broken|broken.*has no day"):
        with_thermal_time(series, other_year)
    with pytest.raises(WeatherUnusable, match="cannot be °C"):
        with_thermal_time(series, broken(tmp_path, date=dates, temperature=280.0))
    with pytest.raises(WeatherUnusable, match="needs columns date and temperature"):
        with_thermal_time(series, broken(tmp_path, day=dates, temperature=9.0))
    with pytest.raises(WeatherUnusable, match="degrees from parcel"):
        with_thermal_time(series, broken(tmp_path, date=dates, temperature=9.0, lon=-80.0, lat=40.0))
    with pytest.raises(WeatherUnusable, match="no temperature for zone"):
        with_thermal_time(series, broken(tmp_path, date=dates, temperature=9.0, zone="north"))
    with pytest.raises(WeatherUnusable, match="date or temperature that is none"):
        with_thermal_time(series, broken(tmp_path, date=dates, temperature="warm"))
    with pytest.raises(WeatherUnusable, match="not above the base"):
        with_thermal_time(series, weather, base=30.0)
    with pytest.raises(WeatherUnusable, match="no weather format"):
        with_thermal_time(series, tmp_path / "weather.xlsx")
    for name in ("absent.csv", "absent.nc"):
        with pytest.raises(WeatherUnusable, match="no such file; check the path"):
            with_thermal_time(series, tmp_path / name)


def broken_days(tmp_path, drop):
    file = tmp_path / "gap.csv"
    kept = DAYS[drop != DAYS.strftime("%Y-%m-%d")]
    pd.DataFrame({"date": kept, "temperature": 9.0}).to_csv(file, index=False)
    return file


def test_units_of_netcdf_are_not_guessed(tmp_path):
    file = tmp_path / "no_units.nc"
    xr.Dataset({"t2m": ("time", temperature())}, coords={"time": DAYS}).to_netcdf(file, engine="scipy")
    with pytest.raises(WeatherUnusable, match="units of t2m are ''"):
        with_thermal_time(two_crops(2), file)


def test_a_store_keeps_it(tmp_path, weather):
    series = with_thermal_time(two_crops(4), weather)
    series.save(tmp_path / "s.zarr")
    again = type(series).open(tmp_path / "s.zarr")
    np.testing.assert_array_equal(again.dataset["thermal_time"], series.dataset["thermal_time"])
