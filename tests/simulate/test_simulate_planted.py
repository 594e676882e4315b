import numpy as np
import pytest

from cropxai.series.cube import CropSeries
from cropxai.simulate import SimulationRefused, simulate_planted
from cropxai.simulate.planted import PAIRS, visible
from cropxai.simulate.sky import CLOUD, Sky, disturb, draw_air, draw_sky


@pytest.fixture(scope="module")
def series():
    return simulate_planted(600, seed=4)


def truth(series, name):
    return series.dataset[name].values


def test_twins_differ_on_their_dates_and_nowhere_else(series):
    """Exactly: what the satellite sees of both is the same number, noise and clouds included."""
    one, other = series.reflectance[0::2], series.reflectance[1::2]
    same = (truth(series, "planted_difference") == 0).all(axis=2)[0::2]
    np.testing.assert_array_equal(one[same], other[same])
    differing = ~same & np.isfinite(one).all(axis=2)
    assert (one[differing] != other[differing]).any(axis=1).all()
    np.testing.assert_array_equal(np.isnan(one), np.isnan(other))


def test_both_twins_tell_the_same_truth(series):
    np.testing.assert_array_equal(truth(series, "planted")[0::2], truth(series, "planted")[1::2])
    np.testing.assert_array_equal(truth(series, "decoy")[0::2], truth(series, "decoy")[1::2])
    np.testing.assert_array_equal(truth(series, "planted_difference")[0::2], -truth(series, "planted_difference")[1::2])
    assert (truth(series, "planted_difference")[truth(series, "planted")] != 0).any(axis=1).all()
    twin = series.group("twin")
    assert (twin[0::2] == series.parcel_id[1::2]).all()
    assert (series.group("twin_crop")[1::2] == series.labels[0::2]).all()
    assert (series.group("region")[0::2] == series.group("region")[1::2]).all()


def test_the_difference_without_noise_is_that_of_the_seen_but_for_noise(series):
    """Noise is at most some percent of a value: where the difference is large, both agree."""
    told = truth(series, "planted_difference")[0::2]
    seen = series.reflectance[0::2] - series.reflectance[1::2]
    large = (np.abs(told) > 0.1) & np.isfinite(seen)
    assert large.sum() > 300
    assert (np.sign(told[large]) == np.sign(seen[large])).all()
    assert np.median(np.abs(seen[large] / told[large] - 1)) < 0.1


@pytest.mark.parametrize(
    "crop, first, last, band",
    [
        ("winter wheat", "03-30", "05-10", "B08"),
        ("winter rapeseed", "04-10", "05-20", "B03"),
        ("grassland", "05-12", "07-20", "B08"),
        ("silage maize", "08-15", "10-10", "B08"),
        ("sugar beet", "09-05", "11-05", "B08"),
    ],
)
def test_each_pair_differs_in_its_time_and_band(series, crop, first, last, band):
    own = series.labels == crop
    assert own.sum() == 60
    planted = truth(series, "planted")[own]
    inside = (series.dates >= np.datetime64(f"2018-{first}")) & (series.dates <= np.datetime64(f"2018-{last}"))
    assert not planted[:, ~inside].any()
    assert (planted.sum(axis=1) >= 2).mean() > 0.95
    size = np.abs(truth(series, "planted_difference")[own])
    assert np.median(size[..., series.bands.index(band)].max(axis=1)) > 0.05


def test_five_pairs_ten_classes_alike_in_number(series):
    labels, counts = np.unique(series.labels.astype(str), return_counts=True)
    assert set(labels) == {name for pair in PAIRS for name in (pair.crop, pair.twin)}
    assert len(labels) == 10
    assert (counts == 60).all()


def test_decoys_are_large_and_tell_nothing(series):
    """White covers brighten the visible bands far beyond what is planted, in both classes of a pair alike."""
    decoy, planted = truth(series, "decoy"), truth(series, "planted")
    assert 4 < decoy.sum(axis=1).mean() <= 6
    blue = series.reflectance[..., series.bands.index("B02")]
    assert np.nanpercentile(blue[decoy], 75) > 0.2
    assert np.nanmedian(blue[~decoy & ~planted]) < 0.1
    plain = simulate_planted(60, seed=4, decoys=0)
    assert not truth(plain, "decoy").any()


def test_same_seed_same_series(series):
    again = simulate_planted(600, seed=4)
    for name in ("reflectance", "planted", "planted_difference", "decoy"):
        np.testing.assert_array_equal(again.dataset[name], series.dataset[name])
    other = simulate_planted(600, seed=5)
    assert not np.array_equal(other.reflectance, series.reflectance, equal_nan=True)


def test_visible_is_twice_the_noise_of_the_sky():
    """The spread that `disturb` gives to a field that does not change, measured."""
    still = np.full((400, 50, 13), 0.3, np.float32)
    days, place, none = np.arange(50), np.zeros(400, np.float32), np.zeros((400, 50), np.float32)
    clear = Sky(1 + none, none, none, 1 + none)
    seen = []
    for number in range(8):
        rng = np.random.default_rng(number)
        air = draw_air(days, np.full(50, -9.0, np.float32), 0.01, rng)
        assert draw_sky(air, place, place, rng).cloud.max() == 0
        seen.append(disturb(still, clear, air, rng))
    noise = np.stack(seen).std(axis=(0, 1, 2))
    assert CLOUD.shape == noise.shape
    assert visible(still[0, 0] + 2.3 * noise, still[0, 0]).all()
    assert not visible(still[0, 0] + 1.7 * noise, still[0, 0]).any()


def test_the_truth_survives_the_store_and_selection(series, tmp_path):
    series.save(tmp_path / "twins.zarr")
    again = CropSeries.open(tmp_path / "twins.zarr")
    for name in ("planted", "planted_difference", "decoy"):
        np.testing.assert_array_equal(again.dataset[name], series.dataset[name])
    assert again.dataset["planted"].dtype == bool
    few = again.select([3, 5]).between("2018-04-01", "2018-05-31").select_bands(["B08"])
    assert few.dataset["planted_difference"].shape == (2, len(few.dates), 1)


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"parcels": 8}, "10 or more"),
        ({"parcels": 101}, "an even number"),
        ({"year": 1900}, "the weather of 1900 is not known"),
        ({"bands": ["B99"]}, "B99"),
        ({"cloudiness": 0}, "cloudiness"),
        ({"orbits": 3}, "orbits"),
        ({"regions": 0}, "regions"),
        ({"decoys": 21}, "decoys"),
        ({"seed": -1}, "seed"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    with pytest.raises(SimulationRefused, match=words):
        simulate_planted(**arguments)
