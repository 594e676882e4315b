"""Discriminating power by date: which dates tell which classes apart, measured on data whose truth is known.

For every pair of classes and date: how well the date alone tells them (`separability`), on the clean signal and on the
noisy one, and what it adds to all other dates (`all_dates`). Everything is measured on parcels that are held out.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.errors import CropxaiError, PathLike, SeriesUnusable
from cropxai.outputs import replacing
from cropxai.reporting import Report, silent
from cropxai.series.cube import CropSeries
from cropxai.simulate.all_dates import season_logits
from cropxai.simulate.separability import (
    Array,
    Moments,
    auc,
    bits,
    bits_of_many,
    discriminant,
    jeffries_matusita,
)

#: What stands for a class in rows of all classes together.
EVERY = "*"
MEASURES = ("auc", "jm", "bits", "gain", "all_bits")
COLUMNS = (
    *("crop", "rival", "date", "parcels", "seen"),
    *(f"{measure}{of}" for of in ("", "_noisy") for measure in MEASURES),
)
SUFFIXES = (".csv", ".parquet")
#: Cover by cloud from which a date at the top of the atmosphere counts as missing.
CLOUDED = 0.5

Labels = npt.NDArray[np.intp]
Found = dict[str, Array]


class TruthUnreadable(CropxaiError):
    """A table of discriminating power cannot be read."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: {reason}; give a table of discriminating power (.csv or .parquet)")


@dataclass(frozen=True)
class _Signal:
    """One signal of the chosen parcels, with what has been fitted to each fold's training parcels.

    Attributes
    ----------
    values : (parcel, time, band)
    moments : by fold and class, of the parcels outside the fold; last, of all parcels
    season : (parcel, 1 + time, class) logits by all dates, and by all but each, of `all_dates`
    """

    values: Array
    moments: list[list[Moments]]
    season: npt.NDArray[np.float32]

    @classmethod
    def fitted(cls, values: Array, labels: Labels, fold: Labels, dates: npt.NDArray[np.datetime64]) -> "_Signal":
        classes, folds = int(labels.max()) + 1, int(fold.max()) + 1
        moments = [[Moments.of(values[(labels == c) & (fold != f)]) for c in range(classes)] for f in range(folds)]
        moments.append([Moments.of(values[labels == c]) for c in range(classes)])
        season = np.empty((len(values), 1 + len(dates), classes), np.float32)
        for f in range(folds):
            season[fold == f] = season_logits(values[fold != f], labels[fold != f], values[fold == f], dates)
        return cls(values, moments, season)


def discriminating_power(
    clean: npt.ArrayLike,
    noisy: npt.ArrayLike,
    labels: npt.ArrayLike,
    dates: npt.ArrayLike,
    *,
    least: int = 30,
    most: int = 300,
    folds: int = 3,
    seed: int = 0,
    report: Report = silent,
) -> pd.DataFrame:
    """Measure what each date tells of each pair of classes, and of all classes together.

    Parameters
    ----------
    clean : (parcel, time, band) the signal without noise and clouds
    noisy : (parcel, time, band) the signal as it is observed, NaN where a date is missing
    labels : (parcel,) classes; parcels with an empty label are left out
    dates : (time,) in order
    least : classes of fewer parcels are left out
    most : parcels of a class, drawn at random if there are more
    folds : parts of the parcels, each scored by what the others taught

    Returns
    -------
    one row a pair and date, and one with ``*`` for crop and rival: all classes together (``auc`` and ``jm`` the mean of
    the pairs, Hand & Till 2001). Columns, those of the noisy signal with ``_noisy``:

    * ``crop``, ``rival`` (in the order of the alphabet), ``date``, ``parcels`` that were measured, ``seen``: share of
      them that the date is not missing for;
    * ``auc``: the chance that a linear discriminant of the date alone ranks a pair of parcels right, of those seen;
    * ``jm``: the Jeffries-Matusita distance, 0 to 2;
    * ``bits``: what the date alone tells of the class, all classes alike in share: at most 1, for all together
      log2(classes); a missing date tells nothing;
    * ``gain``: what the date adds to all others, in bits: what a discriminant of all dates tells less without it. Near
      zero where other dates tell the same, slightly below where it only adds noise;
    * ``all_bits``: what all dates together tell.

    The discriminants are linear: what only the shape of a distribution tells is not in ``auc``, ``bits`` and ``gain``.

    Raises
    ------
    SeriesUnusable
        If fewer than two classes have enough parcels.
    """
    if folds < 2 or least < 2 * folds or most < least:
        raise ValueError("folds must be at least 2, least at least twice as many, and most no less than least")
    shape = np.shape(clean)
    if np.shape(noisy) != shape or len(shape) != 3 or (np.size(labels), np.size(dates)) != shape[:2]:
        raise ValueError(
            "clean and noisy are parcel × time × band alike, labels and dates one for each parcel and date"
        )
    days = np.asarray(dates).astype("datetime64[D]")
    if (np.diff(days) < np.timedelta64(0)).any():
        raise ValueError("dates are not in order")
    names, chosen, number = _draw(np.asarray(labels, dtype=object), least, most, seed)
    fold = _folds(number, folds, seed)
    signals = [_Signal.fitted(np.asarray(x)[chosen].astype(float), number, fold, days) for x in (clean, noisy)]
    seen = np.asarray(np.isfinite(signals[1].values).all(axis=2))

    rows: list[pd.DataFrame] = []
    pairs = list(combinations(range(len(names)), 2))
    for turn, (one, other) in enumerate(pairs):
        both = (number == one) | (number == other)
        found = [_of_pair(signal, number, fold, one, other) for signal in signals]
        rows.append(_rows(names[one], names[other], days, seen[both], found))
        report((turn + 1) / (len(pairs) + 1), f"{names[one]} and {names[other]}")
    table = pd.concat(rows, ignore_index=True)
    together = [_of_all(signal, number, fold) for signal in signals]
    for of, found_of in zip(("", "_noisy"), together, strict=True):
        for measure in ("auc", "jm"):
            found_of[measure] = table.groupby("date")[measure + of].mean().to_numpy()
    report(1.0)
    first = _rows(EVERY, EVERY, days, seen, together)
    return pd.concat([first, table], ignore_index=True)


