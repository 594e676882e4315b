"""How sure, and rightly so: calibration, sets and novelty on parcels that the training did not see.

``python benchmarks/uncertainty.py [--quick] [--sets arkansas-zone,...] [--keep FOLDER]`` prints tables and, last, one
line of JSON. For each set networks are trained on folds (early stopping and calibration on parcels held back within)
and asked about the test parcels on the season up to each month's end:

- calibration error in 15 bins of equal numbers, beside what exact confidence would have by chance and what one
  temperature for all season ends gives;
- coverage of the sets at 0.9, in all, as mean over the classes, and the size of the sets;
- novelty: share beyond the limit of test parcels as they are and made strange, beside three rivals from the network:
  largest probability, energy, and Mahalanobis distance of the pooled features. The limits of these, 99 % likewise, come
  from other test parcels on the very same season end, which gives them more than our novelty has;
- the same of the parcels of each crop, where the courses know all crops but this one.

Sets: ``arkansas-zone``, ``arkansas-random`` (real, not part of the project: ``CROPXAI_REAL_DATA``), ``simulated``.
``--keep`` keeps the trained networks and takes them up again.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from real_series import arkansas

from cropxai.bands import COMMON_BANDS
from cropxai.model import Model, Settings, load_model
from cropxai.model.breakdown import EndAnswers, answers_by_end, end_row, season_dates
from cropxai.model.evaluate import train_within
from cropxai.model.inputs import Inputs
from cropxai.model.novelty import fit_courses
from cropxai.model.reliability import reliability
from cropxai.model.splits import folds
from cropxai.model.train import labelled
from cropxai.model.transformer import Operations
from cropxai.series import CropSeries
from cropxai.simulate import simulate_series

#: Set, split, folds of five (of a column: of its values) that are trained.
CASES = {
    "arkansas-zone": ("arkansas", "zone", 2),
    "arkansas-random": ("arkansas", "random", 2),
    "simulated": ("simulated", "random", 1),
}
COVERAGE = 0.9
#: Round numbers of the kind that spectral libraries show, in the ten common bands.
WATER = (0.035, 0.04, 0.03, 0.025, 0.015, 0.015, 0.012, 0.01, 0.005, 0.004)
CONIFERS = (0.02, 0.03, 0.02, 0.05, 0.14, 0.17, 0.18, 0.19, 0.10, 0.05)
ROOFS = (0.10, 0.12, 0.14, 0.15, 0.17, 0.18, 0.19, 0.20, 0.23, 0.21)
#: Last days of the season on which novelty is asked, days since 1 January.
NOVELTY_DAYS = (110, 171, 232, 366)


def series_of(name: str, quick: bool, keep: Path | None) -> CropSeries:
    """Return a set, in a quick run a part of it."""
    if name == "simulated":
        kept = None if keep is None else keep / "simulated.zarr"
        if kept is not None and kept.exists():
            return CropSeries.open(kept)
        made = simulate_series(1500 if quick else 10_000, orbits=1, seed=5, bands=COMMON_BANDS, hardness=1.0)
        return made if kept is None else CropSeries.open(made.save(kept))
    series = arkansas()
    chosen = np.random.default_rng(0).choice(len(series), 1500, replace=False) if quick else np.arange(len(series))
    return series.select(chosen)


def measure(case: str, steps: int, quick: bool, keep: Path | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Train on folds, and return the tables of season ends and of novelty."""
    name, split, rounds = CASES[case]
    series, names, target = labelled(series_of(name, quick, keep), 10)
    settings = Settings(split=split, steps=steps)
    ends = season_dates(series.dates)
    asked: list[list[EndAnswers]] = []
    single: list[list[EndAnswers]] = []
    strange = []
    chosen = list(enumerate(folds(series, target, 5, split, settings.seed)))[: 1 if quick else rounds]
    for number, (seen, test) in chosen:
        kept = None if keep is None else keep / f"{case}-{number}"
        if kept is not None and kept.exists():
            model = load_model(kept)
        else:
            model = train_within(series, names, target, seen, replace(settings, seed=number))
            if kept is not None:
                model.save(kept)
        tested = series.select(test)
        one = replace(model, card=replace(model.card, uncertainty=None))
        for by, of in ((asked, model), (single, one)):
            found = answers_by_end(of, tested, target[test], ends, COVERAGE)
            by.append([replace(answers, parcel=test[answers.parcel]) for answers in found])
        strange.append(novelty_table(model, series.select(seen), target[seen], tested))
    rows = []
    for fold_answers, fold_single in zip(zip(*asked, strict=True), zip(*single, strict=True), strict=True):
        both = joined(fold_answers)
        row, _ = end_row(both, target)
        before = joined(fold_single)
        row["one_temperature"] = reliability(before.probabilities, target[before.parcel]).error
        rows.append({"set": case} | row)
    return pd.DataFrame(rows), pd.concat(strange).groupby(["set", "until", "what"], sort=False).mean().reset_index()


