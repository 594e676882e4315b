"""From series to arrays: bands that are missing, dates told by warmth."""

import re
from dataclasses import replace

import numpy as np
import pytest
from click.testing import CliRunner
from made_up import QUICK, two_crops

from cropxai.cli.main import cli
from cropxai.errors import BandMismatch, ModelUnreadable, SeriesUnusable
from cropxai.explain import LRP
from cropxai.explain.attribution import explain
from cropxai.explain.baselines import Baseline
from cropxai.explain.lrp import LEDGER
from cropxai.mapping import relevance_blocks
from cropxai.model import classify, fine_tuning, load_model, train
from cropxai.model.inputs import DEGREE_DAYS_A_DAY, PIXELS, THERMAL_TIME, Inputs
from cropxai.model.predict import logits
from cropxai.series import CropSeries


def allowing(model, *bands):
    return replace(model, card=replace(model.card, optional_bands=bands))


def with_warmth(series, degree_days):
    return CropSeries(series.dataset.assign(thermal_time=(("parcel", "time"), degree_days.astype(np.float32))))


def test_a_missing_band_counts_as_its_mean(series, model):
    few = series.select_bands(("B04", "B08"))
    with pytest.raises(BandMismatch, match="lacks B11"):
        classify(few, model)
    inputs = allowing(model, "B11").inputs(few)
    assert np.isnan(inputs.reflectance[..., 2]).all() and not np.isnan(inputs.reflectance[..., :2]).any()
    filled = inputs.reflectance.copy()
    filled[..., 2] = model.network.mean[2]
    np.testing.assert_allclose(
        logits(model.network, inputs), logits(model.network, replace(inputs, reflectance=filled)), atol=1e-6
    )
    assert classify(few, allowing(model, "B11")).answered.all()
    with pytest.raises(BandMismatch, match="lacks B08"):
        classify(series.select_bands(["B04"]), allowing(model, "B11"))


def test_a_series_without_any_band_of_the_model_has_no_date(series):
    assert not Inputs.of(series, ("B01", "B02")).valid.any()


@pytest.mark.parametrize("rule", ["cp-lrp", "attnlrp"])
@pytest.mark.parametrize("level", ["date", "band"])
def test_a_missing_band_has_no_relevance_and_the_ledger_closes(series, model, rule, level):
    few = series.select_bands(("B04", "B08"))
    lrp = LRP(allowing(model, "B11"), rule, level, dtype="float64")
    assert lrp.selfcheck(few) < 1e-8
    inputs = lrp.model.inputs(few)
    found = lrp(inputs.reflectance, inputs.valid, inputs.day)
    if level == "band":
        assert np.isnan(found.relevance[..., 2]).all()
        assert np.isfinite(found.relevance[inputs.valid][:, :2]).all()
    dated = inputs.valid.any(axis=1)
    assert np.abs(found.entry("residual")[dated]).max() < 1e-9
    np.testing.assert_allclose(found.ledger[dated, :-1].sum(axis=1), found.score[dated], atol=1e-9)
    assert LEDGER[-1] == "residual"


def test_other_ways_and_groups_of_bands_leave_the_missing_out(series, model):
    few = series.select_bands(("B04", "B08"))
    allowed = allowing(model, "B11")
    inputs = allowed.inputs(few)
    way = Baseline(allowed, "integrated-gradients", "band")
    found = way(inputs.reflectance, inputs.valid, inputs.day)
    assert np.isnan(found.relevance[..., 2]).all()
    np.testing.assert_allclose(
        found.entry("input") + found.entry("reference") + found.entry("residual"), found.score, atol=1e-4
    )
    assert np.isfinite(found.date_relevance[inputs.valid]).all()
    whole = explain(series, model)
    lacking = explain(few, allowed)
    (block,), (all_bands,) = relevance_blocks(lacking), relevance_blocks(whole)
    empty = np.isnan(block.groups).all(axis=(0, 1)) & ~np.isnan(all_bands.groups).all(axis=(0, 1))
    assert empty.sum() == 1  # the group of B11 alone
    np.testing.assert_allclose(
        np.nansum(block.groups, axis=2)[inputs.valid], np.nansum(lacking.values, axis=2)[inputs.valid], atol=1e-5
    )


