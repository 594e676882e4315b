"""Measures of early answers, against brute force and published formulas."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom
from sklearn.metrics import f1_score

from cropxai.season.measures import Outcome, accuracy_by_day, loss_bound, paired_interval, pareto, summary


def an_outcome(count=200, seed=0):
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, 3, count)
    return Outcome(np.where(rng.random(count) < 0.8, truth, (truth + 1) % 3), truth, rng.integers(50, 300, count))


def test_measures_are_the_formulas():
    outcome = an_outcome()
    found = outcome.measures((1, 365))
    accuracy, earliness = np.mean(outcome.answer == outcome.truth), 1 - np.mean((outcome.day - 1) / 364)
    assert found["accuracy"] == accuracy
    assert found["harmonic_mean"] == pytest.approx(2 * accuracy * earliness / (accuracy + earliness))
    assert found["macro_f1"] == f1_score(outcome.truth, outcome.answer, average="macro")
    assert found["mean_day"] == np.mean(outcome.day) and found["day_90"] == np.quantile(outcome.day, 0.9)


def test_cost_is_between_its_two_parts():
    outcome = an_outcome()
    assert outcome.cost(0.0, (1, 365)) == pytest.approx(1 - outcome.accuracy)
    assert outcome.cost(1.0, (1, 365)) == pytest.approx(outcome.delay((1, 365)).mean())


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5)), min_size=1, max_size=12))
def test_pareto_is_the_definition(points):
    expected = [
        not any(a >= b and d <= e and (a > b or d < e) for a, d in points) for b, e in points
    ]  # another is as accurate and as early, and better in one
    assert pareto([a for a, _ in points], [d for _, d in points]).tolist() == expected


def test_between_two_settings_lies_their_mixture():
    points = [(0.8, 100.0), (0.9, 200.0), (0.7, 150.0)]
    assert accuracy_by_day(points, 150) == pytest.approx(0.85)
    assert accuracy_by_day(points, 99) == -np.inf
    assert accuracy_by_day(points, 365) == 0.9


def test_the_interval_of_a_share_is_that_of_the_binomial():
    right = np.arange(400) < 300
    low, high = paired_interval(right, np.zeros(400), draws=4000)
    exact = binom.ppf([0.025, 0.975], 400, 0.75) / 400
    assert (low, high) == pytest.approx(tuple(exact), abs=0.006)


def test_the_bound_of_a_loss_covers_the_true_loss():
    """Over many draws of a known loss, a bound of 95 % lies above it in about 95 % of them."""
    rng = np.random.default_rng(0)
    above = []
    for _ in range(600):
        kind = rng.choice(3, 1500, p=[0.97, 0.02, 0.01])  # same, lost, won: a true loss of one point
        bound = loss_bound(kind != 2, kind != 1)[1]
        above.append(bound >= 1.0)
    assert 0.92 < np.mean(above) < 0.98


def test_no_changed_answer_is_no_certainty():
    same = np.ones(50, dtype=bool)
    loss, bound = loss_bound(same, same)
    assert loss == 0 and bound > 1


def test_summary_has_a_row_for_each_rival():
    rows = summary({"one": an_outcome(), "other": an_outcome(seed=1)}, (1, 365))
    assert [row["rival"] for row in rows] == ["one", "other"]
    for row, name in itertools.product(rows, ("accuracy", "mean_day")):
        assert row[f"{name}_low"] <= row[name] <= row[f"{name}_high"]
