"""Decision dates, against the definition followed word by word with :func:`cropxai.model.classify`."""

import numpy as np
import pytest
from made_up import DATES, two_crops

from cropxai.model import classify
from cropxai.season import decision
from cropxai.season.decision import decide


def by_definition(series, model, threshold):
    """Classify the season up to every date, and look for the first clear date from which those on all of them hold."""
    final = classify(series, model).frame
    seen = np.isfinite(series.reflectance).all(axis=2)
    holds, sure = [], []
    for date in series.dates:
        frame = classify(series.between(end=date), model).frame
        holds.append((frame["crop"] == final["crop"]) & (frame["confidence"] >= threshold))
        sure.append(frame["confidence"])
    holds, sure = np.array(holds).T, np.array(sure, dtype=float).T
    dates, confidence = [], []
    for parcel in range(len(series)):
        clear = np.flatnonzero(seen[parcel])
        holds[parcel, clear[-1]], sure[parcel, clear[-1]] = holds[parcel, -1], sure[parcel, -1]  # of the whole season
        found = [t for t in clear if holds[parcel, clear[clear >= t]].all()]
        dates.append(series.dates[found[0]] if found else np.datetime64("NaT"))
        confidence.append(sure[parcel, found[0]] if found else np.nan)
    return np.array(dates, dtype="datetime64[D]"), np.array(confidence)


@pytest.mark.parametrize("threshold", [0.5, 0.9, 0.97])
def test_dates_are_those_of_the_definition(model, threshold):
    series = two_crops(60, seed=3, gaps=0.3)
    found = decide(series, model, classify(series, model), confidence=threshold)
    dates, confidence = by_definition(series, model, threshold)
    np.testing.assert_array_equal(found.date, dates)
    np.testing.assert_allclose(found.confidence, confidence, atol=1e-5)
    assert len(np.unique(dates[~np.isnat(dates)])) > 1


def test_no_answer_and_no_certainty_give_no_date(series, model):
    empty = series.dataset.copy(deep=True)
    empty["reflectance"][:3] = np.nan
    blind = type(series)(empty, series.parcels)
    answers = classify(blind, model)
    found = decide(blind, model, answers, confidence=0.9)
    assert np.isnat(found.date[:3]).all() and np.isnan(found.confidence[:3]).all()
    unsure = (answers.frame["confidence"] < 0.9).to_numpy()
    assert np.isnat(found.date[unsure]).all()
    assert not np.isnat(found.date[3:][~unsure[3:]]).any()


def test_a_crop_that_shows_itself_in_june_is_known_in_june(model):
    series = two_crops(100, seed=5, gaps=0.0)
    answers = classify(series, model)
    found = decide(series, model, answers, confidence=0.9)
    dates = found.date[(answers.frame["crop"] == "grain maize").to_numpy()]
    assert len(dates) > 30
    assert np.mean((dates >= np.datetime64("2018-06-01")) & (dates < np.datetime64("2018-07-01"))) > 0.9


def test_pieces_and_the_order_of_dates_change_nothing(model, monkeypatch):
    series = two_crops(50, seed=4)
    expected = decide(series, model, classify(series, model))
    monkeypatch.setattr(decision, "PARCELS_AT_ONCE", 7)
    shuffled = type(series)(series.dataset.isel(time=np.random.default_rng(0).permutation(len(DATES))))
    found = decide(shuffled, model, classify(shuffled, model))
    np.testing.assert_array_equal(found.date, expected.date)
    np.testing.assert_allclose(found.confidence, expected.confidence, atol=1e-5)


def test_the_cost_is_one_pass_for_each_clear_date_looked_at(model):
    series = two_crops(40, seed=6)
    found = decide(series, model, classify(series, model), confidence=0.9)
    seen = np.isfinite(series.reflectance).all(axis=2)
    expected = 0
    for parcel, date in enumerate(found.date):
        if not np.isnat(date):
            earlier = seen[parcel, series.dates < date].any()
            expected += (seen[parcel] & (series.dates > date)).sum() + int(earlier)
    assert found.passes == expected
