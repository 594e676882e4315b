import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up import QUICK, two_crops

from cropxai.errors import DeviceMissing, ParcelsSetAside, SeriesUnusable
from cropxai.model import classify, train
from cropxai.model.evaluate import cross_validate, evaluate
from cropxai.model.inputs import Inputs
from cropxai.model.predict import NO_CLEAR_DATE
from cropxai.model.scores import score
from cropxai.model.splits import folds, spatial_blocks
from cropxai.model.train import calibrate, labelled, typical_series
from cropxai.series import CropSeries


def test_it_learns_what_differs(model):
    unseen = two_crops(seed=9)
    assert evaluate(unseen, model).accuracy > 0.93


def test_the_same_seed_gives_the_same_weights(series, model):
    again = train(series, QUICK, name="two crops")
    other = train(series, replace(QUICK, seed=1), name="two crops")
    assert all(
        torch.equal(a, b)
        for a, b in zip(again.network.state_dict().values(), model.network.state_dict().values(), strict=True)
    )
    assert not torch.equal(again.network.score.weight, other.network.score.weight)


@pytest.mark.parametrize("stop_after", [1, 4])
def test_a_killed_training_goes_on_as_if_undisturbed(series, model, tmp_path, stop_after):
    class Killed(Exception):
        pass

    def kill(fraction, message=""):
        if round(fraction * QUICK.epochs) == stop_after:
            raise Killed

    file = tmp_path / "run"
    with pytest.raises(Killed):
        train(series, QUICK, name="two crops", checkpoint=file, report=kill)
    epochs = []
    resumed = train(series, QUICK, name="two crops", checkpoint=file, report=lambda f, m="": epochs.append(f))
    assert len(epochs) == QUICK.epochs - stop_after
    assert all(
        torch.equal(a, b)
        for a, b in zip(resumed.network.state_dict().values(), model.network.state_dict().values(), strict=True)
    )
    assert resumed.card == model.card


RICH = replace(
    QUICK, epochs=6, average=0.9, schedule="cosine", loss="balanced", clouds=0.5, late_start=0.3, growing_season=0.5
)


def same(one, other):
    pairs = zip(one.network.state_dict().values(), other.network.state_dict().values(), strict=True)
    return all(torch.equal(a, b) for a, b in pairs)


@pytest.mark.parametrize("kind", [RICH, replace(QUICK, epochs=6, loss="auto", average=0.5)], ids=["rich", "auto"])
def test_a_killed_training_with_all_choices_goes_on_as_if_undisturbed(series, tmp_path, kind):
    class Killed(Exception):
        pass

    def kill(fraction, message=""):
        if message.startswith("epoch 3"):
            raise Killed

    undisturbed = train(series, kind, log=tmp_path / "whole.csv")
    file = tmp_path / "run"
    with pytest.raises(Killed):
        train(series, kind, checkpoint=file, log=tmp_path / "log.csv", report=kill)
    told = []
    resumed = train(series, kind, checkpoint=file, log=tmp_path / "log.csv", report=lambda f, m="": told.append(m))
    assert len(told) == 3 and same(resumed, undisturbed) and resumed.card == undisturbed.card
    assert (tmp_path / "log.csv").read_text() == (tmp_path / "whole.csv").read_text()
    head, *rows = (tmp_path / "log.csv").read_text().splitlines()
    assert head == "epoch,loss,validation_loss,validation_macro_f1" and len(rows) == 6


def test_the_average_of_the_weights_is_another_network(series):
    one, other = (train(series, replace(QUICK, epochs=3, average=decay)) for decay in (0.0, 0.9))
    assert not same(one, other)


