"""What one or several models find of some parcels: probabilities, sets of crops, novelty."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

import cropxai
from cropxai.errors import ClassesDiffer
from cropxai.model.checkpoint import Model
from cropxai.model.conformal import COVERAGE, draws
from cropxai.model.engine import Scorer, scorer
from cropxai.model.inputs import Inputs
from cropxai.model.prefixes import season_end
from cropxai.series import CropSeries

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Found:
    """What is found of some parcels.

    Attributes
    ----------
    probabilities : (parcel, class) float32, NaN without a clear date
    clear : (parcel,) number of clear dates
    novelty : (parcel,) float32, NaN where no model knows it
    sets : (parcel, class) bool, or None
    """

    probabilities: FloatArray
    clear: npt.NDArray[np.intp]
    novelty: FloatArray
    sets: npt.NDArray[np.bool_] | None

    @classmethod
    def join(cls, parts: Sequence["Found"]) -> "Found":
        """Put parts of the same models together, in their order."""
        sets = [part.sets for part in parts if part.sets is not None]
        return cls(
            np.concatenate([part.probabilities for part in parts]),
            np.concatenate([part.clear for part in parts]),
            np.concatenate([part.novelty for part in parts]),
            np.concatenate(sets) if sets else None,
        )


@dataclass(frozen=True)
class Choices:
    """How answers are worked out.

    Attributes
    ----------
    coverage : share of parcels whose set of crops shall hold the true one, 0.5 to 0.99
    dtype, device, batch_size : of :func:`cropxai.model.engine.scorer`
    views : 1, or the number of looks at each parcel that are averaged, in each of which every ``views``-th of its clear
        dates is left out, in turns
    """

    coverage: float = COVERAGE
    dtype: str = "float32"
    device: str = "cpu"
    views: int = 1
    batch_size: int = 512

    def __post_init__(self) -> None:
        if self.views < 1:
            raise ValueError(f"views is {self.views}; one look is the least")


class Answering:
    """One or several models at work; threads may share it.

    Several models are an ensemble: their calibrated probabilities are averaged (Lakshminarayanan et al. 2017, arXiv
    1612.01474), a parcel is as new as it is to the model that knows it best, and there are no conformal sets, because
    the thresholds of each model hold for its own probabilities. The same goes for several views of one model.

    Parameters
    ----------
    models : with the same classes, in any order; the answers have that of the first

    Raises
    ------
    ClassesDiffer
        If the classes are not the same.
    DeviceMissing
    """

    def __init__(self, models: Sequence[Model], choices: Choices):
        first = models[0]
        for other in models[1:]:
            if differing := set(first.names) ^ set(other.names):
                raise ClassesDiffer(first.card.name, other.card.name, sorted(differing))
        self.models, self.choices = tuple(models), choices
        self._scorers: list[Scorer] = [
            scorer(model.network, dtype=choices.dtype, device=choices.device, batch_size=choices.batch_size)
            for model in models
        ]
        self._places = [[model.names.index(name) for name in first.names] for model in models]

    def __call__(self, series: CropSeries) -> Found:
        """Answer for all parcels of a series, which is read as a whole."""
        first = self.models[0]
        inputs = [model.inputs(series) for model in self.models]
        end = season_end(inputs[0].valid, inputs[0].day)
        each = [
            self._probable(model, score, given)[:, places]
            for model, score, places, given in zip(self.models, self._scorers, self._places, inputs, strict=True)
        ]
        probability = np.mean(each, axis=0)
        probability[np.isnan(end)] = np.nan
        sets = None
        if len(self.models) == self.choices.views == 1 and first.card.uncertainty is not None:
            known = first.card.uncertainty.sets
            sets = known.sets(probability, end, draws(series.parcel_id), self.choices.coverage)
        novelty = np.full(len(series), np.nan, dtype=np.float32)
        for model, given in zip(self.models, inputs, strict=True):
            if model.card.uncertainty is not None and model.card.uncertainty.courses is not None:
                novelty = np.fmin(novelty, model.card.uncertainty.courses.novelty(given))
        return Found(probability, inputs[0].valid.sum(axis=1), novelty, sets)

    def _probable(self, model: Model, score: Scorer, inputs: Inputs) -> FloatArray:
        """Return the mean of the calibrated probabilities over the views, (parcel, class of this model)."""
        looks = []
        for number in range(self.choices.views):
            seen = inputs if self.choices.views == 1 else without_every(inputs, self.choices.views, number)
            looks.append(model.probabilities(score(seen), season_end(seen.valid, seen.day)))
        return np.mean(looks, axis=0) if len(looks) > 1 else looks[0]

    def identity(self) -> str:
        """Return a hash of the weights, the cards and all choices."""
        digest = hashlib.sha256(f"{cropxai.__version__} {torch.__version__} {self.choices}".encode())
        for model in self.models:
            digest.update(repr(model.card).encode())
            for name, weights in sorted(model.network.state_dict().items()):
                digest.update(name.encode())
                digest.update(weights.cpu().numpy().tobytes())
        return digest.hexdigest()


def without_every(inputs: Inputs, many: int, number: int) -> Inputs:
    """Leave out every ``many``-th clear date of each parcel, from the ``number``-th (0…) on; never the only one."""
    rank = np.cumsum(inputs.valid, axis=1) - 1
    few = inputs.valid.sum(axis=1, keepdims=True) < 2
    return inputs.only((rank % many != number) | few)
