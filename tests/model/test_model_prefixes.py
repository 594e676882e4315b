"""Cut seasons, against cutting the series itself date by date."""

import numpy as np
from made_up import two_crops

from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits
from cropxai.model.prefixes import last_clear_day, prefixes, season_nodes


def test_rows_are_the_parcels_that_show_something_new(model):
    series = two_crops(40, seed=4, gaps=0.5)
    inputs = Inputs.of(series, model.card.bands)
    cut = prefixes(lambda part: logits(model.network, part), inputs, step=31)
    seen = np.isfinite(series.reflectance).all(axis=2)
    expected = []
    for number, node in enumerate(cut.nodes):
        before = cut.nodes[number - 1] if number else -np.inf
        for parcel in range(len(series)):
            days = [d for d, there in zip(inputs.day, seen[parcel], strict=True) if there and d <= node]
            if days and max(days) > before:
                expected.append((number, parcel, max(days)))
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
