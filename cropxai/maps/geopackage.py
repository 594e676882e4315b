"""The crop map as one GeoPackage: parcels, relevance by date, classes, how it was made, and the styles it opens with.

Geometries and the spatial index are GDAL's work, the plain tables SQLite's. All is written beside the target and
renamed at the end, so that a map is there whole or not at all. Standard: OGC 12-128r15 (GeoPackage 1.2).
"""

import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError

from cropxai.bands import GROUPS
from cropxai.errors import OutputUnwritable, PathLike
from cropxai.maps import columns
from cropxai.maps.attributes import as_text, typed, typed_parcels
from cropxai.maps.contents import MapContents, RelevanceBlock
from cropxai.maps.documentation import document
from cropxai.maps.styles import write_styles
from cropxai.outputs import replacing

#: Older GDAL (3.6, in QGIS 3.22) warns of later versions.
GEOPACKAGE_VERSION = "1.2"
#: Tables that sum up the map, with their titles and descriptions.
SUMMARIES = {
    "classes": ("Classes", "Every crop that the model knows: colour, parcels, accuracy, window, peaks"),
    "curves": ("Curves", "Course of every crop: median reflectance and share of relevance by date"),
    "season_ends": ("Season ends", "What is known by when: answers on the season up to every date"),
    "months": ("Months", "How much of the season was seen: clear share of every month, and why not more"),
}
#: Columns of the parcels' own reflectance.
REFLECTANCE = tuple(name for name, *_ in columns.REFLECTANCE)
#: Seconds for which another program may hold the file.
BUSY_SECONDS = 5.0
#: Rows of a statement: so many take little more than half the time of as many statements. SQLite before 3.32 takes at
#: most 999 values, and no table that is written so has more than 19 columns.
ROWS_AT_ONCE = 50
#: Parcels that GDAL is given at a time: bounds the memory of its copy.
PARCELS_AT_ONCE = 50_000


def write_geopackage(path: PathLike, contents: MapContents, overwrite: bool = False) -> Path:
    """Write a crop map to a GeoPackage, whole or not at all.

    Raises
    ------
    OutputExists, OutputUnwritable
    """
    with replacing(path, overwrite) as part:
        try:
            _write_parcels(part, contents.parcels)
            with closing(connect(part)) as database:
                # The file is thrown away on any failure: neither a journal nor a flush to disk could save anything.
                database.execute("PRAGMA journal_mode = OFF")
                database.execute("PRAGMA synchronous = OFF")
                database.execute("BEGIN")
                _write_relevance(database, contents)
                for table, (title, description) in SUMMARIES.items():
                    _create(database, table, title, description)
                    _write_frame(database, table, getattr(contents, table))
                _write_run(database, contents)
                document(database, contents.run)
                write_styles(database, Path(path).name)
                database.execute("COMMIT")
        except (sqlite3.OperationalError, DataSourceError, DataLayerError) as error:
            raise OutputUnwritable(path, str(error)) from error
    return Path(path)


def connect(path: Path, read_only: bool = False) -> sqlite3.Connection:
    """Open a GeoPackage as the SQLite database it is; transactions are the caller's."""
    mode = "ro" if read_only else "rw"
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_SECONDS)


def _write_parcels(path: Path, parcels: gpd.GeoDataFrame) -> None:
    frame, kind = typed_parcels(parcels)
    for start in range(0, max(1, len(frame)), PARCELS_AT_ONCE):
        pyogrio.write_dataframe(
            frame.iloc[start : start + PARCELS_AT_ONCE],
            path,
            layer="parcels",
            driver="GPKG",
            geometry_type=kind,
            use_arrow=True,
            append=start > 0,
            dataset_options={"VERSION": GEOPACKAGE_VERSION},
            layer_options={
                "GEOMETRY_NAME": "geom",
                "SPATIAL_INDEX": "YES",
                "IDENTIFIER": "Parcels",
                "DESCRIPTION": "Crop, confidence and deciding dates of every parcel",
            },
        )


# --- plain tables ------------------------------------------------------------------------------------------------


def _create(
    database: sqlite3.Connection, table: str, title: str, description: str, without: Collection[str] = ()
) -> None:
    """Create one of our tables, without some of its columns, and register it, so that GDAL and QGIS list it."""
    fields = ", ".join(f'"{c.name}" {c.type}' for c in columns.TABLES[table] if c.name not in without)
    database.execute(f'CREATE TABLE "{table}" (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, {fields})')
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description) VALUES (?, 'attributes', ?, ?)",
        (table, title, description),
    )


def _insert(
    database: sqlite3.Connection, table: str, rows: Iterable[tuple[Any, ...]], without: Collection[str] = ()
) -> None:
    names = [name for name in columns.names(columns.TABLES[table]) if name not in without]
    fields = ", ".join(f'"{name}"' for name in names)
    statement, row = f'INSERT INTO "{table}" ({fields}) VALUES ', f"({', '.join('?' * len(names))})"
    waiting, rest = iter(rows), []

    def filled() -> Iterator[list[Any]]:
        while len(taken := list(islice(waiting, ROWS_AT_ONCE))) == ROWS_AT_ONCE:
            yield list(chain.from_iterable(taken))
        rest.extend(taken)

    database.executemany(statement + ", ".join([row] * ROWS_AT_ONCE), filled())
    database.executemany(statement + row, rest)


