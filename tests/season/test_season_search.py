"""The guided search, on crops that differ on known dates, and its parts by brute force."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from made_up import DATES, QUICK, two_crops

from cropxai.explain import explain
from cropxai.season.search import coverage_gain, fewest_dates, guided_search, trial_and_error
from cropxai.season.trial import Trial

JUNE = {"2018-06-14", "2018-06-29"}


@pytest.fixture(scope="module")
def trial():
    settings = replace(QUICK, epochs=30, any_season=0.8, date_dropout=0.9)
    return Trial.divide(two_crops(count=300, gaps=0.0), settings, test_share=0.3, choose_share=0.4)


@pytest.fixture(scope="module")
def network(trial):
    return trial.train()


@pytest.fixture(scope="module")
def found(trial, network):
    truth = np.array(trial.names, dtype=object)[trial.number[trial.choose]]
    relevance = explain(trial.series.select(trial.choose), network, labels=truth)
    return guided_search(trial, network, relevance.by_date, max_loss=10.0, most=3)


def test_the_parts_are_apart(trial):
    parts = (trial.learn, trial.choose, trial.test)
    assert sum(map(len, parts)) == len(trial.series)
    assert not any(set(a) & set(b) for a, b in itertools.combinations(parts, 2))


def test_end_start_and_dates_are_where_the_crops_differ(found):
    everything = found[0]
    assert everything.crop == "all"
    assert str(everything.end) in JUNE and str(everything.start) in JUNE
    assert 1 <= len(everything.dates) <= 2 and {str(d) for d in everything.dates} <= JUNE
    assert everything.loss_dates <= 10.0


def test_each_crop_has_its_own(found):
    assert [c.crop for c in found[1:]] == ["grain maize", "winter wheat"]
    assert all(str(c.end) >= "2018-06-14" for c in found[1:])
    assert found[0].row()["n_dates"] == len(found[0].dates)


def test_trial_and_error_trains_once_an_end(trial, network):
    before = trial.spent["fits"]
    found = trial_and_error(trial, DATES[[4, 7, 8]], whole=network, max_loss=10.0)
    assert trial.spent["fits"] - before == 3
    assert found.ends == (*DATES[[4, 7, 8]], DATES[-1])
    assert str(found.ends[found.chosen]) in JUNE
    assert found.test_right.shape == (4, len(trial.test))


def test_trial_and_error_may_stop_at_what_is_enough(trial, network):
    found = trial_and_error(trial, DATES[[4, 7, 8, 9]], whole=network, max_loss=10.0, enough=1)
    losses = 100 * (found.choose_right[-1].mean() - found.choose_right.mean(axis=1))
    assert found.ends[-1] == DATES[-1] and losses[-2] <= 10 and (losses[:-2] > 10).all()
    assert len(found.ends) < 5


def test_a_network_for_some_dates_alone_has_its_own_settings(trial):
    own = replace(trial, windows=replace(trial.settings, any_season=0.0, epochs=1))
    assert own.train(DATES >= DATES[6]).card.training["settings"]["any_season"] == 0
    assert replace(own, settings=replace(QUICK, epochs=1, any_season=0.7)).train().card.training["settings"][
        "any_season"
    ] == pytest.approx(0.7)


def test_coverage_prefers_what_speaks_for_others():
    """Of the best two dates by hand: one for each crop, not the two strongest of one crop."""
    relevance = np.array([[0.5, 0.4, 0.1, 0.0]] * 3 + [[0.0, 0.0, 0.3, 0.2]])
    truth = np.array([0, 0, 0, 1])
    kept = np.zeros(4, dtype=bool)
    first = int(coverage_gain(relevance, truth, kept).argmax())
    kept[first] = True
    second = int(coverage_gain(relevance, truth, kept).argmax())
    assert {first, second} == {0, 2}


def test_coverage_gain_is_the_difference_of_coverages():
    rng = np.random.default_rng(0)
    relevance, truth = rng.random((30, 6)), rng.integers(0, 3, 30)
    kept = np.array([True, False, False, True, False, False])

    def covered(mask):
        share = relevance[:, mask].sum(axis=1) / relevance.sum(axis=1)
        return np.mean([np.minimum(share, 0.5)[truth == c].mean() for c in range(3)])

    for t in (1, 2, 4, 5):
        more = kept.copy()
        more[t] = True
        assert coverage_gain(relevance, truth, kept)[t] == pytest.approx(covered(more) - covered(kept))


def test_dates_on_which_all_relevance_is_covered_are_sought_by_relevance():
    """The first date has half of it: of the others, which add nothing to that, those that speak most come first."""
    relevance = np.tile([0.0] * 8 + [0.02, 0.04, 0.03, 0.9, 0.01, 0.05, 0.06], (4, 1))
    asked = []

    class Never:
        def loss(self, before, after):
            asked.append(np.flatnonzero(after))
            return 1.0, 1.0

        def stands(self, before, after):
            return False

    kept = fewest_dates(Never(), np.ones(15, dtype=bool), relevance, np.zeros(4, dtype=int), 3)
    assert sorted(np.flatnonzero(kept)) == [11, 13, 14]
    assert all(set(dates) <= set(range(8, 15)) for dates in asked[6:12])
