"""Tables of lists in HDF5, as pandas and PyTables lay them out (``DataFrame.to_hdf(format="fixed")``).

A table is a group with ``axis0`` (the columns), ``axis1`` (the index), and blocks of columns of one type:
``block0_items`` (their names) and ``block0_values``. Columns of lists are one pickle in a ragged array of bytes.
Source: pandas, ``io/pytables.py``, class BlockManagerFixed; PyTables, "Format of PyTables files" in its guide.
"""

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np
import numpy.typing as npt

from cropxai.series.cells import BANDS_A_CELL, CellsRefused, read_cells, write_cells

#: HDF5 counts the bytes of a ragged element in 32 bits.
LONGEST_PICKLE = 2**32 - 1


@dataclass(frozen=True)
class Frame:
    """A table of lists: index (parcel,) int or str, columns (date,) str, numbers (parcel, date, 13) with NaN."""

    index: npt.NDArray[Any]
    columns: list[str]
    numbers: npt.NDArray[np.float32]


class FrameRefused(Exception):
    """A group of the file is no such table."""


def read_frame(group: h5py.Group) -> Frame:
    """Read one table.

    Raises
    ------
    FrameRefused, CellsRefused
        If it is another kind of table, or its cells are not lists of 13 numbers.
    OSError, KeyError
        If the file is damaged.
    """
    kind = _word(group, "pandas_type")
    if kind != "frame":
        raise FrameRefused(f"is no table in pandas' fixed format (pandas_type {kind or 'is missing'})")
    columns = [str(name) for name in _axis(group["axis0"])]
    index = _axis(group["axis1"])
    numbers = np.full((len(index), len(columns), BANDS_A_CELL), np.nan, dtype=np.float32)
    for block in range(int(group.attrs["nblocks"]) if numbers.size else 0):
        items = [str(name) for name in _axis(group[f"block{block}_items"])]
        values = group[f"block{block}_values"]
        at = [columns.index(item) for item in items]
        numbers[:, at] = _block(values, (len(index), len(items)))
    return Frame(index, columns, numbers)


def _axis(node: h5py.Dataset) -> npt.NDArray[Any]:
    kind = _word(node, "kind")
    if "shape" in node.attrs:  # how pandas marks an axis of length 0, whose one stored value is a filler
        return np.empty(0, dtype=object)
    if kind == "integer" and node.dtype.kind in "iu":
        return np.asarray(node[:], dtype=np.int64)
    if kind == "string" and node.dtype.kind == "S":
        return np.array([bytes(name).decode("utf-8", "replace") for name in node[:]], dtype=object)
    raise FrameRefused(f"has an axis of kind {kind!r}; recno must be whole numbers and dates text")


def _block(values: h5py.Dataset, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    if h5py.check_vlen_dtype(values.dtype) == np.uint8 and values.shape == (1,):
        return read_cells(values[0].tobytes(), shape)
    if values.dtype.kind == "f" and values.shape == shape and np.isnan(values[:]).all():  # dates without any parcel
        return np.full((*shape, BANDS_A_CELL), np.nan, dtype=np.float32)
    raise CellsRefused(f"a column holds {values.dtype}, not lists of {BANDS_A_CELL} numbers")


def _word(node: h5py.Dataset | h5py.Group, name: str) -> str:
    value = node.attrs.get(name, b"")
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def write_frame(
    file: h5py.File,
    key: str,
    index: npt.NDArray[np.int64],
    columns: list[str],
    numbers: npt.NDArray[np.int32],
    seen: npt.NDArray[np.bool_],
) -> None:
    """Write one table under ``key``, as pandas would.

    Parameters
    ----------
    index : (parcel,) int64, named ``recno``
    columns : (date,) names
    numbers : (parcel, date, 13) int32
    seen : (parcel, date); the other cells become NaN

    Raises
    ------
    FrameRefused
        If the table is too large for one element of HDF5.
    """
    pickled = write_cells(numbers, seen)
    if len(pickled) > LONGEST_PICKLE:
        raise FrameRefused(f"has {len(index)} parcels, more than one table of the format holds")
    _describe(file, CLASS="GROUP", PYTABLES_FORMAT_VERSION="2.1", VERSION="1.0")
    group = file.create_group(key)
    _describe(group, CLASS="GROUP", VERSION="1.0", pandas_type="frame", encoding="UTF-8", errors="strict")
    group.attrs["ndim"], group.attrs["nblocks"] = np.int64(2), np.int64(1)
    names = np.array([name.encode() for name in columns])
    for part, values, kind in (
        ("axis0", names, "string"),
        ("axis1", index, "integer"),
        ("block0_items", names, "string"),
    ):
        _describe(group, **{f"{part}_variety": "regular"})
        node = group.create_dataset(part, data=values)
        _describe(node, CLASS="ARRAY", FLAVOR="numpy", VERSION="2.4", kind=kind)
        if part == "axis1":
            _describe(node, name="recno")
        else:
            node.attrs["name"] = np.bytes_(b"N.")  # how PyTables writes None
        node.attrs["transposed"] = np.uint8(1)
    cells = group.create_dataset("block0_values", shape=(1,), maxshape=(None,), dtype=h5py.vlen_dtype(np.uint8))
    cells[0] = np.frombuffer(pickled, dtype=np.uint8)
    _describe(cells, CLASS="VLARRAY", PSEUDOATOM="object", VERSION="1.4")
    cells.attrs["transposed"] = np.uint8(1)


def _describe(node: h5py.Group | h5py.Dataset, **words: str) -> None:
    """Set attributes as PyTables does: fixed-length UTF-8 text, and an empty title."""
    for name, word in {"TITLE": "", **words}.items():
        if word:
            node.attrs.create(name, word.encode(), dtype=h5py.string_dtype("utf-8", len(word)))
        elif name not in node.attrs:
            node.attrs[name] = h5py.Empty("S1")
