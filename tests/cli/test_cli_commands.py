"""Each command on a small series, from its arguments to its output."""

import json
import shutil
import sqlite3
from contextlib import closing

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import shapely

from cropxai.bands import BANDS
from cropxai.cli.main import main
from cropxai.explain import Relevance
from cropxai.model import classify, load_model
from cropxai.series import CropSeries
from cropxai.simulate.truth import discriminating_power, save_power

TRAINING = ["--epochs", "3", "--split", "random", "--width", "32", "--layers", "1", "--quiet"]


@pytest.fixture(scope="module")
def paths(series, model, tmp_path_factory):
    folder = tmp_path_factory.mktemp("commands")
    series.save(folder / "a.zarr")
    model.save(folder / "m")
    return str(folder / "a.zarr"), str(folder / "m"), folder


def test_train_writes_a_model_and_leaves_no_checkpoint(paths, tmp_path):
    assert main(["train", paths[0], "-o", str(tmp_path / "new"), *TRAINING]) == 0
    assert load_model(tmp_path / "new").card.name == "new"
    assert [p.name for p in tmp_path.iterdir()] == ["new"]
    assert main(["train", paths[0], "-o", str(tmp_path / "new"), *TRAINING]) == 1  # exists
    assert main(["train", paths[0], "-o", str(tmp_path / "new"), "--overwrite", *TRAINING]) == 0


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_classify_writes_the_answers(paths, tmp_path, suffix, series, model):
    file = tmp_path / f"crops.{suffix}"
    assert main(["classify", paths[0], "--model", paths[1], "-o", str(file), "--quiet"]) == 0
    written = pd.read_csv(file) if suffix == "csv" else pd.read_parquet(file)
    expected = classify(series, model).frame
    assert (written["crop"] == expected["crop"]).all()
    assert (written["hcat_code"] == expected["hcat_code"]).all()


def test_classify_to_a_map(series, model, tmp_path, paths, capsys):
    frame = gpd.GeoDataFrame({"n": range(len(series))}, geometry=shapely.box(0, 0, 1, np.arange(1.0, 121)), crs=32632)
    CropSeries(series.dataset, frame).save(tmp_path / "a.zarr")
    file = tmp_path / "crops.gpkg"
    assert main(["classify", str(tmp_path / "a.zarr"), "--model", paths[1], "-o", str(file), "--quiet"]) == 0
    written = pyogrio.read_dataframe(file, layer="parcels")
    assert (written["crop"] == classify(series, model).frame["crop"]).all()
    assert written.geometry.area.tolist() == list(range(1, 121))
    assert main(["classify", paths[0], "--model", paths[1], "-o", str(tmp_path / "b.gpkg")]) == 1
    assert "no geometry" in capsys.readouterr().err


def test_classify_part_of_the_season(paths, tmp_path):
    file = tmp_path / "crops.csv"
    argv = ["classify", paths[0], "--model", paths[1], "-o", str(file), "--end", "2018-05-01", "--quiet"]
    assert main(argv) == 0
    assert pd.read_csv(file)["clear_dates"].max() <= 5


def test_explain_writes_relevance(paths, tmp_path):
    argv = [
        "explain",
        paths[0],
        "--model",
        paths[1],
        "-o",
        str(tmp_path / "r.zarr"),
        "--target",
        "logit",
        "--true-label",
        "--quiet",
    ]
    assert main(argv) == 0
    assert Relevance.open(tmp_path / "r.zarr").dataset.attrs["target"] == "logit"


def test_explain_one_class(paths, tmp_path, capsys):
    argv = ["explain", paths[0], "--model", paths[1], "-o", str(tmp_path / "r.zarr"), "--quiet"]
    assert main([*argv, "--class", "grain maize", "--target", "logit"]) == 0
    assert set(Relevance.open(tmp_path / "r.zarr").crop) == {"grain maize"}
    assert main([*argv, "--overwrite", "--class", "rice"]) == 2
    assert "--class 'rice' is none of the model's: grain maize, winter wheat" in capsys.readouterr().err
    assert main([*argv, "--overwrite", "--class", "grain maize", "--true-label"]) == 2


