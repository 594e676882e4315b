"""A linear discriminant of all dates together, and what becomes of it without each single date.

Parcels are seen on different dates. So each is first brought to the same nodes in time: a node takes the mean of the
dates around it, weighted linearly to the nodes beside it, and where there is none, lies on the line between its
neighbours. Without a date, all this is done anew, and the discriminant too: other dates may take its place.
"""

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from cropxai.jit import compiled
from cropxai.simulate.separability import FLOOR, Array

Labels = npt.NDArray[np.intp]

#: Nodes in time: the dates themselves if there are no more, else so many at equal distances.
NODES = 40
#: Combinations of bands that are kept: those that tell classes apart best over all dates (Fisher 1936).
COMBINATIONS = 6
#: Weight of dates from which a node has a value of its own.
_ENOUGH = 0.1


def season_logits(
    train: Array, labels: Labels, test: Array, dates: npt.NDArray[np.datetime64]
) -> npt.NDArray[np.float32]:
    """Return the log shares of all classes, up to a constant, of parcels that are held out.

    Fisher's discriminant with the covariance within classes, shrunk towards equal variances by the share of Ledoit &
    Wolf (2004).

    Parameters
    ----------
    train, test : (parcel, time, band), missing dates NaN
    labels : class of each parcel of ``train``
    dates : (time,) in order

    Returns
    -------
    (parcel of test, 1 + time, class) : by all dates, then by all but each. 0 for all classes where no date is left
    """
    train, labels = _seen_once(train, labels)
    turn = _combinations(train, labels)
    time, low, share = _nodes(dates)
    nodes = len(time)
    there = _seen(test)
    out = np.zeros((len(test), 1 + len(dates), int(labels.max()) + 1), np.float32)
    series = [(values @ turn, _seen(values)) for values in (train, test)]

    def courses(without: int) -> list[Array]:
        found = [np.empty((len(values), nodes, turn.shape[1])) for values, _ in series]
        for (values, seen), course in zip(series, found, strict=True):
            _course(values, seen, time, low, share, without, course)
        return [course.reshape(len(course), -1) for course in found]

    x, y = courses(-1)
    floor = FLOOR**2 * np.tile((turn**2).sum(axis=0), nodes)
    mean = _class_means(x, labels)
    scale = np.sqrt(((x - mean[labels]) ** 2).mean(axis=0) + floor)
    apart = (x - mean[labels]) / scale
    freedom = max(len(x) - len(mean), 1)
    covariance = apart.T @ apart / freedom
    shrinkage = _shrinkage(apart, covariance)
    out[:, 0] = _logits(y / scale, mean / scale, covariance, shrinkage)
    for date in range(len(dates)):
        z, y = courses(date)
        changed = np.flatnonzero((z != x).any(axis=0))
        own_mean, own_covariance, own_apart = mean.copy(), covariance.copy(), apart.copy()
        own_mean[:, changed] = _class_means(z[:, changed], labels)
        own_apart[:, changed] = (z[:, changed] - own_mean[:, changed][labels]) / scale[changed]
        own_covariance[:, changed] = own_apart.T @ own_apart[:, changed] / freedom
        own_covariance[changed] = own_covariance[:, changed].T
        out[:, 1 + date] = _logits(y / scale, own_mean / scale, own_covariance, shrinkage)
        out[there.sum(axis=1) == there[:, date], 1 + date] = 0
    out[~there.any(axis=1)] = 0
    return out


def _seen(values: Array) -> npt.NDArray[np.bool_]:
    return np.asarray(np.isfinite(values).all(axis=2))


def _seen_once(values: Array, labels: Labels) -> tuple[Array, Labels]:
    """Leave out parcels that are never seen, unless a class would be lost."""
    seen = _seen(values).any(axis=1)
    kept = seen | ~np.isin(labels, labels[seen])
    return values[kept], labels[kept]


