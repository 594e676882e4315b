"""Temperatures by season end, against data drawn with known ones and a search of scipy."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax, softmax

from cropxai.model.calibration import SeasonTemperatures, fit_temperatures
from cropxai.model.prefixes import Prefixes

NODES = np.array([30, 60, 90, 120], dtype=np.float32)


def drawn(inverse, parcels=4000, seed=0):
    """Draw classes from softmax(scores · inverse(end)): ``inverse`` is what is to be found, one class a parcel."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 4, parcels)
    rows = []
    for node in range(len(NODES)):
        end = rng.uniform(NODES[max(0, node - 1)], NODES[node], parcels).astype(np.float32)
        pull = rng.normal(0, 1.5, (parcels, 4))
        label = (softmax(pull, axis=1).cumsum(axis=1) < rng.random((parcels, 1))).sum(axis=1)
        # Columns are exchangeable, so that turning them until the drawn class is the parcel's keeps the posterior.
        pull = np.take_along_axis(pull, (np.arange(4) + (label - target)[:, None]) % 4, axis=1)
        scores = (pull / inverse(end)[:, None]).astype(np.float32)
        rows.append((np.full(parcels, node), np.arange(parcels), end, scores))
    node, parcel, end, scores = (np.concatenate(c) for c in zip(*rows, strict=True))
    return Prefixes(NODES, node, parcel, end, scores), target


def test_a_temperature_that_changes_is_found():
    cut, target = drawn(lambda end: 0.4 + end / 100)
    fitted = fit_temperatures(cut, target)
    assert fitted.days == tuple(NODES)
    np.testing.assert_allclose(fitted.temperatures, 1 / (0.4 + NODES / 100), rtol=0.1)


def test_one_temperature_where_the_data_say_no_more():
    cut, target = drawn(lambda end: 1.7 + 0 * end, parcels=60)
    fitted = fit_temperatures(cut, target)
    truth = target[cut.parcel]

    def loss(inverse):
        return -log_softmax(cut.scores * inverse, axis=1)[np.arange(len(truth)), truth].sum()

    best = minimize_scalar(loss, bounds=(0.05, 20), method="bounded").x
    np.testing.assert_allclose(fitted.temperatures, 1 / best, rtol=0.03)


def test_between_nodes_the_inverse_is_linear_and_beyond_it_is_held():
    heat = SeasonTemperatures((0.0, 10.0), (1.0, 2.0))
    np.testing.assert_allclose(heat.at([-50, 0, 5, 10, 400]), [1, 1, 1 / 0.75, 2, 2])


@pytest.mark.parametrize(
    ("days", "temperatures"), [((), ()), ((1.0,), ()), ((2.0, 1.0), (1.0, 1.0)), ((1.0,), (0.0,)), ((1.0,), (np.nan,))]
)
def test_what_is_no_calibration_is_refused(days, temperatures):
    with pytest.raises(ValueError, match="calibration"):
        SeasonTemperatures(days, temperatures)
