import errno
import json
import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from made_up import QUICK, two_crops
from safetensors.torch import load_file, save_file
from scipy.special import softmax

from cropxai.errors import BandMismatch, LevelMismatch, ModelUnreadable, OutputUnwritable, SeriesUnusable
from cropxai.model import classify, load_model, train
from cropxai.model.calibration import SeasonTemperatures
from cropxai.model.checkpoint import CARD, WEIGHTS, _sha256, shipped
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits
from cropxai.series import CropSeries


@pytest.fixture
def folder(model, tmp_path):
    return model.save(tmp_path / "model")


def rewrite(folder, **changes):
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"weights_sha256": _sha256(folder / WEIGHTS)} | changes))


def sized(folder, **changes):
    return json.loads((folder / CARD).read_text())["architecture"] | changes


def pickled(file):
    class Harm:
        def __reduce__(self):
            return (Path.touch, (file.with_name("harm"),))

    file.write_bytes(pickle.dumps(Harm()))


def uncertain(folder, entry, **changes):
    stored = json.loads((folder / CARD).read_text())["uncertainty"]
    return stored | {entry: stored[entry] | changes}


def test_a_saved_model_is_the_same(model, folder, series):
    loaded = load_model(folder)
    assert loaded.card == model.card
    assert classify(series, loaded).frame.equals(classify(series, model).frame)
    assert {p.name for p in folder.iterdir()} == {CARD, WEIGHTS}


def test_a_missing_model_is_named_with_the_shipped_ones():
    with pytest.raises(ModelUnreadable, match="nowhere: neither a model folder nor a shipped model"):
        load_model("nowhere")


@pytest.mark.parametrize(
    ("harm", "message"),
    [
        (lambda f: (f / WEIGHTS).unlink(), "needs card.json and weights.safetensors"),
        (lambda f: (f / CARD).write_text("{"), "needs card.json"),
        (lambda f: (f / CARD).write_text("{}"), "not the card of a cropxai model"),
        (lambda f: (f / WEIGHTS).write_bytes(b"rubbish"), "names other weights"),
        (lambda f: ((f / WEIGHTS).write_bytes(b"rubbish"), rewrite(f)), "missing or damaged"),
        (lambda f: rewrite(f, bands=["B04"]), "bands or classes do not fit"),
        (lambda f: rewrite(f, format_version=9), "newer"),
        (lambda f: rewrite(f, classes=[{"nom": "x"}]), "lacks or misnames"),
        (lambda f: rewrite(f, uncertainty={"temperatures": {}}), "lacks or misnames"),
        (lambda f: rewrite(f, uncertainty=uncertain(f, "temperatures", temperatures=[0.0])), "as many temperatures"),
        (lambda f: rewrite(f, uncertainty=uncertain(f, "temperatures", slopes=[0.0])), "as many slopes"),
        (lambda f: rewrite(f, uncertainty=uncertain(f, "sets", group=[0, 0, 0])), "of other bands or classes"),
        (
            lambda f: rewrite(
                f, uncertainty=uncertain(f, "courses", mean=[[[0.1, 0.2]]], covariance=[[[1, 0], [0, 1]]], days=[1])
            ),
            "of other bands or classes",
        ),
        (lambda f: rewrite(f, uncertainty=[1]), "lacks or misnames"),
        (lambda f: (f / CARD).write_text("[" * 200_000), "needs card.json"),
        (lambda f: (f / CARD).write_bytes(b"\xff\xfe\x00"), "needs card.json"),
        (lambda f: (f / WEIGHTS).write_bytes((f / WEIGHTS).read_bytes()[:500]), "names other weights"),
        (lambda f: (pickled(f / WEIGHTS), rewrite(f)), "missing or damaged"),
        (lambda f: ((f / WEIGHTS).write_bytes(b"\xff" * 8 + b"{}"), rewrite(f)), "missing or damaged"),
        (lambda f: rewrite(f, format_version="x"), "does not tell its format version"),
        (lambda f: rewrite(f, architecture=sized(f, width=10**9)), "width 1000000000, where 1 to 4096"),
        (lambda f: rewrite(f, architecture=sized(f, layers=10**7)), "layers 10000000, where 1 to 64"),
        (lambda f: rewrite(f, architecture=sized(f, hidden="64")), "hidden '64', where 1 to"),
        (lambda f: rewrite(f, architecture=sized(f, heads=7)), "which 7 heads"),
        (lambda f: rewrite(f, architecture=sized(f, width=64)), "do not fit the architecture"),
        (lambda f: rewrite(f, temperature=0), "temperature is 0, which divides nothing"),
        (lambda f: rewrite(f, temperature=float("nan")), "temperature is nan"),
        (lambda f: rewrite(f, classes=[{"name": "a", "hcat_code": 1}] * 2), "its classes are not names that differ"),
        (lambda f: rewrite(f, bands=["B04", "B04", "B08"]), "its bands are not names that differ"),
        (lambda f: rewrite(f, typical_reflectance=[[0.1, 0.2, 0.3]]), "typical series does not fit"),
        (lambda f: rewrite(f, season_days=["a", "b"]), "season days are not a first and a last day"),
    ],
)
def test_harm_to_a_model_is_named(folder, harm, message):
    harm(folder)
    with pytest.raises(ModelUnreadable, match=message) as told:
        load_model(folder)
    assert "\n" not in str(told.value) and not (folder / "harm").exists()


