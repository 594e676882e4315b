"""The training loop: augmented batches, a one-cycle learning rate, early stopping, resumable at every epoch."""

import hashlib
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from sklearn.metrics import f1_score
from torch import Tensor
from torch.nn import functional

from cropxai.model.checkpoint import write_tensors
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits
from cropxai.model.transformer import CropTransformer
from cropxai.outputs import replacing
from cropxai.reporting import Report

Target = npt.NDArray[np.intp]
Epoch = dict[str, float]

WARM_UP = 0.2  # share of the steps over which the learning rate rises (Smith & Topin 2019, arXiv 1708.07120)


@dataclass(frozen=True)
class Settings:
    """How a network is trained.

    Attributes
    ----------
    epochs : passes over the parcels at most; 0 = as many as make ``steps`` steps, 20 to 300
    steps : steps aimed at where ``epochs`` is 0
    batch_size, learning_rate, weight_decay, label_smoothing : of AdamW and the cross-entropy
    patience : share of the epochs that may pass without a better macro-F1 on the validation part before training
        stops; the warm-up of the learning rate does not count
    any_season : share of the samples that are cut at a random date, so that one network answers on any day
    date_dropout : greatest share of the dates of a sample that is left out
    gain, shift : spread of a random factor on reflectance (share), and of a random shift of the dates (days)
    split, validation_share : how the validation part is chosen (spatial, random, or a column) and its size
    min_parcels : classes with fewer parcels are set aside
    width, layers, dropout, norm, activation, pooling : of the network
        (:class:`cropxai.model.transformer.Architecture`)
    seed : of all random choices
    """

    epochs: int = 0
    steps: int = 3000
    batch_size: int = 128
    learning_rate: float = 2e-3
    weight_decay: float = 1e-2
    label_smoothing: float = 0.05
    patience: float = 0.3
    any_season: float = 0.5
    date_dropout: float = 0.5
    gain: float = 0.0
    shift: float = 0.0
    split: str = "spatial"
    validation_share: float = 0.2
    min_parcels: int = 10
    width: int = 64
    layers: int = 2
    dropout: float = 0.1
    norm: str = "pre"
    activation: str = "gelu"
    pooling: str = "mean"
    seed: int = 0

    def epochs_for(self, parcels: int) -> int:
        """Return the number of epochs for a number of training parcels."""
        return self.epochs or int(np.clip(self.steps / math.ceil(parcels / self.batch_size), 20, 300))


@dataclass
class _State:
    """What must survive a kill: everything else follows from the settings and the epoch."""

    epoch: int = 0
    best_epoch: int = -1
    best_score: float = -math.inf
    history: list[Epoch] = field(default_factory=list)


def fit(
    network: CropTransformer,
    seen: tuple[Inputs, Target],
    held: tuple[Inputs, Target],
    settings: Settings,
    report: Report,
    checkpoint: Path | None = None,
) -> list[Epoch]:
    """Train a network in place and leave it with the weights of its best epoch; return the history.

    The random choices of an epoch follow from seed and epoch alone, so that a run resumed from ``checkpoint`` gives
    the weights of an undisturbed one.

    Parameters
    ----------
    network : with its input normalisation set
    seen, held : inputs and class numbers of the training and the validation parcels
    checkpoint : file to resume from if it is there and of the same run, written after every epoch
    """
    inputs, target = seen
    epochs = settings.epochs_for(len(inputs))
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    state, best = _State(), {k: v.clone() for k, v in network.state_dict().items()}
    run = _fingerprint(inputs, target, held[1], settings)
    if checkpoint is not None and checkpoint.exists():
        state, best = _resume(checkpoint, run, network, optimiser) or (state, best)
    while state.epoch < epochs and state.epoch - max(state.best_epoch, WARM_UP * epochs) <= settings.patience * epochs:
        loss = _epoch(network, optimiser, inputs, target, settings, state.epoch, epochs)
        score, held_loss = _score(network, *held)
        state.history.append({"loss": loss, "validation_loss": held_loss, "validation_macro_f1": score})
        if score > state.best_score:
            state.best_epoch, state.best_score = state.epoch, score
            best = {k: v.clone() for k, v in network.state_dict().items()}
        state.epoch += 1
        if checkpoint is not None:
            _keep(checkpoint, run, network, optimiser, state, best)
        report(state.epoch / epochs, f"epoch {state.epoch}, validation macro-F1 {score:.3f}")
    network.load_state_dict(best)
    network.eval()
    return state.history


def _epoch(
    network: CropTransformer,
    optimiser: torch.optim.Optimizer,
    inputs: Inputs,
    target: Target,
    settings: Settings,
    epoch: int,
    epochs: int,
) -> float:
    rng = np.random.default_rng([settings.seed, epoch])
    torch.manual_seed(int(rng.integers(2**31)))
    network.train()
    steps = math.ceil(len(inputs) / settings.batch_size)
    total = 0.0
    for step, index in enumerate(_batches(len(inputs), settings.batch_size, rng)):
        rate = settings.learning_rate * one_cycle((epoch * steps + step) / (epochs * steps))
        for group in optimiser.param_groups:
            group["lr"] = rate
        scores = network(*augmented(inputs.take(index), settings, rng))
        loss = functional.cross_entropy(
            scores, torch.from_numpy(target[index]), label_smoothing=settings.label_smoothing
        )
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        total += loss.item() * len(index)
    network.eval()
    return total / len(inputs)


