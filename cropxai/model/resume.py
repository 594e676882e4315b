"""The state of a training after an epoch, in a file: what a run that was stopped goes on from."""

import hashlib
import json
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from cropxai.model.checkpoint import write_tensors
from cropxai.model.inputs import Inputs
from cropxai.model.schedule import Average
from cropxai.model.settings import Settings
from cropxai.outputs import replacing

Epoch = dict[str, float]


@dataclass
class State:
    """What must survive a kill: everything else follows from the settings and the epoch.

    Attributes
    ----------
    network, optimiser, average : as they are after ``epoch`` epochs
    best : weights of the best epoch
    """

    network: nn.Module
    optimiser: torch.optim.Optimizer
    average: Average
    best: dict[str, Tensor]
    epoch: int = 0
    best_epoch: int = -1
    best_score: float = -math.inf
    best_loss: float = math.inf
    history: list[Epoch] = field(default_factory=list)

    def keep(self, file: Path, run: str) -> None:
        """Write the state of a run, whole or not at all."""
        parts = {"now": self.network.state_dict(), "best": self.best, "average": self.average.weights}
        tensors = {f"{part}.{name}": value for part, weights in parts.items() for name, value in weights.items()}
        for number, slots in self.optimiser.state_dict()["state"].items():
            tensors |= {f"optimiser.{number}.{slot}": value for slot, value in slots.items()}
        told = {name: getattr(self, name) for name in ("epoch", "best_epoch", "best_score", "best_loss", "history")}
        with replacing(file, overwrite=True) as part:
            write_tensors(tensors, part, {"run": run, "state": json.dumps(told)})

    def resume(self, file: Path, run: str) -> None:
        """Take up the run of a file; nothing changes if it is missing, damaged, or of another run."""
        try:
            with safe_open(file, "pt") as stored:
                about = stored.metadata()
                tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 (not a mapping)
        except (OSError, SafetensorError):
            return
        if about.get("run") != run:
            return
        parts: dict[str, dict[str, Any]] = {"now": {}, "best": {}, "average": {}, "optimiser": {}}
        for name, tensor in tensors.items():
            part, key = name.split(".", 1)
            parts[part][key] = tensor
        self.network.load_state_dict(parts["now"])
        self.best = parts["best"]
        with torch.no_grad():
            for name, old in self.average.weights.items():
                old.copy_(parts["average"][name])
        slots: dict[int, dict[str, Tensor]] = {}
        for key, tensor in parts["optimiser"].items():
            number, slot = key.split(".", 1)
            slots.setdefault(int(number), {})[slot] = tensor
        groups = self.optimiser.state_dict()["param_groups"]
        self.optimiser.load_state_dict({"state": slots, "param_groups": groups})
        for name, value in json.loads(about["state"]).items():
            setattr(self, name, value)


def belongs(file: Path | None, run: str) -> bool:
    """Tell whether a file holds the state of a run."""
    if file is None:
        return False
    try:
        with safe_open(file, "pt") as stored:
            return bool((stored.metadata() or {}).get("run") == run)
    except (OSError, SafetensorError):
        return False


def fingerprint(
    inputs: Inputs,
    target: npt.NDArray[np.intp],
    held: npt.NDArray[np.intp],
    settings: Settings,
    start: dict[str, Tensor],
) -> str:
    """Return what a run is known by: its settings, its parcels, and the weights that it starts from."""
    digest = hashlib.sha256(repr(settings).encode())
    for array in (inputs.reflectance, inputs.valid, inputs.encoded, target, held):
        digest.update(np.ascontiguousarray(array).tobytes())
    for name, weights in sorted(start.items()):
        digest.update(name.encode() + weights.cpu().numpy().tobytes())
    return digest.hexdigest()
