"""How fast the simulator is, how right its optics are, and how far its fields are from real ones.

``python benchmarks/simulate.py [--quick] [--figure FILE]`` prints tables, and last one line of JSON.

- parcels_per_second: `cropxai simulate country --level L1C`, 80 dates x 13 bands, two threads, by the clock; beside it
  per second of CPU time, which other work on the machine does not change
- reflectance_error_p99: against the package prosail at 1 nm, folded with the bands' responses (pyrsr)
- bavaria_accuracy: a network trained on nothing but simulated series (Bavaria 2018, the dates of the real set moved by
  up to a week, all 44 classes of TinyEuroCrops) names the real parcels of seven groups, restricted to these groups;
  bavaria_accuracy_open: among all 44 classes. The full run does so with three seeds and takes the mean; ``..._mean_of``
  is the accuracy of their mean probability
- domain_auc: how well a random forest tells real series of the seven groups from simulated ones (five folds; 0.5: it
  cannot; 1: always). All real parcels have one sky on a date, which is enough to tell them; domain_auc_fields is the
  same after each date's median (over the parcels of a landscape) is taken off: what the fields themselves tell

The full run adds, for each crop and band of three real sets, correlation and bias of the median courses and how much
more simulated fields differ from each other than real ones (`simulate_courses.py`), the answers of the shipped model
for 10 bands on the two sets of L2A, and how accuracy grows with the season's end (`simulate_season.py`). The real sets
are not part of the project; ``CROPXAI_REAL_DATA`` names their folder.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import xarray as xr
from real_series import ROOT, bavaria
from simulate_courses import Sets, courses, real_sets
from simulate_season import season
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from cropxai.bands import BANDS
from cropxai.errors import CropxaiWarning
from cropxai.model import Model, Settings, classify, load_model, train
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits, softmax
from cropxai.series.cube import CropSeries
from cropxai.simulate import classes, country, simulate_series
from cropxai.simulate.radiation import Canopy, load_optics, reflectance

#: What the real labels mean, and in which group an answer falls.
LABELS = {
    "meadow": "grass", "pasture": "grass", "mown pasture": "grass", "winter wheat": "winter wheat",
    "silage maize": "maize", "grain maize": "maize", "winter barley": "winter barley", "clover grass": "clover",
    "clover": "clover", "winter rapeseed": "rape",
    "spring barley": "spring barley",
}  # fmt: skip
ANSWERS = {
    "grassland": "grass", "winter wheat": "winter wheat", "grain maize": "maize", "winter barley": "winter barley",
    "clover": "clover", "winter rapeseed": "rape", "spring barley": "spring barley",
}  # fmt: skip
GROUPS = sorted(set(ANSWERS.values()))
#: In how many ways the real dates are moved.
CALENDARS = 6
#: Hardness of what is compared with real fields: that of the shipped weights.
HARDNESS = 1.0
SETTINGS = Settings(split="random", any_season=0.3, date_dropout=0.5, gain=0.1, shift=6.0, clouds=0.5)


def speed(parcels: int) -> dict[str, float]:
    """Return parcels per second of clock and of CPU time."""
    simulate_series(64, level="L1C", regions=1)  # compiles
    start, spent = time.perf_counter(), time.process_time()
    simulate_series(parcels, level="L1C", classes="tinyeurocrops")
    clock, cpu = time.perf_counter() - start, time.process_time() - spent
    return {"parcels_per_second": round(parcels / clock), "parcels_per_cpu_second": round(parcels / cpu)}


def reflectance_error(count: int) -> float:
    """Return the 99th percentile of the departure from prosail at 1 nm."""
    from band_nodes import response
    from prosail import run_prosail

    folded = np.zeros((2101, len(BANDS)))
    for column, band in enumerate(BANDS):
        for satellite in "AB":
            wavelength, value = response(band.name, satellite)
            folded[wavelength.astype(int) - 400, column] += value / 2
    rng = np.random.default_rng(0)
    canopy = Canopy(
        structure=rng.uniform(1, 2.5, count), chlorophyll=rng.uniform(0, 80, count), brown=rng.uniform(0, 1, count),
        water=rng.uniform(0.001, 0.04, count), dry_matter=rng.uniform(0.002, 0.012, count),
        lai=rng.uniform(0, 7, count), leaf_angle=rng.uniform(25, 78, count), soil_wetness=rng.uniform(0, 1, count),
        sun_zenith=rng.uniform(22, 74, count),
    )  # fmt: skip
    ours = reflectance(canopy, load_optics())
    theirs = np.empty_like(ours)
    for k in range(count):
        c = {name: float(np.broadcast_to(value, count)[k]) for name, value in vars(canopy).items()}
        spectrum = run_prosail(
            *(c[n] for n in ("structure", "chlorophyll", "carotenoids", "brown", "water", "dry_matter")),
            *(c[n] for n in ("lai", "leaf_angle", "hotspot", "sun_zenith", "view_zenith", "azimuth")),
            ant=c["anthocyanins"], prospect_version="D", rsoil=c["soil_brightness"], psoil=1 - c["soil_wetness"],
        )  # fmt: skip
        theirs[k] = spectrum @ folded
    return float(np.percentile(np.abs(ours - theirs), 99))


def simulated_bavaria(real: CropSeries, parcels: int, seed: int, hardness: float) -> CropSeries:
    """Return simulated Bavarian series at the real dates, moved by up to a week, in `CALENDARS` ways."""
    rng = np.random.default_rng(seed)
    shares = {label: one.shares["Bavaria"] ** 0.6 for label, one in classes().items()}
    parts = []
    for number in range(CALENDARS):
        series = simulate_series(
            parcels // CALENDARS, year=2018, level="L1C", classes="tinyeurocrops", countries=["Bavaria"], crops=shares,
            dates=np.sort(real.dates + rng.integers(-7, 8, len(real.dates))), regions=16, cloudiness=0.2,
            seed=100 * seed + number, hardness=hardness,
        )  # fmt: skip
        parts.append(series.dataset.assign_coords(time=real.dataset["time"].values))
    joined = xr.concat(parts, "parcel", data_vars="minimal")
    return CropSeries(joined.assign_coords(parcel_id=("parcel", np.arange(joined.sizes["parcel"]))), None)


def of_groups(real: CropSeries) -> tuple[CropSeries, np.ndarray]:
    """Return the real parcels whose label belongs to a group, and their groups (parcel,)."""
    meant = np.array([LABELS.get(str(label), "") for label in real.labels])
    return real.select(meant != ""), meant[meant != ""]


def transfer(real: CropSeries, hardness: float, parcels: int, seeds: int, epochs: int) -> dict[str, object]:
    """Train on simulated Bavaria, answer on the real one."""
    known, truth = of_groups(real)
    each, total, domain, fields = [], 0.0, [], []
    for seed in range(seeds):
        simulated = simulated_bavaria(real, parcels, seed + 11, hardness)
        model = train(simulated, Settings(**{**vars(SETTINGS), "epochs": epochs, "seed": seed}))
        probability = softmax(logits(model.network, Inputs.of(known, model.card.bands)))
        each.append(answered(probability, model, truth))
        total = total + by_group(probability, model)
        domain.append(domain_auc(known, truth, simulated, seed, sky=True))
        fields.append(domain_auc(known, truth, simulated, seed, sky=False))
    closed, opened = answered_of(total, truth)
    print(f"\nBavaria, {len(truth)} parcels: seeds {[tuple(round(v, 3) for v in e) for e in each]}")
    for group in GROUPS:
        own = truth == group
        right = (closed[own] == group).mean(), (opened[own] == group).mean()
        print(f"  {group:14s} {own.sum():3d} parcels, recall {right[0]:.2f} among seven, {right[1]:.2f} among all")
    return {
        "bavaria_accuracy": round(float(np.mean([pair[0] for pair in each])), 4),
        "bavaria_accuracy_open": round(float(np.mean([pair[1] for pair in each])), 4),
        "bavaria_mean_of": [round(float((said == truth).mean()), 4) for said in (closed, opened)],
        "bavaria_seeds": [[round(float(v), 4) for v in pair] for pair in each],
        "bavaria_least_recall_open": round(min(float((opened[truth == g] == g).mean()) for g in GROUPS), 3),
        "domain_auc": round(float(np.mean(domain)), 4),
        "domain_auc_fields": round(float(np.mean(fields)), 4),
    }


def by_group(probability: np.ndarray, model: Model) -> np.ndarray:
    """Gather the probabilities by group; last column: the most probable of the other classes."""
    group = np.array([ANSWERS.get(name, "") for name in model.names])
    columns = [probability[:, group == g].max(axis=1) for g in GROUPS]
    return np.stack([*columns, probability[:, group == ""].max(axis=1)], axis=1)


def answered_of(grouped: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the answers among the seven groups, and among all classes."""
    names = np.array([*GROUPS, "other"])
    return names[grouped[:, :-1].argmax(axis=1)], names[grouped.argmax(axis=1)]


