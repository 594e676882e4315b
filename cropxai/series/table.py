"""The long table: one row a parcel and date, one column a band; Parquet, GeoParquet or CSV.

Missing is NULL in Parquet and an empty field in CSV. Parquet keeps level, statistic and sources as metadata, and the
outline of each parcel (GeoParquet 1.0) where the series has it; CSV knows neither.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pyproj
import shapely

from cropxai.bands import band_name
from cropxai.errors import ExchangeUnreadable, PathLike
from cropxai.outputs import replacing
from cropxai.series.cube import CropSeries

PARQUET = (".parquet", ".geoparquet")
METADATA = b"cropxai"
#: Columns that are not bands, with their types; all others are text by parcel.
TYPES = {
    "date": pa.date32(),
    "valid_pixels": pa.uint32(),
    "clear_fraction": pa.float32(),
    "lon": pa.float64(),
    "lat": pa.float64(),
}
#: Text of any length: all rows together may pass 2 GiB.
TEXT = pa.large_string()
#: No reflectance is greater; a table with greater numbers holds digital numbers.
GREATEST = 6.5535


def write_table(series: CropSeries, path: PathLike, overwrite: bool = False) -> Path:
    """Write a series as a long table: Parquet if the suffix says so, else CSV.

    Rows go by parcel, then date. Columns: ``parcel_id``, ``date``, the bands (reflectance), ``valid_pixels``,
    ``clear_fraction``, then what is known by parcel (``crop``, ``status``, ``lon``, ``lat``, groups, ``geometry``).

    Raises
    ------
    OutputExists, OutputUnwritable
    """
    parquet = Path(path).suffix.lower() in PARQUET
    outlines = parquet and series.parcels is not None
    with replacing(path, overwrite) as part:
        writer: Any = None
        for piece in series.chunks():
            rows = _rows(piece, outlines)
            if writer is None and parquet:
                schema = rows.schema.with_metadata(_metadata(series, outlines))
                writer = pq.ParquetWriter(part, schema, compression="zstd")
            elif writer is None:
                writer = pyarrow.csv.CSVWriter(part, rows.schema)
            writer.write_table(rows.replace_schema_metadata(schema.metadata) if parquet else rows)
        writer.close()
    return Path(path)


def _rows(piece: CropSeries, outlines: bool) -> pa.Table:
    parcels, dates, _ = piece.reflectance.shape
    parcel = np.repeat(np.arange(parcels), dates)
    columns = {
        "parcel_id": pa.array(piece.parcel_id, pa.string()).take(pa.array(parcel)),
        "date": pa.array(np.tile(piece.dates, parcels), pa.date32()),
    }
    for band, values in zip(piece.bands, np.moveaxis(piece.reflectance, 2, 0), strict=True):
        columns[band] = pa.array(values.ravel(), pa.float32(), mask=np.isnan(values).ravel())
    for name in ("valid_pixels", "clear_fraction"):
        values = piece.dataset[name].values.ravel()
        columns[name] = pa.array(values, TYPES[name], mask=np.isnan(values))
    for name in _by_parcel(piece):
        values = piece.dataset[name].values
        missing = np.isnan(values) if name in TYPES else values == ""
        columns[name] = pa.array(values, TYPES.get(name, pa.string()), mask=missing).take(pa.array(parcel))
    if outlines and piece.parcels is not None:
        shapes = shapely.to_wkb(np.asarray(piece.parcels.geometry.values), include_srid=False)
        columns["geometry"] = pa.array(shapes, pa.binary()).take(pa.array(parcel))
    return pa.table(columns)


def _by_parcel(piece: CropSeries) -> list[str]:
    coords = piece.dataset.coords
    known = [str(name) for name in coords if coords[name].dims == ("parcel",) and name not in ("parcel_id", "parcel")]
    return sorted(known, key=lambda name: (name not in ("crop", "status"), name))


def _metadata(series: CropSeries, outlines: bool) -> dict[bytes, bytes]:
    found = {METADATA: json.dumps(series.dataset.attrs, default=str).encode()}
    if outlines and series.parcels is not None:
        crs = series.parcels.crs
        column: dict[str, Any] = {"encoding": "WKB", "geometry_types": [], "crs": crs.to_json_dict() if crs else None}
        geo = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": column}}
        found[b"geo"] = json.dumps(geo).encode()
    return found


def read_table(path: PathLike) -> CropSeries:
    """Read a long table; rows may come in any order, and a parcel and date without a row is missing.

    Columns that must be there: ``parcel_id``, ``date`` (YYYY-MM-DD), and at least one band (``B02``, ``b2``, …) with
    reflectance, 0 to 1. Further columns of text must not change within a parcel and become groups.

    Raises
    ------
    ExchangeUnreadable
        Names the column, and what to do.
    """
    path = Path(path)
    try:
        table = pq.read_table(path) if path.suffix.lower() in PARQUET else _read_csv(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise ExchangeUnreadable(path, f"is no table, or a damaged one ({_first_line(error)})") from error
    bands = {name: band for name in table.column_names if (band := band_name(name))}
    for name in ("parcel_id", "date"):
        if name not in table.column_names or table[name].null_count:
            raise ExchangeUnreadable(path, f"lacks the column {name!r}, or a value in it")
    if not bands or len(set(bands.values())) < len(bands) or not len(table):
        raise ExchangeUnreadable(path, "needs rows, and one column a band, named B02, B03, …")
    names, parcel, first = _distinct(_cast(path, table, "parcel_id", TEXT))
    days = _cast(path, table, "date", pa.date32()).to_numpy(zero_copy_only=False).astype("datetime64[D]")
    dates, day = np.unique(days, return_inverse=True)
    shape = (len(names), len(dates))
    _check_unique(path, parcel * shape[1] + day, names, parcel, days)

    def cube(name: str, missing: float) -> npt.NDArray[np.float64]:
        filled = np.full(shape, missing, dtype=np.float64)
        column = _cast(path, table, name, pa.float64()).to_numpy(zero_copy_only=False)
        filled[parcel, day] = np.where(np.isnan(column), missing, column)
        return filled

    values = np.stack([cube(name, np.nan) for name in bands], axis=2).astype(np.float32)
    _check_scale(path, values, list(bands))
    extra: dict[str, Any] = {
        name: cube(name, 0) for name in ("valid_pixels", "clear_fraction") if name in table.column_names
    }
    parcels, geometry = _outlines(path, table, first, names)
    by_parcel: dict[str, Any] = {
        name: _by_row(path, table, name, parcel, first)
        for name in table.column_names
        if name not in (*bands, *extra, "parcel_id", "date", geometry)
    }
    given = {name: by_parcel.pop(name) for name in ("crop", "status", "lon", "lat") if name in by_parcel}
    attrs = json.loads((table.schema.metadata or {}).get(METADATA, b"{}"))
    return CropSeries.from_arrays(
        values, dates, list(bands.values()), names, groups=by_parcel, parcels=parcels, attrs=attrs, **extra, **given
    )


def _read_csv(path: Path) -> pa.Table:
    with path.open(encoding="utf-8-sig") as file:
        header = pa.csv.read_csv(pa.BufferReader(file.readline().encode())).column_names
    types = {name: TYPES.get(name, pa.float64() if band_name(name) else pa.string()) for name in header}
    convert = pa.csv.ConvertOptions(column_types=types, strings_can_be_null=True)
    table = pa.csv.read_csv(path, convert_options=convert)
    if "parcel_id" in header and table["parcel_id"].null_count:  # NaN and NA are no numbers, but names of parcels
        named = pa.csv.ConvertOptions(
            column_types=types, include_columns=["parcel_id"], strings_can_be_null=True, null_values=[""]
        )
        parcel_id = pa.csv.read_csv(path, convert_options=named)["parcel_id"]
        table = table.set_column(table.column_names.index("parcel_id"), "parcel_id", parcel_id)
    return table


def _cast(path: Path, table: pa.Table, name: str, to: pa.DataType) -> pa.Array:
    try:
        return table[name].cast(to, safe=to != pa.date32()).combine_chunks()
    except pa.ArrowException as error:
        raise ExchangeUnreadable(path, f"column {name!r} cannot be read as {to} ({_first_line(error)})") from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]


def _distinct(column: pa.Array) -> tuple[list[str], npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the values in order of appearance, the number of each row's, and the first row of each."""
    coded = column.dictionary_encode()  # numbers by first appearance
    number = coded.indices.to_numpy().astype(np.intp)
    return coded.dictionary.to_pylist(), number, np.unique(number, return_index=True)[1]