def test_explain_checks_itself_and_writes_relevance_by_date(paths, tmp_path, capsys):
    argv = ["explain", paths[0], "--model", paths[1], "-o", str(tmp_path / "r.zarr"), "--level", "date"]
    assert main([*argv, "--selfcheck", "--dtype", "float64", "--method", "attnlrp", "--reference", "class-median"]) == 0
    told = capsys.readouterr()
    assert float(told.err.rpartition(" ")[2]) < 1e-8
    assert "largest deviation from the explicit reference" in told.err
    assert "120 of 120 parcels × 13 dates, attnlrp of the margin by date" in told.out
    assert Relevance.open(tmp_path / "r.zarr").dataset["relevance"].dims == ("parcel", "time")
    assert [p.name for p in tmp_path.iterdir()] == ["r.zarr"]


def test_evaluate_a_model_and_cross_validate(paths, tmp_path, capsys):
    file = tmp_path / "scores.json"
    assert main(["evaluate", paths[0], paths[1], "--json", str(file)]) == 0
    assert json.loads(file.read_text())["parcels"] == 120
    assert "winter wheat" in capsys.readouterr().out
    assert main(["evaluate", paths[0], "--folds", "3", *TRAINING]) == 0


def test_evaluate_draws_and_tells_ends_and_parts(paths, tmp_path, capsys):
    argv = ["evaluate", paths[0], paths[1], "--by", "zone", "--ends", "dekad", "--coverage", "0.8"]
    assert main([*argv, "--figures", str(tmp_path / "f"), "--json", str(tmp_path / "s.json")]) == 0
    scores = json.loads((tmp_path / "s.json").read_text())
    assert {row["by"] for row in scores["parts"]} == {"clear dates", "zone"}
    assert len(scores["season_ends"]) > 6 and {row["nominal"] for row in scores["season_ends"]} == {0.8}
    assert {f.name for f in (tmp_path / "f").iterdir()} >= {"season_ends.png", "reliability.png", "confusion.png"}
    assert main([*argv, "--figures", str(tmp_path / "f")]) == 1  # exists
    assert main([*argv, "--cross-validate"]) == 2
    assert main([*argv, "--relevance", "--figures", str(tmp_path / "g")]) == 2
    assert capsys.readouterr().err.count("cropxai:") == 3


def test_classify_gives_sets_of_the_coverage(paths, tmp_path):
    sizes = {}
    for coverage in ("0.5", "0.99"):
        file = tmp_path / f"{coverage}.csv"
        assert main(["classify", paths[0], "--model", paths[1], "-o", str(file), "--coverage", coverage]) == 0
        sizes[coverage] = pd.read_csv(file)["set_size"].mean()
    assert sizes["0.5"] <= sizes["0.99"]


def test_evaluate_relevance(paths, tmp_path, capsys):
    argv = ["evaluate", paths[0], paths[1], "--relevance", "--sample", "30", "--draws", "2", "--method", "cp-lrp"]
    files = ["--json", str(tmp_path / "r.json"), "--figure", str(tmp_path / "r.png")]
    assert main([*argv, *files, "--peer", paths[1]]) == 0
    scores = json.loads((tmp_path / "r.json").read_text())
    assert scores["about"]["parcels"] == 30
    assert {row["method"] for row in scores["scores"]} >= {"cp-lrp", "random"}
    assert "area_mask" in capsys.readouterr().out
    assert (tmp_path / "r.png").exists()
    assert main([*argv, *files]) == 1  # exists


