"""The attributes of parcels: results and input joined, and each in a type that a GIS file has."""

import json
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import shapely

from cropxai.maps import columns
from cropxai.maps.columns import Column

#: Names that the layer itself needs: its row number and its geometry.
RESERVED = ("fid", "geom")

#: Lambert cylindrical equal area on the ellipsoid WGS 84, in which areas of parcels are true.
EQUAL_AREA = "EPSG:6933"
HECTARE = 10_000

_DTYPES = {
    "TEXT": pd.StringDtype("pyarrow"),
    "REAL": pd.ArrowDtype(pa.float64()),
    "INTEGER": pd.ArrowDtype(pa.int64()),
    "BOOLEAN": pd.ArrowDtype(pa.bool_()),
    "DATE": pd.ArrowDtype(pa.date32()),
}


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


def hectares(parcels: gpd.GeoDataFrame) -> npt.NDArray[np.float64]:
    """Return the area of parcels on the ellipsoid, (parcel,) hectares, NaN without a CRS or geometry."""
    shapes = parcels.geometry.to_numpy()
    if parcels.crs is None:
        return np.full(len(parcels), np.nan)
    area = shapely.area(parcels.geometry.to_crs(EQUAL_AREA).to_numpy()) / HECTARE
    return np.where(shapely.is_missing(shapes), np.nan, area)


def typed_parcels(parcels: gpd.GeoDataFrame) -> tuple[gpd.GeoDataFrame, str]:
    """Return the parcels with every column in a type that GIS files have, and the kind of all geometries.

    Our own columns come first, in the types of `cropxai.maps.columns.PARCELS`; polygons become multipolygons, heights
    are dropped.
    """
    geometry, kind = _polygons(parcels.geometry)
    own = {c.name: typed(parcels, c) for c in columns.PARCELS if c.name in parcels or c.name not in columns.OPTIONAL}
    known = {*own, parcels.geometry.name}
    others = {str(name): writable(parcels[name]) for name in parcels.columns if name not in known}
    return gpd.GeoDataFrame({**own, **others}, geometry=geometry, crs=parcels.crs), kind


def _polygons(geometry: gpd.GeoSeries) -> tuple[npt.NDArray[np.object_], str]:
    flat = np.array(shapely.force_2d(geometry.to_numpy()), dtype=object)
    kinds = shapely.get_type_id(flat)
    single = kinds == shapely.GeometryType.POLYGON
    multi = kinds == shapely.GeometryType.MULTIPOLYGON
    if not (single | multi | (kinds == shapely.GeometryType.MISSING)).all():
        return flat, "Unknown"
    flat[single] = [shapely.MultiPolygon([polygon]) for polygon in flat[single]]
    return flat, "MultiPolygon"


def typed(frame: pd.DataFrame, column: Column) -> pd.Series:
    """Return one of our columns in its declared type, NULL where it is empty or absent."""
    if column.name not in frame:
        return pd.Series(None, index=range(len(frame)), dtype=_DTYPES[column.type])
    values = frame[column.name].reset_index(drop=True)
    if column.type == "TEXT":
        texts = [None if pd.isna(value) or value == "" else str(value) for value in values]
        return pd.Series(texts, dtype=_DTYPES["TEXT"])
    if column.type == "DATE":
        return pd.Series(pa.array(_days(values), pa.date32()), dtype=_DTYPES["DATE"])
    if column.type == "BOOLEAN":
        return pd.Series(values.astype("boolean").astype(_DTYPES["BOOLEAN"]))
    return pd.Series(pd.to_numeric(values).astype("Float64").astype(_DTYPES[column.type]))


def writable(values: pd.Series) -> pd.Series:
    """Return an attribute of the input in a type that a GIS file has: its own, or else text."""
    values = values.reset_index(drop=True)
    if isinstance(values.dtype, pd.CategoricalDtype):
        values = values.astype(values.dtype.categories.dtype)
    try:
        kind = pa.array(values, from_pandas=True).type
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        kind = pa.list_(pa.string())  # mixed kinds: text, as for lists
    if pa.types.is_nested(kind) or pa.types.is_duration(kind):
        return values.map(as_text, na_action="ignore").astype(_DTYPES["TEXT"])
    if pa.types.is_null(kind):
        return values.astype(_DTYPES["TEXT"])
    return values


def charts(by_date: npt.NDArray[np.float32]) -> list[str | None]:
    """Write each parcel's relevance by date (parcel, time) as text: thousandths and semicolons, empty where missing."""
    there = np.isfinite(by_date)
    whole = np.rint(np.where(there, by_date, 0) * columns.THOUSANDTHS).astype(np.int64)
    return [
        ";".join(str(v) if seen else "" for v, seen in zip(row.tolist(), known.tolist(), strict=True))
        if known.any()
        else None
        for row, known in zip(whole, there, strict=True)
    ]


def as_text(value: object) -> str:
    """Write a value as text: itself, or else JSON."""
    if isinstance(value, np.ndarray):
        value = value.tolist()
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)


def _days(values: pd.Series) -> list[Any]:
    """Return dates, whatever their type, as `datetime.date`, None where missing."""
    return [None if pd.isna(moment) else moment.date() for moment in pd.to_datetime(values)]
