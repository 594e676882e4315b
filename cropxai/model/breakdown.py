"""Where answers are good and where not: by season end, parcel size, clear dates or region, with bootstrap intervals."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.maps.attributes import hectares
from cropxai.model.checkpoint import Model
from cropxai.model.conformal import draws
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits
from cropxai.model.prefixes import season_end
from cropxai.model.reliability import Reliability, reliability
from cropxai.series import CropSeries

Index = npt.NDArray[np.intp]

#: Draws of the bootstrap, and the share of them in an interval.
BOOTSTRAP, INTERVAL = 1000, 0.95
#: Edges of parcel sizes, hectares.
SIZES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, np.inf)
#: Groups of parcels by their number of clear dates, about equally many in each.
CLEAR_GROUPS = 4


@dataclass(frozen=True)
class EndAnswers:
    """Answers on the season up to a date, of parcels that were seen by then.

    Attributes
    ----------
    date : last day that is seen
    parcel : (row,) number of the parcel
    probabilities : (row, class)
    covered : (row,) bool, whether the conformal set holds the true class; None where the model has no sets
    size : (row,) classes in the set with the most probable one; None likewise
    nominal : coverage that was asked for
    """

    date: np.datetime64
    parcel: Index
    probabilities: npt.NDArray[np.float32]
    covered: npt.NDArray[np.bool_] | None
    size: Index | None
    nominal: float


def season_dates(dates: npt.NDArray[np.datetime64], every: str = "month") -> list[np.datetime64]:
    """Return the last date of each month, or of each third of a month ("dekad"), that has one."""
    day = dates.astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    third = (
        np.minimum((day - month.astype("datetime64[D]")).astype(int) // 10, 2)
        if every == "dekad"
        else 0 * month.astype(int)
    )
    period = month.astype(int) * 3 + third
    return [day[period == p].max() for p in np.unique(period)]


def answers_by_end(
    model: Model, series: CropSeries, target: Index, ends: list[np.datetime64], coverage: float
) -> Iterator[EndAnswers]:
    """Answer for parcels on the season up to each date.

    Parameters
    ----------
    series, target : labelled parcels and their class numbers
    ends : dates; coverage : of the sets
    """
    inputs = model.inputs(series)
    draw = draws(series.parcel_id)
    known = model.card.uncertainty
    for date in ends:
        cut = inputs.at(np.flatnonzero(series.dates <= date))
        rows = np.flatnonzero(cut.valid.any(axis=1))
        seen: Inputs = cut.take(rows)
        end = season_end(seen.valid, seen.day)
        probabilities = model.probabilities(logits(model.network, seen), end)
        covered = size = None
        if known is not None:
            sets = known.sets.sets(probabilities, end, draw[rows], coverage)
            covered = sets[np.arange(len(rows)), target[rows]]
            sets[np.arange(len(rows)), probabilities.argmax(axis=1)] = True
            size = sets.sum(axis=1)
        yield EndAnswers(date, rows, probabilities, covered, size, coverage)


def end_row(answers: EndAnswers, target: Index) -> tuple[dict[str, object], Reliability]:
    """Sum up the answers at a season end: a row of the table, and what the figure of reliability needs."""
    truth = target[answers.parcel]
    said = answers.probabilities.argmax(axis=1)
    found = reliability(answers.probabilities, truth)
    confusion = count_confusion(truth, said, answers.probabilities.shape[1])
    low, high = intervals(confusion[None] if len(truth) else confusion)["accuracy"]
    row: dict[str, object] = {
        "date": str(answers.date),
        "parcels": len(truth),
        "accuracy": float(accuracy(confusion)),
        "accuracy_low": low,
        "accuracy_high": high,
        "macro_f1": float(macro_f1(confusion)),
        "calibration_error": found.error,
        "by_chance": found.by_chance,
        "bias": found.bias,
        "classwise_error": found.classwise,
    }
    if answers.covered is not None and answers.size is not None:
        by_class = [answers.covered[truth == k].mean() for k in np.unique(truth)]
        row |= {
            "nominal": answers.nominal,
            "coverage": float(answers.covered.mean()),
            "coverage_error": float(1.96 * answers.covered.std() / np.sqrt(len(truth))),
            "class_coverage": float(np.mean(by_class)),
            "least_class_coverage": float(np.min(by_class)),
            "set_size": float(answers.size.mean()),
        }
    return row, found


# --- the bootstrap -----------------------------------------------------------------------------------------------


def count_confusion(truth: Index, said: Index, classes: int) -> npt.NDArray[np.int64]:
    """Count parcels by class (row) and answer (column), (class, class)."""
    cells = np.bincount(truth * classes + said, minlength=classes * classes)
    return cells.reshape(classes, classes).astype(np.int64)


def intervals(confusions: npt.NDArray[np.int64], seed: int = 0) -> dict[str, tuple[float, float]]:
    """Return 95 % intervals of accuracy, macro-F1 and kappa by the bootstrap.

    Parameters
    ----------
    confusions : (group, class, class) counts. With one group parcels are drawn anew, each by itself, which is a
        multinomial draw of the cells; with several whole groups are drawn, as parcels of a block are not independent
    """
    rng = np.random.default_rng(seed)
    count, classes, _ = confusions.shape
    if count == 1:
        cells = confusions[0].ravel()
        drawn = rng.multinomial(cells.sum(), cells / cells.sum(), BOOTSTRAP).reshape(-1, classes, classes)
    else:
        weight = rng.multinomial(count, np.full(count, 1 / count), BOOTSTRAP)
        drawn = np.tensordot(weight, confusions, 1)
    tail = 100 * (1 - INTERVAL) / 2
    found = {}
    for name, measure in (("accuracy", accuracy), ("macro_f1", macro_f1), ("kappa", kappa)):
        values = measure(drawn)
        known = values[np.isfinite(values)]  # kappa is not defined where all is one class
        low, high = np.percentile(known, [tail, 100 - tail]) if len(known) else (np.nan, np.nan)
        found[name] = (float(low), float(high))
    return found


def accuracy(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the share of right answers of confusion matrices (…, class, class)."""
    return np.asarray(np.trace(confusion, axis1=-2, axis2=-1) / confusion.sum(axis=(-2, -1)))


