import numpy as np
import pytest

from cropxai.errors import SeriesUnusable
from cropxai.series import CropSeries
from cropxai.series.cube import season_year


def days(*text):
    return np.array(text, dtype="datetime64[D]")


def test_the_season_is_the_year_of_most_dates():
    assert season_year(days("2017-10-01", "2018-01-05", "2018-03-01")) == 2018
    assert season_year(days("2017-10-01", "2018-01-05")) == 2018


def test_more_than_a_year_is_refused_with_the_remedy():
    with pytest.raises(SeriesUnusable, match="2017-08-04 to 2018-11-27.*--season"):
        season_year(days("2017-08-04", "2018-11-27"))
    assert season_year(days("2018-01-01", "2018-12-31")) == 2018


def test_days_count_from_new_year_and_are_negative_before(series):
    made = CropSeries.from_arrays(np.ones((1, 3, 1)), days("2017-12-31", "2018-01-01", "2018-02-01"), ["B02"], ["a"])
    assert made.season_day.tolist() == [-1, 0, 31]


def test_selecting_keeps_parcels_and_values_together(series):
    picked = series.select([5, 2])
    assert picked.parcel_id.tolist() == ["p5", "p2"]
    np.testing.assert_array_equal(picked.reflectance, series.reflectance[[5, 2]])
    mask = series.labels == "grain maize"
    assert (series.select(mask).labels == "grain maize").all()
    assert series.select_bands(("B11", "B04")).bands == ("B11", "B04")


def test_dates_between_include_both_ends(series):
    cut = series.between("2018-04-15", "2018-06-14")
    assert [str(d) for d in cut.dates] == ["2018-04-15", "2018-04-30", "2018-05-15", "2018-05-30", "2018-06-14"]
    for start, end, where in (
        ("2019-01-01", None, "on or after 2019-01-01"),
        (None, "2017-12-31", "on or before 2017-12-31"),
        ("2017-01-01", "2017-12-31", "between 2017-01-01 and 2017-12-31"),
    ):
        with pytest.raises(SeriesUnusable, match=f"no date lies {where}; the series has 2018-03-01 to 2018-08-28"):
            series.between(start, end)


def test_chunks_are_the_whole_in_order(series):
    parts = list(series.chunks(50))
    assert [len(p) for p in parts] == [50, 50, 20]
    np.testing.assert_array_equal(np.concatenate([p.reflectance for p in parts]), series.reflectance)


def test_missing_labels_and_columns_are_named():
    bare = CropSeries.from_arrays(np.ones((1, 1, 1)), days("2018-01-01"), ["B02"], ["a"])
    with pytest.raises(SeriesUnusable, match="--label-field"):
        _ = bare.labels
    with pytest.raises(SeriesUnusable, match="no column 'zone'.*parcel_id"):
        bare.group("zone")


def test_wrong_shape_is_a_programming_error():
    with pytest.raises(ValueError, match="2 dimensions"):
        CropSeries.from_arrays(np.ones((1, 1)), days("2018-01-01"), ["B02"], ["a"])


def test_summary_counts_what_is_missing():
    made = CropSeries.from_arrays(
        np.array([[[0.1]], [[np.nan]]]), days("2018-01-01"), ["B02"], ["a", "b"], status=["", "no clear date"]
    )
    assert "1 without a series: 1 × no clear date" in made.summary()
