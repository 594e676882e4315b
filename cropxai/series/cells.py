"""The cells of a TinyEuroCrops table: a pickle, read as a description and never executed.

pandas and PyTables store a table of Python lists as one pickled array of objects. A pickle is a small program that may
call any function of Python, so :func:`read_cells` lets it build numbers, lists and records of what it says about
arrays, and nothing else. numpy itself sees only numbers whose type and count were checked here.
"""

import io
import math
import pickle
import re
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

BANDS_A_CELL = 13
_NUMPY_MODULE = re.compile(r"numpy\._?core\.(multiarray|numeric)")
_NUMBER = re.compile(r"[iuf][1248]|f16")


class CellsRefused(Exception):
    """The cells are no lists of numbers, or their pickle wants to do more than to hold them."""


def read_cells(pickled: bytes, shape: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Read the cells of a block, whose pickle is of an array of ``shape``.

    Parameters
    ----------
    pickled : the pickle
    shape : parcels, dates

    Returns
    -------
    (parcel, date, 13) float32, as the lists have them; NaN where the cell is NaN, None, or 13 zeros: a digital number
    of 0 is "no data" in Sentinel-2 products, and EuroCropsML takes such cells for missing too.

    Raises
    ------
    CellsRefused
    """
    block = _load(pickled)
    if not isinstance(block, _Array) or block.shape != shape or not isinstance(block.content, list):
        raise CellsRefused(f"its cells are no table of {shape[0]} × {shape[1]} lists")
    if len(block.content) != shape[0] * shape[1]:
        raise CellsRefused(f"it holds {len(block.content)} cells for {shape[0]} × {shape[1]}")
    filled = [i for i, cell in enumerate(block.content) if not _is_missing(cell)]
    numbers = np.full((len(block.content), BANDS_A_CELL), np.nan, dtype=np.float32)
    if filled:
        numbers[filled] = _numbers([_cell(block.content[i]) for i in filled])
    numbers[(numbers == 0).all(axis=1)] = np.nan
    return numbers.reshape(*shape, BANDS_A_CELL)


def write_cells(numbers: npt.NDArray[np.int32], seen: npt.NDArray[np.bool_]) -> bytes:
    """Pickle cells as pandas does: lists of 13 ints, NaN where not seen.

    Protocol 3 and the old module name of numpy, so that every Python 3 and numpy reads them.

    Parameters
    ----------
    numbers : (parcel, date, 13) int32
    seen : (parcel, date) bool
    """
    cells = np.full(seen.shape, np.nan, dtype=object)
    rows, columns = np.nonzero(seen)
    for row, column, cell in zip(rows, columns, numbers[seen].tolist(), strict=True):
        cells[row, column] = cell
    return pickle.dumps(cells, protocol=3).replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n", 1)


def _is_missing(cell: object) -> bool:
    return cell is None or (isinstance(cell, float) and math.isnan(cell))


def _cell(cell: object) -> object:
    """Return the list in a cell; a numeric array, which other writers put there, becomes one."""
    if isinstance(cell, _Array) and isinstance(cell.content, np.ndarray):
        cell = cell.content.tolist()
    if type(cell) is not list or len(cell) != BANDS_A_CELL:
        shown = f"a list of {len(cell)}" if type(cell) is list else type(cell).__name__.lstrip("_")
        raise CellsRefused(f"a cell holds {shown}, not a list of {BANDS_A_CELL} numbers")
    return cell


def _numbers(cells: Sequence[object]) -> npt.NDArray[np.float64]:
    try:
        table = np.array(cells)
        if table.dtype == object and all(v is None or type(v) in (int, float) for v in table.flat):
            table = table.astype(np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise CellsRefused("a cell holds something else than numbers") from error
    if table.dtype.kind not in "iuf" or table.ndim != 2 or np.isinf(table).any():
        raise CellsRefused("a cell holds something else than numbers")
    return table.astype(np.float64)


# --- the pickle ----------------------------------------------------------------------------------------------------


def _load(pickled: bytes) -> object:
    try:
        return _Reader(pickled).load()
    except CellsRefused:
        raise
    except Exception as error:  # what a malformed pickle raises is anything
        raise CellsRefused(f"its cells are damaged ({type(error).__name__})") from error


class _Maker:
    """Stands for a function of numpy that a pickle may name; calling it only notes the arguments."""

    __slots__ = ("_make",)

    def __init__(self, make: Callable[..., object]):
        self._make = make

    def __call__(self, *arguments: Any) -> object:
        return self._make(*arguments)

    def __setstate__(self, state: object) -> None:
        raise CellsRefused("its cells are a program that changes functions")


class _Number:
    """What a pickle says of a numpy type: kind and width, such as "i8", and the byte order."""

    __slots__ = ("code", "order")

    def __init__(self, code: object, *_: object):
        self.code, self.order = str(code), "="

    def __setstate__(self, state: Any) -> None:
        self.order = str(state[1])

    def read(self, content: object) -> npt.NDArray[Any]:
        """Read numbers of this type from bytes."""
        if not isinstance(content, bytes | bytearray) or not _NUMBER.fullmatch(self.code) or self.order not in "<>=|":
            raise CellsRefused(f"a cell holds something else than numbers ({self.code[:20]!r})")
        return np.frombuffer(content, dtype=np.dtype(self.order.replace("|", "=") + self.code))


class _Array:
    """What a pickle says of a numpy array: its shape, and its objects or numbers in row order."""

    __slots__ = ("content", "shape")

    def __init__(self, *_: object):
        self.shape: tuple[Any, ...] = ()
        self.content: list[Any] | npt.NDArray[Any] | None = None

    def __setstate__(self, state: Any) -> None:
        _, self.shape, number, _, content = state
        self.content = content if number.code.startswith("O") else number.read(content)

    @classmethod
    def of_buffer(cls, buffer: object, number: _Number, shape: tuple[Any, ...], _: object = None) -> "_Array":
        """Read an array of numbers as protocol 5 stores it."""
        array = cls()
        array.shape, array.content = shape, number.read(buffer)
        return array


class _Reader(pickle.Unpickler):
    """An unpickler for which only the four names exist that numpy's arrays, types and numbers need."""

    def __init__(self, pickled: bytes):
        super().__init__(io.BytesIO(pickled))
        self._known = {
            "_reconstruct": _Maker(_Array),
            "scalar": _Maker(lambda number, content: number.read(content).item()),
            "_frombuffer": _Maker(_Array.of_buffer),
        }
        self._numpy = {"ndarray": "ndarray", "dtype": _Maker(_Number)}

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for a name, or refuse it."""
        known = self._numpy if module == "numpy" else self._known if _NUMPY_MODULE.fullmatch(module) else {}
        if name not in known:
            raise CellsRefused(f"its cells are a program that asks for {module}.{name}, which is not run")
        return known[name]
