"""Measures of separability against the closed forms of normal distributions, numerical integrals and scikit-learn."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss, roc_auc_score

from cropxai.simulate.separability import FLOOR, Moments, auc, bits, bits_of_many, discriminant, jeffries_matusita


def normal_bits(apart: float) -> float:
    """Mutual information of a class and a value whose means are ``apart`` standard deviations."""
    surprise = quad(lambda x: norm.pdf(x, apart / 2) * np.log2(1 + np.exp(-apart * x)), -12, 12)[0]
    return 1 - surprise


@pytest.fixture
def random():
    return np.random.default_rng(5)


def test_moments_leave_out_what_is_missing(random):
    values = random.normal(0.3, 0.1, (40, 3, 4))
    values[:25, 1] = np.nan
    values[1:, 2] = np.nan
    found = Moments.of(values)
    np.testing.assert_allclose(found.mean[1], values[25:, 1].mean(axis=0))
    np.testing.assert_allclose(found.covariance[1], np.cov(values[25:, 1].T) + FLOOR**2 * np.eye(4))
    assert found.count.tolist() == [40, 15, 1]
    assert np.isnan(found.covariance[2]).all()


def test_the_discriminant_is_fishers(random):
    mixing = random.normal(size=(3, 3))
    first, second = (random.normal(size=(20_000, 2, 3)) @ mixing + shift for shift in (0.0, 0.5))
    weights, offset = discriminant(Moments.of(first), Moments.of(second))
    expected = np.linalg.solve(mixing.T @ mixing, [-0.5] * 3)
    np.testing.assert_allclose(weights, [expected, expected], rtol=0.1)
    np.testing.assert_allclose(offset, -0.25 * expected.sum(), rtol=0.1)


@pytest.mark.parametrize("apart", [0.0, 0.5, 1.5, 3.0])
@pytest.mark.parametrize("count", [40, 400])
def test_jeffries_matusita_of_normal_classes(random, apart, count):
    """The closed form, met in the mean of many draws however small they are: what chance adds has been taken off."""
    first, second = (random.normal(0, 1, (count, 300, 8)) for _ in range(2))
    second[..., 0] += apart
    found = jeffries_matusita(Moments.of(first), Moments.of(second)).mean()
    assert found == pytest.approx(2 * (1 - np.exp(-(apart**2) / 8)), abs=0.12 if count == 40 else 0.01)


def test_jeffries_matusita_sees_other_spreads(random):
    first, second = random.normal(0, 1, (2000, 20, 2)), random.normal(0, 1, (2000, 20, 2))
    second[..., 0] *= 3
    expected = 2 * (1 - np.sqrt(1 * 3 / ((1 + 9) / 2)))
    assert jeffries_matusita(Moments.of(first), Moments.of(second)).mean() == pytest.approx(expected, abs=0.01)


def test_jeffries_matusita_asks_for_enough_parcels(random):
    few, many = random.normal(size=(12, 1, 10)), random.normal(size=(80, 1, 10))
    assert np.isnan(jeffries_matusita(Moments.of(few), Moments.of(many)))[0]


def test_auc_is_that_of_scikit_learn(random):
    first, second = random.normal(0.4, 1, (60, 5)).round(1), random.normal(0, 1, (45, 5)).round(1)
    first[:20, 3] = np.nan
    found = auc(first, second)
    for date in range(5):
        one = first[np.isfinite(first[:, date]), date]
        expected = roc_auc_score([1] * len(one) + [0] * 45, np.concatenate([one, second[:, date]]))
        assert found[date] == pytest.approx(expected)
    assert auc(np.zeros((4, 1)), np.zeros((7, 1)))[0] == 0.5
    assert np.isnan(auc(np.full((4, 1), np.nan), np.zeros((7, 1))))[0]


@pytest.mark.parametrize("apart", [0.0, 0.3, 1.0, 2.0, 4.0])
def test_bits_are_the_mutual_information(random, apart):
    scores = random.normal(0, 1, (2, 4000, 6))
    found = bits(7 + 3 * (scores[0] + apart), 7 + 3 * scores[1])  # however the scores are scaled
    assert found.mean() == pytest.approx(normal_bits(apart), abs=0.01)


def test_bits_are_those_of_a_logistic_regression(random):
    first, second = random.standard_t(3, (500, 4)) + 1, random.standard_t(3, (300, 4))
    found = bits(first, second)
    label = np.repeat([1, 0], [500, 300])
    weight = np.repeat([1 / 500, 1 / 300], [500, 300])
    for date in range(4):
        score = np.concatenate([first[:, date], second[:, date]])[:, None]
        chance = LogisticRegression(C=np.inf).fit(score, label, weight).predict_proba(score)
        expected = 1 - log_loss(label, chance, sample_weight=weight) / np.log(2)
        assert found[date] == pytest.approx(expected, abs=2e-4)


def test_bits_know_certainty_ignorance_and_what_is_missing(random):
    first, second = np.ones((200, 4)), np.zeros((200, 4))
    first[:, 1:] += random.normal(0, 0.01, (200, 3))
    second[:, 1:] += random.normal(0, 0.01, (200, 3))
    first[:100, 2] = second[:100, 2] = np.nan
    first[:, 3] = second[:, 3] = np.nan
    np.testing.assert_allclose(bits(first, second), [1, 1, 0.5, 0], atol=0.05)
    assert bits(np.ones((5, 1)), np.ones((5, 1)))[0] == 0
    assert bits(second[:, 1:2], first[:, 1:2])[0] == 0  # scores that mislead are no information


def test_bits_of_many_agree_with_those_of_two(random):
    labels = np.repeat([0, 1], [900, 600])
    score = random.normal(0, 1, 1500) + 1.2 * (labels == 0)
    logits = np.column_stack([0.2 * (score - 0.6), np.zeros(1500)])
    assert bits_of_many(logits, labels) == pytest.approx(normal_bits(1.2), abs=0.03)


def test_bits_of_many_know_certainty_and_ignorance(random):
    labels = np.arange(400) % 4
    right = np.eye(4)[labels] + random.normal(0, 0.01, (400, 4))
    assert bits_of_many(right, labels) == pytest.approx(2, abs=0.01)
    assert bits_of_many(random.normal(size=(400, 4)), labels) < 0.02
    right[::2] = np.nan
    assert bits_of_many(right, labels) == pytest.approx(1, abs=0.01)
    assert bits_of_many(np.full((400, 4), np.nan), labels) == 0
