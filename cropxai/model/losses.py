r"""Losses for classes of uneven size.

With :math:`n_c` parcels of class c of N, its prior :math:`\pi_c = n_c / N`, and the probability :math:`p` that the
network gives the true class:

* cross-entropy: :math:`-\log p`;
* focal: :math:`-(1 - p)^\gamma \log p`, so that parcels that are easy count less (Lin et al. 2017, arXiv 1708.02002,
  eq. 4, with their :math:`\gamma = 2`);
* balanced: the cross-entropy times :math:`(1 - \beta) / (1 - \beta^{n_c})`, one over the effective number of parcels
  (Cui et al. 2019, arXiv 1901.05555, eq. 10), in the mean over the parcels 1;
* logit-adjusted: the cross-entropy of the logits plus :math:`\log \pi_c`, so that the logits themselves leave the prior
  out (Menon et al. 2021, arXiv 2007.07314, eq. 10, :math:`\tau = 1`).
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

LOSSES = ("cross-entropy", "focal", "balanced", "logit-adjusted")
#: Exponent of the focal loss; the beta of the effective number of parcels.
GAMMA, BETA = 2.0, 0.999

Loss = Callable[[Tensor, Tensor], Tensor]


def class_loss(kind: str, counts: npt.NDArray[np.integer], smoothing: float = 0.0) -> Loss:
    """Return the loss as a function of logits (batch, class) and class numbers (batch,).

    Parameters
    ----------
    kind : one of ``LOSSES``
    counts : (class,) parcels in the training part
    smoothing : share of the label given to all classes alike (Szegedy et al. 2016); the focal loss has none
    """
    present = torch.from_numpy(np.maximum(counts, 1).astype(np.float32))

    def cross_entropy(scores: Tensor, target: Tensor, weight: Tensor | None = None) -> Tensor:
        return functional.cross_entropy(scores, target, weight=weight, label_smoothing=smoothing)

    if kind == "focal":
        return focal
    if kind == "balanced":
        weight = (1 - BETA) / (1 - BETA**present)
        return lambda scores, target: cross_entropy(scores, target, weight.to(scores.device))
    if kind == "logit-adjusted":
        prior = (present / present.sum()).log()
        return lambda scores, target: cross_entropy(scores + prior.to(scores.device), target)
    return cross_entropy


def focal(scores: Tensor, target: Tensor) -> Tensor:
    """Return the focal loss, mean over the batch."""
    log_p = functional.log_softmax(scores, dim=1).gather(1, target[:, None])[:, 0]
    return -((1 - log_p.exp()) ** GAMMA * log_p).mean()
