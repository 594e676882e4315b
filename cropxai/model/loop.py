"""The training loop: augmented batches, a rising and falling learning rate, early stopping, resumable at each epoch."""

import csv
import io
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from sklearn.metrics import f1_score
from torch.nn import functional

from cropxai.errors import DeviceMissing
from cropxai.model.augment import augmented, season
from cropxai.model.inputs import Inputs
from cropxai.model.losses import LOSSES, Loss, class_loss
from cropxai.model.predict import logits
from cropxai.model.resume import Epoch, State, belongs, fingerprint
from cropxai.model.schedule import WARM_UP, Average, rate
from cropxai.model.settings import Settings
from cropxai.model.transformer import CropTransformer
from cropxai.outputs import replacing
from cropxai.reporting import Report, part, silent

__all__ = ["Epoch", "Settings", "Target", "choose_loss", "fit"]

Target = npt.NDArray[np.intp]
Part = tuple[Inputs, Target]

#: Steps after which a long epoch tells of its progress.
TELL_STEPS = 50
#: Of "auto": the steps of each short training, as a share of the steps aimed at, and the share of the work they are.
TRIAL_STEPS, TRIAL_SHARE = 0.1, 0.3


def fit(
    network: CropTransformer,
    seen: Part,
    held: Part,
    settings: Settings,
    report: Report = silent,
    checkpoint: Path | None = None,
    *,
    bands: tuple[str, ...] = (),
    log: Path | None = None,
) -> list[Epoch]:
    """Train a network in place and leave it with the weights of its best or last epoch; return the history.

    The random choices of an epoch follow from seed and epoch alone, so that a resumed run ends with the weights of an
    undisturbed one. The validation part is cut at random dates as the training part is, once and for all.

    Parameters
    ----------
    network : with its input normalisation set; weights that need no gradient are left as they are
    seen, held : inputs and class numbers of the training and the validation parcels
    settings : with a loss that is not "auto" (:func:`choose_loss`)
    checkpoint : file to resume from if it is there and of the same run, written after every epoch
    bands : names of the bands
    log : CSV file of the epochs so far, written after every epoch

    Raises
    ------
    DeviceMissing
    """
    if torch.device(settings.device).type == "cuda" and not torch.cuda.is_available():
        raise DeviceMissing(settings.device)
    inputs, target = seen
    epochs = settings.epochs_for(len(inputs))
    run = fingerprint(inputs, target, held[1], settings, network.state_dict())
    network.to(settings.device)
    loss = class_loss(settings.loss, np.bincount(target, minlength=network.size.classes), settings.label_smoothing)
    learnt = [weights for weights in network.parameters() if weights.requires_grad]
    optimiser = torch.optim.AdamW(learnt, lr=settings.learning_rate, weight_decay=settings.weight_decay)
    best = {name: value.clone() for name, value in network.state_dict().items()}
    state = State(network, optimiser, Average(network, settings.average), best)
    if checkpoint is not None:
        state.resume(checkpoint, run)
    scored_on = (_cut(held[0], settings), held[1])
    warm_up = WARM_UP[settings.schedule] * epochs
    while state.epoch < epochs and state.epoch - max(state.best_epoch, warm_up) <= settings.patience * epochs:
        within = part(report, state.epoch / epochs, (state.epoch + 1) / epochs)
        mean_loss = _epoch(state, seen, settings, loss, epochs, bands, within)
        score, held_loss = _score(state, scored_on)
        state.history.append({"loss": mean_loss, "validation_loss": held_loss, "validation_macro_f1": score})
        better = (score, -held_loss) > (state.best_score, -state.best_loss)  # few parcels soon have all the same score
        if better or settings.kept_epoch == "last":
            state.best_epoch, state.best_score, state.best_loss = state.epoch, score, held_loss
            state.best = {name: value.clone() for name, value in state.average.weights.items()}
        state.epoch += 1
        if checkpoint is not None:
            state.keep(checkpoint, run)
        if log is not None:
            _write_log(log, state.history)
        report(state.epoch / epochs, f"epoch {state.epoch}, validation macro-F1 {score:.3f}")
    network.load_state_dict(state.best)
    network.cpu().eval()
    return state.history


