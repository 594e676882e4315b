"""TinyEuroCrops: one HDF5 file with a table a region, and a CSV of labels for each.

Schneider & Körner 2021, doi 10.14459/2021MP1615987. A table has a row a parcel (``recno``), a column a date
(``YYYYMMDD``), and in each cell a list of the digital numbers of 13 bands of L1C, or NaN. It is laid out as
``pandas.DataFrame.to_hdf(format="fixed")`` does, and is read and written here without PyTables and without running
its pickle.
"""

import re
import warnings
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.crops import hcat_code
from cropxai.errors import ExchangeUnreadable, ExtraMissing, ParcelsSetAside, PathLike, SeriesUnusable
from cropxai.outputs import replacing
from cropxai.series.cells import CellsRefused
from cropxai.series.cube import CropSeries
from cropxai.series.l1c import ALL_BANDS, NO_REGION, check_l1c, digital_numbers, reflectance, regions, unique_ids

if TYPE_CHECKING:
    from cropxai.series.frames import Frame

#: Order of the bands in a cell: the files of a scene sorted by name, so that B8A comes last.
ORDER = ("B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B09", "B10", "B11", "B12", "B8A")
LABELS = "demo_eurocrops_{}.csv"
#: Columns of the code and the name of the crop, by the age of the files.
CODES, NAMES = ("crpgrpc", "hcat_c"), ("crpgrpn", "hcat_n")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9_]*")


def read_tinyeurocrops(path: PathLike) -> CropSeries:
    """Read all regions of a file, with the labels that lie beside it or in ``csv_labels`` of the data set.

    Labels are the names of the CSV. The code is kept as the column ``crpgrpc``, the key of the table as ``region``.
    Parcels are identified by the column ``parcel_id`` of the CSV if there, else by ``recno``.

    Raises
    ------
    ExchangeUnreadable
        If the file is damaged, is no such table, or its cells are not lists of 13 numbers.
    ExtraMissing
        If h5py is not installed.
    """
    path = Path(path)
    frames = {key: frame for key, frame in _frames(path).items() if len(frame.index)}
    if not frames:
        raise ExchangeUnreadable(path, "holds no parcels")
    days = {key: _days(path, key, frame.columns) for key, frame in frames.items()}
    dates = np.unique(np.concatenate(list(days.values())))
    region = [key for key, frame in frames.items() for _ in frame.index]
    numbers = np.full((len(region), len(dates), len(ORDER)), np.nan, dtype=np.float32)
    start = 0
    for key, frame in frames.items():
        rows = slice(start, start := start + len(frame.index))
        numbers[rows, np.searchsorted(dates, days[key])] = frame.numbers
    labels = pd.concat([_labels(path, key, [str(n) for n in frame.index]) for key, frame in frames.items()])
    groups = {"region": region, "crpgrpc": labels["code"].tolist()}
    return CropSeries.from_arrays(
        reflectance(numbers, ORDER),
        dates,
        ALL_BANDS,
        unique_ids(labels["parcel_id"].tolist(), region),
        crop=labels["name"].tolist(),
        groups=groups,
        attrs={"level": "L1C", "statistic": "median", "sources": [path.name]},
    )


def _frames(path: Path) -> dict[str, "Frame"]:
    _need_h5py()
    import h5py

    from cropxai.series.frames import FrameRefused, read_frame

    key = ""
    try:
        with h5py.File(path, "r") as file:
            frames = {}
            for key in file:
                frames[str(key)] = read_frame(file[key])
            return frames
    except (FrameRefused, CellsRefused) as error:
        raise ExchangeUnreadable(path, f"region {key!r} {error}") from error
    except (OSError, KeyError, RuntimeError, ValueError, TypeError, AttributeError, MemoryError) as error:
        where = f"region {key!r}: " if key else ""
        raise ExchangeUnreadable(path, f"{where}is no HDF5 file of TinyEuroCrops, or a damaged one") from error


def _need_h5py() -> None:
    try:
        import h5py  # noqa: F401
    except ImportError as error:
        raise ExtraMissing("h5py", "exchange", "TinyEuroCrops") from error


def _days(path: Path, key: str, columns: list[str]) -> npt.NDArray[np.datetime64]:
    wrong = [name for name in columns if not re.fullmatch(r"\d{8}", name)]
    try:
        if wrong:
            raise ValueError(wrong[0])
        days = np.array([f"{c[:4]}-{c[4:6]}-{c[6:]}" for c in columns], dtype="datetime64[D]")
    except ValueError as error:
        raise ExchangeUnreadable(
            path, f"region {key!r} has a column that is no date (YYYYMMDD): {str(error)[:60]!r}"
        ) from error
    if len(np.unique(days)) != len(days):
        raise ExchangeUnreadable(path, f"region {key!r} has two columns of one date")
    return days


