"""The columns of the crop map, once: the writer, the file's own documentation, the styles and docs/formats.md use them.

Types are those of the GeoPackage standard (OGC 12-128r15, table 1). A missing answer is NULL in every column.
"""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from cropxai.bands import BANDS, GROUPS

#: Relevance is stored as a whole number of thousandths: one or two bytes in SQLite where a float takes eight.
THOUSANDTHS = 1000
#: Reflectance is stored as Sentinel-2 products store it, in whole ten-thousandths: two bytes.
TEN_THOUSANDTHS = 10_000
#: What a map holds of a parcel's own reflectance: column, words, and the bands of which the first that was read counts.
REFLECTANCE: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("reflectance_red", "red", ("B04",)),
    ("reflectance_nir", "near infrared", ("B08", "B8A")),
    ("reflectance_swir", "short-wave infrared", ("B11",)),
)


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, GeoPackage type, the words a person reads for it, and what it holds."""

    name: str
    type: str
    alias: str
    description: str


def group_column(group: str) -> str:
    """Return the name of the column of a band group."""
    return group.replace(" ", "_").replace("-", "_")


def _top(rank: int, word: str) -> tuple[Column, Column]:
    return (
        Column(f"top{rank}_date", "DATE", f"Deciding date {rank}", f"The date with the {word} relevance for the crop."),
        Column(
            f"top{rank}_relevance",
            "REAL",
            f"Relevance {rank}",
            f"Relevance of deciding date {rank}, as a whole.",
        ),
    )


def _peak(rank: int, word: str) -> tuple[Column, Column]:
    return (
        Column(f"peak{rank}_date", "DATE", f"Peak {rank}", f"Date of the {word} peak of the crop's relevance R_t."),
        Column(f"peak{rank}_stage", "TEXT", f"Stage {rank}", f"Typical growth stage of the crop at peak {rank}."),
    )


def _reflectance() -> tuple[Column, ...]:
    return tuple(
        Column(
            name, "INTEGER", f"Reflectance, {words} (× 10 000)",
            f"Reflectance of the parcel in {' or else '.join(bands)}, in ten-thousandths; NULL if not read.",
        )
        for name, words, bands in REFLECTANCE
    )  # fmt: skip


#: The layer `parcels`, in the order of its columns; the input's own attributes follow.
PARCELS: tuple[Column, ...] = (
    Column("parcel_id", "TEXT", "Parcel", "Identifier of the parcel, unique in the map."),
    Column("crop", "TEXT", "Crop", "The most probable crop."),
    Column("hcat_code", "INTEGER", "HCAT code", "Code of the crop in HCAT 3, the crop taxonomy of EuroCrops."),
    Column("confidence", "REAL", "Confidence", "Probability that the model gives the crop, 0 to 1."),
    Column("second_crop", "TEXT", "Second crop", "The next most probable crop."),
    Column("second_confidence", "REAL", "Second confidence", "Probability of the second crop, 0 to 1."),
    Column(
        "crop_set", "TEXT", "Crops it may be",
        "The crops among which the true one is with the asked probability (`--coverage`), the most probable first.",
    ),
    Column("set_size", "INTEGER", "How many", "Number of crops in `crop_set`; the more, the less is known."),
    Column(
        "novelty", "REAL", "Novelty",
        "Distance from the series that the model learnt from, as a share of what is usual; above 1 the parcel is "
        "unlike them, and its crop is not to be trusted.",
    ),
    Column(
        "decision_date", "DATE", "Known from",
        "The first clear date from which the answer is the final one, sure enough, and stays so.",
    ),
    Column(
        "decision_confidence", "REAL", "Confidence then", "Probability of the crop on the decision date, 0 to 1."
    ),
    Column(
        "decided_on", "DATE", "Decided on",
        "The first day on which the answer of that day is sure enough to stand, as it could be said then; empty where "
        "the model has no thresholds for it.",
    ),
    Column("decided_crop", "TEXT", "Crop decided on", "The answer of that day."),
    Column("decided_confidence", "REAL", "Confidence that day", "Its probability, 0 to 1."),
    *_top(1, "highest"),
    *_top(2, "second highest"),
    *_top(3, "third highest"),
    Column("window_start", "DATE", "Window start", "First of the dates that decide the crop."),
    Column("window_end", "DATE", "Window end", "Last of the dates that decide the crop."),
    Column("clear_dates", "INTEGER", "Clear dates", "Number of dates on which the parcel was seen clear of clouds."),
    Column("status", "TEXT", "Status", "'classified', 'unlike the training data', or why the parcel has no answer."),
    Column(
        "relevance_chart", "TEXT", "Relevance chart",
        "Relevance of every date in thousandths, parted by semicolons, in the order of the dates in the table run; "
        "empty where the parcel was not seen.",
    ),
    Column(
        "declared_crop", "TEXT", "Declared crop", "The crop that the input declares; only in maps of labelled parcels."
    ),
    Column(
        "declared_agrees", "BOOLEAN", "As declared",
        "Whether the crop is the declared one; NULL where nothing is declared, or no crop of the model.",
    ),
)  # fmt: skip
#: Columns that a map has only where its input gives them, and where they are asked for.
OPTIONAL = ("declared_crop", "declared_agrees", *(name for name, *_ in REFLECTANCE))

#: The table `relevance`: one row a parcel and date on which it was seen.
RELEVANCE: tuple[Column, ...] = (
    Column("parcel", "INTEGER", "Parcel", "The fid of the parcel in the layer parcels."),
    Column("date", "DATE", "Date", "Day of the acquisition."),
    Column(
        "relevance", "INTEGER", "Relevance",
        "Relevance of the whole date, in thousandths; positive speaks for the crop; NULL on dates that the model did "
        "not use.",
    ),
    *(
        Column(
            group_column(group), "INTEGER", f"Relevance, {group}",
            f"Relevance of the bands of the group {group}, in thousandths; NULL where the model has none.",
        )
        for group in GROUPS
    ),
    *_reflectance(),
)  # fmt: skip

#: The spatial view `relevance_by_date`: the relevance of a date on the outline of the parcel.
RELEVANCE_BY_DATE: tuple[Column, ...] = (
    Column("parcel", "INTEGER", "Parcel number", "The fid of the parcel in the layer parcels."),
    Column("parcel_id", "TEXT", "Parcel", "Identifier of the parcel."),
    Column("crop", "TEXT", "Crop", "The most probable crop."),
    Column("date", "DATE", "Date", "Day of the acquisition."),
    Column("relevance", "INTEGER", "Relevance", "Relevance of the whole date for the crop, in thousandths."),
    *_reflectance(),
)

#: The table `classes`: one row a crop that the model knows.
CLASSES: tuple[Column, ...] = (
    Column("crop", "TEXT", "Crop", "The crop, as in the layer parcels."),
    Column("hcat_code", "INTEGER", "HCAT code", "Code of the crop in HCAT 3."),
    Column("hcat_name", "TEXT", "HCAT name", "Name of the crop in HCAT 3."),
    Column("colour", "TEXT", "Colour", "Colour on the map, #rrggbb; `cropxai style` takes it from here."),
    Column("parcels", "INTEGER", "Parcels", "Number of parcels that got this crop."),
    Column("area_ha", "REAL", "Area (ha)", "Area of these parcels in hectares, on the ellipsoid."),
    Column("declared", "INTEGER", "Declared", "Number of classified parcels that are declared as this crop."),
    Column("accuracy", "REAL", "Accuracy", "Share of the declared parcels that got this crop, 0 to 1."),
    Column("window_start", "DATE", "Window start", "First of the dates that decide the crop."),
    Column("window_end", "DATE", "Window end", "Last of the dates that decide the crop."),
    Column(
        "window_agreement", "REAL", "Window keeps",
        "Share of the parcels of this crop that keep their answer if only the window is seen, 0 to 1.",
    ),
    *_peak(1, "highest"),
    *_peak(2, "second highest"),
    *_peak(3, "third highest"),
)  # fmt: skip

#: The table `curves`: one row a crop of the map and a date.
CURVES: tuple[Column, ...] = (
    Column("crop", "TEXT", "Crop", "The crop, as in the layer parcels."),
    Column("date", "DATE", "Date", "Day of the acquisition."),
    Column("parcels", "INTEGER", "Parcels", "Parcels of the crop that were seen on it, of 2000 at most."),
    Column("relevance", "REAL", "R_t", "Share of the crop's relevance that the date has, as the run gathers it."),
    *(
        Column(band.name, "REAL", band.name, f"Median reflectance of these parcels in {band.name}; NULL if not read.")
        for band in BANDS
    ),
)

#: The table `season_ends`: one row a date, the season seen up to it.
SEASON_ENDS: tuple[Column, ...] = (
    Column("date", "DATE", "Date", "Last day that is seen."),
    Column("seen", "REAL", "Seen", "Share of parcels with a clear date by then, 0 to 1, of 2000 parcels at most."),
    Column("agreement", "REAL", "Final", "Share of parcels whose answer is that of the whole season already, 0 to 1."),
    Column("accuracy", "REAL", "As declared", "Share of declared parcels whose answer is the declared crop, 0 to 1."),
)

#: The table `months`: one row a month of the season.
MONTHS: tuple[Column, ...] = (
    Column("month", "TEXT", "Month", "Year and month."),
    Column("dates", "INTEGER", "Dates", "Dates with an acquisition."),
    Column("clear", "REAL", "Clear", "Share of parcels and dates that have a value, 0 to 1."),
    Column("no_data", "REAL", "No data", "Share for which the rasters hold no data, 0 to 1."),
    Column("cut", "REAL", "Cut", "Share of which the raster edge cuts too much away, 0 to 1."),
    Column("not_clear", "REAL", "Not clear", "Share that cloud, shadow or snow hides, 0 to 1."),
)

#: The table `run`: one row a fact about how the map was made.
RUN: tuple[Column, ...] = (
    Column("key", "TEXT", "Key", "What is recorded: an input, a hash, a version, a parameter, the model card."),
    Column("value", "TEXT", "Value", "Its value; lists and tables as JSON."),
)

TABLES: dict[str, tuple[Column, ...]] = {
    "parcels": PARCELS,
    "relevance": RELEVANCE,
    "relevance_by_date": RELEVANCE_BY_DATE,
    "classes": CLASSES,
    "curves": CURVES,
    "season_ends": SEASON_ENDS,
    "months": MONTHS,
    "run": RUN,
}


def written(database: sqlite3.Connection, table: str) -> tuple[str, ...]:
    """Return the names of the columns that a table of a file has, none where there is no such table."""
    return tuple(row[0] for row in database.execute("SELECT name FROM pragma_table_info(?)", (table,)))


def names(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the names of columns, in order."""
    return tuple(column.name for column in columns)


def markdown(columns: Sequence[Column]) -> str:
    """Write columns as the table of docs/formats.md."""
    rows = [f"| `{c.name}` | {c.type} | {c.description} |" for c in columns]
    return "\n".join(["| Column | Type | Holds |", "|---|---|---|", *rows])
