"""The crop map as an ESRI Shapefile, for programs that read nothing else.

A Shapefile has names of at most 10 characters, texts of at most 254 bytes and no empty texts: the names are
shortened, with a table beside that tells them, and all is read back and compared before it gets its place. What cannot
be held is refused by name, never cut.
"""

import csv
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from cropxai.errors import MapUnsupported, OutputUnwritable, PathLike
from cropxai.maps import columns
from cropxai.maps.attributes import typed_parcels
from cropxai.maps.contents import MapContents
from cropxai.outputs import check_absent

NAME_LENGTH = 10
#: Our columns that are no use without the rest of the map, or may be too long.
LEFT_OUT = ("relevance_chart", "crop_set")
#: Short names of our columns; other names are cut.
SHORT = {
    "second_crop": "crop2", "second_confidence": "confid2", "decision_date": "known_from",
    "decision_confidence": "known_conf", "decided_crop": "decid_crop", "decided_confidence": "decid_conf",
    "top1_relevance": "top1_rel", "top2_relevance": "top2_rel",
    "top3_relevance": "top3_rel", "window_start": "win_start", "window_end": "win_end", "clear_dates": "clear_days",
    "declared_crop": "declared", "declared_agrees": "agrees",
}  # fmt: skip
#: Numbers are written with 15 decimals; a value that is off by a greater share than this was not held.
DIGITS = 1e-9


def write_shapefile(path: PathLike, contents: MapContents, overwrite: bool = False) -> Path:
    """Write the parcels to a Shapefile, and beside it ``NAME.columns.csv`` with the full names of its columns.

    The files are made in a folder beside, and appear one after the other, the ``.shp`` last.

    Raises
    ------
    OutputExists, OutputUnwritable
    MapUnsupported
        If the Shapefile would not hold a value as it is.
    """
    path = check_absent(path, overwrite)
    frame, kind = typed_parcels(contents.parcels)
    if kind == "Unknown":
        raise MapUnsupported(path, "a Shapefile holds polygons only, and the parcels have other geometries too")
    frame = frame.drop(columns=[name for name in LEFT_OUT if name in frame])
    for name in frame.columns[frame.dtypes.astype(str).str.startswith("bool")]:
        frame[name] = frame[name].astype("Int64")
    names = short_names([str(name) for name in frame.columns if name != "geometry"])
    try:
        with tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent) as folder:
            made = Path(folder) / path.name
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # GDAL tells what it cuts; the comparison refuses it
                pyogrio.write_dataframe(
                    frame.rename(columns=names),
                    made,
                    driver="ESRI Shapefile",
                    encoding="UTF-8",
                    geometry_type="Polygon",
                )
            _compare(path, frame, pyogrio.read_dataframe(made, encoding="UTF-8"), names)
            _write_names(made.with_suffix(".columns.csv"), names)
            for file in sorted(Path(folder).iterdir(), key=lambda file: file.suffix == ".shp"):
                file.replace(path.with_name(file.name))
    except (DataSourceError, DataLayerError) as error:
        raise OutputUnwritable(path, str(error)) from error
    except OSError as error:
        raise OutputUnwritable(path, error.strerror or str(error)) from error
    return path


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Give each column a name of at most 10 characters, all different, capitals or not."""
    taken: set[str] = set()
    found = {}
    for name in names:
        wanted = SHORT.get(name, name)
        candidate, count = _cut(wanted, NAME_LENGTH), 1
        while candidate.lower() in taken:
            count += 1
            candidate = _cut(wanted, NAME_LENGTH - 1 - len(str(count))) + f"_{count}"
        taken.add(candidate.lower())
        found[name] = candidate
    return found


def _cut(name: str, length: int) -> str:
    """Cut a name to so many bytes, at the end of a character."""
    return name.encode()[:length].decode(errors="ignore")


def _write_names(path: Path, names: dict[str, str]) -> None:
    described = {c.name: c.description for c in columns.PARCELS}
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["column", "name", "holds"])
        writer.writerows([short, name, described.get(name, "Attribute of the input.")] for name, short in names.items())


def _compare(path: Path, given: gpd.GeoDataFrame, read: gpd.GeoDataFrame, names: dict[str, str]) -> None:
    """Refuse what was read back otherwise than it was given."""
    for name, short in names.items():
        if short not in read:
            raise MapUnsupported(path, f"a Shapefile cannot hold the column {name!r}")
        differs = ~_same(given[name], read[short])
        if differs.any():
            row = int(np.argmax(differs))
            identifier = given["parcel_id"].iloc[row]
            raise MapUnsupported(path, f"a Shapefile cannot hold {name!r} of parcel {identifier!r} as it is")
    shapes = [shapely.normalize(_multi(frame.geometry.to_numpy())) for frame in (given, read)]
    if not (
        shapely.equals_exact(*shapes, tolerance=0) | (shapely.is_missing(shapes[0]) & shapely.is_missing(shapes[1]))
    ).all():
        raise MapUnsupported(path, "a Shapefile does not hold the outlines of the parcels as they are")


def _multi(shapes: npt.NDArray[np.object_]) -> npt.NDArray[np.object_]:
    single = shapely.get_type_id(shapes) == shapely.GeometryType.POLYGON
    shapes = shapes.copy()
    shapes[single] = [shapely.MultiPolygon([polygon]) for polygon in shapes[single]]
    return shapes


def _same(given: pd.Series, read: pd.Series) -> npt.NDArray[np.bool_]:
    """Say which values agree: numbers to 9 digits, all others exactly; an empty text counts as missing."""
    left, right = _values(given), _values(read)
    return np.array([_agree(a, b) for a, b in zip(left, right, strict=True)], dtype=bool)


def _values(values: pd.Series) -> list[Any]:
    return [None if pd.isna(v) or v == "" else v for v in values.astype(object)]


def _agree(given: Any, read: Any) -> bool:
    if given is None or read is None:
        return given is read
    if isinstance(given, int | float) and isinstance(read, int | float):
        return bool(abs(given - read) <= DIGITS * abs(given))
    if hasattr(given, "isoformat"):
        return bool(pd.Timestamp(given) == pd.Timestamp(read))
    return bool(given == read)
