"""The crop map as GeoParquet 1.0, after the fiboa specification for field boundaries.

Core properties of fiboa 0.2.0 (id, geometry, area), the HCAT extension 0.2.0 (hcat:code, hcat:name, hcat:name_en), our
own columns behind the prefix ``cropxai:``, and the input's attributes under their own names. Source:
github.com/fiboa/specification and github.com/fiboa/hcat-extension.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import shapely

from cropxai.errors import PathLike
from cropxai.maps import columns
from cropxai.maps.attributes import hectares, typed, writable
from cropxai.maps.contents import MapContents
from cropxai.outputs import replacing

FIBOA = {
    "fiboa_version": "0.2.0",
    "fiboa_extensions": ["https://fiboa.github.io/hcat-extension/v0.2.0/schema.yaml"],
}
#: Area in hectares that fiboa allows, the lower end excluded.
AREA = (0.0, 100_000.0)
#: Our columns that go by another name here.
RENAMED = ("parcel_id", "hcat_code", "relevance_chart")
#: Names that belong to fiboa.
RESERVED = ("id", "collection", "category", "geometry", "bbox", "area", "perimeter", "determination_method",
            "determination_datetime", "determination_details", "schemas")  # fmt: skip


def write_geoparquet(path: PathLike, contents: MapContents, overwrite: bool = False) -> Path:
    """Write a crop map to one GeoParquet file, whole or not at all.

    Raises
    ------
    OutputExists, OutputUnwritable
    """
    table = pa.table(_columns(contents))
    with replacing(path, overwrite) as part:
        pq.write_table(table.replace_schema_metadata(_metadata(contents)), part, compression="zstd")
    return Path(path)


def _columns(contents: MapContents) -> dict[str, pa.Array]:
    parcels = contents.parcels
    shapes = shapely.to_wkb(shapely.force_2d(parcels.geometry.to_numpy()), include_srid=False)
    named = dict(zip(contents.classes["crop"], contents.classes["hcat_name"], strict=True))
    found: dict[str, pa.Array] = {
        "id": _array(parcels, "parcel_id", pa.string()),
        "geometry": pa.array(shapes, pa.binary()),
        "area": _area(parcels),
        "hcat:code": _array(parcels, "hcat_code", pa.uint32()),
        "hcat:name": pa.array(parcels["crop"].map(named), pa.string(), from_pandas=True),
        "hcat:name_en": _array(parcels, "crop", pa.string()),
    }
    for column in columns.PARCELS:
        if column.name in parcels and column.name not in RENAMED:
            found[f"cropxai:{column.name}"] = pa.array(typed(parcels, column), from_pandas=True)
    if "relevance_chart" in parcels:
        found["cropxai:relevance"] = pa.array(map(_numbers, parcels["relevance_chart"]), pa.list_(pa.int32()))
    ours = {*columns.names(columns.PARCELS), parcels.geometry.name}
    for name in parcels.columns:
        if name not in ours:
            free = f"{name}_input" if name in RESERVED or str(name) in found else str(name)
            found[free] = pa.array(writable(parcels[name]), from_pandas=True)
    return found


def _array(parcels: gpd.GeoDataFrame, name: str, kind: pa.DataType) -> pa.Array:
    column = next(c for c in columns.PARCELS if c.name == name)
    return pa.array(typed(parcels, column), from_pandas=True).cast(kind)


def _area(parcels: gpd.GeoDataFrame) -> pa.Array:
    """Return hectares on the ellipsoid, NULL where fiboa does not allow them or they cannot be known."""
    area = hectares(parcels)
    allowed = (area > AREA[0]) & (area <= AREA[1])
    return pa.array(area.astype(np.float32), pa.float32(), mask=~allowed)


def _numbers(chart: object) -> list[int | None] | None:
    return [int(v) if v else None for v in chart.split(";")] if isinstance(chart, str) else None


def _metadata(contents: MapContents) -> Mapping[bytes, bytes]:
    crs = contents.parcels.crs
    geometry: dict[str, Any] = {"encoding": "WKB", "geometry_types": [], "crs": crs.to_json_dict() if crs else None}
    geo = {"version": "1.0.0", "primary_column": "geometry", "columns": {"geometry": geometry}}
    classes = json.loads(contents.classes.to_json(orient="records", date_format="iso"))
    dates = np.datetime_as_string(contents.dates, unit="D").tolist()
    own = {"run": dict(contents.run) | {"dates": dates}, "classes": classes}
    entries = {"geo": geo, "fiboa": FIBOA, "cropxai": own}
    return {
        name.encode(): json.dumps(value, ensure_ascii=False, default=str).encode() for name, value in entries.items()
    }
