"""Deciding on the day: against the rule followed day by day, on crops of known difference."""

import numpy as np
import pandas as pd
import pytest
from made_up import two_crops

from cropxai.errors import ModelUnreadable, SeriesUnusable
from cropxai.model import classify, load_model
from cropxai.season.prefix import prefix_answers
from cropxai.season.today import ClassThresholds, decide_today, learn_on_the_day, thresholds_of


@pytest.fixture(scope="module")
def decider(model):
    known = two_crops(300, seed=8, gaps=0.1)
    truth = np.array([model.names.index(c) for c in known.labels])
    return learn_on_the_day(model, prefix_answers(known, model), truth, max_loss=3.0)


def test_decisions_are_those_of_the_rule_followed_day_by_day(decider):
    series = two_crops(60, seed=9, gaps=0.3)
    needed = decider.card.metrics["on_the_day"]["confidence"]
    first: dict[str, tuple[str, pd.Timestamp]] = {}
    for date in series.dates:
        for row in classify(series.between(end=date), decider).frame.itertuples():
            if row.parcel_id not in first and isinstance(row.crop, str) and row.confidence >= needed[row.crop]:
                first[row.parcel_id] = (row.crop, pd.Timestamp(date))
    found = decide_today(series, decider).parcels.set_index("parcel_id")
    assert set(found.index[found["decided"]]) == set(first)
    for parcel, (crop, date) in first.items():
        assert found.loc[parcel, "crop"] == crop
        assert found.loc[parcel, "decision_date"] == date


def test_nothing_is_known_in_spring_and_most_in_july(decider):
    series = two_crops(100, seed=9, gaps=0.1)
    spring, summer = decide_today(series, decider, "2018-05-15"), decide_today(series, decider, "2018-07-15")
    assert spring.parcels["decided"].mean() < 0.3
    assert summer.parcels["decided"].mean() > 0.9
    assert str(spring.date) <= "2018-05-15"
    assert spring.waiting["parcels"].sum() == (~spring.parcels["decided"]).sum()
    assert "can be decided" in spring.text() and "wait" in spring.text()


def test_what_was_decided_stays_decided(decider):
    series = two_crops(80, seed=9, gaps=0.3)
    earlier = decide_today(series, decider, "2018-06-20").parcels
    later = decide_today(series, decider, "2018-08-20").parcels
    was = earlier["decided"].to_numpy()
    pd.testing.assert_frame_equal(earlier[was][["crop", "decision_date"]], later[was][["crop", "decision_date"]])


def test_a_day_of_a_later_season_is_refused(decider):
    series = two_crops(20, seed=9)
    first, last = series.dates.min(), series.dates.max()
    assert decide_today(series, decider, first + 365).date == last
    with pytest.raises(SeriesUnusable, match=f"{first + 366} lies in a later season than that of the series, {first}"):
        decide_today(series, decider, first + 366)


def test_a_parcel_never_seen_is_not_decided(decider):
    series = two_crops(20, seed=9)
    series.dataset["reflectance"].values[:2] = np.nan
    frame = decide_today(series, decider).parcels
    assert not frame["decided"][:2].any() and frame["crop"][:2].isna().all()


def test_thresholds_are_the_best_of_all_pairs():
    """Two crops: one after the other finds what trying every pair finds, or costs no more than a common one."""
    rng = np.random.default_rng(0)
    p = rng.beta(2, 2, (200, 5)).astype(np.float32)
    probabilities = np.stack([p, 1 - p], axis=2)
    truth = (rng.random(200) > p[:, -1]).astype(int)
    delay = np.linspace(0, 1, 5)

    def cost(rule):
        stop = rule.stop(probabilities)
        wrong = probabilities[np.arange(200), stop].argmax(axis=1) != truth
        return 0.2 * delay[stop].mean() + wrong.mean()

    found = cost(ClassThresholds.fit(probabilities, truth, delay, 0.2))
    assert found <= min(cost(ClassThresholds((g, g))) for g in (0.5, 0.6, 0.7, 0.8, 0.9, 1.01)) + 1e-9


def test_the_card_keeps_them(decider, model, tmp_path):
    decider.save(tmp_path / "m")
    rule, usual = thresholds_of(load_model(tmp_path / "m"))
    assert rule == thresholds_of(decider)[0] and set(usual) == set(decider.names)
    with pytest.raises(ModelUnreadable, match="cropxai season"):
        thresholds_of(model)


def test_the_map_holds_what_could_be_decided(decider):
    import geopandas as gpd
    from shapely.geometry import Point

    from cropxai.mapping import map_contents

    series = two_crops(30, seed=9, gaps=0.3)
    shapes = gpd.GeoDataFrame(geometry=[Point(10, 48 + n / 1000).buffer(1e-4) for n in range(30)], crs=4326)
    today = decide_today(series, decider)
    contents = map_contents(type(series)(series.dataset, shapes), decider, classify(series, decider), on_the_day=today)
    parcels = contents.parcels
    assert parcels["decided_on"].notna().sum() == today.parcels["decided"].sum()
    assert (parcels["decided_crop"].notna() == today.parcels["decided"].to_numpy()).all()
