"""In season: which parcels can be decided today, and what the others wait for.

A parcel is decided on the first day on which the calibrated confidence of its answer reaches the threshold of that
crop. The thresholds are learnt on parcels of known crop that the model was not trained on: those of the earliest mean
date whose accuracy is within an accepted loss of the whole season's. They look at no later date, so that the same
rule holds in the field in June and on a map of last year. The model carries them on its card (``metrics``, entry
``on_the_day``).
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.crops import stage_on
from cropxai.errors import ModelUnreadable, SeriesUnusable
from cropxai.model import Model
from cropxai.reporting import Report, silent
from cropxai.season.prefix import PrefixAnswers, prefix_answers
from cropxai.season.stopping import Position, Target, first_true
from cropxai.series import CropSeries
from cropxai.series.cube import LONGEST_SEASON

ENTRY = "on_the_day"
#: Thresholds that are tried for each crop; above one a crop waits for the last date.
GRID = (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.93, 0.95, 0.97, 0.98, 0.99, 1.01)
#: Prices of the whole season in points of accuracy that are tried.
PRICES = (0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5)
ROUNDS = 2


@dataclass(frozen=True)
class ClassThresholds:
    """A threshold on the confidence for each crop that the answer may be, (class,)."""

    thresholds: tuple[float, ...]

    def stands(self, probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.bool_]:
        """Say at which prefixes an answer is confident enough, (parcel, prefix)."""
        needed = np.asarray(self.thresholds)[probabilities.argmax(axis=2)]
        return np.asarray(probabilities.max(axis=2) >= needed)

    def stop(self, probabilities: npt.NDArray[np.floating]) -> Position:
        """Return the position of the prefix at which each parcel is decided, the last where none is."""
        return first_true(self.stands(probabilities))

    @classmethod
    def fit(
        cls, probabilities: npt.NDArray[np.floating], truth: Target, delay: npt.ArrayLike, price: float
    ) -> "ClassThresholds":
        """Find the thresholds of least error plus ``price`` × delay, one crop after the other.

        Parameters
        ----------
        probabilities, truth : (parcel, prefix, class) and (parcel,)
        delay : (prefix,) 0 to 1, share of the season that has passed
        price : of the whole season, in shares of accuracy
        """
        when = np.asarray(delay, dtype=np.float64)
        sure, winner = probabilities.max(axis=2), probabilities.argmax(axis=2)
        right = winner == truth[:, None]
        rows = np.arange(len(truth))

        def cost(thresholds: npt.NDArray[np.float64]) -> float:
            stop = first_true(sure >= thresholds[winner])
            return float(price * when[stop].mean() + 1 - right[rows, stop].mean())

        classes = probabilities.shape[2]
        best = min((np.full(classes, g) for g in GRID), key=cost)
        for _ in range(ROUNDS):
            for number in np.unique(winner):
                tried = [np.where(np.arange(classes) == number, g, best) for g in GRID]
                best = min(tried, key=cost)
        return cls(tuple(float(g) for g in best))

    @classmethod
    def for_loss(
        cls, probabilities: npt.NDArray[np.floating], truth: Target, delay: npt.ArrayLike, max_loss: float = 0.75
    ) -> "ClassThresholds":
        """Find the thresholds of the earliest mean date that lose at most ``max_loss`` points; else the latest."""
        when = np.asarray(delay, dtype=np.float64)
        rows = np.arange(len(truth))
        right = probabilities.argmax(axis=2) == truth[:, None]
        found = [cls.fit(probabilities, truth, when, price) for price in PRICES]
        stops = [rule.stop(probabilities) for rule in found]
        losses = [100 * float(right[:, -1].mean() - right[rows, stop].mean()) for stop in stops]
        within = [n for n, loss in enumerate(losses) if loss <= max_loss]
        if not within:
            return cls((1.01,) * probabilities.shape[2])
        return found[min(within, key=lambda n: float(when[stops[n]].mean()))]


def learn_on_the_day(model: Model, answers: PrefixAnswers, truth: Target, max_loss: float = 0.75) -> Model:
    """Return the model with the thresholds, and each crop's usual day of decision, on its card.

    Parameters
    ----------
    answers, truth : of parcels that the model was not trained on
    max_loss : percentage points that deciding early may cost
    """
    first, last = int(answers.day[0]), int(answers.day[-1])
    delay = (answers.day - first) / max(last - first, 1)
    rule = ClassThresholds.for_loss(answers.probabilities, truth, delay, max_loss)
    stop = rule.stop(answers.probabilities)
    answer = answers.winner[np.arange(len(truth)), stop]
    day = answers.day[stop]
    usual = {
        name: int(np.median(day[answer == number])) if (answer == number).any() else None
        for number, name in enumerate(model.names)
    }
    entry = {
        "max_loss": max_loss,
        "confidence": dict(zip(model.names, rule.thresholds, strict=True)),
        "usual_day": usual,
        "mean_day": round(float(day.mean()), 1),
        "accuracy": round(float((answer == truth).mean()), 4),
        "accuracy_whole_season": round(float((answers.winner[:, -1] == truth).mean()), 4),
        "parcels": len(truth),
    }
    return replace(model, card=replace(model.card, metrics={**model.card.metrics, ENTRY: entry}))


def thresholds_of(model: Model) -> tuple[ClassThresholds, dict[str, int | None]]:
    """Return the thresholds on the card of a model and each crop's usual day of decision.

    Raises
    ------
    ModelUnreadable
        If the model has none.
    """
    entry: dict[str, Any] = model.card.metrics.get(ENTRY, {})
    try:
        rule = ClassThresholds(tuple(float(entry["confidence"][name]) for name in model.names))
        usual = {name: entry["usual_day"][name] for name in model.names}
    except (KeyError, TypeError, ValueError) as error:
        raise ModelUnreadable(
            model.card.name, "its card has no thresholds to decide by on the day; 'cropxai season' learns them"
        ) from error
    return rule, usual


@dataclass(frozen=True)
class Today:
    """What can be said on a day.

    Attributes
    ----------
    date : the last date that was looked at
    parcels : one row a parcel: parcel_id, decided, crop (once decided, the crop that was), decision_date, confidence on
        that date or today, second_crop, waits_until (usual date of decision of the leading crop; missing if decided),
        waits_for (growth stage of the leading crop then, or its text is empty)
    waiting : one row a crop that undecided parcels may be: parcels, confidence (mean), waits_until, waits_for
    """

    date: np.datetime64
    parcels: pd.DataFrame
    waiting: pd.DataFrame

    def text(self) -> str:
        """Say in a few lines what can be decided."""
        decided = int(self.parcels["decided"].sum())
        lines = [f"{self.date}: {decided} of {len(self.parcels)} parcels can be decided"]
        counts = self.parcels.loc[self.parcels["decided"], "crop"].value_counts()
        lines += [f"  {crop}: {count} decided" for crop, count in counts.items()]
        for row in self.waiting.to_dict("records"):
            day = row["waits_until"]
            until = "" if pd.isna(day) else f", usually until {day.day} {day:%B}"
            stage = f": {row['waits_for']}" if row["waits_for"] else ""
            lines.append(f"  {row['crop']}: {row['parcels']} wait, {100 * row['confidence']:.0f} % sure{until}{stage}")
        return "\n".join(lines)


def decide_today(series: CropSeries, model: Model, today: object = None, report: Report = silent) -> Today:
    """Say which parcels can be decided on a day, from the dates up to it.

    Parameters
    ----------
    series : of the running season
    model : with thresholds on its card (:func:`learn_on_the_day`)
    today : last date to look at; by default the last of the series

    Raises
    ------
    ModelUnreadable
    SeriesUnusable
        If no date of the series lies before today, or today is of a later season.
    """
    rule, usual = thresholds_of(model)
    if today is not None:
        first, last = series.dates.min(), series.dates.max()
        if np.datetime64(str(today), "D") >= first + LONGEST_SEASON:
            raise SeriesUnusable(
                f"{today} lies in a later season than that of the series, {first} to {last}; give a day of that "
                "season, or bring the series up to date with 'cropxai ingest --update'"
            )
        series = series.between(end=today)
    answers = prefix_answers(series, model, report=report)
    clear = model.inputs(series).valid[:, np.argsort(series.dates, kind="stable")]
    seen = np.logical_or.accumulate(clear, axis=1)
    stands = rule.stands(answers.probabilities) & seen
    decided = np.asarray(stands.any(axis=1), dtype=bool)
    at = np.where(decided, stands.argmax(axis=1), stands.shape[1] - 1)
    there = answers.probabilities[np.arange(len(series)), at]
    ranked = np.argsort(-there, axis=1, kind="stable")
    names = np.array(model.names, dtype=object)
    answered = np.asarray(seen[:, -1], dtype=bool)
    waits = np.asarray(~decided & answered, dtype=bool)
    new_year = pd.Timestamp(year=series.season_year, month=1, day=1)
    until = [_date(new_year, usual[name]) for name in names[ranked[:, 0]]]
    frame = pd.DataFrame(
        {
            "parcel_id": series.parcel_id,
            "decided": decided,
            "crop": pd.Series(names[ranked[:, 0]], dtype=object).where(answered, None),
            "decision_date": pd.Series(answers.dates[at].astype("datetime64[s]")).where(decided),
            "confidence": pd.Series(there.max(axis=1)).where(answered),
            "second_crop": pd.Series(names[ranked[:, min(1, len(names) - 1)]], dtype=object).where(answered, None),
            "waits_until": pd.Series(until).where(waits),
        }
    )
    frame["waits_for"] = [
        "" if pd.isna(day) else stage_on(crop, day.date()) or ""
        for crop, day in zip(frame["crop"], frame["waits_until"], strict=True)
    ]
    return Today(answers.dates[-1], frame, _waiting(frame))


def _waiting(frame: pd.DataFrame) -> pd.DataFrame:
    open_ = frame[~frame["decided"] & frame["crop"].notna()]
    rows = [
        {"crop": crop, "parcels": len(own), "confidence": float(own["confidence"].mean()),
         "waits_until": own["waits_until"].iloc[0], "waits_for": own["waits_for"].iloc[0]}
        for crop, own in open_.groupby("crop", sort=True)
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=["crop", "parcels", "confidence", "waits_until", "waits_for"])
    return table.sort_values("parcels", ascending=False, kind="stable").reset_index(drop=True)


def _date(new_year: pd.Timestamp, day: int | None) -> Any:
    return pd.NaT if day is None else new_year + pd.Timedelta(days=day - 1)
