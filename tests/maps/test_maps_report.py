import html
import re
import shutil
import sqlite3
import subprocess
from contextlib import closing
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from example_map import CROPS, DATES, DAYS, HOSTILE, contents
from matplotlib.dates import date2num
from PIL import Image

from cropxai.errors import MapUnreadable, OutputExists
from cropxai.maps import write_map
from cropxai.maps.figures import draw_curves, draw_ends
from cropxai.maps.mapdata import read_map
from cropxai.maps.report import write_report


def whole():
    """The example map with all that a report can tell."""
    made = contents()
    rng = np.random.default_rng(2)
    curves = pd.DataFrame(
        [
            {"crop": crop, "date": pd.Timestamp(date), "parcels": 9, "relevance": rng.normal(0.08, 0.05),
             **{band: rng.uniform(0.02, 0.5) for band in ("B04", "B06", "B08", "B11")}}
            for crop in (*CROPS, HOSTILE)
            for date in DATES
        ]
    )  # fmt: skip
    ends = pd.DataFrame({"date": pd.to_datetime(DATES), "seen": 1.0, "agreement": np.linspace(0.3, 1, len(DATES))})
    months = pd.DataFrame({"month": ["2018-03", "2018-04"], "dates": 3, "clear": [0.6, 0.7], "not_clear": [0.4, 0.3]})
    run = {**made.run, "declared": {crop: crop for crop in CROPS}, "command": ["cropxai", "map", HOSTILE]}
    return replace(made, curves=curves, season_ends=ends, months=months, run=run)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = tmp_path_factory.mktemp("report")
    write_map(folder / "crops.gpkg", whole())
    return write_report(folder / "crops.gpkg", folder / "report.html", figures_folder=folder / "figures")


