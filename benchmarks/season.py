"""How early is the crop known, at what loss: every way to decide, on real and simulated parcels.

``python benchmarks/season.py [--quick] [--sets arkansas,austria,bavaria,years] [-o FOLDER]``; the real sets are those
of ``real_series.py``, Austria and its years are simulated; ``stages`` is how far the stages of simulated crops move
between years. Prints tables, a line for each goal, and ends with one line of JSON. ``--quick`` takes fewer parcels and
short trainings: it shows that the study runs, not what it finds.

The network for any season may cost as much as all networks of trial and error together; each of these is trained for
its window alone. With ``-o`` every trained network is kept, so that a run that was cut short goes on.
"""

import argparse
import hashlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parent))
from real_series import ROOT, arkansas, bavaria

from cropxai.explain import explain
from cropxai.model import Model, Settings, load_model
from cropxai.season.curves import crop_curves
from cropxai.season.early import confirm
from cropxai.season.elects import ElectsSettings
from cropxai.season.figure import draw_plane, draw_search
from cropxai.season.measures import Outcome
from cropxai.season.rivals import OURS, Tried, compare_rules, joined
from cropxai.season.search import TrialAndError, guided_search, trial_and_error
from cropxai.season.stages import draw_crop, stage_test
from cropxai.season.today import ClassThresholds
from cropxai.season.trainings import calendar_windows, elects, ends_tried, random_windows, retrained
from cropxai.season.trial import Trial
from cropxai.season.window import class_relevance, date_relevance, windows
from cropxai.season.years import transfer
from cropxai.series import CropSeries, with_thermal_time
from cropxai.simulate import Country, simulate_series
from cropxai.simulate.development import EVENTS
from cropxai.simulate.land import draw_land
from cropxai.simulate.sky import TINYEUROCROPS_DAYS
from cropxai.simulate.weather import FIRST_DAY

MAX_LOSS = 0.75
#: Classes beyond which the search is for all together only.
MANY = 12
#: Days by which dates are shifted in the training of the home year, so that no date is known by its clouds.
SHIFT = 4.0
#: Simulated Austria of the years: what it is asked for, with several landscapes and skies, and the other years.
YEARS: dict[str, Any] = {"classes": "crops", "regions": 8, "label_noise": 0.02, "hardness": 1.0, "seed": 5}
CLEAR: dict[str, Any] = {**YEARS, "level": "L2A"}
OTHER_YEARS = (2018, 2021)
#: Years by which the base and the pace of thermal time were chosen.
BEFORE_YEARS = (2016, 2017, 2020, 2022)
#: Fields of which the stages are known, and days within which stages say how far a landscape is.
STAGE_FIELDS, STAGES_NEAR = 6000, 15.0
#: Steps below which fewer settings are tried.
SHORT = 500
#: Parcels below which batches are small, so that a training has more steps.
FEW, SMALL_BATCH = 2000, 32
#: Of ELECTS, whose time goes with the dates one after the other.
ELECTS_BATCH = 64
#: Trial and error begins where the network for any season loses this many points.
HOPELESS = 2.0
#: It stops after so many ends within the loss.
ENOUGH = 2
PAPER = "Δt_n of the paper (retrained)"


@dataclass(frozen=True)
class Effort:
    """How much is trained: steps of each kind of network, weights of ELECTS, simulated parcels, ends that are tried."""

    steps: int = 6000
    window_steps: int = 750
    elects_steps: int = 3000
    alphas: tuple[float, ...] = (0.5, 0.8, 0.95)
    parcels: int = 6000
    width: int = 0
    ends: int = 10
    paper: tuple[int, ...] = (3, 8)
    seed: int = 0


QUICK = Effort(steps=60, window_steps=40, elects_steps=40, alphas=(0.5,), parcels=500, ends=1, paper=(3,))


