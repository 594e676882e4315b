import numpy as np
import pytest
import torch
from captum.attr import IntegratedGradients

from cropxai.explain import explain
from cropxai.explain.baselines import BASELINES, STEPS, Baseline, Question, integrated_gradients, rollout
from cropxai.explain.lrp import LEDGER
from cropxai.explain.medians import reference_series
from cropxai.explain.methods import LEVELS_OF, METHODS, check_method, explainer
from cropxai.explain.passes import TARGETS
from cropxai.model import classify
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits
from cropxai.model.transformer import Architecture, CropTransformer
from cropxai.series import CropSeries


def question(series, model, target="margin", count=12):
    inputs = Inputs.of(series.select(range(count)), model.card.bands)
    x, valid, day = inputs.tensors()
    base = torch.from_numpy(reference_series(series, model, "date-median"))
    return Question(x, valid, day, model.network(x, valid, day).argmax(dim=1), base.expand_as(x), target)


@pytest.mark.parametrize("target", TARGETS)
def test_integrated_gradients_are_those_of_captum(series, model, target):
    asked = question(series, model, target)

    def score(x):  # all steps come as one batch
        times = len(x) // len(asked.x)
        many = asked._replace(number=asked.number.repeat(times))
        return many.score(model.network, x, asked.valid.repeat(times, 1))

    peer = IntegratedGradients(score)
    expected = peer.attribute(asked.x, asked.base.contiguous(), method="riemann_middle", n_steps=STEPS)
    found = integrated_gradients(model.network, asked)
    np.testing.assert_allclose(found, expected.detach(), atol=1e-5 * float(expected.abs().max()))


def test_integrated_gradients_are_complete(series, model):
    """They sum to the score less that of the reference; the residual of the ledger is what the rule misses."""
    found = explain(series, model, method="integrated-gradients", level="band").dataset
    entries = {str(name): found["ledger"].values[:, i] for i, name in enumerate(found["entry"].values)}
    score = found["score"].values
    np.testing.assert_allclose(
        np.nansum(found["relevance"].values, axis=(1, 2)), entries["input"], rtol=1e-3, atol=1e-3
    )
    assert np.abs(entries["residual"]).max() < 0.03 * np.abs(score).max()
    assert np.abs(entries["reference"]).max() > 0


def test_occlusion_is_the_fall_without_the_date(series, model):
    """Brute force: the series with the date made missing, scored anew."""
    few = series.select(range(6))
    found = explain(few, model, method="occlusion", target="logit").values
    number = classify(few, model).winner
    whole = logits(model.network, Inputs.of(few, model.card.bands))[np.arange(6), number]
    for time in range(len(few.dates)):
        values = few.reflectance.copy()
        values[:, time] = np.nan
        cut = CropSeries(few.dataset.assign(reflectance=(("parcel", "time", "band"), values)))
        left = logits(model.network, Inputs.of(cut, model.card.bands))[np.arange(6), number]
        there = np.isfinite(few.reflectance[:, time, 0])
        np.testing.assert_allclose(found[there, time], (whole - left)[there], atol=1e-4)


def test_the_only_date_of_a_parcel_carries_its_score(series, model):
    values = series.select([0]).reflectance.copy()
    values[0, 1:] = np.nan
    values[0, 0] = 0.2
    one = CropSeries(series.select([0]).dataset.assign(reflectance=(("parcel", "time", "band"), values)))
    found = explain(one, model, method="occlusion")
    assert found.values[0, 0] == found.dataset["score"].values[0]


def test_rollout_by_matrices(series, model):
    """One layer: the attention of the first layer worked out in numpy from the weights."""
    torch.manual_seed(3)
    net = CropTransformer(Architecture(bands=3, classes=2, width=32, layers=1)).eval()
    asked = question(series, model, count=5)
    found = rollout(net, asked).detach().numpy()
    weights = {name: tensor.numpy() for name, tensor in net.state_dict().items()}
    tokens = net.tokens(asked.x, asked.day).detach().numpy()
    centred = tokens - tokens.mean(axis=-1, keepdims=True)
    normed = centred / np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-5)
    normed = normed * weights["layers.0.norm_attention.weight"] + weights["layers.0.norm_attention.bias"]
    joint = normed @ weights["layers.0.query_key_value.weight"].T + weights["layers.0.query_key_value.bias"]
    size = 32 // net.size.heads
    for parcel in range(5):
        there = np.flatnonzero(asked.valid[parcel].numpy())
        mean = np.zeros((len(there), len(there)))
        for head in range(net.size.heads):
            q, k = (joint[parcel, there][:, 32 * part + size * head :][:, :size] for part in (0, 1))
            scores = np.exp(q @ k.T / np.sqrt(size))
            mean += scores / scores.sum(axis=1, keepdims=True) / net.size.heads
        expected = (0.5 * mean + 0.5 * np.eye(len(there))).mean(axis=0)
        np.testing.assert_allclose(found[parcel, there], expected, rtol=1e-4)
        assert found[parcel].sum() == pytest.approx(1, rel=1e-4)


