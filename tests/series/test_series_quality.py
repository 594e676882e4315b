import numpy as np
import pandas as pd
import pytest

from cropxai.series import CropSeries
from cropxai.series.quality import by_month
from cropxai.series.sampling import spread


def series_of(why, status, told=True):
    values = np.where(np.asarray(why)[..., None] == 0, 0.3, np.nan)
    dates = np.array(["2018-04-03", "2018-05-01", "2018-05-20"], dtype="datetime64[D]")
    return CropSeries.from_arrays(
        values, dates, ["B04"], range(len(values)), status=status, why_missing=why if told else None
    )


WHY = [[0, 0, 3], [1, 3, 0], [3, 3, 2], [1, 1, 1]]
STATUS = ["", "", "no clear date", "outside the rasters"]


def test_shares_of_a_month():
    table = by_month(series_of(WHY, STATUS)).set_index("month")
    # April: one clear, one without data, one not clear; May: two of six clear, one cut, three not clear.
    expected = pd.DataFrame(
        {
            "dates": [1, 2],
            "clear": [1 / 3, 2 / 6],
            "no_data": [1 / 3, 0],
            "cut": [0, 1 / 6],
            "not_clear": [1 / 3, 3 / 6],
        },
        index=pd.Index(["2018-04", "2018-05"], name="month"),
    )
    pd.testing.assert_frame_equal(table, expected)


def test_reasons_that_are_not_known_are_missing():
    table = by_month(series_of(WHY, STATUS, told=False))
    np.testing.assert_allclose(table["clear"], [1 / 3, 2 / 6])
    assert table[["no_data", "cut", "not_clear"]].isna().all(axis=None)


@pytest.mark.parametrize(("count", "most"), [(0, 5), (3, 5), (5, 5), (17, 5), (10_000_019, 2000)])
def test_a_sample_is_spread_evenly(count, most):
    chosen = spread(count, most)
    assert len(chosen) == min(count, most)
    if len(chosen) > 1:
        gaps = np.diff(chosen)
        assert gaps.min() >= 1 and gaps.max() - gaps.min() <= 1
    assert not len(chosen) or (chosen[0] == 0 and chosen[-1] < count)
