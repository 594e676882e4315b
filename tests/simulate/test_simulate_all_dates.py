"""The discriminant without a date against one that is worked out anew from what is left."""

import numpy as np
import pytest
from sklearn.covariance import ledoit_wolf

from cropxai.simulate.all_dates import AllDates, _shrunk
from cropxai.simulate.separability import FLOOR

PARCELS, TIMES, BANDS = 240, 5, 3


@pytest.fixture
def drawn():
    random = np.random.default_rng(2)
    labels = np.arange(PARCELS) % 3
    values = random.normal(0.3, 0.05, (PARCELS, TIMES, BANDS)) + random.normal(0, 0.04, (PARCELS, 1, BANDS))
    values += np.random.default_rng(3).normal(0, 0.03, (3, TIMES, BANDS))[labels]
    return values, labels


def by_hand(values, labels, test, keep):
    """Logits of a discriminant of the dates ``keep``, from the covariance of all dates."""
    apart = np.concatenate([values[labels == c] - values[labels == c].mean(axis=0) for c in range(3)])
    scale = np.sqrt((apart**2).sum(axis=0) / len(values) + FLOOR**2)
    x, y = (((z - values.mean(axis=0)) / scale) for z in (values, test))
    mean = np.stack([x[labels == c].mean(axis=0) for c in range(3)])
    covariance = _shrunk((x - mean[labels]).reshape(len(x), -1), len(x) - 3)
    columns = np.arange(TIMES * BANDS).reshape(TIMES, BANDS)[keep].ravel()
    part = covariance[np.ix_(columns, columns)]
    centres = mean.reshape(3, -1)[:, columns]
    weights = np.linalg.solve(part, centres.T)
    return y.reshape(len(y), -1)[:, columns] @ weights - (centres.T * weights).sum(axis=0) / 2


def test_without_a_date_it_is_the_discriminant_of_the_others(drawn):
    values, labels = drawn
    train, test = slice(0, 180), slice(180, None)
    found = AllDates.fitted(values[train], labels[train], values[test], labels[test])
    everything = by_hand(values[train], labels[train], values[test], np.arange(TIMES))
    np.testing.assert_allclose(found.logits(None), everything, atol=1e-9)
    first, second = found.scores(0, 2)
    own, other = labels[test] == 0, labels[test] == 2
    np.testing.assert_allclose(first[:, 0], (everything[:, 0] - everything[:, 2])[own], atol=1e-9)
    for date in range(TIMES):
        without = by_hand(values[train], labels[train], values[test], np.delete(np.arange(TIMES), date))
        np.testing.assert_allclose(found.logits(date), without, atol=1e-9)
        np.testing.assert_allclose(first[:, 1 + date], (without[:, 0] - without[:, 2])[own], atol=1e-9)
        np.testing.assert_allclose(second[:, 1 + date], (without[:, 0] - without[:, 2])[other], atol=1e-9)


def test_shrinkage_is_ledoits_and_wolfs():
    random = np.random.default_rng(4)
    rows = random.normal(size=(60, 20)) * np.linspace(1, 3, 20)
    rows -= rows.mean(axis=0)
    np.testing.assert_allclose(_shrunk(rows, len(rows)), ledoit_wolf(rows, assume_centered=True)[0], rtol=1e-9)


def test_missing_dates_say_nothing(drawn):
    values, labels = drawn
    gone = values.copy()
    gone[:, 2] = np.nan
    found = AllDates.fitted(gone, labels, gone, labels)
    np.testing.assert_allclose(found.logits(2), found.logits(None), atol=1e-9)
    assert np.isfinite(found.logits(None)).all()