def test_weights_of_another_size_or_not_finite_are_refused(folder):
    weights = load_file(folder / WEIGHTS)
    save_file(weights | {"score.bias": torch.full_like(weights["score.bias"], torch.nan)}, folder / WEIGHTS)
    rewrite(folder)
    with pytest.raises(ModelUnreadable, match="not finite"):
        load_model(folder)
    save_file(weights | {"scale": torch.zeros_like(weights["scale"])}, folder / WEIGHTS)
    rewrite(folder)
    with pytest.raises(ModelUnreadable, match="scales a band by nothing"):
        load_model(folder)
    save_file(weights | {"score.bias": torch.zeros(7)}, folder / WEIGHTS)
    rewrite(folder)
    with pytest.raises(ModelUnreadable, match="do not fit the architecture"):
        load_model(folder)


def test_a_series_of_another_level_bands_or_span_is_refused(model, series):
    with pytest.raises(LevelMismatch, match="series is L1C.*trained on L2A"):
        classify(CropSeries(series.dataset.assign_attrs(level="L1C")), model)
    with pytest.raises(BandMismatch, match="lacks B08"):
        classify(series.select_bands(("B04", "B11")), model)
    times = series.dataset["time"].values.copy()
    times[0] -= 400 * 86400 * 10**9
    with pytest.raises(SeriesUnusable, match="--season"):
        classify(CropSeries(series.dataset.assign_coords(time=times)), model)


def test_bands_in_another_order_are_found_by_name(model):
    series = two_crops()
    turned = series.select_bands(("B11", "B04", "B08"))
    assert classify(turned, model).frame.equals(classify(series, model).frame)


def test_a_card_keeps_its_window(model, tmp_path):
    from cropxai.model.checkpoint import Window

    changed = replace(model, card=replace(model.card, window=Window(10, 20, 0.5)))
    changed.save(tmp_path / "m")
    assert load_model(tmp_path / "m").card.window == Window(10, 20, 0.5)


def test_every_shipped_model_loads():
    assert shipped()
    for name in shipped():
        assert load_model(name).card.name == name


def test_a_full_disk_is_one_clear_error_and_leaves_nothing(model, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OutputUnwritable, match=r"no space left on the device.*free space"):
        model.save(tmp_path / "m")
    assert list(tmp_path.iterdir()) == []


def test_a_card_from_before_networks_had_kinds_loads(model, tmp_path):
    """Without norm, activation and pooling, a network is what all were: pre, gelu, mean."""
    folder = model.save(tmp_path / "m")
    card = json.loads((folder / "card.json").read_text())
    for kind in ("norm", "activation", "pooling"):
        del card["architecture"][kind]
    (folder / "card.json").write_text(json.dumps(card))
    assert load_model(folder).card == model.card


def test_a_card_with_one_temperature_only_loads_and_answers_with_it(model, series, tmp_path):
    folder = model.save(tmp_path / "m")
    card = json.loads((folder / CARD).read_text())
    del card["uncertainty"]
    (folder / CARD).write_text(json.dumps(card | {"temperature": 2.0}))
    old = load_model(folder)
    scores = logits(old.network, Inputs.of(series, old.card.bands))
    np.testing.assert_allclose(classify(series, old).probabilities, softmax(scores / 2, axis=1), atol=1e-6)


def test_confidence_follows_the_end_of_the_season(model):
    heat = SeasonTemperatures((60.0, 240.0), (4.0, 0.5))
    changed = replace(model, card=replace(model.card, uncertainty=replace(model.card.uncertainty, temperatures=heat)))
    early = two_crops(60, seed=3, gaps=0.7).between(end=np.datetime64("2018-07-31"))
    early = early.select(np.isfinite(early.reflectance).all(axis=2).any(axis=1))
    inputs = Inputs.of(early, model.card.bands)
    last = np.array([inputs.day[seen].max() for seen in inputs.valid])
    end = np.minimum(inputs.day.max(), last + 60)
    assert len(np.unique(end)) > 1
    assert (end > last).any()
    inverse = 1 / 4 + (end - 60) / 180 * (1 / 0.5 - 1 / 4)
    expected = softmax(logits(model.network, inputs) * inverse[:, None], axis=1)
    np.testing.assert_allclose(classify(early, changed).probabilities, expected, atol=1e-5)


def test_a_network_of_another_kind_keeps_it(series, tmp_path):
    kinds = {"norm": "post", "activation": "relu", "pooling": "max"}
    made = train(series, replace(QUICK, epochs=2, **kinds), name="other")
    again = load_model(made.save(tmp_path / "m"))
    assert again.card.architecture.asdict().items() >= kinds.items()
    inputs = Inputs.of(series, made.card.bands)
    assert (logits(again.network, inputs) == logits(made.network, inputs)).all()
    card = json.loads((tmp_path / "m" / "card.json").read_text())
    card["architecture"]["pooling"] = "last"
    (tmp_path / "m" / "card.json").write_text(json.dumps(card))
    with pytest.raises(ModelUnreadable, match="pooling 'last' is none of mean, max"):
        load_model(tmp_path / "m")
