"""The main job on the sample data, from the command to what a GIS reads."""

import json
import shutil
import sqlite3
import warnings
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio

from cropxai.cli.main import main
from cropxai.errors import NoLabels, ParcelsSetAside
from cropxai.explain import Relevance, explain
from cropxai.ingest import extract_series
from cropxai.mapping import class_table, dated_blocks, relevance_blocks, top_dates
from cropxai.maps.attributes import charts
from cropxai.model import classify, load_model
from cropxai.model.checkpoint import locate
from cropxai.pipeline import CropMap, crop_map
from cropxai.season.agreement import CropWindow
from cropxai.season.window import DateWindow
from cropxai.series import CropSeries

#: One sample parcel is a bow-tie, which is mended with a warning.
pytestmark = pytest.mark.filterwarnings("ignore::cropxai.errors.ParcelsSetAside")
SAMPLE = Path(__file__).parents[1] / "sample_data"


def run(output, *more, parcels=SAMPLE / "parcels.shp", scenes=SAMPLE / "scenes"):
    return main(["map", str(parcels), str(scenes), "-o", str(output), *map(str, more)])


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    path = tmp_path_factory.mktemp("map") / "crops.gpkg"
    assert run(path, "--label-field", "crop", "--quiet") == 0
    assert [p.name for p in path.parent.iterdir()] == ["crops.gpkg"]
    return path


@pytest.fixture(scope="module")
def parcels(crops):
    return pyogrio.read_dataframe(crops, layer="parcels")


def test_answers_are_those_of_the_stages_called_by_hand(crops, parcels):
    series = extract_series(SAMPLE / "parcels.shp", SAMPLE / "scenes", label_field="crop")
    model = load_model()
    answers = classify(series, model)
    relevance = explain(series, model)
    assert (parcels["crop"].fillna("") == answers.frame["crop"].fillna("")).all()
    np.testing.assert_allclose(parcels["confidence"], answers.frame["confidence"], atol=1e-5)
    by_date = relevance.by_date
    for row in np.flatnonzero(answers.answered):
        best = np.nanargmax(by_date[row])
        assert parcels["top1_date"][row] == pd.Timestamp(relevance.dates[best])
        assert parcels["top1_relevance"][row] == pytest.approx(by_date[row, best], rel=1e-3)
    assert (parcels["declared_crop"] == series.labels).all()


def test_most_simulated_parcels_get_their_crop(parcels):
    truth = pd.read_csv(SAMPLE / "truth.csv", dtype={"parcel_id": str}).set_index("parcel_id")["crop"]
    grown = parcels["parcel_id"].map(truth)
    said = parcels["crop"].notna()
    assert (parcels["crop"] == grown)[said].mean() > 0.5  # 49 classes; the share of the largest is 1 in 4


def test_every_parcel_is_there_and_says_why_it_has_no_answer(parcels):
    given = gpd.read_file(SAMPLE / "parcels.shp")
    assert parcels["parcel_id"].tolist() == given["parcel_id"].astype(str).tolist()
    assert parcels.crs == given.crs
    unanswered = parcels[parcels["crop"].isna()]
    assert len(unanswered) == 2  # the sliver, and the parcel outside
    assert unanswered["status"].str.contains("no pixel centre|outside the rasters").all()
    answers = ["crop", "hcat_code", "confidence", "second_crop", "top1_date", "top1_relevance", "window_start"]
    assert unanswered[answers].isna().all(axis=None)
    assert (unanswered["clear_dates"] == 0).all()


def test_windows_are_of_the_crop_and_within_the_season(parcels):
    said = parcels[parcels["crop"].notna()]
    assert (said["window_start"] <= said["window_end"]).all()
    assert (said.groupby("crop")["window_end"].nunique() == 1).all()
    assert said["window_start"].dt.year.eq(2018).all()


def test_relevance_of_the_table_adds_up(crops, parcels):
    table = pyogrio.read_dataframe(crops, layer="relevance")
    by_parcel = table.groupby("parcel")
    for number, row in enumerate(parcels.itertuples(), start=1):
        if isinstance(row.crop, str):
            own = by_parcel.get_group(number).set_index("date")["relevance"]
            assert own[row.top1_date] / 1000 == pytest.approx(row.top1_relevance, abs=6e-4)
            assert len(own) == row.clear_dates
            assert [int(v) for v in row.relevance_chart.split(";") if v] == own.tolist()
    assert set(table["parcel"]) == set(np.flatnonzero(parcels["crop"].notna()) + 1)