def power_of_series(series: CropSeries, *, most: int = 300, seed: int = 0, report: Report = silent) -> pd.DataFrame:
    """Measure a series that was simulated with its truth, by the crop that grows; see `discriminating_power`.

    The noisy signal of a series at the top of the atmosphere is without the dates on which cloud covers half of a
    parcel or more: a linear discriminant cannot know them.

    Raises
    ------
    SeriesUnusable
        If the series lacks the variables ``clean`` and ``cloud``, or has too few parcels.
    """
    missing = {"clean", "cloud"} - set(series.dataset)
    if missing:
        raise SeriesUnusable("the series does not hold its truth; simulate it with --truth")
    noisy = series.reflectance.copy()
    noisy[series.dataset["cloud"].values >= CLOUDED] = np.nan
    labels = series.group("grown") if "grown" in series.dataset else series.labels
    return discriminating_power(
        series.dataset["clean"].values, noisy, labels, series.dates, most=most, seed=seed, report=report
    )


def _draw(labels: npt.NDArray[np.object_], least: int, most: int, seed: int) -> tuple[list[str], Labels, Labels]:
    """Return the names of the classes, the parcels that are measured, and the number of the class of each."""
    random = np.random.default_rng(seed)
    names, chosen = [], []
    for name in sorted({str(label) for label in labels if str(label)}):
        rows = np.flatnonzero(labels == name)
        if len(rows) >= least:
            names.append(name)
            chosen.append(np.sort(random.permutation(rows)[:most]))
    if len(names) < 2:
        raise SeriesUnusable(f"fewer than two classes have {least} parcels, so no dates can tell them apart")
    return names, np.concatenate(chosen), np.repeat(np.arange(len(names)), [len(rows) for rows in chosen])


def _folds(number: Labels, folds: int, seed: int) -> Labels:
    """Deal the parcels of each class to the folds by chance."""
    random = np.random.default_rng([seed, 1])
    fold = np.empty_like(number)
    for crop in np.unique(number):
        own = np.flatnonzero(number == crop)
        fold[random.permutation(own)] = np.arange(len(own)) % folds
    return fold