@pytest.mark.parametrize(("kept", "epochs", "which"), [("best", 3, 0), ("last", 5, -1)])
def test_the_weights_are_those_of_the_epoch_asked_for(series, monkeypatch, kept, epochs, which):
    import cropxai.model.loop as loop

    seen = []

    def ever_worse(state, held):
        seen.append({name: value.clone() for name, value in state.average.weights.items()})
        return -float(len(seen)), 1.0

    monkeypatch.setattr(loop, "_score", ever_worse)
    made = train(series, replace(QUICK, epochs=5, patience=0.2, kept_epoch=kept))
    assert len(seen) == epochs
    assert all(torch.equal(value, seen[which][name]) for name, value in made.network.state_dict().items())


def test_auto_takes_the_loss_of_the_best_trial(series, monkeypatch):
    import cropxai.model.loop as loop

    plain, asked = loop.fit, []

    def fit(network, seen, held, settings, *rest, **kinds):
        asked.append(settings.loss)
        history = plain(network, seen, held, settings, *rest, **kinds)
        return [epoch | {"validation_macro_f1": float(settings.loss == "focal")} for epoch in history]

    monkeypatch.setattr(loop, "fit", fit)
    made = train(series, replace(QUICK, epochs=2, loss="auto"))
    assert asked == ["cross-entropy", "focal", "balanced", "logit-adjusted"]
    assert made.card.training["settings"]["loss"] == "focal"
    assert same(made, train(series, replace(QUICK, epochs=2, loss="focal")))


def test_half_precision_learns_too(series):
    made = train(series, replace(QUICK, precision="bfloat16"))
    assert evaluate(two_crops(seed=9), made).accuracy > 0.9
    assert all(weights.dtype == torch.float32 for weights in made.network.parameters())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_named(series):
    with pytest.raises(DeviceMissing, match="cuda.*--device cpu"):
        train(series, replace(QUICK, device="cuda"))


def test_training_with_missing_bands_says_so_and_answers_without_them():
    bands = ("B04", "B08", "B11")
    labelled_series = two_crops(count=240)
    made = train(labelled_series, replace(QUICK, epochs=30, band_dropout=0.5))
    assert made.card.bands == bands and made.card.optional_bands == ("B11",)
    few = two_crops(seed=9).select_bands(("B04", "B08"))
    assert evaluate(few, made).accuracy > 0.9


def test_training_by_thermal_time(series):
    degree_days = np.broadcast_to(15 * series.season_day, (len(series), len(series.dates))).astype(np.float32)
    warm = CropSeries(series.dataset.assign(thermal_time=(("parcel", "time"), degree_days)))
    by_warmth = replace(QUICK, epochs=3, time_encoding="thermal time")
    made, by_day = train(warm, by_warmth), train(series, replace(QUICK, epochs=3))
    assert made.card.time_encoding == "thermal time" and by_day.card.time_encoding == "day of season"
    pairs = zip(made.network.parameters(), by_day.network.parameters(), strict=True)
    assert all(torch.allclose(a, b, atol=1e-3) for a, b in pairs)
    with pytest.raises(SeriesUnusable, match="convert SERIES -o NEW.zarr --weather"):
        train(series, by_warmth)


def test_a_checkpoint_of_another_run_or_a_damaged_one_is_not_taken_up(series, model, tmp_path):
    file = tmp_path / "run"
    train(series, replace(QUICK, seed=3), checkpoint=file)
    assert train(series, QUICK, name="two crops", checkpoint=file).card == model.card
    file.write_bytes(file.read_bytes()[:500])
    assert train(series, QUICK, name="two crops", checkpoint=file).card == model.card


def test_a_slow_start_is_not_the_end():
    """Few parcels make few steps an epoch: the warm-up alone may pass without gain, and must not stop the training."""
    few = two_crops(count=40, gaps=0.0)
    trained = train(few, replace(QUICK, epochs=100, learning_rate=1e-3, patience=0.3))
    assert len(trained.card.training["history"]) >= 50
    assert evaluate(two_crops(seed=5, gaps=0.0), trained).accuracy > 0.9