def test_evaluate_relevance_beside_a_table_of_what_dates_tell(paths, tmp_path, capsys):
    cube = CropSeries.open(paths[0])
    noisy = cube.dataset["reflectance"].values
    table = discriminating_power(np.nan_to_num(noisy, nan=0.2), noisy, cube.labels, cube.dates)
    truth = str(save_power(table, tmp_path / "power.csv"))
    argv = ["evaluate", paths[0], paths[1], "--relevance", "--sample", "20", "--draws", "2", "--method", "cp-lrp"]
    assert main([*argv, "--truth", truth]) == 0
    assert "alone_rank" in capsys.readouterr().out
    assert main([*argv, "--truth", str(tmp_path / "none.csv")]) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--relevance"], "needs MODEL"),
        (["MODEL", "--truth", "power.csv"], "give both"),
        (["MODEL", "--figure", "f.png"], "give both"),
        (["MODEL", "--relevance", "--figure", "f.gif"], "use .png"),
        (["MODEL", "--relevance", "--method", "lime"], "lime"),
    ],
)
def test_evaluate_tells_what_is_wrong_in_one_line(paths, capsys, arguments, words):
    assert main(["evaluate", paths[0], *[paths[1] if a == "MODEL" else a for a in arguments]]) == 2
    told = capsys.readouterr().err.strip()
    assert words in told
    assert "\n" not in told


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--method", "occlusion", "--level", "band"], "no level 'band'"),
        (["--method", "rollout", "--dtype", "float64"], "float32"),
        (["--method", "rollout", "--selfcheck"], "rules of LRP"),
    ],
)
def test_explain_refuses_what_a_method_has_not(paths, tmp_path, capsys, arguments, words):
    assert main(["explain", paths[0], "--model", paths[1], "-o", str(tmp_path / "r.zarr"), *arguments]) == 2
    told = capsys.readouterr().err.strip()
    assert words in told
    assert "\n" not in told


def test_season_writes_the_study(paths, tmp_path, capsys):
    argv = ["season", paths[0], "-o", str(tmp_path / "season"), "--top", "2", *TRAINING[:-1]]
    assert main([*argv, "--procedure", "paper"]) == 0
    assert "window:" in capsys.readouterr().out
    assert (tmp_path / "season" / "windows.csv").exists()
    assert not (tmp_path / "season" / "search.csv").exists()


def test_season_searches_and_its_model_decides_on_a_day(paths, tmp_path, capsys):
    folder, table = tmp_path / "season", tmp_path / "today.csv"
    argv = ["season", paths[0], "-o", str(folder), "--procedure", "search", "--max-loss", "20", *TRAINING[:-1]]
    assert main(argv) == 0
    assert "deciding each parcel" in capsys.readouterr().out
    assert {"search.csv", "rules.csv", "model", "window_model"} <= {p.name for p in folder.iterdir()}
    asked = ["season", paths[0], "--model", str(folder / "model"), "--today", "2018-08-20", "-o"]
    assert main([*asked, str(table)]) == 0
    assert "can be decided" in capsys.readouterr().out
    assert table.read_text(encoding="utf-8").startswith("parcel_id,decided,crop,decision_date")
    assert main([*asked, str(tmp_path / "today.gpkg")]) == 2
    assert "ends in .csv" in capsys.readouterr().err
    assert main(["season", paths[0], "--model", paths[1], "--today", "2018-08-20", "-o", str(tmp_path / "t.csv")]) == 1
    assert "'cropxai season' learns them" in capsys.readouterr().err


def test_season_trains_the_rivals(paths, tmp_path, capsys):
    folder = tmp_path / "season"
    argv = ["season", paths[0], "-o", str(folder), "--procedure", "search", "--rivals", "--max-loss", "20"]
    assert main([*argv, *TRAINING[:-1]]) == 0
    assert "ELECTS" in capsys.readouterr().out
    rules = pd.read_csv(folder / "rules.csv").set_index("rival")
    assert {"ELECTS", "trial and error (retrained)", "calendar window (retrained)", "random window (retrained)"} <= {
        *rules.index
    }
    told = json.loads((folder / "early.json").read_text(encoding="utf-8"))
    assert told["spent_with_rivals"]["fits"] > told["spent"]["fits"] + 10
    # ELECTS is trained as long as the others, with epochs of the same parcels
    assert told["spent_with_rivals"]["parcels_seen"] < 60 * told["spent"]["parcels_seen"]


@pytest.mark.parametrize("paper", [["--procedure", "paper"], ["--reproduce-paper"]])
def test_season_refuses_rivals_of_nothing(paths, tmp_path, capsys, paper):
    assert main(["season", paths[0], "-o", str(tmp_path / "s"), "--rivals", *paper]) == 2
    assert "leave out --rivals" in capsys.readouterr().err


