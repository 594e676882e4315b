from dataclasses import replace

import numpy as np
import pytest
import torch
from made_up import QUICK, two_crops

from cropxai.errors import ClassesDiffer
from cropxai.model import classify, streaming, train
from cropxai.model.answering import Answering, Choices, without_every
from cropxai.model.checkpoint import CropClass, Model
from cropxai.model.inputs import Inputs


@pytest.fixture(scope="module")
def other(series):
    return train(series, replace(QUICK, epochs=3, seed=1), name="another")


def reversed_classes(model):
    """Return the same model with its classes in the other order."""
    network = type(model.network)(model.card.architecture).eval()
    network.load_state_dict(model.network.state_dict())
    network.score.weight.data = network.score.weight.data.flip(0)
    network.score.bias.data = network.score.bias.data.flip(0)
    return Model(network.requires_grad_(False), replace(model.card, classes=model.card.classes[::-1], uncertainty=None))


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_threads_and_pieces_change_nothing(monkeypatch, series, model, workers):
    whole = classify(series, model)
    monkeypatch.setattr(streaming, "PARCELS_AT_ONCE", 17)
    told = []
    found = classify(series, model, workers=workers, report=lambda done, message="": told.append(done))
    np.testing.assert_allclose(found.probabilities, whole.probabilities, rtol=0, atol=1e-6)
    assert found.frame["crop"].tolist() == whole.frame["crop"].tolist()
    assert found.frame["crop_set"].tolist() == whole.frame["crop_set"].tolist()
    assert told == [pytest.approx((n + 1) / 8) for n in range(8)]


def test_any_number_of_threads_gives_the_same_bits(monkeypatch, series, model):
    monkeypatch.setattr(streaming, "PARCELS_AT_ONCE", 17)
    one, three = (classify(series, model, workers=workers) for workers in (1, 3))
    assert one.probabilities.tobytes() == three.probabilities.tobytes()


def test_threads_leave_the_setting_of_pytorch_as_it_was(monkeypatch, series, model):
    monkeypatch.setattr(streaming, "PARCELS_AT_ONCE", 50)
    before = torch.get_num_threads()
    classify(series, model, workers=2)
    assert torch.get_num_threads() == before


def test_an_error_in_a_thread_is_told(monkeypatch, series, model):
    monkeypatch.setattr(streaming, "PARCELS_AT_ONCE", 50)
    monkeypatch.setattr(Answering, "__call__", lambda self, piece: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        classify(series, model, workers=2)


def test_an_ensemble_is_the_mean_of_its_members(series, model, other):
    together = classify(series, [model, other])
    each = [classify(series, member).probabilities for member in (model, other)]
    np.testing.assert_allclose(together.probabilities, np.mean(each, axis=0), atol=1e-6)
    assert together.sets is None and together.frame["set_size"].isna().all()


def test_members_may_have_their_classes_in_another_order(series, model):
    plain = replace(model, card=replace(model.card, uncertainty=None))
    expected = classify(series, plain)
    found = classify(series, [plain, reversed_classes(plain)])
    np.testing.assert_allclose(found.probabilities, expected.probabilities, atol=1e-6)


def test_members_with_other_classes_are_refused(series, model):
    foreign = replace(model, card=replace(model.card, classes=(CropClass("oats", None), CropClass("rye", None))))
    with pytest.raises(ClassesDiffer, match=r"do not have the same classes \('grain maize', 'oats'"):
        classify(series, [model, foreign])


def test_views_leave_out_every_nth_clear_date_in_turns():
    valid = np.array([[True, False, True, True, True], [False, True, False, False, False], [False] * 5])
    inputs = Inputs(np.zeros((3, 5, 1), np.float32), valid, np.arange(5, dtype=np.float32))
    seen = np.stack([without_every(inputs, 2, number).valid for number in range(2)])
    assert seen[:, 0].tolist() == [[False, False, True, False, True], [True, False, False, True, False]]
    assert (seen[:, 1:] == valid[1:]).all()


def test_views_are_the_mean_of_their_looks(series, model):
    found = classify(series, model, views=3)
    plain = model.inputs(series)
    looks = []
    for number in range(3):
        seen = without_every(plain, 3, number)
        cut = series.dataset["reflectance"].where(_mask(series, seen.valid))
        looks.append(classify(replace(series, dataset=series.dataset.assign(reflectance=cut)), model).probabilities)
    np.testing.assert_allclose(found.probabilities, np.mean(looks, axis=0), atol=1e-6)


def _mask(series, valid):
    return series.dataset["clear_fraction"].copy(data=valid)


@pytest.mark.parametrize(("choice", "value"), [("views", 0), ("dtype", "int8"), ("device", "abacus")])
def test_choices_that_are_none(series, model, choice, value):
    with pytest.raises(ValueError, match=choice):
        Answering([model], Choices(**{choice: value}))


def test_the_identity_is_that_of_weights_and_choices(model, other):
    names = {
        Answering([model], Choices()).identity(),
        Answering([other], Choices()).identity(),
        Answering([model], Choices(views=2)).identity(),
        Answering([model, other], Choices()).identity(),
    }
    assert len(names) == 4 and Answering([model], Choices()).identity() in names


def test_a_series_of_one_parcel(model):
    assert len(classify(two_crops(count=1), model).frame) == 1
