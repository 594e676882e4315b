"""The paper's experiment again: Chan, Schneider & Körner 2023 (IGARSS, arXiv 2310.06574), beside its published numbers.

On the files of TinyEuroCrops (Schneider & Körner 2021), tile T33UWP of Austria, where a user has them, and on simulated
Austria otherwise, whose numbers are not comparable and are only shown to run the same steps. Published are the chosen
window and its accuracy; the accuracies of the other windows, the split, the settings of the training and how R_t was
gathered are not. Taken here: the parcels of the authors' public demonstration (all regions of the training file,
divided at random, 80 to 20), its network (:mod:`cropxai.model.paper`) trained on the dates as they are, the score of
the true label as what is explained, relevance counted from zero, and the signed mean.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pandas as pd

from cropxai.errors import PathLike, SeriesUnusable
from cropxai.model import Settings
from cropxai.reporting import Report, part, silent
from cropxai.season.study import SeasonStudy, season_study
from cropxai.series import CropSeries
from cropxai.series.exchange import read_series
from cropxai.simulate import simulate_series

SIMULATED = "simulated"
#: Of the abstract and the review of the paper; None where it is not published.
PUBLISHED: dict[str, Any] = {
    "data": "TinyEuroCrops, Austria 2019",
    "parcels": 414_392,
    "classes": 44,
    "full_accuracy": None,
    "window": "Δt_3",
    "start": "2019-04-21",
    "end": "2019-08-09",
    "window_accuracy": 0.8640,
    "loss_points": 0.75,
}
AUSTRIA = "AT_*_train.h5"


@dataclass(frozen=True)
class PaperRun:
    """The study, and the table that stands beside the published numbers."""

    study: SeasonStudy
    table: pd.DataFrame
    simulated: bool

    def save(self, folder: PathLike, overwrite: bool = False) -> Path:
        """Write what the study writes, and paper.csv."""
        from cropxai.outputs import replacing

        with replacing(folder, overwrite) as place:
            self.study.write(place)
            self.table.to_csv(place / "paper.csv", index=False)
        return Path(folder)

    def text(self) -> str:
        """Write both for the console."""
        warning = "\nThe parcels are simulated: the numbers show that the steps run, and compare with nothing."
        return self.table.to_string(index=False) + (warning if self.simulated else "") + "\n" + self.study.text()


def paper_series(place: PathLike, parcels: int = 5000) -> CropSeries:
    """Return the parcels of the experiment: a TinyEuroCrops file or its data set's folder, or ``simulated``.

    Raises
    ------
    SeriesUnusable
        If the folder holds no file of Austria.
    """
    if str(place) == SIMULATED:
        return simulate_series(
            parcels, year=2019, level="L1C", classes="tinyeurocrops", countries=("Austria",), regions=4
        )
    path = Path(place)
    if path.is_dir() and path.suffix != ".zarr":
        files = sorted(path.rglob(AUSTRIA))
        if not files:
            raise SeriesUnusable(f"{path}: holds no {AUSTRIA}; name the folder of TinyEuroCrops, or 'simulated'")
        path = files[0]
    return CropSeries.open(path) if path.suffix == ".zarr" else read_series(path)


def reproduce_paper(
    place: PathLike, settings: Settings, *, parcels: int = 5000, most: int = 10, report: Report = silent
) -> PaperRun:
    """Run the paper's experiment.

    Parameters
    ----------
    place : of :func:`paper_series`
    settings : of the trainings; the split is at random, the network the published one, and nothing is left out of the
        samples: no end or beginning of the season, no date, no band
    parcels : of simulated Austria
    most : greatest n of Δt_n
    """
    series = paper_series(place, parcels)
    published = replace(
        settings, split="random", architecture="paper", any_season=0.0, late_start=0.0, date_dropout=0.0,
        band_dropout=0.0,
    )  # fmt: skip
    study = season_study(
        series, published, most=most, max_loss=float(PUBLISHED["loss_points"]), test_share=0.2,
        target="logit", reference="zero", aggregate="mean", report=part(report, 0.05, 1),
    )  # fmt: skip
    return PaperRun(study, beside_published(study, len(series)), str(place) == SIMULATED)


def beside_published(study: SeasonStudy, parcels: int) -> pd.DataFrame:
    """Return the published numbers, those of Δt_3, and those of the window that was chosen, a row each."""
    rows = study.table.to_dict("records")
    third = next((r for r in rows if r["n"] == 3), rows[-1])
    full = rows[0]
    about = {"parcels": parcels, "classes": len(study.relevance.columns) - 1, "full_accuracy": full["accuracy"]}
    chosen = None
    if study.chosen is not None:
        bounds = (str(study.chosen.start), str(study.chosen.end))
        chosen = next((r for r in rows if r["n"] > 0 and (r["start"], r["end"]) == bounds), None)
    told = [{"what": "published", **{k: v for k, v in PUBLISHED.items() if k != "data"}}]
    for what, row in (("here, Δt_3", third), ("here, chosen", chosen)):
        if row is None:
            told.append({"what": what, **about, "window": "none within the loss"})
            continue
        told.append(
            {"what": what, **about, "window": f"Δt_{row['n']}", "start": row["start"], "end": row["end"],
             "window_accuracy": row["accuracy"], "loss_points": row["loss_points"]}
        )  # fmt: skip
    return pd.DataFrame(told)
