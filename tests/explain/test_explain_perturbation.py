import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cropxai.explain.perturbation import REMOVALS, SHARES, area_between, curves, ranks, without
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits, softmax


def random_inputs(seed, parcels=6, dates=9):
    rng = np.random.default_rng(seed)
    day = np.sort(rng.choice(np.arange(300), dates, replace=False)).astype(np.float32)
    valid = rng.random((parcels, dates)) < 0.7
    values = rng.random((parcels, dates, 3)).astype(np.float32)
    return Inputs(np.where(valid[..., None], values, 0).astype(np.float32), valid, day)


@given(st.integers(0, 10_000), st.floats(0, 1))
def test_interpolation_is_that_of_numpy(seed, share):
    inputs = random_inputs(seed)
    gone = np.random.default_rng(seed + 1).random(inputs.valid.shape) < share
    found = without(inputs, gone, "interpolate")
    np.testing.assert_array_equal(found.valid, inputs.valid)
    for parcel, kept in enumerate(inputs.valid & ~gone):
        if not kept.any():
            continue
        for band in range(3):
            values = inputs.reflectance[parcel, :, band]
            expected = np.interp(inputs.day, inputs.day[kept], values[kept])
            np.testing.assert_allclose(found.reflectance[parcel, :, band], expected, atol=1e-5)


def test_masked_dates_are_missing_and_zero_ones_are_zero():
    inputs = random_inputs(0)
    gone = np.zeros_like(inputs.valid)
    gone[:, 3] = True
    masked, zero = without(inputs, gone, "mask"), without(inputs, gone, "zero")
    np.testing.assert_array_equal(masked.valid, inputs.valid & ~gone)
    np.testing.assert_array_equal(masked.reflectance, inputs.reflectance)
    np.testing.assert_array_equal(zero.valid, inputs.valid)
    assert (zero.reflectance[:, 3] == 0).all()
    np.testing.assert_array_equal(np.delete(zero.reflectance, 3, 1), np.delete(inputs.reflectance, 3, 1))
    with pytest.raises(ValueError, match="none of mask, zero, interpolate"):
        without(inputs, gone, "blur")


@given(st.integers(0, 10_000))
def test_ranks_go_from_most_to_least_relevant_with_missing_last(seed):
    rng = np.random.default_rng(seed)
    valid = rng.random((4, 7)) < 0.6
    relevance = np.where(valid, rng.normal(size=(4, 7)), np.nan)
    found = ranks(relevance, valid)
    for row, there in enumerate(valid):
        by_value = sorted(np.flatnonzero(there), key=lambda t: -relevance[row, t])
        assert [int(found[row, t]) for t in by_value] == list(range(there.sum()))
        assert (found[row, ~there] >= there.sum()).all()


@pytest.mark.parametrize("removal", REMOVALS)
def test_curves_are_those_of_dates_taken_away_one_by_one(series, model, removal):
    """Brute force: for each parcel and share, the dates are sorted and taken away by hand."""
    inputs = Inputs.of(series.select(range(5)), model.card.bands)
    number = logits(model.network, inputs).argmax(axis=1)
    relevance = np.random.default_rng(0).normal(size=inputs.valid.shape)
    most, least = curves(model, inputs, number, relevance, removal)
    for parcel in range(5):
        there = sorted(np.flatnonzero(inputs.valid[parcel]), key=lambda t: relevance[parcel, t])
        for place, share in enumerate(SHARES):
            count = min(round(share * len(there)), len(there) - 1)
            for found, order in ((most, there[::-1]), (least, there)):
                gone = np.zeros((1, inputs.valid.shape[1]), bool)
                gone[0, order[:count]] = True
                one = without(inputs.take(np.array([parcel])), gone, removal)
                expected = softmax(logits(model.network, one) / np.float32(model.card.temperature))[0, number[parcel]]
                assert found[parcel, place] == pytest.approx(expected, abs=1e-4)


def test_the_area_is_that_of_the_trapezia():
    most, least = np.array([[1.0] + [0.0] * 9]), np.ones((1, 10))
    assert area_between(most, least)[0] == pytest.approx(1 - 0.5 / 9)
    assert area_between(least, least)[0] == 0
    assert area_between(least, most)[0] == -area_between(most, least)[0]
