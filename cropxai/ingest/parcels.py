"""Read parcels from any vector file, and say of each what is wrong with it."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
import shapely

from cropxai.errors import DuplicateParcels, ParcelsSetAside, ParcelsUnreadable, PathLike, UnknownField, some
from cropxai.ingest.memory import give_back_memory

#: Value of ``id_field`` that numbers the rows from 1.
ROW_NUMBER = "FID"
#: Attributes that identify a parcel if the user names none, in this order, in any case.
ID_FIELDS = ("parcel_id", "id")
GEOPARQUET = (".parquet", ".geoparquet", ".pq")
#: Outlines that are written out at a time: all of a country would fill the memory.
HASHED_AT_ONCE = 1 << 15
POLYGONAL = ("Polygon", "MultiPolygon")


@dataclass(frozen=True)
class Parcels:
    """Parcels as the user gave them.

    Attributes
    ----------
    frame : geopandas.GeoDataFrame
        Attributes as in the file, geometry in the CRS of the file: two-dimensional, valid and polygonal wherever
        ``status`` is empty. Rows are those of the file, in its order.
    parcel_id : list of str
        Unique identifiers.
    crop : list of str or None
        Labels, empty where the file has none; None if no label field was named.
    status : list of str
        Empty, or why the parcel can have no series.
    path : pathlib.Path
        The file.
    """

    frame: gpd.GeoDataFrame
    parcel_id: list[str]
    crop: list[str] | None
    status: list[str]
    path: Path

    def __len__(self) -> int:
        return len(self.parcel_id)

    @property
    def usable(self) -> npt.NDArray[np.bool_]:
        """Whether a parcel has a polygon, (parcel,) bool."""
        return np.array([reason == "" for reason in self.status], dtype=bool)

    @cached_property
    def hash(self) -> str:
        """A hash of identifiers, geometry and CRS, in order."""
        digest = hashlib.sha256(self.frame.crs.to_wkt().encode())
        for first in range(0, len(self), HASHED_AT_ONCE):
            rows = slice(first, first + HASHED_AT_ONCE)
            shapes = shapely.to_wkb(self.frame.geometry.values[rows])
            for name, shape in zip(self.parcel_id[rows], shapes, strict=True):
                digest.update(name.encode() + b"\0" + (shape or b"") + b"\0")
        return digest.hexdigest()

    @cached_property
    def along_curve(self) -> npt.NDArray[np.int64]:
        """The rows along a Hilbert curve of the parcels' middles, those without a polygon last, (parcel,) int64."""
        where, lacking = np.flatnonzero(self.usable), np.flatnonzero(~self.usable)
        far = self.frame.geometry.iloc[where].hilbert_distance().to_numpy()
        return np.concatenate([where[np.argsort(far, kind="stable")], lacking])

    def places(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        """Return longitude and latitude of a point inside each parcel, (parcel,) degrees, NaN without a polygon."""
        lon, lat = np.full((2, len(self)), np.nan)
        inside = self.frame.geometry[self.usable].representative_point().to_crs("EPSG:4326")
        lon[self.usable], lat[self.usable] = inside.x, inside.y
        return lon, lat


def read_parcels(
    path: PathLike, *, layer: str | None = None, id_field: str | None = None, label_field: str | None = None
) -> Parcels:
    """Read parcels from any vector format that GDAL knows, or from GeoParquet.

    Parameters
    ----------
    path : str or pathlib.Path
        Shapefile, GeoPackage, GeoJSON, FlatGeobuf, GeoParquet, …, in any CRS.
    layer : str, optional
        By default the only, or first, layer with geometry.
    id_field : str, optional
        Attribute that identifies a parcel, or "FID" for the row number from 1. By default ``parcel_id``, else
        ``id``, else the row number.
    label_field : str, optional
        Attribute with the crop.

    Raises
    ------
    ParcelsUnreadable
        If the file is missing or damaged, has no CRS, no row or no polygon, or if an identifier is empty.
    UnknownField
        If a named attribute is not in the file.
    DuplicateParcels
        If an identifier occurs twice.

    Warns
    -----
    ParcelsSetAside
        If invalid polygons were mended.
    """
    path = Path(path)
    frame = _read(path, layer).reset_index(drop=True)
    if len(frame) == 0:
        raise ParcelsUnreadable(path, "holds no parcel; export the layer again with its features")
    if frame.crs is None:
        raise ParcelsUnreadable(
            path, "has no coordinate reference system; add its .prj, or assign one with 'ogr2ogr -a_srs EPSG:…'"
        )
    parcel_id = _identifiers(frame, path, id_field)
    crop = None
    if label_field is not None:
        crop = [_as_text(value) for value in frame[_field(frame, label_field, path, "--label-field")]]
    geometry, status, mended = _polygons(frame.geometry.values)
    if not any(reason == "" for reason in status):
        kinds = Counter(status).most_common(1)[0][0]
        raise ParcelsUnreadable(path, f"holds no polygon ({kinds}); parcels must be polygons")
    if mended.any():
        names = [parcel_id[i] for i in np.flatnonzero(mended)]
        warnings.warn(ParcelsSetAside("geometry mended", names), stacklevel=2)
    frame = frame.set_geometry(gpd.GeoSeries(geometry, index=frame.index, crs=frame.crs).rename(frame.geometry.name))
    give_back_memory()
    return Parcels(frame, parcel_id, crop, status, path)


def _read(path: Path, layer: str | None) -> gpd.GeoDataFrame:
    if not path.exists():
        raise ParcelsUnreadable(path, "no such file; check the path")
    try:
        if path.suffix.lower() in GEOPARQUET:
            return gpd.read_parquet(path)
        return pyogrio.read_dataframe(path, layer=_layer(path, layer))
    except ParcelsUnreadable:
        raise
    except Exception as error:  # drivers raise what they please: OSError, ValueError, DataSourceError, ArrowInvalid, …
        reason = " ".join(str(error).replace(str(path), "file").split())
        raise ParcelsUnreadable(path, f"cannot be read as parcels ({reason}); export or copy it again") from error


def _layer(path: Path, layer: str | None) -> str:
    layers = {str(name): kind for name, kind in pyogrio.list_layers(path)}
    if layer is not None:
        if layer not in layers:
            raise ParcelsUnreadable(path, f"no layer {layer!r}; --layer takes one of {some(list(layers), 12)}")
        if layers[layer] is None:
            raise ParcelsUnreadable(path, f"layer {layer!r} has no geometry; choose another with --layer")
        return layer
    spatial = [name for name, kind in layers.items() if kind is not None]
    if not spatial:
        raise ParcelsUnreadable(path, "has no layer with geometry; give a file of polygons")
    return spatial[0]


def _field(frame: gpd.GeoDataFrame, name: str, path: Path, option: str) -> str:
    """Find an attribute by its name: as written, else in any case if that is one."""
    fields = [str(column) for column in frame.columns if column != frame.geometry.name]
    if name in fields:
        return name
    alike = [field for field in fields if field.lower() == name.lower()]
    if len(alike) != 1:
        raise UnknownField(path, name, fields, option)
    return alike[0]


def _identifiers(frame: gpd.GeoDataFrame, path: Path, id_field: str | None) -> list[str]:
    if id_field is None:
        names = {str(column).lower(): str(column) for column in reversed(frame.columns)}
        id_field = next((names[known] for known in ID_FIELDS if known in names), ROW_NUMBER)
    if id_field == ROW_NUMBER:
        return [str(number) for number in range(1, len(frame) + 1)]
    field = _field(frame, id_field, path, "--id-field")
    identifiers = [_as_text(value) for value in frame[field]]
    empty = [row for row, name in enumerate(identifiers, start=1) if not name.strip()]
    if empty:
        raise ParcelsUnreadable(
            path,
            f"field {field!r} is empty in row {some(empty)}; fill it, name another with --id-field, "
            f"or number the parcels with --id-field {ROW_NUMBER}",
        )
    repeated = [name for name, count in Counter(identifiers).items() if count > 1]
    if repeated:
        raise DuplicateParcels(path, field, repeated)
    return identifiers


def _as_text(value: object) -> str:
    """Write an attribute; whole numbers without the ``.0`` that missing values elsewhere in a column give them."""
    if value is None or value is pd.NaT or value is pd.NA:
        return ""
    if isinstance(value, float | np.floating):
        if np.isnan(value):
            return ""
        return str(int(value)) if float(value).is_integer() else str(value)
    return str(value)


def _polygons(
    geometry: Sequence[object],
) -> tuple[npt.NDArray[np.object_], list[str], npt.NDArray[np.bool_]]:
    """Force geometry to valid two-dimensional polygons; return it with each row's status and whether it was mended."""
    shapes = np.array(geometry, dtype=object)
    if (shapely.get_coordinate_dimension(shapes) > 2).any():  # else no copy: outlines take memory
        shapes = np.array(shapely.force_2d(shapes), dtype=object)
    status = [""] * len(shapes)
    mended = np.zeros(len(shapes), dtype=bool)
    valid = shapely.is_valid(shapes)
    for i, shape in enumerate(shapes):
        if shape is None or shape.is_empty:
            status[i] = "no geometry"
        elif shape.geom_type not in (*POLYGONAL, "GeometryCollection"):
            status[i] = f"not a polygon but a {shape.geom_type}"
        elif not valid[i] or shape.geom_type not in POLYGONAL:
            polygon = _polygonal_part(shapely.make_valid(shape))
            if polygon.is_empty:
                status[i] = "a polygon without area"
            else:
                shapes[i], mended[i] = polygon, True
    return shapes, status, mended


def _polygonal_part(shape: shapely.Geometry) -> shapely.Geometry:
    if shape.geom_type in POLYGONAL:
        return shape
    parts = [part for part in shapely.get_parts(shape) if part.geom_type in (*POLYGONAL, "GeometryCollection")]
    return shapely.union_all([_polygonal_part(part) for part in parts])
