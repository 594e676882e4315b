import numpy as np
from made_up import two_crops

from cropxai.season.curves import crop_curves


def test_medians_of_each_crop_by_date():
    series = two_crops(60)
    crop = series.labels
    crop[:5] = None
    table = crop_curves(series, crop)
    assert list(table.columns) == ["crop", "date", "parcels", "relevance", *series.bands]
    assert list(table["crop"].unique()) == ["grain maize", "winter wheat"]
    assert table["relevance"].isna().all()
    for (name, date), row in table.set_index(["crop", "date"]).iterrows():
        t = int(np.flatnonzero(series.dates == np.datetime64(date, "D"))[0])
        values = [series.reflectance[p, t] for p in range(5, 60) if crop[p] == name]
        values = np.array([v for v in values if not np.isnan(v).any()])
        assert row["parcels"] == len(values)
        np.testing.assert_allclose(row[list(series.bands)].to_numpy(float), np.median(values, axis=0), rtol=1e-6)


def test_a_date_on_which_nobody_was_seen_and_a_series_without_crops():
    series = two_crops(20)
    series.dataset["reflectance"][:, 3] = np.nan
    table = crop_curves(series, series.labels)
    gap = table[table["date"] == series.dates[3]]
    assert (gap["parcels"] == 0).all() and gap[list(series.bands)].isna().all(axis=None)
    assert crop_curves(series, [None] * 20).empty


def test_a_sample_stands_for_the_crop():
    series = two_crops(300, gaps=0)
    whole, part = (crop_curves(series, series.labels, sample=n) for n in (2000, 40))
    assert part["parcels"].max() == 40
    assert np.abs(whole["B08"] - part["B08"]).max() < 0.02  # of a spread of 0.02
