"""The classifier beside others on labelled real sets: same parcels, same splits, same part for early stopping.

``python benchmarks/model.py [--quick]`` prints tables and, last, one line of JSON. Arkansas 2021 (10 000 points): one
random split of five parts, and from zone 0 to zone 1. Bavaria 2018 (237 parcels of 9 classes): five random folds.
Accuracies are over the test parcels, with intervals of 95 % from 1 000 bootstrap draws of them.

- Full year, and data up to 1 August: there the others are trained for it; cropxai and the LSTM are one network.
- Windows: one any-season network of cropxai against networks of cropxai that are trained for one window each (3 000
  steps, never cut), from mid-May on, every dekad (or ``--ends``), over the test parcels of all folds (``--rounds``).
- Calibration: by month, the expected calibration error of the any-season network, and the coverage of its sets of crops
  at 90 %, over the test parcels of all folds (``--rounds``), each answered by the network that did not see it.
- Speed: parcels per second of CPU time on one thread, the scores as ``cropxai classify`` works them out against the
  network run by PyTorch, 512 parcels at once, float32; training against a loop of nothing but PyTorch's calls on
  batches made beforehand.

Trained is as by ``cropxai train --preset any-day`` (``--preset``, ``--settings``), the published network and those for
one window (``--alone``) without cutting. ``--keep FOLDER`` keeps every answer, so that a stopped run goes on;
``--parts`` chooses parts. The sets are not part of the project (``benchmarks/real_series.py``).
"""

import argparse
import hashlib
import json
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from model_peers import PEERS, STEPS, Answers, forest, trained
from model_speed import inference, training
from real_series import arkansas, bavaria
from relevance import machine
from uncertainty import COVERAGE, joined

from cropxai.model import Settings, load_model
from cropxai.model.breakdown import answers_by_end, end_row, season_dates
from cropxai.model.checkpoint import Model
from cropxai.model.engine import scorer
from cropxai.model.inputs import Inputs
from cropxai.model.settings import PRESETS
from cropxai.model.splits import folds, hold_back
from cropxai.model.train import labelled, train_on
from cropxai.series import CropSeries

PARTS = ("random", "zone", "bavaria", "windows", "calibration", "speed", "training")
#: Days of the season (days since 1 January 2021): 1 August, and mid-May.
AUGUST, MID_MAY = 212, 134
DRAWS = 1000
#: Of which the first and the last are always there; "paper" is the published network, ``--architecture paper``.
WAYS = ("forest", *PEERS, "paper", "cropxai")
#: Of a quick run: little is learnt, which the figures show.
QUICK, QUICK_PARTS = {"steps": 500, "batch_size": 64}, ("random", "zone", "calibration", "speed", "training")
#: A network for one window is never cut; its other choices are those made for the any-season network.
ALONE = Settings(any_season=0.0, date_dropout=0.2, average=0.99, steps=STEPS, split="random")
#: The published network sees whole windows, and takes the learning rate and decay of the other peers.
PAPER = Settings(
    architecture="paper", any_season=0.0, date_dropout=0.0, learning_rate=1e-3, weight_decay=1e-6, label_smoothing=0.0,
    steps=2000, split="random",
)  # fmt: skip


@dataclass(frozen=True)
class Case:
    """A set with a split: parcels to learn from, to stop early by, and to test on."""

    name: str
    series: CropSeries
    names: tuple[str, ...]
    target: Answers
    learn: Answers
    stop: Answers
    test: Answers

    @property
    def inputs(self) -> Inputs:
        return Inputs.of(self.series, self.series.bands)

    def until(self, day: float) -> "Case":
        """Cut the series off behind a day."""
        year = np.datetime64(f"{self.series.season_year}-01-01")
        return replace(self, series=self.series.between(end=year + int(day)))

    def parts(self) -> tuple[tuple[Inputs, Answers], tuple[Inputs, Answers], Inputs]:
        """Return what is learnt from and what is stopped by, with classes, and what is tested on."""
        learn, stop = ((self.inputs.take(index), self.target[index]) for index in (self.learn, self.stop))
        return learn, stop, self.inputs.take(self.test)