def test_season_of_another_year_needs_the_weather_of_both(paths, tmp_path, capsys):
    argv = ["season", paths[0], "-o", str(tmp_path / "s"), "--other-year", paths[0]]
    assert main(argv) == 2
    assert "--other-weather" in capsys.readouterr().err
    assert main([*argv, "--weather", str(tmp_path / "none.csv"), "--other-weather", str(tmp_path / "none.csv")]) == 1
    assert "no such file" in capsys.readouterr().err


def test_info_and_models_tell_what_there_is(paths, capsys):
    assert main(["info", paths[0]]) == 0
    assert main(["info", paths[1]]) == 0
    assert main(["models"]) == 0
    shown = capsys.readouterr().out
    assert "120 parcels × 13 dates × 3 bands, L2A" in shown
    assert "model two crops: L2A, bands B04 B08 B11" in shown


def shown_as_json(path, capsys):
    assert main(["info", str(path), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_info_tells_each_kind_as_json(paths, tmp_path, capsys, series):
    found = shown_as_json(paths[0], capsys)
    assert (found["kind"], found["parcels"], found["bands"]) == ("series", 120, ["B04", "B08", "B11"])
    found = shown_as_json(paths[1], capsys)
    assert (found["kind"], found["card"]["level"]) == ("model", "L2A")
    assert main(["explain", paths[0], "--model", paths[1], "-o", str(tmp_path / "r.zarr"), "--quiet"]) == 0
    found = shown_as_json(tmp_path / "r.zarr", capsys)
    assert (found["kind"], found["parcels"]) == ("relevance", 120)
    assert sum(found["crops"].values()) == found["explained"] > 100


@pytest.fixture(scope="module")
def crops(paths, series, tmp_path_factory):
    folder = tmp_path_factory.mktemp("map")
    frame = gpd.GeoDataFrame({"n": range(len(series))}, geometry=shapely.box(0, 0, 1, np.arange(1.0, 121)), crs=32632)
    CropSeries(series.dataset, frame).save(folder / "a.zarr")
    argv = ["classify", str(folder / "a.zarr"), "--model", paths[1], "-o", str(folder / "crops.gpkg"), "--quiet"]
    assert main(argv) == 0
    shutil.copytree(paths[1], folder / "model")
    return folder / "crops.gpkg"


def test_info_of_a_map(crops, capsys):
    found = shown_as_json(crops, capsys)
    assert (found["kind"], found["parcels"], found["model"]) == ("map", 120, "two crops")
    assert {c["crop"] for c in found["crops"]} == {"winter wheat", "grain maize"}
    assert main(["info", str(crops)]) == 0
    assert "map of 120 parcels, " in capsys.readouterr().out


def test_info_tells_relevance_and_reflectance_apart(crops, tmp_path, capsys):
    """A map of answers that keeps reflectance has rows by date, but no relevance."""
    answers = ["classify", str(crops.parent / "a.zarr"), "--model", str(crops.parent / "model"), "--quiet"]
    assert main([*answers, "-o", str(tmp_path / "seen.gpkg"), "--reflectance"]) == 0
    for path, reflectance in ((crops, False), (tmp_path / "seen.gpkg", True)):
        found = shown_as_json(path, capsys)
        assert (found["relevance_rows"], found["reflectance"]) == (0, reflectance)
        assert main(["info", str(path)]) == 0
        told = capsys.readouterr().out
        assert "no relevance" in told and ("reflectance by date" in told) == reflectance


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".shp"])
def test_reflectance_is_refused_where_it_cannot_be_kept(crops, tmp_path, capsys, suffix):
    argv = ["classify", str(crops.parent / "a.zarr"), "-o", str(tmp_path / f"a{suffix}"), "--reflectance"]
    assert main(argv) == 2
    assert ".gpkg" in capsys.readouterr().err and list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("given", ["--start", "--season", "--weather"])
def test_the_papers_experiment_takes_its_series_whole(tmp_path, capsys, given):
    value = {"--start": "2019-04-01", "--season": "2019", "--weather": "w.csv"}[given]
    assert main(["season", "simulated", "-o", str(tmp_path / "x"), "--reproduce-paper", given, value]) == 2
    assert given in capsys.readouterr().err and list(tmp_path.iterdir()) == []