def joined(found: tuple[EndAnswers, ...]) -> EndAnswers:
    """Put the answers of several folds on the same season end together."""
    covered = [f.covered for f in found if f.covered is not None]
    sizes = [f.size for f in found if f.size is not None]
    return replace(
        found[0],
        parcel=np.concatenate([f.parcel for f in found]),
        probabilities=np.concatenate([f.probabilities for f in found]),
        covered=np.concatenate(covered) if covered else None,
        size=np.concatenate(sizes) if sizes else None,
    )


# --- novelty -----------------------------------------------------------------------------------------------------


def land(spectrum: tuple[float, ...]) -> Callable[[Inputs, np.random.Generator], Inputs]:
    """Return what puts land of a spectrum in place of the parcels, brighter or darker by parcel and by date."""

    def put(inputs: Inputs, rng: np.random.Generator) -> Inputs:
        by_parcel = np.exp(rng.normal(0, 0.25, (len(inputs), 1, 1)))
        by_date = np.exp(rng.normal(0, 0.1, inputs.reflectance.shape))
        return of_values(inputs, np.array(spectrum) * by_parcel * by_date)

    return put


def of_values(inputs: Inputs, values: np.ndarray) -> Inputs:
    return replace(inputs, reflectance=np.where(inputs.valid[..., None], values, 0).astype(np.float32))


def swapped(inputs: Inputs, rng: np.random.Generator) -> Inputs:
    order = [0, 1, 2, 3, 4, 5, 8, 7, 6, 9]  # B08 and B11
    return of_values(inputs, inputs.reflectance[..., order])


def shuffled(inputs: Inputs, rng: np.random.Generator) -> Inputs:
    values = inputs.reflectance.copy()
    for parcel, valid in enumerate(inputs.valid):
        values[parcel, valid] = values[parcel, rng.permutation(np.flatnonzero(valid))]
    return replace(inputs, reflectance=values)


STRANGE: dict[str, Callable[[Inputs, np.random.Generator], Inputs]] = {
    "as they are": lambda inputs, rng: inputs,
    "water": land(WATER),
    "conifers": land(CONIFERS),
    "roofs": land(ROOFS),
    "bands reversed": lambda inputs, rng: of_values(inputs, inputs.reflectance[..., ::-1]),
    "B08 and B11 swapped": swapped,
    "offset of 0.1 left in": lambda inputs, rng: of_values(inputs, inputs.reflectance + 0.1),
    "not divided by 10 000": lambda inputs, rng: of_values(inputs, inputs.reflectance * 1e4),
    "dates shuffled": shuffled,
    "half a year apart": lambda inputs, rng: replace(inputs, day=((inputs.day + 182) % 365).astype(np.float32)),
}


class Recorder(Operations):
    """Plain operations that keep the pooled features."""

    def __init__(self, network: torch.nn.Module):
        self.decode = network.decode

    def linear(self, x: torch.Tensor, layer: torch.nn.Linear) -> torch.Tensor:
        if layer is self.decode:
            self.pooled = x
        return layer(x)


def asked_of(model: Model, inputs: Inputs) -> tuple[np.ndarray, np.ndarray]:
    """Return pooled features and logits."""
    features, scores = [], []
    for start in range(0, len(inputs), 512):
        recorder = Recorder(model.network)
        with torch.inference_mode():
            scores.append(
                model.network(*inputs.take(np.arange(start, min(start + 512, len(inputs)))).tensors(), recorder)
            )
        features.append(recorder.pooled)
    return torch.cat(features).numpy(), torch.cat(scores).numpy()