def answered(probability: np.ndarray, model: Model, truth: np.ndarray) -> tuple[float, float]:
    """Return the accuracy among the seven groups, and among all classes."""
    closed, opened = answered_of(by_group(probability, model), truth)
    return float((closed == truth).mean()), float((opened == truth).mean())


def domain_auc(real: CropSeries, truth: np.ndarray, simulated: CropSeries, seed: int, sky: bool) -> float:
    """Return how well a forest tells real from simulated series, groups in the same shares."""
    group = np.array([ANSWERS.get(str(label), "") for label in simulated.labels])
    rng = np.random.default_rng(seed)
    chosen = np.concatenate([
        rng.choice(rows, min(len(rows), int((truth == g).sum())), replace=False)
        for g in GROUPS
        if len(rows := np.flatnonzero(group == g))
    ])  # fmt: skip
    there, here = real.reflectance.copy(), simulated.select(chosen).reflectance.copy()
    if not sky:
        there -= np.median(there, axis=0)
        # A landscape of a calendar has one sky; medians are over all its parcels.
        calendar = np.arange(len(group)) * CALENDARS // len(group)
        place = np.array([f"{name} {number}" for name, number in zip(simulated.group("region"), calendar, strict=True)])
        for name in np.unique(place[chosen]):
            here[place[chosen] == name] -= np.median(simulated.select(place == name).reflectance, axis=0)
    x = np.concatenate([there, here])
    y = np.concatenate([np.ones(len(there)), np.zeros(len(here))])
    forest = RandomForestClassifier(300, random_state=seed)
    said = cross_val_predict(forest, x.reshape(len(x), -1), y, cv=5, method="predict_proba")[:, 1]
    return float(roc_auc_score(y, said))


