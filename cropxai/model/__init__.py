"""The classifier: a transformer for irregular, incomplete series, its training, its checkpoints, its answers."""

from cropxai.model.checkpoint import Model, load_model
from cropxai.model.predict import Classification, classify
from cropxai.model.settings import Settings
from cropxai.model.train import train

__all__ = ["Classification", "Model", "Settings", "classify", "load_model", "train"]
