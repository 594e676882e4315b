"""What the benchmarks of the season share: how much is trained and how, networks that are kept, simulated Austria."""

import hashlib
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from cropxai.model import Model, Settings, load_model
from cropxai.season.measures import Outcome
from cropxai.season.rivals import Tried
from cropxai.season.trial import Trial
from cropxai.series import CropSeries, with_thermal_time
from cropxai.simulate import Country, simulate_series
from cropxai.simulate.land import draw_land
from cropxai.simulate.sky import TINYEUROCROPS_DAYS
from cropxai.simulate.weather import FIRST_DAY

#: Points of accuracy that may be lost.
MAX_LOSS = 0.75
#: Steps below which fewer settings are tried.
SHORT = 500
#: Parcels below which batches are small, so that a training has more steps.
FEW, SMALL_BATCH = 2000, 32


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
