"""How early is the crop known, at what loss: every way to decide, on real and simulated parcels.

``python benchmarks/season.py [--quick] [--sets arkansas,austria,bavaria,years] [-o FOLDER]``; the real sets are those
of ``real_series.py``, Austria and its years are simulated; ``stages`` is how far the stages of simulated crops move
between years. Prints tables, a line for each goal, and ends with one line of JSON. ``--quick`` takes fewer parcels and
short trainings: it shows that the study runs, not what it finds.

The network for any season may cost as much as all networks of trial and error together; each of these is trained for
its window alone. With ``-o`` every trained network is kept, so that a run that was cut short goes on.
"""

import argparse
import json
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

sys.path.insert(0, str(Path(__file__).parent))
from real_series import ROOT, arkansas, bavaria
from season_trial import (
    MAX_LOSS,
    QUICK,
    SHORT,
    Effort,
    KeptTrial,
    austria,
    for_a_window,
    kept_outcomes,
    settings,
)
from season_years import alignment, years

from cropxai.explain import explain
from cropxai.season.curves import crop_curves
from cropxai.season.early import confirm
from cropxai.season.elects import ElectsSettings
from cropxai.season.figure import draw_plane, draw_search
from cropxai.season.rivals import OURS, compare_rules, joined
from cropxai.season.search import TrialAndError, guided_search, trial_and_error
from cropxai.season.stages import draw_crop, stage_test
from cropxai.season.trainings import calendar_windows, elects, ends_tried, random_windows, retrained
from cropxai.season.trial import Trial
from cropxai.season.window import class_relevance, date_relevance, windows
from cropxai.series import CropSeries

#: Classes beyond which the search is for all together only.
MANY = 12
#: Of ELECTS, whose time goes with the dates one after the other.
ELECTS_BATCH = 64
#: Trial and error begins where the network for any season loses this many points.
HOPELESS = 2.0
#: It stops after so many ends within the loss.
ENOUGH = 2
PAPER = "Δt_n of the paper (retrained)"


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
    names = ("steps", "window_steps", "elects_steps", "parcels", "width", "seed", "ends")
    said = {name: getattr(given, name) for name in names}
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
