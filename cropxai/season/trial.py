"""One division of the labelled parcels, on which every window, network and rule of the study is tried alike."""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score

from cropxai.model import Model, Settings
from cropxai.model.loop import Target
from cropxai.model.predict import logits
from cropxai.model.splits import Index, hold_back
from cropxai.model.train import labelled, train_on
from cropxai.reporting import Report, silent
from cropxai.season.prefix import PrefixAnswers, prefix_answers
from cropxai.season.window import DateWindow
from cropxai.series import CropSeries

Right = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Trial:
    """The parcels in three parts: to train on, to choose by (and to stop training early), to score.

    Attributes
    ----------
    series : the labelled parcels
    names, number : the classes, and the class of each parcel
    learn, choose, test : indices of the parts
    settings : of the network for any season
    spent : what was trained so far: ``fits``, and ``parcels_seen``, parcels times epochs; the one thing that grows
    windows : settings of networks that are retrained for some dates alone; by default ``settings``
    """

    series: CropSeries
    names: tuple[str, ...]
    number: Target
    learn: Index
    choose: Index
    test: Index
    settings: Settings
    spent: dict[str, int] = field(default_factory=lambda: {"fits": 0, "parcels_seen": 0})
    windows: Settings | None = None

    @classmethod
    def divide(
        cls, series: CropSeries, settings: Settings, test_share: float = 0.2, choose_share: float | None = None
    ) -> "Trial":
        """Divide a labelled series by the split of the settings; raises SeriesUnusable."""
        series, names, number = labelled(series, settings.min_parcels)
        seen, test = hold_back(series, number, test_share, settings.split, settings.seed)
        split = settings.split if settings.split in ("spatial", "random") else "spatial"
        share = settings.validation_share if choose_share is None else choose_share
        learn, choose = hold_back(series.select(seen), number[seen], share, split, settings.seed)
        return cls(series, names, number, seen[learn], seen[choose], test, settings)

    @property
    def season(self) -> tuple[int, int]:
        """First and last date of the series as days of the year."""
        return int(self.series.season_day.min()) + 1, int(self.series.season_day.max()) + 1

    @property
    def prior(self) -> npt.NDArray[np.float64]:
        """The share of each class among the parcels that are learnt from, (class,)."""
        return np.bincount(self.number[self.learn], minlength=len(self.names)) / len(self.learn)

    def train(self, inside: npt.ArrayLike | None = None, report: Report = silent) -> Model:
        """Train for any season, or for the dates ``inside`` (time,) alone."""
        series, settings = self.series, self.settings
        if inside is not None:
            series, settings = shown(self.series, inside), self.windows or self.settings
        model = train_on(series, self.names, self.number, self.learn, self.choose, settings, report=report)
        self.spent["fits"] += 1
        self.spent["parcels_seen"] += len(model.card.training["history"]) * len(self.learn)
        return model

    def right(self, model: Model, part: Index, inside: npt.ArrayLike | None = None) -> Right:
        """Say for the parcels of a part whether the model, shown the dates ``inside``, answers with their class."""
        return np.asarray(self.answers(model, part, inside) == self.number[part])

    def answers(self, model: Model, part: Index, inside: npt.ArrayLike | None = None) -> Target:
        """Return the class numbers that the model gives, shown the dates ``inside`` (time,)."""
        inputs = model.inputs(self.series.select(part))
        if inside is not None:
            inputs = inputs.at(np.flatnonzero(inside))
        given = logits(model.network, inputs).argmax(axis=1)
        return np.where(inputs.valid.any(axis=1), given, int(self.prior.argmax()))

    def prefixes(self, model: Model, part: Index, report: Report = silent) -> PrefixAnswers:
        """Ask a model on the season up to each date."""
        return prefix_answers(self.series.select(part), model, prior=self.prior, report=report)

    def row(self, model: Model, inside: npt.ArrayLike | None = None) -> dict[str, Any]:
        """Score a model on the test parcels, shown the dates ``inside``."""
        said, truth = self.answers(model, self.test, inside), self.number[self.test]
        dates = self.series.dates if inside is None else self.series.dates[np.asarray(inside, dtype=bool)]
        return {
            "start": str(dates.min()), "end": str(dates.max()),
            "days": int((dates.max() - dates.min()).astype(int)) + 1, "dates": len(dates),
            "accuracy": float((said == truth).mean()),
            "macro_f1": float(f1_score(truth, said, average="macro", zero_division=0.0)),
        }  # fmt: skip

    def inside(self, window: DateWindow) -> Right:
        """Say which dates of the series lie in a window, (time,)."""
        return window.contains(self.series.dates)


def shown(series: CropSeries, inside: npt.ArrayLike) -> CropSeries:
    """Keep the dates that ``inside`` (time,) marks, with the days of the same season."""
    return CropSeries(series.dataset.isel(time=np.flatnonzero(inside)), series.parcels)
