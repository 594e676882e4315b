import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cropxai.ingest.tally import Groups, Tally, codes_of
from cropxai.ingest.zonal import STRETCH, WHOLE

floats = st.floats(-2e4, 7e4, width=32) | st.just(float("nan"))
numbers = st.integers(1, 65_535).map(float) | st.just(float("nan"))
NO_MASK = np.zeros(0, dtype=bool), np.zeros(0, dtype=np.uint16)


def grouped_median(values, indptr):
    """Medians and counts of groups that are one run each; those without a pixel are not handed over."""
    indptr = np.asarray(indptr, dtype=np.int64)
    sizes = np.diff(indptr)
    some = np.flatnonzero(sizes)
    codes = codes_of(values)[None] if values.dtype.kind == "f" else values[None]
    tally = Tally.empty(len(sizes), 1, codes.dtype)
    groups = Groups(some, np.arange(len(some) + 1), indptr[:-1][some].astype(np.int32), sizes[some].astype(np.int32))
    tally.add(codes, np.zeros(1, codes.dtype), *NO_MASK, groups)
    return tally.median()[:, 0], tally.counts[:, 0]


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


def oracle(values, nodata, unclear, mask, groups):
    """The tally of one parcel after the other, by numpy alone."""
    for g in range(len(groups.member)):
        runs = range(groups.ptr[g], groups.ptr[g + 1])
        pixels = np.concatenate([np.arange(groups.start[r], groups.start[r] + groups.length[r]) for r in runs])
        clear = ~unclear[mask[pixels]] if len(unclear) else np.ones(len(pixels), dtype=bool)
        good = (values[:, pixels] != 0) & (values[:, pixels] != nodata[:, None])
        medians = [
            np.median(v[k & clear]) if (k & clear).any() else np.nan
            for v, k in zip(values[:, pixels], good, strict=True)
        ]
        seen = good.any(axis=0)
        yield medians, (good & clear).sum(axis=1), (seen & clear).sum(), seen.sum()


@st.composite
def pieces(draw):
    """A piece of few distinct values, so that ties, missing pixels and the ends of the range are common."""
    bands, pixels = draw(st.integers(1, 3)), draw(st.integers(1, 90))
    stored = st.sampled_from([0, 1, 2, 3, 7, 40_000, 65_534, 65_535]) | st.integers(0, 65_535)
    values = draw(arrays(np.uint16, (bands, pixels), elements=stored))
    nodata = draw(arrays(np.uint16, bands, elements=st.sampled_from([0, 7, 65_535])))
    mask = draw(arrays(np.uint16, pixels, elements=st.integers(0, 3)))
    unclear = np.isin(np.arange(1 << 16), draw(st.lists(st.integers(0, 3), max_size=3)))
    runs = draw(st.lists(st.lists(st.tuples(st.integers(0, pixels - 1), st.integers(1, 40)), min_size=1), min_size=1))
    starts = [start for group in runs for start, _ in group]
    lengths = [min(length, pixels - start) for group in runs for start, length in group]
    ptr = np.concatenate([[0], np.cumsum([len(group) for group in runs])])
    member = np.array(draw(st.permutations(range(len(runs)))))
    groups = Groups(member, ptr, np.array(starts, dtype=np.int32), np.array(lengths, dtype=np.int32))
    return (values, nodata, *((unclear, mask) if draw(st.booleans()) else NO_MASK), groups)


@settings(max_examples=200, deadline=None)
@given(piece=pieces())
def test_tally_equals_numpy_parcel_by_parcel(piece):
    values, nodata, unclear, mask, groups = piece
    tally = Tally.empty(len(groups.member), len(values), np.uint16)
    tally.add(values, nodata, unclear, mask, groups)
    for who, (medians, counts, clear, present) in zip(groups.member, oracle(*piece), strict=True):
        np.testing.assert_array_equal(tally.median()[who], medians)
        np.testing.assert_array_equal(tally.counts[who], counts)
        assert (tally.clear[who], tally.present[who]) == (clear, present)


