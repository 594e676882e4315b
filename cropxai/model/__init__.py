"""The classifier: a transformer for irregular, incomplete series, its training, its checkpoints, its answers."""

from cropxai.model.checkpoint import Model, load_model
from cropxai.model.predict import Classification, classify
from cropxai.model.settings import Settings
from cropxai.model.train import train
from cropxai.model.transfer import fine_tuning

__all__ = ["Classification", "Model", "Settings", "classify", "fine_tuning", "load_model", "train"]
