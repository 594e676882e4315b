"""How early is the crop known, at what loss: every way to decide, on real and simulated parcels.

``python benchmarks/season.py [--quick] [--sets arkansas,austria,bavaria,years] [-o FOLDER]``; the real sets are those
of ``real_series.py``, Austria and its years are simulated. Prints tables, a line for each goal, and ends with one line
of JSON. ``--quick`` takes fewer parcels and short trainings: it shows that the study runs, not what it finds.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parent))
from real_series import ROOT, arkansas, bavaria

from cropxai.explain import explain
from cropxai.model import Settings
from cropxai.season.early import confirm
from cropxai.season.elects import ElectsSettings
from cropxai.season.figure import draw_plane
from cropxai.season.rivals import OURS, compare_rules, joined
from cropxai.season.search import guided_search, trial_and_error
from cropxai.season.stages import stage_test
from cropxai.season.today import ClassThresholds
from cropxai.season.trainings import calendar_windows, elects, ends_tried, random_windows, retrained
from cropxai.season.trial import Trial
from cropxai.season.window import class_relevance, date_relevance, windows
from cropxai.season.years import transfer
from cropxai.series import CropSeries, with_thermal_time
from cropxai.simulate import Country, simulate_series
from cropxai.simulate.land import draw_land
from cropxai.simulate.sky import TINYEUROCROPS_DAYS
from cropxai.simulate.weather import FIRST_DAY

MAX_LOSS = 0.75
#: Classes beyond which the search is for all together only.
MANY = 12
#: Days by which dates are shifted in the training of the home year, so that no date is known by its clouds.
SHIFT = 4.0
#: Steps below which fewer settings are tried.
SHORT = 500
PAPER = "Δt_n of the paper (retrained)"


@dataclass(frozen=True)
class Effort:
    """How much is trained: steps of each network, of ELECTS, its weights, and parcels of the simulated country."""

    steps: int = 1000
    elects_steps: int = 6000
    alphas: tuple[float, ...] = (0.3, 0.5, 0.8)
    parcels: int = 4000
    around: int = 1
    paper: tuple[int, ...] = (3, 8)


QUICK = Effort(steps=80, elects_steps=60, alphas=(0.5,), parcels=700, around=0, paper=(3,))


def settings(effort: Effort) -> Settings:
    return Settings(
        split="random", any_season=0.8, date_dropout=0.8, steps=effort.steps, learning_rate=3e-3, min_parcels=15
    )


def austria(year: int, parcels: int, folder: Path, level: str = "L1C", classes: str = "tinyeurocrops") -> CropSeries:
    """Return simulated Austria with its thermal time: every second of TinyEuroCrops' 80 dates."""
    dates = np.datetime64(f"{year}-01-01") + TINYEUROCROPS_DAYS[::2]
    asked = {"year": year, "level": level, "classes": classes, "countries": ("Austria",), "regions": 4,
             "label_noise": 0.02, "hardness": 1.0, "seed": 5, "dates": dates}  # fmt: skip
    series = simulate_series(parcels, threads=1, **asked)
    weather = draw_land(Country(parcels=parcels, **asked)).weather
    days = np.datetime64(f"{year}-01-01") + FIRST_DAY + np.arange(weather.temperature.shape[1])
    names = [f"{place.region} {number + 1}" for number, place in enumerate(weather.places)]
    table = [pd.DataFrame({"date": days, "region": n, "temperature": t})
             for n, t in zip(names, weather.temperature, strict=True)]  # fmt: skip
    file = folder / f"weather_{year}.csv"
    pd.concat(table).to_csv(file, index=False)
    return with_thermal_time(series, file)


