"""From an architecture to its network."""

from cropxai.model.paper import PaperTransformer
from cropxai.model.transformer import Architecture, CropTransformer


def build(size: Architecture) -> CropTransformer:
    """Return the untrained network of an architecture."""
    return PaperTransformer(size) if size.kind == "paper" else CropTransformer(size)
