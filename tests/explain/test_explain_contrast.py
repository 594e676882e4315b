"""Relevance of whole dates less that of the rival's series, against two explanations by hand."""

import numpy as np
import pytest
from networks import CLASSES, as_model, network, parcels

from cropxai.explain.lrp import LRP
from cropxai.explain.methods import explainer


def arrays():
    x, valid, day = parcels()
    medians = np.random.default_rng(5).random((CLASSES, 8, 4))
    return x.astype(np.float32), valid, day.astype(np.float32), medians.astype(np.float32)


@pytest.mark.parametrize("target", ["margin", "logit"])
def test_it_is_the_parcel_less_the_rival_s_series(target):
    x, valid, day, medians = arrays()
    model = as_model(network())
    found = explainer(model, "contrast", target=target, dtype="float64")(x, valid, day, None, medians)
    lrp = LRP(model, "cp-lrp", "date", target, "zero", "float64")
    for i, (number, rival) in enumerate(zip(found.number, found.rival, strict=True)):
        parcel, other = (lrp(series[None], valid[[i]], day, [number]) for series in (x[i], medians[rival]))
        expected = (parcel.relevance + parcel.position) - (other.relevance + other.position)
        np.testing.assert_allclose(found.relevance[i], expected[0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.score[i], parcel.score[0])
    np.testing.assert_allclose(found.ledger.sum(axis=1), found.score, rtol=1e-9)
    assert (found.position[valid] == 0).all() and np.isnan(found.relevance[~valid]).all()


def test_a_parcel_that_is_the_rival_s_series_has_none():
    x, valid, day, medians = arrays()
    model = as_model(network())
    rival = explainer(model, "contrast")(x, valid, day, None, medians).rival
    medians[rival[0]] = x[0]
    found = explainer(model, "contrast")(x, valid, day, None, medians)
    assert (found.relevance[0][valid[0]] == 0).all() and np.nanmax(np.abs(found.relevance[1])) > 0


def test_a_band_that_is_missing_and_a_parcel_without_dates():
    x, valid, day, medians = arrays()
    x[..., 2], valid[3] = np.nan, False
    found = explainer(as_model(network()), "contrast")(x, valid, day, None, medians)
    medians[..., 2] = 7.0  # is not read
    again = explainer(as_model(network()), "contrast")(x, valid, day, None, medians)
    np.testing.assert_array_equal(found.relevance, again.relevance)
    assert found.number[3] == found.rival[3] == -1
    assert np.isnan(found.ledger[3]).all() and np.isfinite(np.delete(found.ledger, 3, axis=0)).all()


def test_warmth_needs_its_medians():
    x, valid, day, _ = arrays()
    way = explainer(as_model(network()), "contrast")
    with pytest.raises(ValueError, match="need base"):
        way(x, valid, np.tile(day, (6, 1)))
    assert way.identity() != explainer(as_model(network()), "contrast", reference="counterpart").identity()