def study(name: str, series: CropSeries, effort: Effort, folder: Path | None) -> dict[str, Any]:
    """Try every way on one set; print its tables and return the numbers of the goals."""
    torch.set_num_threads(1)
    few = effort.steps < SHORT
    start = time.process_time()
    trial = Trial.divide(series, settings(effort), test_share=0.3, choose_share=0.25)
    model = trial.train()
    truth = np.array(trial.names, dtype=object)[trial.number[trial.choose]]
    relevance = explain(trial.series.select(trial.choose), model, labels=truth, level="date")
    found = guided_search(trial, model, relevance.by_date, max_loss=MAX_LOSS, per_crop=len(trial.names) <= MANY)
    confirmed, _ = confirm(trial, model, found[0])
    parts = [(trial.prefixes(model, rows), trial.number[rows]) for rows in (trial.choose, trial.test)]
    rules = compare_rules(*parts, max_loss=MAX_LOSS, **({"alphas": (0.1, 0.2, 0.3, 0.5)} if few else {}))
    ours_cost = dict(trial.spent)

    order = np.unique(trial.series.dates)
    place = int(np.searchsorted(order, found[0].end))
    near = order[max(0, place - effort.around) : place + 1]
    expanding = trial_and_error(trial, list(near), whole=model, max_loss=MAX_LOSS)
    by_class = class_relevance(relevance.by_date, relevance.crop, trial.names)
    ranked = windows(date_relevance(by_class), trial.series.dates, max(effort.paper))
    papers = {(w.start, w.end): w for n in effort.paper for w in [ranked[min(n, len(ranked)) - 1]]}
    months = calendar_windows(order)[1:2] if not few else []
    more = ends_tried(trial, expanding)
    more += retrained(trial, PAPER, list(papers.values()))[0]
    more += retrained(trial, "calendar window (retrained)", months)[0]
    more += retrained(trial, "random window (retrained)", random_windows(order, 1 if months else 0, 1))[0]
    more += elects(trial, effort.alphas, ElectsSettings(steps=effort.elects_steps))
    comparison = joined(rules, more)
    seconds = time.process_time() - start

    print(
        f"\n## {name}: {len(trial.series)} parcels, {len(order)} dates, {len(trial.names)} classes; "
        f"learnt from {len(trial.learn)}, chosen by {len(trial.choose)}, scored on {len(trial.test)}; {seconds:.0f} s"
    )
    columns = ["rival", "setting", "accuracy", "accuracy_low", "accuracy_high", "loss_points", "macro_f1", "mean_day",
               "mean_day_low", "mean_day_high", "median_day", "day_90", "harmonic_mean"]  # fmt: skip
    print(comparison.table()[columns].round(4).to_string(index=False))
    print(confirmed.round(4).to_string(index=False))
    print(pd.DataFrame([f.row() for f in found]).drop(columns="asked").round(2).to_string(index=False))
    print(comparison.costs().round(4).to_string(index=False))
    stages = stage_test(dict(zip(trial.names, by_class, strict=True)), trial.series.dates)
    print("no crop has a calendar" if stages is None else stages.text())
    print("trained: ours", ours_cost, "with the rivals", trial.spent)
    if folder is not None:
        comparison.table().to_csv(folder / f"{name}_rivals.csv", index=False)
        comparison.curves().to_csv(folder / f"{name}_settings.csv", index=False)
        pd.DataFrame([f.row() for f in found]).to_csv(folder / f"{name}_search.csv", index=False)
        confirmed.to_csv(folder / f"{name}_confirmed.csv", index=False)
        if stages is not None:
            stages.table.to_csv(folder / f"{name}_stages.csv", index=False)
        draw_plane(comparison).savefig(folder / f"{name}_plane.png", dpi=110)
    return goals(comparison, confirmed, found[0], expanding)


def goals(comparison: Any, confirmed: pd.DataFrame, found: Any, expanding: Any) -> dict[str, Any]:
    """Return the numbers of the goals of one set."""
    chosen = comparison.chosen()
    shown = confirmed.set_index("shown")
    ours = chosen[OURS].test
    point = [t for t, right in enumerate(expanding.choose_right)
             if 100 * (expanding.choose_right[-1].mean() - right.mean()) <= MAX_LOSS]  # fmt: skip
    first = comparison.season[0]
    year = expanding.ends[-1].astype("datetime64[Y]").astype("datetime64[D]")
    trial_end = int((expanding.ends[min(point)] - year).astype(int)) + 1
    best_end = min(chosen["fixed date"].test.mean_day, trial_end)
    others = {name: comparison.lead(OURS, name) for name in chosen if name != OURS}

    def lead(rival: str) -> float:  # a rival that never comes near the whole season is compared at all its settings
        return others[rival] if np.isfinite(others[rival]) else comparison.lead(OURS, rival, within=100)

    return {
        "loss_points": 100 * (comparison.full[1].accuracy - ours.accuracy),
        "end_days_vs_trial_and_error": int((found.end - expanding.ends[expanding.chosen]).astype(int)),
        "decision_days_gain": float(best_end - ours.mean_day),
        "elects_dominated": bool(lead("ELECTS") >= 0),
        "paper_dominated": bool(lead(PAPER) >= 0),
        "dominated_by": list(comparison.dominating(OURS)),
        "lead_points": {name: round(v, 3) if np.isfinite(v) else None for name, v in others.items()},
        "eight_dates_loss": 100 * float(shown.loc["up to the end", "accuracy"] - shown.loc["chosen dates", "accuracy"]),
        "season_begins": first,
    }


