r"""ELECTS (Rußwurm et al. 2023, ISPRS J. 196, 445-456; arXiv 1901.10681): a network that learns when to stop.

A causal recurrent network answers on every date and gives a probability :math:`\delta_t` to stop there. With the budget
:math:`B_1 = 1`, :math:`P_t = \delta_t B_t` and :math:`B_{t+1} = B_t - P_t`, the last date takes what is left. The
loss is

.. math:: \alpha \sum_t P'_t\,\mathrm{CE}_t - (1-\alpha) \sum_t P'_t\,p_t(y)\,(1 - t/T), \quad P'_t = P_t + \epsilon/T.

Written from the paper, with what its public code does otherwise left out: there the stop probabilities are shifted by
one date against the answers, and stopping is drawn at random. Here a parcel stops at the first date at which the
summed stop probability reaches one half. A missing date repeats the one before, and two further inputs say whether
the date was seen and which day it is, for series with gaps. The stop head starts from a greater bias than the
paper's -20, from which it hardly learns to stop within few thousand steps.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn
from torch.nn import functional

from cropxai.model.inputs import Inputs
from cropxai.model.schedule import rate
from cropxai.reporting import Report, silent

Target = npt.NDArray[np.intp]
#: Weight that every date keeps in the loss, so that each goes on being trained.
EPSILON = 10.0


@dataclass(frozen=True)
class ElectsSettings:
    """How ELECTS is trained.

    Attributes
    ----------
    alpha : weight of the right answer against earliness
    steps, batch_size, learning_rate, weight_decay : of AdamW on a one-cycle rate
    stop_bias : bias of the stop head at the beginning
    width, dropout : features of the recurrent layers
    seed : of weights and batches
    """

    alpha: float = 0.5
    steps: int = 6000
    batch_size: int = 128
    learning_rate: float = 4e-3
    weight_decay: float = 1e-2
    stop_bias: float = -4.0
    width: int = 64
    dropout: float = 0.2
    seed: int = 0


class Elects(nn.Module):
    """The network: normalisation, a linear map, two recurrent layers, an answer and a stop head on every date."""

    mean: Tensor
    scale: Tensor

    def __init__(self, bands: int, classes: int, settings: ElectsSettings):
        super().__init__()
        width = settings.width
        self.register_buffer("mean", torch.zeros(bands))
        self.register_buffer("scale", torch.ones(bands))
        self.enter = nn.Linear(bands + 2, width)
        self.memory = nn.LSTM(width, width, num_layers=2, dropout=settings.dropout, batch_first=True)
        self.answer = nn.Linear(width, classes)
        self.halt = nn.Linear(width, 1)
        nn.init.normal_(self.halt.bias, settings.stop_bias, 0.1)

    def forward(self, x: Tensor, seen: Tensor, day: Tensor) -> tuple[Tensor, Tensor]:
        """Return log-probabilities (parcel, time, class) and stop probabilities δ (parcel, time)."""
        values = (x - self.mean) / self.scale
        given = torch.cat([values, seen[..., None].to(x.dtype), (day / 365)[None, :, None].expand(*x.shape[:2], 1)], 2)
        state, _ = self.memory(self.enter(given))
        return functional.log_softmax(self.answer(state), dim=2), torch.sigmoid(self.halt(state))[..., 0]


def stop_distribution(delta: Tensor) -> Tensor:
    """Return P (parcel, time), summing to one, for stop probabilities δ of the same shape."""
    left = torch.cumprod(1 - delta, dim=1)
    budget = torch.cat([torch.ones_like(left[:, :1]), left[:, :-1]], dim=1)
    return torch.cat([delta[:, :-1] * budget[:, :-1], budget[:, -1:]], dim=1)


def elects_loss(log_probability: Tensor, delta: Tensor, target: Tensor, alpha: float) -> Tensor:
    """Return the mean loss over the parcels."""
    times = delta.shape[1]
    weight = stop_distribution(delta) + EPSILON / times
    right = log_probability.gather(2, target[:, None, None].expand(-1, times, 1))[..., 0]
    early = 1 - torch.arange(times, dtype=delta.dtype) / times
    return (alpha * (weight * -right) - (1 - alpha) * weight * right.exp() * early).sum(dim=1).mean()


def train_elects(
    inputs: Inputs, target: Target, classes: int, settings: ElectsSettings, report: Report = silent
) -> Elects:
    """Train on parcels of known crop."""
    torch.manual_seed(settings.seed)
    rng = np.random.default_rng(settings.seed)
    network = Elects(inputs.reflectance.shape[2], classes, settings)
    network.mean.copy_(torch.from_numpy(inputs.reflectance[inputs.valid].mean(axis=0)))
    network.scale.copy_(torch.from_numpy(inputs.reflectance[inputs.valid].std(axis=0) + 1e-6))
    x, seen, day = _carried(inputs, network.mean)
    y = torch.from_numpy(target)
    optimiser = torch.optim.AdamW(network.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay)
    size = min(settings.batch_size, len(y))
    order, place = rng.permutation(len(y)), 0
    for step in range(settings.steps):
        if place + size > len(order):
            order, place = rng.permutation(len(y)), 0
        batch = torch.from_numpy(order[place : place + size])
        place += size
        for group in optimiser.param_groups:
            group["lr"] = settings.learning_rate * rate("one-cycle", step / settings.steps)
        log_probability, delta = network(x[batch], seen[batch], day)
        loss = elects_loss(log_probability, delta, y[batch], settings.alpha)
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if step % 100 == 99:
            report((step + 1) / settings.steps, f"step {step + 1}, loss {loss.item():.3f}")
    return network.eval().requires_grad_(False)


def elects_answers(network: Elects, inputs: Inputs) -> tuple[Target, npt.NDArray[np.intp]]:
    """Return the class number and the position in time of each parcel's decision, (parcel,) each."""
    x, seen, day = _carried(inputs, network.mean)
    answers, stops = [], []
    with torch.inference_mode():
        for start in range(0, len(x), 1024):
            piece = slice(start, start + 1024)
            log_probability, delta = network(x[piece], seen[piece], day)
            done = stop_distribution(delta).cumsum(dim=1) >= 0.5
            done[:, -1] = True
            stop = done.to(torch.int8).argmax(dim=1)
            answers.append(log_probability.argmax(dim=2).gather(1, stop[:, None])[:, 0].numpy())
            stops.append(stop.numpy())
    return np.concatenate(answers).astype(np.intp), np.concatenate(stops).astype(np.intp)


def _carried(inputs: Inputs, start: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return reflectance with gaps filled by the date before (``start`` before the first), seen and day, in order."""
    order = np.argsort(inputs.day, kind="stable")
    valid, values = inputs.valid[:, order], inputs.reflectance[:, order]
    last = np.maximum.accumulate(np.where(valid, np.arange(valid.shape[1]), -1), axis=1)
    filled = np.take_along_axis(values, np.maximum(last, 0)[..., None], axis=1)
    filled = np.where(last[..., None] >= 0, filled, start.numpy())
    return torch.from_numpy(filled), torch.from_numpy(valid), torch.from_numpy(inputs.day[order])
