"""The main job: from parcels and scenes to an explained crop map, the stages called in order."""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cropxai.errors import BandsSpared, NoLabels, PathLike
from cropxai.explain import explain_to
from cropxai.ingest import extract_series
from cropxai.ingest.scenes import Scene
from cropxai.mapping import map_contents
from cropxai.maps import write_map
from cropxai.maps.wording import reasons
from cropxai.model import Classification, Model, classify, load_model
from cropxai.model.checkpoint import locate
from cropxai.model.conformal import COVERAGE
from cropxai.model.predict import UNLIKE
from cropxai.outputs import check_absent, replacing
from cropxai.reporting import Report, part, silent
from cropxai.season.agreement import CropWindow, crop_windows
from cropxai.season.decision import SURE, Decisions, decide
from cropxai.season.ends import season_ends
from cropxai.season.today import ENTRY, decide_today
from cropxai.series import CropSeries
from cropxai.workplace import Workplace

#: Share of the run's time by stage, for progress: reading pixels is most of it.
INGEST, CLASSIFY, EXPLAIN, SEASON, DECIDE, ENDS, WRITE = (
    (0, 0.7),
    (0.7, 0.74),
    (0.74, 0.84),
    (0.84, 0.88),
    (0.88, 0.91),
    (0.91, 0.93),
    (0.93, 1.0),
)


