"""The reader of pickled cells, against the pickles that numpy makes."""

import pickle

import numpy as np
import pytest
from exchanged import Hostile

from cropxai.series.cells import CellsRefused, read_cells


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", [list, np.int16, np.int64, ">f4"])
def test_every_pickle_of_numpy_is_understood(protocol, order, kind):
    numbers = np.arange(2 * 3 * 13).reshape(2, 3, 13)
    cells = np.empty((2, 3), dtype=object, order=order)
    for place in np.ndindex(2, 3):
        cells[place] = numbers[place].tolist() if kind is list else numbers[place].astype(kind)
    cells[1, 2] = np.float64("nan")
    expected = numbers.astype(float)
    expected[1, 2] = np.nan
    np.testing.assert_array_equal(read_cells(pickle.dumps(cells, protocol), (2, 3)), expected)


def test_lists_of_numpy_numbers_are_understood():
    cells = np.empty((1, 1), dtype=object)
    cells[0, 0] = [np.int16(-3), np.float32(2.5), np.uint8(7), None, *range(9)]
    read = read_cells(pickle.dumps(cells, 4), (1, 1))[0, 0]
    np.testing.assert_array_equal(read, [-3, 2.5, 7, np.nan, *range(9)])


@pytest.mark.parametrize(
    "pickled",
    [
        pickle.dumps(Hostile(eval, "1")),
        pickle.dumps(Hostile(getattr, "a", "upper")),
        pickle.dumps(np.load),
        pickle.dumps(np.dtype("V8")),
        b"cnumpy.core.multiarray\n_reconstruct\n}X\x05\x00\x00\x00_makecos\nsystem\nsb.",
        b"cnumpy\nload\n.",
        b"cnumpy.core.multiarray\n_reconstruct.__globals__\n.",
        b"\x80\x04\x95",
        b"",
        pickle.dumps([[1] * 13]),
        pickle.dumps(np.zeros((1, 1))),
    ],
)
def test_other_pickles_are_refused(pickled):
    with pytest.raises(CellsRefused):
        read_cells(pickled, (1, 1))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ([1] * 12, "a list of 12, not a list of 13 numbers"),
        ("text", "holds str, not a list of 13"),
        (5, "holds int, not a list"),
        (["a"] * 13, "something else than numbers"),
        ([[1]] * 13, "something else than numbers"),
        ([True] * 13, "something else than numbers"),
        ([float("inf")] * 13, "something else than numbers"),
        ([10**400] * 13, "something else than numbers"),
        (np.array(["a"] * 13), "something else than numbers"),
    ],
)
def test_cells_of_another_kind_are_refused(tmp_path, content, told):
    cells = np.empty((1, 1), dtype=object)
    cells[0, 0] = content
    with pytest.raises(CellsRefused, match=told):
        read_cells(pickle.dumps(cells), (1, 1))
