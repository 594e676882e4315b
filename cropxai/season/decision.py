"""From which date a parcel's crop is known: its answer is the final one, sure enough, and stays so.

A model trained for any season answers on the season up to any date. The decision date of a parcel is the first of its
clear dates from which on the answers on all of them equal that of the whole season with at least the asked confidence.
It looks back: on the day itself nobody could know that the answer would stay. The confidence of a date is that of a
season which ends there; on its last clear date a parcel has the answer of the whole season.

Cost: scores change only where a clear date is added, and the search goes backwards from the last date and leaves a
parcel at the first answer that fails. A parcel costs one pass of the network for each clear date after its decision
date and one more, each over the dates up to there; a parcel that is not sure at the end costs nothing.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cropxai.model import Model
from cropxai.model.predict import Classification, logits
from cropxai.model.prefixes import last_clear_day
from cropxai.reporting import Report, silent
from cropxai.series import CropSeries

#: Confidence that a decision asks for, unless told otherwise.
SURE = 0.9
PARCELS_AT_ONCE = 8192


@dataclass(frozen=True)
class Decisions:
    """The decision dates of parcels.

    Attributes
    ----------
    date : (parcel,) datetime64[D], NaT where the crop is never known
    confidence : (parcel,) float32, that of the answer on this date, NaN where there is none
    passes : parcel × date answers that the network was asked for
    """

    date: npt.NDArray[np.datetime64]
    confidence: npt.NDArray[np.float32]
    passes: int


def decide(
    series: CropSeries,
    model: Model,
    answers: Classification,
    *,
    confidence: float = SURE,
    report: Report = silent,
) -> Decisions:
    """Find the decision date of every parcel.

    Parameters
    ----------
    series, model : as of :func:`cropxai.model.classify`
    answers : of the same parcels, on the whole season
    confidence : least probability of the answer, 0 to 1
    """
    date = np.full(len(series), np.datetime64("NaT"), dtype="datetime64[D]")
    sure = np.full(len(series), np.nan, dtype=np.float32)
    passes = start = 0
    for chunk in series.chunks(PARCELS_AT_ONCE):
        stretch = slice(start, start + len(chunk))
        final = answers.winner[stretch]
        probability = _of_class(answers.probabilities[stretch], final)
        found, sure[stretch], asked = _decide_chunk(chunk, model, final, probability, confidence)
        date[stretch] = np.where(found >= 0, series.dates[found], np.datetime64("NaT"))
        passes += asked
        start += len(chunk)
        report(start / len(series))
    return Decisions(date, sure, passes)


def _decide_chunk(
    chunk: CropSeries,
    model: Model,
    final: npt.NDArray[np.intp],
    probability: npt.NDArray[np.float32],
    confidence: float,
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float32], int]:
    """Return, for each parcel of a chunk, the number of its decision date (-1: none), the confidence, and the cost."""
    order = np.argsort(chunk.dates, kind="stable")
    inputs = model.inputs(chunk).at(order)
    valid = inputs.valid
    is_open = (final >= 0) & (probability >= confidence)
    last = valid.shape[1] - 1 - np.argmax(valid[:, ::-1], axis=1)  # each parcel's last clear date
    decided = np.where(is_open, last, -1)
    sure = np.where(is_open, probability, np.nan).astype(np.float32)
    passes = 0
    for end in range(valid.shape[1] - 2, -1, -1):
        # Only those for whom the date after `end` was clear, and an earlier one too, have a new answer here.
        rows = np.flatnonzero(is_open & valid[:, end + 1] & valid[:, : end + 1].any(axis=1))
        if not len(rows):
            continue
        seen = inputs.at(slice(0, end + 1)).take(rows)
        given = model.probabilities(logits(model.network, seen), last_clear_day(seen.valid, seen.day))
        passes += len(rows)
        own = _of_class(given, final[rows])
        holds = (given.argmax(axis=1) == final[rows]) & (own >= confidence)
        is_open[rows[~holds]] = False
        still = rows[holds]
        decided[still] = end - np.argmax(valid[still, end::-1], axis=1)
        sure[still] = own[holds]
    return np.where(decided >= 0, order[decided], -1), sure, passes


def _of_class(probabilities: npt.NDArray[np.float32], number: npt.NDArray[np.intp]) -> npt.NDArray[np.float32]:
    """Return the probability of each parcel's class, NaN where there is none."""
    picked = np.take_along_axis(probabilities, np.maximum(number, 0)[:, None], axis=1)[:, 0]
    return np.where(number >= 0, picked, np.float32(np.nan))
