"""The one list of ways to explain: LRP's rules and the baselines beside them, called alike."""

from typing import Any, Protocol

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
