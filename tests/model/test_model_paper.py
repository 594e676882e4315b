"""The published network: its size, its equations in torch's own modules, its promises, and its relevance."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from made_up import QUICK, two_crops
from torch import nn

from cropxai.cli.main import cli
from cropxai.errors import ModelUnreadable, SeriesUnusable
from cropxai.explain import LRP
from cropxai.explain.attribution import explain
from cropxai.model import classify, load_model, train
from cropxai.model.checkpoint import Card, CropClass, Model
from cropxai.model.evaluate import evaluate
from cropxai.model.networks import build
from cropxai.model.paper import PaperTransformer
from cropxai.model.transformer import Architecture

BANDS = ("B02", "B03", "B04", "B08")


@pytest.fixture
def network():
    """Untrained, with uneven norms and running statistics."""
    torch.manual_seed(0)
    made = build(Architecture.paper(len(BANDS), 5, dates=7))
    for name, value in made.state_dict().items():
        if "norm" in name and value.is_floating_point():
            value.uniform_(0.5, 1.5)
    return made.eval().requires_grad_(False)


@pytest.fixture
def batch():
    rng = np.random.default_rng(0)
    valid = rng.random((6, 7)) > 0.3
    valid[:, 1] = True
    return torch.tensor(rng.random((6, 7, 4))), torch.tensor(valid), torch.arange(7.0, dtype=torch.float64) * 17 + 40


def test_the_number_of_weights_is_the_published_one():
    """355 276 for 80 dates of 13 bands and 44 classes, counted in the authors' code."""
    made = build(Architecture.paper(13, 44, dates=80))
    assert isinstance(made, PaperTransformer)
    assert sum(weights.numel() for weights in made.parameters()) == 355_276


def by_modules(network, x, valid, day):
    """The published sequence of torch's modules, the attention its own."""
    own = dict(network.named_modules())
    x = x * valid[..., None]
    steps = nn.Sequential(own["features"], _Last(own["features_norm"]), nn.ReLU(), own["embed"],
                          _Last(own["embed_norm"]), nn.ReLU())  # fmt: skip
    since, width = day - day[0], 64
    place = torch.zeros(len(day), width, dtype=x.dtype)
    for i in range(0, width, 2):
        place[:, i] = torch.sin(since / math.pow(1000, i / width))
        place[:, i + 1] = torch.cos(since / math.pow(1000, i / width))
    tokens = steps(x) + place
    attention = nn.MultiheadAttention(width, 4, batch_first=True).to(x.dtype).eval()
    attention.load_state_dict({
        "in_proj_weight": own["query_key_value"].weight, "in_proj_bias": own["query_key_value"].bias,
        "out_proj.weight": own["mix"].weight, "out_proj.bias": own["mix"].bias,
    })  # fmt: skip
    tokens = own["norm_dates"](tokens + attention(tokens, tokens, tokens, need_weights=False)[0])
    decoder = nn.Sequential(nn.Flatten(), own["flat"], own["flat_norm"], nn.ReLU(), own["decode"],
                            own["decode_norm"], nn.ReLU(), own["narrow"], own["narrow_norm"], nn.ReLU(),
                            own["score"])  # fmt: skip
    return decoder(tokens)


class _Last(nn.Module):
    """Batch normalisation of the last dimension."""

    def __init__(self, norm):
        super().__init__()
        self.norm = norm

    def forward(self, x):
        return self.norm(x.flatten(0, 1)).view_as(x)


@pytest.mark.parametrize("training", [False, True])
def test_the_scores_are_those_of_the_modules(network, batch, training):
    network = network.double()
    for module in network.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    network.train(training)
    x, valid, day = batch
    with torch.no_grad():
        expected = by_modules(network, x, valid, day)
        torch.testing.assert_close(network(x, valid, day), expected, rtol=1e-5, atol=1e-5)


def test_parcels_of_a_batch_are_not_mixed(network, batch):
    """In the published code, changing one parcel changes others of the batch."""
    x, valid, day = batch
    network = network.double()
    alone = torch.cat([network(x[i : i + 1], valid[i : i + 1], day) for i in range(6)])
    torch.testing.assert_close(network(x, valid, day), alone, rtol=1e-12, atol=1e-12)
    rubbish = torch.where(valid[..., None], x, 1e6)
    assert torch.equal(network(rubbish, valid, day), network(x, valid, day))
    torch.testing.assert_close(network(x, valid, day + 100), network(x, valid, day))  # days count from the first