def _check_unique(path: Path, cell: npt.NDArray[Any], names: Sequence[str], parcel: Any, days: Any) -> None:
    if len(np.unique(cell)) == len(cell):
        return
    row = int(np.flatnonzero(pd.Series(cell).duplicated())[0])
    raise ExchangeUnreadable(
        path, f"parcel_id {names[parcel[row]]!r} has two rows of date {days[row]}; keep one row a parcel and date"
    )


def _check_scale(path: Path, values: npt.NDArray[np.float32], bands: Sequence[str]) -> None:
    if np.isinf(values).any() or (values > GREATEST).any():
        band = bands[int(np.argmax((values > GREATEST).any(axis=(0, 1)) | np.isinf(values).any(axis=(0, 1))))]
        raise ExchangeUnreadable(
            path, f"column {band!r} has values above {GREATEST}; give reflectance (digital numbers / 10000)"
        )


def _by_row(path: Path, table: pa.Table, name: str, parcel: Any, first: Any) -> list[Any] | npt.NDArray[np.float64]:
    """Return what a column says of each parcel: numbers for a place, else text, empty where NULL."""
    column = _cast(path, table, name, TYPES.get(name, TEXT))
    coded = column.dictionary_encode(null_encoding="encode").indices.to_numpy()
    if (coded != coded[first][parcel]).any():
        raise ExchangeUnreadable(path, f"column {name!r} changes within a parcel; only bands may, take it out")
    if name in TYPES:
        return np.asarray(column.take(pa.array(first)).to_numpy(zero_copy_only=False), dtype=np.float64)
    return [value or "" for value in column.take(pa.array(first)).to_pylist()]


def _outlines(path: Path, table: pa.Table, first: Any, names: list[str]) -> tuple[gpd.GeoDataFrame | None, str]:
    """Return the outlines of a GeoParquet file, one a parcel, and the name of their column."""
    found = (table.schema.metadata or {}).get(b"geo")
    if found is None:
        return None, ""
    try:
        geo = json.loads(found)
        name = geo["primary_column"]
        crs = geo["columns"][name].get("crs", "OGC:CRS84")
        shapes = shapely.from_wkb(table[name].combine_chunks().take(pa.array(first)).to_pylist())
        place = None if crs is None else pyproj.CRS.from_user_input(crs)
    except (
        ValueError,
        KeyError,
        TypeError,
        AttributeError,
        pyproj.exceptions.CRSError,
        shapely.GEOSException,
    ) as error:
        raise ExchangeUnreadable(path, "has geometry that is not GeoParquet with WKB; take the column out") from error
    return gpd.GeoDataFrame({"parcel_id": names}, geometry=list(shapes), crs=place), str(name)
