import json

import numpy as np
import pandas as pd
import pytest
from made_up import QUICK, two_crops

from cropxai.explain import explain
from cropxai.model import classify, load_model
from cropxai.season import season_study
from cropxai.season.agreement import crop_windows


@pytest.fixture(scope="module")
def study():
    return season_study(two_crops(count=240, gaps=0.0), QUICK, most=3, max_loss=2.0)


def test_the_window_is_where_the_crops_differ(study):
    """The two crops differ on 14 and 29 June only."""
    assert str(study.chosen.start) >= "2018-06-01"
    assert str(study.chosen.end) <= "2018-06-30"
    assert study.relevance["all"].idxmax()[:7] == "2018-06"


def test_the_table_is_the_papers(study):
    table = study.table
    assert list(table["n"]) == [0, 1, 2, 3]
    assert table.loc[0, "days"] == 181 and table.loc[0, "dates"] == 13
    np.testing.assert_allclose(table["loss_points"], 100 * (table["accuracy"][0] - table["accuracy"]))
    assert (table["dates"][1:].diff().dropna() >= 0).all()


def test_the_study_is_written_whole(study, tmp_path):
    folder = study.save(tmp_path / "season")
    assert {p.name for p in folder.iterdir()} == {
        "windows.csv",
        "relevance_by_date.csv",
        "study.json",
        "season.png",
        "model",
    }
    assert len(pd.read_csv(folder / "windows.csv")) == 4
    assert list(pd.read_csv(folder / "relevance_by_date.csv").columns) == ["date", "all", "grain maize", "winter wheat"]
    assert json.loads((folder / "study.json").read_text())["max_loss"] == 2.0
    window = load_model(folder / "model").card.window
    new_year = np.datetime64("2018-01-01")
    assert window.first_day == (study.chosen.start - new_year).astype(int)
    assert window.last_day == (study.chosen.end - new_year).astype(int)
    assert "points lost" in study.text()


def test_no_window_within_the_loss_is_said():
    study = season_study(two_crops(count=240, gaps=0.0), QUICK, most=1, max_loss=-100.0)
    assert study.chosen is None
    assert "no window loses" in study.text()


def test_windows_without_labels_keep_the_answers(series, model):
    answers, relevance = classify(series, model), explain(series, model)
    found = crop_windows(series, model, answers, relevance, most=6, max_loss=5.0)
    assert set(found) == {"grain maize", "winter wheat"}
    for name, crop in found.items():
        own = (answers.frame["crop"] == name).to_numpy()
        assert crop.parcels == own.sum()
        cut = series.select(own).between(crop.window.start, crop.window.end)
        again = classify(cut, model).frame["crop"]
        assert (again == name).mean() == pytest.approx(crop.agreement)
        assert crop.agreement >= 0.95
