"""Ways to explain on planted twins, whose deciding dates are known, and on Arkansas 2021, by deletion of dates.

``python benchmarks/faithfulness.py [--quick] [--all] [--sets twins,arkansas] [--models FOLDER] [--twins SEED]
[--seeds N] [--parcels N] [--steps N] [--sample N]``

trains a network a seed (or takes it from FOLDER, where it also keeps it), explains parcels that it never saw, and
prints for every way the mean over the networks, in brackets the lowest and highest of them, and the 95 % interval over
the parcels of all networks; last, one line of JSON. Twins: the parcels explained are simulated with SEED + 0, 1, …;
choose on one SEED and report on another. Nothing is chosen here. ``CROPXAI_REAL_DATA`` names the folder of Arkansas.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from real_series import ROOT, arkansas

from cropxai.explain import LRP
from cropxai.explain.baselines import Question
from cropxai.explain.faithfulness import Sample, bootstrap, measured
from cropxai.explain.medians import reference_series
from cropxai.explain.methods import explainer
from cropxai.explain.yardsticks import YARDSTICKS, yardstick
from cropxai.model import Model, Settings, load_model, train
from cropxai.model.splits import hold_back
from cropxai.model.train import labelled, train_on
from cropxai.series import CropSeries
from cropxai.simulate import simulate_planted

SHOWN = ("area_mask", "date_auc", "magnitude_auc", "pointing", "decoy_auc")
GAPS = 8
DAY = " + day"  # the relevance of the encoding of the date is counted in


@dataclass(frozen=True)
class Size:
    """How much is done: seeds (networks), parcels to learn from, steps of training, parcels explained."""

    seeds: int
    parcels: int
    steps: int
    sample: int


FULL, QUICK = Size(3, 6000, 2000, 400), Size(1, 600, 100, 40)


def ways(model: Model, series: CropSeries, sample: Sample, every: bool) -> Iterator[tuple[str, np.ndarray]]:
    """Give each way to explain and the relevance of dates (parcel, time) that it finds."""
    inputs = sample.inputs
    arrays = (inputs.reflectance, inputs.valid, inputs.day, sample.number)
    references = ("rival", "counterpart", "date-median", "zero", *(("class-median", "typical") if every else ()))
    bases = {name: reference_series(series, model, name) for name in references}
    for method in ("cp-lrp", "attnlrp", *(("gradient-input",) if every else ())):
        for target in ("margin", "logit") if every else ("margin",):
            for level in ("band", "date"):
                for name, base in bases.items():
                    found = LRP(model, method, level, target, name)(*arrays, base)
                    bare = found.relevance.sum(axis=2) if level == "band" else found.relevance
                    yield f"{method} {target} {level} {name}", bare
                    yield f"{method} {target} {level} {name}{DAY}", bare + found.position
    yield f"cp-lrp margin date zero{DAY}, {GAPS} gaps", with_gaps(LRP(model, reference="zero"), arrays)
    yield "contrast", explainer(model, "contrast")(*arrays, bases["rival"]).date_relevance
    for name in ("date-median", "zero") if not every else ():
        found = LRP(model, "gradient-input", "band", "margin", name)(*arrays, bases[name])
        yield f"gradient-input margin band {name}", found.relevance.sum(axis=2)
    scaled = np.broadcast_to(model.network.mean.numpy(), bases["zero"].shape).copy()  # what z-scored inputs count from
    yield (
        "gradient-input margin band z-scored",
        LRP(model, "gradient-input", "band")(*arrays, scaled).relevance.sum(axis=2),
    )
    for name in ("rival", "counterpart", "date-median", "zero"):
        way = explainer(model, "integrated-gradients", reference=name)
        yield f"integrated-gradients margin band {name}", way(*arrays, bases[name]).date_relevance
    for method in ("occlusion", "rollout"):
        yield method, explainer(model, method, reference="zero")(*arrays).date_relevance
    if "twin" in series.dataset.coords:
        yield "the date of the twin in its place", in_place(model, series, sample)
    for name in YARDSTICKS:
        yield name, yardstick(name, inputs.valid, inputs.day)


def with_gaps(lrp: LRP, arrays: tuple[np.ndarray, ...]) -> np.ndarray:
    """Average the relevance of whole dates over passes in which a random share of the dates, up to 0.7, is left out."""
    x, valid, day, number = arrays
    rng = np.random.default_rng(0)
    total, times = np.zeros(valid.shape), np.zeros(valid.shape)
    for _ in range(GAPS):
        left = valid & (rng.random(valid.shape) < rng.uniform(0.3, 1, (len(valid), 1)))
        left |= valid & ~left.any(axis=1, keepdims=True)
        total += np.nan_to_num(lrp(x, left, day, number).date_relevance)
        times += left
    return total / np.maximum(times, 1)


def in_place(model: Model, series: CropSeries, sample: Sample) -> np.ndarray:
    """Return how the score falls if one date shows what the twin shows on it: no way to explain, it knows the truth."""
    place = {name: row for row, name in enumerate(series.parcel_id)}
    other = model.inputs(series.select([place[name] for name in series.group("twin")[sample.rows]]))
    x, valid, day = sample.inputs.tensors()
    twin = torch.from_numpy(np.where(other.valid[..., None], other.reflectance, np.float32(0)))
    asked = Question(x, valid, day, torch.from_numpy(sample.number), twin, "margin")
    falls = torch.zeros(valid.shape)
    with torch.inference_mode():
        whole = asked.score(model.network, x, valid)
        for time in range(valid.shape[1]):
            changed = x.clone()
            changed[:, time] = twin[:, time]
            falls[:, time] = whole - asked.score(model.network, changed, valid)
    return falls.numpy()


def kept(folder: Path | None, name: str, make: Callable[[], Model]) -> Model:
    """Take a model from the folder, or make it and keep it there."""
    if folder is None:
        return make()
    if not (folder / name).exists():
        make().save(folder / name)
    return load_model(folder / name)


def twins(size: Size, seed: int, test: int, folder: Path | None) -> tuple[Model, CropSeries]:
    """Train on planted twins; return the model and other twins."""
    settings = Settings(steps=size.steps, seed=seed, patience=1.0)
    model = kept(
        folder,
        f"twins_{size.parcels}_{size.steps}_{seed}",
        lambda: train(simulate_planted(size.parcels, seed=100 + seed), settings),
    )
    return model, simulate_planted(max(10, min(3000, size.parcels // 2)), seed=test + seed)


def points(size: Size, seed: int, test: int, folder: Path | None) -> tuple[Model, CropSeries]:
    """Train on Arkansas; return the model and the points held back."""
    series, names, target = labelled(arkansas(), 10)
    seen, held = hold_back(series, target, 0.2, "random", seed)
    seen = seen[: size.parcels]
    settings = Settings(steps=size.steps, seed=seed, patience=1.0)

    def make() -> Model:
        stop = len(seen) // 5
        return train_on(series, names, target, seen[stop:], seen[:stop], settings)

    return kept(folder, f"arkansas_{len(seen)}_{size.steps}_{seed}", make), series.select(held)


def score(
    name: str, load: Callable[..., tuple[Model, CropSeries]], size: Size, test: int, folder: Path | None, every: bool
) -> dict[str, dict[str, list[np.ndarray]]]:
    """Score all ways on all networks; return values by way and measure, one array a network."""
    values: dict[str, dict[str, list[np.ndarray]]] = {}
    for seed in range(size.seeds):
        model, series = load(size, seed, test, folder)
        sample = Sample.draw(series, model, size.sample, seed)
        told = 0 if sample.truth is None else int(sample.truth.told.sum())
        accuracy = model.card.metrics["validation_accuracy"]
        print(
            f"{name}, seed {seed}: validation accuracy {accuracy}, {len(sample.inputs)} parcels, truth told of {told}"
        )
        found, _ = measured(model, sample, dict(ways(model, series, sample, every)), removals=("mask",))
        for way, of in found.items():
            for measure, each in of.items():
                values.setdefault(way, {}).setdefault(measure, []).append(each)
    return values


def table(values: dict[str, dict[str, list[np.ndarray]]]) -> pd.DataFrame:
    """Return one row a way: mean over the networks, the lowest and highest, and the interval over all parcels."""
    rows = {}
    for way, of in values.items():
        row: dict[str, str] = {}
        for measure in SHOWN:
            if measure in of:
                each = [float(np.nanmean(v)) for v in of[measure]]
                low, high = bootstrap(np.concatenate(of[measure]))
                row[measure] = f"{np.mean(each):.3f} ({min(each):.3f} {max(each):.3f}) [{low:.3f} {high:.3f}]"
        rows[way] = row
    return pd.DataFrame(rows).T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--all", action="store_true", help="every choice of LRP and Gradient × Input")
    parser.add_argument("--sets", default="twins,arkansas")
    parser.add_argument("--models", type=Path)
    parser.add_argument("--twins", type=int, default=700, help="seed of the twins that are explained")
    for name in ("seeds", "parcels", "steps", "sample"):
        parser.add_argument(f"--{name}", type=int, help=f"{name} in place of the usual {getattr(FULL, name)}")
    options = parser.parse_args()
    torch.set_num_threads(1)
    size = QUICK if options.quick else FULL
    size = replace(size, **{name: given for name in asdict(size) if (given := getattr(options, name))})
    figures: dict[str, float] = {}
    for name, load in (("twins", twins), ("arkansas", points)):
        if name not in options.sets.split(","):
            continue
        if name == "arkansas" and not (ROOT / "arkansas_2021").exists():
            print(f"arkansas: left out, {ROOT} has no arkansas_2021")
        else:
            values = score(name, load, size, options.twins, options.models, options.all)
            print(f"{name}: mean over networks (lowest highest) [95 % over parcels]")
            print(table(values).to_string(na_rep=""))
            for way, of in values.items():
                figures |= {
                    f"{name} {way} {m}": round(float(np.mean([np.nanmean(v) for v in of[m]])), 4)
                    for m in SHOWN
                    if m in of
                }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