def cases(series: CropSeries, name: str, split: str, rounds: int, quick: bool, parts: int = 5) -> list[Case]:
    """Divide a set into parts; that for early stopping is a random fifth of what is not tested on."""
    if quick and len(series) > 2000:
        series = series.select(np.random.default_rng(0).choice(len(series), 2000, replace=False))
    series, names, target = labelled(series, 10)
    found = []
    for number, (seen, test) in enumerate(list(folds(series, target, parts, split, 0))[:rounds]):
        if split == "zone":  # leave one group out tests on zone 0 first
            seen, test = test, seen
        learn, stop = hold_back(series.select(seen), target[seen], 0.2, "random", number)
        found.append(Case(f"{name} {number}", series, names, target, seen[learn], seen[stop], test))
    return found


class Bench:
    """Answers of all ways, kept in a folder by what they depend on; ``alone``: of networks for one window."""

    def __init__(self, folder: Path, settings: Settings, ways: tuple[str, ...] = WAYS, alone: Settings = ALONE):
        self.folder, self.settings, self.ways, self.alone = folder, settings, ways, alone

    def kept(self, case: Case, way: str, choice: object, make: Callable[[], Answers]) -> Answers:
        """Return answers (test,) kept earlier, or make them."""
        key = hashlib.sha256(repr((case.name, len(case.test), way, choice)).encode()).hexdigest()[:16]
        file = self.folder / f"{case.name}_{way}_{key}.npy".replace(" ", "-")
        if not file.exists():
            start = time.process_time()
            found = make()
            np.save(file, found)
            print(f"  {case.name}, {way}, {choice}: {time.process_time() - start:.0f} s", flush=True)
        return np.load(file)

    def peer(self, case: Case, way: str, day: float = np.inf) -> Answers:
        """Train a peer on the series up to a day, and answer."""
        steps = min(STEPS, self.settings.steps)

        def make() -> Answers:
            cut = case if day == np.inf else case.until(day)
            learn, stop, test = cut.parts()
            fitted = forest(learn) if way == "forest" else trained(PEERS[way], learn, stop, len(case.names), steps)
            return fitted(test)

        return self.kept(case, way, (day, steps), make)

    def lstm(self, case: Case, day: float) -> Answers:
        """Answer by the one LSTM on the series up to a day."""
        learn, stop, test = case.parts()
        days = [float(d) for d in case.inputs.day]
        steps = min(STEPS, self.settings.steps)

        def make() -> Answers:
            fitted = trained(PEERS["LSTM"], learn, stop, len(case.names), steps)
            return np.stack([fitted(test.at(slice(0, number + 1))) for number in range(len(days))])

        every = self.kept(case, "LSTM", steps, make)
        return every[max(number for number, each in enumerate(days) if each <= day)]

    def ours(self, case: Case, settings: Settings) -> Model:
        """Train cropxai; the model is kept."""
        key = hashlib.sha256(repr((case.name, len(case.learn), case.series.dates[-1], settings)).encode()).hexdigest()
        folder = self.folder / f"model_{key[:16]}"
        if not folder.exists():
            start = time.process_time()
            train_on(case.series, case.names, case.target, case.learn, case.stop, settings).save(folder)
            end = case.series.dates[-1]
            print(f"  {case.name}, cropxai until {end}: {time.process_time() - start:.0f} s", flush=True)
        return load_model(folder)

    def answers(self, case: Case, day: float = np.inf) -> Answers:
        """Answer by the any-season network on the series up to a day."""
        model = self.ours(case, self.settings)
        return said(model, case.inputs.take(case.test).within(last_day=day))

    def retrained(self, case: Case, day: float) -> Answers:
        """Answer by a network that was trained for the window up to a day."""
        cut = case.until(day)
        alone = replace(self.alone, steps=min(self.alone.steps, self.settings.steps))
        return said(self.ours(cut, alone), cut.inputs.take(case.test))

    def paper(self, case: Case, day: float = np.inf) -> Answers:
        """Answer by the published network, trained for the window up to a day."""
        cut = case if day == np.inf else case.until(day)
        settings = replace(PAPER, steps=min(PAPER.steps, self.settings.steps))
        return said(self.ours(cut, settings), cut.inputs.take(case.test))


def said(model: Model, inputs: Inputs) -> Answers:
    return scorer(model.network)(inputs).argmax(axis=1)


def interval(right: np.ndarray) -> tuple[float, float, float]:
    """Return the mean of (parcel,) in per cent, and its bootstrap interval of 95 %."""
    rng = np.random.default_rng(0)
    means = [right[rng.integers(len(right), size=len(right))].mean() for _ in range(DRAWS)]
    low, high = np.percentile(means, [2.5, 97.5])
    return 100 * float(right.mean()), 100 * float(low), 100 * float(high)


