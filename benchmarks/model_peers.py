"""Other classifiers of series for ``model.py``, written from their papers, and the way all networks are trained alike.

- TempCNN: Pelletier, Webb & Petitjean 2019 (Remote Sensing 11, 523): three convolutions in time of 64 units and length
  5, each with batch normalisation, ReLU and dropout 0.5, a dense layer of 256, a softmax. Adam 1e-3, weight decay 1e-6,
  batches of 32. Gaps are interpolated in time.
- L-TAE: Garnot & Landrieu 2020 (arXiv 2007.00586): dates to 256 features with a sinusoid of the day, 16 heads that
  each look at their own 16 features with one learnt query of size 8, an MLP to 128, a decoder of 64 and 32. Adam 1e-3,
  batches of 128. Missing dates are masked, which the paper had no need of; parcels are medians, without pixel sets.
- LSTM as in ELECTS (Rußwurm et al. 2023, arXiv 1901.10681) without its stopping head: layer norm, a linear map to 64,
  two causal layers of 64 with dropout 0.2, a class after every date, all dates trained alike. Adam 1e-3, batches of
  256. A missing date shows what was seen last.
- Random forest of scikit-learn, 300 trees, every band of every date, gaps interpolated in time.

Rates, batches and epochs (20, 100, 100) are those of the papers, but at least 2 000 steps, and at most as many parcels
as 3 000 steps of 128; all have a one-cycle learning rate, and keep the weights of the best epoch on the same held-back
part by macro-F1, as ours do.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import f1_score
from torch import Tensor, nn

from cropxai.model.inputs import Inputs
from cropxai.model.schedule import rate

#: On small sets the epochs of a paper would end before anything is learnt.
LEAST_STEPS = 2000
#: Steps of 128 parcels that a peer, and a network for one window, has.
STEPS = 3000
Answers = npt.NDArray[np.intp]
#: A network takes (parcel, time, band), (parcel, time) valid and (time,) days, and gives (parcel, class), or
#: (parcel, time, class), one after every date.
Build = Callable[[int, int, int], nn.Module]


@dataclass(frozen=True)
class Peer:
    """A network of another kind and how its paper trains it."""

    build: Build
    rate: float
    decay: float
    batch: int
    epochs: int
    gaps: Callable[[Inputs], npt.NDArray[np.float32]]


def interpolated(inputs: Inputs) -> npt.NDArray[np.float32]:
    """Fill gaps by lines in time, the ends held; a series without dates is zero."""
    values = inputs.reflectance.copy()
    for row, there in zip(values, inputs.valid, strict=True):
        if there.any() and not there.all():
            for band in row.T:
                band[~there] = np.interp(inputs.day[~there], inputs.day[there], band[there])
    return values


def seen_last(inputs: Inputs) -> npt.NDArray[np.float32]:
    """Fill gaps with what was seen last; before the first date, with that."""
    place = np.where(inputs.valid, np.arange(inputs.valid.shape[1]), -1)
    last = np.maximum.accumulate(place, axis=1)
    last = np.where(last < 0, inputs.valid.argmax(axis=1)[:, None], last)
    return np.take_along_axis(inputs.reflectance, last[..., None], axis=1)


class TempCNN(nn.Module):
    """Three convolutions in time and a dense layer."""

    def __init__(self, bands: int, dates: int, classes: int):
        super().__init__()
        blocks: list[nn.Module] = []
        for width in (bands, 64, 64):
            blocks += [nn.Conv1d(width, 64, 5, padding=2), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.5)]
        dense = [nn.Flatten(), nn.Linear(64 * dates, 256), nn.BatchNorm1d(256), nn.ReLU(), nn.Dropout(0.5)]
        self.all = nn.Sequential(*blocks, *dense, nn.Linear(256, classes))

    def forward(self, x: Tensor, valid: Tensor, day: Tensor) -> Tensor:
        return self.all(x.transpose(1, 2))


class LTAE(nn.Module):
    """Attention of one learnt query a head."""

    def __init__(self, bands: int, dates: int, classes: int, width: int = 256, heads: int = 16, size: int = 8):
        super().__init__()
        self.heads, self.size = heads, size
        self.inlayer = nn.Sequential(nn.Linear(bands, width), nn.LayerNorm(width))
        self.key = nn.Linear(width, heads * size)
        self.query = nn.Parameter(torch.randn(heads, size) * math.sqrt(2 / size))
        self.mlp = nn.Sequential(nn.Linear(width, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Dropout(0.2))
        self.outnorm = nn.LayerNorm(128)
        decoder: list[nn.Module] = []
        for before, after in ((128, 64), (64, 32)):
            decoder += [nn.Linear(before, after), nn.BatchNorm1d(after), nn.ReLU()]
        self.decode = nn.Sequential(*decoder, nn.Linear(32, classes))
        self.register_buffer("rate", 1000.0 ** -(torch.arange(0, width // heads, 2) / (width // heads)))

    def forward(self, x: Tensor, valid: Tensor, day: Tensor) -> Tensor:
        angle = day[:, None] * self.rate
        position = torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1).repeat(1, self.heads)
        x = self.inlayer(x) + position
        keys = self.key(x).view(*x.shape[:2], self.heads, self.size)
        score = torch.einsum("bthk,hk->bht", keys, self.query) / math.sqrt(self.size)
        seen = valid | ~valid.any(dim=1, keepdim=True)
        weights = score.masked_fill(~seen[:, None], -torch.inf).softmax(dim=-1)
        out = torch.einsum("bht,bthc->bhc", weights, x.view(*x.shape[:2], self.heads, -1)).flatten(1)
        return self.decode(self.outnorm(self.mlp(out)))


class EarlyLSTM(nn.Module):
    """A class after every date."""

    def __init__(self, bands: int, dates: int, classes: int):
        super().__init__()
        self.inlayer = nn.Sequential(nn.LayerNorm(bands), nn.Linear(bands, 64))
        self.lstm = nn.LSTM(64, 64, num_layers=2, bias=False, dropout=0.2, batch_first=True)
        self.classes = nn.Sequential(nn.LayerNorm(64), nn.Linear(64, classes))

    def forward(self, x: Tensor, valid: Tensor, day: Tensor) -> Tensor:
        return self.classes(self.lstm(self.inlayer(x))[0])


PEERS = {
    "TempCNN": Peer(TempCNN, 1e-3, 1e-6, 32, 20, interpolated),
    "L-TAE": Peer(LTAE, 1e-3, 0.0, 128, 100, lambda inputs: inputs.reflectance),
    "LSTM": Peer(EarlyLSTM, 1e-3, 0.0, 256, 100, seen_last),
}


def trained(
    peer: Peer, seen: tuple[Inputs, Answers], held: tuple[Inputs, Answers], classes: int, steps: int, seed: int = 0
) -> Callable[[Inputs], Answers]:
    """Train a peer; returns the function from inputs, of the same dates, to answers (parcel,)."""
    torch.manual_seed(seed)
    inputs, target = seen
    level = inputs.reflectance[inputs.valid].mean(axis=0), inputs.reflectance[inputs.valid].std(axis=0) + 1e-6
    day = torch.from_numpy(inputs.day)

    def arrays(given: Inputs) -> tuple[Tensor, Tensor]:
        values = np.where(given.valid.any(axis=1)[:, None, None], (peer.gaps(given) - level[0]) / level[1], 0)
        return torch.from_numpy(values.astype(np.float32)), torch.from_numpy(given.valid)

    network = peer.build(inputs.reflectance.shape[2], len(inputs.day), classes)
    optimiser = torch.optim.Adam(network.parameters(), lr=peer.rate, weight_decay=peer.decay)
    x, valid = arrays(inputs)
    y = torch.from_numpy(target)
    batches = max(1, len(x) // peer.batch)  # a last batch of one parcel has no deviation to normalise by
    most = max(1, round(steps * 128 / (batches * peer.batch)))  # as many parcels as ours sees
    epochs = min(most, max(peer.epochs, LEAST_STEPS // batches))
    best, best_score = network.state_dict(), -1.0

    @torch.inference_mode()
    def answers(given: Inputs) -> Answers:
        network.eval()
        values, there = arrays(given)
        parts = []
        for rows in torch.arange(len(values)).split(1024):
            scores = network(values[rows], there[rows], day)
            parts.append((scores[:, -1] if scores.dim() == 3 else scores).argmax(dim=1))
        return torch.cat(parts).numpy()

    for epoch in range(epochs):
        network.train()
        for step, rows in enumerate(torch.randperm(len(x))[: batches * peer.batch].split(peer.batch)):
            optimiser.param_groups[0]["lr"] = peer.rate * max(
                1e-3, rate("one-cycle", (epoch * batches + step) / (epochs * batches))
            )
            scores = network(x[rows], valid[rows], day)
            truth = y[rows] if scores.dim() == 2 else y[rows, None].expand(scores.shape[:2]).reshape(-1)
            loss = nn.functional.cross_entropy(scores.reshape(-1, classes), truth)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        score = f1_score(held[1], answers(held[0]), average="macro", zero_division=0.0)
        if score > best_score:
            best, best_score = {name: value.clone() for name, value in network.state_dict().items()}, score
    network.load_state_dict(best)
    return answers


def forest(seen: tuple[Inputs, Answers], seed: int = 0) -> Callable[[Inputs], Answers]:
    """Fit the random forest."""

    def table(given: Inputs) -> npt.NDArray[np.float32]:
        return interpolated(given).reshape(len(given), -1)

    fitted = RandomForestClassifier(300, n_jobs=1, random_state=seed).fit(table(seen[0]), seen[1])
    return lambda given: fitted.predict(table(given))
