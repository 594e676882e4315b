"""The relevance of parcels against the explicit reference, over all kinds of networks and choices, and its promises."""

import itertools

import numpy as np
import pytest
import torch
from networks import CLASSES, KINDS, as_model, network, parcels, relative

from cropxai.errors import DeviceMissing, NoRelevanceRule, SelfcheckFailed, SeriesUnusable
from cropxai.explain import LRP, rules
from cropxai.explain.lrp import LEDGER, LEVELS
from cropxai.explain.methods import explainer
from cropxai.explain.passes import TARGETS
from cropxai.explain.reference import explain as explicitly
from cropxai.explain.rules import RULES
from cropxai.model.inputs import Inputs

CHOICES = list(itertools.product(RULES, LEVELS, TARGETS, ("zero", "typical")))
CONSERVING = ("cp-lrp", "attnlrp")


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_relevance_is_that_of_the_explicit_reference(kind):
    model = as_model(network(*kind))
    x, valid, day = parcels()
    typical = model.typical(day.astype(np.float32))
    for rule, level, target, reference in CHOICES:
        found = LRP(model, rule, level, target, reference, dtype="float64")(x, valid, day)
        single = LRP(model, rule, level, target, reference)(x, valid, day)
        base = None if reference == "zero" else typical
        expected = [
            explicitly(
                model.network, x[i], valid[i], day, number, rule=rule, level=level, target=target, base=base
            )
            for i, number in enumerate(found.number)
        ]  # fmt: skip
        values = np.stack([e.relevance for e in expected])
        assert relative(found.relevance, values) < 1e-10
        assert relative(found.position, np.stack([e.position for e in expected])) < 1e-10
        np.testing.assert_allclose(found.score, [e.score for e in expected], rtol=1e-10)
        for number, name in enumerate(LEDGER[:-1]):
            np.testing.assert_allclose(
                found.ledger[:, number], [e.ledger[name] for e in expected], rtol=1e-9, atol=1e-10
            )
        assert relative(single.relevance, values) < 1e-5


@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_the_ledger_closes(kind):
    model = as_model(network(*kind))
    for rule, level, target, reference in itertools.product(CONSERVING, LEVELS, TARGETS, ("zero", "typical")):
        found = LRP(model, rule, level, target, reference, dtype="float64")(*parcels())
        np.testing.assert_allclose(found.ledger.sum(axis=1), found.score, rtol=1e-10)
        assert np.abs(found.entry("residual") / found.score).max() < 1e-10
        np.testing.assert_allclose(
            found.entry("input"), np.nansum(found.relevance, axis=tuple(range(1, found.relevance.ndim)))
        )
        np.testing.assert_allclose(found.entry("position"), np.nansum(found.position, axis=1))
        assert (found.entry("softmax") != 0).all() == (rule == "attnlrp")
        assert (found.entry("reference") == 0).all() == (reference == "zero")


@pytest.mark.parametrize(("dtype", "allowed"), [("float64", 1e-12), ("float32", 1e-4)])
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_without_biases_and_dates_cp_lrp_conserves_the_score(kind, dtype, allowed):
    net = network(*kind, bias=False)
    net.date.forward = lambda day: torch.zeros(*day.shape, 16, dtype=day.dtype)
    for level in LEVELS:
        found = LRP(as_model(net), "cp-lrp", level, "logit", "zero", dtype)(*parcels())
        lost = np.nansum(found.relevance.reshape(6, -1), axis=1) / found.score - 1
        assert np.abs(lost).max() < allowed
        plain = LRP(as_model(net), "gradient-input", level, "logit", "zero", dtype)(*parcels())
        assert np.abs(np.nansum(plain.relevance.reshape(6, -1), axis=1) / found.score - 1).max() > 0.01


