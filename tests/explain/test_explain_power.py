import numpy as np
import pandas as pd
import pytest
from made_up import two_crops
from scipy.stats import spearmanr

from cropxai.errors import SeriesUnusable
from cropxai.explain.faithfulness import ALL, evaluate_relevance
from cropxai.explain.power import Power
from cropxai.simulate.truth import COLUMNS, discriminating_power

DATES = np.arange("2019-04-01", "2019-06-10", 7, dtype="datetime64[D]")  # ten
RYE = [0.3, 0.0, 0.2, 0.001, 0.1, 0.0, 0.0, 0.05, 0.4, 0.0]


def table(**pairs: list[float]) -> pd.DataFrame:
    rows = []
    for pair, bits in pairs.items():
        crop, rival = ("*", "*") if pair == "every" else pair.split("_")
        rows += [(crop, rival, day, 2000, 1.0, value, value / 10) for day, value in zip(DATES, bits, strict=True)]
    named = pd.DataFrame(rows, columns=["crop", "rival", "date", "parcels", "seen", "bits_noisy", "gain_noisy"])
    return named.reindex(columns=list(COLUMNS))


def same(labels):
    return [str(label) for label in labels]


def of(known, crop, rival, dates=DATES, class_of=same):
    return Power.of(known, np.array(crop, object), np.array(rival, object), dates, class_of)


def test_a_pair_is_found_in_either_order():
    known = table(rye_wheat=RYE, oat_rye=[0.1] * 10, every=[0.7] * 10)
    found = of(known, ["wheat", "rye", "*", "oat", "rye"], ["rye", "wheat", "*", "wheat", ""])
    told = np.where(np.array(RYE) < 0.005, 0, RYE)
    np.testing.assert_allclose(found.by_date["alone"][:2], [told, told])
    np.testing.assert_allclose(found.by_date["alone"][2], 0.7)
    assert np.isnan(found.by_date["alone"][3:]).all()
    np.testing.assert_allclose(found.by_date["gain"][0], np.where(told / 10 < 0.005, 0, told / 10))


def test_few_parcels_tell_little():
    """Of 40 parcels noise seems to tell up to 0.12 bits."""
    few = table(rye_wheat=RYE).assign(parcels=40)
    np.testing.assert_allclose(of(few, ["rye"], ["wheat"]).by_date["alone"], [np.where(np.array(RYE) < 0.12, 0, RYE)])


def test_who_has_a_date_learns_more_than_the_mean_of_all():
    known = table(rye_wheat=RYE)
    known["seen"] = np.linspace(0.1, 1, 10)
    told = np.where(np.array(RYE) < 0.005, 0, RYE) / np.linspace(0.1, 1, 10)
    np.testing.assert_allclose(of(known, ["rye"], ["wheat"]).by_date["alone"], [told])
    known["bits_noisy"], known["seen"] = 0.0, 0.0
    assert (of(known, ["rye"], ["wheat"]).by_date["alone"] == 0).all()


def test_labels_mean_classes_and_dates_are_those_of_the_series():
    known = table(rye_wheat=RYE, rye_durum=[0.2] * 10, durum_wheat=[0.9] * 10)
    names = {"wheat": "wheat", "durum": "wheat", "rye": "rye", "*": ""}
    found = of(known, ["wheat"], ["rye"], DATES[[8, 0]], lambda labels: [names[x] for x in labels])
    np.testing.assert_allclose(found.by_date["alone"], [[0.3, 0.25]])
    other = of(known, ["wheat"], ["rye"], np.append(DATES[:2], np.datetime64("2019-12-01")))
    assert np.isnan(other.by_date["alone"][0]).tolist() == [False, False, True]


def test_scores_are_rank_correlation_and_overlap():
    random = np.random.default_rng(0)
    relevance = random.normal(size=(4, 10))
    relevance[1] = RYE
    relevance[2] = -np.array(RYE)
    relevance[3, 4] = np.nan  # missing
    valid = np.isfinite(relevance)
    found = of(table(rye_wheat=RYE), ["rye"] * 4, ["wheat"] * 4).scores(relevance, valid)
    power = np.where(np.array(RYE) < 0.005, 0, RYE)
    for row in range(4):
        own = valid[row]
        expected = spearmanr(relevance[row, own], power[own]).statistic
        assert found["alone_rank"][row] == pytest.approx(expected)
        best = set(np.flatnonzero(own)[np.argsort(-relevance[row, own])[:3]])
        assert found["alone_top"][row] == pytest.approx(len(best & {0, 2, 8}) / 3)
    assert (found["alone_rank"][1], found["alone_top"][1]) == (pytest.approx(1, abs=0.05), 1)
    assert found["alone_top"][2] == 0
    # Of what they add, three dates less are above the least: 0.03, 0.02, 0.01, 0.005 and 0.04 remain.
    assert found["gain_top"][1] == 1


def test_pairs_that_no_date_tells_are_not_scored():
    known = table(rye_wheat=[0.001] * 10, oat_rye=RYE)
    valid = np.ones((2, 10), bool)
    valid[1, [0, 2, 4, 7, 8]] = False  # the parcel lacks all dates that tell
    found = of(known, ["rye", "rye"], ["wheat", "oat"]).scores(np.ones((2, 10)), valid)
    assert all(np.isnan(values).all() for values in found.values())


def test_a_table_of_something_else_is_told():
    with pytest.raises(SeriesUnusable, match="make it from the same series"):
        of(table(rye_wheat=RYE), ["rye"], ["wheat"], DATES + 365)
    with pytest.raises(SeriesUnusable, match="tells nothing"):
        of(table(rye_wheat=RYE), ["maize"], ["wheat"])


def test_the_dates_that_tell_are_those_of_a_network_that_learnt_them(series, model):
    """Two crops that differ in June only: measured on other parcels of the same kind."""
    other = two_crops(400, seed=8, gaps=0.2)
    noisy = other.dataset["reflectance"].values
    power = discriminating_power(np.nan_to_num(noisy, nan=0.2), noisy, other.labels, other.dates)
    found = evaluate_relevance(series, model, methods=("cp-lrp",), sample=60, draws=2, truth=power).of_class(ALL)
    assert found.loc["cp-lrp", "alone_top"] > 0.9
    assert found.loc["cp-lrp", "alone_top"] > found.loc["random", "alone_top"] + 0.4
    assert found.loc["cp-lrp", "alone_rank"] > found.loc["random", "alone_rank"] + 0.2
    together = evaluate_relevance(series, model, methods=("cp-lrp",), target="logit", sample=20, draws=2, truth=power)
    assert np.isfinite(together.of_class(ALL).loc["cp-lrp", "alone_rank"])
