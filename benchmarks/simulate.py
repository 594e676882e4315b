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

The full run adds, for each crop and band of three real sets, correlation and bias of the median courses, the answers of
the shipped model for 10 bands on the two sets of L2A, and how accuracy grows with the season's end in the same and in
another year. The real sets are not part of the project; ``CROPXAI_REAL_DATA`` names their folder.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import xarray as xr
from real_series import ROOT, bavaria
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import cross_val_predict

from cropxai.bands import BANDS, COMMON_BANDS
from cropxai.errors import CropxaiWarning
from cropxai.ingest import extract_series
from cropxai.model import Model, Settings, classify, load_model, train
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits, softmax
from cropxai.series.cube import CropSeries
from cropxai.simulate import classes, simulate_series
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


def simulated_bavaria(real: CropSeries, parcels: int, seed: int) -> CropSeries:
    """Return simulated Bavarian series at the real dates, moved by up to a week, in `CALENDARS` ways."""
    rng = np.random.default_rng(seed)
    shares = {label: one.shares["Bavaria"] ** 0.6 for label, one in classes().items()}
    parts = []
    for number in range(CALENDARS):
        series = simulate_series(
            parcels // CALENDARS, year=2018, level="L1C", classes="tinyeurocrops", countries=["Bavaria"], crops=shares,
            dates=np.sort(real.dates + rng.integers(-7, 8, len(real.dates))), regions=16, cloudiness=0.2,
            seed=100 * seed + number,
        )  # fmt: skip
        parts.append(series.dataset.assign_coords(time=real.dataset["time"].values))
    joined = xr.concat(parts, "parcel", data_vars="minimal")
    return CropSeries(joined.assign_coords(parcel_id=("parcel", np.arange(joined.sizes["parcel"]))), None)


def transfer(real: CropSeries, parcels: int, seeds: int, epochs: int) -> dict[str, object]:
    """Train on simulated Bavaria, answer on the real one."""
    meant = np.array([LABELS.get(str(label), "") for label in real.labels])
    known = real.select(meant != "")
    truth = meant[meant != ""]
    each, total, domain, fields = [], 0.0, [], []
    for seed in range(seeds):
        simulated = simulated_bavaria(real, parcels, seed + 11)
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


# --- courses of the crops ------------------------------------------------------------------------------------------


Sets = dict[str, tuple[CropSeries, dict[str, str], dict[str, object]]]


def real_sets() -> Sets:
    """Return the real sets: series, what their labels mean, and how to simulate their like."""
    flanders = extract_series(ROOT / "flanders_2018/parcels.gpkg", ROOT / "flanders_2018/s2", label_field="crop")
    freising = extract_series(
        ROOT / "freising_2018/fields.gpkg", ROOT / "freising_2018/s2", id_field="Name", label_field="crop"
    )
    return {
        "Bavaria (L1C)": (
            bavaria(),
            {"winter wheat": "winter wheat", "winter barley": "winter barley", "silage maize": "silage maize",
             "winter rapeseed": "winter rapeseed", "meadow": "grassland"},
            {"countries": ["Bavaria"], "level": "L1C", "cloudiness": 0.25},
        ),
        "Flanders (L2A)": (
            flanders.between("2018-01-01", "2018-11-27"),
            {label: FLANDERS[key] for label in set(flanders.labels) for key in FLANDERS if key in str(label).lower()},
            {"countries": ["Flanders"], "level": "L2A", "cloudiness": 0.3},
        ),
        "Freising (L2A)": (
            freising,
            {label: str(label).lower().replace("_", " ") for label in set(freising.labels)},
            {"countries": ["Bavaria"], "level": "L2A", "cloudiness": 0.3},
        ),
    }  # fmt: skip


FLANDERS = {
    "wheat": "winter wheat", "barley": "winter barley", "maize": "silage maize", "rape": "winter rapeseed",
    "grass": "grassland",
}  # fmt: skip


def courses(sets: Sets, figure: Path | None) -> list[dict[str, object]]:
    """Compare median courses by crop and band; draw NDVI."""
    rows: list[dict[str, object]] = []
    drawn = []
    for name, (real, meant, how) in sets.items():
        crops = sorted(set(meant.values()) & set(classes()))
        simulated = simulate_series(
            400 * len(crops), year=2018, crops=dict.fromkeys(crops, 1.0), dates=real.dates, regions=8, seed=3, **how
        )
        labels = np.array([meant.get(str(label), "") for label in real.labels])
        for crop in crops:
            there, here = real.select(labels == crop), simulated.select(simulated.labels == crop)
            if len(there) < 2:
                continue
            shared = [b for b in COMMON_BANDS if b in there.bands]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # dates that nobody saw
                one, other = (np.nanmedian(s.select_bands(shared).reflectance, axis=0) for s in (there, here))
            clear = np.isfinite(one).all(axis=1) & (one[:, 0] < 0.16)  # cloud and snow left out
            drawn.append((f"{name}: {crop}", real.dates, one, other, shared, clear))
            for k, band in enumerate(shared):
                bias = float(np.nanmean((other - one)[clear, k]))
                correlation = float(np.corrcoef(one[clear, k], other[clear, k])[0, 1])
                rows.append({"set": name, "crop": crop, "parcels": len(there), "dates": int(clear.sum()),
                             "band": band, "bias": round(bias, 3), "correlation": round(correlation, 2)})  # fmt: skip
    _print_courses(rows)
    if figure is not None:
        _draw_courses(drawn, figure)
    return rows


