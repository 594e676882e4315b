"""Relevance against growth stages: known peaks, brute-force shifts, and no finding where there is none."""

import numpy as np
import pandas as pd
import pytest

from cropxai.crops import Event
from cropxai.season.stages import draw_crop, near_stages, stage_test

DATES = np.arange("2019-01-06", "2019-12-25", 5, dtype="datetime64[D]")
DAY = (DATES - np.datetime64("2019-01-01")).astype(int) + 1
STAGES = {
    "winter wheat": (
        Event(65, "flowering", 150, 155, "here", "made up"),
        Event(89, "maturity", 200, 210, "here", "made up"),
    ),
    "grain maize": (Event(65, "flowering", 200, 205, "here", "made up"),),
    "sunflower": (Event(65, "flowering", 190, 195, "here", "made up"),),
}  # fmt: skip


def peaks_at(*days):
    return sum(np.exp(-(((DAY - d) / 6.0) ** 2)) for d in days)


def test_shares_are_those_of_shifted_calendars():
    rng = np.random.default_rng(0)
    weight = rng.dirichlet(np.ones(len(DAY)))
    found = near_stages(weight, DAY, STAGES["winter wheat"], 10)
    length = DAY.max() - DAY.min() + 1
    for shift in (0, 1, 37, length - 1):
        stage_days = {
            (d - DAY.min() + shift) % length + DAY.min() for a, b in ((140, 165), (190, 220)) for d in range(a, b + 1)
        }
        expected = sum(w for w, d in zip(weight, DAY, strict=True) if d in stage_days)
        assert found[shift] == pytest.approx(expected)


def test_peaks_at_the_stages_are_found():
    relevance = {"winter wheat": peaks_at(152, 205), "grain maize": peaks_at(202), "sunflower": peaks_at(192)}
    found = stage_test(relevance, DATES, calendars=STAGES)
    assert found.near > 0.9 and found.p_value < 0.01
    assert (found.table["p_value"] < 0.15).all()
    wheat = found.table.set_index("crop").loc["winter wheat"]
    assert {wheat["peak1_stage"], wheat["peak2_stage"]} == {"flowering (BBCH 65)", "maturity (BBCH 89)"}
    assert abs(wheat["peak1_days"]) <= 5 and "shifted calendars" in found.text()


def test_random_relevance_is_significant_as_often_as_the_level_says():
    rng = np.random.default_rng(1)
    p = [
        stage_test({c: peaks_at(*rng.uniform(6, 355, 3)) for c in STAGES}, DATES, calendars=STAGES, seed=i).p_value
        for i in range(150)
    ]
    assert np.mean(np.array(p) < 0.1) < 0.2


def test_crops_without_a_calendar_are_left_out():
    assert stage_test({"something": peaks_at(100)}, DATES, calendars=STAGES) is None
    found = stage_test({"something": peaks_at(100), "sunflower": peaks_at(100)}, DATES, calendars=STAGES)
    assert found.table["crop"].tolist() == ["sunflower"]


def test_the_figure_shows_bands_relevance_and_stages():
    curves = pd.DataFrame({"crop": "sunflower", "date": DATES.astype("datetime64[s]"), "relevance": peaks_at(192),
                           "B04": 0.1, "B08": 0.3})  # fmt: skip
    figure = draw_crop(curves, "sunflower", STAGES)
    assert "flowering" in {text.get_text() for text in figure.axes[0].texts}
    assert len(figure.axes[0].lines) == 2 and len(figure.axes[1].patches) == len(DATES)