def verdicts(name: str, found: dict[str, Any]) -> None:
    """Print each goal, and by how much it is missed where it is."""
    checks = (
        ("loss of deciding each parcel, points", found["loss_points"], found["loss_points"] <= MAX_LOSS, MAX_LOSS),
        ("end against trial and error, days", found["end_days_vs_trial_and_error"],
         found["end_days_vs_trial_and_error"] <= 0, 0),
        ("mean decision before the best global end, days", found["decision_days_gain"],
         found["decision_days_gain"] >= 25, 25),
        ("rivals that dominate the chosen setting", len(found["dominated_by"]), not found["dominated_by"], 0),
        *((f"lead over {rival} at its mean dates, points", value, value >= 0, 0)
          for rival, value in found["lead_points"].items() if value is not None),
        ("loss of few dates, points", found["eight_dates_loss"], found["eight_dates_loss"] <= 1, 1),
    )  # fmt: skip
    for what, value, met, goal in checks:
        missed = "met" if met else f"MISSED by {abs(value - goal):.2f}"
        print(f"{name}: {what}: {value:.2f} (goal {goal}) {missed}")


def years(effort: Effort, folder: Path) -> dict[int, dict[str, float]]:
    """Apply what is learnt in simulated Austria 2019 to other years, by the calendar and by thermal time."""
    torch.set_num_threads(1)
    clear = {"level": "L2A", "classes": "crops"}
    home = austria(2019, effort.parcels, folder, **clear)
    eased = replace(settings(effort), shift=SHIFT)
    trial = Trial.divide(home, eased, test_share=0.3, choose_share=0.25)
    model = trial.train()
    answers, truth = trial.prefixes(model, trial.choose), trial.number[trial.choose]
    first, last = answers.day[0], answers.day[-1]
    rule = ClassThresholds.for_loss(answers.probabilities, truth, (answers.day - first) / (last - first), MAX_LOSS)
    right = answers.winner == truth[:, None]
    end = next(t for t in range(len(answers.day)) if 100 * (right[:, -1].mean() - right[:, t].mean()) <= MAX_LOSS)
    recovered = {}
    for year in (2018, 2021):
        other = austria(year, effort.parcels // 2, folder, **clear)
        moved = transfer(
            model, rule, float(answers.day[end] - 1), home, trial.series.select(trial.test), other, by="region"
        )
        print(f"\n## 2019 in {year}: {len(trial.learn)} parcels learnt from, window to {answers.dates[end]}")
        print(moved.table.round(4).to_string(index=False), flush=True)
        recovered[year] = {column: moved.recovery(column) for column in ("whole", "window", "decided")}
        print("recovered by thermal time:", recovered[year], flush=True)
    return recovered


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--quick", action="store_true")
    ask.add_argument("--sets", default="arkansas,austria,bavaria,years")
    ask.add_argument("--steps", type=int, help="steps of each training")
    ask.add_argument("--elects-steps", type=int, help="steps of each training of ELECTS")
    ask.add_argument("--parcels", type=int, help="of simulated Austria")
    ask.add_argument("--around", type=int, help="ends before that of the search that trial and error trains for")
    ask.add_argument("--elects-alphas", help="weights of ELECTS, by commas")
    ask.add_argument("-o", "--output", type=Path)
    given = ask.parse_args()
    effort = QUICK if given.quick else Effort()
    said = {name: getattr(given, name) for name in ("steps", "elects_steps", "parcels", "around")}
    effort = replace(effort, **{name: value for name, value in said.items() if value is not None})
    if given.elects_alphas:
        effort = replace(effort, alphas=tuple(float(a) for a in given.elects_alphas.split(",")))
    if given.output is not None:
        given.output.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    recovered: dict[int, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.sets.split(","):
            if name == "years":
                recovered = years(effort, Path(temporary))
                continue
            if name == "austria":
                series = austria(2019, effort.parcels, Path(temporary))
            elif not ROOT.is_dir():
                print(f"{name}: no real data in {ROOT}; left out")
                continue
            else:
                series = {"arkansas": arkansas, "bavaria": bavaria}[name]()
                if given.quick and len(series) > 700:
                    series = series.select(np.random.default_rng(0).permutation(len(series))[:700])
            found[name] = study(name, series, effort, given.output)
    print()
    for name, numbers in found.items():
        verdicts(name, numbers)
    main_set = found.get("arkansas") or next(iter(found.values()), {})
    window = [r["window"] for r in recovered.values() if np.isfinite(r["window"])]
    line = {k: main_set.get(k) for k in ("loss_points", "end_days_vs_trial_and_error", "decision_days_gain",
                                     "elects_dominated", "eight_dates_loss")}  # fmt: skip
    told = {y: {c: v if np.isfinite(v) else None for c, v in r.items()} for y, r in recovered.items()}
    line["thermal_recovery"] = float(np.mean(window)) if window else None
    print(json.dumps({**line, "sets": found, "thermal_by_year": told, "quick": given.quick}))


if __name__ == "__main__":
    main()
