"""A written map, read again: what it holds in words and numbers, and its styles made anew."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from cropxai.errors import MapUnreadable, OutputUnwritable, PathLike
from cropxai.maps import columns
from cropxai.maps.geopackage import connect
from cropxai.maps.styles import write_styles

#: Tables of a map that every other statement about it relies on.
NEEDED = ("parcels", "relevance", "classes", "run")


def is_geopackage(path: PathLike) -> bool:
    """Say whether a file is an SQLite database, as every GeoPackage is."""
    try:
        with Path(path).open("rb") as file:
            return file.read(15) == b"SQLite format 3"
    except OSError:
        return False


def describe_map(path: PathLike) -> dict[str, Any]:
    """Tell what a map holds.

    Returns
    -------
    dictionary of plain values: software, parcels, classified, crops, dates, relevance_rows,
        reflectance (whether the map keeps it), styles, parameters, model

    Raises
    ------
    MapUnreadable
    """
    path = checked(path)
    with opened(path) as database:
        facts = dict(database.execute("SELECT key, value FROM run"))
        classes = database.execute(
            "SELECT crop, parcels, area_ha, accuracy, window_start, window_end FROM classes WHERE parcels > 0 "
            "ORDER BY parcels DESC, crop"
        ).fetchall()
        total, answered, known = database.execute(
            "SELECT count(*), count(crop), count(decision_date) FROM parcels"
        ).fetchone()
        styles = database.execute("SELECT styleName FROM layer_styles WHERE f_table_name = 'parcels' ORDER BY id")
        dates = json.loads(facts.get("dates") or "[]")
        names = ("crop", "parcels", "area_ha", "accuracy", "window_start", "window_end")
        return {
            "software": facts.get("software"),
            "parcels": total,
            "classified": answered,
            "known_early": known,
            "crops": [dict(zip(names, row, strict=True)) for row in classes],
            "dates": dates,
            "relevance_rows": database.execute("SELECT count(relevance) FROM relevance").fetchone()[0],
            "reflectance": columns.REFLECTANCE[0][0] in columns.written(database, "relevance"),
            "styles": [row[0] for row in styles],
            "parameters": json.loads(facts.get("parameters") or "{}"),
            "model": (json.loads(facts.get("model") or "{}") or {}).get("name"),
        }


def restyle(path: PathLike) -> tuple[str, ...]:
    """Write the styles and the project of a map anew, in one transaction; the data stay untouched.

    Returns
    -------
    names of the styles of the layer `parcels`

    Raises
    ------
    MapUnreadable
    OutputUnwritable
        If the file is read-only or in use.
    """
    path = checked(path)
    try:
        with closing(connect(path)) as database:
            database.execute("BEGIN IMMEDIATE")
            names = write_styles(database, path.name)
            database.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise OutputUnwritable(path, f"{error}; close it in other programs") from error
    return names


@contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Open a map to read from; what SQLite cannot read is told as damage."""
    try:
        with closing(connect(path, read_only=True)) as database:
            yield database
    except sqlite3.OperationalError as error:
        raise MapUnreadable(path, f"cannot be read ({error}); close it in other programs") from error
    except sqlite3.DatabaseError as error:
        raise MapUnreadable(path, f"is damaged ({error}); make the map again") from error


def checked(path: PathLike) -> Path:
    """Return the path of a map; refuse what is none."""
    path = Path(path)
    if not path.is_file():
        raise MapUnreadable(path, "no such map; check the path")
    if not is_geopackage(path):
        raise MapUnreadable(path, "is not a GeoPackage; give a map written by 'cropxai map -o MAP.gpkg'")
    with opened(path) as database:
        there = {table: set(columns.written(database, table)) for table in NEEDED}
    if absent := [table for table in NEEDED if not there[table]]:
        raise MapUnreadable(path, f"is a GeoPackage, but no crop map: it has no table {absent[0]!r}")
    for table in NEEDED:
        needed = {c.name for c in columns.TABLES[table] if c.name not in columns.OPTIONAL}
        if missing := sorted(needed - there[table]):
            raise MapUnreadable(
                path, f"lacks the column {missing[0]!r} of {table}: made by another version, or altered"
            )
    return path