def macro_f1(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return the mean F1 over the classes that have parcels."""
    right = np.diagonal(confusion, axis1=-2, axis2=-1)
    there, said = confusion.sum(axis=-1), confusion.sum(axis=-2)
    with np.errstate(invalid="ignore"):
        f1 = np.where(there > 0, 2 * right / (there + said), np.nan)
    return np.asarray(np.nanmean(f1, axis=-1))


def kappa(confusion: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Return Cohen's kappa: agreement beyond that of the same shares at random."""
    total = confusion.sum(axis=(-2, -1))
    by_chance = (confusion.sum(axis=-1) * confusion.sum(axis=-2)).sum(axis=-1) / total**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.asarray((accuracy(confusion) - by_chance) / (1 - by_chance))


# --- parts of the parcels ----------------------------------------------------------------------------------------


def parts(series: CropSeries, clear: Index, columns: tuple[str, ...] = ()) -> dict[str, npt.NDArray[np.object_]]:
    """Name the part that each parcel belongs to, by what it is divided: text (parcel,), empty where not known.

    Parameters
    ----------
    series : with geometry, parcels are divided by size
    clear : (parcel,) numbers of clear dates
    columns : of the series, such as a region

    Raises
    ------
    SeriesUnusable
        If the series lacks a column.
    """
    edges = np.unique(np.quantile(clear, np.linspace(0, 1, CLEAR_GROUPS + 1)).round().astype(int))
    found = {"clear dates": _between(clear, np.append(edges[:-1], edges[-1] + 1), whole=True)}
    if series.parcels is not None and series.parcels.crs is not None:
        found["hectares"] = _between(hectares(series.parcels), np.array(SIZES))
    return found | {column: series.group(column) for column in columns}


def part_table(by: Mapping[str, npt.NDArray[np.object_]], truth: Index, said: Index, classes: int) -> pd.DataFrame:
    """Score each part: ``by``, ``part``, ``parcels``, accuracy with its interval, macro-F1."""
    rows = []
    for name, part_of in by.items():
        for value in _sorted(part_of):
            own = part_of == value
            confusion = count_confusion(truth[own], said[own], classes)
            low, high = intervals(confusion[None])["accuracy"]
            rows.append(
                {"by": name, "part": value, "parcels": int(own.sum()), "accuracy": float(accuracy(confusion)),
                 "accuracy_low": low, "accuracy_high": high, "macro_f1": float(macro_f1(confusion))}
            )  # fmt: skip
    columns = ["by", "part", "parcels", "accuracy", "accuracy_low", "accuracy_high", "macro_f1"]
    return pd.DataFrame(rows, columns=columns)


def _between(
    values: npt.NDArray[np.generic], edges: npt.NDArray[np.generic], whole: bool = False
) -> npt.NDArray[np.object_]:
    """Name the stretch between edges that each value lies in, the upper edge excluded."""
    numbers = np.asarray(values, dtype=np.float64)
    names = []
    for low, high in pairwise(edges):
        if whole:
            names.append(f"{low}" if high == low + 1 else f"{low} to {high - 1}")
        else:
            names.append(f"{low:g} and more" if np.isinf(high) else f"{low:g} to {high:g}")
    place = np.searchsorted(edges, numbers, side="right") - 1
    known = np.isfinite(numbers) & (place >= 0) & (place < len(names))
    return np.array([names[p] if there else "" for p, there in zip(place, known, strict=True)], dtype=object)


def _sorted(part_of: npt.NDArray[np.object_]) -> list[str]:
    def number(text: str) -> tuple[float, str]:
        first = text.partition(" ")[0]
        return (float(first) if first.replace(".", "", 1).isdigit() else np.inf, text)

    return sorted({str(p) for p in part_of} - {""}, key=number)
