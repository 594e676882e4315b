"""What an any-season model answers on the season up to each date: the tensor on which every stopping rule works."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cropxai.model import Model
from cropxai.model.predict import logits
from cropxai.model.prefixes import season_end
from cropxai.reporting import Report, silent
from cropxai.series import CropSeries

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class PrefixAnswers:
    """The answers on the season up to each date.

    Attributes
    ----------
    probabilities : (parcel, prefix, class) float32; before a parcel's first clear date, the prior
    dates : (prefix,) datetime64[D], the last date of each prefix, in order
    day : (prefix,) int, their days of the year, 1 for 1 January of the season's year
    """

    probabilities: FloatArray
    dates: npt.NDArray[np.datetime64]
    day: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.probabilities)

    @property
    def winner(self) -> npt.NDArray[np.intp]:
        """The number of the most probable class, (parcel, prefix)."""
        return np.asarray(self.probabilities.argmax(axis=2))

    def take(self, index: npt.ArrayLike) -> "PrefixAnswers":
        """Take some parcels."""
        return PrefixAnswers(self.probabilities[np.asarray(index)], self.dates, self.day)


def prefix_answers(
    series: CropSeries,
    model: Model,
    *,
    prior: npt.ArrayLike | None = None,
    inside: npt.ArrayLike | None = None,
    report: Report = silent,
) -> PrefixAnswers:
    """Ask an any-season model for its probabilities on the season up to each date.

    Parameters
    ----------
    series, model : as of :func:`cropxai.model.classify`
    prior : (class,) probabilities of a parcel that has not been seen yet; by default all alike
    inside : (time,) bool, the dates that may be looked at; by default all

    Cost: scores change only where a clear date is added, so each parcel takes one pass for each of its clear dates,
    over the dates up to there; what they are worth goes on with the season.
    """
    model.check(series)
    order = np.argsort(series.dates, kind="stable")
    looked = np.ones(len(order), dtype=bool) if inside is None else np.asarray(inside, dtype=bool)[order]
    inputs = model.inputs(series).at(order).only(looked)
    valid = inputs.valid
    classes = len(model.names)
    start = np.full(classes, 1 / classes) if prior is None else np.asarray(prior, dtype=np.float64)
    given = np.empty((len(series), len(order), classes), np.float32)
    scores = np.zeros((len(series), classes), np.float32)
    for end in range(len(order)):
        if len(rows := np.flatnonzero(valid[:, end])):
            past = np.flatnonzero(valid[rows, : end + 1].any(axis=0))
            scores[rows] = logits(model.network, inputs.take(rows).at(past))
        allowed = np.flatnonzero(looked[: end + 1])
        ends = season_end(valid[:, allowed], inputs.day[allowed])
        known = np.isfinite(ends)
        given[:, end] = start
        given[known, end] = model.probabilities(scores[known], ends[known])
        report((end + 1) / len(order))
    return PrefixAnswers(given, series.dates[order], np.round(inputs.day).astype(np.int64) + 1)
