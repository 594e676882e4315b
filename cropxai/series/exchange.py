"""The formats that a series is read from and written to, chosen by suffix or, for a folder, by what lies in it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cropxai.errors import ExchangeUnreadable, PathLike, SeriesUnusable
from cropxai.series.cube import CropSeries
from cropxai.series.eurocropsml import SUFFIX, read_eurocropsml, write_eurocropsml
from cropxai.series.l1c import NO_REGION
from cropxai.series.netcdf import read_netcdf, write_netcdf
from cropxai.series.store import open_series, save
from cropxai.series.table import read_table, write_table
from cropxai.series.tinyeurocrops import read_tinyeurocrops, write_tinyeurocrops


@dataclass(frozen=True)
class Exchange:
    """A format: its suffixes (the first is the usual one), how to read it, and how to write it given a region."""

    suffixes: tuple[str, ...]
    read: Callable[[PathLike], CropSeries]
    write: Callable[[CropSeries, PathLike, str, bool], Path]


FORMATS = (
    Exchange((".zarr",), open_series, lambda series, path, region, overwrite: save(series, path, overwrite)),
    Exchange((".h5", ".hdf5"), read_tinyeurocrops, write_tinyeurocrops),
    Exchange((SUFFIX,), read_eurocropsml, write_eurocropsml),
    Exchange(
        (".parquet", ".geoparquet", ".csv"),
        read_table,
        lambda series, path, region, overwrite: write_table(series, path, overwrite),
    ),
    Exchange((".nc",), read_netcdf, lambda series, path, region, overwrite: write_netcdf(series, path, overwrite)),
)
SUFFIXES = tuple(suffix for form in FORMATS for suffix in form.suffixes)


def read_series(path: PathLike, level: str | None = None) -> CropSeries:
    """Read a series in any of the formats.

    Parameters
    ----------
    path : a file, a Zarr store, or a folder of npz files
    level : "L1C" or "L2A", for a file that does not tell

    Raises
    ------
    ExchangeUnreadable, SeriesUnreadable
        If the path is of no known format, or damaged.
    SeriesUnusable
        If the file tells another level.
    """
    path = Path(path)
    if not path.exists():
        raise ExchangeUnreadable(path, "no such file or folder; check the path")
    series = _format_of(path).read(path)
    if level is None or level == series.level:
        return series
    if series.level != "unknown":
        raise SeriesUnusable(f"{path}: is {series.level}, not {level}; leave --level out")
    return CropSeries(series.dataset.assign_attrs(level=level), series.parcels)


def write_series(series: CropSeries, path: PathLike, region: str = NO_REGION, overwrite: bool = False) -> Path:
    """Write a series in the format that the suffix names.

    Parameters
    ----------
    region : for TinyEuroCrops and EuroCropsML, the region of parcels that name none
    overwrite : replace what is there

    Raises
    ------
    SeriesUnusable
        If the format cannot hold the series.
    OutputExists, OutputUnwritable, ExtraMissing
    """
    if not len(series) or not len(series.dates):
        raise SeriesUnusable(f"{path}: the series has no parcels or no dates, so there is nothing to write")
    return _by_suffix(Path(path)).write(series, path, region, overwrite)


def _format_of(path: Path) -> Exchange:
    if path.is_dir() and path.suffix.lower() not in SUFFIXES:
        suffix = SUFFIX if any(path.glob("*.npz")) else ".zarr"
        return _by_suffix(Path(f"folder{suffix}"))
    return _by_suffix(path)


def _by_suffix(path: Path) -> Exchange:
    for form in FORMATS:
        if path.suffix.lower() in form.suffixes:
            return form
    raise ExchangeUnreadable(path, f"{path.suffix or 'no suffix'} is no known format; use {', '.join(SUFFIXES)}")