def test_attnlrp_does_not_conserve_and_says_so():
    net = network(bias=False)
    net.date.forward = lambda day: torch.zeros(*day.shape, 16, dtype=day.dtype)
    found = LRP(as_model(net), "attnlrp", "band", "logit", "zero", "float64")(*parcels())
    lost = found.score - found.entry("input")
    assert np.abs(lost / found.score).max() > 0.01
    np.testing.assert_allclose(lost, found.entry("softmax"), rtol=1e-9)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_missing_dates_are_missing_and_change_nothing(kind, rule):
    """NaN in the result, exactly zero within, and whatever stands at a missing date has no part in it, bit for bit."""
    x, valid, day = parcels()
    rubbish = np.where(valid[..., None], x, np.nan)
    rubbish[:3] = np.where(valid[:3, :, None], x[:3], 1e30)
    for level in LEVELS:
        lrp = LRP(as_model(network(*kind)), rule, level, reference="typical")
        found, again = lrp(x, valid, day), lrp(rubbish, valid, day)
        assert np.isnan(found.relevance[~valid]).all() and np.isfinite(found.relevance[valid]).all()
        assert (np.isnan(found.position) == ~valid).all()
        np.testing.assert_array_equal(found.relevance, again.relevance)
        np.testing.assert_array_equal(found.ledger, again.ledger)


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", KINDS, ids="-".join)
def test_neither_mates_nor_padding_matter(kind, rule):
    x, valid, day = parcels()
    longer = (np.pad(x, ((0, 0), (0, 3), (0, 0)), constant_values=7.0), np.pad(valid, ((0, 0), (0, 3))))
    for level in LEVELS:
        lrp = LRP(as_model(network(*kind)), rule, level, reference="typical", dtype="float64")
        together = lrp(x, valid, day)
        padded = lrp(*longer, np.append(day, [300.0, 310.0, 320.0]))
        assert relative(padded.relevance[:, :8], together.relevance) < 1e-12
        assert np.isnan(padded.relevance[:, 8:]).all()
        alone = [lrp(x[i : i + 1], valid[i : i + 1], day).relevance[0] for i in range(len(x))]
        assert relative(np.stack(alone), together.relevance) < 1e-12
        lrp.chunk = 4
        assert relative(lrp(x, valid, day).relevance, together.relevance) < 1e-12


def test_the_encoding_of_the_dates_cancels():
    """At the level of dates relevance is of the features: a parcel that is the reference has none at all."""
    model = as_model(network())
    _, valid, day = parcels()
    typical = model.typical(day.astype(np.float32))
    found = LRP(model, level="date", reference="typical", dtype="float64")(np.tile(typical, (6, 1, 1)), valid, day)
    assert (found.relevance[valid] == 0).all()
    assert np.abs(found.entry("position")).min() > 0


def test_plain_relevance_of_a_date_is_what_its_token_would_change():
    """So near the reference that the network is linear, the score falls by it if the date has the reference's bands."""
    model = as_model(network(activation="relu"))
    x, valid, day = parcels(count=1)
    x, valid = x * 1e-6 + 0.2, np.ones_like(valid)
    base = np.full((8, 4), 0.2)
    lrp = LRP(model, "gradient-input", "date", "logit", "typical", "float64")
    found = lrp(x, valid, day, base=base)

    def score(values):
        return lrp.network(torch.tensor(values), torch.tensor(valid), torch.tensor(day))[0, found.number[0]].item()

    for date in range(8):
        without = x.copy()
        without[0, date] = base[date]
        assert found.relevance[0, date] == pytest.approx(score(x) - score(without), rel=1e-3)


def test_any_class_may_be_asked_for():
    model = as_model(network())
    x, valid, day = parcels()
    lrp = LRP(model, target="logit", reference="zero")
    for number in range(CLASSES):
        found = lrp(x, valid, day, np.full(6, number))
        assert (found.number == number).all()
        scores = model.network(torch.tensor(x).float(), torch.tensor(valid), torch.tensor(day).float())
        np.testing.assert_allclose(found.score, scores[:, number], rtol=1e-4, atol=1e-5)
    predicted = lrp(x, valid, day).number
    np.testing.assert_array_equal(predicted, scores.argmax(dim=1))
    mixed = lrp(x, valid, day, np.array([-1, 2, -1, 2, -1, 2])).number
    assert (mixed == np.where([False, True] * 3, 2, predicted)).all()