class Page(HTMLParser):
    """Tags with their attributes, the text between them, and the tables."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.text, self.cells = [], [], []
        self._cell = None
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.cells.append([])
        if tag == "td":
            self._cell = ""

    def handle_endtag(self, tag):
        if tag == "td":
            self.cells[-1].append(self._cell)
            self._cell = None

    def handle_data(self, data):
        self.text.append(data)
        if self._cell is not None:
            self._cell += data


def test_the_page_needs_nothing_from_elsewhere(page):
    read = Page(page.read_text())
    names = {tag for tag, _ in read.tags}
    assert names.isdisjoint({"script", "link", "iframe", "object", "embed", "img", "foreignobject", "base"})
    for _, attributes in read.tags:
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "xlink:href"):
            assert attributes.get(name, "#").startswith(("#", "data:image/png;"))
    assert not re.search(r"url\((?!#)|@import", page.read_text())
    assert ("meta", {"http-equiv": "Content-Security-Policy", "content": "default-src 'none'; style-src 'unsafe-inline'; img-src data:"}) in read.tags  # fmt: skip  # noqa: E501


def test_tables_hold_the_numbers_of_the_map(page):
    rows = {row[0]: row for row in Page(page.read_text()).cells if row}
    crop = contents().parcels["crop"]
    for name, count in crop[crop.isin(CROPS)].value_counts().items():
        assert rows[name][2:4] == [str(count), "12.5"]
    assert rows["seen clear on no date"] == ["seen clear on no date", "2"]


def test_a_map_of_answers_alone_has_a_report(tmp_path):
    """As 'cropxai classify' writes it: no relevance, no windows, no bars; bands that the model does not read."""
    made = whole()
    answers = made.parcels.drop(columns=["window_start", "window_end", "decision_date", "relevance_chart"])
    curves = made.curves.assign(relevance=np.nan, B06=np.nan)
    classes = made.classes.drop(columns=["peak1_date", "peak1_stage"])
    made = replace(
        made, parcels=answers, classes=classes, curves=curves, relevance=None, run=made.run | {"parcels": None}
    )
    write_map(tmp_path / "crops.gpkg", made)
    words = Page(write_report(tmp_path / "crops.gpkg", tmp_path / "r.html").read_text()).text
    assert "How the crops looked" in words
    assert not [word for word in words if "bars" in word or "What decides" in word or "Window" in word or "nan" in word]
    assert "near infrared" in words and "red edge" not in words


def test_what_is_unlike_the_training_data_is_counted(page):
    frame = contents().parcels
    count = int((frame["novelty"][frame["crop"].notna()] > 1).sum())
    words = " ".join("".join(Page(page.read_text()).text).split())
    assert f"{count} of {frame['crop'].notna().sum()} parcels with an answer are unlike the training data" in words


def words_of(folder, made):
    """Write a map and its report; return the words of the page."""
    write_map(folder / "crops.gpkg", made)
    return " ".join("".join(Page(write_report(folder / "crops.gpkg", folder / "r.html").read_text()).text).split())


def test_nothing_is_mistrusted_where_nothing_is_unlike_the_training_data(tmp_path):
    made = contents()
    words = words_of(tmp_path, replace(made, parcels=made.parcels.assign(novelty=0.5)))
    assert "No parcel with an answer is unlike the training data" in words and "trusted" not in words


def test_the_report_says_nothing_of_a_method_that_was_not_used(tmp_path):
    made = whole()
    words = words_of(tmp_path, replace(made, run=made.run | {"parameters": {"method": "integrated-gradients"}}))
    assert "integrated-gradients" in words and "propagation" not in words


def test_a_table_that_is_cut_says_so(tmp_path):
    made = contents()
    more = pd.concat(
        [made.classes, *(made.classes.assign(crop=f"crop {n} " + made.classes["crop"]) for n in range(11))]
    )
    words = words_of(tmp_path, replace(made, classes=more.assign(parcels=1)))
    assert "The 60 most frequent of 72 crops." in words


def test_the_model_card_leaves_out_long_rows_of_numbers(tmp_path):
    made = contents()
    card = {"name": "m", "typical_days": [15.0], "typical_reflectance": [[0.0428]], "training": {"plan_hash": ""}}
    rows = words_of(tmp_path, replace(made, run=made.run | {"model": card}))
    assert "typical" not in rows.partition("Model card")[2] and "plan hash" not in rows


def test_a_window_of_one_date_is_one_day_in_the_table_and_seen_in_the_figure(tmp_path):
    made = whole()
    day = pd.Timestamp(str(DATES[4]))
    one = made.classes.assign(window_start=day, window_end=day)
    write_map(tmp_path / "crops.gpkg", replace(made, classes=one))
    page = Page(write_report(tmp_path / "crops.gpkg", tmp_path / "r.html").read_text())
    assert {"10 Apr"} == {row[4] for row in page.cells if row and row[0] in CROPS and len(row) == 6}
    figure = draw_curves(made.curves, ["grassland"], {"grassland": (day, day)})
    (shade,) = (patch for patch in figure.axes[0].patches if patch.get_alpha() == 0.10)
    ((left, _), (right, _)) = shade.get_extents().transformed(figure.axes[0].transData.inverted()).get_points()
    assert left < date2num(day) < right and right - left >= 2


def test_curves_take_the_narrow_near_infrared_where_the_wide_one_is_missing():
    curves = whole().curves.rename(columns={"B08": "B8A"})
    (legend,) = draw_curves(curves, ["grassland"], {}).legends
    assert "near infrared" in [text.get_text() for text in legend.get_texts()]


def test_what_is_known_is_drawn_to_the_end_of_the_season():
    ends = whole().season_ends.assign(accuracy=np.nan)
    figure = draw_ends(ends, pd.Series([DAYS[3], DAYS[5]]), 4)
    (filled,) = figure.axes[0].collections
    corners = filled.get_paths()[0].vertices
    last = date2num(ends["date"].iloc[-1])
    assert corners[:, 0].max() == last
    assert corners[corners[:, 0] == last, 1].max() == 0.5


def test_hostile_text_arrives_and_is_harmless(page):
    text = page.read_text()
    assert "<script" not in text.lower()
    read = Page(text)
    assert any(HOSTILE in cell for row in read.cells for cell in row)  # a status, whole
    assert html.escape(HOSTILE, quote=False)[:20] in text


def test_agreement_is_that_of_the_declared_parcels(page):
    frame = contents().parcels
    known = frame["crop"].isin(CROPS) & frame["declared_crop"].isin(CROPS)
    share = (frame["crop"] == frame["declared_crop"])[known].mean()
    words = " ".join("".join(Page(page.read_text()).text).split())
    assert (
        f"{known.sum()} parcels have an answer and a declared crop that the model knows; {100 * share:.1f} % agree"
        in words
    )


def test_figures_as_files(page):
    folder = page.parent / "figures"
    names = {"map", "courses", "season", "decisions", "confusion", "reliability", "quality"}
    assert {file.name for file in folder.iterdir()} == {n + suffix for n in names for suffix in (".svg", ".png")}
    for file in folder.glob("*.png"):
        assert np.asarray(Image.open(file).convert("L")).std() > 5  # something is drawn


def test_the_same_map_gives_the_same_page(page):
    again = write_report(page.parent / "crops.gpkg", page.parent / "again.html")
    assert again.read_bytes() == page.read_bytes()


def test_a_map_without_relevance_labels_or_summaries(tmp_path):
    made = contents(10)
    bare = made.parcels.drop(columns=["declared_crop", "declared_agrees"])
    bare[["decision_date", "relevance_chart"]] = None
    write_map(tmp_path / "crops.gpkg", replace(made, parcels=bare, relevance=None))
    text = write_report(tmp_path / "crops.gpkg", tmp_path / "r.html").read_text()
    assert "Against the declared crops" not in text and "How early" not in text and "<h2>Crops</h2>" in text


def test_a_map_in_which_no_parcel_has_an_answer(tmp_path):
    made = contents(2)
    empty = made.parcels.assign(crop=None, confidence=None, decision_date=None, status="outside the rasters")
    write_map(tmp_path / "crops.gpkg", replace(made, parcels=empty, classes=made.classes.assign(parcels=0)))
    assert "outside the rasters" in write_report(tmp_path / "crops.gpkg", tmp_path / "r.html").read_text()


def test_a_map_without_parcels(tmp_path):
    made = contents(2)
    bare = replace(made, parcels=made.parcels.iloc[:0], classes=made.classes.assign(parcels=0), relevance=None)
    words_of(tmp_path, bare)
    assert "<b>0</b><span>parcels</span>" in (tmp_path / "r.html").read_text()


def test_what_is_no_map(tmp_path, page):
    (tmp_path / "x.gpkg").write_bytes(b"SQLite format 3\0" + bytes(200))
    (tmp_path / "y.gpkg").write_text("parcel_id,crop")
    for name, complaint in (("x.gpkg", "is damaged"), ("y.gpkg", "is not a GeoPackage"), ("z.gpkg", "no such map")):
        with pytest.raises(MapUnreadable, match=complaint):
            write_report(tmp_path / name, tmp_path / "r.html")
    with pytest.raises(OutputExists):
        write_report(page.parent / "crops.gpkg", page)
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".html"] == []


@pytest.mark.parametrize("table", ["parcels", "classes", "curves", "season_ends", "months", "run"])
def test_a_map_of_which_a_table_is_damaged(page, tmp_path, table):
    path = Path(shutil.copy(page.parent / "crops.gpkg", tmp_path))
    with closing(sqlite3.connect(path)) as database:
        ((first,),) = database.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
        ((size,),) = database.execute("PRAGMA page_size")
    with path.open("r+b") as file:
        file.seek((first - 1) * size)
        file.write(b"\xff" * size)
    with pytest.raises(MapUnreadable, match=r"crops\.gpkg.* is damaged"):
        read_map(path)


@pytest.mark.skipif(shutil.which("chromium") is None, reason="no Chromium to render the report")
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_in_a_browser(page, tmp_path, scheme):
    shot = tmp_path / "shot.png"
    dark = ["--blink-settings=preferredColorScheme=0"] if scheme == "dark" else []
    subprocess.run(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1000,1400",
         f"--user-data-dir={tmp_path}", *dark, f"--screenshot={shot}", page.as_uri()],
        check=True, capture_output=True, timeout=120,
    )  # fmt: skip
    picture = np.asarray(Image.open(shot).convert("L"))
    assert (np.median(picture) < 60) == (scheme == "dark")  # most of the page is its ground
    assert picture.std() > 10