def settings(effort: Effort, parcels: int) -> Settings:
    """Return how the network for any season is trained."""
    return Settings(
        split="random", min_parcels=15, any_season=0.85, growing_season=0.7, cut_together=True, date_dropout=0.6,
        average=0.99, steps=effort.steps, learning_rate=3e-3, width=effort.width, seed=effort.seed,
        batch_size=128 if parcels > FEW else SMALL_BATCH,
    )  # fmt: skip


def for_a_window(asked: Settings, effort: Effort) -> Settings:
    """Return how a network for one window is trained: no season is cut, and fewer dates are left out."""
    return replace(
        asked, any_season=0.0, growing_season=0.0, cut_together=False, date_dropout=0.3, steps=effort.window_steps
    )


@dataclass(frozen=True)
class KeptTrial(Trial):
    """A trial whose networks are kept, also in a folder if there is one."""

    folder: Path | None = None
    seen: dict[str, Model] = field(default_factory=dict)

    def train(self, inside: Any = None, report: Any = None) -> Model:
        """Train, or take the network of an earlier run."""
        asked = self.settings if inside is None else self.windows
        kept = np.ones(len(self.series.dates), bool) if inside is None else np.asarray(inside, bool)
        about = json.dumps([asdict(asked), kept.astype(int).tolist(), len(self.series), inside is None])
        if about in self.seen:
            return self.seen[about]
        place = None if self.folder is None else self.folder / hashlib.sha256(about.encode()).hexdigest()[:16]
        if place is not None and place.is_dir():
            model = load_model(place)
            self.spent["fits"] += 1
            self.spent["parcels_seen"] += len(model.card.training["history"]) * len(self.learn)
        else:
            start = time.process_time()
            model = super().train(inside)
            print(f"  trained on {int(kept.sum())} dates in {time.process_time() - start:.0f} s", flush=True)
            if place is not None:
                place.parent.mkdir(exist_ok=True)
                model.save(place)
        self.seen[about] = model
        return model


