# SPDX-License-Identifier: GPL-2.0-or-later
"""Where cropxai is installed, and the environment variables it runs with.

The Python of QGIS is never used: its libraries are of other versions, and on some systems `sys.executable` is QGIS.
"""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

#: Set by QGIS and its launchers for their own Python, PROJ and GDAL, which differ from those of cropxai.
FOREIGN = ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "GDAL_DRIVER_PATH", "QT_PLUGIN_PATH")

REMEDY = (
    "Install it in an environment of its own ('python -m venv cropxai-env', then "
    "'cropxai-env/bin/pip install cropxai') and name that folder under "
    "Settings > Options > Processing > Providers > cropxai."
)


class CropxaiMissing(Exception):
    """No cropxai program is where it was looked for."""


def find_cropxai(setting: str = "", variables: Mapping[str, str] = os.environ) -> str:
    """Return the path of the program: that of the setting, else of CROPXAI_PYTHON, else on PATH.

    The first two may name an environment's folder, its Python, or the program itself.
    """
    for place, origin in ((setting, "the setting"), (variables.get("CROPXAI_PYTHON", ""), "CROPXAI_PYTHON")):
        if place:
            found = _in_environment(Path(place).expanduser())
            if found is None:
                raise CropxaiMissing(f"{place} ({origin}) holds no cropxai. {REMEDY}")
            return str(found)
    found_on_path = shutil.which("cropxai", path=variables.get("PATH", ""))
    if found_on_path is None:
        raise CropxaiMissing(f"cropxai was not found. {REMEDY}")
    return found_on_path


def _in_environment(place: Path) -> "Path | None":
    if place.is_file() and place.stem.lower() == "cropxai":
        return place
    # The Python of a virtual environment is often a link: its neighbours lie where the link is, not its target.
    folders = [place / "bin", place / "Scripts", place] if place.is_dir() else [place.parent, place.parent / "Scripts"]
    names = [folder / name for folder in folders for name in ("cropxai", "cropxai.exe")]
    return next((name for name in names if name.is_file()), None)


def clean_variables(variables: Mapping[str, str] = os.environ) -> "dict[str, str]":
    """Return the environment variables without those that QGIS set for itself."""
    kept = {name: value for name, value in variables.items() if not name.startswith("PYTHON") and name not in FOREIGN}
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