def test_the_reflectance_of_the_table_is_that_of_the_series(crops):
    series = extract_series(SAMPLE / "parcels.shp", SAMPLE / "scenes", bands=("B04", "B08", "B11"))
    with sqlite3.connect(crops) as database:
        query = "SELECT parcel, date, reflectance_red, reflectance_nir, reflectance_swir FROM relevance"
        rows = database.execute(query).fetchall()
    assert len(rows) == np.isfinite(series.reflectance).all(axis=2).sum()
    place = {str(day): number for number, day in enumerate(series.dates)}
    for parcel, day, *values in rows:
        np.testing.assert_allclose(values, series.reflectance[parcel - 1, place[day]] * 10_000, atol=0.51)


def test_reflectance_is_read_in_blocks_beside_relevance_or_alone(series, model, monkeypatch):
    monkeypatch.setattr("cropxai.mapping.PARCELS_AT_ONCE", 50)
    relevance, values = explain(series, model), series.reflectance  # of B04, B08 and B11
    blocks = list(dated_blocks(series, relevance))
    assert [block.first for block in blocks] == [0, 50, 100]
    np.testing.assert_array_equal(np.concatenate([b.reflectance for b in blocks]), values)
    for block, bare in zip(blocks, relevance_blocks(relevance), strict=True):
        np.testing.assert_array_equal(block.total, bare.total)
        np.testing.assert_array_equal(block.groups, bare.groups)
    alone = list(dated_blocks(series, None))
    np.testing.assert_array_equal(np.concatenate([b.reflectance for b in alone]), values)
    assert all(np.isnan(block.total).all() and block.groups is None for block in alone)


def test_of_two_bands_the_first_that_was_read_is_the_near_infrared():
    values = np.random.default_rng(0).random((3, 4, 3))
    dates = np.arange("2018-04-01", "2018-04-05", dtype="datetime64[D]")
    only = CropSeries.from_arrays(values, dates, ("B8A", "B02", "B12"), ["a", "b", "c"])
    (block,) = dated_blocks(only, None)
    np.testing.assert_array_equal(block.reflectance[..., 1], values[..., 0].astype(np.float32))
    assert np.isnan(block.reflectance[..., [0, 2]]).all()
    assert list(dated_blocks(only.select_bands(("B02",)), None)) == []


def test_decision_dates_are_clear_dates_of_sure_answers(parcels):
    known = parcels[parcels["decision_date"].notna()]
    assert 10 < len(known) < 78
    assert (known["decision_confidence"] >= 0.9).all() and (known["confidence"] >= 0.9).all()
    assert (parcels.loc[parcels["confidence"] >= 0.9, "decision_date"].notna()).all()


def test_classes_sum_up_the_parcels(crops, parcels):
    table = pyogrio.read_dataframe(crops, layer="classes").set_index("crop")
    assert len(table) == len(json.loads((locate("default") / "card.json").read_text())["classes"])
    assert table["hcat_code"].is_monotonic_increasing
    counts = parcels["crop"].value_counts()
    assert (table["parcels"][counts.index] == counts).all() and table["parcels"].sum() == counts.sum()
    wheat = parcels[(parcels["declared_crop"] == "winter wheat") & parcels["crop"].notna()]
    assert table["declared"]["winter wheat"] == len(wheat)
    assert table["accuracy"]["winter wheat"] == pytest.approx((wheat["crop"] == "winter wheat").mean())
    maize = parcels[parcels["crop"] == "grain maize"]
    assert table["area_ha"]["grain maize"] == pytest.approx(maize.to_crs(3035).area.sum() / 1e4, rel=1e-4)
    assert pd.isna(table["peak1_stage"]["grassland"]) and isinstance(table["peak1_stage"]["grain maize"], str)
    agrees = parcels["declared_agrees"].dropna().astype(bool)
    assert (agrees == (parcels["declared_crop"] == parcels["crop"])[agrees.index]).all()


