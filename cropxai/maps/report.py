"""The report of a map: one page with all that the map's tables tell, which opens without a network.

Everything comes from the map itself, so that a report can be made where the rasters and the model are not.
"""

import re
import shlex
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import jinja2
import pandas as pd
from matplotlib.figure import Figure

from cropxai.errors import PathLike
from cropxai.maps import figures
from cropxai.maps.drawing import drawn, save, svg
from cropxai.maps.mapdata import MapData, read_map
from cropxai.maps.wording import (
    count,
    day,
    day_of_year,
    filled,
    number,
    percent,
    reasons,
    shortened,
    there,
    whole,
    words,
)
from cropxai.outputs import check_absent, replacing

#: Rows of a table in the page.
MOST_ROWS = 60
#: Facts of the run that have a place of their own in the page, or are too long for it.
TOLD_ELSEWHERE = ("windows", "model", "parameters", "dates", "command", "scenes")
PEAKS = "Peaks of Rₜ"
WINDOW = ("window_start", "window_end")
#: Parts of a model card that are long rows of numbers, or told in the table of crops.
NOT_TOLD = ("classes", "typical_days", "typical_reflectance", "uncertainty")
_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


@dataclass(frozen=True)
class Column:
    """A column of a table in the page."""

    name: str
    number: bool = False
    long: bool = False


@dataclass(frozen=True)
class Row:
    """A row of a table in the page; with a colour, a patch of it stands before the first cell."""

    cells: Sequence[str]
    colour: str = ""


@dataclass(frozen=True)
class Table:
    """A table in the page."""

    columns: Sequence[Column]
    rows: Sequence[Row]


@dataclass(frozen=True)
class Picture:
    """A figure in the page: its SVG, what it shows, whether it stays small, and the figure for a file."""

    name: str
    svg: str
    caption: str
    figure: Figure
    narrow: bool = False


@dataclass(frozen=True)
class Section:
    """A part of the page."""

    title: str
    texts: Sequence[str] = ()
    figures: Sequence[Picture] = ()
    tables: Sequence[Table] = ()
    listings: Sequence[str] = field(default=())


def write_report(
    path: PathLike, output: PathLike, *, figures_folder: PathLike | None = None, overwrite: bool = False
) -> Path:
    """Write the report of a map as one HTML file.

    Parameters
    ----------
    path : GeoPackage written by :func:`cropxai.maps.write_map`
    output : HTML file to write
    figures_folder : folder to write the figures to as well, each as SVG and PNG

    Raises
    ------
    MapUnreadable
        If the file is no map, or a damaged one.
    OutputExists, OutputUnwritable
    """
    output = check_absent(Path(output), overwrite)
    contents = read_map(path)
    sections = [section for make in SECTIONS if (section := make(contents)) is not None]
    environment = jinja2.Environment(autoescape=True, trim_blocks=False)
    template = environment.from_string((files("cropxai.maps") / "report.html").read_text(encoding="utf-8"))
    page = template.render(
        title=f"Crop map {Path(path).stem}", subtitle=_subtitle(contents), cards=_cards(contents), sections=sections
    )
    if figures_folder is not None:
        with replacing(figures_folder, overwrite) as folder:
            folder.mkdir()
            for picture in (picture for section in sections for picture in section.figures):
                _save(picture, folder)
    with replacing(output, overwrite) as part:
        part.write_text(page, encoding="utf-8")
    return output


def _save(picture: Picture, folder: Path) -> None:
    for suffix in (".svg", ".png"):
        save(picture.figure, folder / (picture.name + suffix), dpi=200, facecolor="white")


def _picture(name: str, caption: str, draw: Callable[[], Figure], narrow: bool = False) -> Picture:
    figure = drawn(draw)
    return Picture(name, svg(figure, name), caption, figure, narrow)


# --- the head ----------------------------------------------------------------------------------------------------


def _subtitle(contents: MapData) -> str:
    dates = contents.dates
    span = f"{day(min(dates))} to {day(max(dates))}, {len(dates)} dates" if dates else "no dates recorded"
    return f"{contents.fact('parcels') or 'parcels'}; Sentinel-2 {contents.fact('level') or ''} {span}; " + (
        f"model {contents.model.get('name', 'unknown')}; {contents.fact('software') or ''}"
    )


