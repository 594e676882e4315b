"""The Python of the system, which has GDAL and QGIS; where it lacks them tests are skipped, but never in CI."""

import os
import subprocess
from pathlib import Path

import pytest

PYTHON = "/usr/bin/python3"


def skip_unless_ci(reason: str) -> None:
    """Skip the test; fail it where CI=true, which must have everything."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def clean_environment(**more: str) -> dict[str, str]:
    """Return variables without any of this Python's: QGIS takes the first python3 on PATH for its own."""
    return {"PATH": "/usr/bin:/bin", "HOME": os.environ.get("HOME", "/"), "LC_ALL": "C.UTF-8", **more}


def system_python(module: str) -> tuple[str, dict[str, str]]:
    """Return the path and the environment of the system's Python if it can import a module."""
    environment = clean_environment()
    if Path(PYTHON).exists():
        probe = subprocess.run([PYTHON, "-c", f"import {module}"], env=environment, capture_output=True)
        if probe.returncode == 0:
            return PYTHON, environment
    skip_unless_ci(f"the system's Python has no {module}; install python3-gdal and python3-qgis")
    raise AssertionError
