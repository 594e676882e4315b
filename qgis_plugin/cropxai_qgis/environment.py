# SPDX-License-Identifier: GPL-2.0-or-later
"""Where cropxai is installed, whether it is fit, and the environment variables it runs with.

The Python of QGIS is never used: its libraries are of other versions, and on some systems `sys.executable` is QGIS.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

#: Set by QGIS and its launchers for their own GDAL and Qt, which differ from those of cropxai. Other variables of GDAL
#: are the user's, such as a proxy.
FOREIGN = ("GDAL_DATA", "GDAL_DRIVER_PATH", "GDAL_PYTHON_DRIVER_PATH", "QT_PLUGIN_PATH")
#: All variables of Python and PROJ that begin so.
FOREIGN_PREFIXES = ("PYTHON", "PROJ")
#: The oldest cropxai that has all the commands and options of the plugin.
OLDEST = (0, 1)
#: Name of the environment in the folder of the QGIS profile.
PROFILE_ENVIRONMENT = "cropxai-env"
#: Seconds that the program has to tell its version; the first start after installation is slow.
PATIENCE = 60

REMEDY = (
    "Install it in an environment of its own ('python -m venv cropxai-env', then "
    "'cropxai-env/bin/pip install cropxai') and name that folder under "
    "Settings > Options > Processing > Providers > cropxai."
)


class CropxaiMissing(Exception):
    """No cropxai program, or none that fits, is where it was looked for; the text says what to do."""


def find_cropxai(setting: str = "", profile: str = "", variables: Mapping[str, str] = os.environ) -> str:
    """Return the path of the program: of the setting, of CROPXAI_PYTHON, on PATH, or in the profile of QGIS.

    The first two may name an environment's folder, its Python, or the program itself.

    Raises
    ------
    CropxaiMissing
    """
    for place, origin in ((setting, "the setting"), (variables.get("CROPXAI_PYTHON", ""), "CROPXAI_PYTHON")):
        if place:
            found = _in_environment(Path(place).expanduser())
            if found is None:
                raise CropxaiMissing(f"{place} ({origin}) holds no cropxai. {REMEDY}")
            return str(found)
    found_on_path = shutil.which("cropxai", path=variables.get("PATH", ""))
    if found_on_path is not None:
        return found_on_path
    in_profile = _in_environment(Path(profile) / PROFILE_ENVIRONMENT) if profile else None
    if in_profile is None:
        raise CropxaiMissing(f"cropxai was not found. {REMEDY}")
    return str(in_profile)


def _in_environment(place: Path) -> "Path | None":
    if place.is_file() and place.stem.lower() == "cropxai":
        return place
    # The Python of a virtual environment is often a link: its neighbours lie where the link is, not its target.
    folders = [place / "bin", place / "Scripts", place] if place.is_dir() else [place.parent, place.parent / "Scripts"]
    names = [folder / name for folder in folders for name in ("cropxai", "cropxai.exe")]
    return next((name for name in names if name.is_file()), None)


def python_of(program: str) -> "str | None":
    """Return the Python of the environment in which the program lies; None where it cannot be told."""
    folders = [Path(program).parent, Path(program).parent.parent, Path(program).resolve().parent]
    names = [folder / name for folder in folders for name in ("python.exe", "python3", "python")]
    return next((str(name) for name in names if name.is_file()), None)


def version_of(program: str, variables: Mapping[str, str]) -> str:
    """Ask the program for its version and return it.

    Raises
    ------
    CropxaiMissing
        If it does not answer as cropxai does, or is older than the plugin needs.
    """
    answer = _answer([program, "--version"], variables)
    told = re.search(r"cropxai, version (\d+)\.(\d+)\S*", answer)
    if told is None:
        last = answer.strip().splitlines()[-1:] or ["nothing"]
        raise CropxaiMissing(f"{program} answered {last[0]!r} when asked for its version. {REMEDY}")
    if (int(told[1]), int(told[2])) < OLDEST:
        wanted = ".".join(map(str, OLDEST))
        raise CropxaiMissing(
            f"{told[0]} in {Path(program).parent} is too old for the plugin, which needs {wanted}; "
            "update it with 'pip install --upgrade cropxai' in that environment."
        )
    return told[0].split()[-1]


def _answer(command: "list[str]", variables: Mapping[str, str]) -> str:
    """Run a short command and return all that it says."""
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    try:
        ended = subprocess.run(  # nosec B603: a list without a shell; the program is the user's own
            command, env=dict(variables), encoding="utf-8", errors="replace", timeout=PATIENCE, check=False, **pipes
        )
    except OSError as error:
        return f"{error.strerror}"
    except subprocess.TimeoutExpired:
        return f"nothing within {PATIENCE} s"
    return ended.stdout


def clean_variables(variables: Mapping[str, str] = os.environ) -> "dict[str, str]":
    """Return the environment variables without those that QGIS set for itself."""
    kept = {
        name: value
        for name, value in variables.items()
        if not name.upper().startswith(FOREIGN_PREFIXES) and name.upper() not in FOREIGN
    }
    return {**kept, "PYTHONUNBUFFERED": "1", "PYTHONUTF8": "1"}
