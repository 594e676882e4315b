"""The speed of relevance beside that of inference, and beside other ways to relevance, on the same network.

``python benchmarks/relevance.py [--quick]`` prints a table, and last one line of JSON. The network has random weights,
width 128, 3 layers, 4 heads, hidden 256; a parcel has 71 dates × 13 bands and one of 44 classes. Rates are parcels per
second of CPU time on one thread. Every round runs all ways in turns, and a ratio is the median over the rounds of the
ratios within one, so that other work on the machine counts alike. ``pip install 'cropxai[bench,dev]'`` brings the
peers.

- inference: the network as ``cropxai classify`` runs it, in float32, 64 parcels at once as in all other ways
- cp-lrp, attnlrp: relevance of dates from reflectance, with the account of every score, by the pass written by hand, in
  float32 and bfloat16, and by autograd
- gaps: 41 % of the dates are there, as in a simulated season with clouds; the pass by hand works on these alone, the
  others mask what is missing
- products: nothing but the matrix products of AttnLRP, recorded and run again: what no way with these products can beat
- lxt: AttnLRP by the rules of lxt.efficient; zennit: CP-LRP, epsilon 1e-6, by hooks on a twin of the network;
  ig50: captum's Integrated Gradients with 50 steps (no LRP: it need not agree)

Agreement is with autograd in float64, by the same rule (ig50: AttnLRP), over the dates of a parcel. Memory is the peak
of a process of its own that explains few or many parcels, as ``cropxai explain`` goes through them.
"""

import argparse
import copy
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from relevance_peers import IG_STEPS, Explain, peers
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cropxai.explain.fused import SHARES, FusedPass
from cropxai.explain.passes import token_pass
from cropxai.model.transformer import Architecture, CropTransformer

SIZE = Architecture(bands=13, classes=44, width=128, heads=4, layers=3, hidden=256)
DATES, CHUNK = 71, 64
GAPS = 0.59
#: Parcels of the two processes whose memory is compared.
FEW, MANY = 256, 2048
PRODUCTS = (torch.ops.aten.mm.out, torch.ops.aten.bmm.out, torch.ops.aten.addmm.out)


#: Explains the first parcels, with the dates that are there.
Work = Callable[[int, Tensor], Tensor]


class Recorder(TorchDispatchMode):
    """Writes down the matrix products that run within it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Callable[..., Any], Any, Any]] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in PRODUCTS:
            self.calls.append((func, args, kwargs or {}))
        return func(*args, **(kwargs or {}))

    @torch.inference_mode()
    def again(self) -> None:
        for func, args, kwargs in self.calls:
            func(*args, **kwargs)


class Parcels:
    """Random parcels, and the ways to work on them; every way takes a number of parcels."""

    def __init__(self, count: int):
        torch.manual_seed(0)
        self.network = CropTransformer(SIZE).eval().requires_grad_(False)
        self.x, self.day = torch.randn(count, DATES, SIZE.bands), torch.linspace(0, 360, DATES)
        self.full = torch.ones(count, DATES, dtype=torch.bool)
        self.gaps = torch.rand(count, DATES) > GAPS
        self.gaps[:, 0] = True

    def pieces(self, count: int) -> list[slice]:
        return [slice(start, min(start + CHUNK, count)) for start in range(0, count, CHUNK)]

    @torch.inference_mode()
    def infer(self, count: int, valid: Tensor) -> None:
        for rows in self.pieces(count):
            self.network(self.x[rows], valid[rows], self.day)

    def explain(self, way: Explain) -> Work:
        """Return the work to explain the predicted class at the level of dates, (parcel, date), from tokens."""

        def work(count: int, valid: Tensor) -> Tensor:
            parts = []
            for rows in self.pieces(count):
                with torch.no_grad():
                    tokens = self.network.tokens(self.x[rows], self.day)
                parts.append(way(tokens, valid[rows], torch.full((len(tokens),), -1)))
            return torch.cat(parts)

        return work

    def by_hand(self, rule: str, dtype: torch.dtype) -> Work:
        """Return what `explain` does, in the way of :class:`cropxai.explain.LRP`."""
        run = FusedPass(self.network, dtype)

        def work(count: int, valid: Tensor) -> Tensor:
            parts, position = [], self.network.date(self.day).detach()
            for rows in self.pieces(count):
                tokens = run.features(self.x[rows]) + position
                passed = run(tokens, valid[rows], torch.full((len(tokens),), -1), rule, "logit")
                parts.append((tokens * passed.gradient).sum(dim=2))
            return torch.cat(parts)

        return work

    def by_autograd(self, rule: str) -> Explain:
        def way(tokens: Tensor, valid: Tensor, number: Tensor) -> Tensor:
            return (tokens * token_pass(self.network, tokens, valid, number, rule, "logit").gradient).sum(dim=2)

        return way

    def of_the_predicted(self, way: Explain) -> Explain:
        """Give a peer the class to explain, as a user would who has run the network before; not timed apart."""

        def explain(tokens: Tensor, valid: Tensor, number: Tensor) -> Tensor:
            with torch.inference_mode():
                number = self.network.head(tokens, valid).argmax(dim=1)
            return way(tokens, valid, number.clone())

        return explain

    def products(self, dtype: torch.dtype) -> Recorder:
        """Record the products of AttnLRP on one piece."""
        run, recorder = FusedPass(self.network, dtype), Recorder()
        tokens = self.network.tokens(self.x[:CHUNK], self.day)
        with recorder:
            run(tokens, self.full[:CHUNK], torch.full((CHUNK,), -1), "attnlrp", "logit")
        return recorder


def deviations(found: Tensor, expected: Tensor) -> tuple[float, float]:
    """Return the least cosine, and the median relative L2 distance, over the parcels."""
    found = found.double()
    cosine = torch.nn.functional.cosine_similarity(found, expected, dim=1)
    return float(cosine.min()), float(((found - expected).norm(dim=1) / expected.norm(dim=1)).median())


def measured(ways: dict[str, tuple[Callable[[int], object], int]], rounds: int) -> dict[str, list[float]]:
    """Return CPU seconds a parcel, by way and round; a way is a function of a number of parcels, and that number."""
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(rounds + 1):
        for name, (work, count) in ways.items():
            count = count if turn else min(count, 8)  # the first turn only warms up
            start = time.process_time()
            work(count)
            if turn:
                seconds[name].append((time.process_time() - start) / count)
    return seconds


def ratio(seconds: dict[str, list[float]], way: str, other: str) -> float | None:
    """Return how many times as long a way takes as another, or None where one is missing."""
    if way not in seconds or other not in seconds:
        return None
    return round(statistics.median(a / b for a, b in zip(seconds[way], seconds[other], strict=True)), 3)


def clock(work: Callable[[], object], rounds: int) -> float:
    """Return the least seconds by the clock."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return min(times)


