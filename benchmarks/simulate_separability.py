"""Whether simulated crops are told apart as early in the season as real ones.

``python benchmarks/simulate_separability.py [--quick] [--hardness H] [--draws N]`` asks a random forest, in five folds,
about the 243 real parcels of seven groups (Bavaria 2018, L1C, means of half months) and about as many simulated ones of
the same groups, given the data until each half month. The simulated parcels lie in one landscape, as the real ones do,
and have the mean of three passes in each half month, or one pass alone. It prints the accuracy by the season's end, for
the simulated parcels the mean over draws and their standard deviation, and last one line of JSON.

Both forests learn from their own kind, so that it does not matter here how like the one is to the other: if simulated
crops were told apart too early, or too late, this would show it. The real set is not part of the project;
``CROPXAI_REAL_DATA`` names its folder.
"""

import argparse
import json
import warnings

import numpy as np
from real_series import bavaria
from simulate import ANSWERS, of_groups
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold, cross_val_predict

from cropxai.errors import CropxaiWarning
from cropxai.simulate import simulate_series
from cropxai.simulate.country import HARDNESS

#: Days of the passes about the day of a half month, where its mean is taken.
PASSES = (-5, 0, 5)
#: Parcels simulated for a draw, of which as many of each group are taken as there are real ones, and the least share of
#: a group among them: a landscape prefers some crops and has few fields of others.
SIMULATED, LEAST_SHARE = 3000, 0.08
TREES = 200


def curve(values: np.ndarray, truth: np.ndarray, seed: int, trees: int) -> np.ndarray:
    """Return the accuracy (%) of a forest in five folds, given the dates until each: (time,)."""
    folds = StratifiedKFold(5, shuffle=True, random_state=seed)
    found = []
    for end in range(1, values.shape[1] + 1):
        forest = RandomForestClassifier(trees, random_state=seed)
        said = cross_val_predict(forest, values[:, :end].reshape(len(values), -1), truth, cv=folds)
        found.append(100 * float((said == truth).mean()))
    return np.array(found)


def simulated(
    dates: np.ndarray, counts: dict[str, int], hardness: float, passes: tuple[int, ...], seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return series of one simulated landscape, (parcel, time, band), and the group of each parcel."""
    total = sum(counts.values())
    shares = {label: max(counts[group] / total, LEAST_SHARE) for label, group in ANSWERS.items()}
    days, place = np.unique(dates[:, None].astype("datetime64[D]") + np.array(passes), return_inverse=True)
    series = simulate_series(
        SIMULATED, year=2018, level="L1C", classes="tinyeurocrops", countries=["Bavaria"], crops=shares,
        dates=days, regions=1, cloudiness=0.2, seed=seed, hardness=hardness,
    )  # fmt: skip
    values = series.reflectance[:, place.reshape(len(dates), len(passes))].mean(axis=2)
    group = np.array([ANSWERS[str(label)] for label in series.labels])
    rng = np.random.default_rng(seed)
    rows = [rng.choice(np.flatnonzero(group == name), count, replace=False) for name, count in counts.items()]
    return values[np.concatenate(rows)], group[np.concatenate(rows)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--hardness", type=float, action="append", help=f"may be given more than once [{HARDNESS}]")
    parser.add_argument("--draws", type=int, default=6, help="simulated landscapes, and shuffles of the real parcels")
    parser.add_argument("--quick", action="store_true", help="under a minute: two draws of one pass, small forests")
    asked = parser.parse_args()
    draws, trees = (2, 40) if asked.quick else (asked.draws, TREES)
    ways = {"one pass": (0,)} if asked.quick else {"mean of three passes": PASSES, "one pass": (0,)}
    warnings.simplefilter("ignore", CropxaiWarning)
    real = bavaria()
    known, truth = of_groups(real)
    counts = {str(group): int(count) for group, count in zip(*np.unique(truth, return_counts=True), strict=True)}
    curves = {"real": [curve(known.reflectance, truth, seed, trees) for seed in range(draws)]}
    for hardness in asked.hardness or [HARDNESS]:
        for name, passes in ways.items():
            curves[f"hardness {hardness:g}, {name}"] = [
                curve(*simulated(real.dates, counts, hardness, passes, seed), seed, trees) for seed in range(draws)
            ]
    print("until", *(str(date)[5:10] for date in real.dates))
    for name, found in curves.items():
        mean, spread = np.mean(found, axis=0), np.std(found, axis=0, ddof=1)
        print(f"{name:36s}", *(f"{m:.1f}±{s:.1f}" for m, s in zip(mean, spread, strict=True)), flush=True)
    means = {name: np.mean(found, axis=0).round(1).tolist() for name, found in curves.items()}
    print(json.dumps({"until": [str(date)[:10] for date in real.dates], "accuracy": means}))


if __name__ == "__main__":
    main()
