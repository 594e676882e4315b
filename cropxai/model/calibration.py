r"""Confidence that is what it says on any day of the season: a temperature by season end and by doubt.

Modern networks are surer than they are right, and dividing their scores by one number mends most of it (temperature
scaling, Guo et al. 2017, arXiv 1706.04599). A network for any season is right half the time in March and nearly
always in August, and no one number fits both: the number here depends on the day on which the season ends. Nor does
one fit the sure and the doubtful answers of a day. So it depends on the entropy of the answer too, after the
entropy-based temperature scaling of Balanya et al. (2022, arXiv 2208.00461):

.. math:: T = T_0(d) \left(\frac{H}{H_{max} / 2}\right)^{s(d)}

with the temperature :math:`T_0` and the slope :math:`s` of the season end :math:`d`, and the entropy :math:`H` of the
undivided scores. The order of the classes stays as it was. Both are fitted to whether the most probable class was
right, top against all (Le Coz et al. 2024, arXiv 2411.02988): it is this probability that a map shows, and with many
classes the likelihood of all of them leaves it off.
"""

from dataclasses import dataclass
from typing import cast

import numpy as np
import numpy.typing as npt
import scipy.special
import scipy.stats
from scipy.optimize import minimize

from cropxai.model.prefixes import Prefixes

Matrix = npt.NDArray[np.float64]

#: Strengths of the pull towards a straight line that are tried; the last leaves one temperature and slope for all.
STRENGTHS = (1.0, 10.0, 100.0, 1000.0, np.inf)
#: Least and greatest inverse temperature.
BOUNDS = (0.05, 20.0)
#: Greatest slope, up or down.
STEEPEST = 1.0
#: Pull of the slopes towards none, which holds where few parcels were held back.
PULL = 10.0
#: Beyond all differences of scores: what is so far behind has no share.
FAR = 1e12
#: Least entropy that is told from none, as a share of the greatest.
LEAST = 1e-3


@dataclass(frozen=True)
class SeasonTemperatures:
    """Temperatures and slopes at nodes over the season, held beyond; slopes and inverses are linear between.

    Attributes
    ----------
    days : (node,) season days on which seasons end, rising
    temperatures : (node,) divisors of the logits, at half of the greatest entropy
    slopes : (node,) powers of the entropy by which they go; none on cards that do not know them
    """

    days: tuple[float, ...]
    temperatures: tuple[float, ...]
    slopes: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if not self.days or len(self.days) != len(self.temperatures):
            raise ValueError("calibration needs as many temperatures as days")
        if not np.all(np.diff(self.days) > 0) or not all(0 < t < np.inf for t in self.temperatures):
            raise ValueError("calibration needs rising days and positive temperatures")

        if self.slopes and (len(self.slopes) != len(self.days) or not np.all(np.abs(self.slopes) <= STEEPEST)):
            raise ValueError(f"calibration needs as many slopes as days, from -{STEEPEST:g} to {STEEPEST:g}")

    def of(self, scores: npt.NDArray[np.float32], end: npt.ArrayLike) -> npt.NDArray[np.float32]:
        """Return what logits are to be divided by, (parcel,).

        Parameters
        ----------
        scores : (parcel, class) logits
        end : (parcel,) season days on which the seasons end (:func:`cropxai.model.prefixes.season_end`)
        """
        day = np.asarray(end, dtype=np.float64)
        inverse = np.interp(day, self.days, 1 / np.asarray(self.temperatures))
        if self.slopes:
            inverse *= np.exp(-np.interp(day, self.days, self.slopes) * doubt(scores))
        return np.asarray(1 / inverse, dtype=np.float32)


