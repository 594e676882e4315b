import numpy as np
import pytest
from made_up import QUICK, two_crops

from cropxai.model import classify, train
from cropxai.season.ends import season_ends


@pytest.fixture(scope="module")
def trained():
    series = two_crops(120)
    return series, train(series, QUICK)


def test_answers_up_to_each_date_are_those_of_the_series_cut_there(trained):
    series, model = trained
    answers = classify(series, model)
    labels = series.labels
    labels[::3] = ""
    table = season_ends(series, model, answers, labels=labels)
    final = answers.frame["crop"].to_numpy()
    known = labels != ""
    for row in table.itertuples():
        cut = classify(series.between(None, str(row.date.date())), model)
        said = cut.frame["crop"].to_numpy(dtype=object)
        assert row.seen == pytest.approx(cut.answered.mean())
        assert row.agreement == pytest.approx((said == final).mean())
        assert row.accuracy == pytest.approx((said == labels)[known].mean())
    assert table["agreement"].iloc[-1] == 1.0
    assert list(table["date"].to_numpy().astype("datetime64[D]")) == sorted(series.dates)


def test_without_labels_there_is_no_accuracy_and_a_sample_is_enough(trained):
    series, model = trained
    table = season_ends(series, model, classify(series, model), sample=30)
    assert table["accuracy"].isna().all()
    np.testing.assert_allclose(table["agreement"] * 30, np.round(table["agreement"] * 30))