def choose_loss(
    network: CropTransformer,
    seen: Part,
    held: Part,
    settings: Settings,
    report: Report = silent,
    checkpoint: Path | None = None,
    *,
    bands: tuple[str, ...] = (),
) -> str:
    """Return the loss with which a short training gives the best macro-F1 on the validation part.

    Takes what :func:`fit` takes, and leaves the network as it is. If ``checkpoint`` is of a run with one of the losses,
    that was the choice.
    """
    start = {name: value.clone() for name, value in network.state_dict().items()}
    for loss in LOSSES:
        if belongs(checkpoint, fingerprint(*seen, held[1], replace(settings, loss=loss), start)):
            return loss
    share = max(1, round(TRIAL_STEPS * settings.epochs_for(len(seen[0]))))
    scores = {}
    for number, loss in enumerate(LOSSES):
        trial = replace(settings, loss=loss, epochs=share, patience=1.0)
        history = fit(network, seen, held, trial, part(report, number / 4, (number + 1) / 4), bands=bands)
        scores[loss] = max(epoch["validation_macro_f1"] for epoch in history)
        network.load_state_dict(start)
    return max(scores, key=lambda loss: scores[loss])


def _epoch(
    state: State,
    seen: Part,
    settings: Settings,
    loss_of: Loss,
    epochs: int,
    bands: tuple[str, ...],
    report: Report,
) -> float:
    network, (inputs, target) = state.network, seen
    assert isinstance(network, CropTransformer)
    fixed = network.size.dates > 0
    rng = np.random.default_rng([settings.seed, state.epoch])
    torch.manual_seed(int(rng.integers(2**31)))
    network.train()
    steps = math.ceil(len(inputs) / settings.batch_size)
    device, half = torch.device(settings.device), settings.precision == "bfloat16"
    total = 0.0
    for step, index in enumerate(_batches(len(inputs), settings.batch_size, rng)):
        done = state.epoch * steps + step
        for group in state.optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate(settings.schedule, done / (epochs * steps))
        sample = (tensor.to(device) for tensor in augmented(inputs.take(index), settings, rng, bands, fixed))
        with torch.autocast(device.type, torch.bfloat16, enabled=half):
            scores = network(*sample)
        loss = loss_of(scores.float(), torch.from_numpy(target[index]).to(device))
        state.optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        state.optimiser.step()
        state.average.take(network, done)
        total += loss.item() * len(index)
        if (step + 1) % TELL_STEPS == 0:
            report((step + 1) / steps, f"epoch {state.epoch + 1}")
    network.eval()
    return total / len(inputs)


def _batches(count: int, size: int, rng: np.random.Generator) -> Iterator[npt.NDArray[np.intp]]:
    order = rng.permutation(count)
    for start in range(0, count, size):
        yield order[start : start + size]


def _cut(held: Inputs, settings: Settings) -> Inputs:
    """Cut validation parcels at random dates as in training; one that would lose all its dates keeps them."""
    each = replace(settings, cut_together=False)
    kept = season(held.day, len(held), each, np.random.default_rng([settings.seed, 2**31]))
    return held.only(kept | ~(held.valid & kept).any(axis=1, keepdims=True))


def _score(state: State, held: Part) -> tuple[float, float]:
    """Return macro-F1 and loss of the averaged weights on the validation part."""
    network, (inputs, target) = state.network, held
    assert isinstance(network, CropTransformer)
    now = {name: value.clone() for name, value in network.state_dict().items()}
    network.load_state_dict(state.average.weights)
    scores = logits(network, inputs)
    network.load_state_dict(now)
    loss = functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(target)).item()
    macro_f1 = f1_score(target, scores.argmax(axis=1), average="macro", zero_division=0.0)
    return float(macro_f1), loss


def _write_log(file: Path, history: list[Epoch]) -> None:
    text = io.StringIO()
    table = csv.DictWriter(text, ["epoch", *history[0]], lineterminator="\n")
    table.writeheader()
    table.writerows({"epoch": number + 1, **epoch} for number, epoch in enumerate(history))
    with replacing(file, overwrite=True) as beside:
        beside.write_text(text.getvalue(), encoding="utf-8")
