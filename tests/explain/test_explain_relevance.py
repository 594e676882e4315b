import numpy as np
import pytest
from made_up import two_crops

from cropxai.errors import OutputExists, RelevanceUnreadable
from cropxai.explain import Relevance, explain, explain_to
from cropxai.model import classify
from cropxai.series import CropSeries


def test_the_reference_moves_relevance_within_the_ledger(series, model):
    """Input and reference together are what the zero reference gives; position and bias stay."""
    zero, median = (explain(series, model, reference=r).dataset["ledger"].values for r in ("zero", "date-median"))
    np.testing.assert_allclose(median[:, 0] + median[:, 1], zero[:, 0], rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(median[:, 2:5], zero[:, 2:5], rtol=1e-3, atol=1e-2)


def test_missing_dates_are_missing_not_zero(series, model):
    relevance = explain(series, model)
    missing = np.isnan(series.reflectance).any(axis=2)
    assert (np.isnan(relevance.values).all(axis=2) == missing).all()
    assert np.isfinite(relevance.values[~missing]).all()


def test_it_points_to_the_dates_that_differ(series, model):
    """The two crops differ in June, in B08, and nowhere else."""
    by_date = np.nan_to_num(explain(series, model).by_date)
    june = (series.dates >= np.datetime64("2018-06-01")) & (series.dates <= np.datetime64("2018-06-30"))
    seen_in_june = np.isfinite(series.reflectance[:, june]).any(axis=(1, 2))
    hits = june[by_date.argmax(axis=1)][seen_in_june]
    assert hits.mean() > 0.8  # chance is 2 of 13
    values = np.nan_to_num(explain(series, model).values)
    assert (np.abs(values).sum(axis=(0, 1)).argmax()) == series.bands.index("B08")


def test_what_a_date_does_to_all_parcels_gets_no_relevance(model):
    """Two series that differ by haze on one date only: with the date's median as reference, the date stays silent."""
    plain = two_crops(seed=4, gaps=0.0)
    hazy = plain.reflectance.copy()
    hazy[:, 1] += 0.3
    with_haze = CropSeries(plain.dataset.assign(reflectance=(("parcel", "time", "band"), hazy)))
    silent, loud = (
        np.abs(explain(with_haze, model, level="date", reference=name).values[:, 1]).mean()
        for name in ("date-median", "typical")
    )
    assert silent < 0.3 * loud


def test_true_labels_can_be_explained(series, model):
    wanted = np.where(series.labels == "grain maize", "winter wheat", "grain maize")
    wanted[0] = "rice"  # unknown to the model: the predicted class
    relevance = explain(series, model, labels=wanted)
    assert (relevance.crop[1:] == wanted[1:]).all()
    assert relevance.crop[0] == classify(series, model).frame["crop"][0]


def test_a_parcel_without_dates_has_no_relevance(series, model):
    values = series.reflectance.copy()
    values[2] = np.nan
    cut = CropSeries(series.dataset.assign(reflectance=(("parcel", "time", "band"), values)))
    relevance = explain(cut, model)
    assert relevance.crop[2] == ""
    assert np.isnan(relevance.values[2]).all()
    assert np.isnan(relevance.dataset["score"].values[2])


@pytest.mark.parametrize("choice", [{"method": "lrp"}, {"target": "score"}, {"reference": "mean"}])
def test_an_unknown_choice_is_named_with_the_known(series, model, choice):
    (name,) = choice
    with pytest.raises(ValueError, match=f"{name} .* is none of "):
        explain(series, model, **choice)


def test_batches_and_reports(series, model):
    told = []
    one = explain(series, model, chunk=7, report=lambda f, m="": told.append(f))
    np.testing.assert_allclose(one.values, explain(series, model, chunk=1000).values, rtol=1e-3, atol=1e-4)
    assert told[-1] == 1 and told == sorted(told)


def test_a_store_gives_back_what_was_saved(series, model, tmp_path):
    relevance = explain(series, model)
    relevance.save(tmp_path / "r.zarr")
    opened = Relevance.open(tmp_path / "r.zarr")
    np.testing.assert_array_equal(opened.values, relevance.values)
    assert opened.dataset.attrs["method"] == "cp-lrp"
    assert (opened.crop == relevance.crop).all()
    with pytest.raises(OutputExists):
        relevance.save(tmp_path / "r.zarr")


def test_a_store_written_in_pieces_is_the_whole(series, model, tmp_path, monkeypatch):
    whole = explain(series, model)
    monkeypatch.setattr("cropxai.explain.attribution.PARCELS_AT_ONCE", 50)
    stored = explain_to(tmp_path / "r.zarr", series, model)
    np.testing.assert_allclose(stored.values, whole.values, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(stored.by_date, whole.by_date, rtol=1e-4, atol=1e-5)
    assert (stored.dataset["parcel_id"].values == series.parcel_id).all()
    assert (stored.crop == whole.crop).all()
    np.testing.assert_array_equal(stored.dates, series.dates)
    assert [len(piece) for piece in stored.chunks(100)] == [100, 20]


def test_the_level_of_dates(series, model, tmp_path):
    """Relevance of parcel × date, another number than the sum over bands, in a store like the other."""
    by_date = explain_to(tmp_path / "r.zarr", series, model, level="date")
    assert by_date.values.shape == (len(series), len(series.dates))
    assert "band" not in by_date.dataset.coords
    np.testing.assert_allclose(by_date.by_date, explain(series, model).by_date, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(by_date.values, explain(series, model, level="date").values)
    ledger = by_date.dataset["ledger"].values
    np.testing.assert_allclose(np.nansum(by_date.values, axis=1), ledger[:, 0], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(np.nansum(by_date.dataset["position"], axis=1), ledger[:, 2], rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(ledger.sum(axis=1), by_date.dataset["score"], rtol=1e-4, atol=1e-4)
    by_band = explain(series, model).values.sum(axis=2)
    both = np.isfinite(by_band)
    assert np.corrcoef(by_band[both], by_date.values[both])[0, 1] > 0.9
    again = by_date.save(tmp_path / "again.zarr")
    np.testing.assert_array_equal(Relevance.open(again).values, by_date.values)


def test_another_store_is_refused(series, tmp_path):
    series.save(tmp_path / "s.zarr")
    for name in ("s.zarr", "none.zarr"):
        with pytest.raises(RelevanceUnreadable, match="cropxai explain") as refused:
            Relevance.open(tmp_path / name)
        assert "cropxai ingest" not in str(refused.value)  # one remedy, the right one


def test_a_store_of_a_newer_format_is_refused(series, model, tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("cropxai.explain.relevance.VERSION", 99)
        explain_to(tmp_path / "r.zarr", series.select(range(3)), model)
    with pytest.raises(RelevanceUnreadable):
        Relevance.open(tmp_path / "r.zarr")
