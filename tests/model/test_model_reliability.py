"""Calibration errors, against bins made one by one and draws whose error is known."""

import numpy as np
import pytest

from cropxai.model.reliability import calibration_error, reliability


def test_the_error_is_that_of_bins_made_one_by_one():
    rng = np.random.default_rng(0)
    confidence, right = rng.random(100), rng.random(100) < 0.6
    ranked = sorted(zip(confidence, right, strict=True))
    bins = [ranked[i : i + 10] for i in range(0, 100, 10)]
    expected = sum(10 * abs(np.mean([c for c, _ in b]) - np.mean([r for _, r in b])) for b in bins) / 100
    assert calibration_error(confidence, right, bins=10) == pytest.approx(expected)


def test_a_calibrated_model_errs_as_chance_says_and_a_bold_one_more():
    rng = np.random.default_rng(1)
    p = rng.dirichlet([0.6] * 3, 4000).astype(np.float32)
    target = np.array([rng.choice(3, p=row / row.sum()) for row in p.astype(float)])
    calm = reliability(p, target)
    assert calm.error == pytest.approx(calm.by_chance, rel=0.4) and abs(calm.bias) < 0.02
    assert calm.classwise < 0.03 and calm.parcels.sum() == 4000 and len(calm.confidence) == 15
    bold = reliability(np.eye(3, dtype=np.float32)[p.argmax(axis=1)], target)
    assert bold.error == pytest.approx(1 - np.mean(p.argmax(axis=1) == target), abs=1e-6)
    assert bold.bias == pytest.approx(bold.error) and bold.by_chance == 0


def test_fewer_parcels_than_bins_are_a_bin_each():
    found = reliability(np.array([[0.9, 0.1], [0.4, 0.6]], np.float32), np.array([0, 0]))
    assert found.error == pytest.approx((0.1 + 0.6) / 2) and found.parcels.tolist() == [1, 1]