def test_dates_to_come_are_missing(network, batch):
    x, valid, day = batch
    network = network.double()
    network.days.copy_(day)
    late = valid.clone()
    late[:, 4:] = False
    cut = network(x[:, :4], valid[:, :4], day[:4])
    torch.testing.assert_close(cut, network(x, late, day), rtol=1e-12, atol=1e-12)


def as_model(network):
    classes = tuple(CropClass(name, None) for name in "abcde")
    typical = ((0.0, 100.0, 200.0), ((0.1,) * 4, (0.2, 0.3, 0.1, 0.5), (0.3,) * 4))
    return Model(network, Card("paper", network.size, BANDS, "L2A", classes, 1.0, *typical, season_days=(0.0, 200.0)))


@pytest.mark.parametrize("rule", ["cp-lrp", "attnlrp", "gradient-input"])
@pytest.mark.parametrize("level", ["date", "band"])
def test_relevance_is_that_of_the_explicit_reference(network, batch, rule, level):
    from cropxai.model.inputs import Inputs

    x, valid, day = (each.numpy() for each in batch)
    for target in ("margin", "logit"):
        lrp = LRP(as_model(network), rule, level, target, "typical", dtype="float64")
        assert lrp.selfcheck(Inputs(x, valid, day)) < 1e-8
        found = lrp(x, valid, day)
        np.testing.assert_allclose(found.ledger[:, :-1].sum(axis=1) + found.entry("residual"), found.score, atol=1e-9)
        if rule == "cp-lrp":
            assert np.abs(found.entry("residual")).max() < 1e-9


def test_without_biases_all_of_the_score_is_relevance(network, batch):
    """CP-LRP conserves: with no bias, no shift and no encoding of dates, the dates carry the whole score."""
    x, valid, day = batch
    bare = network.double()
    for name, value in bare.state_dict().items():
        if name.endswith("bias") or name.endswith("running_mean") or name == "date.rate":
            value.zero_()
    bare.date.rate.zero_()
    found = LRP(as_model(bare), "cp-lrp", "band", "logit", "zero", dtype="float64")(x, torch.ones_like(valid), day)
    on_place = found.entry("position")
    np.testing.assert_allclose(found.relevance.sum(axis=(1, 2)) + on_place, found.score, rtol=1e-10, atol=1e-12)
    assert np.abs(found.entry("bias")).max() < 1e-12


def test_it_learns_is_kept_and_takes_its_dates_alone(tmp_path):
    series = two_crops(gaps=0.1)
    made = train(series, replace(QUICK, architecture="paper", any_season=0.0, date_dropout=0.0, epochs=30))
    assert made.network.size == replace(Architecture.paper(3, 2, len(series.dates)), dropout=0.1)
    assert evaluate(two_crops(seed=9, gaps=0.1), made).accuracy > 0.9
    loaded = load_model(made.save(tmp_path / "m"))
    assert classify(series, loaded).frame.equals(classify(series, made).frame)
    assert np.isfinite(explain(series, loaded).by_date[~np.isnan(series.reflectance).any(axis=2)]).all()
    hostile = json.loads((tmp_path / "m" / "card.json").read_text())
    hostile["architecture"]["dates"] = 10**9
    (tmp_path / "m" / "card.json").write_text(json.dumps(hostile))
    with pytest.raises(ModelUnreadable, match="1000000000 dates, more than a season"):
        load_model(tmp_path / "m")
    with pytest.raises(SeriesUnusable, match="takes 13 dates, and the series has 8.*--architecture cropxai"):
        classify(series.between("2018-05-01"), loaded)


def test_on_the_command_line(tmp_path):
    two_crops(count=40).save(tmp_path / "s.zarr")
    asked = ["train", str(tmp_path / "s.zarr"), "-o", str(tmp_path / "m"), "--split", "random", "--epochs", "1"]
    done = CliRunner().invoke(cli, [*asked, "--architecture", "paper"])
    assert done.exit_code == 0, done.output
    assert load_model(tmp_path / "m").card.architecture.kind == "paper"


def test_kinds_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="'paper' does not go with"):
        Architecture(4, 2, kind="paper")
    with pytest.raises(ValueError, match="'cropxai' does not go with"):
        Architecture(4, 2, pooling="flatten")
