"""Explained early-season crop maps from field parcels and Sentinel-2 time series.

The names below are the public API; each is imported when it is first used, so that ``import cropxai`` stays cheap.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

_PUBLIC = {
    "CropSeries": "cropxai.series",
    "extract_series": "cropxai.ingest",
    "open_scene": "cropxai.ingest",
    "train": "cropxai.model",
    "classify": "cropxai.model",
    "load_model": "cropxai.model",
    "explain": "cropxai.explain",
    "season_study": "cropxai.season",
    "crop_map": "cropxai.pipeline",
}

__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    """Import a public name on first use."""
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'cropxai' has no attribute {name!r}")
