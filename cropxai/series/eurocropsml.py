"""EuroCropsML: a folder with one npz file a parcel, ``<NUTS3>_<parcel>_<HCAT code>.npz``.

Reuss et al. 2025, arXiv 2407.17458; github dida-do/eurocropsml. A file holds ``data`` (date, 13), the digital numbers
of L1C, ``dates`` (date,) and ``center`` (longitude, latitude); dates without data are not in it.
"""

import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cropxai.crops import find_crop, hcat_code
from cropxai.errors import ExchangeUnreadable, ParcelsSetAside, PathLike, SeriesUnusable
from cropxai.outputs import replacing
from cropxai.series.cube import CropSeries
from cropxai.series.l1c import ALL_BANDS, NO_REGION, check_l1c, digital_numbers, reflectance, regions, unique_ids

#: Order of the bands in a file: unlike in TinyEuroCrops, B8A follows B08.
ORDER = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12")
SUFFIX = ".eurocropsml"
#: What the published preprocessing puts where a date is missing, in all bands.
PADDING = -999
_NAME = re.compile(r"([^_]+)_(.+)_(\d+)")


@dataclass(frozen=True)
class _Parcel:
    """One file: its name's parts, dates (date,), numbers (date, 13) and place (longitude, latitude)."""

    region: str
    parcel_id: str
    code: str
    dates: npt.NDArray[np.datetime64]
    numbers: npt.NDArray[np.float32]
    center: npt.NDArray[np.float64]


def read_eurocropsml(path: PathLike) -> CropSeries:
    """Read a folder; the dates of the series are those of all parcels, NaN where a parcel has no data.

    The crop is the name that the catalogue has for the code, else the code itself; NUTS3 is kept as ``region``.

    Raises
    ------
    ExchangeUnreadable
        If a file is damaged, or lacks one of its arrays.
    """
    path = Path(path)
    parcels = [_read_parcel(file) for file in sorted(path.glob("*.npz"))]
    if not any(len(parcel.dates) for parcel in parcels):
        raise ExchangeUnreadable(path, "holds no npz file with data")
    dates = np.unique(np.concatenate([parcel.dates for parcel in parcels]))
    numbers = np.full((len(parcels), len(dates), len(ORDER)), np.nan, dtype=np.float32)
    for row, parcel in enumerate(parcels):
        numbers[row, np.searchsorted(dates, parcel.dates)] = parcel.numbers
    region = [parcel.region for parcel in parcels]
    crops = [find_crop(parcel.code) for parcel in parcels]
    return CropSeries.from_arrays(
        reflectance(numbers, ORDER),
        dates,
        ALL_BANDS,
        unique_ids([parcel.parcel_id for parcel in parcels], region),
        crop=[crop.label if crop else parcel.code for crop, parcel in zip(crops, parcels, strict=True)],
        lon=[parcel.center[0] for parcel in parcels],
        lat=[parcel.center[1] for parcel in parcels],
        groups={"region": region},
        attrs={"level": "L1C", "statistic": "median", "sources": [path.name]},
    )


def _read_parcel(file: Path) -> _Parcel:
    named = _NAME.fullmatch(file.stem)
    if named is None:
        raise ExchangeUnreadable(file, "is not named <NUTS3>_<parcel>_<HCAT code>.npz; rename it or take it away")
    try:
        with np.load(file, allow_pickle=False) as arrays:
            values, dates, center = arrays["data"], arrays["dates"], arrays["center"]
    except KeyError as error:
        raise ExchangeUnreadable(file, f"lacks the array {error.args[0].split()[0]!r}") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zipfile.LargeZipFile) as error:
        raise ExchangeUnreadable(file, "is no npz file of numbers, or a damaged one") from error
    if values.ndim != 2 or values.shape[1] != len(ORDER) or values.dtype.kind not in "iuf":
        raise ExchangeUnreadable(file, f"array data is {values.dtype} {values.shape}, not numbers of dates × 13 bands")
    if dates.dtype.kind != "M" or dates.shape != values.shape[:1]:
        raise ExchangeUnreadable(file, f"array dates is {dates.dtype} {dates.shape}, not one date a row of data")
    if center.shape != (2,) or center.dtype.kind not in "iuf":
        raise ExchangeUnreadable(file, "array center is not longitude and latitude")
    there = ~((values == PADDING).all(axis=1) | (values == 0).all(axis=1) | np.isnan(values).all(axis=1))
    days = dates.astype("datetime64[D]")[there]
    if len(np.unique(days)) != len(days):
        raise ExchangeUnreadable(file, "array dates has one date twice")
    return _Parcel(named[1], named[2], named[3], days, values[there].astype(np.float32), center.astype(np.float64))


