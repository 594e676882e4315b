"""From year to year: a season that comes later by a known time, and is found again by its warmth."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_up import DATES, QUICK, two_crops

from cropxai.errors import SeriesUnusable
from cropxai.model import train
from cropxai.season.today import ClassThresholds
from cropxai.season.years import PACE, Transfer, aligned_days, transfer
from cropxai.series import with_thermal_time

LATER = 20


def warmth(tmp_path, name, later):
    days = pd.date_range("2018-01-01", "2018-12-31")
    number = np.arange(len(days))
    file = tmp_path / f"{name}.csv"
    values = np.where(number < 40 + later, -3.0, 12.0)
    pd.DataFrame({"date": days, "temperature": values}).to_csv(file, index=False)
    return file


def test_a_late_spring_is_told_by_its_warmth(tmp_path):
    home = with_thermal_time(two_crops(10), warmth(tmp_path, "home", 0))
    late = with_thermal_time(two_crops(10, seed=1), warmth(tmp_path, "late", LATER))
    found = aligned_days(late, home)
    after = home.season_day > 40 + LATER + 5
    np.testing.assert_allclose(found[:, after][0], home.season_day[after] - LATER * 9 / (9 + PACE), atol=0.1)
    np.testing.assert_allclose(aligned_days(home, home), np.tile(home.season_day, (10, 1)), atol=1e-3)
    np.testing.assert_allclose(aligned_days(late, home, by="zone"), found, atol=1e-3)


def test_thermal_time_wins_back_what_the_calendar_loses(tmp_path):
    """The crops differ 30 days later; the model is of days, and so is the window."""
    home = with_thermal_time(two_crops(300, gaps=0.0), warmth(tmp_path, "home", 0))
    model = train(home, replace(QUICK, any_season=0.5))
    values = two_crops(100, seed=5, gaps=0.0).reflectance
    moved = np.roll(values, 2, axis=1)  # two dates, 30 days
    made = two_crops(100, seed=5, gaps=0.0)
    later = type(made)(made.dataset.assign(reflectance=(("parcel", "time", "band"), moved)))
    other = with_thermal_time(later, warmth(tmp_path, "late", round(30 * (9 + PACE) / 9)))
    end = float((DATES[7] - np.datetime64("2018-01-01")).astype(int)) + 2
    scored = with_thermal_time(two_crops(100, seed=6, gaps=0.0), warmth(tmp_path, "home", 0))
    rule = ClassThresholds((0.9, 0.9))
    warm = train(home, replace(QUICK, any_season=0.5, time_encoding="thermal time"))
    told = {"true stages": np.broadcast_to(other.season_day - 30, (100, len(DATES))).astype(np.float32)}
    found = transfer(model, rule, end, home, scored, other, thermal_network=(warm, rule), told=told)
    table = found.table.set_index("by")
    assert table.loc["home", "window"] > 0.9
    assert table.loc["calendar", "window"] < 0.7
    assert table.loc["thermal", "window"] > 0.9 and found.recovery() > 0.8
    assert table.loc["thermal", "decided"] > 0.8
    assert list(table.index) == ["home", "calendar", "thermal", "true stages", "thermal network"]
    assert found.recovery(by="true stages") > 0.8 and found.recovery(by="thermal network") > 0.2


def test_what_is_recovered_is_counted_from_what_the_calendar_loses():
    moved = Transfer(pd.DataFrame({"by": ["home", "calendar", "thermal"], "window": [0.9, 0.5, 0.7]}))
    assert moved.recovery() == pytest.approx(0.5)
    assert moved.recovery(best=0.7) == pytest.approx(1.0)
    assert np.isnan(moved.recovery(best=0.4))


def test_without_thermal_time_there_is_an_error(model):
    series = two_crops(20)
    with pytest.raises(SeriesUnusable, match="thermal time"):
        transfer(model, ClassThresholds((0.9, 0.9)), 180.0, series, series, series)
