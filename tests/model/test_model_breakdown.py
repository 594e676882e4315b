"""Scores by season end and part, against scikit-learn and the series cut by hand."""

from dataclasses import replace

import geopandas as gpd
import numpy as np
import pytest
from made_up import two_crops
from shapely.geometry import box
from sklearn.metrics import accuracy_score, cohen_kappa_score, f1_score

from cropxai.errors import SeriesUnusable
from cropxai.model import classify
from cropxai.model.breakdown import (
    accuracy,
    answers_by_end,
    count_confusion,
    end_row,
    intervals,
    kappa,
    macro_f1,
    part_table,
    parts,
    season_dates,
)
from cropxai.model.evaluate import both_splits, evaluate
from cropxai.model.evaluation_figures import draw_all
from cropxai.series import CropSeries


def test_measures_are_those_of_scikit_learn():
    rng = np.random.default_rng(0)
    truth, said = rng.integers(0, 3, 200), rng.integers(0, 4, 200)
    confusion = count_confusion(truth, said, 4)
    assert accuracy(confusion) == pytest.approx(accuracy_score(truth, said))
    assert kappa(confusion) == pytest.approx(cohen_kappa_score(truth, said))
    assert macro_f1(confusion) == pytest.approx(f1_score(truth, said, labels=[0, 1, 2], average="macro"))


def test_intervals_are_those_of_parcels_and_of_blocks_drawn_one_by_one():
    rng = np.random.default_rng(1)
    block = rng.integers(0, 12, 600)
    truth = rng.integers(0, 2, 600)
    said = np.where(rng.random(600) < 0.6 + 0.3 * (block % 2), truth, 1 - truth)  # every other block is easier
    alone = intervals(count_confusion(truth, said, 2)[None])["accuracy"]
    together = np.stack([count_confusion(truth[block == b], said[block == b], 2) for b in range(12)])
    blocks = intervals(together)["accuracy"]
    by_parcel = [(truth == said)[rng.integers(0, 600, 600)].mean() for _ in range(2000)]
    by_block = []
    for _ in range(2000):
        rows = np.concatenate([np.flatnonzero(block == b) for b in rng.integers(0, 12, 12)])
        by_block.append((truth == said)[rows].mean())
    np.testing.assert_allclose(alone, np.percentile(by_parcel, [2.5, 97.5]), atol=0.012)
    np.testing.assert_allclose(blocks, np.percentile(by_block, [2.5, 97.5]), atol=0.025)
    assert blocks[1] - blocks[0] > 1.5 * (alone[1] - alone[0])


def test_season_ends_are_the_last_dates_of_months_or_dekads():
    dates = np.array(["2018-03-31", "2018-03-01", "2018-03-09", "2018-03-12", "2018-05-21", "2018-05-30"], "datetime64")
    assert [str(d) for d in season_dates(dates)] == ["2018-03-31", "2018-05-30"]
    assert [str(d) for d in season_dates(dates, "dekad")] == ["2018-03-09", "2018-03-12", "2018-03-31", "2018-05-30"]


def test_answers_up_to_a_date_are_those_of_the_series_cut_there(model):
    series = two_crops(60, seed=2, gaps=0.4)
    target = np.array([model.names.index(label) for label in series.labels])
    ends = season_dates(series.dates)
    found = list(answers_by_end(model, series, target, ends, 0.8))
    assert [f.date for f in found] == ends
    for answers in found:
        cut = classify(series.between(end=answers.date), model, coverage=0.8)
        seen = np.flatnonzero(cut.answered)
        np.testing.assert_array_equal(answers.parcel, seen)
        np.testing.assert_allclose(answers.probabilities, cut.probabilities[seen], atol=1e-5)
        np.testing.assert_array_equal(answers.covered, cut.sets[seen, target[seen]])
        np.testing.assert_array_equal(answers.size, cut.frame["set_size"].to_numpy()[seen])
        row, _ = end_row(answers, target)
        assert row["accuracy"] == pytest.approx((cut.winner[seen] == target[seen]).mean())
        assert row["coverage"] == pytest.approx(answers.covered.mean()) and row["nominal"] == 0.8


def test_parts_are_named_by_size_clear_dates_and_column():
    series = two_crops(8)
    sides = np.array([30, 60, 80, 120, 200, 300, 500, 900])
    shapes = gpd.GeoDataFrame(geometry=[box(0, 5_000_000, s, 5_000_000 + s) for s in sides], crs="EPSG:32632")
    found = parts(CropSeries(series.dataset, shapes), np.array([3, 3, 3, 4, 5, 6, 9, 9]), ("zone",))
    assert list(found) == ["clear dates", "hectares", "zone"]
    assert found["hectares"].tolist()[:3] == ["0 to 0.5"] * 2 + ["0.5 to 1"]
    assert found["hectares"].tolist()[-2:] == ["10 and more"] * 2
    assert found["clear dates"].tolist()[0] == "3" and "9" in found["clear dates"].tolist()[-1]
    with pytest.raises(SeriesUnusable, match="no column 'region'"):
        parts(series, np.zeros(8, int), ("region",))


def test_a_part_has_the_scores_of_its_parcels():
    truth, said = np.array([0, 0, 1, 1, 1]), np.array([0, 1, 1, 1, 0])
    by = {"zone": np.array(["10", "10", "9", "9", ""], dtype=object)}
    table = part_table(by, truth, said, 2)
    assert table["part"].tolist() == ["9", "10"] and table["accuracy"].tolist() == [1.0, 0.5]
    assert table["parcels"].tolist() == [2, 2]


def test_an_evaluation_tells_ends_parts_and_intervals_and_draws_them(model, tmp_path):
    series = two_crops(150, seed=6)
    scores = evaluate(series, model, by=("zone",))
    low, high = scores.intervals["accuracy"]
    assert low <= scores.accuracy <= high
    assert scores.ends["date"].tolist() == [str(d) for d in season_dates(series.dates)]
    assert scores.ends["accuracy"].iloc[-1] == pytest.approx(scores.accuracy)
    assert set(scores.parts["by"]) == {"clear dates", "zone"}
    assert "ECE" in scores.text() and "zone" in scores.text() and scores.asdict()["season_ends"]
    files = draw_all(scores, tmp_path)
    assert {f.stem for f in files} == {"confusion", "season_ends", "reliability", "parts"}
    assert all(f.stat().st_size > 5000 for f in files)


def test_an_older_model_is_scored_without_sets(model, series, tmp_path):
    old = replace(model, card=replace(model.card, uncertainty=None))
    scores = evaluate(series, old)
    assert "coverage" not in scores.ends and scores.unlike is None
    assert draw_all(scores, tmp_path)


def test_space_and_chance_side_by_side(series):
    from made_up import QUICK

    found = both_splits(series, replace(QUICK, epochs=2), count=2)
    assert list(found.scores) == ["spatial", "random"]
    assert found.scores["spatial"].drawn.endswith("blocks of neighbours") and found.scores["random"].drawn == "parcels"
    assert found.text().startswith(" ") and set(found.asdict()["splits"]) == {"spatial", "random"}
    assert sum(found.scores["random"].ends["parcels"] > 0) == len(found.scores["random"].ends)
