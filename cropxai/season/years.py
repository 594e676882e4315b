"""From one year to another: a window and thresholds learnt in one year, kept by the calendar or by thermal time.

By the calendar, a date of the other year is taken for the same day of the year that was learnt. By thermal time, it is
taken for the day of that year by which the parcel's region had been as warm: the network, which knows days, is told
that day, and the window ends for each parcel when its season has come as far. No network is trained again. A network of
the home year that was trained on thermal time in place of days may stand beside.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.errors import SeriesUnusable
from cropxai.model import Model
from cropxai.model.inputs import Inputs, thermal_time
from cropxai.model.predict import logits
from cropxai.season.measures import Outcome
from cropxai.season.today import ClassThresholds
from cropxai.series import CropSeries

Array = npt.NDArray[np.float64]
#: Degree days that every day adds by itself, so that days of frost stay apart and winter keeps to the calendar. Of 0,
#: 1, 3, 6, 10 and 20, with the base of :mod:`cropxai.series.thermal`, the one that leaves the stages of simulated crops
#: of Austria 2016, 2017, 2020 and 2022 nearest to those of 2019 (docs/results.md).
PACE = 3.0


def aligned_days(series: CropSeries, home: CropSeries, by: str | None = None) -> npt.NDArray[np.float32]:
    """Return the day of the home year by which it was as warm as on each date, (parcel, time), 0 for 1 January.

    Parameters
    ----------
    series, home : with thermal time, of the other year and of the one that was learnt
    by : column by parcel, such as ``region``, within which parcels of both years are matched; by default, and for
        values that the home year lacks, with the mean of all its parcels
    """
    warm, known = _pace(series), _pace(home)
    order = np.argsort(home.season_day, kind="stable")
    days = home.season_day[order].astype(np.float64)
    own, there = (np.zeros(len(s), dtype=object) if by is None else s.group(by) for s in (series, home))
    found = np.empty(warm.shape, dtype=np.float32)
    for name in set(own.tolist()):
        same = there == name
        curve = known[same if same.any() else slice(None)].mean(axis=0)[order]
        found[own == name] = _day_of(warm[own == name], curve, days)
    return found


def _day_of(warm: Array, curve: Array, days: Array) -> Array:
    """Return the day on which a curve (time,) over ``days`` (time,) reaches some warmth.

    Before its first date the curve goes on as it begins; after its last it is the last day.
    """
    slope = (curve[1] - curve[0]) / (days[1] - days[0]) if len(days) > 1 else 1.0
    earlier = 200.0
    return np.asarray(np.interp(warm, np.append(curve[0] - slope * earlier, curve), np.append(days[0] - earlier, days)))


def _pace(series: CropSeries) -> Array:
    """Return thermal time plus the pace of the calendar, (parcel, time), rising from date to date."""
    return np.asarray(thermal_time(series) + PACE * series.season_day[None], dtype=np.float64)


@dataclass(frozen=True)
class Transfer:
    """A window and thresholds of one year in another.

    Attributes
    ----------
    table : rows home (the scored parcels of the year that was learnt), then of the other year calendar, thermal, and
        what else was asked for: accuracy of the whole season, of the window, of deciding by thresholds, and the mean
        day of these decisions
    """

    table: pd.DataFrame

    def recovery(self, column: str = "window", by: str = "thermal", best: float | None = None) -> float:
        """Return the share of what the calendar loses that another way wins back.

        Parameters
        ----------
        column : whole, window or decided
        by : the row of this way
        best : the accuracy against which the calendar loses; by default that of the home year

        NaN where the calendar loses nothing.
        """
        value = self.table.set_index("by")[column]
        lost = float((value["home"] if best is None else best) - value["calendar"])
        return float(value[by] - value["calendar"]) / lost if lost > 0 else float("nan")


def transfer(
    model: Model,
    rule: ClassThresholds,
    end_day: float,
    home: CropSeries,
    scored: CropSeries,
    other: CropSeries,
    by: str | None = None,
    *,
    thermal_network: tuple[Model, ClassThresholds] | None = None,
    told: Mapping[str, npt.NDArray[np.float32]] | None = None,
) -> Transfer:
    """Apply what was learnt in one year to another.

    Parameters
    ----------
    model : any-season, of days, trained on parcels of ``home``
    rule : thresholds learnt in the home year
    end_day : last day of the window, 0 for 1 January
    home : all parcels of the home year, for its warmth
    scored : those of its parcels that were not trained on
    other : labelled parcels of the other year
    by : of :func:`aligned_days`
    thermal_network : a network of thermal time and its thresholds, of the home year, for the row ``thermal network``
    told : days of the home year, (parcel, time), by the name of a further row

    Raises
    ------
    SeriesUnusable
        If a series has no thermal time, or no label is a class of the model.
    """
    aligned = aligned_days(other, home, by)
    rows = []

    def add(name: str, own: Model, at: ClassThresholds, inputs: Inputs, days: npt.NDArray[np.float32]) -> None:
        truth = _truth(scored if name == "home" else other, own)
        rows.append({"by": name, **_scored(own, at, inputs, days, end_day, truth)})

    for name, series in (("home", scored), ("calendar", other)):
        inputs = model.inputs(series)
        add(name, model, rule, inputs, np.broadcast_to(inputs.day, inputs.valid.shape))
    for name, days in {"thermal": aligned, **(told or {})}.items():
        add(name, model, rule, replace(inputs, warmth=days), days)
    if thermal_network is not None:
        own, at = thermal_network
        add("thermal network", own, at, own.inputs(other), aligned)
    return Transfer(pd.DataFrame(rows))


def _truth(series: CropSeries, model: Model) -> npt.NDArray[np.intp]:
    number = {name: n for n, name in enumerate(model.names)}
    truth = np.array([number.get(name, -1) for name in model.class_of(series.labels.tolist())], dtype=np.intp)
    if not (truth >= 0).any():
        raise SeriesUnusable("no label of the other year is a class of the model; train on both with the same labels")
    return truth


def _scored(
    model: Model,
    rule: ClassThresholds,
    inputs: Inputs,
    days: npt.NDArray[np.float32],
    end_day: float,
    truth: npt.NDArray[np.intp],
) -> dict[str, float]:
    rows = np.flatnonzero((truth >= 0) & inputs.valid.any(axis=1))
    inputs, days, truth = inputs.take(rows), days[rows], truth[rows]
    whole = logits(model.network, inputs).argmax(axis=1)
    window = logits(model.network, inputs.only(days <= end_day)).argmax(axis=1)
    decided = _decided(model, rule, inputs, days, truth)
    return {
        "parcels": float(len(truth)),
        "whole": float((whole == truth).mean()),
        "window": float((window == truth).mean()),
        "decided": decided.accuracy,
        "decided_mean_day": decided.mean_day,
    }


def _decided(
    model: Model, rule: ClassThresholds, inputs: Inputs, days: npt.NDArray[np.float32], truth: npt.NDArray[np.intp]
) -> Outcome:
    """Decide each parcel by the thresholds, date after date; calibrated by the day that the network is told."""
    order = np.argsort(inputs.day, kind="stable")
    inputs, days = inputs.at(order), days[:, order]
    answer = np.full(len(truth), -1, dtype=np.intp)
    when = np.full(len(truth), int(inputs.day[-1]) + 1, dtype=np.int64)
    for t in range(len(order)):
        last = t == len(order) - 1
        rows = np.flatnonzero((answer < 0) & (inputs.valid[:, t] | last))
        if not len(rows):
            continue
        scores = logits(model.network, inputs.take(rows).at(slice(0, t + 1)))
        given = model.probabilities(scores, days[rows, t])
        stands = rule.stands(given[:, None])[:, 0] | last
        answer[rows[stands]] = given[stands].argmax(axis=1)
        when[rows[stands]] = int(inputs.day[t]) + 1
    return Outcome(answer, truth, when)
