"""Stopping rules, against what aeon gave, their definitions followed word by word, and cases of known answer."""

import json
from pathlib import Path

import numpy as np
import pytest

from cropxai.season.prefix import PrefixAnswers, prefix_answers
from cropxai.season.regret import RegretRule
from cropxai.season.rivals import OURS, compare_rules
from cropxai.season.stopping import (
    CalibratedThreshold,
    Calimera,
    Economy,
    FixedDate,
    Threshold,
    temperatures,
    tempered,
)


def some_probabilities(parcels=300, prefixes=8, classes=4, seed=0, gain=0.6):
    """Probabilities that grow towards the truth, some parcels sooner than others."""
    rng = np.random.default_rng(seed)
    truth = rng.integers(0, classes, parcels)
    when = rng.integers(0, prefixes, parcels)
    scores = rng.normal(0, 0.7, (parcels, prefixes, classes)).cumsum(axis=1) * 0.4
    known = np.maximum(np.arange(prefixes)[None] - when[:, None], 0) * gain
    scores[np.arange(parcels)[:, None], np.arange(prefixes)[None], truth[:, None]] += known
    odds = np.exp(scores)
    return (odds / odds.sum(axis=2, keepdims=True)).astype(np.float32), truth


DELAY = np.linspace(0, 1, 8)


def test_threshold_with_patience_is_aeons():
    """What aeon 1.6.0 gave for these probabilities; ``data/aeon_threshold.py`` made the file."""
    table = json.loads((Path(__file__).parent / "data" / "aeon_threshold.json").read_text(encoding="utf-8"))
    probabilities = np.array(table["probabilities_in_ten_thousandths"]) / 10_000
    assert len(table["stops"]) == 5
    for row in table["stops"]:
        stop = Threshold(row["confidence"], row["patience"]).stop(probabilities)
        np.testing.assert_array_equal(stop, row["prefix"])
    assert any(0 < np.mean(row["prefix"]) < 7 for row in table["stops"])


def test_a_threshold_that_nothing_reaches_waits_for_the_end():
    probabilities, _ = some_probabilities()
    assert (Threshold(1.1).stop(probabilities) == 7).all()
    assert (FixedDate(3).stop(probabilities) == 3).all()


def test_a_rule_looks_at_no_later_date():
    """What comes after a decision cannot change it."""
    probabilities, truth = some_probabilities()
    rules = (
        Threshold(0.7, 2),
        CalibratedThreshold(temperatures(probabilities, truth), Threshold(0.7)),
        Economy.fit(probabilities, truth, DELAY, 0.3),
        Calimera.fit(probabilities, truth, DELAY, 0.3),
        RegretRule.fit(probabilities, truth, DELAY, 0.3),
    )
    for rule in rules:
        stop = rule.stop(probabilities)
        other = probabilities[::-1].copy()
        for parcel, end in enumerate(stop):
            other[parcel, : end + 1] = probabilities[parcel, : end + 1]
        early = stop < 7
        np.testing.assert_array_equal(rule.stop(other)[early], stop[early])


def test_temperature_undoes_sharpening():
    rng = np.random.default_rng(0)
    scores = rng.normal(0, 1.5, (20000, 1, 3))
    odds = np.exp(scores[:, 0])
    truth = (rng.random((20000, 1)) > (odds / odds.sum(1, keepdims=True)).cumsum(1)).sum(1)
    sharp = np.exp(2.0 * scores)
    found = temperatures(sharp / sharp.sum(2, keepdims=True), truth)
    assert found[0] == pytest.approx(2.0, rel=0.05)
    np.testing.assert_allclose(tempered(sharp / sharp.sum(2, keepdims=True), [2.0])[:, 0],
                               odds / odds.sum(1, keepdims=True), rtol=1e-5)  # fmt: skip


@pytest.mark.parametrize("alpha", [0.02, 0.2, 0.6])
@pytest.mark.parametrize("rule", [Economy, Calimera, RegretRule])
def test_cost_rules_cost_less_than_any_fixed_date(rule, alpha):
    """On the parcels they are fitted on, with which a fixed date competes by its best choice."""
    probabilities, truth = some_probabilities(parcels=800, gain=1.2)
    stop = rule.fit(probabilities, truth, DELAY, alpha).stop(probabilities)

    def cost(positions):
        answer = probabilities[np.arange(len(truth)), positions].argmax(axis=1)
        return alpha * DELAY[positions].mean() + (1 - alpha) * (answer != truth).mean()

    assert cost(stop) <= min(cost(np.full(len(truth), t)) for t in range(8)) + 1e-9