def _write_relevance(database: sqlite3.Connection, contents: MapContents) -> None:
    blocks = iter(contents.relevance or ())
    first = next(blocks, None)
    reflectance = first is not None and first.reflectance is not None
    without = () if reflectance else REFLECTANCE
    title = "Relevance of every date for the crop of a parcel, in thousandths"
    title += ", and its reflectance, in ten-thousandths" if reflectance else ""
    _create(database, "relevance", "Relevance", title, without)
    days = np.datetime_as_string(contents.dates, unit="D").astype(object)
    for block in chain([] if first is None else [first], blocks):
        _insert(database, "relevance", _relevance_rows(block, days, reflectance), without)
    database.execute("CREATE INDEX relevance_parcel ON relevance (parcel)")
    # Covers the view: a date of the whole map is read in one stretch, and the first and last date at once.
    database.execute("CREATE INDEX relevance_date ON relevance (date, parcel, relevance)")
    _create_view(database, reflectance)


def _relevance_rows(
    block: RelevanceBlock, days: npt.NDArray[np.object_], reflectance: bool
) -> Iterator[tuple[Any, ...]]:
    shape = (len(block.total), len(days))
    if block.total.shape != shape or (block.groups is not None and block.groups.shape != (*shape, len(GROUPS))):
        raise ValueError(f"a block of relevance does not have {len(days)} dates and {len(GROUPS)} groups")
    if (None if block.reflectance is None else block.reflectance.shape) != (
        (*shape, len(REFLECTANCE)) if reflectance else None
    ):
        raise ValueError(f"not every block has the reflectance of {len(days)} dates in {len(REFLECTANCE)} columns")
    there = np.isfinite(block.total)
    if block.reflectance is not None:
        there |= np.isfinite(block.reflectance).any(axis=2)
    parcel, time = np.nonzero(there)
    groups: list[Any] = [repeat(None, len(parcel)) for _ in GROUPS]
    if block.groups is not None:
        groups = [_whole(block.groups[parcel, time, g], columns.THOUSANDTHS) for g in range(len(GROUPS))]
    seen: list[Any] = []
    if block.reflectance is not None:
        seen = [_whole(block.reflectance[parcel, time, c], columns.TEN_THOUSANDTHS) for c in range(len(REFLECTANCE))]
    total = _whole(block.total[parcel, time], columns.THOUSANDTHS)
    return zip((block.first + parcel + 1).tolist(), days[time].tolist(), total, *groups, *seen, strict=True)


def _whole(values: npt.NDArray[np.float32], parts: int) -> list[int | None]:
    """Return values in so many parts of their unit, as whole numbers, None where missing."""
    there = np.isfinite(values)
    rounded = np.rint(np.where(there, values, 0) * parts).astype(np.int64)
    if there.all():
        return list(rounded.tolist())
    return [value if known else None for value, known in zip(rounded.tolist(), there.tolist(), strict=True)]


def _create_view(database: sqlite3.Connection, reflectance: bool) -> None:
    """Make and register the spatial view; LEFT JOIN lets SQLite answer for dates and counts without the parcels."""
    seen = "".join(f"r.{name} AS {name}, " for name in REFLECTANCE) if reflectance else ""
    database.execute(
        "CREATE VIEW relevance_by_date AS SELECT r.fid AS OGC_FID, r.parcel AS parcel, p.parcel_id AS parcel_id, "
        f"p.crop AS crop, r.date AS date, r.relevance AS relevance, {seen}p.geom AS geom "
        "FROM relevance r LEFT JOIN parcels p ON p.fid = r.parcel"
    )
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description, min_x, min_y, max_x, max_y, srs_id)"
        " SELECT 'relevance_by_date', 'features', 'Relevance by date', 'Relevance of a date on the outline of the "
        "parcel, for maps that step through time', min_x, min_y, max_x, max_y, srs_id FROM gpkg_contents "
        "WHERE table_name = 'parcels'"
    )
    database.execute(
        "INSERT INTO gpkg_geometry_columns SELECT 'relevance_by_date', column_name, geometry_type_name, srs_id, z, m "
        "FROM gpkg_geometry_columns WHERE table_name = 'parcels'"
    )


def _write_frame(database: sqlite3.Connection, table: str, frame: pd.DataFrame) -> None:
    fields = [typed(frame, column).astype(object) for column in columns.TABLES[table]]
    plain = [[None if pd.isna(v) else _plain(v) for v in field] for field in fields]
    _insert(database, table, zip(*plain, strict=True))


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _write_run(database: sqlite3.Connection, contents: MapContents) -> None:
    _create(database, "run", "Run", "How this map was made")
    facts = dict(contents.run) | {"dates": np.datetime_as_string(contents.dates, unit="D").tolist()}
    _insert(database, "run", [(key, None if v is None else as_text(v)) for key, v in facts.items()])