def test_training_without_labels_or_with_one_class_is_refused(series):
    with pytest.raises(SeriesUnusable, match="--label-field"):
        train(CropSeries(series.dataset.drop_vars("crop")), QUICK)
    with pytest.raises(SeriesUnusable, match="two classes"):
        train(series.select(series.labels == "grain maize"), QUICK)


def test_rare_classes_are_set_aside_with_a_warning(series):
    crop = series.labels.copy()
    crop[:3] = "rice"
    relabelled = CropSeries(series.dataset.assign_coords(crop=("parcel", crop)))
    with pytest.warns(ParcelsSetAside, match="3 parcels: classes with fewer than 5 parcels.*rice"):
        kept, names, target = labelled(relabelled, 5)
    assert names == ("grain maize", "winter wheat")
    assert len(kept) == len(target) == len(series) - 3


def test_parcels_without_a_date_get_a_reason_and_no_answer(series, model):
    values = series.reflectance.copy()
    values[3] = np.nan
    values[4, :, 1] = np.nan  # one band missing on every date
    cut = CropSeries(series.dataset.assign(reflectance=(("parcel", "time", "band"), values)))
    answers = classify(cut, model)
    for row in (3, 4):
        assert answers.frame.loc[row, "status"] == NO_CLEAR_DATE
        assert answers.frame.loc[row, ["crop", "hcat_code", "confidence", "second_crop"]].isna().all()
    assert not answers.answered[[3, 4]].any()
    assert answers.frame["crop"].notna().sum() == len(series) - 2


def test_answers_do_not_depend_on_the_batch(series, model):
    one, many = classify(series, model, batch_size=1), classify(series, model, batch_size=1000)
    assert (one.frame["crop"] == many.frame["crop"]).all()
    np.testing.assert_allclose(one.probabilities, many.probabilities, atol=1e-5)


def test_probabilities_are_the_calibrated_softmax(series, model):
    answers = classify(series, model)
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, atol=1e-5)
    first = answers.frame["confidence"] + answers.frame["second_confidence"]
    np.testing.assert_allclose(first, 1, atol=1e-5)  # two classes


def test_labels_of_others_are_matched_by_hcat_code(series, model):
    """ "Corn" is what others call grain maize; "Teff" is no class of the model."""
    crop = np.where(series.labels == "grain maize", "Corn", series.labels)
    crop[0] = "Teff"
    renamed = CropSeries(series.dataset.assign_coords(crop=("parcel", crop)))
    scores = evaluate(renamed, model)
    assert scores.parcels == len(series) - 1
    rest = evaluate(series.select(range(1, len(series))), model)
    assert scores.accuracy == rest.accuracy
    assert model.class_of(["Corn", "Winterweizen", "Teff", ""]) == ["grain maize", "winter wheat", "", ""]


def test_calibration_finds_the_temperature_of_known_odds():
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 2, (20000, 3))
    odds = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    truth = (odds.cumsum(1) > rng.random((20000, 1))).argmax(1)
    assert calibrate((3 * logits).astype(np.float32), truth) == pytest.approx(3, rel=0.05)


def test_typical_series_is_the_median(series):
    inputs = Inputs.of(series, series.bands)
    days, values = typical_series(inputs)
    near = np.abs(inputs.day - days[3]) <= 15
    expected = np.nanmedian(series.reflectance[:, near].reshape(-1, 3), axis=0)
    np.testing.assert_allclose(values[3], expected, atol=1e-4)


@pytest.mark.parametrize("split", ["spatial", "random", "zone"])
def test_folds_hold_every_parcel_back_once(series, split):
    series, _, target = labelled(series, 5)
    rounds = list(folds(series, target, 4, split, seed=0))
    held = np.concatenate([test for _, test in rounds])
    assert sorted(held) == list(range(len(series)))
    for seen, test in rounds:
        assert not set(seen) & set(test)
    if split == "spatial":
        blocks = spatial_blocks(series, 24, 0)
        for seen, test in rounds:
            assert not set(blocks[seen]) & set(blocks[test])


