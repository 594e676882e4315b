"""The columns of the crop map, once: the writer, the file's own documentation, the style and docs/formats.md use them.

Types are those of the GeoPackage standard (OGC 12-128r15, table 1). A missing answer is NULL in every column.
"""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One column of a table: its name, GeoPackage type, the words a person reads for it, and what it holds."""

    name: str
    type: str
    alias: str
    description: str


def _top(rank: int, word: str) -> tuple[Column, Column]:
    return (
        Column(f"top{rank}_date", "DATE", f"Deciding date {rank}", f"The date with the {word} relevance for the crop."),
        Column(
            f"top{rank}_relevance", "REAL", f"Relevance {rank}", f"Relevance of deciding date {rank}, over all bands."
        ),
    )


#: The layer `parcels`, in the order of its columns; the input's own attributes follow.
PARCELS: tuple[Column, ...] = (
    Column("parcel_id", "TEXT", "Parcel", "Identifier of the parcel, unique in the map."),
    Column("crop", "TEXT", "Crop", "The most probable crop."),
    Column("hcat_code", "INTEGER", "HCAT code", "Code of the crop in HCAT 3, the crop taxonomy of EuroCrops."),
    Column("confidence", "REAL", "Confidence", "Probability that the model gives the crop, 0 to 1."),
    Column("second_crop", "TEXT", "Second crop", "The next most probable crop."),
    Column("second_confidence", "REAL", "Second confidence", "Probability of the second crop, 0 to 1."),
    *_top(1, "highest"),
    *_top(2, "second highest"),
    *_top(3, "third highest"),
    Column("window_start", "DATE", "Window start", "First of the dates that decide the crop."),
    Column("window_end", "DATE", "Window end", "Last of the dates that decide the crop."),
    Column("clear_dates", "INTEGER", "Clear dates", "Number of dates on which the parcel was seen clear of clouds."),
    Column("status", "TEXT", "Status", "'classified', or why the parcel has no answer."),
    Column(
        "declared_crop", "TEXT", "Declared crop", "The crop that the input declares; only in maps of labelled parcels."
    ),
)
#: Columns that a map has only where its input gives them.
OPTIONAL = ("declared_crop",)

#: The table `relevance`: one row a parcel, date and band group.
RELEVANCE: tuple[Column, ...] = (
    Column("parcel_id", "TEXT", "Parcel", "Identifier of the parcel in the layer parcels."),
    Column("date", "DATE", "Date", "Day of the acquisition."),
    Column("band_group", "TEXT", "Band group", "Spectral group of the bands whose relevance is summed."),
    Column("relevance", "REAL", "Relevance", "Relevance for the crop; positive speaks for it, negative against it."),
)

#: The table `run`: one row a fact about how the map was made.
RUN: tuple[Column, ...] = (
    Column("key", "TEXT", "Key", "What is recorded: an input, a hash, a version, a parameter, the model card."),
    Column("value", "TEXT", "Value", "Its value; lists and tables as JSON."),
)

TABLES: dict[str, tuple[Column, ...]] = {"parcels": PARCELS, "relevance": RELEVANCE, "run": RUN}


def names(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the names of columns, in order."""
    return tuple(column.name for column in columns)


def markdown(columns: Sequence[Column]) -> str:
    """Write columns as the table of docs/formats.md."""
    rows = [f"| `{c.name}` | {c.type} | {c.description} |" for c in columns]
    return "\n".join(["| Column | Type | Holds |", "|---|---|---|", *rows])
