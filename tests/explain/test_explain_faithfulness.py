import json
from dataclasses import replace

import numpy as np
import pytest
from made_up import QUICK, two_crops
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import spearmanr

from cropxai.errors import ModelsDiffer, SeriesUnusable
from cropxai.explain.faithfulness import ALL, Sample, bootstrap, evaluate_relevance, measured, summary
from cropxai.explain.figure import draw
from cropxai.explain.perturbation import REMOVALS, SHARES
from cropxai.explain.pruning import KEPT, importance
from cropxai.explain.robustness import NOISE, randomised, rank_correlation, with_noise
from cropxai.explain.yardsticks import YARDSTICKS
from cropxai.model import classify, train
from cropxai.model.inputs import Inputs
from cropxai.series import CropSeries


@pytest.fixture(scope="module")
def found(series, model):
    return evaluate_relevance(series, model, methods=("cp-lrp", "rollout"), sample=60, draws=5)


def test_methods_and_yardsticks_are_scored_alike(found):
    assert found.table["method"].unique().tolist() == ["cp-lrp", "rollout", *YARDSTICKS]
    whole = found.of_class()
    assert {f"area_{removal}" for removal in REMOVALS} <= set(whole.columns)
    assert whole.loc["cp-lrp", "area_mask"] > whole.loc["random", "area_mask"] + 0.05
    rows = found.table.set_index(["method", "measure", "crop"])
    cell = rows.loc[("cp-lrp", "area_mask", ALL)]
    assert cell["low"] <= cell["mean"] <= cell["high"]
    assert rows.loc[("random", "area_mask", ALL), "low"] < 0.1


def test_every_class_has_its_scores(found, series):
    assert set(found.table["crop"]) == {ALL, "winter wheat", "grain maize"}
    own = found.table[found.table["crop"] != ALL]
    assert own["mean"].notna().any()
    assert own[own["measure"] == "area_mask"].groupby("method")["parcels"].sum().eq(found.about["parcels"]).all()


def test_what_it_says_can_be_read_and_kept(found, tmp_path):
    text = found.text()
    for word in ("cp-lrp", "contiguous", "area_mask", "winter wheat", "kept"):
        assert word in text
    again = json.loads(json.dumps(found.asdict(), allow_nan=False))
    assert again["about"]["parcels"] == found.about["parcels"]
    assert len(again["curves"]["mask"]["cp-lrp"][0]) == len(SHARES)
    draw(found).savefig(tmp_path / "f.png")
    assert (tmp_path / "f.png").stat().st_size > 10_000