def test_the_class_decides_the_reference():
    """With one series a class, each parcel is counted from that of the class that is explained."""
    model = as_model(network())
    x, valid, day = parcels()
    bases = np.random.default_rng(5).random((CLASSES, 8, 4))
    for level in LEVELS:
        lrp = LRP(model, level=level, reference="class-median", dtype="float64")
        found = lrp(x, valid, day, np.arange(6) % CLASSES, bases)
        for i in range(6):
            one = lrp(x[i : i + 1], valid[i : i + 1], day, [i % CLASSES], bases[i % CLASSES])
            np.testing.assert_allclose(found.relevance[i], one.relevance[0], rtol=1e-9, atol=1e-12)


def test_the_strongest_rival_decides_the_reference():
    """With rival, each parcel is counted from the series of the class of the greatest score beside its own."""
    net = network()
    model = as_model(net)
    x, valid, day = parcels()
    bases = np.random.default_rng(5).random((CLASSES, 8, 4))
    scores = net(torch.from_numpy(x).float(), torch.from_numpy(valid), torch.from_numpy(day).float()).detach().numpy()
    for level, asked in itertools.product(LEVELS, (None, np.arange(6) % CLASSES)):
        lrp = LRP(model, level=level, reference="rival", dtype="float64")
        found = lrp(x, valid, day, asked, bases)
        for i, number in enumerate(found.number):
            rival = max((c for c in range(CLASSES) if c != number), key=lambda c: scores[i, c])
            assert found.rival[i] == rival
            one = lrp(x[i : i + 1], valid[i : i + 1], day, [number], bases[rival])
            np.testing.assert_allclose(found.relevance[i], one.relevance[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_the_counterpart_is_the_parcel_moved_by_the_difference_of_two_classes(level):
    x, valid, day = parcels()
    model = as_model(network())
    bases = np.random.default_rng(5).random((CLASSES, 8, 4))
    found = LRP(model, level=level, reference="counterpart", dtype="float64")(x, valid, day, None, bases)
    for i, (number, rival) in enumerate(zip(found.number, found.rival, strict=True)):
        moved = x[i] - bases[number] + bases[rival]
        one = LRP(model, level=level, reference="typical", dtype="float64")(x[[i]], valid[[i]], day, [number], moved)
        np.testing.assert_allclose(found.relevance[i], one.relevance[0], rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.ledger[i], one.ledger[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("method", ["cp-lrp", "integrated-gradients"])
def test_dates_on_which_two_classes_are_alike_have_no_relevance_beyond_the_counterpart(method):
    x, valid, day = parcels()
    x[..., 1] = np.nan  # a band that the series lacks
    bases = np.random.default_rng(5).random((CLASSES, 8, 4)).astype(np.float32)
    bases[:, 3:5] = bases[0, 3:5]
    way = explainer(as_model(network()), method, reference="counterpart")
    found = way(x.astype(np.float32), valid, day.astype(np.float32), None, bases)
    assert np.abs(np.nan_to_num(found.relevance[:, 3:5])).max() < 1e-6 < np.nanmax(np.abs(found.relevance))
    assert np.isfinite(found.ledger).all()


@pytest.mark.parametrize("rule", RULES)
def test_whole_dates_are_their_features_and_their_day(rule):
    """Counted from nothing, the relevance of a date is that of its features and of its encoding, at any level."""
    x, valid, day = parcels()
    model = as_model(network())
    parts = LRP(model, rule, "date", reference="zero", dtype="float64")(x, valid, day)
    for level, reference in itertools.product(LEVELS, ("zero", "typical")):
        found = LRP(model, rule, level, reference=reference, dtype="float64")(x, valid, day)
        np.testing.assert_allclose(found.date_relevance, parts.relevance + parts.position, rtol=1e-9, atol=1e-12)
        np.testing.assert_array_equal(np.isnan(found.date_relevance), ~valid)


def test_a_parcel_without_dates_has_nothing():
    x, valid, day = parcels()
    valid[3] = False
    found = LRP(as_model(network()), reference="zero")(x, valid, day)
    assert found.number[3] == found.rival[3] == -1
    for values in (found.relevance, found.position, found.ledger):
        assert np.isnan(values[3]).all() and np.isfinite(values[4][np.isfinite(values[4])]).any()
    assert np.isnan(found.score[3])
    empty = LRP(as_model(network()), reference="zero")(x[:0], valid[:0], day)
    assert empty.relevance.shape == (0, 8) and empty.ledger.shape == (0, len(LEDGER))


def test_the_model_is_not_changed():
    net = network().train()
    before = {k: v.clone() for k, v in net.state_dict().items()}
    LRP(as_model(net), dtype="bfloat16")(*parcels())
    assert all(torch.equal(v, before[k]) for k, v in net.state_dict().items())
    assert net.training and net.embed.weight.grad is None


def test_bfloat16_is_near():
    x, valid, day = parcels(count=60)
    double, short = (
        LRP(as_model(network()), dtype=d, reference="zero")(x, valid, day) for d in ("float64", "bfloat16")
    )
    same = double.number == short.number
    assert same.mean() > 0.9
    error = np.nan_to_num(double.relevance - short.relevance)[same]
    size = np.nan_to_num(double.relevance)[same]
    assert np.median(np.linalg.norm(error, axis=1) / np.linalg.norm(size, axis=1)) < 0.1


@pytest.mark.parametrize(
    "arguments",
    [
        lambda x, v, d: (x[..., :3], v, d),
        lambda x, v, d: (x, v[:, 1:], d),
        lambda x, v, d: (x, v, d[1:]),
        lambda x, v, d: (x, v, d, np.zeros(3)),
        lambda x, v, d: (x, v, d, np.full(6, CLASSES)),
        lambda x, v, d: (x, v, d, None, np.zeros((7, 4))),
    ],
)
def test_arrays_that_do_not_fit(arguments):
    with pytest.raises(ValueError, match="fit|bands|classes"):
        LRP(as_model(network()), reference="zero")(*arguments(*parcels()))


@pytest.mark.parametrize(
    "choice", [{"rule": "lrp"}, {"level": "time"}, {"target": "x"}, {"reference": "y"}, {"dtype": "int8"}]
)
def test_unknown_choices(choice):
    (name,) = choice
    with pytest.raises(ValueError, match=f"{name} .* is none of "):
        LRP(as_model(network()), **choice)


def test_what_cannot_be_explained_is_refused():
    net = network()
    net.extra = torch.nn.Softplus()
    with pytest.raises(NoRelevanceRule, match="Softplus"):
        LRP(as_model(net))
    if not torch.cuda.is_available():
        with pytest.raises(DeviceMissing, match="--device cpu"):
            LRP(as_model(network()), device="cuda")


@pytest.mark.parametrize("kind", KINDS[::3], ids="-".join)
def test_selfcheck_finds_a_wrong_rule(kind, monkeypatch):
    x, valid, day = parcels(count=20)
    valid[0] = False
    inputs = Inputs(x.astype(np.float32), valid, day.astype(np.float32))
    for rule, level in itertools.product(CONSERVING, LEVELS):
        assert LRP(as_model(network(*kind)), rule, level).selfcheck(inputs) < 1e-5
        assert LRP(as_model(network(*kind)), rule, level, dtype="float64").selfcheck(inputs, parcels=3) < 1e-10
    plain = rules.GradientInput()
    monkeypatch.setitem(rules.RULES, "cp-lrp", plain)
    with pytest.raises(SelfcheckFailed, match="cp-lrp of the margin by date"):
        LRP(as_model(network(*kind))).selfcheck(inputs)


def test_selfcheck_of_a_series(series, model):
    assert LRP(model, reference="class-median").selfcheck(series) < 1e-4
    assert LRP(model, reference="rival").selfcheck(series) < 1e-4
    assert LRP(model, reference="counterpart").selfcheck(series) < 1e-4
    empty = series.select(range(5))
    empty = type(empty)(empty.dataset.assign(reflectance=empty.dataset["reflectance"] * np.nan))
    with pytest.raises(SeriesUnusable, match="no parcel has a date"):
        LRP(model).selfcheck(empty)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_a_gpu_gives_the_same():
    found, there = (LRP(as_model(network()), dtype="float64", device=d)(*parcels()) for d in ("cpu", "cuda"))
    assert relative(there.relevance, found.relevance) < 1e-10
