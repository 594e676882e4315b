import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cropxai.ingest.zonal import grouped_median

floats = st.floats(-2e4, 7e4, width=32) | st.just(float("nan"))
numbers = st.integers(1, 65_535).map(float) | st.just(float("nan"))


@settings(max_examples=150, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 9), min_size=1, max_size=12),
    draw=st.data(),
    kind=st.sampled_from([floats, numbers]),
)
def test_equals_numpy_group_by_group(sizes, draw, kind):
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    values = draw.draw(arrays(np.float32, int(indptr[-1]), elements=kind))
    median, counts = grouped_median(values, indptr)
    for i in range(len(sizes)):
        group = values[indptr[i] : indptr[i + 1]].astype(np.float64)
        group = group[~np.isnan(group)]
        assert counts[i] == len(group)
        np.testing.assert_array_equal(median[i], np.median(group) if len(group) else np.nan)


def test_values_are_left_as_they_were():
    values = np.array([3, 1, np.nan, 2], dtype=np.float32)
    grouped_median(values, np.array([0, 2, 4]))
    np.testing.assert_array_equal(values, np.array([3, 1, np.nan, 2], dtype=np.float32))


@pytest.mark.parametrize("dtype", [np.uint16, np.int16])
def test_many_groups_of_whole_numbers(dtype):
    rng = np.random.default_rng(7)
    sizes = rng.integers(0, 300, 500)
    indptr = np.concatenate([[0], np.cumsum(sizes)])
    stored = rng.integers(1, 30_000, indptr[-1]).astype(dtype)
    median, counts = grouped_median(stored.astype(np.float32), indptr)
    expected = [np.median(g) if len(g) else np.nan for g in np.split(stored, indptr[1:-1])]
    np.testing.assert_array_equal(median, expected)
    np.testing.assert_array_equal(counts, sizes)
