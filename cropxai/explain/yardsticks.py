"""Orders of dates that know nothing of the network, beside which those of a way to explain are looked at."""

import numpy as np
import numpy.typing as npt

YARDSTICKS = ("random", "evenly spaced", "contiguous")


def yardstick(
    name: str, valid: npt.NDArray[np.bool_], day: npt.NDArray[np.float32], seed: int = 0
) -> npt.NDArray[np.float64]:
    """Return an order of dates that knows nothing of the network, (parcel, time); higher comes first.

    * "random": an order by chance for each parcel;
    * "evenly spaced": each date as far as possible from those before it, beginning in mid-season;
    * "contiguous": outwards from the middle of the parcel's dates.
    """
    if name == "random":
        return np.random.default_rng(seed).random(valid.shape)
    if name == "contiguous":
        place = np.cumsum(valid, axis=1) - 0.5 * valid.sum(axis=1, keepdims=True)
        return np.asarray(-np.abs(place - 0.5), dtype=float)
    if name != "evenly spaced":
        raise ValueError(f"yardstick {name!r} is none of {', '.join(YARDSTICKS)}")
    order = np.zeros(valid.shape)
    nearest = np.where(valid, -np.abs(day - 0.5 * (day.min() + day.max())), -np.inf)
    left = valid.copy()
    rows = np.arange(len(valid))
    for turn in range(int(valid.sum(axis=1).max(initial=0))):
        chosen = np.where(left, nearest, -np.inf).argmax(axis=1)
        there = left[rows, chosen]
        order[rows[there], chosen[there]] = valid.shape[1] - turn
        left[rows, chosen] = False
        distance = np.abs(day - day[chosen][:, None])
        nearest = distance if turn == 0 else np.minimum(nearest, distance)
    return order
