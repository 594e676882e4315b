"""The discriminant of all dates against numpy's interpolation and scikit-learn's shrinkage."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from cropxai.simulate import all_dates
from cropxai.simulate.all_dates import season_logits
from cropxai.simulate.separability import FLOOR

DATES = np.datetime64("2019-03-01") + np.array([0, 7, 12, 30, 33, 50])


def drawn(parcels=240, times=6, bands=3, gaps=0.0, seed=2):
    random = np.random.default_rng(seed)
    labels = np.arange(parcels) % 3
    values = random.normal(0.3, 0.05, (parcels, times, bands)) + random.normal(0, 0.04, (parcels, 1, bands))
    values += random.normal(0, 0.03, (3, times, bands))[labels]
    values[random.random((parcels, times)) < gaps] = np.nan
    return values, labels


def by_hand(x, labels, y):
    """Fisher's discriminant of standardised columns."""
    mean = np.stack([x[labels == c].mean(axis=0) for c in range(3)])
    scale = np.sqrt(((x - mean[labels]) ** 2).mean(axis=0) + FLOOR**2)
    apart = (x - mean[labels]) / scale
    covariance = ledoit_wolf(apart, assume_centered=True)[0] * len(x) / (len(x) - 3)
    mean, y = mean / scale, y / scale
    return np.stack([(y - m / 2) @ np.linalg.solve(covariance, m) for m in mean], axis=1)


def differences(logits):
    """Only differences between classes mean something."""
    return logits - logits.mean(axis=-1, keepdims=True)


def filled(values, day):
    """Straight lines between the dates that each parcel has."""
    out = values.copy()
    for parcel in out:
        seen = np.isfinite(parcel[:, 0])
        for band in parcel.T:
            band[:] = np.interp(day, day[seen], band[seen])
    return out


@pytest.mark.parametrize("gaps", [0.0, 0.3])
def test_it_is_fishers_discriminant_of_filled_courses(gaps):
    values, labels = drawn(gaps=gaps)
    values[np.isnan(values).all(axis=(1, 2))] = 0.3
    found = season_logits(values[:180], labels[:180], values[180:], DATES)
    whole = filled(values, (DATES - DATES[0]).astype(float)).reshape(240, -1)
    expected = by_hand(whole[:180], labels[:180], whole[180:])
    np.testing.assert_allclose(differences(found[:, 0]), differences(expected), rtol=0.02, atol=0.05)


@pytest.mark.parametrize("date", range(6))
def test_without_a_date_it_is_that_of_series_that_lack_it(date):
    values, labels = drawn(gaps=0.2)
    found = season_logits(values[:180], labels[:180], values[180:], DATES)
    values[:, date] = np.nan
    expected = season_logits(values[:180], labels[:180], values[180:], DATES)[:, 0]
    one, other = differences(found[:, 1 + date]).ravel(), differences(expected).ravel()
    assert np.corrcoef(one, other)[0, 1] > 0.995
    np.testing.assert_allclose(found[:, 1 + date], found[:, 1 + date] * (np.abs(other).reshape(-1, 3) > 0))


def test_many_dates_share_nodes(monkeypatch):
    """Each date counts for the two nodes beside it, as far as it is near."""
    monkeypatch.setattr(all_dates, "NODES", 5)
    dates = np.datetime64("2019-01-01") + np.arange(17)
    time, low, share = all_dates._nodes(dates)
    assert time.tolist() == [0, 4, 8, 12, 16]
    np.testing.assert_allclose(time[low] + 4 * share, np.arange(17))
    values = np.random.default_rng(0).normal(size=(20, 17, 2))
    values[:, 5:8] = np.nan
    found = np.empty((20, 5, 2))
    all_dates._course(values, np.isfinite(values).all(axis=2), time, low, share, 16, found)
    day = np.setdiff1d(np.arange(17), [5, 6, 7, 16])
    weight = np.clip(1 - np.abs(time[:, None] - day) / 4, 0, None)
    expected = np.einsum("nt,ptb->pnb", weight / weight.sum(axis=1, keepdims=True), values[:, day])
    np.testing.assert_allclose(found, expected)


def test_of_many_bands_those_that_tell_are_kept():
    random = np.random.default_rng(1)
    labels = np.arange(600) % 3
    values = random.normal(0.3, 0.05, (600, 4, 12)) @ np.linalg.qr(random.normal(size=(12, 12)))[0]
    values[labels == 1, 2] += random.normal(0, 0.05, 12)
    turn = all_dates._combinations(values, labels)
    assert turn.shape == (12, all_dates.COMBINATIONS)
    difference = values[labels == 1, 2].mean(axis=0) - values[labels == 0, 2].mean(axis=0)
    inside = turn @ np.linalg.lstsq(turn, difference, rcond=None)[0]
    assert np.linalg.norm(inside) > 0.95 * np.linalg.norm(difference)


def test_who_is_not_seen_has_no_answer():
    values, labels = drawn()
    test = values[180:].copy()
    test[0] = np.nan
    test[1, 1:] = np.nan
    found = season_logits(values[:180], labels[:180], test, DATES)
    assert np.isfinite(found).all()
    assert (found[0] == 0).all()
    assert (found[1, 1] == 0).all() and (found[1, [0, 2, 3]] != 0).all()


def test_one_date_or_none():
    values, labels = drawn(times=1)
    found = season_logits(values, labels, values, DATES[:1])
    assert (found[:, 0] != 0).any() and (found[:, 1] == 0).all()
    assert (season_logits(np.full_like(values, np.nan), labels, values, DATES[:1]) == 0).all()
