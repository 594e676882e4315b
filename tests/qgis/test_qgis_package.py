"""The zip of the plugin by the rules of plugins.qgis.org, and that the check finds what breaks them."""

import importlib.util
import shutil
import sys
import zipfile
from pathlib import Path

import pytest
from system_python import skip_unless_ci

PLUGIN = Path(__file__).parents[2] / "qgis_plugin"
sys.path.insert(0, str(PLUGIN))

import package  # noqa: E402  (lies beside the plugin)


@pytest.fixture
def copy(tmp_path):
    return Path(shutil.copytree(package.FOLDER, tmp_path / "cropxai_qgis"))


def test_the_plugin_keeps_the_rules():
    assert package.metadata_problems(package.FOLDER) == []
    assert package.source_problems(package.FOLDER) == []


def test_the_scanners_of_the_site_find_nothing_here_and_what_is_planted(copy):
    if missing := [tool for tool in package.TOOLS if importlib.util.find_spec(tool) is None]:
        skip_unless_ci(f"{missing[0]} is not installed")
    assert package.scan(package.FOLDER) == {"bandit": [], "detect_secrets": []}
    with (copy / "plugin.py").open("a", encoding="utf-8") as file:
        file.write('\ndef planted(text):\n    return eval(text), "AKIAIOSFODNN7EXAMPLF"\n')
    bandit, secrets = package.scan(copy).values()
    assert len(bandit) == 1 and "plugin.py" in bandit[0] and "eval" in bandit[0]
    assert len(secrets) == 1 and secrets[0].startswith("plugin.py") and "AWS" in secrets[0]


def test_the_zip_holds_all_of_the_plugin_and_nothing_else(copy, tmp_path):
    for name in ("__pycache__/a.pyc", ".git/config", "notes.md"):
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_bytes(b"x")
    path = package.build(copy, tmp_path)
    assert path.name == "cropxai_qgis-0.1.0.zip"
    assert package.zip_problems(path) == []
    names = set(zipfile.ZipFile(path).namelist())
    sources = {f"cropxai_qgis/{p.relative_to(package.FOLDER).as_posix()}" for p in package.FOLDER.rglob("*.py")}
    assert sources <= names
    assert {"cropxai_qgis/metadata.txt", "cropxai_qgis/LICENSE", "cropxai_qgis/icon.svg"} <= names
    assert not [name for name in names if "pyc" in name or ".git" in name or "notes" in name]
    assert package.build(copy, tmp_path).read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        ("name=cropxai\n", "name=cropxai plugin\n", "must not contain 'plugin'"),
        ("email=", "mail=", "email is missing"),
        ("version=0.1.0", "version=latest", "not of the form"),
        ("tracker=https", "tracker=ftp", "tracker is no address"),
        ("hasProcessingProvider=yes", "", "qgis_process does not list"),
        ("icon=icon.svg", "icon=none.svg", "icon is no file"),
    ],
)
def test_bad_metadata_is_found(copy, old, new, text):
    path = copy / "metadata.txt"
    given = path.read_text(encoding="utf-8")
    assert old in given
    path.write_text(given.replace(old, new), encoding="utf-8")
    assert text in " ".join(package.metadata_problems(copy))


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("import numpy as np", "imports numpy"),
        ("from PyQt5.QtCore import Qt", "imports PyQt5"),
        ("import multiprocessing", "imports multiprocessing"),
        ("dialog.exec_()", ".exec_( is not in QGIS 4"),
        ("x = Qt.AlignLeft", "Qt.AlignLeft has no scope"),
        ("def f():\n    import torch.nn", "imports torch"),
    ],
)
def test_what_qgis_does_not_have_is_found(copy, line, text):
    with (copy / "texts.py").open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    assert text in " ".join(package.source_problems(copy))


def test_a_zip_that_breaks_the_rules(tmp_path):
    path = tmp_path / "bad.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("crop-map/__pycache__/a.pyc", b"")
        archive.writestr("other/a.py", b"")
    told = " ".join(package.zip_problems(path))
    for text in ("must hold one folder", "LICENSE is missing", "a.pyc must not be in it"):
        assert text in told