def doubt(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return the logarithm of the entropy of logits (parcel, class) as a share of half of the greatest, (parcel,)."""
    entropy = scipy.stats.entropy(scipy.special.softmax(scores.astype(np.float64), axis=1), axis=1)
    share = entropy / np.log(max(2, scores.shape[1]))
    return cast(npt.NDArray[np.float64], np.log(np.maximum(share, LEAST) / 0.5))


def fit_temperatures(cut: Prefixes, target: npt.NDArray[np.intp]) -> SeasonTemperatures:
    """Find the temperatures and slopes under which it is likeliest that answers are right and wrong where they are.

    They are the answers for held-back parcels, cut at the nodes.

    How much they may bend over the season is chosen by which strength of a pull on their steps serves the other half of
    the parcels best, so that they vary only as far as the data say so.

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
    return _fit(cut, truth, best)


def loss(cut: Prefixes, truth: npt.NDArray[np.intp], heat: SeasonTemperatures) -> float:
    """Return the summed negative log-likelihood of right and wrong."""
    lead, wrong = _lead(cut, truth)
    odds, _ = _odds(lead, 1 / heat.of(cut.scores, cut.end))
    return float((np.logaddexp(0, odds) - wrong * odds).sum())


def _fit(cut: Prefixes, truth: npt.NDArray[np.intp], strength: float) -> SeasonTemperatures:
    """Return the temperatures and slopes of the least penalised loss."""
    spread = _weights(cut.end, cut.nodes) if np.isfinite(strength) else np.ones((len(truth), 1))
    shape = (2, spread.shape[1])
    (lead, wrong), doubts = _lead(cut, truth), doubt(cut.scores)

    def objective(flat: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        table = flat.reshape(shape)
        inverse, slope = (spread @ row for row in table)
        factor = np.exp(-slope * doubts)
        odds, slope_of_odds = _odds(lead, inverse * factor)
        beyond = slope_of_odds * (scipy.special.expit(odds) - wrong) * factor
        value = float((np.logaddexp(0, odds) - wrong * odds).sum()) + PULL * float(table[1] @ table[1])
        gradient = np.stack([spread.T @ beyond, 2 * PULL * table[1] - spread.T @ (beyond * inverse * doubts)])
        if shape[1] > 1:
            steps = np.diff(table, axis=1)
            value += strength * float((steps**2).sum())
            gradient[:, :-1] -= 2 * strength * steps
            gradient[:, 1:] += 2 * strength * steps
        return value, gradient.ravel()

    start = np.repeat([1.0, 0.0], shape[1])
    bounds = [BOUNDS] * shape[1] + [(-STEEPEST, STEEPEST)] * shape[1]
    found = minimize(objective, start, jac=True, method="L-BFGS-B", bounds=bounds).x.reshape(shape)
    inverse, slopes = np.broadcast_to(found, (2, len(cut.nodes)))
    return SeasonTemperatures(
        tuple(round(float(day), 2) for day in cut.nodes),
        tuple(round(float(1 / value), 4) for value in inverse),
        tuple(round(float(slope), 4) for slope in slopes),
    )


def _lead(cut: Prefixes, truth: npt.NDArray[np.intp]) -> tuple[Matrix, npt.NDArray[np.bool_]]:
    """Return how far classes are behind the winner, (row, class), ``FAR`` for itself; and whether it was wrong."""
    rows, winner = np.arange(len(truth)), cut.scores.argmax(axis=1)
    behind = cut.scores[rows, winner].astype(np.float64)[:, None] - cut.scores
    behind[rows, winner] = FAR
    return behind, winner != truth


def _odds(lead: Matrix, inverse: Matrix) -> tuple[Matrix, Matrix]:
    """Return the logarithm of the odds against the winner by inverse temperatures, and its slope, both (row,)."""
    scaled = lead * -inverse[:, None]
    most = scaled.max(axis=1)
    share = np.exp(np.subtract(scaled, most[:, None], out=scaled), out=scaled)
    total = share.sum(axis=1)
    return most + np.log(total), -np.einsum("rc,rc->r", share, lead) / total


def _weights(end: npt.NDArray[np.float32], nodes: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Return the matrix (row, node) that interpolates values at the nodes to the days ``end``."""
    unit = np.eye(len(nodes))
    return np.stack([np.interp(end, nodes, column) for column in unit], axis=1)
