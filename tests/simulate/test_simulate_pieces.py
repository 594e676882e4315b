import numpy as np
import pytest
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import f1_score

from cropxai.series.cube import CropSeries
from cropxai.series.store import save_pieces
from cropxai.simulate import Country, classes, simulate_pieces, simulate_series

DATES = np.arange(np.datetime64("2018-01-03"), np.datetime64("2018-12-20"), 5)


@pytest.fixture(scope="module")
def series():
    return simulate_series(3000, dates=DATES, cloudiness=0.4, countries=["Bavaria", "Austria"], regions=8, seed=3)


def ndvi(series, crop, first, last):
    chosen = series.between(first, last)
    values = chosen.reflectance[series.labels == crop]
    red, infrared = (values[..., series.bands.index(b)] for b in ("B04", "B08"))
    return (infrared - red) / (infrared + red)


def test_same_seed_same_series_other_seed_another():
    one, same, other = (simulate_series(60, dates=DATES, seed=s) for s in (5, 5, 6))
    np.testing.assert_array_equal(one.reflectance, same.reflectance)
    assert list(one.labels) == list(same.labels)
    assert not np.array_equal(one.reflectance, other.reflectance, equal_nan=True)


def test_shape_bands_and_coordinates(series):
    assert series.reflectance.shape == (3000, len(DATES), 12)
    assert series.level == "L2A"
    assert set(series.labels) <= set(classes())
    assert len(set(series.labels)) > 40
    assert len(set(series.group("region"))) == 8
    assert len(set(series.parcel_id)) == 3000
    assert ((series.dataset["lon"].values > 10) & (series.dataset["lon"].values < 17.5)).all()


def test_missing_is_nan_and_never_zero(series):
    values, pixels = series.reflectance, series.dataset["valid_pixels"].values
    missing = np.isnan(values).any(axis=2)
    np.testing.assert_array_equal(missing, np.isnan(values).all(axis=2))
    np.testing.assert_array_equal(missing, pixels == 0)
    assert 0.2 < missing.mean() < 0.7
    assert np.nanmin(values) > 0
    assert np.nanmax(values) <= 1.2
    clear = series.dataset["clear_fraction"].values
    assert ((clear == 0) | (clear >= 0.5)).all()


def test_clouds_are_shared_by_neighbours(series):
    missing = np.isnan(series.reflectance[..., 0])
    regions = series.group("region")
    share = np.stack([missing[regions == r].mean(axis=0) for r in sorted(set(regions))])
    assert share.std(axis=1).mean() > 0.25  # independent clouds would give about 0.02


def test_no_single_date_recognises_a_crop():
    days = ("03-28", "04-22", "05-09", "06-01", "06-26", "07-26", "08-31", "10-01")
    dates = np.array([f"2019-{day}" for day in days], "datetime64[D]")
    made = simulate_series(4000, year=2019, level="L1C", countries=["Austria"], regions=2, dates=dates, seed=8)
    values, labels = np.log(made.reflectance.clip(0.001)), made.labels.astype(str)
    taught = np.random.default_rng(0).random(len(made)) < 0.7
    crops = [c for c in np.unique(labels) if (labels[~taught] == c).sum() >= 10 and c != "greenhouse"]
    best = np.zeros(len(crops))
    for date in range(len(days)):
        said = LinearDiscriminantAnalysis().fit(values[taught, date], labels[taught]).predict(values[~taught, date])
        best = np.maximum(best, f1_score(labels[~taught], said, labels=crops, average=None, zero_division=0))
    assert best.max() < 0.97  # rape in flower
    assert np.sort(best)[-2] < 0.92
    assert np.median(best) < 0.5


def test_rape_is_green_before_maize(series):
    rape, maize = (np.nanmedian(ndvi(series, c, None, None), axis=0) for c in ("winter rapeseed", "grain maize"))
    day = series.season_day
    assert day[np.nanargmax(np.where(day < 240, rape, 0))] < day[np.nanargmax(maize)] - 20


@pytest.mark.parametrize(
    "crop, first, last, low, high",
    [
        ("winter wheat", "2018-05-10", "2018-05-25", 0.6, 1.0),
        ("winter wheat", "2018-08-10", "2018-08-25", 0.0, 0.4),
        ("silage maize", "2018-05-01", "2018-05-20", 0.0, 0.4),
        ("silage maize", "2018-07-20", "2018-08-05", 0.55, 1.0),
        ("sugar beet", "2018-08-01", "2018-09-15", 0.65, 1.0),
        ("grassland", "2018-05-01", "2018-05-20", 0.5, 1.0),
    ],
)
def test_ndvi_of_most_fields_lies_in_the_known_window(series, crop, first, last, low, high):
    values = ndvi(series, crop, first, last)
    values = values[np.isfinite(values)]
    assert ((values > low) & (values < high)).mean() > 0.65


def test_spring_crops_are_not_sown_in_winter_and_truth_is_told(series):
    harvest = series.group("harvest")
    grass = np.isin(series.labels, ["grassland", "clover", "alfalfa", "fallow", "temporary grass"])
    wheat = series.labels == "winter wheat"
    assert (harvest[grass] == "").all()
    assert ((harvest[wheat] > "2018-06-20") & (harvest[wheat] < "2018-09-01")).all()
    assert (series.group("flowering")[wheat] < harvest[wheat]).all()


