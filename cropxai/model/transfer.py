"""Going on from a trained model: its encoder as it is, its last layer for other classes."""

from dataclasses import replace

import torch

from cropxai.model.checkpoint import Model
from cropxai.model.networks import build
from cropxai.model.settings import Settings
from cropxai.model.transformer import CropTransformer

#: Parts of the network that a frozen encoder leaves to be trained.
HEAD = ("decode", "score")
#: Settings that the model gone on from has made already.
MADE = ("architecture", "size", "width", "layers", "norm", "activation", "pooling", "time_encoding", "pixel_counts")


def fine_tuning(freeze: bool = False, **given: object) -> Settings:
    """Return settings for fine-tuning, which needs fewer and smaller steps than training; ``given`` ones are kept.

    They were chosen on tens to hundreds of labels; the head alone bears larger steps. Training goes on to the last
    epoch, because so few held-back parcels tell the epochs apart badly.

    Raises
    ------
    ValueError
        If one is given that the model gone on from has made already.
    """
    if made := [name for name in MADE if name in given]:
        raise ValueError(f"{', '.join(made)}: the network is that of the model gone on from, as it was made")
    few = {
        "steps": 600, "learning_rate": 3e-3 if freeze else 1e-3, "batch_size": 32, "min_parcels": 2,
        "kept_epoch": "last",
    }  # fmt: skip
    return replace(Settings(), **(few | given))  # type: ignore[arg-type]


def adapted(
    start: Model,
    names: tuple[str, ...],
    bands: tuple[str, ...],
    freeze: bool = False,
    dropout: float = Settings.dropout,
) -> tuple[CropTransformer, tuple[str, ...]]:
    """Return a copy of a model's network for other classes, and those of them that it knew already.

    A class that the model knows, by name or by HCAT code, keeps its row of the last layer; new rows start anew.

    Parameters
    ----------
    start : the trained model
    names : labels of the new classes
    bands : columns of the model, of its bands those that the series has; without the others, which would be at their
        mean, that is 0 to the first layer, the network gives the same scores
    freeze : leave all but the head without gradient
    dropout : of the head, while it is trained
    """
    old = start.network
    network = build(replace(old.size, classes=len(names), bands=len(bands), dropout=dropout))
    kept = {name: value for name, value in old.state_dict().items() if not name.startswith("score.")}
    columns = [start.card.columns.index(band) for band in bands]
    kept |= {name: kept[name][..., columns] for name in ("mean", "scale", "features.weight")}
    network.load_state_dict(network.state_dict() | kept)
    known = start.class_of(names)
    rows = [(new, start.names.index(name)) for new, name in enumerate(known) if name]
    with torch.no_grad():
        for new, row in rows:
            network.score.weight[new] = old.score.weight[row]
            network.score.bias[new] = old.score.bias[row]
    for name, weights in network.named_parameters():
        weights.requires_grad_(not freeze or name.startswith(HEAD))
    return network, tuple(names[new] for new, _ in rows)
