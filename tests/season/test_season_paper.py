"""The paper's experiment on files of its data set's layout, and what is published beside it."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import QUICK

from cropxai.errors import SeriesUnusable
from cropxai.season.paper import PUBLISHED, paper_series, reproduce_paper
from cropxai.season.whole import whole_study
from cropxai.series import CropSeries, with_thermal_time
from cropxai.series.l1c import ALL_BANDS
from cropxai.series.tinyeurocrops import write_tinyeurocrops


@pytest.fixture(scope="module")
def data_set(tmp_path_factory):
    """A folder like that of TinyEuroCrops, with two crops that differ in June."""
    pytest.importorskip("h5py")
    rng = np.random.default_rng(0)
    dates = np.arange("2019-03-01", "2019-10-01", 20, dtype="datetime64[D]")
    label = rng.integers(0, 2, 160)
    values = rng.normal(0.2, 0.01, (160, len(dates), 13))
    june = (dates >= np.datetime64("2019-06-01")) & (dates < np.datetime64("2019-07-10"))
    values[np.ix_(label == 1, june, [7])] += 0.2
    series = CropSeries.from_arrays(
        values, dates, ALL_BANDS, list(range(160)), crop=np.array(["winter barley", "grain maize"])[label].tolist(),
        groups={"region": ["AT112"] * 160}, attrs={"level": "L1C"},
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("m1615987")
    (folder / "HDF5s" / "train").mkdir(parents=True)
    write_tinyeurocrops(series, folder / "HDF5s" / "train" / "AT_T33UWP_train.h5", region="AT112")
    return folder


def test_the_experiment_runs_on_the_folder_of_the_data_set(data_set, tmp_path):
    run = reproduce_paper(data_set, replace(QUICK, epochs=15), most=3)
    table = run.table.set_index("what")
    assert table.loc["published", "window_accuracy"] == 0.8640 and table.loc["published", "end"] == "2019-08-09"
    assert table.loc["here, Δt_3", "parcels"] == 160 and table.loc["here, Δt_3", "classes"] == 2
    assert np.isnan(table.loc["published", "full_accuracy"])  # not published, so not shown
    assert run.study.model.card.architecture.kind == "paper" and run.study.model.card.architecture.dates == 11
    assert run.study.settings["training"]["any_season"] == run.study.settings["training"]["date_dropout"] == 0
    assert not run.simulated and "compare with nothing" not in run.text()
    run.save(tmp_path / "paper")
    assert {"paper.csv", "windows.csv", "model"} <= {p.name for p in (tmp_path / "paper").iterdir()}


def test_only_what_is_published_is_called_so():
    assert PUBLISHED["full_accuracy"] is None
    assert PUBLISHED["parcels"] == 414_392 and PUBLISHED["loss_points"] == 0.75


def test_a_folder_without_austria_is_refused(tmp_path):
    with pytest.raises(SeriesUnusable, match="or 'simulated'"):
        paper_series(tmp_path)


def test_simulated_parcels_are_called_simulated():
    series = paper_series("simulated", parcels=60)
    assert series.level == "L1C" and series.season_year == 2019 and len(series.bands) == 13


def test_a_year_is_applied_to_another(tmp_path):
    import pandas as pd
    from made_up import two_crops

    file = tmp_path / "w.csv"
    pd.DataFrame({"date": pd.date_range("2018-01-01", "2018-12-31"), "temperature": 12.0}).to_csv(file, index=False)
    home, other = (with_thermal_time(two_crops(200, seed=s, gaps=0.0), file) for s in (0, 1))
    study = whole_study(home, replace(QUICK, epochs=15), procedure="search", other=other, max_loss=15.0, most_dates=2)
    assert study.paper is None and list(study.other.table["by"]) == ["home", "calendar", "thermal"]
    assert "in the other year" in study.text() and "window:" in study.text()
    study.save(tmp_path / "s")
    assert (tmp_path / "s" / "other_year.csv").exists() and (tmp_path / "s" / "model").is_dir()