def novelty_table(model: Model, learnt: CropSeries, target: np.ndarray, tested: CropSeries) -> pd.DataFrame:
    """Return the share of strange parcels beyond the limit, for our novelty and the rivals."""
    rng = np.random.default_rng(0)
    some = rng.permutation(len(tested))
    half = len(some) // 2
    inputs = model.inputs(tested.select(np.sort(some[: min(half, 1000)])))
    limits_of = model.inputs(tested.select(np.sort(some[half : half + 2000])))
    training = model.inputs(learnt.select(np.arange(min(3000, len(learnt)))))
    rows = []
    for day in NOVELTY_DAYS:
        features, _ = asked_of(model, training.within(last_day=day))
        of_class = target[:3000]
        centres = np.stack([features[of_class == k].mean(axis=0) for k in np.unique(of_class)])
        apart = features - centres[np.searchsorted(np.unique(of_class), of_class)]
        spread = np.cov(apart.T)
        root = np.linalg.cholesky(spread + 1e-3 * np.trace(spread) / len(spread) * np.eye(len(spread)))

        def rivals(given: Inputs, centres=centres, root=root) -> dict[str, np.ndarray]:
            features, scores = asked_of(model, given)
            score = torch.from_numpy(scores)
            far = np.stack([np.square(np.linalg.solve(root, (features - c).T)).sum(axis=0) for c in centres]).min(
                axis=0
            )
            return {
                "largest probability": -score.softmax(1).max(1).values.numpy(),
                "energy": -score.logsumexp(1).numpy(),
                "features": far,
            }

        usual = rivals(limits_of.within(last_day=day))
        for what, make in STRANGE.items():
            given = replace(make(inputs, rng), valid=inputs.within(last_day=day).valid)
            found = {"novelty": np.nanmean(model.card.uncertainty.courses.novelty(given) > 1)}
            for name, values in rivals(given).items():
                found[name] = (values > np.quantile(usual[name], 0.99)).mean()
            rows.append({"set": model.card.name, "until": day, "what": what} | found)
    return pd.DataFrame(rows)


def left_out(series: CropSeries, names: tuple[str, ...], target: np.ndarray) -> dict[str, float]:
    """Return the share of the parcels of each class beyond the limit of courses that know all others only."""
    inputs = Inputs.of(series, series.bands)
    part = np.random.default_rng(0).permutation(len(series)) % 4
    shares = {}
    for unknown, name in enumerate(names):
        known = target != unknown
        number = np.where(target > unknown, target - 1, target)
        learnt, held = known & (part < 3), known & (part == 3)
        courses = fit_courses(
            inputs.take(np.flatnonzero(learnt)), number[learnt], len(names) - 1, inputs.take(np.flatnonzero(held))
        )
        shares[name] = float(np.nanmean(courses.novelty(inputs.take(np.flatnonzero(~known))) > 1))
    return shares


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="simulated, 1500 parcels, 200 steps")
    parser.add_argument("--sets", default=None, help="names, separated by commas; all by default")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--keep", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    cases = options.sets.split(",") if options.sets else ["simulated"] if options.quick else list(CASES)
    figures: dict[str, float] = {}
    shown = ["date", "parcels", "accuracy", "calibration_error", "by_chance", "one_temperature", "classwise_error",
             "coverage", "coverage_error", "class_coverage", "least_class_coverage", "set_size"]  # fmt: skip
    for case in cases:
        ends, strange = measure(case, 200 if options.quick else options.steps, options.quick, options.keep)
        print(f"\n{case}\n{ends[shown].round(4).to_string(index=False)}")
        print(strange.drop(columns="set").round(3).to_string(index=False))
        series = series_of(CASES[case][0], options.quick, options.keep)
        unknown = left_out(*labelled(series, 10))
        print("unlike, where the crop is not learnt:", {name: round(share, 3) for name, share in unknown.items()})
        beyond = strange.set_index("what")["novelty"]
        figures |= {
            f"{case}_calibration_error": float(ends["calibration_error"].max()),
            f"{case}_by_chance": float(ends["by_chance"].max()),
            f"{case}_one_temperature": float(ends["one_temperature"].max()),
            f"{case}_coverage_off": float((ends["class_coverage"] - COVERAGE).abs().max()),
            f"{case}_false_alarms": float(beyond["as they are"].mean()),
            f"{case}_unknown_crops_seen": float(np.mean(list(unknown.values()))),
            f"{case}_water_seen": float(np.atleast_1d(beyond["water"])[-1]),
        }
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


if __name__ == "__main__":
    main()
