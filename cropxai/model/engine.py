"""How the scores of a network are worked out: by the pass written by hand where it fits, else by the network itself."""

import copy
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cropxai.errors import DeviceMissing
from cropxai.model.fast import FastForward, supports
from cropxai.model.inputs import Inputs
from cropxai.model.transformer import CropTransformer

#: Scores of some parcels, (parcel, class) float32.
Scorer = Callable[[Inputs], npt.NDArray[np.float32]]
#: Numbers in which a network runs, and where.
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
DEVICES = ("cpu", "cuda")


def scorer(
    network: CropTransformer, *, dtype: str = "float32", device: str | None = None, batch_size: int = 512
) -> Scorer:
    """Return the function that scores parcels; threads may share it.

    Parameters
    ----------
    network : in evaluation mode from here on; later changes of its weights are not seen
    dtype : one of ``DTYPES``
    device : one of ``DEVICES``, by default where the network is
    batch_size : parcels at once where the network itself runs; the scores do not depend on it

    Raises
    ------
    ValueError
        If dtype or device is unknown.
    DeviceMissing
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is none of {', '.join(DTYPES)}")
    if device is not None and device not in DEVICES:
        raise ValueError(f"device {device!r} is none of {', '.join(DEVICES)}")
    if device == "cuda" and not torch.cuda.is_available():
        raise DeviceMissing(device)
    network.eval()
    place = network.mean.device if device is None else torch.device(device)
    if place.type == "cpu" and supports(network):
        run = FastForward(network, DTYPES[dtype])
        return lambda inputs: run(*inputs.tensors()).numpy()
    moved = network if network.mean.device == place else copy.deepcopy(network).to(place)
    return _plain(moved, DTYPES[dtype], batch_size)


def _plain(network: CropTransformer, dtype: torch.dtype, batch_size: int) -> Scorer:
    """Run the network as it is, in batches; in bfloat16 its products only."""
    place = network.mean.device

    def score(x: Tensor, valid: Tensor, day: Tensor) -> Tensor:
        with torch.inference_mode(), torch.autocast(place.type, dtype, enabled=dtype != torch.float32):
            scores: Tensor = network(x.to(place), valid.to(place), day.to(place))
        return scores.float().cpu()

    def scored(inputs: Inputs) -> npt.NDArray[np.float32]:
        x, valid, day = inputs.tensors()
        parts = [
            score(x[rows], valid[rows], day if day.dim() == 1 else day[rows])
            for start in range(0, len(inputs), batch_size)
            for rows in [slice(start, start + batch_size)]
        ]
        return np.concatenate(parts) if parts else np.empty((0, network.size.classes), np.float32)

    return scored
