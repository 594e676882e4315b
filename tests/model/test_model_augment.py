"""Samples made harder: only what is asked is taken away, and never all."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up import QUICK

from cropxai.bands import BY_NAME, COMMON_BANDS
from cropxai.errors import SeriesUnusable
from cropxai.model.augment import MIDDLE, augmented, clouded, compact, lost_bands, optional_bands, season
from cropxai.model.inputs import Inputs

L1C = tuple(BY_NAME)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), any_season=st.floats(0, 1), late=st.floats(0, 1), dropout=st.floats(0, 0.95))
def test_augmentation_only_takes_dates_away_and_never_all(seed, any_season, late, dropout):
    rng = np.random.default_rng(seed)
    valid = rng.random((8, 10)) > 0.5
    valid[0] = False
    day = np.arange(10, dtype=np.float32)
    values = np.broadcast_to(day[None, :, None], (8, 10, 1)).astype(np.float32)
    batch = Inputs(values, valid, day)
    x, kept, days = augmented(batch, replace(QUICK, any_season=any_season, late_start=late, date_dropout=dropout), rng)
    for parcel in range(8):
        there = set(days[parcel][kept[parcel]].tolist())
        assert there <= set(day[valid[parcel]])
        assert bool(there) == bool(valid[parcel].any())
        assert torch.equal(x[parcel, :, 0][kept[parcel]], days[parcel][kept[parcel]])  # values moved with their days


def test_compacting_keeps_dates_in_order():
    values = np.arange(6, dtype=np.float32).reshape(1, 6, 1)
    valid = np.array([[False, True, False, True, True, False]])
    x, kept, days = compact(values, valid, np.arange(6, dtype=np.float32)[None])
    assert x[0, :, 0].tolist() == days[0].tolist() == [1, 3, 4]
    assert kept.all()


def test_seasons_are_cut_as_often_and_where_it_is_asked():
    day = np.arange(0, 360, 10, dtype=np.float32)
    rng = np.random.default_rng(0)
    cut = replace(QUICK, any_season=0.8, growing_season=1.0, late_start=0.0)
    kept = season(day, 4000, cut, rng)
    last = day[kept.sum(axis=1) - 1]
    whole = last == day[-1]
    assert whole.mean() == pytest.approx(0.2, abs=0.03)
    low, high = (share * 351 for share in MIDDLE)
    assert low - 10 <= last[~whole].min() and last[~whole].max() <= high
    rounds = [season(day, 20, replace(cut, cut_together=True), rng) for _ in range(400)]
    assert all((each == each[:1]).all() for each in rounds)
    assert np.mean([each.all() for each in rounds]) == pytest.approx(0.2, abs=0.07)
    late = season(day, 4000, replace(cut, any_season=0.0, late_start=0.3), rng)
    first = day[np.argmax(late, axis=1)]
    assert (first > 0).mean() == pytest.approx(0.3, abs=0.03) and first.max() <= 180
    assert late[:, -1].all()


def test_thin_cloud_makes_dates_of_some_samples_brighter_in_all_bands():
    values = np.full((2000, 10, 4), 0.1, dtype=np.float32)
    values[..., 3] = np.nan  # a band that is missing stays so
    hazy = clouded(values, 0.5, np.random.default_rng(0))
    changed = hazy[..., 0] != values[..., 0]
    assert np.isnan(hazy[..., 3]).all()
    assert changed.any(axis=1).mean() == pytest.approx(0.5 * (1 - 0.8**10), abs=0.04)
    assert (hazy[changed][:, :3] > 0.1).all() and hazy[changed][:, :3].max() < 0.1 + 0.6 * 0.8
    np.testing.assert_array_equal(hazy[..., 0], hazy[..., 1])


def test_only_coarse_bands_are_lost():
    lost = lost_bands(L1C, 4000, 0.6, np.random.default_rng(0))
    fine = np.array([BY_NAME[b].resolution == 10 for b in L1C])
    assert not lost[:, fine].any() and lost[:, ~fine].any(axis=0).all()
    archive = (lost == [BY_NAME[b].resolution == 60 for b in L1C]).all(axis=1)  # the ten common bands are left
    assert 0.28 < archive.mean() < 0.4
    assert 0.5 < lost.any(axis=1).mean() <= 0.62
    assert optional_bands(COMMON_BANDS) == ("B05", "B06", "B07", "B8A", "B11", "B12")
    with pytest.raises(SeriesUnusable, match="--band-dropout 0"):
        optional_bands(("B05", "B11"))


def test_lost_bands_are_lost_on_all_dates():
    batch = Inputs(np.ones((50, 6, 13), np.float32), np.ones((50, 6), bool), np.arange(6, dtype=np.float32))
    x, _, _ = augmented(batch, replace(QUICK, band_dropout=1.0), np.random.default_rng(0), L1C)
    gone = torch.isnan(x)
    assert gone.any() and torch.equal(gone.any(dim=1), gone.all(dim=1))