@dataclass(frozen=True)
class CropMap:
    """What a run of the main job made: the file, the answers, the window of each crop, the date of each parcel."""

    path: Path
    answers: Classification
    windows: dict[str, CropWindow]
    decisions: Decisions

    @property
    def unanswered(self) -> dict[str, int]:
        """How many parcels have no answer, by the reason, the most frequent first."""
        counts = reasons(self.answers.frame.loc[~self.answers.answered, "status"])
        return {str(reason): int(n) for reason, n in counts.items()}

    def text(self) -> str:
        """Say in a few lines what is on the map."""
        frame = self.answers.frame
        lines = [f"{self.path}: {len(frame)} parcels, {int(self.answers.answered.sum())} classified"]
        for name, found in self.windows.items():
            noun = "parcel" if found.parcels == 1 else "parcels"
            start, end = found.window.start, found.window.end
            dates = f"{start} suffices" if start == end else f"{start} to {end} suffice"
            lines.append(f"  {name}: {found.parcels} {noun}; {dates} ({100 * found.agreement:.0f} % keep their answer)")
        known = int((~np.isnat(self.decisions.date)).sum())
        if known:
            lines.append(f"  surely known: {known} of them, half of these from {self._median_decision()} on")
        if unlike := int((frame["status"] == UNLIKE).sum()):
            lines.append(f"  {UNLIKE}, so not to be trusted: {unlike} of them")
        lines += [f"  without an answer: {count} × {reason}" for reason, count in self.unanswered.items()]
        return "\n".join(lines)

    def _median_decision(self) -> str:
        dates = np.sort(self.decisions.date[~np.isnat(self.decisions.date)])
        return str(dates[(len(dates) - 1) // 2])


def crop_map(
    parcels: PathLike,
    scenes: PathLike | Sequence[PathLike],
    output: PathLike,
    *,
    model: PathLike = "default",
    label_field: str | None = None,
    start: Any = None,
    end: Any = None,
    reading: Mapping[str, Any] | None = None,
    method: str = "cp-lrp",
    target: str = "margin",
    reference: str = "rival",
    top: int = 10,
    max_loss: float = 0.75,
    aggregate: str = "positive",
    decided_at: float = SURE,
    coverage: float = COVERAGE,
    reflectance: bool = True,
    command: Sequence[str] = (),
    overwrite: bool = False,
    report: Report = silent,
) -> CropMap:
    """Ingest, classify, explain, find windows and decision dates, and write the map.

    Parameters
    ----------
    parcels, scenes : as of :func:`cropxai.ingest.extract_series`
    output : map to write; its suffix names the format (:func:`cropxai.maps.write_map`)
    model : name of a shipped model ("default": that of the scenes' level) or folder of a trained one
    label_field : attribute with the declared crop, which the map then shows beside the answer; if it names none, the
        map is made without, and a warning says so
    start, end : dates to keep; needed where the scenes span more than a year
    reading : further arguments of :func:`cropxai.ingest.extract_series`
    method, target, reference : of the relevance (:func:`cropxai.explain.explain`)
    top, max_loss, aggregate : of the windows (:func:`cropxai.season.agreement.crop_windows`)
    coverage : share of parcels whose set of crops shall hold the true one (:func:`cropxai.model.classify`)
    decided_at : confidence from which a crop counts as known (:func:`cropxai.season.decision.decide`)
    reflectance : whether the map holds the reflectance of every parcel and date
    command : words of the command, which the map records

    Raises
    ------
    OutputBusy
        If another run is at work on the same output.
    CropxaiError
        Another of its kinds, if an input cannot be used. The parts read so far are kept beside ``output``, so that a
        second run goes on where the first stopped.
    """
    output = check_absent(output, overwrite)
    locate(model)  # a name that is none is refused before the scenes are looked for
    reading = dict(reading or {})
    with Workplace(output) as place:
        series = extract_series(
            parcels, scenes, label_field=label_field, start=start, end=end, workdir=place.folder,
            accept=partial(_bands_of, model), report=part(report, *INGEST), **reading,
        )  # fmt: skip
        if label_field is not None and not series.labelled:
            warnings.warn(NoLabels(parcels, label_field), stacklevel=2)
        trained = load_model(model, series.level)
        answers = classify(series, trained, coverage=coverage, report=part(report, *CLASSIFY))
        relevance = explain_to(
            place.folder / "relevance.zarr", series, trained, overwrite=True, method=method, target=target,
            reference=reference, report=part(report, *EXPLAIN),
        )  # fmt: skip
        found = crop_windows(
            series, trained, answers, relevance, most=top, max_loss=max_loss, aggregate=aggregate,
            report=part(report, *SEASON),
        )  # fmt: skip
        decisions = decide(series, trained, answers, confidence=decided_at, report=part(report, *DECIDE))
        on_the_day = decide_today(series, trained) if ENTRY in trained.card.metrics else None
        declared = series.labels if label_field is not None and series.labelled else None
        meant = None if declared is None else np.array(trained.class_of(declared.tolist()), dtype=object)
        ends = season_ends(series, trained, answers, labels=meant, report=part(report, *ENDS))
        report(WRITE[0], "writing")
        unsaid = ("verify", "workers", "dask", "plan_cache")
        told = {name: value for name, value in reading.items() if name not in unsaid}
        asked = {"method": method, "target": target, "reference": reference, "top": top, "max_loss": max_loss,
                 "aggregate": aggregate, "decided_at": decided_at, "coverage": coverage, **told}  # fmt: skip
        contents = map_contents(
            series, trained, answers, relevance=relevance, windows=found, decisions=decisions, on_the_day=on_the_day,
            declared=declared, meant=meant, season_ends=ends, reflectance=reflectance, parcels_file=parcels,
            parameters=asked, command=command,
        )  # fmt: skip
        write_map(output, contents, overwrite)
    report(1.0)
    return CropMap(output, answers, found, decisions)


def save_answers(
    answers: Classification,
    series: CropSeries,
    model: Model,
    output: PathLike,
    overwrite: bool = False,
    *,
    reflectance: bool = False,
) -> Path:
    """Write answers without relevance: a map in any of its formats, or, without geometry, a table (.csv, .parquet).

    The map holds the reflectance of every parcel and date where it is asked for.

    Raises
    ------
    OutputExists, OutputUnwritable
    SeriesUnusable
        If a map is asked for and the series has no geometry.
    """
    output = Path(output)
    if series.parcels is not None or output.suffix.lower() not in (".csv", ".parquet"):
        return write_map(output, map_contents(series, model, answers, reflectance=reflectance), overwrite)
    with replacing(output, overwrite) as part_file:
        if output.suffix.lower() == ".csv":
            answers.frame.to_csv(part_file, index=False)
        else:
            answers.frame.to_parquet(part_file, index=False)
    return output


def _bands_of(model: PathLike, scenes: Sequence[Scene]) -> list[str]:
    """Return the bands to read for a model; refuse, before pixels are read, scenes that it could not take after."""
    trained = load_model(model, scenes[0].level)
    card = trained.card
    dates = np.array([scene.date for scene in scenes], dtype="datetime64[D]")
    trained.check_input(scenes[0].level, {band for scene in scenes for band in scene.bands}, dates)
    # A date without one of the bands that are read is missing: a band shall not cost most dates, nor few dates a band.
    having = {band: sum(band in scene.bands for scene in scenes) for band in card.optional_bands}
    spared = [band for band in card.bands if band in having and 2 * having[band] < len(scenes)]
    if spared:
        warnings.warn(BandsSpared(spared, card.name), stacklevel=2)
    return [band for band in card.bands if band not in spared]
