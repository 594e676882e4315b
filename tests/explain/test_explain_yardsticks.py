import numpy as np
import pytest

from cropxai.explain.yardsticks import yardstick


def test_orders_by_the_calendar_and_by_chance():
    day = np.array([0, 10, 20, 30, 40, 50, 60], np.float32)
    valid = np.array([[1, 1, 1, 1, 1, 1, 1], [0, 0, 1, 0, 1, 1, 0]], bool)
    even = yardstick("evenly spaced", valid, day)
    assert np.argsort(-even[0], kind="stable")[:3].tolist() == [3, 0, 6]  # the middle, then both ends
    assert set(np.argsort(-even[1], kind="stable")[:3]) == {2, 4, 5}
    middle = yardstick("contiguous", valid, day)
    assert set(np.argsort(-middle[0])[:3]) == {2, 3, 4}
    chance = yardstick("random", valid, day, seed=1)
    np.testing.assert_array_equal(chance, yardstick("random", valid, day, seed=1))
    assert (chance != yardstick("random", valid, day, seed=2)).any()
    with pytest.raises(ValueError, match="none of random"):
        yardstick("lunar", valid, day)