def test_the_run_is_recorded(crops):
    with sqlite3.connect(crops) as database:
        facts = dict(database.execute("select key, value from run"))
    assert facts["parcels"] == "parcels.shp"
    assert len(json.loads(facts["scenes"])) == 2 * 28
    assert json.loads(facts["model"])["classes"]
    assert json.loads(facts["parameters"])["method"] == "cp-lrp"
    assert facts["software"].startswith("cropxai ")
    card = json.loads((locate("default") / "card.json").read_text())
    assert facts["model_sha256"] == card["weights_sha256"]
    assert json.loads(facts["versions"])["numpy"] == np.__version__


def test_the_same_run_gives_the_same_answers(crops, parcels, tmp_path):
    assert run(tmp_path / "again.gpkg", "--label-field", "crop", "--quiet", parcels=SAMPLE / "parcels.shp") == 0
    again = pyogrio.read_dataframe(tmp_path / "again.gpkg", layer="parcels")
    pd.testing.assert_frame_equal(pd.DataFrame(again), pd.DataFrame(parcels))


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--season", "2021"], "no raster lies between 2021-01-01 and 2021-12-31"),
        (["--model", "nowhere"], "nowhere: neither a model folder nor a shipped model"),
        (["--label-field", "Kultur"], "no field 'Kultur'; --label-field takes one of"),
        (["--id-field", "crop"], "field 'crop' is not unique"),
        (["--layer", "roads"], "no layer 'roads'"),
    ],
)
def test_wrong_input_is_one_line_and_leaves_nothing(tmp_path, capsys, more, message):
    assert run(tmp_path / "crops.gpkg", *more) == 1
    (line,) = capsys.readouterr().err.strip().splitlines()[-1:]
    assert line.startswith("cropxai: ") and message in line
    assert not (tmp_path / "crops.gpkg").exists()


def altered(folder, level="L2A", without=(), among=3, added=()):
    """Copy three sample scenes under another level, or some of them without bands, or with copies of B02 as others."""
    folder.mkdir()
    for number, file in enumerate(sorted((SAMPLE / "scenes").glob("*.tif"))[8:11]):
        with rasterio.open(file) as scene:
            kept = scene.descriptions if number >= among else [d for d in scene.descriptions if d not in without]
            names = [*kept, *added]
            taken = [scene.descriptions.index("B02" if name in added else name) + 1 for name in names]
            profile = scene.profile | {"count": len(names)}
            pixels = scene.read(taken)
        with rasterio.open(folder / file.name.replace("L2A", level), "w", **profile) as copy:
            copy.write(pixels)
            copy.descriptions = tuple(names)
    return folder


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"without": ("B8A", "B11")}, "the series lacks B8A, B11, on which model 'europe-l2a' was trained"),
        ({"level": "L1C", "without": ("SCL",)}, "the series is L1C, but model 'europe-l2a' was trained on L2A"),
    ],
)
def test_scenes_that_the_model_cannot_take_are_refused_before_pixels_are_read(tmp_path, capsys, change, message):
    scenes = altered(tmp_path / "s2", **change)
    assert run(tmp_path / "crops.gpkg", "--model", "europe-l2a", scenes=scenes) == 1
    assert message in capsys.readouterr().err
    assert [p.name for p in tmp_path.iterdir()] == ["s2"]  # not even the parts of a run


def model_of(path):
    with sqlite3.connect(path) as database:
        return json.loads(database.execute("select value from run where key = 'model'").fetchone()[0])


def test_the_default_model_is_that_of_the_level_of_the_scenes(crops, tmp_path):
    assert model_of(crops)["name"] == "europe-l2a"
    scenes = altered(tmp_path / "s2", level="L1C", without=("SCL",), added=("B01", "B09", "B10"))
    assert run(tmp_path / "crops.gpkg", "--no-reflectance", "--quiet", scenes=scenes) == 0
    with sqlite3.connect(tmp_path / "crops.gpkg") as database:
        assert "reflectance_red" not in {row[1] for row in database.execute("PRAGMA table_info('relevance')")}
    assert model_of(tmp_path / "crops.gpkg")["name"] == "europe-l1c"


