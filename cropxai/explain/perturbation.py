"""What the network says when dates are taken away: curves of deletion, and the area between its two orders.

Deleting the least relevant dates first is inserting the most relevant first, read backwards, and the other way round:
two curves hold all four. The area between them (least relevant first less most relevant first) is 0 for an order by
chance and does not favour one way of removal as each curve alone does (Blücher et al. 2024, arXiv 2401.06654).
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.integrate import trapezoid

from cropxai.model.checkpoint import Model
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits, softmax

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.intp]

#: How a date is taken away: "mask" as if it were missing, which the network knows from its training; "zero"
#: reflectance; "interpolate", a straight line between the dates left on either side.
REMOVALS = ("mask", "zero", "interpolate")
#: Shares of a parcel's dates that are taken away; one date always stays.
SHARES = np.linspace(0, 0.9, 10)


def without(inputs: Inputs, gone: Mask, removal: str) -> Inputs:
    """Take the dates ``gone`` (parcel, time) away.

    Raises
    ------
    ValueError
        If there is no such removal.
    """
    kept = inputs.valid & ~gone
    if removal == "mask":
        return inputs.only(kept)
    if removal == "zero":
        return replace(inputs, reflectance=np.where(kept[..., None], inputs.reflectance, np.float32(0)))
    if removal == "interpolate":
        return replace(inputs, reflectance=_interpolated(inputs.reflectance, kept, inputs.day))
    raise ValueError(f"removal {removal!r} is none of {', '.join(REMOVALS)}")


def _interpolated(values: npt.NDArray[np.float32], kept: Mask, day: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Fill what is not ``kept`` on straight lines in time, level before the first and after the last date kept."""
    time = np.arange(kept.shape[1])
    before = np.maximum.accumulate(np.where(kept, time, -1), axis=1)
    after = np.minimum.accumulate(np.where(kept, time, len(time))[:, ::-1], axis=1)[:, ::-1]
    before, after = np.where(before < 0, after, before), np.where(after >= len(time), before, after)
    before, after = (np.clip(side, 0, len(time) - 1) for side in (before, after))  # of parcels that keep no date
    span = day[after] - day[before]
    share = np.where(span > 0, (day - day[before]) / np.where(span > 0, span, 1), 0).astype(np.float32)[..., None]
    first = np.take_along_axis(values, before[..., None], axis=1)
    last = np.take_along_axis(values, after[..., None], axis=1)
    return np.asarray(first + (last - first) * share)


def ranks(relevance: npt.NDArray[np.floating], valid: Mask) -> Numbers:
    """Return the place of each date from the most relevant (0) on, (parcel, time); missing dates come last."""
    order = np.argsort(np.where(valid, -relevance, np.inf), axis=1, kind="stable")
    places = np.empty_like(order)
    np.put_along_axis(places, order, np.broadcast_to(np.arange(order.shape[1]), order.shape), axis=1)
    return places


def curves(
    model: Model, inputs: Inputs, number: Numbers, relevance: npt.NDArray[np.floating], removal: str = "mask"
) -> tuple[Array, Array]:
    """Return what remains of the probability of a class as dates are taken away.

    Parameters
    ----------
    number : (parcel,) the class
    relevance : (parcel, time), anything where a date is missing

    Returns
    -------
    most, least : (parcel, share) probability after the share ``SHARES`` of the most, or of the least relevant dates
    """
    place, count = ranks(relevance, inputs.valid), inputs.valid.sum(axis=1, keepdims=True)
    most, least = [], []
    for share in SHARES:
        gone = np.minimum(np.round(share * count), count - 1)
        most.append(_probability(model, without(inputs, place < gone, removal), number))
        left_out = (place >= count - gone) & inputs.valid
        least.append(_probability(model, without(inputs, left_out, removal), number))
    return np.stack(most, axis=1), np.stack(least, axis=1)


def area_between(most: Array, least: Array) -> Array:
    """Return the mean height of ``least`` above ``most`` over the shares taken away, (parcel,), by trapezia."""
    return np.asarray(trapezoid(least - most, SHARES, axis=1) / (SHARES[-1] - SHARES[0]))


def _probability(model: Model, inputs: Inputs, number: Numbers) -> Array:
    scores = logits(model.network, inputs) / np.float32(model.card.temperature)
    return np.take_along_axis(softmax(scores), number[:, None], axis=1)[:, 0].astype(float)
