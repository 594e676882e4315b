"""Samples made harder, so that one network answers on any day, through thin cloud, and with fewer bands or dates."""

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cropxai.bands import BY_NAME
from cropxai.errors import SeriesUnusable
from cropxai.model.inputs import Inputs
from cropxai.model.settings import Settings

Values = npt.NDArray[np.float32]
Mask = npt.NDArray[np.bool_]

#: The middle of the season, as shares of the span of the dates; of a calendar year, mid March to end of September.
MIDDLE = (0.2, 0.75)
#: A late start leaves out at most this share of the span.
LATEST_START = 0.5
#: Thin cloud: share of the dates of a sample that have some, bounds of its opacity and of its reflectance (assumed;
#: what a mask overlooks is thin, and bright in all bands).
CLOUDY_DATES, OPACITY, BRIGHTNESS = 0.2, (0.05, 0.6), (0.4, 0.9)
#: Share of the samples whose clear pixels are not told, because there are series that do not know them.
UNCOUNTED = 0.1


def optional_bands(bands: tuple[str, ...]) -> tuple[str, ...]:
    """Return the bands that training may leave out: those of 20 and 60 m, which some products lack.

    Raises
    ------
    SeriesUnusable
        If no other would be left.
    """
    coarse = tuple(b for b in bands if b in BY_NAME and BY_NAME[b].resolution > 10)
    if len(coarse) == len(bands):
        raise SeriesUnusable(
            f"the series has bands of 20 and 60 m alone ({', '.join(bands)}), and training with missing bands keeps "
            "those of 10 m; train with --band-dropout 0"
        )
    return coarse


def augmented(
    batch: Inputs,
    settings: Settings,
    rng: np.random.Generator,
    bands: tuple[str, ...] = (),
    fixed: bool = False,
) -> tuple[Tensor, Tensor, Tensor]:
    """Return a batch as tensors: dates, bands and clear sky taken away at random, gains and shifts added.

    A sample that would lose all its dates keeps them.

    Parameters
    ----------
    batch : with clear pixels as its last column where ``settings.pixel_counts`` is true; they are no light, and stay
    bands : names of the bands, needed where ``settings.band_dropout`` is not 0
    fixed : keep all dates in their place, for a network of a fixed number of them
    """
    count, times = batch.valid.shape
    inside = season(batch.day, count, settings, rng)
    dropped = rng.random((count, times)) < rng.uniform(0, settings.date_dropout, size=(count, 1))
    valid = batch.valid & inside & ~dropped
    valid |= batch.valid & ~valid.any(axis=1, keepdims=True)
    values, counts = np.split(batch.reflectance, [batch.reflectance.shape[2] - settings.pixel_counts], axis=2)
    encoded = np.broadcast_to(batch.encoded, (count, times))
    if settings.gain:
        level = 1 + settings.gain * rng.standard_normal((count, 1, 1))
        band = 1 + 0.5 * settings.gain * rng.standard_normal((count, 1, values.shape[2]))
        values = (values * level * band).astype(np.float32)
    if settings.clouds:
        values = clouded(values, settings.clouds, rng)
    if settings.band_dropout:
        lost = lost_bands(bands, count, settings.band_dropout, rng)
        values = np.where(lost[:, None], np.float32(np.nan), values)
    if settings.pixel_counts:
        untold = rng.random((count, 1, 1)) < UNCOUNTED
        values = np.concatenate([values, np.where(untold, np.float32(np.nan), counts)], axis=2)
    if settings.shift:
        encoded = (encoded + settings.shift * rng.standard_normal((count, 1))).astype(np.float32)
    if fixed:
        return torch.from_numpy(values), torch.from_numpy(valid), torch.from_numpy(encoded.copy())
    return compact(values, valid, encoded)


def season(day: Values, count: int, settings: Settings, rng: np.random.Generator) -> Mask:
    """Return which dates samples keep of the season, (sample, time): from a random start to a random end."""
    first, span = float(day.min()), float(day.max() - day.min()) + 1
    ends = (1 if settings.cut_together else count, 1)
    end = rng.uniform(first, first + span, size=ends)
    middle = rng.uniform(first + MIDDLE[0] * span, first + MIDDLE[1] * span, size=ends)
    end = np.where(rng.random(ends) < settings.growing_season, middle, end)
    end[rng.random(ends) >= settings.any_season] = np.inf
    start = rng.uniform(first, first + LATEST_START * span, size=(count, 1))
    start[rng.random((count, 1)) >= settings.late_start] = -np.inf
    return np.asarray((day >= start) & (day <= end))


def clouded(values: Values, share: float, rng: np.random.Generator) -> Values:
    """Put thin cloud on some dates of a share of the samples: part of the light is that of the cloud."""
    shape = values.shape[:2]
    hit = (rng.random((shape[0], 1)) < share) & (rng.random(shape) < CLOUDY_DATES)
    opacity = np.where(hit, rng.uniform(*OPACITY, size=shape), 0)[..., None]
    brightness = rng.uniform(*BRIGHTNESS, size=shape)[..., None]
    return (values + opacity * (brightness - values)).astype(np.float32)


def lost_bands(bands: tuple[str, ...], count: int, share: float, rng: np.random.Generator) -> Mask:
    """Return which bands samples lose, (sample, band).

    Of the ``share`` that loses some, half loses the bands of 60 m, as archives without them do, and half each of the
    optional bands with a probability of its own.
    """
    coarsest = np.array([b in BY_NAME and BY_NAME[b].resolution == 60 for b in bands])
    optional = np.isin(bands, optional_bands(bands))
    some = rng.random((count, len(bands))) < rng.random((count, 1))
    lost = np.where(rng.random((count, 1)) < 0.5, coarsest, some & optional)
    return np.asarray(lost & (rng.random((count, 1)) < share))


def compact(values: Values, valid: Mask, day: Values) -> tuple[Tensor, Tensor, Tensor]:
    """Move the dates that are there to the front and cut off what then is missing for all parcels.

    The network does not mind the order of dates; what is cut off costs nothing. Shapes (parcel, time, band),
    (parcel, time), (parcel, time), with fewer dates in return.
    """
    front = np.argsort(~valid, axis=1, kind="stable")[:, : max(1, int(valid.sum(axis=1).max()))]
    taken = np.take_along_axis(values, front[..., None], axis=1)
    kept = np.take_along_axis(valid, front, axis=1)
    days = np.take_along_axis(day, front, axis=1)
    return torch.from_numpy(taken), torch.from_numpy(kept), torch.from_numpy(days)
