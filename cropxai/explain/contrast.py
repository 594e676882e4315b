"""What parts the answer from its rival: relevance of whole dates, less that which the rival's own series would have.

Relevance of a whole date (`Attribution.date_relevance`) tells what the answer needs, and much of that the rival needs
too. So the network is asked twice, by the same rule for the lead of the same class: of the parcel, and of what stands
for the rival, with the same dates missing. A date on which both show the same, and that is read alike, cancels.
"""

import hashlib

import numpy as np
import numpy.typing as npt
import torch

from cropxai.explain.lrp import LEDGER, LRP, Attribution
from cropxai.explain.medians import counted_from, reference_inputs
from cropxai.model.checkpoint import Model
from cropxai.model.inputs import Inputs


class Contrast:
    """CP-LRP of the parcel less CP-LRP of its reference; is called as :class:`cropxai.explain.lrp.LRP` is.

    Where R is the relevance of whole dates, relevance is R(parcel) - R(reference), two passes; the ledger has as
    ``reference`` ΣR(reference), and as ``bias`` that of the parcel. ``position`` is 0: the days are part of both.

    Parameters
    ----------
    model, target, dtype, chunk, device : of :class:`cropxai.explain.lrp.LRP`
    reference : the series that stands for the rival (:func:`cropxai.explain.medians.reference_series`)
    """

    level = "date"

    def __init__(
        self,
        model: Model,
        target: str = "margin",
        reference: str = "rival",
        dtype: str = "float32",
        chunk: int = 64,
        device: str = "cpu",
    ):
        self.lrp = LRP(model, "cp-lrp", self.level, target, reference, dtype, chunk, device)
        self.model, self.target, self.reference = model, target, reference

    def identity(self) -> str:
        """Return a hash of the network's weights and of all choices."""
        return hashlib.sha256(f"contrast {self.lrp.identity()}".encode()).hexdigest()

    def __call__(
        self,
        x: npt.NDArray[np.float32],
        valid: npt.NDArray[np.bool_],
        day: npt.NDArray[np.float32],
        asked: npt.NDArray[np.intp] | None = None,
        base: npt.NDArray[np.float32] | None = None,
    ) -> Attribution:
        """Explain some parcels; takes the arrays of :meth:`cropxai.explain.lrp.LRP.__call__`."""
        inputs = Inputs.explained(np.where(valid[..., None], x, np.float32(0)), valid, day)
        if base is None:
            base = reference_inputs(inputs, self.model, self.reference)
        x = inputs.reflectance
        own = self.lrp(x, valid, day, asked, base)
        series, number, rival = torch.as_tensor(x), torch.as_tensor(own.number), torch.as_tensor(own.rival)
        start = counted_from(self.reference, torch.as_tensor(base), series, number, rival).expand(x.shape).numpy()
        lacking = np.isnan(x).any(axis=(0, 1))  # bands that the series lacks, the reference lacks as well
        start = np.where(lacking, np.float32(np.nan), start)
        other = self.lrp(start, valid, day, own.number, base)
        relevance = own.date_relevance - other.date_relevance
        ledger = own.ledger.copy()
        for name, entry in (
            ("input", np.nansum(relevance, axis=1)),
            ("reference", np.nansum(other.date_relevance, axis=1)),
            ("position", np.zeros(len(x))),
        ):
            ledger[:, LEDGER.index(name)] = np.where(own.number < 0, np.nan, entry)
        return Attribution(relevance, own.position * 0, relevance, own.score, own.number, own.rival, ledger)
