"""How much Δt_n depends on how R_t is gathered, which the paper leaves open."""

from typing import Any

import numpy as np
import pandas as pd

from cropxai.explain import explain
from cropxai.model import Model
from cropxai.season.trial import Trial
from cropxai.season.window import AGGREGATES, FloatArray, class_relevance, date_relevance, window

#: The n of Δt_n that are shown: the paper's, and a greater one.
SHOWN = (3, 6)


def sensitivity(trial: Trial, model: Model, choices: dict[str, Any], numbers: tuple[int, ...] = SHOWN) -> pd.DataFrame:
    """Bound Δt_n by R_t gathered in every way, and ask the network what it keeps; nothing is retrained.

    Parameters
    ----------
    trial : relevance is of its parcels to choose by, ``kept`` of those to score
    choices : method, target, reference and level of :func:`cropxai.explain.explain`

    Returns
    -------
    one row a label (true or predicted), aggregate (mean, absolute, positive), weighting (classes alike, or parcels
    alike) and n: start, end, days, kept accuracy, and the points lost to the whole season
    """
    known = trial.series.select(trial.choose)
    truth = np.array(trial.names, dtype=object)[trial.number[trial.choose]]
    full = float(trial.right(model, trial.test).mean())
    rows = []
    for label, labels in (("true", truth), ("predicted", None)):
        relevance = explain(known, model, labels=labels, **choices)
        for aggregate in AGGREGATES:
            by_class = class_relevance(relevance.by_date, relevance.crop, trial.names, aggregate)
            everyone = class_relevance(relevance.by_date, np.full(len(known), "all", object), ["all"], aggregate)
            for weighting, values in (("classes", date_relevance(by_class)), ("parcels", everyone[0])):
                rows += _windows(trial, model, values, full, numbers, {
                    "label": label, "aggregate": aggregate, "weighting": weighting
                })  # fmt: skip
    return pd.DataFrame(rows)


def _windows(
    trial: Trial, model: Model, values: FloatArray, full: float, numbers: tuple[int, ...], about: dict[str, str]
) -> list[dict[str, Any]]:
    rows = []
    for n in numbers:
        found = window(values, trial.series.dates, n)
        kept = float(trial.right(model, trial.test, trial.inside(found)).mean())
        rows.append(
            {**about, "n": n, "start": str(found.start), "end": str(found.end), "days": found.days, "kept": kept,
             "kept_loss_points": 100 * (full - kept)}
        )  # fmt: skip
    return rows