def memory(count: int) -> float:
    """Return the peak memory, in MiB, of a process that explains some parcels."""
    run = [sys.executable, __file__, "--memory", str(count)]
    return float(subprocess.run(run, check=True, capture_output=True, text=True).stdout)


def explained_in_pieces(count: int) -> None:
    """Explain parcels that come and go, and print the peak memory of this process in MiB."""
    parcels = Parcels(CHUNK)
    way = parcels.by_hand("attnlrp", torch.float32)
    for _ in range(0, count, CHUNK):
        way(CHUNK, parcels.gaps)
    print(peak_memory())


def peak_memory() -> float:
    """Return the peak of this program in MiB; getrusage also counts what the process was before."""
    if (about := Path("/proc/self/status")).exists():
        return next(int(line.split()[1]) for line in about.read_text().splitlines() if "VmHWM" in line) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def machine() -> str:
    """Name the processor and what of its kind matters here."""
    about = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    name = next((line.split(":")[1].strip() for line in about.splitlines() if line.startswith("model name")), "")
    kinds = [kind for kind in ("avx512f", "avx512_bf16", "amx_bf16") if f" {kind}" in about]
    return ", ".join([name or platform.machine(), f"{os.cpu_count()} cores", *kinds, f"torch {torch.__version__}"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--memory", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    if options.memory:
        explained_in_pieces(options.memory)
        return
    rounds, count = (4, 64) if options.quick else (15, 512)
    parcels = Parcels(count)
    full, gaps = parcels.full, parcels.gaps
    found, missing = peers(parcels.network)
    single, half = torch.float32, torch.bfloat16
    explain: dict[str, tuple[Work, str]] = {}
    for rule in SHARES:
        explain[rule] = parcels.by_hand(rule, single), rule
        explain[f"{rule} bfloat16"] = parcels.by_hand(rule, half), rule
        explain[f"{rule} autograd"] = parcels.explain(parcels.by_autograd(rule)), rule
    rules = {"lxt": "attnlrp", "zennit": "cp-lrp", "ig50": "attnlrp"}
    explain |= {name: (parcels.explain(parcels.of_the_predicted(way)), rules[name]) for name, way in found.items()}

    few = {"ig50": 1 if options.quick else 8, "zennit": min(count, 128), "lxt": min(count, 128)}
    ways: dict[str, tuple[Callable[[int], object], int]] = {
        "inference": (lambda n: parcels.infer(n, full), count),
        **{name: (lambda n, way=way: way(n, full), few.get(name, count)) for name, (way, _) in explain.items()},
        "inference gaps": (lambda n: parcels.infer(n, gaps), count),
        **{
            f"{name} gaps": (lambda n, way=explain[name][0]: way(n, gaps), few.get(name, count))
            for name in (*SHARES, "lxt", "zennit")
            if name in explain
        },
    }
    for name, dtype in (("products", single), ("products bfloat16", half)):
        recorder = parcels.products(dtype)
        ways[name] = (lambda n, recorder=recorder: [recorder.again() for _ in range(max(1, n // CHUNK))], count)
    seconds = measured(ways, rounds)

    load = round(os.getloadavg()[0], 1)

    exact = copy.deepcopy(parcels.network).double()
    tokens = exact.tokens(parcels.x[:CHUNK].double(), parcels.day.double())
    agreement: dict[str, tuple[float, float]] = {}
    truth: dict[str, Tensor] = {}
    for rule in SHARES:
        passed = token_pass(exact, tokens, full[:CHUNK], torch.full((CHUNK,), -1), rule, "logit")
        truth[rule] = (tokens * passed.gradient).sum(dim=2)
    for name, (way, rule) in explain.items():
        some = 4 if name == "ig50" else CHUNK
        agreement[name] = deviations(way(some, full), truth[rule][:some])

    print(f"{machine()}; processes waiting for a core, mean of a minute: {load:.1f}")
    print(f"\n{'way':22s} {'parcels/CPU s':>14s} {'x inference':>12s} {'least cosine':>13s} {'rel. L2':>9s}")
    for name, spent in seconds.items():
        close = "{:13.6f} {:9.1e}".format(*agreement[name]) if name in agreement else ""
        print(f"{name:22s} {1 / statistics.median(spent):14.0f} {ratio(seconds, name, 'inference'):12.2f} {close}")
    for name, reason in missing.items():
        print(f"{name}: does not run here ({reason})")

    torch.set_num_threads(2)
    wall = {name: clock(lambda name=name: ways[name][0](count), 3) for name in ("inference", "cp-lrp", "attnlrp")}
    torch.set_num_threads(1)
    peak = {amount: memory(amount) for amount in (FEW, MANY)}
    print("two threads, parcels/s: " + ", ".join(f"{name} {count / spent:.0f}" for name, spent in wall.items()))
    print("peak memory, MiB: " + ", ".join(f"{amount} parcels {size:.0f}" for amount, size in peak.items()))
    figures = {
        "attnlrp_cost": ratio(seconds, "attnlrp", "inference"),
        "cplrp_cost": ratio(seconds, "cp-lrp", "inference"),
        "attnlrp_cost_bfloat16": ratio(seconds, "attnlrp bfloat16", "inference"),
        "cplrp_cost_bfloat16": ratio(seconds, "cp-lrp bfloat16", "inference"),
        "attnlrp_cost_gaps": ratio(seconds, "attnlrp gaps", "inference gaps"),
        "cplrp_cost_gaps": ratio(seconds, "cp-lrp gaps", "inference gaps"),
        "vs_autograd": ratio(seconds, "attnlrp autograd", "attnlrp"),
        "vs_lxt": ratio(seconds, "lxt", "attnlrp"),
        "vs_zennit": ratio(seconds, "zennit", "cp-lrp"),
        f"vs_ig{IG_STEPS}": ratio(seconds, "ig50", "attnlrp"),
        "vs_lxt_gaps": ratio(seconds, "lxt gaps", "attnlrp gaps"),
        "vs_zennit_gaps": ratio(seconds, "zennit gaps", "cp-lrp gaps"),
        "limit_share": ratio(seconds, "products", "attnlrp"),
        "limit_share_bfloat16": ratio(seconds, "products bfloat16", "attnlrp bfloat16"),
        "attnlrp_parcels_per_cpu_second": round(1 / statistics.median(seconds["attnlrp"])),
        "inference_parcels_per_cpu_second": round(1 / statistics.median(seconds["inference"])),
        "attnlrp_cost_two_threads_wall": round(wall["attnlrp"] / wall["inference"], 3),
        "memory_ratio": round(peak[MANY] / peak[FEW], 3),
        "cosine": {name: round(values[0], 6) for name, values in agreement.items()},
        "relative_l2": {name: float(f"{values[1]:.2g}") for name, values in agreement.items()},
        "missing": missing,
        "machine": machine(),
        "load": load,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
