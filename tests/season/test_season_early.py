"""The whole study on two crops that differ in June only."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from made_up import QUICK, two_crops

from cropxai.model import load_model
from cropxai.season.early import early_study, file_names
from cropxai.season.elects import ElectsSettings
from cropxai.season.rivals import OURS
from cropxai.season.search import trial_and_error
from cropxai.season.today import decide_today
from cropxai.season.trainings import calendar_windows, elects, ends_tried, random_windows, retrained
from cropxai.season.trial import Trial


@pytest.fixture(scope="module")
def study():
    return early_study(two_crops(300, gaps=0.0), replace(QUICK, epochs=30), max_loss=8.0, test_share=0.25, most_dates=3)


def test_window_and_dates_are_in_june_and_hold_when_retrained(study):
    shown = study.confirmed.set_index("shown")
    assert shown.loc["window", "start"] >= "2018-06-01" and shown.loc["window", "end"] < "2018-07-01"
    assert shown.loc["chosen dates", "dates"] <= 2
    assert shown.loc["chosen dates", "accuracy"] > 0.9
    assert (shown["loss_bound"] >= shown["loss_points"] - 1e-9).all()


def test_parcels_are_decided_in_june(study):
    rules = study.comparison.table().set_index("rival")
    assert 150 < rules.loc[OURS, "mean_day"] < 200
    assert rules.loc["full season", "mean_day"] == study.comparison.season[1]


def test_everything_is_written_and_the_model_decides(study, tmp_path):
    folder = study.save(tmp_path / "early")
    tables = {p.name for p in folder.glob("*.csv")}
    assert tables >= {"search.csv", "confirmed.csv", "rules.csv", "accuracy_by_date.csv", "costs.csv",
                      "sensitivity.csv", "crop_curves.csv", "stages.csv", "relevance_of_choice.csv"}  # fmt: skip
    assert {p.name for p in folder.glob("*.png")} == {"accuracy_by_date.png", "search.png"}
    assert {p.stem for p in (folder / "crops").glob("*.png")} == {"grain_maize", "winter_wheat"}
    told = json.loads((folder / "early.json").read_text(encoding="utf-8"))
    assert told["max_loss"] == 8.0 and told["spent"]["fits"] >= 2
    model = load_model(folder / "model")
    assert model.card.window is not None
    assert decide_today(two_crops(40, seed=3), model, "2018-07-20").parcels["decided"].mean() > 0.5
    assert len(pd.read_csv(folder / "sensitivity.csv")) == 2 * 3 * 2 * 2
    assert "deciding each parcel" in study.text()


def test_rivals_with_networks_of_their_own_are_settings_too():
    trial = Trial.divide(two_crops(200, gaps=0.0), replace(QUICK, epochs=5), test_share=0.25, choose_share=0.3)
    dates = trial.series.dates
    windows = random_windows(dates, 2, seed=1)
    assert windows == random_windows(dates, 2, seed=1) and all(w.start < w.end for w in windows)
    assert str(calendar_windows(dates)[0].end) == "2018-07-31"
    tried, models = retrained(trial, "random", windows)
    assert [t.rival for t in tried] == ["random"] * 2 and len(models) == 2
    for one, window, model in zip(tried, windows, models, strict=True):
        day = int((window.end - np.datetime64("2018-01-01")).astype(int)) + 1
        assert (one.test.day == day).all()
        assert one.test.accuracy == trial.right(model, trial.test, trial.inside(window)).mean()
    found = trial_and_error(trial, dates[[6]], max_loss=5.0)
    assert [t.test.accuracy for t in ends_tried(trial, found)] == [r.mean() for r in found.test_right]
    stopping = elects(trial, (0.5,), ElectsSettings(steps=20))
    assert stopping[0].rival == "ELECTS" and len(stopping[0].test.day) == len(trial.test)
    assert trial.spent["fits"] == 2 + 2 + 1


def test_every_crop_has_a_file_name_of_its_own():
    crops = ["winter wheat", "Winter-Wheat", "winter/wheat", "Öl\N{SUNFLOWER}", "麦" * 300, "麦" * 301, "..", ""]
    names = file_names(crops)
    assert list(names) == crops and names["winter wheat"] == "winter_wheat"
    assert len({name.casefold() for name in names.values()}) == len(crops)  # some file systems do not tell case apart
    assert all(len(name.encode()) < 250 and name.replace("_", "a").isalnum() for name in names.values())