@pytest.mark.parametrize(("among", "spared"), [(3, True), (2, True), (1, False)])
def test_bands_that_the_model_can_do_without_are_read_if_most_rasters_have_them(tmp_path, among, spared):
    """Fewer bands, or fewer dates: what is spared is told, and what is read is missing where a raster lacks it."""
    folder = shutil.copytree(locate("europe-l2a"), tmp_path / "model")
    card = json.loads((folder / "card.json").read_text()) | {"optional_bands": ["B05", "B8A"]}
    (folder / "card.json").write_text(json.dumps(card))
    scenes = altered(tmp_path / "s2", without=("B05",), among=among)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        made = crop_map(SAMPLE / "parcels.gpkg", scenes, tmp_path / "crops.gpkg", model=folder)
    assert next(str(w.message) for w in told if "B05" in str(w.message)).startswith(
        "too few rasters have B05, which model 'europe-l2a' can do without" if spared else "1 raster: without B05"
    )
    assert made.answers.answered.sum() > 70
    read = pyogrio.read_dataframe(tmp_path / "crops.gpkg", layer="parcels")
    assert read["clear_dates"].max() == (3 if spared else 2)


def test_a_field_that_names_no_crop_costs_the_comparison_and_not_the_map(tmp_path):
    """As of a season that nobody has declared yet: refused only after all the work, it would be lost."""
    fields = pyogrio.read_dataframe(SAMPLE / "parcels.gpkg")
    fields.assign(crop=None).astype({"crop": object}).to_file(tmp_path / "fields.gpkg")
    scenes = altered(tmp_path / "s2")
    with pytest.warns(NoLabels, match=r"fields\.gpkg: field 'crop' names no crop"):
        warnings.simplefilter("ignore", ParcelsSetAside)
        made = crop_map(tmp_path / "fields.gpkg", scenes, tmp_path / "crops.gpkg", label_field="crop")
    assert made.answers.answered.sum() > 70
    read = pyogrio.read_dataframe(tmp_path / "crops.gpkg", layer="parcels")
    assert "declared_crop" not in read and read["crop"].notna().sum() > 70


def test_the_text_has_a_line_a_reason_and_not_a_parcel(tmp_path):
    """Reasons name areas, of which every small parcel has another; a window of one date is one date."""
    small = [f"no pixel centre inside: area {area} m2, pixel 10 m" for area in range(40, 90)]
    frame = pd.DataFrame({"crop": [None] * 51 + ["grassland"], "status": [*small, "outside the rasters", "classified"]})
    dates = np.array(["NaT"] * 52, dtype="datetime64[D]")
    day = np.datetime64("2018-05-03")
    windows = {"grassland": CropWindow("grassland", 1, DateWindow(day, day, (day,)), 1.0, np.ones(1))}
    answers = SimpleNamespace(frame=frame, answered=frame["crop"].notna())
    made = CropMap(tmp_path / "m.gpkg", answers, windows, SimpleNamespace(date=dates))
    assert made.text().splitlines()[1:] == [
        "  grassland: 1 parcel; 2018-05-03 suffices (100 % keep their answer)",
        "  without an answer: 50 × no pixel centre inside",
        "  without an answer: 1 × outside the rasters",
    ]
    assert made.unanswered == {"no pixel centre inside": 50, "outside the rasters": 1}
    assert (
        replace(made, answers=SimpleNamespace(frame=frame[51:], answered=frame["crop"][51:].notna())).unanswered == {}
    )


def test_a_map_that_exists_is_kept(crops, capsys):
    before = crops.read_bytes()
    assert run(crops) == 1
    assert "crops.gpkg: exists already" in capsys.readouterr().err
    assert crops.read_bytes() == before


def test_answers_of_a_store_keep_reflectance_if_asked(tmp_path, capsys):
    series = extract_series(SAMPLE / "parcels.gpkg", altered(tmp_path / "s2"))
    series.save(tmp_path / "fields.zarr")
    for name, more, count in (("with", ["--reflectance"], np.isfinite(series.reflectance).any(axis=2).sum()),
                              ("bare", [], 0)):  # fmt: skip
        output = tmp_path / f"{name}.gpkg"
        assert main(["classify", str(tmp_path / "fields.zarr"), "-o", str(output), *more]) == 0
        with sqlite3.connect(output) as database:
            (found,) = database.execute("SELECT count(*) FROM relevance WHERE relevance IS NULL").fetchone()
            columns = {row[1] for row in database.execute("PRAGMA table_info('relevance')")}
        assert found == count and ("reflectance_red" in columns) == bool(more)


