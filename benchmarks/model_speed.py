"""How fast the classifier answers and learns, beside PyTorch; two parts of ``model.py``, which prints them."""

import statistics
import time
from collections.abc import Callable
from functools import partial

import numpy as np
import torch

from cropxai.model import Settings
from cropxai.model.augment import augmented
from cropxai.model.engine import scorer
from cropxai.model.inputs import Inputs
from cropxai.model.loop import fit
from cropxai.model.schedule import rate
from cropxai.model.settings import SIZES
from cropxai.model.transformer import Architecture, CropTransformer


def paired(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, list[float]]:
    """Return CPU seconds by way and round; every round runs all in turns, the first only warms up."""
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, work in ways.items():
            start = time.process_time()
            work()
            if turn:
                spent[name].append(time.process_time() - start)
    return spent


def ratio(spent: dict[str, list[float]], way: str, other: str) -> float:
    return statistics.median(a / b for a, b in zip(spent[way], spent[other], strict=True))


def inference(count: int, rounds: int) -> float:
    """Print the speed of scores; return how many times as fast as PyTorch the small network is with all dates there."""
    return [_inference(name, count, rounds) for name in ("tiny", "small")][-1]


def _inference(name: str, count: int, rounds: int) -> float:
    torch.manual_seed(0)
    width, layers = SIZES[name]
    size = Architecture(bands=13, classes=44, width=width, layers=layers, hidden=2 * width)
    network = CropTransformer(size).eval().requires_grad_(False)
    dates = 71
    values = np.random.default_rng(0).normal(0.3, 0.1, (count, dates, size.bands)).astype(np.float32)
    day = np.linspace(0, 360, dates, dtype=np.float32)
    there = {
        "all dates": np.ones((count, dates), bool),
        "41 % of dates": np.random.default_rng(1).random((count, dates)) < 0.41,
    }
    print(f"\nscores of size {name} (width {width}, {layers} layers), {dates} dates × 13 bands, parcels a CPU second")
    found = {}
    for case, valid in there.items():
        inputs = Inputs(values, valid, day)
        x, seen, days = inputs.tensors()

        @torch.inference_mode()
        def eager(x: torch.Tensor = x, seen: torch.Tensor = seen, days: torch.Tensor = days) -> None:
            for rows in torch.arange(count).split(512):
                network(x[rows[0] : rows[-1] + 1], seen[rows[0] : rows[-1] + 1], days)

        ways: dict[str, Callable[[], object]] = {"PyTorch": eager}
        ways |= {dtype: partial(scorer(network, dtype=dtype), inputs) for dtype in ("float32", "bfloat16")}
        spent = paired(ways, rounds)
        for way, seconds in spent.items():
            rate, faster = count / statistics.median(seconds), ratio(spent, "PyTorch", way)
            print(f"{case:14s} {way:9s} {rate:8.0f}  × {faster:.2f}")
            found[case, way] = faster
    return max(found["all dates", "float32"], found["all dates", "bfloat16"])


def training(rounds: int) -> float:
    """Print and return the throughput of a training epoch as a share of that of a bare loop of PyTorch."""
    rng = np.random.default_rng(0)
    settings = Settings(epochs=1)
    inputs = Inputs(
        rng.normal(0.3, 0.1, (1024, 36, 10)).astype(np.float32),
        rng.random((1024, 36)) < 0.8,
        np.arange(0, 360, 10, dtype=np.float32),
    )
    target = rng.integers(0, 5, 1024)

    few = inputs.take(np.arange(8))

    def fresh() -> CropTransformer:
        torch.manual_seed(0)
        return CropTransformer(Architecture(10, 5))

    bare = fresh()
    optimiser = torch.optim.AdamW(bare.parameters(), lr=1e-3)
    order = np.random.default_rng([settings.seed, 0]).permutation(len(inputs))
    pieces = [order[start : start + settings.batch_size] for start in range(0, len(order), settings.batch_size)]
    draws = np.random.default_rng(1)
    batches = [(augmented(inputs.take(i), settings, draws), torch.from_numpy(target[i])) for i in pieces]

    def plain() -> None:
        bare.train()
        for number, (batch, truth) in enumerate(batches):
            optimiser.param_groups[0]["lr"] = 1e-3 * rate("one-cycle", number / len(batches))
            loss = torch.nn.functional.cross_entropy(bare(*batch), truth, label_smoothing=settings.label_smoothing)
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(bare.parameters(), 1.0)
            optimiser.step()

    spent = paired(
        {"cropxai": lambda: fit(fresh(), (inputs, target), (few, target[:8]), settings), "bare": plain}, rounds
    )
    share = ratio(spent, "bare", "cropxai")
    pace = len(inputs) / statistics.median(spent["cropxai"])
    print(f"\ntraining, 36 dates × 10 bands: {pace:.0f} parcels a CPU second, {share:.3f} of a bare loop of PyTorch")
    return share
