import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from cropxai.explain.truth import Truth, scores
from cropxai.simulate import simulate_planted


def drawn(seed, parcels=40, dates=25):
    rng = np.random.default_rng(seed)
    kind = rng.choice(4, (parcels, dates), p=[0.2, 0.5, 0.15, 0.15])  # planted, silent, decoy, missing or faint
    truth = Truth(kind == 0, (kind == 1) | (kind == 2), kind == 2, np.ones(parcels, bool))
    relevance = np.where(kind == 3, np.nan, np.round(rng.normal(size=kind.shape) + (kind == 0), 1))
    return relevance, truth


@pytest.mark.parametrize("seed", range(3))
def test_areas_are_those_of_scikit_learn(seed):
    relevance, truth = drawn(seed)
    found = scores(relevance, truth)
    for row in range(len(relevance)):
        known = truth.planted[row] | truth.silent[row]
        value, planted = relevance[row, known], truth.planted[row, known]
        if not 0 < planted.sum() < len(planted):
            assert np.isnan(found["date_auc"][row])
            continue
        assert found["date_auc"][row] == pytest.approx(roc_auc_score(planted, value))
        assert found["magnitude_auc"][row] == pytest.approx(roc_auc_score(planted, np.abs(value)))
        quiet, decoy = truth.silent[row], truth.decoy[row, truth.silent[row]]
        if 0 < decoy.sum() < len(decoy):
            assert found["decoy_auc"][row] == pytest.approx(roc_auc_score(decoy, np.abs(relevance[row, quiet])))


def test_by_hand():
    truth = Truth(
        np.array([[1, 1, 0, 0, 0]] * 3, bool), np.array([[0, 0, 1, 1, 0]] * 3, bool), np.zeros((3, 5), bool),
        np.array([True, True, False]),
    )  # fmt: skip
    relevance = np.array([[3, 1, 1, -5, 99], [0, 1, 2, 1, 0], [1, 1, 0, 0, 0]], float)
    found = scores(relevance, truth)
    np.testing.assert_allclose(found["pointing"], [1, 0, np.nan])  # the last date is neither: its 99 does not count
    np.testing.assert_allclose(found["mass"], [4 / 5, 1 / 4, np.nan])
    np.testing.assert_allclose(found["top_k"], [1, 0.5, np.nan])
    np.testing.assert_allclose(found["date_auc"], [3.5 / 4, 0.5 / 4, np.nan])
    np.testing.assert_allclose(found["magnitude_auc"], [1.5 / 4, 0.5 / 4, np.nan])


def test_a_perfect_explanation_scores_one_and_chance_a_half():
    _, truth = drawn(1, parcels=400)
    perfect = scores(truth.planted.astype(float), truth)
    for name in ("date_auc", "magnitude_auc", "pointing", "mass", "top_k"):
        np.testing.assert_allclose(perfect[name][truth.told], 1)
    chance = scores(np.random.default_rng(0).normal(size=truth.planted.shape), truth)
    assert np.nanmean(chance["date_auc"]) == pytest.approx(0.5, abs=0.03)
    assert np.nanmean(chance["decoy_auc"]) == pytest.approx(0.5, abs=0.03)


def test_the_truth_of_a_series():
    series = simulate_planted(60, seed=2)
    valid = np.isfinite(series.reflectance).all(axis=2)
    truth = Truth.of(series, valid, series.group("twin_crop"))
    held = series.dataset
    assert not (truth.planted & ~valid).any() and not (truth.silent & ~valid).any()
    assert not (truth.planted & truth.silent).any()
    faint = valid & ~truth.planted & ~truth.silent
    assert (held["planted_difference"].values[faint] != 0).any(axis=1).all()
    assert (held["planted_difference"].values[truth.silent] == 0).all()
    assert truth.told.mean() > 0.8
    other = np.where(np.arange(60) < 30, series.group("twin_crop"), "another")
    assert not Truth.of(series, valid, other).told[30:].any()


def test_a_series_without_truth_has_none(series):
    assert Truth.of(series, np.ones((len(series), len(series.dates)), bool), series.labels) is None
