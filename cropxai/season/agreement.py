"""Windows without labels: the shortest stretch of dates from which the model gives the answer of the whole season.

Where nobody has labelled the parcels, nothing can be retrained or scored; but a model trained for any season can be
shown the dates of a window alone. What it costs is the share of parcels whose answer then differs.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cropxai.explain import Relevance
from cropxai.model import Model
from cropxai.model.inputs import Inputs
from cropxai.model.predict import Classification, logits
from cropxai.reporting import Report, silent
from cropxai.season.window import DateWindow, best, class_relevance, windows
from cropxai.series import CropSeries


@dataclass(frozen=True)
class CropWindow:
    """The window of one crop: its parcels, the share of them that keep their answer, and R_t (time,)."""

    crop: str
    parcels: int
    window: DateWindow
    agreement: float
    relevance: npt.NDArray[np.float64]


def crop_windows(
    series: CropSeries,
    model: Model,
    answers: Classification,
    relevance: Relevance,
    *,
    most: int = 10,
    max_loss: float = 0.75,
    aggregate: str = "positive",
    report: Report = silent,
) -> dict[str, CropWindow]:
    """Find for each predicted crop the earliest-ending window Δt_n that keeps its answers.

    Parameters
    ----------
    answers, relevance : of the same parcels as ``series``
    most : greatest n; if no Δt_n keeps the answers, the window is the whole season
    max_loss : percentage points of a crop's parcels that may change their answer

    Returns
    -------
    by crop, in the order of the model's classes
    """
    dates = series.dates
    by_class = class_relevance(relevance.by_date, relevance.crop, model.names, aggregate)
    whole = DateWindow(dates.min(), dates.max(), ())
    found = {}
    present = [n for n in range(len(model.names)) if (answers.winner == n).any()]
    for done, number in enumerate(present):
        own = np.flatnonzero(answers.winner == number)
        inputs = model.inputs(series.select(own))
        losses = []
        for candidate in _distinct(windows(by_class[number], dates, most)):
            kept = _keeps(model, inputs, candidate.contains(dates), number)
            losses.append((candidate, 100 * (1 - kept)))
        chosen, loss = best(losses, max_loss) or (whole, 0.0)
        found[model.names[number]] = CropWindow(model.names[number], len(own), chosen, 1 - loss / 100, by_class[number])
        report((done + 1) / len(present))
    return found


def _keeps(model: Model, inputs: Inputs, inside: npt.NDArray[np.bool_], number: int) -> float:
    """Return the share of parcels that the dates ``inside`` (time,) alone give the class ``number``."""
    cut = inputs.only(inside)
    same = (logits(model.network, cut).argmax(axis=1) == number) & cut.valid.any(axis=1)
    return float(same.mean())


def _distinct(candidates: list[DateWindow]) -> list[DateWindow]:
    """Drop the windows that bound the same dates as the one before."""
    return [
        w
        for i, w in enumerate(candidates)
        if i == 0 or (w.start, w.end) != (candidates[i - 1].start, candidates[i - 1].end)
    ]
