"""Is a parcel like those that the model learnt from: its distance from the courses of their classes.

A network answers whatever it is shown, and is often surest of what it never saw: of ponds and of bands in a wrong order
both its confidence and its energy (Liu et al. 2020, arXiv 2010.03759) say nothing, and its features (Mahalanobis
distance, Lee et al. 2018, arXiv 1807.03888) little before the summer (docs/results.md). So the distance is taken where
the difference is: in reflectance. On every clear date a parcel has a Mahalanobis distance from the mean of each class
on that day, by the spread that the classes have in common; the mean of these over its dates, from the class that fits
best, is compared with what held-back parcels have on seasons that end on the same day.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cropxai.model.inputs import Inputs
from cropxai.model.prefixes import last_clear_day, season_nodes

FloatArray = npt.NDArray[np.float64]

#: Days between the nodes of a course.
COURSE_DAYS = 20.0
#: Share of held-back parcels that count as like the training data.
ACCEPTED = 0.99
#: Parcels of a class by which its mean is drawn towards that of all.
PRIOR = 5.0
#: Greatest novelty that is told.
FARTHEST = 1e6
#: Least variance of reflectance within a class: a thousandth, squared.
LEAST_VARIANCE = 1e-6


@dataclass(frozen=True)
class Courses:
    """Courses of the training classes, and the distances from them that are usual.

    Attributes
    ----------
    days : (node,) season days, rising; between them means and covariances are linear, beyond held
    mean : (node, class, band) reflectance
    covariance : (node, band, band) within classes
    ends : (end,) season days of the last clear date, rising
    limits : (end,) distance that 99 % of held-back parcels do not exceed on seasons that end then, linear between
    """

    days: tuple[float, ...]
    mean: tuple[tuple[tuple[float, ...], ...], ...]
    covariance: tuple[tuple[tuple[float, ...], ...], ...]
    ends: tuple[float, ...]
    limits: tuple[float, ...]

    def __post_init__(self) -> None:
        mean, spread = np.array(self.mean, dtype=float), np.array(self.covariance, dtype=float)
        if mean.ndim != 3 or 0 in mean.shape or spread.shape != (len(mean), mean.shape[2], mean.shape[2]):
            raise ValueError("courses need a mean of every class and a covariance for each day")
        if len(self.days) != len(mean) or not self.ends or len(self.ends) != len(self.limits):
            raise ValueError("courses need as many days as means and as many limits as ends")
        if not (np.all(np.diff(self.days) > 0) and np.all(np.diff(self.ends) > 0) and min(self.limits) > 0):
            raise ValueError("courses need rising days and positive limits")
        if not np.isfinite(mean).all() or not (np.linalg.eigvalsh(spread) > 0).all():
            raise ValueError("courses need finite means and covariances that are positive definite")

    def novelty(self, inputs: Inputs) -> npt.NDArray[np.float32]:
        """Return the distance of parcels as a share of the limit, (parcel,): above 1 a parcel is unlike the training.

        NaN without a clear date.
        """
        end = last_clear_day(inputs.valid, inputs.day)
        share = self.distance(inputs) / np.interp(end, self.ends, self.limits)
        return np.minimum(share, FARTHEST).astype(np.float32)

    def distance(self, inputs: Inputs) -> FloatArray:
        """Return the mean distance over the clear dates from the class that fits best, (parcel,).

        Bands that the series lacks (NaN) are left out, and the distance is scaled to the number of bands.
        """
        mean, spread = np.array(self.mean), np.array(self.covariance)
        inputs = inputs.spectral(mean.shape[2])
        there: npt.NDArray[np.bool_] = np.asarray(np.isfinite(inputs.reflectance).all(axis=(0, 1)))
        scale = np.sqrt(len(there) / max(1, there.sum()))
        total = np.zeros((len(inputs), mean.shape[1]))
        for time, weight in enumerate(_weights(inputs.day, np.array(self.days))):
            rows = np.flatnonzero(inputs.valid[:, time])
            if not len(rows):
                continue
            centres = np.tensordot(weight, mean, 1)[:, there]
            root = np.linalg.cholesky(np.tensordot(weight, spread, 1)[np.ix_(there, there)])
            white = np.linalg.solve(root, np.concatenate([inputs.reflectance[rows, time][:, there], centres]).T).T
            parcels, classes = white[: len(rows)], white[len(rows) :]
            squared = (parcels**2).sum(1)[:, None] - 2 * parcels @ classes.T + (classes**2).sum(1)
            total[rows] += np.sqrt(np.maximum(squared, 0))
        with np.errstate(invalid="ignore"):
            return np.asarray(scale * total.min(axis=1) / inputs.valid.sum(axis=1))


def fit_courses(
    learnt: Inputs, target: npt.NDArray[np.intp], classes: int, held: Inputs, accepted: float = ACCEPTED
) -> Courses:
    """Find the courses of the classes, and how far from them parcels are that the training did not see.

    Parameters
    ----------
    learnt, target : the training parcels and their class numbers (parcel,)
    classes : their number
    held : parcels held back, cut at every node of the season for the limits
    accepted : share of them within the limit
    """
    days = season_nodes(learnt.day, COURSE_DAYS).astype(np.float64)
    weight = _weights(learnt.day, days)
    values = np.where(learnt.valid[..., None], learnt.reflectance, 0).astype(np.float64)
    seen = learnt.valid.astype(np.float64)
    sums = np.zeros((len(days), classes, values.shape[2]))
    counts = np.zeros((len(days), classes))
    for number in range(classes):
        own = target == number
        sums[:, number] = weight.T @ values[own].sum(axis=0)
        counts[:, number] = weight.T @ seen[own].sum(axis=0)
    there = counts.sum(axis=1) > 0
    days, sums, counts, weight = days[there], sums[there], counts[there], _weights(learnt.day, days[there])
    every = sums.sum(axis=1) / counts.sum(axis=1)[:, None]
    mean = (sums + PRIOR * every[:, None]) / (counts + PRIOR)[..., None]
    spread = np.zeros((len(days), values.shape[2], values.shape[2]))
    for time in range(len(learnt.day)):
        rows = learnt.valid[:, time]
        apart = values[rows, time] - np.tensordot(weight[time], mean, 1)[target[rows]]
        spread += weight[time][:, None, None] * (apart.T @ apart)
    spread = spread / counts.sum(axis=1)[:, None, None] + LEAST_VARIANCE * np.eye(values.shape[2])
    open_ended = Courses(tuple(np.round(days, 2).tolist()), _nested(mean, 5), _nested(spread, 9), (0.0,), (1.0,))
    cuts = season_nodes(held.day)
    ends, limits = [], []
    for node, before in zip(cuts, (-np.inf, *cuts[:-1]), strict=True):
        cut = held.within(last_day=float(node))
        end = last_clear_day(cut.valid, cut.day)
        new = np.flatnonzero(np.nan_to_num(end, nan=-np.inf) > before)
        if len(new):
            ends.append(round(float(end[new].mean()), 2))
            limits.append(float(np.quantile(open_ended.distance(cut.take(new)), accepted, method="higher")))
    return Courses(
        open_ended.days, open_ended.mean, open_ended.covariance, tuple(ends), tuple(np.round(limits, 4).tolist())
    )


def _weights(day: npt.NDArray[np.float32], nodes: FloatArray) -> FloatArray:
    """Return the matrix (time, node) that interpolates values at nodes to days, held beyond them."""
    return np.stack([np.interp(day, nodes, column) for column in np.eye(len(nodes))], axis=1)


def _nested(values: FloatArray, digits: int) -> tuple[tuple[tuple[float, ...], ...], ...]:
    return tuple(tuple(tuple(row) for row in node) for node in np.round(values, digits).tolist())