def told(right: np.ndarray) -> str:
    mean, low, high = interval(right)
    return f"{mean:6.2f} ({low:.1f}…{high:.1f})"


def right_of(answers: list[tuple[Case, Answers]]) -> np.ndarray:
    """Return whether each test parcel of some cases was answered rightly, (parcel,) float."""
    return np.concatenate([case.target[case.test] == answer for case, answer in answers]).astype(float)


def table(bench: Bench, rounds: list[Case], windows: dict[str, float]) -> dict[str, float]:
    """Print the accuracy of all ways on some folds, full year and up to some days; return them in per cent."""
    found: dict[str, float] = {}
    ways: dict[str, Callable[[Case, float], Answers]] = {
        "forest": lambda case, day: bench.peer(case, "forest", day),
        "TempCNN": lambda case, day: bench.peer(case, "TempCNN", day),
        "L-TAE": lambda case, day: bench.peer(case, "L-TAE", day),
        "LSTM": bench.lstm,
        "paper": bench.paper,
        "cropxai": bench.answers,
    }
    ways = {name: ask for name, ask in ways.items() if name in bench.ways}
    tested = sum(len(case.test) for case in rounds)
    print(f"\n{rounds[0].name.rpartition(' ')[0]}: {tested} test parcels, {len(rounds)} rounds")
    print(f"{'accuracy %':10s}" + "".join(f"{name:>22s}" for name in windows))
    rows = {
        way: {name: right_of([(case, ask(case, day)) for case in rounds]) for name, day in windows.items()}
        for way, ask in ways.items()
    }
    for way, right in rows.items():
        print(f"{way:10s}" + "".join(f"{told(each):>22s}" for each in right.values()), flush=True)
        found |= {f"{way} {name}": 100 * float(each.mean()) for name, each in right.items()}
    for name in windows:
        print(f"cropxai minus forest, {name}: {told(rows['cropxai'][name] - rows['forest'][name])}")
    return found


def one_for_all(bench: Bench, rounds: list[Case], ends: str | None) -> dict[str, float]:
    """Compare the any-season network with one trained for each window; return the loss by window, in points."""
    case = rounds[0]
    new_year = np.datetime64(f"{case.series.season_year}-01-01")
    days = [float(day) for day in case.inputs.day if day >= MID_MAY]
    if ends is not None:
        days = [float((np.datetime64(end) - new_year).astype(int)) for end in ends.split(",")]
    ways: dict[str, Callable[[Case, float], Answers]] = {"retrained": bench.retrained, "one network": bench.answers}
    if "LSTM" in bench.ways:
        ways["LSTM"] = bench.lstm
    place = case.name.rpartition(" ")[0]
    print(f"\n{place}, {len(rounds)} rounds: one network against networks trained for one window each, accuracy %")
    print(f"{'data until':12s}" + "".join(f"{way:>22s}" for way in (*ways, "one minus retrained")))
    gains = {}
    for day in days:
        date = new_year + int(day)
        right = {way: right_of([(case, ask(case, day)) for case in rounds]) for way, ask in ways.items()}
        gains[str(date)] = right["one network"] - right["retrained"]
        shown = [*right.values(), gains[str(date)]]
        print(f"{date!s:12s}" + "".join(f"{told(each):>22s}" for each in shown), flush=True)
    print(f"mean of one minus retrained over the windows: {told(np.mean(list(gains.values()), axis=0))}")
    return {date: -100 * float(gain.mean()) for date, gain in gains.items()}