def test_rollout_of_even_attention_is_even(series, model):
    net = CropTransformer(Architecture(bands=3, classes=2, width=32, layers=3)).eval()
    for layer in net.layers:
        torch.nn.init.zeros_(layer.query_key_value.weight)
        torch.nn.init.zeros_(layer.query_key_value.bias)
    asked = question(series, model, count=5)
    found = rollout(net, asked).detach()
    expected = asked.valid / asked.valid.sum(dim=1, keepdim=True)
    np.testing.assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_gives_the_same_store(series, model, method):
    values = series.reflectance.copy()
    values[2] = np.nan
    cut = CropSeries(series.dataset.assign(reflectance=(("parcel", "time", "band"), values))).select(range(20))
    found = explain(cut, model, method=method)
    level = LEVELS_OF[method][-1]
    assert found.dataset.attrs["method"] == method
    assert found.dataset.attrs["level"] == level
    assert found.dataset["relevance"].dims == ("parcel", "time", "band")[: 3 if level == "band" else 2]
    assert found.by_date.shape == (20, len(cut.dates))
    missing = np.isnan(values[:20]).any(axis=2)
    np.testing.assert_array_equal(np.isnan(found.by_date), missing)
    assert found.crop[2] == ""
    assert np.isnan(found.dataset["score"].values[2])
    others = np.arange(20) != 2
    np.testing.assert_allclose(
        found.dataset["ledger"].values[others].sum(axis=1), found.dataset["score"].values[others], rtol=1e-3, atol=1e-3
    )
    assert found.dataset["entry"].values.tolist() == list(LEDGER)


def test_dates_are_the_sum_of_bands_and_a_class_can_be_asked(series, model):
    asked = np.where(series.labels == "grain maize", "winter wheat", "grain maize")
    by_band = explain(series, model, method="integrated-gradients", labels=asked)
    by_date = explain(series, model, method="integrated-gradients", labels=asked, level="date")
    np.testing.assert_allclose(by_date.by_date, by_band.by_date, rtol=1e-4, atol=1e-5)
    assert (by_band.crop == asked).all()


def test_neither_mates_nor_chunks_matter(series, model):
    inputs = Inputs.of(series.select(range(9)), model.card.bands)
    base = reference_series(series, model, "date-median")
    for method in BASELINES:
        whole, parts = (
            Baseline(model, method, chunk=size)(inputs.reflectance, inputs.valid, inputs.day, base=base)
            for size in (100, 4)
        )
        np.testing.assert_allclose(parts.relevance, whole.relevance, rtol=1e-3, atol=1e-4)


def test_the_identity_tells_choices_and_weights_apart(model):
    ways = [explainer(model, m, t) for m in BASELINES for t in LEVELS_OF[m]]
    ways += [Baseline(model, "rollout", target="logit"), Baseline(model, "rollout", reference="zero")]
    assert len({way.identity() for way in ways}) == len(ways)
    assert Baseline(model, "rollout").identity() == Baseline(model, "rollout").identity()


@pytest.mark.parametrize(
    "choices, words",
    [
        (("lime", None), "none of cp-lrp, .*rollout"),
        (("occlusion", "band"), "knows no level 'band'"),
        (("rollout", None, "float64"), "float32"),
        (("integrated-gradients", None, "float32", "cuda"), "cpu only"),
    ],
)
def test_what_a_method_has_not_is_refused(model, choices, words):
    with pytest.raises(ValueError, match=words):
        check_method(*choices)


@pytest.mark.parametrize("choice", [{"target": "score"}, {"reference": "mean"}, {"level": "week"}])
def test_an_unknown_choice_is_named_with_the_known(model, choice):
    (name,) = choice
    with pytest.raises(ValueError, match=f"{name} .* is none of "):
        Baseline(model, "integrated-gradients", **choice)
    with pytest.raises(ValueError, match="none of integrated-gradients"):
        Baseline(model, "cp-lrp")
