"""Conformal sets, against the definition written out and the coverage of exchangeable draws."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.special import softmax

from cropxai.model.conformal import ConformalSets, draws, fit_sets, nonconformity
from cropxai.model.prefixes import Prefixes


def one_end(parcels, classes=4):
    """Parcels that are all seen up to the one node there is."""
    everyone = np.arange(parcels)
    end = np.full(parcels, 100, np.float32)
    return Prefixes(np.array([100], np.float32), 0 * everyone, everyone, end, np.zeros((parcels, classes), np.float32))


def draw_parcels(rng, parcels, classes=4, sharp=1.5):
    """Draw probabilities that are not calibrated, and labels."""
    pull = rng.normal(0, sharp, (parcels, classes))
    label = np.array([rng.choice(classes, p=p) for p in softmax(pull, axis=1)])
    return softmax(2 * pull, axis=1).astype(np.float32), label


def by_hand(probabilities, draw, penalty, free):
    """Score every class as the papers define it: the classes above it, a share of its own, a penalty by rank."""
    scores = np.empty(np.shape(probabilities))
    for row, p in enumerate(np.asarray(probabilities, dtype=float)):
        ranking = sorted(range(len(p)), key=lambda k: (-p[k], k))
        for rank, k in enumerate(ranking, start=1):
            above = sum(p[j] for j in ranking[: rank - 1])
            scores[row, k] = above + draw[row] * p[k] + penalty * max(0, rank - free)
    return scores


@given(
    hnp.arrays(float, (3, 5), elements=st.floats(-4, 4)),
    hnp.arrays(float, 3, elements=st.floats(0, 1)),
    st.sampled_from([0.0, 0.1]),
    st.integers(0, 5),
)
def test_scores_are_those_of_the_definition(pull, draw, penalty, free):
    p = softmax(pull, axis=1)
    np.testing.assert_allclose(nonconformity(p, draw, penalty, free), by_hand(p, draw, penalty, free), atol=1e-12)


@pytest.mark.parametrize("coverage", [0.5, 0.8, 0.9])
def test_sets_are_those_of_brute_force(coverage):
    """A class is in the set if too few parcels of the class fit worse: counted, without quantiles."""
    rng = np.random.default_rng(1)
    probabilities, label = draw_parcels(rng, 120)
    draw = rng.random(120)
    sets = fit_sets(one_end(120), probabilities, label, draw, coverages=(coverage,), enough=1)
    new, _ = draw_parcels(rng, 50)
    own = by_hand(probabilities, draw, sets.penalty, sets.free)[np.arange(120), label]
    fits = by_hand(new, np.full(50, 0.3), sets.penalty, sets.free)
    expected = np.zeros_like(fits, dtype=bool)
    for parcel in range(50):
        for k in range(4):
            worse_or_equal = (
                1 + (own[label == k] >= fits[parcel, k] - 1e-6).sum()
            )  # itself, and those fitting no better
            expected[parcel, k] = worse_or_equal > (1 - coverage) * ((label == k).sum() + 1)
    np.testing.assert_array_equal(sets.sets(new, np.full(50, 100.0), np.full(50, 0.3), coverage), expected)


def test_coverage_holds_in_every_class_by_simulation():
    """Over many draws of exchangeable parcels, sets hold the true class as often as asked, whatever the class."""
    rng = np.random.default_rng(2)
    hit = [[] for _ in range(3)]
    for _ in range(200):
        probabilities, label = draw_parcels(rng, 260, classes=3)
        sets = fit_sets(one_end(130, 3), probabilities[:130], label[:130], rng.random(130), coverages=(0.8,))
        found = sets.sets(probabilities[130:], np.full(130, 100.0), rng.random(130), 0.8)
        for k in range(3):
            hit[k] += found[label[130:] == k, k].tolist()
    for k in range(3):
        assert 0.79 < np.mean(hit[k]) < 0.835  # 0.8 to 0.8 + 1/44, and three standard errors of 8700 parcels


def test_rare_classes_share_thresholds_and_others_have_their_own():
    rng = np.random.default_rng(3)
    label = np.repeat(np.arange(5), [100, 3, 30, 4, 15])
    p = softmax(rng.normal(0, 1, (152, 5)), axis=1).astype(np.float32)
    sets = fit_sets(one_end(152, 5), p, label, rng.random(152), enough=20)
    assert sets.group == (1, 0, 2, 0, 0)
    few = fit_sets(one_end(137, 4), p[:137, :4], label[:137], rng.random(137), enough=20)
    assert few.group == (1, 0, 0, 0)  # seven parcels do not suffice, so the next rarest joins them


def test_too_few_parcels_for_the_coverage_put_all_classes_in():
    p = softmax(np.random.default_rng(0).normal(0, 1, (6, 3)), axis=1).astype(np.float32)
    sets = fit_sets(one_end(6, 3), p, np.array([0, 1, 2, 0, 1, 2]), np.full(6, 0.5))
    assert sets.sets(p, np.full(6, 100.0), np.ones(6), 0.99).all()


def test_thresholds_are_linear_between_days_and_coverages():
    sets = ConformalSets((0.0, 10.0), (0.8, 0.9), (0, 0), (((0.2, 0.4),), ((0.6, 0.8),)), 0.0, 1, 50)
    np.testing.assert_allclose(sets.at([-5, 5, 20], 0.85)[:, 1], [0.3, 0.5, 0.7])


def test_the_draw_of_a_parcel_is_its_own():
    names = [f"p{i}" for i in range(4000)]
    given_all = draws(names)
    np.testing.assert_array_equal(draws(names[::-1]), given_all[::-1])
    np.testing.assert_allclose(np.quantile(given_all, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.03)


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": (10.0, 0.0)},
        {"coverages": (0.9, 0.8)},
        {"group": (0, 1)},
        {"group": (-1, 0)},
        {"thresholds": (((0.2, 0.4),),)},
        {"thresholds": ()},
    ],
)
def test_what_are_no_thresholds_is_refused(wrong):
    right = {"days": (0.0, 10.0), "coverages": (0.8, 0.9), "group": (0, 0),
             "thresholds": (((0.2, 0.4),), ((0.6, 0.8),)), "penalty": 0.0, "free": 1, "parcels": 50}  # fmt: skip
    with pytest.raises(ValueError, match="sets need|thresholds of sets"):
        ConformalSets(**right | wrong)


def test_a_node_at_which_few_parcels_were_seen_has_no_thresholds():
    """Else all classes would be in the sets of the days around, as too few parcels give no threshold."""
    rng = np.random.default_rng(4)
    probabilities, label = draw_parcels(rng, 200)
    everyone, few = np.arange(200), np.arange(5)
    node = np.repeat([0, 1, 2], [200, 5, 200])
    parcel = np.concatenate([everyone, few, everyone])
    end = np.array([10, 20, 30], np.float32)[node]
    cut = Prefixes(np.array([10, 20, 30], np.float32), node, parcel, end, np.zeros((405, 4), np.float32))
    sets = fit_sets(cut, probabilities[parcel], label, rng.random(200), coverages=(0.9,))
    assert sets.days == (10.0, 30.0) and np.max(sets.thresholds) <= 1.01


def test_thresholds_go_no_further_than_the_season_of_the_parcels():
    """At the last two nodes nobody has been seen for so long that the season has ended for all, on the same day."""
    probabilities, label = draw_parcels(np.random.default_rng(2), 60)
    nodes = np.array([100, 160, 175, 190], np.float32)
    node, parcel = np.repeat(np.arange(4), 60), np.tile(np.arange(60), 4)
    cut = Prefixes(nodes, node, parcel, np.minimum(nodes, 165)[node], np.zeros((240, 4), np.float32))
    sets = fit_sets(cut, np.tile(probabilities, (4, 1)), label, np.full(60, 0.5), enough=1)
    assert sets.days == (100, 160, 165)
    alone = fit_sets(one_end(60), probabilities, label, np.full(60, 0.5), enough=1)
    np.testing.assert_array_equal(sets.at([400], 0.9), alone.at([400], 0.9))
