"""The Zarr store of a series: one folder, reflectance as uint16, the parcels as GeoParquet inside.

Zarr format 2, which GDAL, xarray and netCDF tools all read. ``reflectance`` is stored as reflectance × 10 000 with
65535 for missing; values below zero (dark pixels after the radiometric offset) are stored as 0, above 6.5534 as 65534.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import xarray as xr

import cropxai
from cropxai.errors import PathLike, SeriesUnreadable
from cropxai.outputs import replacing
from cropxai.series.cube import CropSeries

FORMAT = "cropxai-series"
VERSION = 1
MISSING = 65_535
SCALE = 1e-4
PARCELS = "parcels.parquet"
CHUNK = 4096
#: Attributes by which a series is brought up to date: JSON, long, and of no use to a reader.
FOR_UPDATES = ("scenes", "grids")


def save(series: CropSeries, path: PathLike, overwrite: bool = False) -> Path:
    """Write a series to a Zarr store, whole or not at all.

    Raises
    ------
    OutputExists, OutputUnwritable
    """
    with replacing(path, overwrite) as part:
        dataset = _for_disk(series)
        dataset.to_zarr(part, mode="w", zarr_format=2, consolidated=True, encoding=_encoding(dataset))
        if series.parcels is not None:
            series.parcels.to_parquet(part / PARCELS, index=False)
    return Path(path)


def save_pieces(pieces: Iterable[CropSeries], path: PathLike, overwrite: bool = False) -> Path:
    """Write a series that comes in pieces, parcels after parcels, to a Zarr store, whole or not at all.

    Parameters
    ----------
    pieces : series of the same dates, bands and variables, without geometries; two of `CHUNK` parcels fit in memory
    path, overwrite : as of :func:`save`

    Raises
    ------
    OutputExists, OutputUnwritable
    """
    with replacing(path, overwrite) as part:
        begun = False
        for piece in _regrouped(pieces):
            dataset = _for_disk(piece)
            for name in [name for name, values in dataset.coords.items() if values.dtype.kind in "UT"]:
                dataset[name] = dataset[name].astype(object)  # text of any length in all pieces
            if begun:
                dataset.to_zarr(part, append_dim="parcel", consolidated=True)
            else:
                dataset.to_zarr(part, mode="w", zarr_format=2, consolidated=True, encoding=_encoding(dataset))
            begun = True
    return Path(path)


def _regrouped(pieces: Iterable[CropSeries]) -> Iterator[CropSeries]:
    """Join and cut pieces so that each has `CHUNK` parcels, the last the rest."""
    held: list[xr.Dataset] = []
    for piece in pieces:
        held.append(piece.dataset)
        while sum(dataset.sizes["parcel"] for dataset in held) >= CHUNK:
            joined = _joined(held)
            yield CropSeries(joined.isel(parcel=slice(CHUNK)), None)
            held = [joined.isel(parcel=slice(CHUNK, None))]
    if held and (rest := _joined(held)).sizes["parcel"]:
        yield CropSeries(rest, None)


def _joined(datasets: list[xr.Dataset]) -> xr.Dataset:
    return datasets[0] if len(datasets) == 1 else xr.concat(datasets, "parcel", data_vars="minimal")


def _encoding(dataset: xr.Dataset) -> dict[str, dict[str, Any]]:
    sizes = dataset.sizes
    cube = (max(1, min(CHUNK, sizes["parcel"])), sizes["time"], sizes["band"])
    encoding: dict[str, dict[str, Any]] = {
        "reflectance": {"dtype": "uint16", "scale_factor": SCALE, "_FillValue": MISSING, "chunks": cube},
        "valid_pixels": {"dtype": "uint32", "chunks": cube[:2]},
        "clear_fraction": {"dtype": "float32", "chunks": cube[:2]},
        "why_missing": {"dtype": "uint8", "chunks": cube[:2]},
    }
    return {name: how for name, how in encoding.items() if name in dataset}


def _for_disk(series: CropSeries) -> xr.Dataset:
    """Return a series as the store holds it: marked with the format, its numbers in range, its attributes text."""
    dataset = series.dataset.drop_encoding().assign_attrs(
        format=FORMAT, format_version=VERSION, software=f"cropxai {cropxai.__version__}"
    )
    dataset["reflectance"] = dataset["reflectance"].clip(0, (MISSING - 1) * SCALE)
    for name, value in dataset.attrs.items():
        if isinstance(value, list | tuple | dict):
            dataset.attrs[name] = json.dumps(value)
    return dataset


def open_series(path: PathLike) -> CropSeries:
    """Open a Zarr store written by :func:`save`; values are read when they are used.

    Raises
    ------
    SeriesUnreadable
        If the path is not such a store, is truncated, or is of a newer format.
    """
    path = Path(path)
    if not path.exists():
        raise SeriesUnreadable(path, "no such series; check the path")
    try:
        dataset = xr.open_zarr(path, chunks=None, consolidated=True)
    except (OSError, ValueError, KeyError) as error:
        raise SeriesUnreadable(path, "is not a series store, or a damaged one") from error
    if dataset.attrs.get("format") != FORMAT or "reflectance" not in dataset:
        raise SeriesUnreadable(path, "is a Zarr store, but not a series of cropxai")
    if dataset.attrs["format_version"] > VERSION:
        raise SeriesUnreadable(path, f"has format {dataset.attrs['format_version']}, newer than this cropxai knows")
    for name in ("parcel_id", "status", "crop"):
        if name in dataset.coords:
            dataset[name] = dataset[name].astype(object)
    file = path / PARCELS
    parcels = gpd.read_parquet(file) if file.exists() else None
    if parcels is not None and len(parcels) != dataset.sizes["parcel"]:
        raise SeriesUnreadable(path, f"holds {len(parcels)} geometries for {dataset.sizes['parcel']} series")
    return CropSeries(dataset, parcels)


def sources(series: CropSeries) -> list[str]:
    """Return the names of the products that the series was made from."""
    value = series.dataset.attrs.get("sources", [])
    return [str(v) for v in (json.loads(value) if isinstance(value, str) else np.asarray(value).tolist())]