@settings(max_examples=50, deadline=None)
@given(numbers=st.lists(st.floats(width=32, allow_infinity=False), min_size=1, max_size=50))
def test_codes_order_as_values_do(numbers):
    values = np.array(numbers, dtype=np.float32)
    codes = codes_of(values)
    np.testing.assert_array_equal(codes == 0, np.isnan(values))
    real = values[~np.isnan(values)]
    np.testing.assert_array_equal(np.sort(real), real[np.argsort(codes[codes > 0], kind="stable")])


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_parcels_beyond_every_stretch_of_counters(dtype):
    rng = np.random.default_rng(0)
    for pixels in (STRETCH - 1, STRETCH, 3 * STRETCH + 5, 5 * STRETCH):
        stored = rng.integers(1, 60_000, pixels).astype(np.uint16)
        stored[: pixels // 2] = 500  # as many ties as may be
        values = stored if dtype == np.uint16 else stored.astype(np.float32)
        median, counts = grouped_median(values, np.array([0, pixels]))
        assert (median[0], counts[0]) == (np.median(stored), pixels)


def test_a_median_of_few_far_values():
    lone = np.array([1, 65_535, 65_535, 65_535], dtype=np.uint16)
    median, _ = grouped_median(lone, np.array([0, 1, 2, 4]))
    np.testing.assert_array_equal(median, [1, 65_535, 65_535])
    wide = np.array([-3e38, 1e-30, 3e38, np.nan], dtype=np.float32)
    median, counts = grouped_median(wide, np.array([0, 4]))
    assert (median[0], counts[0]) == (np.float32(1e-30), 3)


# --- means, and weights ------------------------------------------------------------------------------------------


@settings(max_examples=100, deadline=None)
@given(piece=pieces())
def test_means_equal_numpy_bit_for_bit(piece):
    values, nodata, unclear, mask, groups = piece
    tally = Tally.empty(len(groups.member), len(values), np.uint16)
    tally.add(*piece)
    mean = tally.mean()
    for g, who in enumerate(groups.member):
        pixels = pixels_of(groups, g)
        clear = ~unclear[mask[pixels]] if len(unclear) else np.ones(len(pixels), dtype=bool)
        for band, stored in enumerate(values[:, pixels]):
            good = stored[clear & (stored != 0) & (stored != nodata[band])]
            assert np.array_equal(mean[who, band], good.mean() if len(good) else np.nan, equal_nan=True)


def pixels_of(groups, g):
    runs = range(groups.ptr[g], groups.ptr[g + 1])
    return np.concatenate([np.arange(groups.start[r], groups.start[r] + groups.length[r]) for r in runs])


@settings(max_examples=200, deadline=None)
@given(
    piece=pieces(),
    scale=st.sampled_from([1, 1000, WHOLE]),
    seed=st.integers(0, 999),
    floating=st.booleans(),
)
def test_weighted_tally_equals_whole_numbers_of_python(piece, scale, seed, floating):
    """Each pixel counts as often as its weight says; half of the weight is half, not nearly half."""
    values, nodata, unclear, mask, groups = piece
    total = int(groups.length.sum())
    weights = np.random.default_rng(seed).integers(1, scale, total, endpoint=True).astype(np.uint32)
    weigh = np.cumsum(groups.length) - groups.length
    weighted = Groups(groups.member, groups.ptr, groups.start, groups.length, weigh)
    stored = codes_of(np.where((values == 0) | (values == nodata[:, None]), np.nan, values).astype(np.float32))
    codes = stored if floating else values
    tally = Tally.empty(len(groups.member), len(values), codes.dtype)
    tally.add(codes, nodata.astype(codes.dtype) * (not floating), unclear, mask, weighted, weights)
    median, mean = tally.median(), tally.mean()
    for g, who in enumerate(groups.member):
        pixels = pixels_of(groups, g)
        own = weights[weigh[groups.ptr[g]] :][: len(pixels)].astype(object)
        clear = ~unclear[mask[pixels]] if len(unclear) else np.ones(len(pixels), dtype=bool)
        good = (values[:, pixels] != 0) & (values[:, pixels] != nodata[:, None])
        for band in range(len(values)):
            use = good[band] & clear
            assert tally.counts[who, band] == own[use].sum()
            pairs = sorted(zip(values[band, pixels[use]].tolist(), own[use], strict=True))
            if not pairs:
                assert np.isnan(median[who, band]) and np.isnan(mean[who, band])
                continue
            half = next(v for i, (v, _) in enumerate(pairs) if 2 * sum(w for _, w in pairs[: i + 1]) >= own[use].sum())
            assert median[who, band] == half
            exact = sum(v * w for v, w in pairs) / own[use].sum()
            assert mean[who, band] == pytest.approx(exact, rel=1e-14 if not floating else 1e-12)
        assert tally.present[who] == own[good.any(axis=0)].sum()
        assert tally.clear[who] == own[good.any(axis=0) & clear].sum()


def test_means_of_floating_point_values():
    rng = np.random.default_rng(3)
    values = rng.normal(0.2, 0.3, 999).astype(np.float32)
    tally = Tally.empty(1, 1, np.uint32)
    groups = Groups(np.array([0]), np.array([0, 1]), np.zeros(1, np.int32), np.array([999], np.int32))
    tally.add(codes_of(values)[None], np.zeros(1, np.uint32), *NO_MASK, groups)
    assert tally.mean()[0, 0] == pytest.approx(values.astype(np.float64).mean(), rel=1e-14)


def test_the_weight_of_a_country_fits():
    pixels = 3 * STRETCH
    values = np.full((1, pixels), 65_535, dtype=np.uint16)
    values[0, :5] = 1
    groups = Groups(np.array([0]), np.array([0, 1]), np.zeros(1, np.int32), np.array([pixels], np.int32), np.array([0]))
    tally = Tally.empty(1, 1, np.uint16)
    tally.add(values, np.zeros(1, np.uint16), *NO_MASK, groups, np.full(pixels, WHOLE, dtype=np.uint32))
    assert tally.counts[0, 0] == pixels * WHOLE
    assert tally.median()[0, 0] == 65_535
    assert tally.mean()[0, 0] == pytest.approx(values.mean(dtype=np.float64), rel=1e-15)
