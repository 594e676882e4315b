"""What the QGIS tests share: the helpers of tests/maps, the plugin's folder, and a QGIS profile of their own."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT / "tests" / "maps"), str(ROOT / "qgis_plugin")]


@pytest.fixture(scope="session")
def qgis(tmp_path_factory):
    """Environment variables of a QGIS without a window, with an empty profile and our plugin."""
    from system_python import clean_environment, system_python

    system_python("qgis.core")
    profile = tmp_path_factory.mktemp("qgis")
    runtime = profile / "runtime"
    runtime.mkdir(mode=0o700)
    return clean_environment(
        QT_QPA_PLATFORM="offscreen",
        XDG_RUNTIME_DIR=str(runtime),
        QGIS_CUSTOM_CONFIG_PATH=str(profile),
        QGIS_PLUGINPATH=str(ROOT / "qgis_plugin"),
    )