def _of_pair(signal: _Signal, number: Labels, fold: Labels, one: int, other: int) -> Found:
    """Return the measures of a pair by date."""
    alone: list[tuple[Array, Array]] = []
    for f, moments in enumerate(signal.moments[:-1]):
        weights, offset = discriminant(moments[one], moments[other])
        first, second = (signal.values[(number == c) & (fold == f)] for c in (one, other))
        alone.append(
            (np.einsum("ntb,tb->nt", first, weights) + offset, np.einsum("ntb,tb->nt", second, weights) + offset)
        )
    whole = signal.moments[-1]
    odds = [
        (signal.season[number == c, :, one] - signal.season[number == c, :, other]).astype(float) for c in (one, other)
    ]
    told = bits(*odds)
    return {
        "auc": np.mean([auc(*scores) for scores in alone], axis=0),
        "jm": jeffries_matusita(whole[one], whole[other]),
        "bits": bits(*(np.concatenate([scores[side] for scores in alone]) for side in (0, 1))),
        "gain": told[0] - told[1:],
        "all_bits": np.full(len(told) - 1, told[0]),
    }


def _scores(values: Array, weights: Array, offset: Array) -> Array:
    out: Array = np.einsum("ntb,tb->nt", values, weights) + offset
    return out


def _of_all(signal: _Signal, number: Labels, fold: Labels) -> Found:
    """Return the measures of all classes together by date."""
    dates = range(signal.values.shape[1])
    whole, *rest = (bits_of_many(logits.astype(float), number) for logits in np.moveaxis(signal.season, 1, 0))
    return {
        "bits": np.array([bits_of_many(_logits(signal, fold, date), number) for date in dates]),
        "gain": whole - np.array(rest),
        "all_bits": np.full(len(dates), whole),
    }


def _logits(signal: _Signal, fold: Labels, date: int) -> Array:
    """Return the log shares of all classes by one date, (parcel, class); NaN where it is missing."""
    found = np.full((len(fold), signal.season.shape[2]), np.nan)
    for f, moments in enumerate(signal.moments[:-1]):
        mean = np.stack([of.mean[date] for of in moments])
        covariance = np.mean([of.covariance[date] for of in moments], axis=0)
        if np.isfinite(covariance).all():
            weights = np.linalg.solve(covariance, mean.T)
            found[fold == f] = signal.values[fold == f, date] @ weights - (mean.T * weights).sum(axis=0) / 2
    return found


def _rows(
    crop: str, rival: str, days: npt.NDArray[np.datetime64], seen: npt.NDArray[np.bool_], found: Sequence[Found]
) -> pd.DataFrame:
    measured = {
        f"{measure}{of}": values[measure]
        for of, values in zip(("", "_noisy"), found, strict=True)
        for measure in MEASURES
    }
    about = {"crop": crop, "rival": rival, "date": days.astype("datetime64[s]"), "parcels": len(seen)}
    return pd.DataFrame({**about, "seen": seen.mean(axis=0), **measured}, columns=list(COLUMNS))


def save_power(table: pd.DataFrame, path: PathLike, overwrite: bool = False) -> Path:
    """Write a table of discriminating power, whole or not at all, as its suffix tells: .csv or .parquet.

    Raises
    ------
    OutputExists, OutputUnwritable, TruthUnreadable
    """
    path = Path(path)
    _check_suffix(path)
    with replacing(path, overwrite) as part:
        if path.suffix.lower() == ".csv":
            table.to_csv(part, index=False, float_format="%.5g")
        else:
            table.to_parquet(part, index=False)
    return path


def read_power(path: PathLike) -> pd.DataFrame:
    """Read a table that `save_power` has written.

    Raises
    ------
    TruthUnreadable
    """
    path = Path(path)
    _check_suffix(path)
    try:
        table = pd.read_csv(path) if path.suffix.lower() == ".csv" else pd.read_parquet(path)
    except OSError as error:
        raise TruthUnreadable(path, error.strerror or str(error)) from error
    except ValueError as error:  # of both readers: no columns, no text, no Parquet
        raise TruthUnreadable(path, str(error).splitlines()[0]) from error
    missing = [column for column in COLUMNS if column not in table.columns]
    if missing:
        raise TruthUnreadable(path, f"has no column {missing[0]!r}")
    numbers = {column: pd.to_numeric(table[column], errors="coerce") for column in COLUMNS[3:]}
    for column, found in numbers.items():
        if (found.isna() & table[column].notna()).any():
            raise TruthUnreadable(path, f"column {column!r} holds what is no number")
    try:
        days = pd.to_datetime(table["date"], format="ISO8601").astype("datetime64[s]")
    except ValueError as error:
        raise TruthUnreadable(path, "has dates that are none") from error
    return table.assign(date=days, **numbers)[list(COLUMNS)]


def _check_suffix(path: Path) -> None:
    if path.suffix.lower() not in SUFFIXES:
        raise TruthUnreadable(path, f"ends in {path.suffix!r}")
