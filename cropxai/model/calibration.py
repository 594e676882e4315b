"""Confidence that is what it says on any day of the season: a temperature by the day on which the season ends.

Modern networks are surer than they are right, and dividing their scores by one number mends most of it (temperature
scaling, Guo et al. 2017, arXiv 1706.04599). A network for any season is right half the time in March and nearly
always in August, and no one number fits both: the number here depends on the last clear date of the parcel.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import scipy.special
from scipy.optimize import minimize

from cropxai.model.prefixes import Prefixes

#: Strengths of the pull towards a straight line that are tried; the last leaves one temperature for all.
STRENGTHS = (1.0, 10.0, 100.0, 1000.0, np.inf)
#: Least and greatest inverse temperature.
BOUNDS = (0.05, 20.0)


@dataclass(frozen=True)
class SeasonTemperatures:
    """Temperatures at nodes over the season, linear in their inverse between, held beyond.

    Attributes
    ----------
    days : (node,) season days of the last clear date, rising
    temperatures : (node,) divisors of the logits
    """

    days: tuple[float, ...]
    temperatures: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.days or len(self.days) != len(self.temperatures):
            raise ValueError("calibration needs as many temperatures as days")
        if not np.all(np.diff(self.days) > 0) or not all(0 < t < np.inf for t in self.temperatures):
            raise ValueError("calibration needs rising days and positive temperatures")

    def at(self, end: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return the temperature for seasons whose last clear date is on the days ``end``, same shape."""
        inverse = np.interp(np.asarray(end, dtype=np.float64), self.days, 1 / np.asarray(self.temperatures))
        return np.asarray(1 / inverse, dtype=np.float32)


def fit_temperatures(cut: Prefixes, target: npt.NDArray[np.intp]) -> SeasonTemperatures:
    """Find the temperatures that give held-back parcels the highest likelihood on seasons cut at the nodes.

    The inverse temperature is linear between the nodes, in which the likelihood is concave: one optimum. How much it
    may bend is chosen by which strength of a pull on its steps serves the other half of the parcels best, so that it
    varies over the season only as far as the data say so.

    Parameters
    ----------
    cut : of held-back parcels
    target : (parcel,) class numbers
    """
    truth = target[cut.parcel]
    halves = [cut.parcel % 2 == half for half in (0, 1)]
    best = STRENGTHS[-1]
    if all(part.any() for part in halves):
        losses = [
            sum(loss(cut.take(~part), truth[~part], _fit(cut.take(part), truth[part], strength)) for part in halves)
            for strength in STRENGTHS
        ]
        best = STRENGTHS[int(np.argmin(losses))]
    inverse = _fit(cut, truth, best)
    return SeasonTemperatures(
        tuple(round(float(d), 2) for d in cut.nodes), tuple(round(float(1 / b), 4) for b in inverse)
    )


def loss(cut: Prefixes, truth: npt.NDArray[np.intp], inverse: npt.NDArray[np.float64]) -> float:
    """Return the summed negative log-likelihood under inverse temperatures (node,)."""
    scaled = cut.scores * np.interp(cut.end, cut.nodes, inverse)[:, None]
    own = scaled[np.arange(len(truth)), truth]
    return float((scipy.special.logsumexp(scaled, axis=1) - own).sum())


def _fit(cut: Prefixes, truth: npt.NDArray[np.intp], strength: float) -> npt.NDArray[np.float64]:
    """Return the inverse temperatures (node,) of the least penalised loss."""
    count = len(cut.nodes)
    spread = _weights(cut.end, cut.nodes)
    if np.isinf(strength):
        spread = np.ones((len(truth), 1))
    scores = cut.scores.astype(np.float64)
    own = scores[np.arange(len(truth)), truth]

    def objective(inverse: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        scaled = scores * (spread @ inverse)[:, None]
        normal = scipy.special.logsumexp(scaled, axis=1)
        mean = (np.exp(scaled - normal[:, None]) * scores).sum(axis=1)
        value = float((normal - own * (spread @ inverse)).sum())
        gradient = spread.T @ (mean - own)
        if len(inverse) > 1:
            steps = np.diff(inverse)
            value += strength * float(steps @ steps)
            gradient[:-1] -= 2 * strength * steps
            gradient[1:] += 2 * strength * steps
        return value, gradient

    start = np.ones(spread.shape[1])
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=[BOUNDS] * len(start)).x
    return cast(npt.NDArray[np.float64], np.broadcast_to(found, (count,)) if len(found) == 1 else found)


def _weights(end: npt.NDArray[np.float32], nodes: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the matrix (row, node) that interpolates values at the nodes to the days ``end``."""
    unit = np.eye(len(nodes))
    return np.stack([np.interp(end, nodes, column) for column in unit], axis=1)
