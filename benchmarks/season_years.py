"""The years of the benchmark of the season: how far stages move, and what one year's window and network are worth.

``python benchmarks/season.py --sets stages,years`` runs these.
"""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import torch
from season_trial import MAX_LOSS, SHORT, Effort, KeptTrial, austria, settings

from cropxai.season.today import ClassThresholds
from cropxai.season.years import transfer
from cropxai.series import CropSeries
from cropxai.simulate import Country
from cropxai.simulate.development import EVENTS
from cropxai.simulate.land import draw_land
from cropxai.simulate.weather import FIRST_DAY

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