def _print_courses(rows: list[dict[str, object]]) -> None:
    bands = list(dict.fromkeys(r["band"] for r in rows))
    print("\nmedian courses, simulated less real: bias (correlation over the dates)")
    print(f"{'set and crop':32s} {'parcels':>7s} {'dates':>5s} " + " ".join(f"{b:>13s}" for b in bands))
    for key in dict.fromkeys((r["set"], r["crop"]) for r in rows):
        own = [r for r in rows if (r["set"], r["crop"]) == key]
        cells = " ".join(f"{r['bias']:+.3f} ({r['correlation']:.2f})".rjust(13) for r in own)
        print(f"{key[0]:15s} {key[1]:16s} {own[0]['parcels']:7d} {own[0]['dates']:5d} {cells}")


def _draw_courses(drawn: list[tuple], path: Path) -> None:
    from matplotlib.figure import Figure

    columns = 4
    figure = Figure(figsize=(13, 2.5 * -(-len(drawn) // columns)), layout="constrained")
    axes = figure.subplots(-(-len(drawn) // columns), columns, sharey=True, squeeze=False)
    for axis in axes.ravel()[len(drawn) :]:
        axis.set_axis_off()
    for axis, (title, dates, one, other, bands, clear) in zip(axes.ravel(), drawn, strict=False):
        red, infrared = bands.index("B04"), bands.index("B08")
        for values, label, style in ((one, "real", "o-"), (other, "simulated", "--")):
            ndvi = (values[:, infrared] - values[:, red]) / (values[:, infrared] + values[:, red])
            axis.plot(dates[clear], ndvi[clear], style, label=label, markersize=3, linewidth=1.3)
        axis.set_title(title, fontsize=9)
        axis.set_ylim(0, 1)
        axis.tick_params(axis="x", labelsize=7, rotation=30)
    axes[0, 0].legend(fontsize=8)
    figure.supylabel("NDVI, median of the parcels")
    figure.savefig(path, dpi=110)


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


def season(parcels: int, epochs: int) -> dict[str, object]:
    """Accuracy by the end of the season, in the year of the training and in another."""
    how = {"level": "L1C", "classes": "tinyeurocrops", "countries": ["Austria"], "regions": 12}
    model = train(
        simulate_series(parcels, year=2019, seed=1, **how),
        Settings(epochs=epochs, split="random", any_season=0.6, date_dropout=0.4, growing_season=0.5, average=0.99),
    )
    ends = (59, 90, 120, 151, 181, 212, 243, 273, 304, 365)
    found: dict[str, object] = {"ends": list(ends)}
    for name, year, seed in (("same_year", 2019, 1), ("same_year_other_fields", 2019, 2), ("another_year", 2018, 2)):
        # The same seed and more parcels: the same landscapes and skies, other fields.
        series = simulate_series(parcels // 3 if seed == 2 else parcels + 3000, year=year, seed=seed, **how)
        truth = series.labels.astype(str)
        inputs = Inputs.of(series, model.card.bands)
        curve = []
        for end in ends:
            said = np.array(model.names)[logits(model.network, inputs.within(last_day=end)).argmax(axis=1)]
            curve.append(round(float((said == truth).mean()), 3))
        found[name] = curve
        print(f"{name:24s}", curve)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--figure", type=Path, help="draw the courses of NDVI into this file")
    asked = parser.parse_args()
    warnings.simplefilter("ignore", CropxaiWarning)
    figures: dict[str, object] = {}
    figures |= speed(1500 if asked.quick else 8000)
    figures["reflectance_error_p99"] = round(reflectance_error(150 if asked.quick else 2000), 6)
    print(f"{figures['parcels_per_second']} parcels/s by the clock, {figures['parcels_per_cpu_second']} a CPU second")
    if (ROOT / "bavaria_2018").is_dir():
        quick = {"parcels": 3600, "seeds": 1, "epochs": 16}
        figures |= transfer(bavaria(), **(quick if asked.quick else {"parcels": 7200, "seeds": 3, "epochs": 10}))
        if not asked.quick:
            sets = real_sets()
            rows = courses(sets, asked.figure)
            figures["courses_mean_correlation"] = round(float(np.mean([r["correlation"] for r in rows])), 3)
            figures["courses_mean_bias"] = round(float(np.mean([abs(r["bias"]) for r in rows])), 4)
            figures["shipped"] = shipped(sets)
    if not asked.quick:
        figures["season"] = season(12_000, 40)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
