# SPDX-License-Identifier: GPL-2.0-or-later
"""What a crop map tells of one parcel, read from the tables of its GeoPackage (docs/formats.md). Needs no QGIS."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import date
from pathlib import Path

#: Bands whose median is drawn, where the map has them: what green leaves absorb, what they reflect, and what water in
#: them absorbs.
CURVES = (("B04", "red"), ("B08", "near infrared"), ("B8A", "near infrared"), ("B11", "short-wave infrared"))
#: Columns of the parcel's own reflectance, in ten-thousandths, by the same names.
OWN = {
    "red": "reflectance_red", "near infrared": "reflectance_nir", "short-wave infrared": "reflectance_swir",
}  # fmt: skip
TEN_THOUSANDTHS = 10_000


class NoMap(Exception):
    """The file is no crop map, or its tables are damaged; the text says which."""


@dataclass(frozen=True)
class ParcelRelevance:
    """The answer for a parcel and what spoke for it, date by date.

    ``relevance`` has a value for each of ``dates``, None where the parcel was not seen. ``own`` is the reflectance of
    the parcel, ``curves`` the median of all parcels of its crop, on the same dates by name of the band; empty where the
    map has none. ``stages`` are typical growth stages by date.
    """

    parcel: str
    crop: str
    confidence: float | None
    status: str
    dates: tuple[date, ...]
    relevance: tuple[float | None, ...]
    window: tuple[date, date] | None
    known_from: date | None
    stages: tuple[tuple[date, str], ...]
    own: dict[str, tuple[float | None, ...]]
    curves: dict[str, tuple[float | None, ...]]


def read_parcel(path: str, fid: int) -> ParcelRelevance:
    """Read the parcel with this number (column fid) from a crop map.

    Raises
    ------
    NoMap
    """
    try:
        with closing(sqlite3.connect(f"{Path(path).resolve().as_uri()}?mode=ro", uri=True)) as database:
            database.row_factory = sqlite3.Row
            return _read(database, fid)
    except (sqlite3.Error, ValueError, TypeError, IndexError) as error:
        raise NoMap(f"{path} cannot be read as a crop map ({error})") from error


def _read(database, fid):
    row = database.execute("SELECT * FROM parcels WHERE fid = ?", (fid,)).fetchone()
    told = database.execute("SELECT value FROM run WHERE key = 'dates'").fetchone()
    if row is None or told is None:
        raise NoMap(f"the map has no parcel {fid}" if told else "the map does not tell its dates")
    dates = tuple(map(_date, json.loads(told["value"])))
    crop = row["crop"] or ""
    start, end = _date(row["window_start"]), _date(row["window_end"])
    return ParcelRelevance(
        parcel=str(row["parcel_id"]),
        crop=crop,
        confidence=row["confidence"],
        status=row["status"] or "",
        dates=dates,
        relevance=_relevance(row["relevance_chart"], len(dates)),
        window=(start, end) if start and end else None,
        known_from=_date(row["decision_date"]),
        stages=_stages(database, crop),
        own=_own(database, fid, dates),
        curves=_curves(database, crop, dates),
    )


def _date(text):
    return date.fromisoformat(text[:10]) if text else None


def _relevance(chart, count):
    """Take thousandths parted by semicolons apart."""
    values = [int(text) / 1000 if text else None for text in chart.split(";")] if chart else [None] * count
    if len(values) != count:
        raise ValueError(f"relevance of {len(values)} dates, but the map has {count}")
    return tuple(values)


def _columns(database, table):
    return [column["name"] for column in database.execute("SELECT name FROM pragma_table_info(?)", (table,))]


def _stages(database, crop):
    """Return the growth stages at the peaks of the crop, in order of time; none in maps without them."""
    if "peak1_stage" not in _columns(database, "classes"):
        return ()
    row = database.execute("SELECT * FROM classes WHERE crop = ?", (crop,)).fetchone()
    if row is None:
        return ()
    peaks = [(_date(row[f"peak{rank}_date"]), row[f"peak{rank}_stage"]) for rank in (1, 2, 3)]
    return tuple(sorted((day, stage) for day, stage in peaks if day and stage))


def _own(database, fid, dates):
    """Return the reflectance of the parcel on each date, by name of the band; none in maps without it."""
    offered = _columns(database, "relevance")
    names = [name for name, column in OWN.items() if column in offered]
    if not names:
        return {}
    columns = ", ".join(OWN[name] for name in names)  # names of ours, not of the file
    rows = database.execute(f"SELECT date, {columns} FROM relevance WHERE parcel = ?", (fid,))  # nosec B608
    by_date = {_date(day): values for day, *values in rows}
    missing = [None] * len(names)
    found = zip(*(by_date.get(day, missing) for day in dates))  # noqa: B905 (Python 3.9)
    own = {
        name: tuple(None if value is None else value / TEN_THOUSANDTHS for value in values)
        for name, values in zip(names, found)  # noqa: B905
    }
    return {name: values for name, values in own.items() if any(value is not None for value in values)}


def _curves(database, crop, dates):
    """Return the median reflectance of the crop on each date, by name of the band; none in maps without them."""
    offered = _columns(database, "curves")
    found = {}
    for band, name in CURVES:
        if band in offered and name not in found:
            # The name of the column is one of ours, not of the file.
            rows = database.execute(f'SELECT date, "{band}" FROM curves WHERE crop = ?', (crop,))  # nosec B608
            by_date = {_date(day): value for day, value in rows}
            values = tuple(by_date.get(day) for day in dates)
            if any(value is not None for value in values):
                found[name] = values
    return found