@pytest.mark.parametrize("rule", [Economy, Calimera, RegretRule])
def test_free_time_is_used_and_dear_time_is_not(rule):
    probabilities, truth = some_probabilities(parcels=500)
    patient = rule.fit(probabilities, truth, DELAY, 1e-4).stop(probabilities)
    hasty = rule.fit(probabilities, truth, DELAY, 0.99).stop(probabilities)
    assert hasty.max() == 0
    assert patient.mean() > 3


def test_economy_expects_the_chain_of_groups():
    """Two groups and three dates, by hand: half of the unsure become sure at each step, the sure stay and are right."""
    sure, unsure = [0.95, 0.05], [0.55, 0.45]
    paths = [(unsure, unsure, unsure), (unsure, sure, sure), (unsure, unsure, sure), (unsure, sure, sure)]
    probabilities = np.array(paths * 2)
    truth = np.array([1, 0, 0, 0, 0, 0, 0, 0])
    rule = Economy.fit(probabilities, truth, [0.0, 0.5, 1.0], 0.5, groups=2)
    # At the first date all are in one group, 1 of 8 wrong; stopping there costs 1/16.
    assert rule.future[0, 0, 0] == pytest.approx(0.5 * 1 / 8)
    # At the second, 4 of 8 are sure (none wrong); of the 4 unsure 1 is wrong: 0.5 · 0.5 + 0.5 · (0.5 · 0 + 0.5 · 1/4)
    assert rule.future[0, 0, 1] == pytest.approx(0.25 + 0.5 * 0.125)


def test_regret_needs_no_wait_where_nothing_will_change():
    """Doubtful parcels whose answer stays the same stop at once; a threshold would keep them to the end."""
    rng = np.random.default_rng(0)
    flat = rng.dirichlet((6, 5), 400)
    probabilities = np.repeat(flat[:, None], 6, axis=1)
    truth = (rng.random(400) > flat[:, 0]).astype(int)
    rule = RegretRule.fit(probabilities, truth, np.linspace(0, 1, 6), 0.1)
    assert (rule.stop(probabilities) == 0).mean() > 0.95
    assert (Threshold(0.9).stop(probabilities) == 5).mean() > 0.9


def test_the_price_of_a_day_keeps_the_loss():
    probabilities, truth = some_probabilities(parcels=800, gain=1.2)
    rule = RegretRule.for_loss(probabilities, truth, DELAY, max_loss=2.0, alphas=(0.05, 0.2, 0.5, 0.9))
    stop = rule.stop(probabilities)
    answer = probabilities[np.arange(800), stop].argmax(axis=1)
    full = (probabilities[:, -1].argmax(axis=1) == truth).mean()
    assert 100 * (full - (answer == truth).mean()) <= 2.0
    assert stop.mean() < 7


def test_the_comparison_chooses_by_one_part_and_scores_the_other():
    probabilities, truth = some_probabilities(parcels=600, gain=1.2)
    dates = np.arange("2018-04-01", "2018-12-01", 30, dtype="datetime64[D]")[:8]
    day = (dates - np.datetime64("2018-01-01")).astype(int) + 1
    answers = PrefixAnswers(probabilities, dates, day)
    half = np.arange(300)
    found = compare_rules(
        (answers.take(half), truth[half]), (answers.take(half + 300), truth[half + 300]),
        max_loss=3.0, alphas=(0.1, 0.3), confidences=(0.6, 0.9),
    )  # fmt: skip
    table = found.table().set_index("rival")
    assert set(table.index) == {
        "full season", "fixed date", "threshold", "calibrated threshold", "ECONOMY-γ", "CALIMERA", OURS
    }  # fmt: skip
    fixed = found.chosen()["fixed date"]
    right = answers.winner[:300] == truth[:300, None]
    allowed = [t for t in range(8) if 100 * (right[:, -1].mean() - right[:, t].mean()) <= 3.0]
    assert fixed.setting == str(dates[min(allowed)])
    right = answers.winner[300:] == truth[300:, None]
    assert table.loc["fixed date", "accuracy"] == right[:, min(allowed)].mean()
    assert table.loc["full season", "loss_points"] == 0
    assert found.curves()["pareto"].any()
    assert found.lead(OURS, OURS) >= -1e-9
    assert len(found.costs()) == 6


def test_prefix_answers_are_those_of_the_cut_season(model):
    from made_up import two_crops

    from cropxai.model import classify

    series = two_crops(40, seed=3, gaps=0.4)
    found = prefix_answers(series, model, prior=[0.3, 0.7])
    for t, date in enumerate(found.dates):
        expected = classify(series.between(end=date), model).probabilities
        unseen = np.isnan(expected[:, 0])
        np.testing.assert_allclose(found.probabilities[~unseen, t], expected[~unseen], atol=1e-5)
        np.testing.assert_allclose(found.probabilities[unseen, t], np.tile([0.3, 0.7], (unseen.sum(), 1)), atol=1e-6)