def _labels(path: Path, key: str, recno: list[str]) -> pd.DataFrame:
    """Return ``parcel_id``, ``code`` and ``name`` of the parcels, empty where unknown."""
    blank = pd.DataFrame({"parcel_id": recno, "code": "", "name": ""}, dtype=object)
    file = _labels_file(path, key)
    if file is None:
        reason = f"no label file {LABELS.format(key)} beside {path.name}, so they have no crop"
        warnings.warn(ParcelsSetAside(reason, recno), stacklevel=3)
        return blank
    try:
        table = pd.read_csv(file, dtype=str, keep_default_na=False, encoding="utf-8-sig").astype(object)
    except (OSError, ValueError) as error:
        raise ExchangeUnreadable(file, "is no table of labels (CSV in UTF-8)") from error
    code, name = (next((c for c in choice if c in table), None) for choice in (CODES, NAMES))
    if "recno" not in table or (code is None and name is None):
        raise ExchangeUnreadable(file, "lacks the columns recno and crpgrpn; add them, or take the file away")
    table = table.drop_duplicates("recno").set_index("recno").reindex(recno)
    for column, given in (("parcel_id", "parcel_id"), ("code", code), ("name", name or code)):
        if given in table:
            known = table[given].notna().to_numpy() & (table[given] != "").to_numpy()
            blank.loc[known, column] = table[given].to_numpy()[known]
    return blank


def _labels_file(path: Path, key: str) -> Path | None:
    """Find the labels beside the file, or where the published data set has them."""
    folders = (path.parent, path.absolute().parent.parent.parent / "csv_labels" / path.absolute().parent.name)
    return next((file for folder in folders if (file := folder / LABELS.format(key)).exists()), None)


def write_tinyeurocrops(series: CropSeries, path: PathLike, region: str = NO_REGION, overwrite: bool = False) -> Path:
    """Write a series to a file, and its labels to ``demo_eurocrops_<REGION>.csv`` beside it.

    Parameters
    ----------
    series : L1C with 13 bands; its column ``region`` gives the tables, with _ in place of spaces
    region : the table of parcels that name no region
    overwrite : replace files that exist

    Raises
    ------
    SeriesUnusable
        If bands are missing, or a region cannot be a key.
    OutputExists, OutputUnwritable, ExtraMissing
    """
    _need_h5py()
    import h5py

    from cropxai.series.frames import FrameRefused, write_frame

    path = Path(path)
    check_l1c(series, path, "TinyEuroCrops")
    belongs = np.array([name.replace(" ", "_") for name in regions(series, region)], dtype=object)
    keys = sorted(set(belongs))
    if wrong := [key for key in keys if not _KEY.fullmatch(key)]:
        raise SeriesUnusable(f"{path}: region {wrong[0]!r} cannot name a table; use letters, digits and _, as in AT112")
    columns = [str(day).replace("-", "") for day in series.dates]
    with ExitStack() as parts:
        tables = {key: parts.enter_context(replacing(path.with_name(LABELS.format(key)), overwrite)) for key in keys}
        whole = parts.enter_context(replacing(path, overwrite))
        with h5py.File(whole, "w") as file:
            for key in keys:
                rows = np.flatnonzero(belongs == key)
                piece = series.select(rows)
                recno, labels = _numbered(piece, rows)
                labels.to_csv(tables[key], index=False, encoding="utf-8")
                try:
                    write_frame(file, key, recno, columns, *digital_numbers(piece, ORDER))
                except FrameRefused as error:
                    raise SeriesUnusable(f"{path}: region {key!r} {error}; divide it by a column 'region'") from error
    return path


def _numbered(piece: CropSeries, rows: npt.NDArray[np.int64]) -> tuple[npt.NDArray[np.int64], pd.DataFrame]:
    """Return the recno of the parcels and their table of labels.

    The identifiers are the numbers if all are whole numbers; else parcels are numbered by their row in the series,
    from 1, and the identifiers follow in the column ``parcel_id``.
    """
    ids = [str(name) for name in piece.parcel_id]
    coords = piece.dataset.coords
    crop = piece.dataset["crop"].values if "crop" in coords else [""] * len(ids)
    kept = piece.group("crpgrpc") if "crpgrpc" in coords else [""] * len(ids)
    code = [old or (str(hcat_code(name) or "") if name else "") for old, name in zip(kept, crop, strict=True)]
    whole = all(re.fullmatch(r"0|-?[1-9]\d{0,17}", name) for name in ids) and len(set(ids)) == len(ids)
    recno = np.array([int(name) for name in ids] if whole else rows + 1, dtype=np.int64)
    labels = pd.DataFrame({"recno": recno, "crpgrpc": code, "crpgrpn": list(crop)})
    return recno, labels if whole else labels.assign(parcel_id=ids)
