"""NetCDF of a series: the classic format (64-bit offset), which every netCDF tool reads, written with scipy.

Names, dimensions and meaning are those of the Zarr store (:mod:`cropxai.series.store`); reflectance is float32 with
NaN where missing. Outlines of parcels are not in it, longitude and latitude are.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from cropxai.errors import ExchangeUnreadable, PathLike, SeriesUnusable
from cropxai.outputs import replacing
from cropxai.series.cube import CropSeries

#: The format counts the bytes of a variable in 32 bits.
LARGEST = 2**32 - 4
NEEDED = {"reflectance": ("parcel", "time", "band"), "parcel_id": ("parcel",), "time": ("time",), "band": ("band",)}


def write_netcdf(series: CropSeries, path: PathLike, overwrite: bool = False) -> Path:
    """Write a series to a netCDF file.

    Raises
    ------
    SeriesUnusable
        If it is larger than the format allows (4 GiB a variable).
    OutputExists, OutputUnwritable
    """
    if series.dataset["reflectance"].size * 4 > LARGEST:
        raise SeriesUnusable(
            f"{path}: the series is larger than classic netCDF allows (4 GiB); write .zarr or .parquet"
        )
    dataset = series.dataset.drop_encoding().load()
    dataset = dataset.assign_attrs(
        {name: value if isinstance(value, str | int | float) else json.dumps(value, default=str)
         for name, value in dataset.attrs.items()},
        Conventions="CF-1.8",
    )  # fmt: skip
    dataset["reflectance"].attrs.update(long_name="reflectance of the parcel", units="1")
    dataset["valid_pixels"] = dataset["valid_pixels"].astype(np.int32)
    if "why_missing" in dataset:
        dataset["why_missing"] = dataset["why_missing"].astype(np.int8)  # the classic format has no unsigned bytes
    for name in dataset.variables:
        if dataset[name].dtype == object:
            dataset[name] = dataset[name].astype(str)
    encoding: dict[str, dict[str, Any]] = {
        "reflectance": {"dtype": "float32", "_FillValue": np.float32(np.nan)},
        "clear_fraction": {"dtype": "float32", "_FillValue": None},
        "time": {"units": "days since 1970-01-01", "calendar": "proleptic_gregorian", "dtype": "int32"},
    }
    with replacing(path, overwrite) as part:
        dataset.to_netcdf(part, engine="scipy", format="NETCDF3_64BIT", encoding=encoding)
    return Path(path)


def read_netcdf(path: PathLike) -> CropSeries:
    """Read a netCDF file with the names and dimensions that :func:`write_netcdf` gives.

    Raises
    ------
    ExchangeUnreadable
        If the file is damaged, is netCDF 4, or lacks a variable.
    """
    path = Path(path)
    try:
        with xr.open_dataset(path, engine="scipy") as opened:
            dataset = opened.load()
    except (OSError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError) as error:
        raise ExchangeUnreadable(
            path, "is no classic netCDF file, or a damaged one; turn netCDF 4 into it with 'nccopy -k 2'"
        ) from error
    for name, dims in NEEDED.items():
        if name not in dataset.variables or dataset[name].dims != dims:
            raise ExchangeUnreadable(path, f"lacks the variable {name!r} with dimensions {' × '.join(dims)}")
    if not np.issubdtype(dataset["time"].dtype, np.datetime64):
        raise ExchangeUnreadable(path, "variable 'time' has no units such as 'days since 1970-01-01'")
    by_parcel: dict[str, Any] = {
        str(name): dataset[name].values for name in dataset.variables if dataset[name].dims == ("parcel",)
    }
    given = {name: by_parcel.pop(name) for name in ("parcel_id", "crop", "status", "lon", "lat") if name in by_parcel}
    by_date: dict[str, Any] = {
        name: dataset[name].values for name in ("valid_pixels", "clear_fraction", "why_missing") if name in dataset
    }
    attrs = {
        str(name): value.item() if isinstance(value, np.generic) else value
        for name, value in dataset.attrs.items()
        if name != "Conventions"
    }
    return CropSeries.from_arrays(
        dataset["reflectance"].values,
        dataset["time"].values,
        [str(band) for band in dataset["band"].values],
        groups=by_parcel,
        attrs=attrs,
        **given,
        **by_date,
    )
