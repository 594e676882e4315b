"""How good a model is on labelled parcels, its own or in cross-validation."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.errors import SeriesUnusable
from cropxai.model.breakdown import (
    EndAnswers,
    answers_by_end,
    count_confusion,
    end_row,
    intervals,
    part_table,
    parts,
    season_dates,
)
from cropxai.model.checkpoint import Model
from cropxai.model.conformal import COVERAGE
from cropxai.model.loop import Target
from cropxai.model.predict import Classification, classify, logits
from cropxai.model.scores import Scores, SideBySide, score
from cropxai.model.settings import Settings
from cropxai.model.splits import folds, hold_back, spatial_blocks
from cropxai.model.train import labelled, train_on
from cropxai.reporting import Report, part, silent
from cropxai.series import CropSeries
from cropxai.series.sampling import spread

#: Most parcels that are asked at every season end.
SAMPLE = 20_000
#: Blocks of neighbours that the bootstrap draws.
BLOCKS = 30


def evaluate(
    series: CropSeries,
    model: Model,
    *,
    by: tuple[str, ...] = (),
    every: str = "month",
    coverage: float = COVERAGE,
    batch_size: int = 512,
    report: Report = silent,
) -> Scores:
    """Score a trained model on a labelled series; labels are matched to classes by name, else by HCAT code.

    Parameters
    ----------
    by : columns of the series whose values are scored apart
    every : "month" or "dekad", the season ends that are scored
    coverage : of the sets of crops

    Raises
    ------
    SeriesUnusable
        If no label of the series is a class of the model, or it lacks a column.
    """
    labels = np.array(model.class_of(series.labels.tolist()))
    known = labels != ""
    if not known.any():
        foreign = ", ".join(sorted(set(series.labels) - {""})[:5])
        raise SeriesUnusable(f"no label of the series ({foreign}) is a class of the model ({', '.join(model.names)})")
    own = series.select(known)
    target: Target = np.array([model.names.index(label) for label in labels[known]], dtype=np.intp)
    for column in by:
        series.group(column)  # an unknown column is told before the work
    answers: Classification = classify(
        own, model, coverage=coverage, batch_size=batch_size, report=part(report, 0, 0.4)
    )
    said = answers.winner
    asked = np.flatnonzero(answers.answered)
    if len(asked) == 0:
        raise SeriesUnusable("no parcel has both a label of the model's classes and an answer; nothing can be scored")
    divided = parts(own, answers.frame["clear_dates"].to_numpy(), by)
    sample = asked[spread(len(asked), SAMPLE)]
    ends = season_dates(series.dates, every)
    by_end = []
    for found in answers_by_end(model, own.select(sample), target[sample], ends, coverage):
        by_end.append(found)
        report(0.4 + 0.6 * len(by_end) / len(ends))
    novelty = answers.frame["novelty"].to_numpy(dtype=float)
    blocks = _blocks(own, model.card.metrics)
    scores = _scores(target, said, model.names, by_end, target[sample], divided, blocks, novelty)
    return replace(scores, foreign=int(((labels == "") & (series.labels != "")).sum()))


def cross_validate(
    series: CropSeries,
    settings: Settings,
    *,
    count: int = 5,
    by: tuple[str, ...] = (),
    every: str = "month",
    coverage: float = COVERAGE,
    report: Report = silent,
) -> Scores:
    """Train on all folds but one and score on that one, for each.

    Parameters
    ----------
    count : number of folds, held back by ``settings.split``; with a column, its values are the folds and the part for
        early stopping is taken from the others in space
    by, every, coverage : of :func:`evaluate`

    Raises
    ------
    SeriesUnusable
    """
    series, names, target = labelled(series, settings.min_parcels)
    said: Target = np.full(len(series), -1, dtype=np.intp)
    clear = np.zeros(len(series), dtype=np.intp)
    novelty = np.full(len(series), np.nan)
    for column in by:
        series.group(column)
    ends = season_dates(series.dates, every)
    rounds = list(folds(series, target, count, settings.split, settings.seed))
    results, by_fold = [], []
    for number, (seen, test) in enumerate(rounds):
        within = part(report, number / len(rounds), (number + 1) / len(rounds))
        model = train_within(series, names, target, seen, replace(settings, seed=settings.seed + number), within)
        tested = series.select(test)
        answers = classify(tested, model, coverage=coverage)
        said[test] = answers.winner
        clear[test] = answers.frame["clear_dates"]
        novelty[test] = answers.frame["novelty"].to_numpy(dtype=float)
        scored = score(np.array(names)[target[test]], np.array(names)[said[test]], names)
        results.append({"accuracy": scored.accuracy, "macro_f1": scored.macro_f1, "parcels": float(len(test))})
        asked = spread(len(test), SAMPLE // len(rounds))
        by_fold.append([
            replace(found, parcel=test[asked][found.parcel])
            for found in answers_by_end(model, tested.select(asked), target[test][asked], ends, coverage)
        ])  # fmt: skip
    by_end = [_joined(found) for found in zip(*by_fold, strict=True)]
    blocks = None if settings.split == "random" else _blocks(series, {})
    scores = _scores(target, said, names, by_end, target, parts(series, clear, by), blocks, novelty)
    return replace(scores, folds=tuple(results))


def both_splits(series: CropSeries, settings: Settings, *, report: Report = silent, **asked: Any) -> SideBySide:
    """Cross-validate with folds in space and with folds at random, side by side.

    Parcels at random have neighbours, of the same weather, among those that the training saw; the truth for another
    place is nearer to what folds in space say.

    Parameters
    ----------
    asked : of :func:`cross_validate`
    """
    found = {}
    for number, split in enumerate(("spatial", "random")):
        within = part(report, number / 2, (number + 1) / 2)
        found[split] = cross_validate(series, replace(settings, split=split), report=within, **asked)
    return SideBySide(found)


def _joined(found: Sequence[EndAnswers]) -> EndAnswers:
    """Put the answers of several folds at one season end together."""
    return EndAnswers(
        found[0].date,
        np.concatenate([f.parcel for f in found]),
        np.concatenate([f.probabilities for f in found]),
        np.concatenate([f.covered for f in found if f.covered is not None]),
        np.concatenate([f.size for f in found if f.size is not None]),
        found[0].nominal,
    )


def _blocks(series: CropSeries, metrics: Mapping[str, object]) -> npt.NDArray[np.intp] | None:
    """Return the blocks of neighbours that the bootstrap draws; None where parcels are drawn by themselves."""
    placed = "lon" in series.dataset.coords and "lat" in series.dataset.coords
    if metrics.get("validation_split") == "random" or not placed:
        return None
    if not np.isfinite([series.dataset["lon"].values, series.dataset["lat"].values]).all():
        return None
    blocks = spatial_blocks(series, BLOCKS, seed=0)
    return blocks if len(np.unique(blocks)) > 1 else None


def _scores(
    target: Target,
    said: Target,
    names: tuple[str, ...],
    by_end: list[EndAnswers],
    target_by_end: Target,
    divided: Mapping[str, npt.NDArray[np.object_]],
    blocks: npt.NDArray[np.intp] | None,
    novelty: npt.NDArray[np.float64],
) -> Scores:
    """Score answers (parcel,), -1 for none, in all and by season end and part."""
    there = said >= 0
    label = np.array(names, dtype=object)
    whole = score(label[target[there]], label[said[there]], names, unanswered=int((~there).sum()))
    group = np.zeros(len(target), dtype=np.intp) if blocks is None else blocks
    confusions = np.stack(
        [
            count_confusion(target[there & (group == g)], said[there & (group == g)], len(names))
            for g in np.unique(group)
        ]
    )
    rows = [end_row(found, target_by_end) for found in by_end if len(found.parcel)]
    told = novelty[np.isfinite(novelty)]
    return replace(
        whole,
        intervals=intervals(confusions),
        drawn="parcels" if blocks is None else f"{len(confusions)} blocks of neighbours",
        unlike=float((told > 1).mean()) if len(told) else None,
        ends=pd.DataFrame([row for row, _ in rows]),
        reliability={str(row["date"]): found for row, found in rows},
        parts=part_table({n: p[there] for n, p in divided.items()}, target[there], said[there], len(names)),
    )


def trained_answers(
    series: CropSeries,
    names: tuple[str, ...],
    target: Target,
    seen: npt.NDArray[np.intp],
    test: npt.NDArray[np.intp],
    settings: Settings,
    report: Report = silent,
) -> Target:
    """Train on the parcels ``seen`` and answer for the parcels ``test``, (test,) class numbers."""
    model = train_within(series, names, target, seen, settings, report)
    answers: Target = logits(model.network, model.inputs(series.select(test))).argmax(axis=1)
    return answers


def train_within(
    series: CropSeries,
    names: tuple[str, ...],
    target: Target,
    seen: npt.NDArray[np.intp],
    settings: Settings,
    report: Report = silent,
) -> Model:
    """Train on some parcels of a series, with the early-stopping part taken from these alone."""
    split = settings.split if settings.split in ("spatial", "random") else "spatial"
    learn, stop = hold_back(series.select(seen), target[seen], settings.validation_share, split, settings.seed)
    return train_on(series, names, target, seen[learn], seen[stop], settings, report=report)