def shipped(sets: Sets) -> dict[str, float]:
    """Return the accuracy of the shipped model for 10 bands on the real sets of L2A, that it has not seen."""
    model = load_model("europe-l2a")
    found = {}
    for name, (real, meant, _) in list(sets.items())[1:]:
        labels = np.array([meant.get(str(label), "") for label in real.labels])
        known = np.isin(labels, model.names)
        said = classify(real.select(known), model).frame["crop"].to_numpy()
        cereal = np.array([_near(s) for s in said]) == np.array([_near(s) for s in labels[known]])
        found[name.split()[0].lower()] = round(float((said == labels[known]).mean()), 3)
        found[name.split()[0].lower() + "_kind"] = round(float(cereal.mean()), 3)
        print(f"{name}: {known.sum()} parcels, {found}")
    return found


def _near(label: object) -> str:
    """Return the kind of a crop, where classes differ by little but their name: maize, grass."""
    text = str(label)
    return next((kind for kind in ("maize", "grass", "barley", "wheat") if kind in text), text)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--hardness", type=float, default=HARDNESS, help="of what is compared with real fields [1]")
    parser.add_argument("--figure", type=Path, help="draw the courses of NDVI into this file")
    asked = parser.parse_args()
    warnings.simplefilter("ignore", CropxaiWarning)
    figures: dict[str, object] = dict.fromkeys(("bavaria_accuracy", "bavaria_accuracy_open", "domain_auc"))
    figures |= speed(1500 if asked.quick else 8000)
    figures["reflectance_error_p99"] = round(reflectance_error(150 if asked.quick else 2000), 6)
    print(f"{figures['parcels_per_second']} parcels/s by the clock, {figures['parcels_per_cpu_second']} a CPU second")
    if (ROOT / "bavaria_2018").is_dir():
        quick = {"parcels": 3600, "seeds": 1, "epochs": 16}
        figures |= transfer(
            bavaria(), asked.hardness, **(quick if asked.quick else {"parcels": 7200, "seeds": 3, "epochs": 10})
        )
        if not asked.quick:
            sets = real_sets()
            rows = courses(sets, asked.hardness, asked.figure)
            figures["courses_mean_correlation"] = round(float(np.mean([r["correlation"] for r in rows])), 3)
            figures["courses_mean_bias"] = round(float(np.mean([abs(r["bias"]) for r in rows])), 4)
            figures["courses_median_spread"] = round(float(np.nanmedian([r["spread"] for r in rows])), 2)
            figures["shipped"] = shipped(sets)
    if not asked.quick:
        figures["season"] = season(40_000, 14, country.HARDNESS)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