def test_warmth_stands_for_the_day(series, model):
    """Degree-days that are the day by a factor give the answers of the day; without them, one clear line."""
    warm = replace(model, card=replace(model.card, time_encoding=THERMAL_TIME))
    with pytest.raises(SeriesUnusable, match="no thermal time.*--weather FILE"):
        classify(series, warm)
    degree_days = np.broadcast_to(series.season_day * DEGREE_DAYS_A_DAY, (len(series), len(series.dates)))
    told = with_warmth(series, degree_days)
    np.testing.assert_allclose(
        classify(told, warm).probabilities, classify(series, model).probabilities, atol=1e-4, equal_nan=True
    )
    by_day, by_warmth = explain(series, model), explain(told, warm)
    np.testing.assert_allclose(by_warmth.by_date, by_day.by_date, atol=1e-3)
    assert LRP(warm, level="band").selfcheck(told) < 1e-4
    ahead = with_warmth(series, degree_days + 400)
    assert not np.allclose(classify(ahead, warm).probabilities, classify(told, warm).probabilities, atol=1e-3)


def test_weather_makes_a_series_that_such_a_model_takes(model, tmp_path):
    """On the command line; ten degrees over the base of 3 °C every day are two thirds of the scale's day."""
    two_crops(count=20).save(tmp_path / "s.zarr")
    days = np.arange("2018-01-01", "2018-10-01", dtype="datetime64[D]")
    rows = "\n".join(f"{day},13" for day in days)
    (tmp_path / "weather.csv").write_text(f"date,temperature\n{rows}\n")
    asked = ["convert", str(tmp_path / "s.zarr"), "--weather", str(tmp_path / "weather.csv"), "-o"]
    refused = CliRunner().invoke(cli, [*asked, str(tmp_path / "warm.nc")])
    assert refused.exit_code == 2 and "write a .zarr" in refused.output
    done = CliRunner().invoke(cli, [*asked, str(tmp_path / "warm.zarr")])
    assert done.exit_code == 0, done.output
    warm = CropSeries.open(tmp_path / "warm.zarr")
    told = replace(model, card=replace(model.card, time_encoding=THERMAL_TIME)).inputs(warm)
    np.testing.assert_allclose(told.warmth, np.broadcast_to((told.day + 1) * 10 / DEGREE_DAYS_A_DAY, told.valid.shape))


def test_a_date_of_unknown_warmth_is_missing(series):
    degree_days = np.zeros((len(series), len(series.dates)))
    degree_days[3] = np.nan
    inputs = Inputs.of(with_warmth(series, degree_days), series.bands, THERMAL_TIME)
    assert not inputs.valid[3].any() and inputs.valid[4].any()
    assert np.isfinite(inputs.warmth).all()


def test_parcels_and_dates_are_taken_together():
    series = two_crops(count=20)
    degree_days = np.arange(20)[:, None] + np.arange(len(series.dates)) * 15.0
    inputs = Inputs.of(with_warmth(series, degree_days), series.bands, THERMAL_TIME)
    part = inputs.at(slice(2, 5)).take(np.array([7, 3]))
    assert part.valid.shape == (2, 3) and len(part) == 2
    np.testing.assert_allclose(part.warmth, degree_days[np.ix_([7, 3], [2, 3, 4])] / DEGREE_DAYS_A_DAY, rtol=1e-6)
    np.testing.assert_array_equal(part.reflectance, inputs.reflectance[[7, 3], 2:5])
    np.testing.assert_array_equal(part.day, inputs.day[2:5])
    assert not inputs.within(last_day=-1).valid.any()


def counted(series, seed):
    """Give the parcels of one crop twenty pixels on each date, those of the other three hundred, a third of them clear
    or more; nothing in the light then tells them apart."""
    rng = np.random.default_rng(seed)
    light = series.dataset["reflectance"]
    dataset = series.dataset.assign(reflectance=light * 0 + 0.2 + 0.01 * rng.random(light.shape))
    size = np.where(series.labels == "winter wheat", 20, 300)[:, None]
    clear = np.round(size * rng.uniform(0.33, 1, (len(series), len(series.dates))))
    return CropSeries(dataset.assign(valid_pixels=(("parcel", "time"), clear.astype(np.uint32))))


@pytest.fixture(scope="module")
def counting():
    return train(counted(two_crops(seed=5), seed=3), replace(QUICK, pixel_counts=True))