def test_splits_that_cannot_be_are_refused(series):
    _, _, target = labelled(series, 5)
    with pytest.raises(SeriesUnusable, match="no coordinates.*--split random"):
        next(iter(folds(CropSeries(series.dataset.drop_vars(["lon", "lat"])), target, 4, "spatial", 0)))
    with pytest.raises(SeriesUnusable, match="no column 'county'"):
        next(iter(folds(series, target, 4, "county", 0)))
    with pytest.raises(SeriesUnusable, match="rarest class"):
        next(iter(folds(series, target, 100, "random", 0)))


def test_cross_validation_answers_for_all(series):
    scores = cross_validate(series, QUICK, count=3)
    assert scores.parcels == len(series)
    assert len(scores.folds) == 3
    assert scores.accuracy > 0.8


def test_scores_by_hand():
    scores = score(["a", "a", "b", "b"], ["a", "b", "b", "b"], ("a", "b", "c"))
    assert scores.accuracy == 0.75
    assert scores.macro_f1 == pytest.approx((2 / 3 + 0.8) / 2)
    assert scores.kappa == pytest.approx(0.5)
    assert scores.confusion.loc["a", "b"] == 1
    assert scores.by_class.loc["b", "precision"] == pytest.approx(2 / 3)


def test_no_warning_in_ordinary_training(series):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        train(series, replace(QUICK, epochs=1))


def test_sets_hold_the_answer_and_what_the_thresholds_let_in(series, model):
    wide = classify(series, model, coverage=0.99)
    narrow = classify(series, model, coverage=0.5)
    assert (narrow.sets <= wide.sets).all()
    for answers in (wide, narrow):
        for row, entry in answers.frame.iterrows():
            names = entry["crop_set"].split("; ")
            inside = {n for n, there in zip(answers.names, answers.sets[row], strict=True) if there}
            assert names[0] == entry["crop"] and set(names) == inside | {entry["crop"]}
            assert entry["set_size"] == len(names)


def test_a_card_without_uncertainty_gives_no_sets_and_no_novelty(series, model):
    old = replace(model, card=replace(model.card, uncertainty=None))
    answers = classify(series, old)
    assert answers.frame[["crop_set", "set_size", "novelty"]].isna().all(axis=None)
    assert (answers.frame["status"] == "classified").all() and answers.sets is None


def test_series_without_a_date_or_places_are_refused_by_what_they_lack(series):
    empty = series.dataset.copy(deep=True)
    empty["reflectance"][:] = np.nan
    with pytest.raises(SeriesUnusable, match="no labelled parcel has a date"):
        train(CropSeries(empty), QUICK)
    nowhere = CropSeries(series.dataset.assign_coords(lon=("parcel", np.full(len(series), np.nan))))
    with pytest.raises(SeriesUnusable, match="some parcels have no coordinates.*--split random"):
        train(nowhere, replace(QUICK, split="spatial"))


def test_infinite_values_are_missing_and_absurd_ones_get_no_answer(series, model):
    changed = series.dataset.copy(deep=True)
    changed["reflectance"][0] = np.inf
    changed["reflectance"][1] = 3e38
    frame = classify(CropSeries(changed), model).frame
    assert frame["status"][:2].tolist() == [NO_CLEAR_DATE, "reflectance out of range"]
    assert frame["crop"][:2].isna().all() and frame["crop"][2:].notna().all()


def test_labels_that_the_model_does_not_know_are_counted(series, model):
    crop = series.labels.copy()
    crop[:7] = "Teff"
    scores = evaluate(CropSeries(series.dataset.assign_coords(crop=("parcel", crop))), model)
    assert scores.foreign == 7 and "left out: 7 parcels" in scores.text()


def test_one_class_alone_can_be_scored(series, model):
    scores = evaluate(series.select(series.labels == "grain maize"), model)
    assert 0 <= scores.intervals["accuracy"][0] <= scores.accuracy
    assert np.isnan(scores.intervals["kappa"]).all() or scores.accuracy < 1