def write_eurocropsml(series: CropSeries, path: PathLike, region: str = NO_REGION, overwrite: bool = False) -> Path:
    """Write a series to a folder, which appears whole.

    Parameters
    ----------
    series : labelled, L1C with 13 bands; its column ``region`` gives NUTS3
    region : NUTS3 of parcels that name none
    overwrite : replace the folder if it exists

    Raises
    ------
    SeriesUnusable
        If bands are missing, no parcel can be written, or an identifier cannot be part of a file name.
    OutputExists, OutputUnwritable

    Warns
    -----
    ParcelsSetAside
        Parcels whose crop has no HCAT code, or that have no date, are not written: the format has no place for them.
    """
    path = Path(path)
    check_l1c(series, path, "EuroCropsML")
    names = _file_names(series, path, region)
    written = 0
    with replacing(path, overwrite) as part:
        part.mkdir()
        blank: list[str] = []
        for piece, piece_names in _pieces(series, names):
            numbers, seen = digital_numbers(piece, ORDER)
            centers = _centers(piece)
            for row, name in enumerate(piece_names):
                if name and seen[row].any():
                    arrays = {"data": numbers[row][seen[row]], "dates": piece.dates[seen[row]], "center": centers[row]}
                    np.savez(part / name, **arrays)
                    written += 1
                elif name:
                    blank.append(str(piece.parcel_id[row]))
        if not written:
            raise SeriesUnusable(f"{path}: no parcel has both a date with 13 bands and a crop with an HCAT code")
    for reason, parcels in (
        ("no HCAT code is known for the crop, not written", series.parcel_id[[not name for name in names]]),
        ("no date with 13 bands, not written", blank),
    ):
        if len(parcels):
            warnings.warn(ParcelsSetAside(reason, list(parcels)), stacklevel=2)
    return path


def _pieces(series: CropSeries, names: list[str]) -> Iterator[tuple[CropSeries, list[str]]]:
    start = 0
    for piece in series.chunks():
        yield piece, names[start : start + len(piece)]
        start += len(piece)


def _file_names(series: CropSeries, path: Path, region: str) -> list[str]:
    """Name the file of each parcel, empty where its crop has no code."""
    codes = [str(hcat_code(crop) or (crop if str(crop).isdecimal() else "")) for crop in series.labels]
    belongs = regions(series, region)
    for where, name in zip(belongs, series.parcel_id, strict=True):
        if re.search(r"[/\\\0]", where + name) or "_" in where or not where or not name or len(where + name) > 200:
            raise SeriesUnusable(
                f"{path}: parcel {name[:60]!r} of region {where[:60]!r} cannot be part of a file name; "
                "use identifiers without / and regions without _"
            )
    names = [f"{r}_{i}_{c}.npz" if c else "" for r, i, c in zip(belongs, series.parcel_id, codes, strict=True)]
    named = [name for name in names if name]
    if len(set(named)) < len(named):
        raise SeriesUnusable(f"{path}: several parcels of a region have one identifier; make them unique")
    return names


def _centers(piece: CropSeries) -> npt.NDArray[np.float64]:
    """Return longitude and latitude, (parcel, 2), NaN where unknown."""
    unknown = np.full(len(piece), np.nan)
    coords = piece.dataset.coords
    return np.stack([coords[axis].values if axis in coords else unknown for axis in ("lon", "lat")], axis=1)
