"""The one list of ways to explain: LRP's rules and the baselines beside them, called alike."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cropxai.explain.baselines import BASELINES, Baseline
from cropxai.explain.lrp import LRP, Attribution
from cropxai.explain.rules import RULES
from cropxai.model.checkpoint import Model

#: Every method that explains an answer.
METHODS = (*RULES, *BASELINES)
#: Orders of dates that know nothing of the network, to compare with.
YARDSTICKS = ("random", "evenly spaced", "contiguous")


class Explainer(Protocol):
    """A method for one model; called on arrays as :class:`cropxai.explain.LRP` is."""

    model: Model
    level: str
    target: str
    reference: str

    def __call__(self, x: Any, valid: Any, day: Any, asked: Any = None, base: Any = None) -> Attribution: ...  # noqa: D102


def explainer(model: Model, method: str = "cp-lrp", **choices: Any) -> Explainer:
    """Return a method for a model.

    Parameters
    ----------
    method : one of `METHODS`
    choices : level, target, reference and chunk; of LRP's rules also dtype and device. Level None is the finest that
        the method has.

    Raises
    ------
    ValueError
        If a choice is unknown, or the method has not that level.
    NoRelevanceRule
        If a rule of LRP is asked of a network that the rules do not know.
    """
    if method in RULES:
        choices["level"] = choices.get("level") or "band"
        return LRP(model, rule=method, **choices)
    if method not in BASELINES:
        raise ValueError(f"method {method!r} is none of {', '.join(METHODS)}")
    return Baseline(model, method, **choices)


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