def kept_outcomes(file: Path | None, make: Callable[[], list[Tried]]) -> list[Tried]:
    """Return what an earlier run has written, else make it and write it."""
    if file is not None and file.exists():
        held = np.load(file, allow_pickle=False)
        return [
            Tried(*map(str, held[f"{n}_name"]), *(Outcome(*held[f"{n}_{part}"]) for part in ("choose", "test")))
            for n in range(len(held.files) // 3)
        ]
    tried = make()
    if file is not None:
        arrays: dict[str, Any] = {}
        for n, each in enumerate(tried):
            arrays[f"{n}_name"] = np.array([each.rival, each.setting])
            for part in ("choose", "test"):
                own = getattr(each, part)
                arrays[f"{n}_{part}"] = np.stack([own.answer, own.truth, own.day])
        np.savez(file, **arrays)
    return tried


def austria(year: int, parcels: int, folder: Path, regions: int = 4, seed: int = 5, **choices: Any) -> CropSeries:
    """Return simulated Austria with its thermal time: every second of TinyEuroCrops' 80 dates."""
    dates = np.datetime64(f"{year}-01-01") + TINYEUROCROPS_DAYS[::2]
    asked = {"year": year, "level": "L1C", "classes": "tinyeurocrops", "countries": ("Austria",), "regions": regions,
             "label_noise": 0.02, "hardness": 1.0, "seed": seed, "dates": dates, **choices}  # fmt: skip
    series = simulate_series(parcels, threads=1, **asked)
    weather = draw_land(Country(parcels=parcels, **asked)).weather
    days = np.datetime64(f"{year}-01-01") + FIRST_DAY + np.arange(weather.temperature.shape[1])
    names = [f"{place.region} {number + 1}" for number, place in enumerate(weather.places)]
    table = [pd.DataFrame({"date": days, "region": n, "temperature": t})
             for n, t in zip(names, weather.temperature, strict=True)]  # fmt: skip
    file = folder / f"weather_{year}_{seed}.csv"
    pd.concat(table).to_csv(file, index=False)
    return with_thermal_time(series, file)


def study(name: str, series: CropSeries, effort: Effort, folder: Path | None) -> dict[str, Any]:
    """Try every way on one set; print its tables and return the numbers of the goals."""
    torch.set_num_threads(1)
    few = effort.steps < SHORT
    start = time.process_time()
    asked = settings(effort, len(series))
    trial = KeptTrial.divide(series, asked, test_share=0.3, choose_share=0.25)
    kept = None if folder is None else folder / f"{name}_networks"
    trial = replace(trial, windows=for_a_window(asked, effort), folder=kept)
    model = trial.train()
    truth = np.array(trial.names, dtype=object)[trial.number[trial.choose]]
    relevance = explain(trial.series.select(trial.choose), model, labels=truth, level="date")
    found = guided_search(trial, model, relevance.by_date, max_loss=MAX_LOSS, per_crop=len(trial.names) <= MANY)
    confirmed, _ = confirm(trial, model, found[0])
    parts = [(trial.prefixes(model, rows), trial.number[rows]) for rows in (trial.choose, trial.test)]
    rules = compare_rules(*parts, max_loss=MAX_LOSS, **({"alphas": (0.1, 0.2, 0.3, 0.5)} if few else {}))
    ours_cost = dict(trial.spent)

    order = np.unique(trial.series.dates)
    right = parts[0][0].winner == parts[0][1][:, None]
    lost = 100 * (right[:, -1].mean() - right.mean(axis=0))
    begin = int(np.argmax(lost <= HOPELESS))
    expanding = tried_from(trial, order, begin, effort.ends)
    by_class = class_relevance(relevance.by_date, relevance.crop, trial.names)
    ranked = windows(date_relevance(by_class), trial.series.dates, max(effort.paper))
    papers = {(w.start, w.end): w for n in effort.paper for w in [ranked[min(n, len(ranked)) - 1]]}
    months = calendar_windows(order)[1:2] if not few else []
    more = ends_tried(trial, expanding)
    more += retrained(trial, PAPER, list(papers.values()))[0]
    more += retrained(trial, "calendar window (retrained)", months)[0]
    more += retrained(trial, "random window (retrained)", random_windows(order, 1 if months else 0, 1))[0]
    for alpha in effort.alphas:
        own = ElectsSettings(steps=effort.elects_steps, batch_size=min(asked.batch_size, ELECTS_BATCH), seed=asked.seed)
        file = None if kept is None else kept / f"elects_{alpha:g}_{own.steps}_{len(series)}_{own.seed}.npz"
        more += kept_outcomes(file, lambda alpha=alpha, own=own: elects(trial, (alpha,), own))
        print(f"  ELECTS {alpha:g}: {more[-1].test.accuracy:.4f} on day {more[-1].test.mean_day:.1f}", flush=True)
    comparison = joined(rules, more)
    seconds = time.process_time() - start

    print(
        f"\n## {name}: {len(trial.series)} parcels, {len(order)} dates, {len(trial.names)} classes; "
        f"learnt from {len(trial.learn)}, chosen by {len(trial.choose)}, scored on {len(trial.test)}; {seconds:.0f} s"
    )
    columns = ["rival", "setting", "accuracy", "accuracy_low", "accuracy_high", "loss_points", "macro_f1", "mean_day",
               "mean_day_low", "mean_day_high", "median_day", "day_90", "harmonic_mean"]  # fmt: skip
    print(comparison.table()[columns].round(4).to_string(index=False))
    print(ends_side_by_side(comparison, expanding, order).to_string(index=False))
    print(confirmed.round(4).to_string(index=False))
    print(pd.DataFrame([f.row() for f in found]).drop(columns="asked").round(2).to_string(index=False))
    print(comparison.costs().round(4).to_string(index=False))
    stages = stage_test(dict(zip(trial.names, by_class, strict=True)), trial.series.dates)
    print("no crop has a calendar" if stages is None else stages.text())
    print("trained: ours", ours_cost, "with the rivals", trial.spent, flush=True)
    if folder is not None:
        comparison.table().to_csv(folder / f"{name}_rivals.csv", index=False)
        comparison.curves().to_csv(folder / f"{name}_settings.csv", index=False)
        pd.DataFrame([f.row() for f in found]).to_csv(folder / f"{name}_search.csv", index=False)
        confirmed.to_csv(folder / f"{name}_confirmed.csv", index=False)
        if stages is not None:
            stages.table.to_csv(folder / f"{name}_stages.csv", index=False)
        draw_plane(comparison).savefig(folder / f"{name}_plane.png", dpi=110)
        frame = pd.DataFrame({"all": date_relevance(by_class), **dict(zip(trial.names, by_class, strict=True))},
                             index=trial.series.dates.astype(str))  # fmt: skip
        frame.to_csv(folder / f"{name}_relevance.csv", index_label="date")
        draw_search(found, frame).savefig(folder / f"{name}_search.png", dpi=110)
        curves = crop_curves(trial.series.select(trial.choose), truth, relevance)
        for crop in () if stages is None else stages.table["crop"]:
            draw_crop(curves, crop).savefig(folder / f"{name}_{crop.replace(' ', '_')}.png", dpi=110)
    return goals(comparison, confirmed, found[0], expanding)


def tried_from(trial: Trial, order: Any, begin: int, most: int) -> TrialAndError:
    """Let trial and error begin at a date, or as much earlier as it finds ends within the loss."""
    while True:
        found = trial_and_error(trial, list(order[begin:-1][:most]), max_loss=MAX_LOSS, enough=ENOUGH)
        right = found.choose_right.mean(axis=1)
        if begin == 0 or 100 * (right[-1] - right[0]) > MAX_LOSS:
            return found
        begin -= 1


def ends_side_by_side(comparison: Any, expanding: Any, order: Any) -> pd.DataFrame:
    """Return, for each end that trial and error tried, both accuracies on the parcels to choose by and to score."""
    ours = {t.setting: t for t in comparison.tried if t.rival == "fixed date"}
    return pd.DataFrame(
        [
            {"end": str(end), "one_network_choose": ours[str(end)].choose.accuracy, "retrained_choose": c.mean(),
             "one_network_score": ours[str(end)].test.accuracy, "retrained_score": t.mean()}
            for end, c, t in zip(expanding.ends, expanding.choose_right, expanding.test_right, strict=True)
        ]
    ).round(4)  # fmt: skip


def goals(comparison: Any, confirmed: pd.DataFrame, found: Any, expanding: Any) -> dict[str, Any]:
    """Return the numbers of the goals of one set.

    Both ends are chosen on the parcels to choose by: by the loss itself, each against its own full season; against that
    of trial and error, and against the better of both; and by the one-sided test.
    """
    chosen = comparison.chosen()
    shown = confirmed.set_index("shown")
    ours = chosen[OURS].test
    fixed = [t for t in comparison.tried if t.rival == "fixed date"]
    curves = {
        "ours": ([np.datetime64(t.setting) for t in fixed], [t.choose.accuracy for t in fixed]),
        "trial": (list(expanding.ends), [right.mean() for right in expanding.choose_right]),
    }
    alone = curves["trial"][1][-1]
    best = max(alone, curves["ours"][1][-1])

    def end(which: str, full: float | None = None) -> np.datetime64:
        dates, accuracies = curves[which]
        least = (accuracies[-1] if full is None else full) - MAX_LOSS / 100 - 1e-9
        return min((d for d, a in zip(dates, accuracies, strict=True) if a >= least), default=dates[-1])

    def days(one: np.datetime64, other: np.datetime64) -> int:
        return int((one - other).astype(int))

    last, stands = expanding.ends[-1], expanding.ends[expanding.chosen]  # the same where no end that was tried stands
    year = last.astype("datetime64[Y]").astype("datetime64[D]")
    best_end = min(chosen["fixed date"].test.mean_day, days(end("trial"), year) + 1)
    others = {name: comparison.lead(OURS, name) for name in chosen if name != OURS}

    def lead(rival: str) -> float:  # a rival that never comes near the whole season is compared at all its settings
        return others[rival] if np.isfinite(others[rival]) else comparison.lead(OURS, rival, within=100)

    return {
        "loss_points": 100 * (comparison.full[1].accuracy - ours.accuracy),
        "end_days_vs_trial_and_error": days(end("ours"), end("trial")),
        "end_days_full_season_of_trial_and_error": days(end("ours", alone), end("trial", alone)),
        "end_days_better_full_season": days(end("ours", best), end("trial", best)),
        "end_days_by_the_test": None if stands == last else days(found.end, stands),
        "end": str(end("ours")),
        "end_of_trial_and_error": str(end("trial")),
        "full_season_one_network": 100 * comparison.full[1].accuracy,
        "full_season_alone": 100 * float(expanding.test_right[-1].mean()),
        "decision_days_gain": float(best_end - ours.mean_day),
        "elects_dominated": bool(lead("ELECTS") >= 0),
        "paper_dominated": bool(lead(PAPER) >= 0),
        "dominated_by": list(comparison.dominating(OURS)),
        "lead_points": {name: round(v, 3) if np.isfinite(v) else None for name, v in others.items()},
        "eight_dates_loss": 100 * float(shown.loc["up to the end", "accuracy"] - shown.loc["chosen dates", "accuracy"]),
        "season_begins": comparison.season[0],
    }


def verdicts(name: str, found: dict[str, Any]) -> None:
    """Print each goal, and by how much it is missed where it is."""
    ends = (
        (", each against its own full season", "end_days_vs_trial_and_error"),
        (", against that of trial and error", "end_days_full_season_of_trial_and_error"),
        (", against the better full season", "end_days_better_full_season"),
        (", by the test", "end_days_by_the_test"),
    )
    checks = (
        ("loss of deciding each parcel, points", found["loss_points"], found["loss_points"] <= MAX_LOSS, MAX_LOSS),
        *((f"end after that of trial and error{how}, days", found[key], found[key] <= 0, 0)
          for how, key in ends if found[key] is not None),
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


def stages_of(year: int) -> pd.DataFrame:
    """Return the median day of each growth stage by landscape and crop, and the fields that it is of."""
    land = draw_land(Country(parcels=STAGE_FIELDS, year=year, level="L2A", countries=("Austria",), **YEARS))
    fields = land.fields
    found = pd.DataFrame(fields.events, columns=list(EVENTS)).assign(place=fields.place, crop=fields.crop)
    long = found.melt(["place", "crop"], var_name="stage", value_name="day").dropna()
    long = long[long["stage"] != "sowing"]
    return long.groupby(["place", "crop", "stage"])["day"].agg(["median", "size"]).query("size >= 15")


def shifts(home: pd.DataFrame, other: pd.DataFrame) -> pd.DataFrame:
    """Return the stages of both years that fall into the season: ``home`` and ``other`` day, and fields."""
    both = home.add_suffix("_home").join(other.add_suffix("_other"), how="inner")
    return both[both["median_home"].between(60, 270)]


def alignment() -> None:
    """Print how far the stages of simulated crops lie from those of 2019, and how far after alignment by warmth."""
    lands = {year: draw_land(Country(parcels=STAGE_FIELDS, year=year, level="L2A", countries=("Austria",), **YEARS))
             for year in (2019, *BEFORE_YEARS, *OTHER_YEARS)}  # fmt: skip
    day = FIRST_DAY + np.arange(lands[2019].weather.temperature.shape[1])
    both = {year: shifts(stages_of(2019), stages_of(year)).reset_index() for year in lands if year != 2019}
    rows = []
    for year, table in both.items():
        move = table["median_other"] - table["median_home"]
        mean, size = (float(np.average(v, weights=table["size_home"])) for v in (move, move.abs()))
        rows.append({"year": year, "later by": mean, "apart by": size})
    print("\n## stages against those of 2019, days\n" + pd.DataFrame(rows).round(1).to_string(index=False))

    def left(year: int, base: float, pace: float) -> float:
        table, away = both[year], []
        for place, own in table.groupby("place"):
            warm = (np.clip(lands[y].weather.temperature[place], base, 30) - base for y in (year, 2019))
            sums = [np.cumsum((each + pace + 1e-6) * (day >= 0)) for each in warm]
            told = np.interp(np.interp(own["median_other"], day, sums[0]), sums[1], day)
            away.append(np.stack([np.abs(told - own["median_home"]), own["size_home"]]))
        gap, weight = np.concatenate(away, axis=1)
        return float(np.average(gap, weights=weight))

    rows = [
        {"base": base, "pace": pace,
         "by which it was chosen": np.mean([left(year, base, pace) for year in BEFORE_YEARS]),
         "the others": np.mean([left(year, base, pace) for year in OTHER_YEARS])}
        for base in (0.0, 3.0, 5.0) for pace in (0.0, 1.0, 3.0, 6.0, 10.0, 20.0)
    ]  # fmt: skip
    print("apart by after alignment\n" + pd.DataFrame(rows).round(2).to_string(index=False), flush=True)


def true_days(other: CropSeries, stages: pd.DataFrame) -> npt.NDArray[np.float32]:
    """Return the day of the home year by which the fields of a landscape were as far, in the median of all crops.

    No temperature can do better with one day for all crops: it is the truth of the simulator.
    """
    found = np.empty((len(other), len(other.dates)), np.float32)
    for name in np.unique(other.group("region")):
        own = stages.xs(int(str(name).split()[-1]) - 1, level="place")
        at, move = own["median_other"].to_numpy(), (own["median_home"] - own["median_other"]).to_numpy()
        weight = own["size_home"].to_numpy()
        near = np.exp(-(((other.season_day[:, None] - at) / STAGES_NEAR) ** 2)) * weight + 1e-9
        days = np.maximum.accumulate(other.season_day + (near * move).sum(axis=1) / near.sum(axis=1))
        found[other.group("region") == name] = days
    return found


def years(effort: Effort, folder: Path, output: Path | None) -> dict[str, dict[str, float]]:
    """Apply what is learnt in simulated Austria 2019 to other years, by the calendar and by thermal time.

    The part of the loss that is the pace of the crops is told from the rest by two further rows: other fields under
    other skies of the same year, which no calendar can mend, and days told by the true stages of the other year.
    """
    torch.set_num_threads(1)
    few = effort.steps < SHORT
    kept = None if output is None else output / "years_networks"
    home = austria(2019, effort.parcels, folder, **CLEAR)
    asked = settings(effort, len(home))
    day_trial = KeptTrial.divide(home, replace(asked, shift=SHIFT), test_share=0.3, choose_share=0.25)
    day_trial = replace(day_trial, folder=kept)
    warm_trial = replace(day_trial, settings=replace(day_trial.settings, time_encoding="thermal time"))
    parts = []
    for trial in (day_trial,) if few else (day_trial, warm_trial):
        model = trial.train()
        answers, truth = trial.prefixes(model, trial.choose), trial.number[trial.choose]
        first, last = answers.day[0], answers.day[-1]
        when = (answers.day - first) / (last - first)
        parts.append((model, ClassThresholds.for_loss(answers.probabilities, truth, when, MAX_LOSS)))
        if trial is day_trial:
            right = answers.winner == truth[:, None]
            end = next(t for t in range(len(when)) if 100 * (right[:, -1].mean() - right[:, t].mean()) <= MAX_LOSS)
            last_day = float(answers.day[end] - 1)
            print(f"\n## 2019 in other years: {len(trial.learn)} parcels learnt from, window to {answers.dates[end]}")
    scored = day_trial.series.select(day_trial.test)
    of_home = stages_of(2019)
    recovered: dict[str, dict[str, float]] = {}
    for year, seed in ((2019, 6), *((year, 5) for year in OTHER_YEARS[: 1 if few else None])):
        other = austria(year, effort.parcels // 2, folder, **{**CLEAR, "seed": seed})
        of_other = shifts(of_home, stages_of(year))
        told = {"true stages": true_days(other, of_other)} if seed == 5 else {}
        moved = transfer(*parts[0], last_day, home, scored, other, by="region", told=told,
                         thermal_network=parts[1] if len(parts) > 1 else None)  # fmt: skip
        print(f"\n{year}" + (", other fields and skies" if seed != 5 else ""))
        print(moved.table.round(4).to_string(index=False), flush=True)
        if seed != 5:
            alike = moved.table.set_index("by").loc["calendar"]
            continue
        gap = (of_other["median_other"] - of_other["median_home"]).abs()
        print(f"stages move by {np.average(gap, weights=of_other['size_home']):.1f} days in the mean")
        ways = [way for way in moved.table["by"] if way not in ("home", "calendar")]
        for way in ways:
            recovered[f"{year}, {way}"] = {
                f"{column}{said}": moved.recovery(column, way, best)
                for column in ("whole", "window", "decided")
                for said, best in (("", None), (", of the same year's loss", float(alike[column])))
            }
            print(f"{way} recovers:", {k: round(v, 3) for k, v in recovered[f"{year}, {way}"].items()}, flush=True)
    return recovered


def main() -> None:
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--quick", action="store_true")
    ask.add_argument("--sets", default="arkansas,austria,bavaria,years")
    ask.add_argument("--steps", type=int, help="steps of the network for any season")
    ask.add_argument("--window-steps", type=int, help="steps of each network for one window")
    ask.add_argument("--elects-steps", type=int, help="steps of each training of ELECTS")
    ask.add_argument("--parcels", type=int, help="of simulated Austria")
    ask.add_argument("--width", type=int, help="of the networks, 0 for the usual")
    ask.add_argument("--seed", type=int, help="of the division of the parcels and of all trainings")
    ask.add_argument("--ends", type=int, help="ends that trial and error tries at most")
    ask.add_argument("--elects-alphas", help="weights of ELECTS, by commas")
    ask.add_argument("-o", "--output", type=Path)
    given = ask.parse_args()
    effort = QUICK if given.quick else Effort()
    said = {
        name: getattr(given, name) for name in ("steps", "window_steps", "elects_steps", "parcels", "width", "ends")
    }
    effort = replace(effort, **{name: value for name, value in said.items() if value is not None})
    if given.elects_alphas:
        effort = replace(effort, alphas=tuple(float(a) for a in given.elects_alphas.split(",")))
    if given.output is not None:
        given.output.mkdir(parents=True, exist_ok=True)
    found: dict[str, dict[str, Any]] = {}
    recovered: dict[str, dict[str, float]] = {}
    with tempfile.TemporaryDirectory() as temporary:
        for name in given.sets.split(","):
            if name == "stages":
                alignment()
                continue
            if name == "years":
                recovered = years(effort, Path(temporary), given.output)
                continue
            if name == "austria":
                series = austria(2019, effort.parcels, Path(temporary))
            elif not ROOT.is_dir():
                print(f"{name}: no real data in {ROOT}; left out")
                continue
            else:
                series = {"arkansas": arkansas, "bavaria": bavaria}[name]()
                if given.quick and len(series) > effort.parcels:
                    series = series.select(np.random.default_rng(0).permutation(len(series))[: effort.parcels])
            found[name] = study(name, series, effort, given.output)
    print()
    for name, numbers in found.items():
        verdicts(name, numbers)
    main_set = found.get("arkansas") or next(iter(found.values()), {})
    window = [r["window"] for way, r in recovered.items() if way.endswith(", thermal") and np.isfinite(r["window"])]
    line = {k: main_set.get(k) for k in ("loss_points", "end_days_vs_trial_and_error", "decision_days_gain",
                                     "elects_dominated", "eight_dates_loss")}  # fmt: skip
    told = {y: {c: v if np.isfinite(v) else None for c, v in r.items()} for y, r in recovered.items()}
    line["thermal_recovery"] = float(np.mean(window)) if window else None
    print(json.dumps({**line, "sets": found, "thermal_by_year": told, "quick": given.quick}))


if __name__ == "__main__":
    main()
