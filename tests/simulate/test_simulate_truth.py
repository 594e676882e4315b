"""The table of discriminating power on classes whose separability is known."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from cropxai.errors import OutputExists, SeriesUnusable
from cropxai.simulate.truth import COLUMNS, EVERY, TruthUnreadable, discriminating_power, read_power, save_power

NOISE = 0.02
DATES = np.datetime64("2019-03-01") + 10 * np.arange(6)
ALONE, TWICE, AGAIN, WEAK, SILENT, OTHER = range(6)


def normal_bits(apart: float) -> float:
    return 1 - quad(lambda x: norm.pdf(x, apart / 2) * np.log2(1 + np.exp(-apart * x)), -12, 12)[0]


def fields(count: int = 5000, seed: int = 0):
    """Barley and wheat differ on one date by 1.2 standard deviations of a band, on another, seen twice, by 1.5, on a
    third by 0.4; maize differs from both on the last. The noisy signal has noise as large as the spread of the fields.
    """
    random = np.random.default_rng(seed)
    labels = np.repeat(["barley", "maize", "wheat"], count)
    clean = 0.3 + random.normal(0, NOISE, (3 * count, 6, 4))
    wheat, maize = labels == "wheat", labels == "maize"
    clean[wheat, ALONE, 1] += 1.2 * NOISE
    clean[wheat, TWICE, 2] += 1.5 * NOISE
    clean[wheat, WEAK, 0] += 0.4 * NOISE
    clean[:, AGAIN] = clean[:, TWICE]
    clean[maize, OTHER, 3] += 2 * NOISE
    noisy = clean + random.normal(0, NOISE, clean.shape)
    noisy[:, AGAIN] = noisy[:, TWICE]
    noisy[random.random((3 * count, 6)) < 0.25] = np.nan
    return clean, noisy, labels


@pytest.fixture(scope="module")
def table():
    return discriminating_power(*fields(), DATES, most=5000)


def pair(table, crop="barley", rival="wheat"):
    return table[(table["crop"] == crop) & (table["rival"] == rival)].reset_index(drop=True)


def test_one_row_a_pair_and_date_and_one_for_all(table):
    assert list(table.columns) == list(COLUMNS)
    pairs = table[["crop", "rival"]].drop_duplicates().to_numpy().tolist()
    assert pairs == [[EVERY, EVERY], ["barley", "maize"], ["barley", "wheat"], ["maize", "wheat"]]
    assert (table.groupby(["crop", "rival"])["date"].apply(list).map(lambda d: d == list(pd.to_datetime(DATES)))).all()
    assert np.isfinite(table.drop(columns=["crop", "rival", "date"])).all(axis=None)
    np.testing.assert_allclose(table["seen"], 0.75, atol=0.03)


def test_a_date_alone_is_as_good_as_normal_classes_are(table):
    found = pair(table)
    apart = np.array([1.2, 1.5, 1.5, 0.4, 0, 0])
    np.testing.assert_allclose(found["auc"], norm.cdf(apart / np.sqrt(2)), atol=0.03)
    np.testing.assert_allclose(found["jm"], 2 * (1 - np.exp(-(apart**2) / 8)), atol=0.03)
    np.testing.assert_allclose(found["bits"], [normal_bits(d) for d in apart], atol=0.025)


def test_noise_takes_its_share_and_so_do_missing_dates(table):
    found = pair(table)
    apart = np.array([1.2, 1.5, 1.5, 0.4, 0, 0]) / np.sqrt(2)
    np.testing.assert_allclose(found["auc_noisy"], norm.cdf(apart / np.sqrt(2)), atol=0.035)
    np.testing.assert_allclose(found["jm_noisy"], 2 * (1 - np.exp(-(apart**2) / 8)), atol=0.03)
    np.testing.assert_allclose(found["bits_noisy"], [0.75 * normal_bits(d) for d in apart], atol=0.025)


def test_what_other_dates_tell_too_adds_nothing(table):
    found = pair(table)
    everything = np.sqrt(1.2**2 + 1.5**2 + 0.4**2)
    assert found["all_bits"][0] == pytest.approx(normal_bits(everything), abs=0.03)
    assert found["gain"][ALONE] == pytest.approx(normal_bits(everything) - normal_bits(np.hypot(1.5, 0.4)), abs=0.025)
    np.testing.assert_allclose(found["gain"][[TWICE, AGAIN]], 0, atol=0.01)
    np.testing.assert_allclose(found["gain"][[SILENT, OTHER]], 0, atol=0.01)
    assert found["gain_noisy"].idxmax() == ALONE


def test_seen_twice_with_gaps_each_look_adds_what_the_other_missed(table):
    found = pair(table)
    assert 0.01 < found["gain_noisy"][TWICE] < 0.6 * found["bits_noisy"][TWICE]
    np.testing.assert_allclose(found["gain_noisy"][[SILENT, OTHER]], 0, atol=0.012)


def test_each_pair_has_its_own_dates(table):
    assert pair(table, "barley", "maize")["bits"].idxmax() == OTHER
    assert pair(table)["bits"][OTHER] < 0.01


def test_all_classes_together(table):
    found = pair(table, EVERY, EVERY)
    pairs = table[table["crop"] != EVERY].groupby("date")
    np.testing.assert_allclose(found["auc"], pairs["auc"].mean())
    np.testing.assert_allclose(found["jm_noisy"], pairs["jm_noisy"].mean())
    assert (found["bits"] <= np.log2(3)).all()
    # The last date tells maize from the two others: what a value tells of 1 class in 3, by integration.
    density = lambda x: (norm.pdf(x, 2), norm.pdf(x))  # noqa: E731
    mixed = lambda x: (density(x)[0] + 2 * density(x)[1]) / 3  # noqa: E731
    expected = quad(lambda x: sum(w * d * np.log2(d / mixed(x)) for w, d in zip((1, 2), density(x), strict=True)) / 3,
                    -8, 10)[0]  # fmt: skip
    assert found["bits"][OTHER] == pytest.approx(expected, abs=0.03)
    assert found["gain"][[TWICE, AGAIN, SILENT]].abs().max() < 0.01
    assert found["gain"][OTHER] > found["gain"][ALONE] > 0.03


def test_few_parcels_are_left_out_many_are_drawn_and_the_seed_decides():
    clean, noisy, labels = fields(60)
    labels = labels.astype(object)
    labels[60:100] = ""  # of 60 parcels of maize 20 are left
    one = discriminating_power(clean, noisy, labels, DATES, most=40)
    assert sorted(set(one["crop"])) == [EVERY, "barley"]
    assert one["parcels"].tolist() == [80] * 12
    pd.testing.assert_frame_equal(one, discriminating_power(clean, noisy, labels, DATES, most=40))
    other = discriminating_power(clean, noisy, labels, DATES, most=40, seed=1)
    assert not np.allclose(one["auc"], other["auc"])
    with pytest.raises(SeriesUnusable, match="two classes have 61 parcels"):
        discriminating_power(clean, noisy, labels, DATES, least=61)
    with pytest.raises(ValueError, match="least"):
        discriminating_power(clean, noisy, labels, DATES, least=200, most=100)
    with pytest.raises(ValueError, match="one for each parcel and date"):
        discriminating_power(clean, noisy, labels, DATES[:-1])


def test_a_date_that_nobody_has_tells_nothing():
    clean, noisy, labels = fields(80)
    noisy[:, TWICE] = np.nan
    found = pair(discriminating_power(clean, noisy, labels, DATES))
    assert found["seen"][TWICE] == 0
    assert found["bits_noisy"][TWICE] == 0
    assert found["gain_noisy"][TWICE] == pytest.approx(0, abs=1e-9)
    assert np.isnan(found[["auc_noisy", "jm_noisy"]].loc[TWICE]).all()


def test_signals_without_any_spread_are_told_apart_or_not():
    """Twins share every value on dates that do not differ."""
    random = np.random.default_rng(1)
    half = random.normal(0.3, 0.02, (60, 3, 2))
    half[:, 2] = 0.25
    both = np.concatenate([half, half])
    both[60:, 1, 0] += 0.2
    found = pair(discriminating_power(both, both, np.repeat(["a", "b"], 60), DATES[:3]), "a", "b")
    assert found["auc"][1:].tolist() == [1, 0.5]
    np.testing.assert_allclose(found["bits"], [0, 1, 0], atol=0.06)
    np.testing.assert_allclose(found["jm"], [0, 2, 0], atol=0.06)


@pytest.mark.parametrize("name", ["power.csv", "power.parquet"])
def test_it_is_kept_in_a_file(table, tmp_path, name):
    path = save_power(table, tmp_path / name)
    pd.testing.assert_frame_equal(read_power(path), table, check_dtype=False, rtol=1e-3, atol=1e-9)
    with pytest.raises(OutputExists):
        save_power(table, path)


def test_files_that_are_none(table, tmp_path):
    with pytest.raises(TruthUnreadable, match="ends in '.xlsx'; give a table"):
        save_power(table, tmp_path / "power.xlsx")
    for name, content, said in (
        ("none.csv", None, "No such file"),
        ("empty.csv", b"", "No columns"),
        ("other.csv", b"a,b\n1,2\n", "has no column 'crop'"),
        ("binary.csv", b"\xff\xfe\x00\x81", "."),
        ("text.parquet", b"no parquet", "."),
        (
            "words.csv",
            table.astype({"seen": object}).replace({"seen": {table["seen"][0]: "much"}}).to_csv(index=False).encode(),
            "column 'seen' holds what is no number",
        ),
        ("dates.csv", table.assign(date="spring").to_csv(index=False).encode(), "dates that are none"),
    ):
        if content is not None:
            (tmp_path / name).write_bytes(content)
        with pytest.raises(TruthUnreadable, match=said) as refusal:
            read_power(tmp_path / name)
        assert "\n" not in str(refusal.value)