def calibration(bench: Bench, rounds: list[Case]) -> dict[str, float]:
    """Print calibration error and coverage of the any-season networks at the end of each month, the folds together.

    Returns the greatest error and the greatest distance of the coverage from its promise, in per cent.
    """
    series, target = rounds[0].series, rounds[0].target
    ends = season_dates(series.dates)
    asked = []
    for case in rounds:
        model = bench.ours(case, bench.settings)
        found = answers_by_end(model, series.select(case.test), target[case.test], ends, COVERAGE)
        asked.append([replace(answers, parcel=case.test[answers.parcel]) for answers in found])
    print(f"\n{rounds[0].name.rpartition(' ')[0]}, {len(rounds)} rounds: %, error in brackets by chance alone")
    print(f"{'data until':12s}{'parcels':>8s}{'accuracy':>10s}{'calibration error':>20s}{'coverage':>16s}{'crops':>7s}")
    rows = []
    for one_end in zip(*asked, strict=True):
        row, _ = end_row(joined(one_end), target)
        rows.append({name: value for name, value in row.items() if isinstance(value, float)})
        now = rows[-1]
        error = f"{100 * now['calibration_error']:.2f} ({100 * now['by_chance']:.2f})"
        covered = f"{100 * now['coverage']:.1f} ± {100 * now['coverage_error']:.1f}"
        print(
            f"{row['date']!s:12s}{row['parcels']:>8}{100 * now['accuracy']:10.2f}{error:>20s}{covered:>16s}"
            f"{now['set_size']:7.2f}", flush=True,
        )  # fmt: skip
    return {
        "calibration_error": 100 * max(row["calibration_error"] for row in rows),
        "calibration_by_chance": 100 * max(row["by_chance"] for row in rows),
        "coverage_off": 100 * max(abs(row["coverage"] - COVERAGE) for row in rows),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less than a minute: few parcels, steps and rivals")
    parser.add_argument(
        "--parts", help=f"of: {', '.join(PARTS)}; all by default, in a quick run {', '.join(QUICK_PARTS)}"
    )
    parser.add_argument("--ends", metavar="DATE,...", help="of windows, in place of every dekad from mid-May on")
    parser.add_argument("--rounds", type=int, default=1, help="parts of Arkansas at random that are tested on")
    parser.add_argument("--divide", type=int, default=5, help="parts of Arkansas at random")
    parser.add_argument(
        "--preset", default="any-day", choices=["none", *PRESETS], help="of training; none: the defaults"
    )
    parser.add_argument(
        "--settings", type=json.loads, default={}, help="of training, as JSON, in place of those of the preset"
    )
    parser.add_argument("--alone", type=json.loads, default={}, help="the same, of networks for one window")
    parser.add_argument(
        "--ways", help="of: " + ", ".join(WAYS) + "; all by default, in a quick run the forest and cropxai"
    )
    parser.add_argument("--keep", type=Path, help="folder that keeps answers and models")
    options = parser.parse_args()
    torch.set_num_threads(1)
    quick = options.quick
    parts = options.parts.split(",") if options.parts else list(QUICK_PARTS if quick else PARTS)
    preset = PRESETS.get(options.preset, {}) | (QUICK if quick else {})
    ways = options.ways.split(",") if options.ways else [] if quick else WAYS
    settings = Settings(split="random", **preset | options.settings)
    with tempfile.TemporaryDirectory() as scratch:
        folder = options.keep or Path(scratch)
        folder.mkdir(parents=True, exist_ok=True)
        bench = Bench(folder, settings, ("forest", *ways, "cropxai"), replace(ALONE, **options.alone))
        run(bench, parts, options)


def run(bench: Bench, parts: list[str], options: argparse.Namespace) -> None:
    quick = options.quick
    figures: dict[str, Any] = {"settings": asdict(bench.settings), "machine": machine()}
    random = cases(arkansas(), "Arkansas at random", "random", options.rounds, quick, options.divide)
    until = {"full year": np.inf, "by 1 August": float(AUGUST)}
    if "random" in parts:
        found = table(bench, random, until)
        figures |= {"accuracy_full": found["cropxai full year"], "accuracy_aug1": found["cropxai by 1 August"]}
        figures |= {"forest_full": found["forest full year"], "forest_aug1": found["forest by 1 August"]}
    if "zone" in parts:
        found = table(bench, cases(arkansas(), "Arkansas zone to zone", "zone", 1, quick), {"full year": np.inf})
        figures |= {"accuracy_zone": found["cropxai full year"], "forest_zone": found["forest full year"]}
    if "bavaria" in parts:
        found = table(bench, cases(bavaria(), "Bavaria", "random", 1 if quick else 5, quick), {"full year": np.inf})
        figures |= {"accuracy_bavaria": found["cropxai full year"], "forest_bavaria": found["forest full year"]}
    if "windows" in parts:
        figures["lost_by_window"] = one_for_all(bench, random, "2021-06-21" if quick else options.ends)
    if "calibration" in parts:
        figures |= calibration(bench, random)
    if "speed" in parts:
        figures["inference_speedup"] = inference(256 if quick else 2048, 2 if quick else 7)
    if "training" in parts:
        figures["training_throughput"] = training(2 if quick else 7)
    print(json.dumps({k: round(v, 4) if isinstance(v, float) else v for k, v in figures.items()}))


if __name__ == "__main__":
    main()