def _batches(count: int, size: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.intp]]:
    order = rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]


def one_cycle(done: float) -> float:
    """Return the factor on the learning rate: a linear rise over the warm-up, then a half cosine down to zero."""
    if done < WARM_UP:
        return done / WARM_UP
    return 0.5 * (1 + math.cos(math.pi * (done - WARM_UP) / (1 - WARM_UP)))


def augmented(batch: Inputs, settings: Settings, rng: np.random.Generator) -> tuple[Tensor, Tensor, Tensor]:
    """Return a batch as tensors with random season ends, dropped dates, gains and shifts.

    A sample that would lose all its dates keeps them.
    """
    count, times = batch.valid.shape
    end = rng.uniform(batch.day.min(), batch.day.max() + 1, size=(count, 1))
    end[rng.random((count, 1)) >= settings.any_season] = np.inf
    dropped = rng.random((count, times)) < rng.uniform(0, settings.date_dropout, size=(count, 1))
    valid = batch.valid & (batch.day <= end) & ~dropped
    valid |= batch.valid & ~valid.any(axis=1, keepdims=True)
    values, day = batch.reflectance, np.broadcast_to(batch.day, (count, times))
    if settings.gain:
        level = 1 + settings.gain * rng.standard_normal((count, 1, 1))
        band = 1 + 0.5 * settings.gain * rng.standard_normal((count, 1, values.shape[2]))
        values = (values * level * band).astype(np.float32)
    if settings.shift:
        day = (day + settings.shift * rng.standard_normal((count, 1))).astype(np.float32)
    return compact(values, valid, day)


def compact(
    values: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], day: npt.NDArray[np.float32]
) -> tuple[Tensor, Tensor, Tensor]:
    """Move the dates that are there to the front and cut off what then is missing for all parcels.

    The network does not mind the order of dates; what is cut off costs nothing. Shapes (parcel, time, band),
    (parcel, time), (parcel, time), with fewer dates in return.
    """
    front = np.argsort(~valid, axis=1, kind="stable")[:, : max(1, int(valid.sum(axis=1).max()))]
    taken = np.take_along_axis(values, front[..., None], axis=1)
    kept = np.take_along_axis(valid, front, axis=1)
    days = np.take_along_axis(day, front, axis=1)
    return torch.from_numpy(taken), torch.from_numpy(kept), torch.from_numpy(days)


def _score(network: CropTransformer, inputs: Inputs, target: Target) -> tuple[float, float]:
    scores = logits(network, inputs)
    loss = functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(target)).item()
    macro_f1 = f1_score(target, scores.argmax(axis=1), average="macro", zero_division=0.0)
    return float(macro_f1), loss


def _fingerprint(inputs: Inputs, target: Target, held: Target, settings: Settings) -> str:
    digest = hashlib.sha256(repr(settings).encode())
    for array in (inputs.reflectance, inputs.valid, inputs.day, target, held):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _keep(
    file: Path,
    run: str,
    network: CropTransformer,
    optimiser: torch.optim.Optimizer,
    state: _State,
    best: dict[str, Tensor],
) -> None:
    tensors = {f"now.{k}": v for k, v in network.state_dict().items()} | {f"best.{k}": v for k, v in best.items()}
    for number, slots in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{number}.{slot}": value for slot, value in slots.items()}
    with replacing(file, overwrite=True) as part:
        write_tensors(tensors, part, {"run": run, "state": json.dumps(vars(state))})


def _resume(
    file: Path, run: str, network: CropTransformer, optimiser: torch.optim.Optimizer
) -> tuple[_State, dict[str, Tensor]] | None:
    """Take up the run of a checkpoint; None if the file is damaged or of another run."""
    try:
        with safe_open(file, "pt") as stored:
            about = stored.metadata()
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a mapping)
    except (OSError, SafetensorError):
        return None
    if about.get("run") != run:
        return None
    parts: dict[str, dict[str, Any]] = {"now": {}, "best": {}, "optimiser": {}}
    for name, tensor in tensors.items():
        part, key = name.split(".", 1)
        parts[part][key] = tensor
    network.load_state_dict(parts["now"])
    slots: dict[int, dict[str, Tensor]] = {}
    for key, tensor in parts["optimiser"].items():
        number, slot = key.split(".", 1)
        slots.setdefault(int(number), {})[slot] = tensor
    optimiser.load_state_dict({"state": slots, "param_groups": optimiser.state_dict()["param_groups"]})
    return _State(**json.loads(about["state"])), parts["best"]
