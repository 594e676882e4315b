"""The one list of ways to explain: LRP's rules and the baselines beside them, called alike."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from cropxai.explain.baselines import BASELINES, Baseline
from cropxai.explain.contrast import Contrast
from cropxai.explain.lrp import LEVELS, LRP, Attribution
from cropxai.explain.rules import RULES
from cropxai.model.checkpoint import Model

#: Every method that explains an answer.
METHODS = (*RULES, *BASELINES, "contrast")
#: The levels that each has, the finest last.
LEVELS_OF = {
    **dict.fromkeys(RULES, LEVELS),
    **{name: levels for name, (_, levels) in BASELINES.items()},
    "contrast": (Contrast.level,),
}
#: Methods that stand on the rules of LRP, and run where these do.
OF_LRP = (*RULES, "contrast")
#: Orders of dates that know nothing of the network, to compare with.
YARDSTICKS = ("random", "evenly spaced", "contiguous")


class Explainer(Protocol):
    """A method for one model; called on arrays as :class:`cropxai.explain.LRP` is."""

    model: Model
    level: str
    target: str
    reference: str

    def __call__(self, x: Any, valid: Any, day: Any, asked: Any = None, base: Any = None) -> Attribution: ...  # noqa: D102

    def identity(self) -> str: ...  # noqa: D102


def explainer(
    model: Model,
    method: str = "cp-lrp",
    level: str | None = None,
    *,
    dtype: str = "float32",
    device: str = "cpu",
    **choices: Any,
) -> Explainer:
    """Return a method for a model.

    Parameters
    ----------
    method : one of `METHODS`
    level : "date" or "band"; by default the finest that the method has
    dtype, device : of LRP's rules and contrast; the other methods know float32 on the CPU only
    choices : target, reference and chunk

    Raises
    ------
    ValueError
        If a choice is unknown, or not one of this method's.
    NoRelevanceRule
        If a rule of LRP is asked of a network that the rules do not know.
    """
    check_method(method, level, dtype, device)
    level = level or LEVELS_OF[method][-1]
    if method in RULES:
        return LRP(model, method, level, dtype=dtype, device=device, **choices)
    if method == "contrast":
        return Contrast(model, dtype=dtype, device=device, **choices)
    return Baseline(model, method, level, **choices)


def check_method(method: str, level: str | None, dtype: str = "float32", device: str = "cpu") -> None:
    """Refuse a method that is unknown, or a choice that it does not have; raises ValueError."""
    if method not in METHODS:
        raise ValueError(f"method {method!r} is none of {', '.join(METHODS)}")
    if level is not None and level not in LEVELS_OF[method]:
        raise ValueError(f"{method} knows no level {level!r}; it has {' and '.join(LEVELS_OF[method])}")
    if method not in OF_LRP and (dtype != "float32" or device != "cpu"):
        raise ValueError(f"{method} runs in float32 on the cpu only; {', '.join(OF_LRP)} have more")


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