def test_style_writes_the_styles_of_a_map_anew(crops, tmp_path, capsys):
    moved = shutil.copy(crops, tmp_path / "moved.gpkg")
    with closing(sqlite3.connect(moved)) as database:
        database.execute("DELETE FROM layer_styles")
        database.commit()
    assert main(["style", str(moved)]) == 0
    assert "styles crop, confidence" in capsys.readouterr().out
    assert shown_as_json(moved, capsys)["styles"] == ["crop", "confidence"]


@pytest.mark.parametrize("command", ["style", "info"])
def test_what_is_no_map_is_refused_in_one_line(command, tmp_path, crops, capsys):
    whole = crops.read_bytes()
    (tmp_path / "none.gpkg").write_text("no map")
    (tmp_path / "cut.gpkg").write_bytes(whole[: len(whole) // 3])
    with closing(sqlite3.connect(tmp_path / "other.gpkg")) as database:
        database.execute("CREATE TABLE roads (fid INTEGER)")
    altered = shutil.copy(crops, tmp_path / "old.gpkg")
    with closing(sqlite3.connect(altered)) as database:
        database.execute("ALTER TABLE classes RENAME COLUMN colour TO color")
    for name, message in (
        ("none", "is not a GeoPackage"),
        ("cut", "is damaged"),
        ("other", "no crop map: it has no table 'parcels'"),
        ("old", "lacks the column 'colour' of classes"),
        ("absent", "no such"),
    ):
        assert main([command, str(tmp_path / f"{name}.gpkg")]) == 1
        (line,) = capsys.readouterr().err.strip().splitlines()
        assert f"{name}.gpkg: " in line and message in line


def test_style_of_a_map_that_is_in_use_is_refused(crops, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("cropxai.maps.geopackage.BUSY_SECONDS", 0.1)
    used = shutil.copy(crops, tmp_path / "used.gpkg")
    with closing(sqlite3.connect(used)) as database:
        database.execute("BEGIN EXCLUSIVE")
        assert main(["style", str(used)]) == 1
    assert "close it in other programs" in capsys.readouterr().err


def test_dates_that_exclude_all_are_named(paths, tmp_path, capsys):
    argv = ["classify", paths[0], "--model", paths[1], "-o", str(tmp_path / "c.csv")]
    assert main([*argv, "--season", "2020"]) == 1
    assert (
        "no date lies between 2020-01-01 and 2020-12-31; the series has 2018-03-01 to 2018-08-28"
        in capsys.readouterr().err
    )
    assert main([*argv, "--start", "2018-06-01", "--end", "2018-05-01"]) == 2
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def l1c_store(tmp_path_factory):
    """Give a labelled store of L1C with all bands."""
    rng = np.random.default_rng(0)
    bands = [band.name for band in BANDS]
    dates = np.arange("2018-04-01", "2018-08-01", 30, dtype="datetime64[D]")
    crops = np.array(["winter wheat", "grain maize"])[rng.integers(0, 2, 40)].tolist()
    values = rng.uniform(0.05, 0.4, (40, len(dates), len(bands)))
    made = CropSeries.from_arrays(values, dates, bands, range(40), crop=crops, attrs={"level": "L1C"})
    return str(made.save(tmp_path_factory.mktemp("l1c") / "l1c.zarr"))


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["classify", "STORE", "-o", "crops.csv"], 0),
        (["explain", "STORE", "-o", "r.zarr", "--level", "date"], 0),
        (["evaluate", "STORE", "default"], 0),
        (["season", "STORE", "-o", "today.csv", "--today", "2018-06-30"], None),
        (["train", "STORE", "-o", "mine", "--from", "default", "--freeze", "--epochs", "1", "--split", "random"], 0),
    ],
    ids=lambda given: given[0] if isinstance(given, list) else "",
)
def test_the_default_model_is_that_of_the_level_of_the_series(l1c_store, tmp_path, monkeypatch, capsys, words, code):
    monkeypatch.chdir(tmp_path)
    ended = main([l1c_store if word == "STORE" else word for word in words])
    told = capsys.readouterr()
    assert "europe-l2a" not in told.out + told.err
    if code is None:  # the shipped models may have no thresholds to decide by on the day
        assert ended == 0 or "europe-l1c" in told.err
    else:
        assert ended == code, told.err
