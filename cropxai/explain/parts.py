"""What was explained already, kept in small files, so that a stopped run goes on where it stopped."""

import hashlib
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path

import numpy as np
import torch

import cropxai
from cropxai.explain.lrp import Array, Attribution
from cropxai.explain.methods import Explainer
from cropxai.model.inputs import Inputs
from cropxai.outputs import replacing
from cropxai.workplace import kept_arrays


def name_of(way: Explainer, inputs: Inputs, asked: Array, base: Array) -> str:
    """Return the file name of the attribution of some parcels: a hash of all that it depends on."""
    known = hashlib.sha256(f"{cropxai.__version__} {torch.__version__} {way.identity()}".encode())
    for array in (inputs.reflectance, inputs.valid, inputs.day, asked, base):
        known.update(f"{array.dtype} {array.shape}".encode())
        known.update(np.ascontiguousarray(array).data)
    return f"{known.hexdigest()[:32]}.npz"


def kept(file: Path, explain: Callable[[], Attribution]) -> Attribution:
    """Take over what an earlier run explained, or explain and keep it.

    Raises
    ------
    OutputUnwritable
    """
    found = load_part(file)
    if found is None:
        found = explain()
        with replacing(file, overwrite=True) as part:
            np.savez(part, **{field.name: getattr(found, field.name) for field in fields(Attribution)})
    return found


def load_part(file: Path) -> Attribution | None:
    """Read what was explained; None if it is damaged or not there."""
    arrays = kept_arrays(file, [field.name for field in fields(Attribution)])
    return None if arrays is None else Attribution(**arrays)
