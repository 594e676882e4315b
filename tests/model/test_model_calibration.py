"""Temperatures and slopes by season end, against data drawn with known ones and a search of scipy."""

import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.special import softmax

from cropxai.model import calibration
from cropxai.model.calibration import PULL, SeasonTemperatures, fit_temperatures
from cropxai.model.prefixes import Prefixes

NODES = np.array([30, 60, 90, 120], dtype=np.float32)


def doubt(scores):
    """Return the entropy as a share of half the greatest, written out class by class."""
    p = softmax(np.asarray(scores, dtype=float), axis=1)
    return -sum(p[:, k] * np.log(p[:, k]) for k in range(p.shape[1])) / np.log(p.shape[1]) / 0.5


def drawn(inverse, slope=0.0, parcels=4000, seed=0):
    """Draw classes from softmax(scores · inverse(end) / doubt ** slope), one class a parcel."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 4, parcels)
    rows = []
    for node in range(len(NODES)):
        end = rng.uniform(NODES[max(0, node - 1)], NODES[node], parcels).astype(np.float32)
        scores = rng.normal(0, 1.5, (parcels, 4)) * rng.uniform(0.3, 2, (parcels, 1)) / inverse(end)[:, None]
        exact = softmax(scores * (inverse(end) / doubt(scores) ** slope)[:, None], axis=1)
        label = (exact.cumsum(axis=1) < rng.random((parcels, 1))).sum(axis=1)
        # Columns are exchangeable, so that turning them until the drawn class is the parcel's keeps the posterior.
        scores = np.take_along_axis(scores, (np.arange(4) + (label - target)[:, None]) % 4, axis=1)
        rows.append((np.full(parcels, node), np.arange(parcels), end, scores.astype(np.float32)))
    node, parcel, end, scores = (np.concatenate(c) for c in zip(*rows, strict=True))
    return Prefixes(NODES, node, parcel, end, scores), target


def test_a_temperature_that_changes_is_found():
    cut, target = drawn(lambda end: 0.4 + end / 100)
    fitted = fit_temperatures(cut, target)
    assert fitted.days == tuple(NODES)
    np.testing.assert_allclose(fitted.temperatures, 1 / (0.4 + NODES / 100), rtol=0.1)


@pytest.mark.parametrize("slope", [-0.3, 0.2])
def test_a_slope_is_found(slope):
    cut, target = drawn(lambda end: 1 + 0 * end, slope)
    fitted = fit_temperatures(cut, target)
    np.testing.assert_allclose(fitted.slopes, slope, atol=0.08)
    np.testing.assert_allclose(fitted.temperatures, 1, rtol=0.1)


def test_one_temperature_and_slope_for_the_whole_season_are_the_likeliest(monkeypatch):
    monkeypatch.setattr(calibration, "STRENGTHS", (np.inf,))
    cut, target = drawn(lambda end: 1.7 + 0 * end, parcels=60)
    fitted = fit_temperatures(cut, target)
    truth = target[cut.parcel]

    def loss(found):
        inverse, slope = found
        scaled = cut.scores * (inverse / doubt(cut.scores) ** slope)[:, None]
        sure, right = softmax(scaled, axis=1).max(axis=1), scaled.argmax(axis=1) == truth
        return -np.log(np.where(right, sure, 1 - sure)).sum() + PULL * slope**2

    best, slope = minimize(loss, (1.0, 0.0), method="Nelder-Mead").x
    np.testing.assert_allclose(fitted.temperatures, 1 / best, rtol=0.01)
    np.testing.assert_allclose(fitted.slopes, slope, atol=0.005)


def test_few_parcels_have_hardly_a_slope():
    cut, target = drawn(lambda end: 1 + 0 * end, parcels=4)
    assert np.abs(fit_temperatures(cut, target).slopes).max() < 0.1


SCORES = np.log([[0.5, 0.5], [0.9, 0.1]]).astype(np.float32)


def test_between_nodes_the_inverse_is_linear_and_beyond_it_is_held():
    heat = SeasonTemperatures((0.0, 10.0), (1.0, 2.0))
    np.testing.assert_allclose(heat.of(SCORES[[0] * 5], [-50, 0, 5, 10, 400]), [1, 1, 1 / 0.75, 2, 2])


def test_the_slope_is_a_power_of_the_entropy():
    heat = SeasonTemperatures((0.0, 10.0), (1.5, 1.5), (0.0, -0.4))
    entropy = np.array([1.0, -(0.9 * np.log2(0.9) + 0.1 * np.log2(0.1))])  # of two classes, in bits
    np.testing.assert_allclose(heat.of(SCORES, [5, 5]), 1.5 * (entropy / 0.5) ** -0.2, rtol=1e-6)
    np.testing.assert_allclose(heat.of(SCORES, [0, 0]), 1.5, rtol=1e-6)


@pytest.mark.parametrize("scores", [[[1e4, -1e4, 0.0]], [[0.0, 0.0, 0.0]], [[80.0, 80.0, -80.0]]])
def test_scores_however_sure_have_a_temperature_that_is_finite(scores):
    heat = SeasonTemperatures((0.0,), (1.0,), (-1.0,))
    found = heat.of(np.array(scores, dtype=np.float32), [0.0])
    assert 0.5 <= found[0] <= 500


@pytest.mark.parametrize(
    ("days", "temperatures"), [((), ()), ((1.0,), ()), ((2.0, 1.0), (1.0, 1.0)), ((1.0,), (0.0,)), ((1.0,), (np.nan,))]
)
def test_what_is_no_calibration_is_refused(days, temperatures):
    with pytest.raises(ValueError, match="calibration"):
        SeasonTemperatures(days, temperatures)


@pytest.mark.parametrize("slopes", [(0.1,), (0.1, np.nan), (0.1, np.inf), (0.1, -1.5)])
def test_slopes_that_are_none_are_refused(slopes):
    with pytest.raises(ValueError, match="slopes"):
        SeasonTemperatures((1.0, 2.0), (1.0, 1.0), slopes)
