"""Where the real data sets lie; they are no part of the project."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

NEARBY = Path(__file__).parents[2] / "../shared/data"


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Find a real data set by its name, or skip the test."""
    folder = Path(os.environ.get("CROPXAI_REAL_DATA", NEARBY)).resolve()

    def find(name: str) -> Path:
        if not (folder / name).is_dir():
            pytest.skip(f"no real data set {name}; name the folder that holds it in CROPXAI_REAL_DATA")
        return folder / name

    return find
