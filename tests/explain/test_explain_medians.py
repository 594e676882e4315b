"""What relevance is counted from, against medians by hand."""

import numpy as np
import pytest

from cropxai.explain.medians import REFERENCES, reference_inputs, reference_series
from cropxai.model import classify
from cropxai.model.inputs import Inputs
from cropxai.series import CropSeries


def changed(series, values):
    return CropSeries(series.dataset.assign(reflectance=(("parcel", "time", "band"), values)))


def test_the_median_of_the_date_or_the_model_s_own(series, model):
    values = series.reflectance.copy()
    values[19:, 4] = np.nan
    thin = changed(series, values)
    median = reference_series(thin, model, "date-median")
    others = np.arange(len(series.dates)) != 4
    np.testing.assert_allclose(median[others], np.nanmedian(values[:, others], axis=0), rtol=1e-6)
    np.testing.assert_allclose(median[4], reference_series(thin, model, "typical")[4])
    assert (reference_series(thin, model, "zero") == 0).all()


def test_a_class_is_contrasted_with_the_others(series, model):
    """Of two classes, each is counted from the median of the other."""
    values = series.reflectance.copy()
    values[classify(series, model).winner == 1, 4] = np.nan
    thin = changed(series, values)
    winner = classify(thin, model).winner
    found = reference_series(thin, model, "class-median")
    assert found.shape == (2, len(series.dates), 3)
    for number in (0, 1):
        other = thin.reflectance[winner == 1 - number]
        shown = np.isfinite(other).sum(axis=0) >= 20
        expected = reference_series(thin, model, "date-median")
        for time, band in np.argwhere(shown):
            expected[time, band] = np.nanmedian(other[:, time, band])
        np.testing.assert_allclose(found[number], expected, rtol=1e-6)


def test_a_rival_is_the_median_of_its_own_parcels(series, model):
    """Where fewer than 20 of them show a date, all parcels stand in."""
    values = series.reflectance.copy()
    rows = np.flatnonzero(classify(series, model).winner == 1)
    values[rows[19:], 4] = np.nan
    thin = changed(series, values)
    winner = classify(thin, model).winner
    found = reference_series(thin, model, "rival")
    assert found.shape == (2, len(series.dates), 3)
    for number in (0, 1):
        own = thin.reflectance[winner == number]
        shown = np.isfinite(own).sum(axis=0) >= 20
        expected = reference_series(thin, model, "date-median")
        for time, band in np.argwhere(shown):
            expected[time, band] = np.nanmedian(own[:, time, band])
        np.testing.assert_allclose(found[number], expected, rtol=1e-6)
    assert not np.isclose(found[0], found[1]).all()


@pytest.mark.parametrize("reference", REFERENCES)
def test_arrays_give_what_the_series_gives(series, model, reference):
    inputs = Inputs.of(series, model.card.bands)
    expected = reference_series(series, model, reference)
    np.testing.assert_allclose(reference_inputs(inputs, model, reference), expected, rtol=1e-6)