def test_clear_pixels_are_a_column_behind_the_bands():
    plain = two_crops(count=6)
    assert plain.bands == ("B04", "B08", "B11")
    pixels = np.full((6, len(plain.dates)), 99)
    pixels[2] = 1  # a point: nothing is known of its pixels
    told = CropSeries(plain.dataset.assign(valid_pixels=(("parcel", "time"), pixels)))
    inputs, known = Inputs.of(told, (*plain.bands, PIXELS)), [0, 1, 3, 4, 5]
    seen = inputs.valid
    np.testing.assert_array_equal(seen, Inputs.of(plain, plain.bands).valid)
    np.testing.assert_allclose(inputs.reflectance[known, :, 3][seen[known]], np.log(100), rtol=1e-6)
    assert np.isnan(inputs.reflectance[2, seen[2], 3]).all()
    np.testing.assert_array_equal(inputs.reflectance[..., :3], Inputs.of(plain, plain.bands).reflectance)
    np.testing.assert_array_equal(inputs.filled(2.5).reflectance[2, seen[2], 3], 2.5)


def test_a_network_learns_from_counts_what_no_band_tells(counting, tmp_path):
    assert counting.card.pixel_counts and counting.card.bands == ("B04", "B08", "B11")
    assert counting.card.training["settings"]["pixel_counts"] is True
    tested = counted(two_crops(seed=6), seed=7)
    kept = load_model(counting.save(tmp_path / "m"))
    assert kept.card == counting.card
    frame = classify(tested, kept).frame
    assert (frame["crop"] == tested.labels).mean() > 0.95
    assert (frame["status"] == "classified").mean() > 0.9  # of novelty, the bands alone are asked
    card = tmp_path / "m" / "card.json"
    card.write_text(re.sub('("pixel_counts": )true(,\n "weights)', r"\1false\2", card.read_text()))
    with pytest.raises(ModelUnreadable, match="bands"):
        load_model(tmp_path / "m")


def test_where_counts_are_not_known_they_are_at_their_mean(counting):
    tested = counted(two_crops(count=20, seed=6), seed=7)
    ones = np.ones((len(tested), len(tested.dates)), dtype=int)
    unknown = CropSeries(tested.dataset.assign(valid_pixels=(("parcel", "time"), ones)))
    inputs = counting.inputs(unknown)
    assert np.isfinite(inputs.reflectance).all()
    assert (inputs.reflectance[..., 3][inputs.valid] == counting.network.mean[3].item()).all()
    assert classify(unknown, counting).answered.all()
    some = unknown.dataset.copy()  # a series in which half of the parcels know theirs: each by itself
    some["valid_pixels"] = tested.dataset["valid_pixels"].where(np.arange(20)[:, None] % 2 == 0, 1)
    np.testing.assert_array_equal(
        classify(CropSeries(some), counting).probabilities[::2], classify(tested, counting).probabilities[::2]
    )
    with pytest.raises(SeriesUnusable, match="--pixel-counts"):
        train(two_crops(), replace(QUICK, pixel_counts=True))


@pytest.mark.parametrize("reference", ["date-median", "rival", "typical", "zero"])
def test_the_relevance_of_counts_is_a_column_of_its_date(counting, reference):
    tested = counted(two_crops(count=40, seed=6), seed=7)
    half = tested.dataset.copy()
    half["valid_pixels"] = half["valid_pixels"].where(np.arange(40)[:, None] % 2 == 0, 1)
    tested = CropSeries(half)
    way = LRP(counting, reference=reference)
    assert way.selfcheck(tested) < 1e-4
    found = explain(tested, counting, reference=reference)
    assert found.dataset["band"].values.tolist() == ["B04", "B08", "B11", PIXELS]
    share = np.nansum(np.abs(found.values[::2]), axis=(0, 1))
    assert reference == "zero" or share.argmax() == 3  # what decides is what is relevant
    ledger = found.dataset["ledger"].values
    assert found.dataset["entry"].values.tolist() == list(LEDGER)
    np.testing.assert_allclose(np.nansum(found.values, axis=(1, 2)), ledger[:, 0], rtol=1e-3, atol=1e-2)
    np.testing.assert_allclose(ledger[:, :-1].sum(axis=1), found.dataset["score"].values, rtol=1e-2, atol=1e-2)
    assert next(iter(relevance_blocks(found))).groups.shape[2] == 5


def test_going_on_from_a_network_that_counts(counting):
    few = counted(two_crops(count=30, seed=8), seed=9)
    made = train(few, fine_tuning(epochs=2, split="random"), start=counting)
    assert made.card.pixel_counts and made.card.columns == counting.card.columns