def test_the_sample_is_of_right_answers_and_follows_the_seed(series, model):
    one, same, other = (Sample.draw(series, model, 30, seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(model.inputs(series.select(one.rows)).reflectance, one.inputs.reflectance)
    np.testing.assert_array_equal(one.inputs.reflectance, same.inputs.reflectance)
    assert not np.array_equal(one.inputs.reflectance, other.inputs.reflectance)
    wrong = CropSeries(series.dataset.assign_coords(crop=("parcel", np.where(
        series.labels == "grain maize", "winter wheat", "grain maize").astype(object))))  # fmt: skip
    few = Sample.draw(wrong, model, 500)
    assert len(few.inputs) == (classify(wrong, model).frame["crop"].to_numpy() == wrong.labels).sum()
    unlabelled = CropSeries(series.dataset.drop_vars("crop"))
    assert len(Sample.draw(unlabelled, model, 500).inputs) == len(series)


def test_without_a_right_answer_there_is_nothing_to_score(series, model):
    said = classify(series, model).frame["crop"].to_numpy()
    wrong = np.where(said == "grain maize", "winter wheat", "grain maize").astype(object)
    with pytest.raises(SeriesUnusable, match="answers no parcel"):
        Sample.draw(CropSeries(series.dataset.assign_coords(crop=("parcel", wrong))), model, 10)


def test_known_truth_is_scored_where_the_series_tells_it(series, model):
    planted = np.zeros((len(series), len(series.dates)), bool)
    june = (series.dates >= np.datetime64("2018-06-01")) & (series.dates <= np.datetime64("2018-06-30"))
    planted[:, june] = True
    told = CropSeries(series.dataset.assign(planted=(("parcel", "time"), planted)))
    sample = Sample.draw(told, model, 80)
    perfect = np.where(sample.truth.planted, 1.0, 0.0)
    values, _ = measured(model, sample, {"perfect": perfect, "inverse": -perfect}, removals=("mask",))
    table = summary(values, sample.labels).set_index(["method", "measure", "crop"])["mean"]
    assert table["perfect", "date_auc", ALL] == 1
    assert table["perfect", "pointing", ALL] == 1
    assert table["inverse", "date_auc", ALL] == 0
    assert table["perfect", "area_mask", ALL] == pytest.approx(-table["inverse", "area_mask", ALL], abs=0.05)


def test_intervals_are_those_of_scipy():
    values = np.random.default_rng(0).gamma(2, size=200)
    expected = scipy_bootstrap((values,), np.mean, method="percentile", n_resamples=4000, random_state=1)
    low, high = bootstrap(np.append(values, np.nan))
    width = expected.confidence_interval.high - expected.confidence_interval.low
    assert low == pytest.approx(expected.confidence_interval.low, abs=0.08 * width)
    assert high == pytest.approx(expected.confidence_interval.high, abs=0.08 * width)
    assert np.isnan(bootstrap(np.array([1.0, np.nan]))).all()


def test_rank_correlation_is_that_of_scipy():
    rng = np.random.default_rng(0)
    one, valid = rng.normal(size=(20, 15)).round(1), rng.random((20, 15)) < 0.8
    other = one + rng.normal(size=(20, 15)).round(1)
    valid[0] = False
    one[1] = 2.0
    found = rank_correlation(one, other, valid)
    assert np.isnan(found[:2]).all()
    expected = [spearmanr(one[i, valid[i]], other[i, valid[i]]).statistic for i in range(2, 20)]
    np.testing.assert_allclose(found[2:], expected)


def test_noise_is_as_large_as_it_says(series, model):
    inputs = Inputs.of(series, model.card.bands)
    seen = inputs.valid
    ratio = with_noise(inputs, 3).reflectance[seen] / inputs.reflectance[seen] - 1
    assert ratio.std() == pytest.approx(NOISE, rel=0.05)


def test_randomised_weights_are_others_and_the_model_keeps_its_own(model):
    before = {name: tensor.clone() for name, tensor in model.network.state_dict().items()}
    drawn = randomised(model, 1)
    assert not np.allclose(drawn.network.score.weight, model.network.score.weight)
    np.testing.assert_array_equal(drawn.network.mean, model.network.mean)
    for name, tensor in model.network.state_dict().items():
        np.testing.assert_array_equal(tensor, before[name])


def test_peers_are_compared_and_strangers_refused(series, model):
    peer = train(series, replace(QUICK, epochs=4, seed=5), name="peer")
    found = evaluate_relevance(series, model, methods=("cp-lrp",), peers=[peer, model], sample=20, draws=2)
    seeds = found.of_class().loc["cp-lrp", "seeds"]
    assert 0 < seeds < 1  # the mean of another training's and, exactly 1, its own
    stranger = train(series.select_bands(["B08"]), replace(QUICK, epochs=1), name="stranger")
    with pytest.raises(ModelsDiffer, match="'stranger' and 'two crops'"):
        evaluate_relevance(series, model, peers=[stranger])


def test_importance_weighs_classes_alike():
    relevance = np.array([[2.0, -1, 0], [4, 0, 0], [0, 0, 10], [0, np.nan, 30], [0, 0, 2]])
    number = np.array([0, 0, 1, 1, 1])
    np.testing.assert_allclose(importance(relevance, number), [0.5, 0, 0.5])


def test_few_dates_by_relevance_beat_dates_by_chance(found, series):
    table = found.pruning.set_index(["kept", "chosen by"])
    assert set(found.pruning["kept"]) == {k for k in KEPT if k < len(series.dates)}
    assert table.loc[(2, "cp-lrp"), "accuracy"] > table.loc[(2, "random"), "accuracy"] + 0.1
    assert table.loc[(2, "random"), "low"] <= table.loc[(2, "random"), "accuracy"]
    assert np.isnan(table.loc[(2, "cp-lrp"), "low"])


def test_retraining_on_the_dates_that_decide(monkeypatch):
    monkeypatch.setattr("cropxai.explain.pruning.KEPT", (2,))
    twins = two_crops(count=160, seed=3, gaps=0.0)
    trained = train(twins, QUICK, name="again")
    found = evaluate_relevance(twins, trained, methods=("cp-lrp",), sample=60, draws=2, retrain_steps=20)
    table = found.pruning.set_index(["kept", "chosen by"])
    assert table.loc[(2, "cp-lrp"), "retrained"] > 0.8
    assert table["retrained"].between(0, 1).all()
