"""The figures of the season study: what is told in words and signs is there, and within the axes."""

import io
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from cropxai.season.figure import draw, draw_plane, draw_search
from cropxai.season.stages import draw_crop

DATES = ("2018-03-01", "2018-06-14", "2018-08-28")


def comparison(accuracies):
    """Return what the figure asks of a comparison: two ways, with one setting chosen of each."""
    ways = ["fixed date", "regret (ours)"]
    chosen = {
        name: SimpleNamespace(test=SimpleNamespace(mean_day=100.0 + n, accuracy=accuracy))
        for n, (name, accuracy) in enumerate(zip(ways, accuracies, strict=True))
    }
    curves = pd.DataFrame(
        [{"rival": name, "mean_day": day, "accuracy": a} for name in ways for day, a in ((50, 0.2), (300, 0.95))]
    )
    full = SimpleNamespace(accuracy=0.95)
    return SimpleNamespace(curves=lambda: curves, chosen=lambda: chosen, full=(full, full), max_loss=0.75)


@pytest.mark.parametrize("accuracies", [(0.94, 0.93), (0.94, 0.6)])
def test_every_chosen_setting_is_within_the_axes(accuracies):
    """On few parcels what is chosen by some of them may lose much on the others."""
    axes = draw_plane(comparison(accuracies)).axes[0]
    low, high = axes.get_ylim()
    shown = [line.get_ydata()[0] for line in axes.lines if line.get_marker() == "D"]
    assert shown == [pytest.approx(100 * a) for a in accuracies]
    assert all(low < value < high for value in shown)
    assert low > 20.5  # the settings that are far below stay out


@pytest.mark.parametrize(("chosen", "told"), [(True, "red: the chosen window"), (False, "none is within 0.75 points")])
def test_the_axis_says_which_window_is_chosen(chosen, told):
    table = pd.DataFrame(
        [{"n": n, "start": start, "end": DATES[-1], "accuracy": 0.9, "loss_points": 0.5}
         for n, start in enumerate(DATES[:2])]
    )  # fmt: skip
    window = SimpleNamespace(start=np.datetime64(DATES[1]), end=np.datetime64(DATES[-1]))
    relevance = pd.DataFrame({"all": 0.3, "grain maize": 0.3}, index=list(DATES))
    study = SimpleNamespace(
        relevance=relevance, table=table, chosen=window if chosen else None, settings={"max_loss": 0.75}
    )
    upper, lower = draw(study).axes
    assert told in lower.get_xlabel()
    assert [t.get_text() for t in upper.get_legend().get_texts()] == ["grain maize", "all crops"]
    red = [line for line in lower.lines if line.get_color() == "#b2182b"]
    assert len(red) == chosen


def test_crops_that_look_like_formulae_are_drawn_as_text():
    """Matplotlib would take what stands between two $ for a formula, and end the study on one that is none."""
    crop = "mix $x_{$ and rye"
    table = pd.DataFrame([{"n": 0, "start": DATES[0], "end": DATES[-1], "accuracy": 0.9, "loss_points": 0.0}])
    relevance = pd.DataFrame({"all": 0.3, crop: 0.3}, index=list(DATES))
    study = SimpleNamespace(relevance=relevance, table=table, chosen=None, settings={"max_loss": 0.75})
    days = np.array(DATES, dtype="datetime64[D]")
    found = SimpleNamespace(crop=crop, start=days[0], end=days[-1], dates=tuple(days[:1]))
    curves = pd.DataFrame({"crop": crop, "date": days, "parcels": 3, "relevance": 0.3, "B04": 0.1, "B08": 0.4})
    for figure in (draw(study), draw_search([found], relevance), draw_crop(curves, crop)):
        figure.savefig(io.BytesIO())
