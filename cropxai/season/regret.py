r"""Our stopping rule: a parcel is decided once waiting no longer promises an answer that is worth the wait.

What waiting can bring is not one minus the confidence: a parcel that will be as doubtful in autumn as it is in May
gains nothing from the summer. So an answer is measured against what the model itself will know at the end of the
season: the *regret* of stopping with answer :math:`\hat y_t` is :math:`1 - p_T(\hat y_t)`, one minus its calibrated
probability at the last date. It has less noise than right or wrong, and beyond the temperatures it needs no labels.
Backwards from the last date a kernel regression on the probabilities of the day says whether regret and delay
together will be less if the parcel waits (optimal stopping by regression, Longstaff & Schwartz 2001, as CALIMERA does
with right and wrong). The price of a day is chosen, on parcels of known crop, such that the loss against the whole
season is the one that is accepted.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline

from cropxai.season.stopping import Position, Target, confidences, first_true, temperatures, tempered

#: Landmarks of the kernel (Williams & Seeger 2001): with 150 the regression is that of the whole kernel to within
#: noise.
LANDMARKS = 150
#: Weights of delay against regret that are tried.
ALPHAS = (0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.7, 0.99)


@dataclass(frozen=True)
class RegretRule:
    """The rule, fitted.

    Attributes
    ----------
    alpha : weight of delay against regret
    temperature : (prefix,) of the probabilities
    regressions : one for each prefix but the last: what is saved by stopping now
    """

    alpha: float
    temperature: tuple[float, ...]
    regressions: tuple[Pipeline, ...]

    @classmethod
    def fit(
        cls, probabilities: npt.NDArray[np.floating], truth: Target, delay: npt.ArrayLike, alpha: float
    ) -> "RegretRule":
        """Fit on parcels that the model was not trained on.

        Parameters
        ----------
        probabilities : (parcel, prefix, class)
        truth : (parcel,) class numbers, for the temperatures only
        delay : (prefix,) 0 to 1, share of the season that has passed
        alpha : weight of delay against regret, 0 to 1
        """
        temperature = temperatures(probabilities, truth)
        known = tempered(probabilities, temperature)
        answer = probabilities.argmax(axis=2)
        regret = 1 - np.take_along_axis(known[:, -1], answer, axis=1)
        cost = alpha * np.asarray(delay, dtype=np.float64)[None] + (1 - alpha) * regret
        ahead = cost[:, -1]  # what the rule costs from the next prefix on
        found = []
        for t in range(cost.shape[1] - 2, -1, -1):
            x = confidences(known[:, t])
            kernel = Nystroem(gamma=1 / x.shape[1], n_components=min(LANDMARKS, len(x)), random_state=0)
            regression = make_pipeline(kernel, Ridge(1.0)).fit(x, ahead - cost[:, t])
            found.append(regression)
            ahead = np.where(regression.predict(x) > 0, cost[:, t], ahead)
        return cls(alpha, temperature, tuple(reversed(found)))

    @classmethod
    def for_loss(
        cls,
        probabilities: npt.NDArray[np.floating],
        truth: Target,
        delay: npt.ArrayLike,
        max_loss: float = 0.75,
        alphas: Sequence[float] = ALPHAS,
    ) -> "RegretRule":
        """Fit the rule of earliest decisions whose accuracy is within ``max_loss`` points of the whole season's.

        Where no price of a day keeps the loss, the smallest is taken.
        """
        when = np.asarray(delay, dtype=np.float64)
        rows = np.arange(len(truth))
        right = probabilities.argmax(axis=2) == truth[:, None]
        rules = [cls.fit(probabilities, truth, when, alpha) for alpha in sorted(alphas)]
        stops = [rule.stop(probabilities) for rule in rules]
        losses = [100 * float(right[:, -1].mean() - right[rows, stop].mean()) for stop in stops]
        within = [i for i, loss in enumerate(losses) if loss <= max_loss]
        return rules[min(within, key=lambda i: float(when[stops[i]].mean()), default=0)]

    def saved(self, probabilities: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
        """Return what is saved by stopping at each prefix but the last, (parcel, prefix - 1); stop where positive."""
        known = tempered(probabilities, self.temperature)
        pieces = [each.predict(confidences(known[:, t])) for t, each in enumerate(self.regressions)]
        return np.stack(pieces, axis=1) if pieces else np.empty((len(known), 0))

    def stop(self, probabilities: npt.NDArray[np.floating]) -> Position:
        """Return the position of the prefix at which each parcel stops, (parcel,)."""
        stands = np.zeros(probabilities.shape[:2], dtype=bool)
        stands[:, :-1] = self.saved(probabilities) > 0
        return first_true(stands)