def _nodes(dates: npt.NDArray[np.datetime64]) -> tuple[Array, npt.NDArray[np.intp], Array]:
    """Return the days of the nodes, and for each date the node before it and the share of the one after it."""
    day = (dates - dates[0]).astype("timedelta64[D]").astype(float)
    if len(day) <= NODES:
        return day, np.arange(len(day)), np.zeros(len(day))
    time = np.linspace(0, day[-1], NODES)
    place = np.interp(day, time, np.arange(NODES))
    low = np.minimum(place.astype(np.intp), NODES - 2)
    return time, low, place - low


@compiled
def _course(
    values: Array,
    seen: npt.NDArray[np.bool_],
    time: Array,
    low: npt.NDArray[np.intp],
    share: Array,
    without: int,
    out: Array,
) -> None:
    """Bring values (parcel, time, band) to nodes (parcel, node, band), ``without`` a date (-1: with all)."""
    parcels, nodes, bands = out.shape
    weight = np.empty(nodes)
    for i in range(parcels):
        out[i] = 0
        weight[:] = 0
        for t in range(seen.shape[1]):
            if seen[i, t] and t != without:
                for node, part in ((low[t], 1 - share[t]), (low[t] + 1, share[t])):
                    if part > 0:
                        weight[node] += part
                        for b in range(bands):
                            out[i, node, b] += part * values[i, t, b]
        before = -1
        for node in range(nodes):
            if weight[node] < _ENOUGH:
                continue
            for b in range(bands):
                out[i, node, b] /= weight[node]
            for gap in range(before + 1, node):
                along = 1.0
                if before >= 0 and time[node] > time[before]:
                    along = (time[gap] - time[before]) / (time[node] - time[before])
                for b in range(bands):
                    first = out[i, before, b] if before >= 0 else 0.0
                    out[i, gap, b] = first + along * (out[i, node, b] - first)
            before = node
        for gap in range(before + 1, nodes):
            for b in range(bands):
                out[i, gap, b] = out[i, before, b] if before >= 0 else 0.0


def _combinations(values: Array, labels: Labels) -> Array:
    """Return the combinations of bands (band, combination) that tell classes apart best, over all dates."""
    bands = values.shape[2]
    if bands <= COMBINATIONS:
        return np.eye(bands)
    seen = _seen(values)[..., None]
    there = np.where(seen, values, 0)
    count = np.maximum(seen.sum(axis=0), 1)
    between, apart = [], there.copy()
    for crop in range(int(labels.max()) + 1):
        own = labels == crop
        mean = there[own].sum(axis=0) / np.maximum(seen[own].sum(axis=0), 1)
        between.append(np.where(seen[own].any(axis=0), mean - there.sum(axis=0) / count, 0))
        apart[own] -= np.where(seen[own], mean, 0)
    flat, means = apart.reshape(-1, bands), np.concatenate(between)
    within = flat.T @ flat / max(int(seen.sum()), 1) + FLOOR**2 * np.eye(bands)
    out: Array = eigh(means.T @ means, within)[1][:, -COMBINATIONS:]
    return out


def _class_means(values: Array, labels: Labels) -> Array:
    return np.stack([values[labels == crop].mean(axis=0) for crop in range(int(labels.max()) + 1)])


def _shrinkage(apart: Array, covariance: Array) -> float:
    """Return the share by which the covariance of centred rows is shrunk towards equal variances."""
    rows, columns = apart.shape
    squares = apart**2
    noise = ((squares.T @ squares) / rows - covariance**2).sum() / rows
    distance = ((covariance - np.trace(covariance) / columns * np.eye(columns)) ** 2).sum()
    return min(max(float(noise / max(distance, 1e-300)), 1e-3), 1.0)


def _logits(values: Array, mean: Array, covariance: Array, shrinkage: float) -> Array:
    level = np.trace(covariance) / len(covariance)
    if level <= 0:  # nothing is left to be seen
        return np.zeros((len(values), len(mean)))
    shrunk = (1 - shrinkage) * covariance + shrinkage * level * np.eye(len(covariance))
    weights = np.linalg.solve(shrunk, mean.T)
    out: Array = values @ weights - (mean.T * weights).sum(axis=0) / 2
    return out
