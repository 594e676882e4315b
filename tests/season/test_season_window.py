from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cropxai.season.window import DateWindow, best, class_relevance, date_relevance, peaks, window, windows

DATES = np.arange("2019-01-01", "2019-01-13", dtype="datetime64[D]")


def test_relevance_by_class_by_hand():
    by_date = [[1, -1, 3], [3, np.nan, 1], [0, 2, -4], [5, 5, 5]]
    crop = ["a", "a", "b", ""]
    positive = class_relevance(by_date, crop, ("a", "b", "c"))
    np.testing.assert_allclose(positive, [[2 / 4, 0, 2 / 4], [0, 1, 0], [np.nan] * 3])
    mean = class_relevance(by_date, crop, ("a", "b", "c"), "mean")
    np.testing.assert_allclose(mean[:2], [[2 / 4.5, -0.5 / 4.5, 2 / 4.5], [0, 2 / 6, -4 / 6]])
    absolute = class_relevance(by_date, crop, ("a", "b", "c"), "absolute")
    np.testing.assert_allclose(absolute[:2], [[2 / 4.5, 0.5 / 4.5, 2 / 4.5], [0, 2 / 6, 4 / 6]])
    np.testing.assert_allclose(date_relevance(positive), [0.25, 0.5, 0.25])
    with pytest.raises(ValueError, match="none of positive"):
        class_relevance(by_date, crop, ("a",), "median")


def test_the_papers_window_is_bounded_by_its_top_dates():
    relevance = np.zeros(12)
    relevance[[3, 7, 9]] = [5, 9, 7]
    assert window(relevance, DATES, 1) == DateWindow(DATES[7], DATES[7], (DATES[7],))
    found = window(relevance, DATES, 3)
    assert (found.start, found.end, found.days) == (DATES[3], DATES[9], 7)
    assert found.contains(DATES).sum() == 7


@given(relevance=arrays(float, 12, elements=st.floats(-10, 10)))
def test_windows_grow_and_hold_the_top_dates(relevance):
    found = windows(relevance, DATES, 20)
    assert len(found) == 12
    for n, (smaller, larger) in enumerate(pairwise(found), start=1):
        assert larger.start <= smaller.start and larger.end >= smaller.end
        assert len(smaller.top) == n
        brute = sorted(sorted(range(12), key=lambda i: (-relevance[i], i))[:n])
        assert smaller.top == tuple(DATES[brute])
        assert (smaller.start, smaller.end) == (DATES[brute[0]], DATES[brute[-1]])
    assert (found[-1].start, found[-1].end) == (DATES[0], DATES[-1])


def test_the_best_window_ends_first_then_starts_last():
    early, late, short = (DateWindow(DATES[a], DATES[b], ()) for a, b in ((0, 5), (0, 9), (3, 5)))
    assert best([(late, 0.1), (early, 0.7), (short, 0.75)], 0.75) == (short, 0.75)
    assert best([(late, 0.1), (early, 0.7), (short, 0.8)], 0.75) == (early, 0.7)
    assert best([(late, 1.0)], 0.75) is None


def test_peaks_are_higher_than_both_neighbours():
    assert peaks([0.1, 0.3, 0.2, 0.5, 0.5, 0.1, -0.2, -0.1, 0.05], 3) == [3, 1, 8]
    assert peaks([0.4, 0.1], 3) == [0]
    assert peaks([np.nan, -1.0, 0.0], 3) == []
    assert peaks([0.1, 0.3, 0.2, 0.5], 1) == [3]
