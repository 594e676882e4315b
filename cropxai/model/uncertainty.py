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
from cropxai.model.novelty import Courses, fit_courses
from cropxai.model.prefixes import prefixes
from cropxai.series.sampling import spread

#: Held-back parcels that are cut and asked, at most: with 10 000 the standard error of a coverage of 0.9 is 0.3 points.
MOST = 10_000


@dataclass(frozen=True)
class Uncertainty:
    """How the scores of a network become confidence and sets, by the day on which the season ends.

    Attributes
    ----------
    temperatures : of the scores
    sets : thresholds of the sets of crops
    courses : of the training classes, to know what is unlike them
    """

    temperatures: SeasonTemperatures
    sets: ConformalSets
    courses: Courses | None = None

    @classmethod
    def fromdict(cls, values: dict[str, Any]) -> "Uncertainty":
        """Build it from plain values; raises KeyError, TypeError or ValueError where they do not fit."""
        parts = {name: {key: _tuples(value) for key, value in part.items()} for name, part in values.items() if part}
        courses = parts.get("courses")
        return cls(
            SeasonTemperatures(**parts["temperatures"]),
            ConformalSets(**parts["sets"]),
            None if courses is None else Courses(**courses),
        )

    def fits(self, bands: int, classes: int) -> bool:
        """Say whether it is of so many bands and classes."""
        of_courses = None if self.courses is None else np.shape(self.courses.mean)[1:]
        return len(self.sets.group) == classes and of_courses in (None, (classes, bands))

    def asdict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def fit_uncertainty(
    scored: Callable[[Inputs], npt.NDArray[np.float32]],
    learnt: tuple[Inputs, npt.NDArray[np.intp]],
    held: tuple[Inputs, npt.NDArray[np.intp]],
    parcel_id: Sequence[object] | npt.NDArray[np.object_],
    bands: int,
) -> Uncertainty:
    """Calibrate a network on held-back parcels, each cut at every node of the season.

    Parameters
    ----------
    scored : gives the logits (parcel, class) of inputs
    learnt, held : the training and the held-back parcels, and their class numbers (parcel,)
    parcel_id : (parcel,) identifiers of the held-back ones
    bands : number of bands, which are the first columns of the inputs; the courses are of them alone
    """
    asked = spread(len(parcel_id), MOST)
    inputs, target = held[0].take(asked), held[1][asked]
    cut = prefixes(scored, inputs)
    temperatures = fit_temperatures(cut, target)
    probabilities = scipy.special.softmax(cut.scores / temperatures.of(cut.scores, cut.end)[:, None], axis=1)
    sets = fit_sets(cut, probabilities, target, draws(np.asarray(parcel_id, dtype=object)[asked]))
    courses = fit_courses(learnt[0].spectral(bands), learnt[1], probabilities.shape[1], inputs.spectral(bands))
    return Uncertainty(temperatures, sets, courses)


def _tuples(value: Any) -> Any:
    """Turn lists, also within lists, into tuples."""
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value