def test_years_differ_but_places_do_not():
    one, two = (simulate_series(200, year=y, seed=2) for y in (2018, 2019))
    np.testing.assert_array_equal(one.dataset["lon"], two.dataset["lon"])
    assert (one.season_year, two.season_year) == (2018, 2019)
    assert len(one.dates) == 146
    assert list(one.labels) == list(two.labels)
    assert not np.array_equal(one.reflectance, two.reflectance, equal_nan=True)


def test_label_noise_changes_the_declared_crop_only():
    series = simulate_series(2000, dates=DATES[::20], label_noise=0.2, seed=1)
    wrong = (series.labels != series.group("grown")).mean()
    assert 0.15 < wrong < 0.21


def test_top_of_atmosphere_keeps_clouds_and_has_the_cirrus_band():
    series = simulate_series(400, level="L1C", dates=DATES, seed=1)
    values = series.reflectance
    assert series.bands[10] == "B10"
    assert np.isfinite(values).all()
    blue = values[..., series.bands.index("B02")]
    assert 0.25 < (blue > 0.3).mean() < 0.7
    assert 0.08 < np.percentile(blue, 15) < 0.16  # clear sky over Central Europe


def test_chosen_crops_shares_and_bands():
    series = simulate_series(500, dates=DATES[:3], crops={"maize": 3, "soy": 1}, bands=["B08", "B04"])
    counts = {label: int((series.labels == label).sum()) for label in set(series.labels)}
    assert set(counts) == {"grain maize", "soybeans"}
    assert counts["grain maize"] > counts["soybeans"]
    assert series.bands == ("B08", "B04")


def test_it_survives_the_store(tmp_path):
    series = simulate_series(50, dates=DATES, seed=9)
    series.save(tmp_path / "s.zarr")
    again = CropSeries.open(tmp_path / "s.zarr")
    np.testing.assert_allclose(again.reflectance, series.reflectance, atol=5.1e-5)
    assert list(again.group("flowering")) == list(series.group("flowering"))


def test_pieces_in_a_store_are_the_series(tmp_path):
    choices = {"parcels": 300, "regions": 3, "dates": DATES[::12], "seed": 4}
    whole = simulate_series(**choices)
    save_pieces(simulate_pieces(Country(**choices), threads=1), tmp_path / "country.zarr")
    held = CropSeries.open(tmp_path / "country.zarr")
    np.testing.assert_allclose(held.reflectance, whole.reflectance, atol=6e-5)
    assert list(held.labels) == list(whole.labels)
    assert list(held.group("region")) == list(whole.group("region"))


def test_the_truth_lies_beside():
    series = simulate_series(120, regions=2, dates=DATES, truth=True, seed=2)
    clean, cloud = series.dataset["clean"].values, series.dataset["cloud"].values
    seen = np.isfinite(series.reflectance[..., 0])
    assert np.isfinite(clean).all()
    assert (cloud[seen] < 0.9).mean() > 0.95
    apart = np.abs(series.reflectance - clean)[seen]
    assert np.median(apart) < 0.02
    days = series.dataset["event_day"].sel(event="harvest").values
    assert 150 < np.nanmedian(days) < 320


def test_another_years_weather_and_balanced_crops():
    choices = {"parcels": 400, "regions": 2, "dates": DATES[::20], "countries": ["Bavaria"], "seed": 5}
    cold, warm = (simulate_series(**choices, weather=[year]) for year in (2021, 2018))
    assert list(cold.dates) == list(warm.dates)
    rows = cold.group("harvest") != ""
    later = np.asarray(cold.group("harvest")[rows], "datetime64[D]") - np.asarray(
        warm.group("harvest")[rows], "datetime64[D]"
    )
    assert np.median(later.astype(int)) > 4
    alike = simulate_series(**choices, balance=1.0)
    assert (alike.labels == "grassland").mean() < 0.1 < (cold.labels == "grassland").mean()


def test_watered_fields_stay_green_in_a_drought():
    choices = {"parcels": 200, "regions": 2, "countries": ["Austria"], "year": 2018, "truth": True, "seed": 6}
    choices |= {"dates": DATES[30:48], "crops": {"silage maize": 1, "grassland": 1}, "mixed": 0.0}
    dry, watered = (simulate_series(**choices, irrigated=share) for share in (0.0, 1.0))
    maize = dry.labels == "silage maize"
    red, infrared = (dry.bands.index(b) for b in ("B04", "B08"))
    green = [(v[..., infrared] - v[..., red]) / (v[..., infrared] + v[..., red])
             for v in (s.dataset["clean"].values[maize] for s in (dry, watered))]  # fmt: skip
    assert green[1].mean() > green[0].mean() + 0.005
    assert list(dry.group("harvest")) == list(watered.group("harvest"))


def test_snow_is_mostly_masked_at_the_surface_and_stays_in_at_the_top():
    choices = {"parcels": 60, "regions": 1, "countries": ["Austria"], "year": 2017, "cloudiness": 0.05, "seed": 3}
    winter = np.arange(np.datetime64("2017-01-10"), np.datetime64("2017-02-10"), 3)  # January was 3.9 °C too cold
    below, above = (simulate_series(**choices, dates=winter, level=level, truth=True) for level in ("L2A", "L1C"))
    blue = below.bands.index("B02")
    white = below.dataset["clean"].values[..., blue] > 0.5
    assert white.mean() > 0.2
    assert np.isnan(below.reflectance[..., blue][white]).mean() > 0.8
    assert np.isfinite(above.reflectance).all()
