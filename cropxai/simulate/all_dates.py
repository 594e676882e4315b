"""A linear discriminant of all dates together, and what becomes of it without each single date.

Taking a date away needs no new fit. With P the inverse of the covariance of all dates and bands, the inverse without
the rows and columns of date t is P − P₍:,t₎ P₍t,t₎⁻¹ P₍t,:₎ on what is left, so the discriminants of all classes
without each date follow from products that are made anyway.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cropxai.simulate.separability import FLOOR, Array

Labels = npt.NDArray[np.intp]


@dataclass(frozen=True)
class AllDates:
    """The discriminant of all dates, fitted to some parcels and applied to others.

    Attributes
    ----------
    labels : (parcel,) class of each parcel to which it is applied
    spread : (parcel, time, band) values times the inverse covariance
    whole : (parcel, class) products of the parcels with the discriminants of the classes
    means : (class, time, band) discriminants: class means times the inverse covariance
    without : (class, time, band) what each date adds to them, P₍t,t₎⁻¹ times the discriminants
    halves : (class, time) and ``half`` (class,) : what is taken off the products, without each date and with all
    """

    labels: Labels
    spread: Array
    whole: Array
    means: Array
    without: Array
    halves: Array
    half: Array

    @classmethod
    def fitted(cls, train: Array, train_labels: Labels, test: Array, test_labels: Labels) -> "AllDates":
        """Fit to ``train`` (parcel, time, band) and apply to ``test``; missing dates count as the mean of all.

        The covariance is that within classes, shrunk towards equal variances by Ledoit & Wolf (2004).
        """
        times, bands = train.shape[1:]
        classes = int(train_labels.max()) + 1
        centre, scale = _scale(train, train_labels)
        x, y = (_flat(values, centre, scale) for values in (train, test))
        count = np.bincount(train_labels, minlength=classes)
        mean = np.stack([x[train_labels == c].mean(axis=0) for c in range(classes)])
        inverse = np.linalg.inv(_shrunk(x - mean[train_labels], len(x) - int((count > 0).sum())))
        discriminants = mean @ inverse
        blocks = inverse.reshape(times, bands, times, bands)[np.arange(times), :, np.arange(times)]
        by_date = discriminants.reshape(classes, times, bands)
        added = np.moveaxis(np.linalg.solve(blocks, np.moveaxis(by_date, 0, 2)), 2, 0)
        half = (mean * discriminants).sum(axis=1) / 2
        return cls(
            labels=test_labels,
            spread=(y @ inverse).reshape(len(y), times, bands),
            whole=y @ discriminants.T,
            means=by_date,
            without=added,
            halves=half[:, None] - (by_date * added).sum(axis=2) / 2,
            half=half,
        )

    def scores(self, first: int, second: int) -> tuple[Array, Array]:
        """Return log odds of one class against another, of the parcels of each.

        Returns
        -------
        (parcel, 1 + time) of the first class, and of the second: with all dates, then without each
        """
        both = []
        turned = self.without[first] - self.without[second]
        for crop in (first, second):
            own = self.labels == crop
            whole = self.whole[own, first] - self.whole[own, second]
            lost = np.einsum("ntb,tb->nt", self.spread[own], turned)
            offset = self.halves[first] - self.halves[second]
            every = whole - (self.half[first] - self.half[second])
            both.append(np.column_stack([every, whole[:, None] - lost - offset]))
        return both[0], both[1]

    def logits(self, date: int | None) -> Array:
        """Return the log shares of all classes up to a constant, (parcel, class), with all dates or without one."""
        if date is None:
            return self.whole - self.half
        return self.whole - self.spread[:, date] @ self.without[:, date].T - self.halves[:, date]


def _scale(train: Array, labels: Labels) -> tuple[Array, Array]:
    """Return mean and standard deviation within classes, (time, band); a date that nobody has gets zero and one."""
    seen = np.isfinite(train)
    count = seen.sum(axis=0)
    centre = np.where(seen, train, 0).sum(axis=0) / np.maximum(count, 1)
    squares = np.zeros(train.shape[1:])
    for crop in np.unique(labels):
        own, there = train[labels == crop], seen[labels == crop]
        mean = np.where(there, own, 0).sum(axis=0) / np.maximum(there.sum(axis=0), 1)
        squares += (np.where(there, own - mean, 0) ** 2).sum(axis=0)
    scale = np.sqrt(squares / np.maximum(count, 1) + FLOOR**2)
    return centre, scale


def _flat(values: Array, centre: Array, scale: Array) -> Array:
    z = (values - centre) / scale
    return np.where(np.isfinite(z), z, 0).reshape(len(z), -1)


def _shrunk(apart: Array, freedom: int) -> Array:
    """Return the covariance of centred rows, shrunk towards the mean variance (Ledoit & Wolf 2004)."""
    rows, columns = apart.shape
    covariance = apart.T @ apart / max(freedom, 1)
    level = np.trace(covariance) / columns
    squares = apart**2
    noise = ((squares.T @ squares) / rows - covariance**2).sum() / rows
    distance = ((covariance - level * np.eye(columns)) ** 2).sum()
    share = min(max(noise / max(distance, 1e-300), 1e-3), 1.0)
    out: Array = (1 - share) * covariance + share * level * np.eye(columns)
    return out