def _cards(contents: MapData) -> list[dict[str, str]]:
    frame = contents.parcels
    cards = [("parcels", count(len(frame))), ("with an answer", count(int(frame["crop"].notna().sum())))]
    if (area := contents.classes["area_ha"].sum()) > 0:
        cards.append(("hectares", count(round(area))))
    if frame["confidence"].notna().any():
        cards.append(("median confidence", percent(frame["confidence"].median())))
    if contents.labelled is not None:
        cards.append(("as declared", percent((contents.labelled["meant"] == contents.labelled["crop"]).mean())))
    decided = frame["decision_date"].dropna()
    if len(decided):
        half = decided.sort_values().iloc[(len(decided) - 1) // 2]
        cards.append((f"by then half of the {count(len(decided))} that become known are", day(half)))
    if (novelty := contents.novelty) is not None:
        cards.append(("unlike the training data", count(int((novelty > 1).sum()))))
    return [{"label": label, "value": value} for label, value in cards]


# --- the sections ------------------------------------------------------------------------------------------------


def _map(contents: MapData) -> Section | None:
    frame = contents.parcels
    if not frame.geometry.notna().any():
        return None
    colour = frame["crop"].map(contents.colours).astype(object).where(frame["crop"].notna(), None).to_numpy()
    outlines = contents.in_metres()
    picture = _picture(
        "map", "Parcels by crop; colours as in the table. Parcels without an answer are left empty.",
        lambda: figures.draw_map(outlines, colour),
    )  # fmt: skip
    return Section("Map", figures=[picture])


def _crops(contents: MapData) -> Section:
    table = contents.classes[contents.classes["parcels"] > 0].sort_values("parcels", ascending=False)
    labelled = table["accuracy"].notna().any()
    explained = table[["window_start", "peak1_date"]].notna().any(axis=None)
    names = ["Crop", "HCAT", "Parcels", "Hectares", *(["As declared"] if labelled else [])]
    names += ["Window", PEAKS] if explained else []
    numbers = {"Parcels", "Hectares", "As declared"}
    one_year = len({str(date)[:4] for date in contents.dates}) == 1
    told = day_of_year if one_year else day
    rows = []
    for row in table.to_dict("records"):
        peaks = [
            told(row[f"peak{rank}_date"]) + (f": {stage}" if there(stage := row[f"peak{rank}_stage"]) else "")
            for rank in (1, 2, 3)
            if there(row[f"peak{rank}_date"])
        ]
        window = " – ".join(dict.fromkeys(told(row[name]) for name in WINDOW if there(row[name])))
        accuracy = [percent(row["accuracy"])] if labelled else []
        cells = [row["crop"], whole(row["hcat_code"]), count(row["parcels"]), number(row["area_ha"]), *accuracy]
        cells += [window, "; ".join(peaks)] if explained else []
        rows.append(Row(cells, row["colour"] if _COLOUR.fullmatch(row["colour"] or "") else ""))
    texts = []
    if explained:
        texts.append(
            "Window: the stretch of dates from which the model gives this crop's parcels the answer of the whole "
            "season. Peaks: dates on which the relevance Rₜ of the crop is highest, with the growth stage that is "
            "typical then."
        )
    if labelled:
        texts.append("As declared: share of the parcels declared as this crop that got it.")
    if len(rows) > MOST_ROWS:
        texts.append(f"The {MOST_ROWS} most frequent of {len(rows)} crops.")
    columns = [Column(name, name in numbers, name == PEAKS) for name in names]
    return Section("Crops", texts, tables=[Table(columns, rows[:MOST_ROWS])])


def _courses(contents: MapData) -> Section | None:
    if contents.curves.empty:
        return None
    table = contents.classes[contents.classes["parcels"] > 0].sort_values("parcels", ascending=False)
    known = table[table["window_start"].notna()]
    windows = {row["crop"]: (row["window_start"], row["window_end"]) for row in known.to_dict("records")}
    explained = contents.curves["relevance"].notna().any()
    bars = "share of their relevance on each date (bars), window (shaded), " if explained else ""
    picture = _picture(
        "courses",
        f"Median reflectance of the parcels of each crop (lines; the {figures.MOST_CURVES} most frequent crops), {bars}"
        "typical dates of growth stages where a source is known (above).",
        lambda: figures.draw_curves(contents.curves, list(table["crop"]), windows),
    )
    if not explained:
        return Section("How the crops looked", figures=[picture])
    text = (
        "The bars say on which dates the answer rests: relevance by the method, and counted from the reference, that "
        "the run names. The lines say how the fields looked then."
    )
    return Section("What decides, and when", [text], [picture])


def _season(contents: MapData) -> Section | None:
    frame = contents.parcels
    decided = frame.loc[frame["decision_date"].notna() & frame["crop"].notna(), ["crop", "decision_date"]]
    pictures = []
    if len(contents.ends):
        pictures.append(
            _picture(
                "season",
                "Answers on the season up to each date, and the share of parcels that are known by then.",
                lambda: figures.draw_ends(contents.ends, decided["decision_date"], int(frame["crop"].notna().sum())),
            )
        )
    if len(decided):
        pictures.append(
            _picture(
                "decisions",
                "Parcels by the date from which their crop is known.",
                lambda: figures.draw_decisions(decided, contents.colours),
            )
        )
    if not pictures:
        return None
    sure = contents.parameters.get("decided_at")
    text = "Known: from this date on the answer is the final one" + (
        f", each time with a confidence of at least {percent(float(sure))}." if sure is not None else "."
    )
    return Section(
        "How early", [text + " This looks back: on the day itself nobody knows that it will stay."], pictures
    )


def _agreement(contents: MapData) -> Section | None:
    labelled = contents.labelled
    if labelled is None:
        return None
    order = [crop for crop in contents.classes["crop"] if (labelled[["crop", "meant"]] == crop).any(axis=None)]
    table = pd.crosstab(labelled["meant"], labelled["crop"]).reindex(index=order, columns=order, fill_value=0)
    right = (labelled["meant"] == labelled["crop"]).to_numpy()
    confidence = labelled["confidence"].to_numpy(dtype=float)
    pictures = [
        _picture("confusion", "Parcels by declared crop (row) and answer (column); depth of colour: share of the row.",
                 lambda: figures.draw_confusion(table)),
        _picture("reliability", "How often answers of a confidence are as declared, with 95 % intervals (Wilson); on "
                 "the dashed line confidence is what it says.",
                 lambda: figures.draw_reliability(confidence, right), narrow=True),
    ]  # fmt: skip
    text = (
        f"{count(len(labelled))} parcels have an answer and a declared crop that the model knows; "
        f"{percent(right.mean())} agree. A disagreement may be an error of the map or of the declaration."
    )
    return Section("Against the declared crops", [text], pictures)


def _quality(contents: MapData) -> Section:
    status = reasons(contents.parcels["status"])
    pictures = []
    if len(contents.months):
        pictures.append(
            _picture(
                "quality",
                "Share of all parcels and dates of a month that give a value, and why the others do not.",
                lambda: figures.draw_quality(contents.months),
            )
        )
    clear = contents.parcels["clear_dates"].dropna()
    text = (
        f"Clear dates a parcel: median {clear.median():.0f}, from {clear.min():.0f} to {clear.max():.0f}."
        if len(clear)
        else ""
    )
    if (novelty := contents.novelty) is not None:
        unlike = int((novelty > 1).sum())
        text += (
            f" {count(unlike)} of {count(len(novelty))} parcels with an answer are unlike the training data (novelty "
            "above 1): their crop is not to be trusted."
            if unlike
            else " No parcel with an answer is unlike the training data (novelty above 1)."
        )
    table = Table([Column("Status"), Column("Parcels", True)], [Row([str(s), count(n)]) for s, n in status.items()])
    return Section("Data", [text] if text else [], pictures, [table])


def _model(contents: MapData) -> Section | None:
    card = contents.model
    if not card:
        return None
    return Section("Model", tables=[Table([Column("Model card"), Column("", long=True)], _facts(card, NOT_TOLD))])


def _run(contents: MapData) -> Section:
    rows = _facts(contents.parameters) + _facts(contents.run, TOLD_ELSEWHERE)
    scenes = contents.run.get("scenes") or []
    listings = [shlex.join(command)] if (command := contents.run.get("command")) else []
    if scenes:
        listings.append("\n".join(map(str, scenes[:MOST_ROWS])) + ("\n…" if len(scenes) > MOST_ROWS else ""))
    text = f"{len(scenes)} acquisitions, listed below." if scenes else ""
    table = Table([Column("Fact"), Column("", long=True)], rows)
    return Section("How it was made", [text] if text else [], tables=[table], listings=listings)


def _facts(told: Mapping[str, Any], without: Sequence[str] = ()) -> list[Row]:
    return [Row([words(key), shortened(value)]) for key, value in told.items() if key not in without and filled(value)]


SECTIONS: tuple[Callable[[MapData], Section | None], ...] = (
    _map, _crops, _courses, _season, _agreement, _quality, _model, _run,
)  # fmt: skip