def test_missing_scenes_and_parcels_are_named(tmp_path, capsys):
    assert run(tmp_path / "a.gpkg", scenes=tmp_path / "none") == 1
    assert "none: no such file or folder" in capsys.readouterr().err
    assert run(tmp_path / "a.gpkg", parcels=tmp_path / "none.shp") == 1
    assert "none.shp: no such file" in capsys.readouterr().err


def test_top_dates_only_count_dates_that_speak_for_the_crop(series, model):
    relevance = explain(series, model)
    table = top_dates(relevance)
    by_date = relevance.by_date
    for row in range(20):
        positive = sorted((v for v in by_date[row] if v > 0), reverse=True)[:3]
        shown = [table[f"top{k}_relevance"][row] for k in (1, 2, 3)]
        np.testing.assert_allclose([v for v in shown if np.isfinite(v)], positive)


def test_fewer_dates_than_are_asked_for_leave_the_rest_missing(series, model):
    table = top_dates(explain(series.between("2018-06-01", "2018-06-30"), model), count=3)
    assert len(series.between("2018-06-01", "2018-06-30").dates) == 2
    assert table["top3_date"].isna().all() and table["top3_relevance"].isna().all()
    assert table["top1_date"].notna().any()


def test_blocks_keep_every_number(series, model, monkeypatch):
    monkeypatch.setattr("cropxai.mapping.PARCELS_AT_ONCE", 50)
    relevance: Relevance = explain(series, model)
    blocks = list(relevance_blocks(relevance))
    assert [block.first for block in blocks] == [0, 50, 100]
    np.testing.assert_allclose(np.concatenate([b.total for b in blocks]), relevance.by_date, rtol=1e-5)
    groups = np.concatenate([b.groups for b in blocks])
    assert np.isnan(groups[..., [0, 2]]).all()  # B04, B08 and B11 are of three groups
    np.testing.assert_allclose(groups[..., [1, 3, 4]], relevance.values, rtol=1e-5)


def test_charts_tell_missing_from_zero():
    assert charts(np.array([[0.5, np.nan, -0.0004], [np.nan] * 3], dtype=np.float32)) == ["500;;0", None]


def test_accuracy_is_of_the_classified_parcels_with_a_declared_crop_of_the_model():
    crop = pd.Series(["rye", "rye", None, "peas"], dtype=object)
    declared = np.array(["rye", "peas", "rye", ""], dtype=object)
    table = class_table(("peas", "rye"), crop, np.array([1.0, 2, 4, np.nan]), declared, {}, np.array([])).set_index(
        "crop"
    )
    assert table["declared"].to_dict() == {"rye": 1, "peas": 1}
    assert table["accuracy"].to_dict() == {"rye": 1.0, "peas": 0.0}
    assert table["area_ha"]["rye"] == 3.0 and np.isnan(table["area_ha"]["peas"])


@pytest.mark.parametrize("suffix", ["parquet", "shp", "csv"])
def test_the_main_job_writes_other_formats(tmp_path, parcels, suffix):
    assert run(tmp_path / f"crops.{suffix}", "--label-field", "crop", "--quiet") == 0
    if suffix == "csv":
        read = pd.read_csv(tmp_path / "crops.csv")
        names = {"parcel_id": "parcel_id", "crop": "crop"}
    else:
        read = (
            gpd.read_parquet(tmp_path / "crops.parquet")
            if suffix == "parquet"
            else gpd.read_file(tmp_path / "crops.shp")
        )
        names = (
            {"parcel_id": "id", "crop": "hcat:name_en"}
            if suffix == "parquet"
            else {"parcel_id": "parcel_id", "crop": "crop"}
        )
        assert read.crs == parcels.crs
    for ours, theirs in names.items():
        assert read[theirs].fillna("").tolist() == parcels[ours].fillna("").tolist()
