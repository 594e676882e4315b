"""The crop map as one GeoPackage: parcels, relevance by date, how it was made, and the styles it opens with.

Geometries and the spatial index are GDAL's work, the plain tables SQLite's. All is written beside the target and
renamed at the end, so that a map is there whole or not at all. Standard: OGC 12-128r15 (GeoPackage 1.2).
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from cropxai.bands import GROUPS
from cropxai.errors import OutputUnwritable, PathLike
from cropxai.maps import columns
from cropxai.maps.columns import Column
from cropxai.maps.styles import parcel_styles
from cropxai.outputs import replacing

LAYER = "parcels"
#: Names that the layer itself needs: its row number and its geometry.
RESERVED = ("fid", "geom")
#: Older GDAL (3.6, in QGIS 3.22) warns of later versions.
GEOPACKAGE_VERSION = "1.2"

_DTYPES = {
    "TEXT": pd.StringDtype("pyarrow"),
    "REAL": pd.ArrowDtype(pa.float64()),
    "INTEGER": pd.ArrowDtype(pa.int64()),
    "DATE": pd.ArrowDtype(pa.date32()),
}


def write_map(
    path: PathLike,
    parcels: gpd.GeoDataFrame,
    relevance: Iterable[pd.DataFrame] | None,
    *,
    crop_labels: Sequence[str],
    run: Mapping[str, object],
    overwrite: bool = False,
) -> Path:
    """Write a crop map to a GeoPackage, whole or not at all.

    Parameters
    ----------
    path : the GeoPackage to write
    parcels : (parcel,) the results and the input's attributes, as :func:`join_attributes` gives them
    relevance : pieces of the table of relevance, with columns ``parcel_id``, ``date``, ``band_group`` (one of
        `cropxai.bands.GROUPS`) and ``relevance``; each piece is written before the next is asked for
    crop_labels : the crops that the model knows, in the order of the legend
    run : how the map was made: inputs, hashes, versions, parameters, model card; what is not text becomes JSON
    overwrite : replace a map that exists

    Raises
    ------
    OutputExists, OutputUnwritable
    """
    present = [str(crop) for crop in parcels["crop"].dropna().unique() if crop != ""] if "crop" in parcels else []
    labels = list(dict.fromkeys([*crop_labels, *sorted(present)]))
    with replacing(path, overwrite) as part:
        try:
            _write_parcels(part, parcels)
            with closing(_connect(part)) as database:
                database.execute("BEGIN")
                _write_relevance(database, relevance or ())
                _write_run(database, run)
                _write_styles(database, labels)
                _describe_columns(database)
                database.execute("COMMIT")
        except (sqlite3.OperationalError, DataSourceError, DataLayerError) as error:
            raise OutputUnwritable(path, str(error)) from error
    return Path(path)


def join_attributes(results: pd.DataFrame, parcels_frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Put the geometry and attributes of the input behind the results, row by row.

    An attribute whose name is one of the map's own, in capitals or not, gets the suffix ``_input``; only a
    ``parcel_id`` that says the same as ours is not written twice.

    Parameters
    ----------
    results : (parcel,) the columns of `cropxai.maps.columns.PARCELS`
    parcels_frame : (parcel,) the input, in the same order
    """
    if len(results) != len(parcels_frame):
        raise ValueError(f"{len(results)} results for {len(parcels_frame)} parcels")
    attributes = pd.DataFrame(parcels_frame.drop(columns=parcels_frame.geometry.name)).reset_index(drop=True)
    joined = results.reset_index(drop=True)
    if "parcel_id" in attributes and (attributes["parcel_id"].astype(str) == joined["parcel_id"]).all():
        attributes = attributes.drop(columns="parcel_id")
    taken = {name.lower() for name in (*columns.names(columns.PARCELS), *RESERVED, *map(str, joined.columns))}
    attributes.columns = pd.Index([_free_name(str(name), taken) for name in attributes.columns], dtype=object)
    geometry = gpd.GeoSeries(parcels_frame.geometry.array, crs=parcels_frame.crs)
    return gpd.GeoDataFrame(pd.concat([joined, attributes], axis=1), geometry=geometry)


