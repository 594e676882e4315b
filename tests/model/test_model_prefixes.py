"""Cut seasons, against cutting the series itself date by date."""

import numpy as np
from made_up import two_crops

from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits
from cropxai.model.prefixes import last_clear_day, prefixes, season_end, season_nodes


def test_rows_are_the_parcels_that_have_been_seen(model):
    series = two_crops(40, seed=4, gaps=0.5)
    inputs = Inputs.of(series, model.card.bands)
    cut = prefixes(lambda part: logits(model.network, part), inputs, step=31)
    seen = np.isfinite(series.reflectance).all(axis=2)
    expected = []
    for number, node in enumerate(cut.nodes):
        for parcel in range(len(series)):
            days = [d for d, there in zip(inputs.day, seen[parcel], strict=True) if there and d <= node]
            if days:
                expected.append((number, parcel, min(max(days) + 60, max(d for d in inputs.day if d <= node))))
    assert list(zip(cut.node, cut.parcel, cut.end, strict=True)) == expected
    for node, parcel, _, scores in list(zip(cut.node, cut.parcel, cut.end, cut.scores, strict=True))[::17]:
        until = series.select([parcel]).between(end=np.datetime64("2018-01-01") + int(cut.nodes[node]))
        np.testing.assert_allclose(scores, logits(model.network, Inputs.of(until, series.bands))[0], atol=1e-5)


def test_nodes_end_on_the_last_date_and_begin_after_the_first():
    np.testing.assert_array_equal(season_nodes(np.array([31.0, 0.0, 10.0]), 15), [1, 16, 31])
    np.testing.assert_array_equal(season_nodes(np.array([7.0])), [7])


def test_a_parcel_without_a_date_has_no_last_one():
    valid = np.array([[True, False, True], [False, True, False], [False, False, False]])
    np.testing.assert_array_equal(last_clear_day(valid, np.array([30.0, 20.0, 10.0], np.float32)), [30, 20, np.nan])


def test_only_what_shows_something_new_is_asked(model):
    inputs = Inputs.of(two_crops(40, seed=4, gaps=0.5), model.card.bands)
    asked = []

    def scored(part):
        asked.append(len(part))
        return logits(model.network, part)

    nodes = prefixes(scored, inputs, step=10).nodes
    stretches = [inputs.valid[:, (inputs.day > before) & (inputs.day <= node)].any(axis=1).sum()
                 for before, node in zip((-np.inf, *nodes[:-1]), nodes, strict=True)]  # fmt: skip
    assert asked == stretches
    assert min(asked) < len(inputs)


def test_a_season_ends_with_the_series_but_two_months_after_the_last_clear_date():
    valid = np.array([[True, False, True], [False, True, False], [True, False, False], [False, False, False]])
    day = np.array([100.0, 75.0, 10.0], np.float32)
    np.testing.assert_array_equal(season_end(valid, day), [100, 100, 100, np.nan])
    np.testing.assert_array_equal(season_end(valid[:, 1:], day[1:]), [70, 75, np.nan, np.nan])
    assert np.isnan(season_end(valid[:, :0], day[:0])).all()


def test_a_date_on_which_nothing_was_seen_changes_no_score():
    inputs = Inputs(np.zeros((2, 2, 1), np.float32), np.array([[True, False], [True, True]]), np.array([1.0, 16.0]))
    cut = prefixes(lambda part: np.repeat(part.valid.sum(axis=1, keepdims=True), 2, axis=1).astype(np.float32), inputs)
    np.testing.assert_array_equal(cut.scores[:, 0], [1, 1, 1, 2])
    np.testing.assert_array_equal(cut.end, [1, 1, 16, 16])
