"""Where the real data sets lie; they are no part of the project.

Without them the tests say that they skip. Where their folder is there, a set that is missing from it fails in CI.
"""

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
            reason = f"no real data set {name}; name the folder that holds it in CROPXAI_REAL_DATA"
            if os.environ.get("CI") == "true" and folder.is_dir():
                pytest.fail(reason)
            pytest.skip(reason)
        return folder / name

    return find
