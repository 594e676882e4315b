"""Rivals that bring networks of their own: windows that are retrained, and ELECTS."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from cropxai.model import Model
from cropxai.model.inputs import Inputs
from cropxai.reporting import Report, part, silent
from cropxai.season.elects import ElectsSettings, elects_answers, train_elects
from cropxai.season.measures import Outcome
from cropxai.season.rivals import Tried
from cropxai.season.search import TrialAndError
from cropxai.season.trial import Trial
from cropxai.season.window import DateWindow

Dates = npt.NDArray[np.datetime64]


def calendar_windows(dates: Dates) -> list[DateWindow]:
    """Return windows of whole months, as one would choose by custom: from March, April or May to July … October."""
    year = int(dates.max().astype("datetime64[Y]").astype(int)) + 1970
    found = []
    for first, last in ((3, 7), (4, 8), (3, 9), (5, 9), (4, 10)):
        start = np.datetime64(f"{year:04d}-{first:02d}-01", "D")
        end = (np.datetime64(f"{year:04d}-{last:02d}", "M") + 1).astype("datetime64[D]") - 1
        found.append(DateWindow(start, end, ()))
    return [w for w in found if w.contains(dates).any()]


def random_windows(dates: Dates, count: int, seed: int = 0) -> list[DateWindow]:
    """Return windows whose first and last date are drawn at random, (at least two dates)."""
    rng = np.random.default_rng(seed)
    order = np.unique(dates)
    pairs = [np.sort(rng.choice(len(order), 2, replace=False)) for _ in range(count)]
    return [DateWindow(order[a], order[b], ()) for a, b in pairs]


def retrained(
    trial: Trial, rival: str, windows: Iterable[DateWindow], report: Report = silent
) -> tuple[list[Tried], list[Model]]:
    """Train once for each window; every parcel is decided on the window's last date."""
    tried, models = [], []
    chosen = list(windows)
    for done, window in enumerate(chosen):
        inside = trial.inside(window)
        model = trial.train(inside, part(report, done / len(chosen), (done + 1) / len(chosen)))
        choose, test = (
            _outcome(trial, trial.answers(model, rows, inside), rows, window.end) for rows in (trial.choose, trial.test)
        )
        tried.append(Tried(rival, f"{window.start} to {window.end}", choose, test))
        models.append(model)
    return tried, models


def ends_tried(trial: Trial, found: TrialAndError) -> list[Tried]:
    """Return the ends of trial and error as settings of a rival."""
    return [
        Tried(
            "trial and error (retrained)", str(end),
            _outcome(trial, choose, trial.choose, end), _outcome(trial, test, trial.test, end),
        )
        for end, choose, test in zip(found.ends, found.choose_answers, found.test_answers, strict=True)
    ]  # fmt: skip


def elects(
    trial: Trial, alphas: Sequence[float], settings: ElectsSettings | None = None, report: Report = silent
) -> list[Tried]:
    """Train ELECTS once for each weight of accuracy against earliness.

    It learns from the parcels to learn from alone, as the network of all other rivals does.
    """
    settings = settings or ElectsSettings()
    inputs = Inputs.of(trial.series, trial.series.bands)
    day = np.sort(np.round(inputs.day).astype(np.int64)) + 1
    tried = []
    for done, alpha in enumerate(alphas):
        own = replace(settings, alpha=alpha)
        within = part(report, done / len(alphas), (done + 1) / len(alphas))
        network = train_elects(inputs.take(trial.learn), trial.number[trial.learn], len(trial.names), own, within)
        trial.spent["fits"] += 1
        trial.spent["parcels_seen"] += own.steps * min(own.batch_size, len(trial.learn))
        outcomes = []
        for rows in (trial.choose, trial.test):
            answer, stop = elects_answers(network, inputs.take(rows))
            outcomes.append(Outcome(answer, trial.number[rows], day[stop]))
        tried.append(Tried("ELECTS", f"α {alpha:g}", *outcomes))
    return tried


def _outcome(trial: Trial, answer: npt.NDArray[np.intp], rows: npt.NDArray[np.intp], end: np.datetime64) -> Outcome:
    new_year = np.datetime64(f"{trial.series.season_year:04d}-01-01", "D")
    day = int((end - new_year).astype(int)) + 1
    return Outcome(np.asarray(answer), trial.number[rows], np.full(len(rows), day, dtype=np.int64))
