"""What a card says of how sure its answers are, and the fit of it on parcels that the training did not see."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.special

from cropxai.model.calibration import SeasonTemperatures, fit_temperatures
from cropxai.model.conformal import ConformalSets, draws, fit_sets
from cropxai.model.inputs import Inputs
from cropxai.model.prefixes import prefixes


@dataclass(frozen=True)
class Uncertainty:
    """How the scores of a network become confidence and sets, by the day on which the season ends.

    Attributes
    ----------
    temperatures : of the scores
    sets : thresholds of the sets of crops
    """

    temperatures: SeasonTemperatures
    sets: ConformalSets

    @classmethod
    def fromdict(cls, values: dict[str, Any]) -> "Uncertainty":
        """Build it from plain values; raises KeyError, TypeError or ValueError where they do not fit."""
        heat, sets = dict(values["temperatures"]), dict(values["sets"])
        nested = tuple(tuple(tuple(float(v) for v in group) for group in node) for node in sets.pop("thresholds"))
        lists: dict[str, Any] = {name: tuple(sets.pop(name)) for name in ("days", "coverages", "group")}
        return cls(
            SeasonTemperatures(tuple(heat["days"]), tuple(heat["temperatures"])),
            ConformalSets(**lists, thresholds=nested, **sets),
        )

    def asdict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def fit_uncertainty(
    scored: Callable[[Inputs], npt.NDArray[np.float32]],
    held: Inputs,
    target: npt.NDArray[np.intp],
    parcel_id: Sequence[object] | npt.NDArray[np.object_],
) -> Uncertainty:
    """Calibrate a network on held-back parcels, each cut at every node of the season.

    Parameters
    ----------
    scored : gives the logits (parcel, class) of inputs
    held, target, parcel_id : the held-back parcels, their class numbers and identifiers
    """
    cut = prefixes(scored, held)
    temperatures = fit_temperatures(cut, target)
    probabilities = scipy.special.softmax(cut.scores / temperatures.at(cut.end)[:, None], axis=1)
    return Uncertainty(temperatures, fit_sets(cut, probabilities, target, draws(parcel_id)))
