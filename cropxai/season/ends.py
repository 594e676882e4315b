"""What is known by when: the answers on the season up to each date, against the final ones and the labels."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.model import Model
from cropxai.model.predict import Classification, logits
from cropxai.reporting import Report, silent
from cropxai.series import CropSeries
from cropxai.series.sampling import spread

#: Parcels that are asked on every date: the standard error of a share is 1.1 points at most.
SAMPLE = 2000


def season_ends(
    series: CropSeries,
    model: Model,
    answers: Classification,
    *,
    labels: npt.NDArray[np.object_] | None = None,
    sample: int = SAMPLE,
    report: Report = silent,
) -> pd.DataFrame:
    """Ask an any-season model for its answers on the season up to each date.

    Parameters
    ----------
    series, model, answers : of the same parcels
    labels : (parcel,) the true class in the model's words, empty where unknown
    sample : most parcels to ask, spread evenly over the series

    Returns
    -------
    one row a date, in order: ``date``; ``seen``, share of the parcels with a clear date by then; ``agreement``, share
    whose answer is the final one already; ``accuracy``, share of the labelled ones whose answer is the label (missing
    without labels). A parcel without a clear date has no answer yet, which agrees with nothing.
    """
    asked = np.flatnonzero(answers.answered)
    asked = asked[spread(len(asked), sample)]
    inputs = model.inputs(series.select(asked))
    final = answers.winner[asked]
    meant = None if labels is None else np.asarray(labels, dtype=object)[asked]
    names = np.array(model.names, dtype=object)
    rows = []
    dates = np.sort(series.dates)
    for number, end in enumerate(dates):
        valid = inputs.valid & (series.dates <= end)
        seen = valid.any(axis=1)
        given = np.full(len(asked), -1)
        if seen.any():
            given[seen] = logits(model.network, inputs.only(valid).take(np.flatnonzero(seen))).argmax(axis=1)
        row = {"date": pd.Timestamp(end), "seen": _share(seen), "agreement": _share(given == final), "accuracy": np.nan}
        if meant is not None and (known := meant != "").any():
            row["accuracy"] = _share((given >= 0) & (names[given] == meant), known)
        rows.append(row)
        report((number + 1) / len(dates))
    return pd.DataFrame(rows, columns=["date", "seen", "agreement", "accuracy"])


def _share(yes: npt.NDArray[np.bool_], among: npt.NDArray[np.bool_] | None = None) -> float:
    chosen = yes if among is None else yes[among]
    return float(chosen.mean()) if len(chosen) else float("nan")
