"""Fine-tuning: what is kept of the model gone on from, what is learnt anew, and from how few labels."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from made_up import QUICK, two_crops

from cropxai.cli.main import cli, main
from cropxai.errors import BandMismatch, LevelMismatch, SeriesUnusable
from cropxai.model import fine_tuning, load_model, train
from cropxai.model.evaluate import evaluate
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits
from cropxai.model.settings import PRESETS
from cropxai.model.splits import hold_back_few, too_few
from cropxai.model.transfer import adapted
from cropxai.series import CropSeries

FEW = fine_tuning(epochs=30, split="random")


def renamed(series, **names):
    crop = [names.get(label.replace(" ", "_"), label) for label in series.labels]
    return CropSeries(series.dataset.assign_coords(crop=("parcel", np.array(crop, dtype=object))))


def encoder(network):
    return {k: v for k, v in network.state_dict().items() if not k.startswith(("score.", "decode."))}


def test_known_classes_keep_their_row(model):
    """ "Corn" is what others call grain maize (by its HCAT code); rice is new."""
    torch.manual_seed(0)
    network, known = adapted(model, ("Corn", "rice", "winter wheat"), model.card.bands)
    old, new = model.network.score.weight, network.score.weight
    assert known == ("Corn", "winter wheat") and model.names == ("grain maize", "winter wheat")
    assert torch.equal(new[0], old[0]) and torch.equal(new[2], old[1])
    assert not torch.equal(new[1], old[0]) and not torch.equal(new[1], old[1])
    assert all(torch.equal(value, encoder(model.network)[name]) for name, value in encoder(network).items())


def test_the_same_classes_in_another_order_give_the_same_scores(model, series):
    network, _ = adapted(model, ("winter wheat", "grain maize"), model.card.bands)
    inputs = model.inputs(series)
    np.testing.assert_allclose(
        logits(network.eval(), inputs)[:, ::-1], logits(model.network, inputs), rtol=1e-5, atol=1e-5
    )


@pytest.mark.parametrize("freeze", [False, True])
def test_a_frozen_encoder_stays_and_another_does_not(model, freeze):
    made = train(two_crops(seed=4), replace(FEW, epochs=2), start=model, freeze=freeze)
    pairs = [(value, encoder(made.network)[name]) for name, value in encoder(model.network).items()]
    assert all(torch.equal(a, b) for a, b in pairs) is freeze
    assert not torch.equal(made.network.score.weight, model.network.score.weight)
    assert not any(weights.requires_grad for weights in made.network.parameters())
    told = made.card.training
    assert (told["from"], told["frozen"], told["classes_kept"]) == (model.card.name, freeze, list(made.names))


@pytest.mark.parametrize("name", PRESETS)
def test_the_settings_of_a_preset_serve_fine_tuning_too(model, name):
    """Dropout is of the training, not of the network gone on from."""
    settings = fine_tuning(**PRESETS[name] | {"epochs": 1, "split": "random"})
    made = train(two_crops(seed=4), settings, start=model)
    assert made.network.dropout.p == PRESETS[name]["dropout"] != model.network.dropout.p


@pytest.mark.parametrize("freeze", [False, True])
def test_a_dozen_labels_are_enough(model, freeze):
    """Crops under names that the model does not know: its encoder tells them apart already."""
    few = renamed(two_crops(count=12, seed=2), winter_wheat="a", grain_maize="b")
    made = train(few, fine_tuning(freeze, epochs=150), start=model, freeze=freeze)
    assert evaluate(renamed(two_crops(seed=9), winter_wheat="a", grain_maize="b"), made).accuracy > 0.9
    assert made.card.classes != model.card.classes and made.card.bands == model.card.bands


def test_without_an_optional_band_the_network_is_the_same(model, series):
    few = series.select_bands(("B04", "B08"))
    allowing = replace(model, card=replace(model.card, optional_bands=("B11",)))
    network, _ = adapted(allowing, model.names, ("B04", "B08"))
    expected = logits(model.network, allowing.inputs(few))
    found = logits(network.eval(), Inputs.of(few, ("B04", "B08")))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_a_model_of_other_bands_or_level_is_refused(model, series, tmp_path):
    with pytest.raises(LevelMismatch, match="trained on L2A"):
        train(CropSeries(series.dataset.assign_attrs(level="L1C")), FEW, start=model)
    with pytest.raises(BandMismatch, match="lacks B08"):
        train(series.select_bands(("B04", "B11")), FEW, start=model)
    allowing = replace(model, card=replace(model.card, optional_bands=("B11",)))
    made = train(series.select_bands(("B04", "B08")), replace(FEW, epochs=2), start=allowing)
    assert made.card.bands == ("B04", "B08") and made.card.optional_bands == ()
    again = load_model(made.save(tmp_path / "m"))
    assert again.card == made.card


def test_few_parcels_are_held_back_by_class():
    target = np.array([0] * 10 + [1] * 3 + [2] * 2 + [4])
    assert too_few(target, 0.2) and not too_few(np.repeat([0, 3], 5), 0.2)
    seen, held = hold_back_few(target, 0.2, seed=0)
    assert sorted([*seen, *held]) == list(range(16))
    assert np.bincount(target[held], minlength=5).tolist() == [2, 1, 0, 0, 0]
    with pytest.raises(SeriesUnusable, match="no class has three"):
        hold_back_few(np.array([0, 0, 1]), 0.2, seed=0)


def test_on_the_command_line(model, tmp_path):
    few, store = two_crops(count=14, seed=2), str(tmp_path / "few.zarr")
    few.save(store)
    model.save(tmp_path / "old")
    run = CliRunner().invoke
    alone = run(cli, ["train", store, "-o", str(tmp_path / "m"), "--freeze"])
    assert alone.exit_code == 2 and "--from" in alone.output
    nowhere = main(["train", store, "-o", str(tmp_path / "m"), "--log", str(tmp_path / "no" / "log.csv")])
    assert nowhere == 1 and not list(tmp_path.glob(".m*"))
    asked = [
        "train",
        store,
        "-o",
        str(tmp_path / "m"),
        "--from",
        str(tmp_path / "old"),
        "--epochs",
        "3",
        "--patience",
        "1",
    ]
    done = run(cli, [*asked, "--patience", "1", "--freeze", "--log", str(tmp_path / "log.csv"), "--end", "2018-08-01"])
    assert done.exit_code == 0, done.output
    settings = load_model(tmp_path / "m").card.training["settings"]
    assert (settings["epochs"], settings["learning_rate"], settings["min_parcels"]) == (3, 3e-3, 2)
    assert len((tmp_path / "log.csv").read_text().splitlines()) == 4
    assert load_model(tmp_path / "m").card.season_days[1] < 213


@pytest.mark.parametrize(
    "given", [["--size", "small"], ["--architecture", "paper"], ["--time-encoding", "thermal time"], ["--layers", "2"]]
)
def test_what_the_model_has_already_is_not_taken_from_an_option(given, model, tmp_path, capsys):
    """An option that would change nothing is refused, before anything is read."""
    model.save(tmp_path / "old")
    asked = ["train", str(tmp_path / "no.zarr"), "-o", str(tmp_path / "m"), "--from", str(tmp_path / "old"), *given]
    assert main(asked) == 2
    said = capsys.readouterr().err.strip()
    assert given[0] in said and "--from" in said and len(said.splitlines()) == 1
    with pytest.raises(ValueError, match=given[0].strip("-").replace("-", "_")):
        fine_tuning(**{given[0].strip("-").replace("-", "_"): given[1]})


def test_the_default_settings_are_for_few():
    ours = fine_tuning(True, steps=50)
    assert (ours.steps, ours.learning_rate, ours.min_parcels) == (50, 3e-3, 2)
    assert fine_tuning().learning_rate < QUICK.learning_rate