def _free_name(name: str, taken: set[str]) -> str:
    """Find a name that differs from those taken by more than capitals (SQLite ignores these), and take it."""
    candidate, count = name or "field", 1
    while candidate.lower() in taken:
        candidate = f"{name}_input" + (str(count) if count > 1 else "")
        count += 1
    taken.add(candidate.lower())
    return candidate


# --- parcels -----------------------------------------------------------------------------------------------------


def _write_parcels(path: Path, parcels: gpd.GeoDataFrame) -> None:
    geometry, kind = _polygons(parcels.geometry)
    own = {c.name: _typed(parcels, c) for c in columns.PARCELS if c.name in parcels or c.name not in columns.OPTIONAL}
    known = {*own, parcels.geometry.name}
    others = {str(name): _writable(parcels[name]) for name in parcels.columns if name not in known}
    frame = gpd.GeoDataFrame({**own, **others}, geometry=geometry, crs=parcels.crs)
    pyogrio.write_dataframe(
        frame,
        path,
        layer=LAYER,
        driver="GPKG",
        geometry_type=kind,
        use_arrow=True,
        dataset_options={"VERSION": GEOPACKAGE_VERSION},
        layer_options={
            "GEOMETRY_NAME": "geom",
            "SPATIAL_INDEX": "YES",
            "IDENTIFIER": "Parcels",
            "DESCRIPTION": "Crop, confidence and deciding dates of every parcel",
        },
    )


def _polygons(geometry: gpd.GeoSeries) -> tuple[npt.NDArray[np.object_], str]:
    """Return all geometries as one kind: polygons become multipolygons, heights are dropped."""
    flat = np.array(shapely.force_2d(geometry.to_numpy()), dtype=object)
    kinds = shapely.get_type_id(flat)
    single = kinds == shapely.GeometryType.POLYGON
    multi = kinds == shapely.GeometryType.MULTIPOLYGON
    if not (single | multi | (kinds == shapely.GeometryType.MISSING)).all():
        return flat, "Unknown"
    flat[single] = [shapely.MultiPolygon([polygon]) for polygon in flat[single]]
    return flat, "MultiPolygon"


def _typed(parcels: gpd.GeoDataFrame, column: Column) -> pd.Series:
    """Return one of our columns in its declared type, NULL where it is empty or absent."""
    if column.name not in parcels:
        return pd.Series(None, index=range(len(parcels)), dtype=_DTYPES[column.type])
    values = parcels[column.name].reset_index(drop=True)
    if column.type == "TEXT":
        texts = [None if pd.isna(value) or value == "" else str(value) for value in values]
        return pd.Series(texts, dtype=_DTYPES["TEXT"])
    if column.type == "DATE":
        return pd.Series(pa.array(_days(values), pa.date32()), dtype=_DTYPES["DATE"])
    return pd.Series(pd.to_numeric(values).astype("Float64").astype(_DTYPES[column.type]))


def _writable(values: pd.Series) -> pd.Series:
    """Return an attribute of the input in a type that a GeoPackage has: its own, or else text."""
    values = values.reset_index(drop=True)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.dtype.categories.dtype)
    try:
        kind = pa.array(values, from_pandas=True).type
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        kind = pa.list_(pa.string())  # mixed kinds: text, as for lists
    if pa.types.is_nested(kind) or pa.types.is_duration(kind):
        return values.map(_as_text, na_action="ignore").astype(_DTYPES["TEXT"])
    if pa.types.is_null(kind):
        return values.astype(_DTYPES["TEXT"])
    return values


def _as_text(value: object) -> str:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _days(values: pd.Series) -> list[Any]:
    """Return dates, whatever their type, as `datetime.date`, None where missing."""
    return [None if pd.isna(moment) else moment.date() for moment in pd.to_datetime(values)]


# --- plain tables ------------------------------------------------------------------------------------------------


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    # The file is thrown away on any failure: neither a journal nor a flush to disk a page could save anything.
    database.execute("PRAGMA journal_mode = OFF")
    database.execute("PRAGMA synchronous = OFF")
    return database


def _create(database: sqlite3.Connection, table: str, title: str, description: str) -> None:
    """Create one of our tables and register it, so that GDAL and QGIS list it."""
    fields = ", ".join(f'"{c.name}" {c.type}' for c in columns.TABLES[table])
    database.execute(f'CREATE TABLE "{table}" (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, {fields})')
    _register(database, table, title, description)


def _register(database: sqlite3.Connection, table: str, title: str, description: str) -> None:
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description) VALUES (?, 'attributes', ?, ?)",
        (table, title, description),
    )


def _write_relevance(database: sqlite3.Connection, pieces: Iterable[pd.DataFrame]) -> None:
    _create(database, "relevance", "Relevance", "Relevance of every date and band group for the crop of a parcel")
    names = columns.names(columns.RELEVANCE)
    insert = f"INSERT INTO relevance ({', '.join(names)}) VALUES ({', '.join('?' * len(names))})"
    for piece in pieces:
        database.executemany(insert, _relevance_rows(piece))
    database.execute("CREATE INDEX relevance_parcel_date ON relevance (parcel_id, date)")


def _relevance_rows(piece: pd.DataFrame) -> Iterator[tuple[str, str, str, float]]:
    unknown = set(piece["band_group"].unique()) - set(GROUPS)
    if unknown:
        raise ValueError(f"no band group {sorted(map(str, unknown))}; the groups are {GROUPS}")
    day = {moment: pd.Timestamp(moment).strftime("%Y-%m-%d") for moment in piece["date"].unique()}
    return zip(
        piece["parcel_id"].astype(str).tolist(),
        piece["date"].map(day).tolist(),
        piece["band_group"].tolist(),
        piece["relevance"].astype(float).tolist(),  # sqlite3 writes NaN as NULL
        strict=True,
    )


def _write_run(database: sqlite3.Connection, run: Mapping[str, object]) -> None:
    _create(database, "run", "Run", "How this map was made")
    rows = [(key, None if value is None else _as_text(value)) for key, value in run.items()]
    database.executemany('INSERT INTO run ("key", "value") VALUES (?, ?)', rows)


def _write_styles(database: sqlite3.Connection, crop_labels: Sequence[str]) -> None:
    """Write the styles where QGIS looks for them: its table `layer_styles`, with the columns that it gives it."""
    database.execute(
        "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), "
        "f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), "
        "styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), "
        "update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))"
    )
    _register(database, "layer_styles", "layer_styles", "Styles of the layers, for QGIS")
    database.executemany(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
        "styleQML, styleSLD, useAsDefault, description, owner) VALUES ('', '', ?, 'geom', ?, ?, '', ?, ?, '')",
        [(LAYER, s.name, s.qml, s.default, s.description) for s in parcel_styles(crop_labels)],
    )


def _describe_columns(database: sqlite3.Connection) -> None:
    """Document our columns in the file itself: extension gpkg_schema of the standard, its annex F.9."""
    database.execute(
        "CREATE TABLE gpkg_data_columns (table_name TEXT NOT NULL, column_name TEXT NOT NULL, name TEXT, title TEXT, "
        "description TEXT, mime_type TEXT, constraint_name TEXT, "
        "CONSTRAINT pk_gdc PRIMARY KEY (table_name, column_name), CONSTRAINT gdc_tn UNIQUE (table_name, name))"
    )
    database.execute(
        "CREATE TABLE gpkg_data_column_constraints (constraint_name TEXT NOT NULL, constraint_type TEXT NOT NULL, "
        "value TEXT, min NUMERIC, min_is_inclusive BOOLEAN, max NUMERIC, max_is_inclusive BOOLEAN, description TEXT, "
        "CONSTRAINT gdcc_ntv UNIQUE (constraint_name, constraint_type, value))"
    )
    database.executemany(
        "INSERT INTO gpkg_extensions (table_name, column_name, extension_name, definition, scope) VALUES "
        "(?, NULL, 'gpkg_schema', 'http://www.geopackage.org/spec121/#extension_schema', 'read-write')",
        [("gpkg_data_columns",), ("gpkg_data_column_constraints",)],
    )
    written = {row[0] for row in database.execute(f"SELECT name FROM pragma_table_info('{LAYER}')")}
    database.executemany(
        "INSERT INTO gpkg_data_columns (table_name, column_name, name, title, description) VALUES (?, ?, ?, ?, ?)",
        [
            (table, c.name, c.alias, c.alias, c.description)
            for table, described in columns.TABLES.items()
            for c in described
            if table != LAYER or c.name in written
        ],
    )
