# SPDX-License-Identifier: GPL-2.0-or-later
"""Build the zip of the QGIS plugin and check it by the rules of plugins.qgis.org: `python qgis_plugin/package.py`.

The rules are those of the site's validator and security scanner (QGIS-Plugins-Website, validator.py): required
metadata, one top folder with LICENSE and no compiled files, at most 25 MB, bandit and detect-secrets without a finding.
"""

import argparse
import ast
import configparser
import importlib.util
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

FOLDER = Path(__file__).parent / "cropxai_qgis"
REQUIRED = (
    "name", "description", "version", "qgisMinimumVersion", "author", "email", "about", "tracker", "repository",
    "homepage",
)  # fmt: skip
LARGEST = 25 * 1024**2
#: What lies in the zip, by suffix; all else (bytecode, caches, hidden files) is left out.
SUFFIXES = (".py", ".txt", ".svg", ".ts", ".qm", "")
#: Packages that QGIS has on every system, beside the standard library.
OFFERED = {"qgis", "processing"}
#: Names of Qt 5 and of early QGIS 3 that QGIS 4 has no more.
GONE = re.compile(r"\.exec_\(|\bQVariant\.Type\b|\bresources_rc\b|\bQRegExp\b|\bQtWebKit\b")
#: The scanners of the site, which block an upload.
TOOLS = ("bandit", "detect_secrets")


def main() -> int:
    """Check, build, check the zip; return 0 if nothing is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, default=Path("dist"), help="folder for the zip")
    folder = parser.parse_args().output
    found = [*metadata_problems(FOLDER), *source_problems(FOLDER)]
    for tool, problems in scan(FOLDER).items():
        if problems is None:
            print(f"{tool} is not installed, so its part was not checked")
        else:
            found += problems
    folder.mkdir(parents=True, exist_ok=True)
    path = build(FOLDER, folder)
    found += zip_problems(path)
    print("\n".join(found) or f"{path}: {path.stat().st_size / 1000:.0f} kB, ready to upload")
    return 1 if found else 0


def metadata_of(folder: Path) -> configparser.SectionProxy:
    """Read metadata.txt."""
    parser = configparser.ConfigParser(interpolation=None)
    parser.read(folder / "metadata.txt", encoding="utf-8")
    return parser["general"]


def metadata_problems(folder: Path) -> list[str]:
    """Return what the site would refuse in the metadata."""
    general = metadata_of(folder)
    found = [f"metadata.txt: {name} is missing" for name in REQUIRED if not general.get(name, "").strip()]
    addresses = ("tracker", "repository", "homepage")
    found += [f"metadata.txt: {n} is no address" for n in addresses if not general.get(n, "").startswith("https://")]
    if not re.fullmatch(r"\d+(\.\d+){1,2}", general.get("version", "")):
        found.append("metadata.txt: version is not of the form 1.2.3")
    if "plugin" in general.get("name", "").lower():
        found.append("metadata.txt: name must not contain 'plugin'")
    if "external dependency" not in general.get("about", "").lower():
        found.append("metadata.txt: about must name the external dependency")
    if general.get("hasProcessingProvider") != "yes":
        found.append("metadata.txt: without hasProcessingProvider=yes qgis_process does not list the algorithms")
    if not (folder / general.get("icon", "absent")).is_file():
        found.append("metadata.txt: icon is no file")
    if "GNU GENERAL PUBLIC LICENSE" not in (folder / "LICENSE").read_text(encoding="utf-8"):
        found.append("LICENSE is not the GPL")
    return found


def source_problems(folder: Path) -> list[str]:
    """Return imports that QGIS does not have everywhere, and names that QGIS 4 does not have."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        text = path.read_text(encoding="utf-8")
        tree = ast.parse(text)
        told = [(node.lineno, f"imports {name}") for node, name in _imports(tree) if not _offered(name)]
        told += [(node.lineno, f"Qt.{node.attr} has no scope, as QGIS 4 wants") for node in _unscoped(tree)]
        lines = enumerate(text.splitlines(), 1)
        told += [(number, f"{gone} is not in QGIS 4") for number, line in lines for gone in GONE.findall(line)]
        found += [f"{path.relative_to(folder)}:{number}: {what}" for number, what in sorted(told)]
    return found


def _imports(tree: ast.AST) -> Iterator[tuple[ast.stmt, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node, node.module or ""


def _offered(module: str) -> bool:
    """Say whether QGIS has a module on every system; worker processes of it would open new windows of QGIS."""
    top = module.split(".")[0]
    return top in OFFERED or (top in sys.stdlib_module_names and top != "multiprocessing")


def _unscoped(tree: ast.AST) -> list[ast.Attribute]:
    """Return the uses of Qt.Value where Qt 6 wants Qt.Kind.Value."""
    attributes = [node for node in ast.walk(tree) if isinstance(node, ast.Attribute)]
    scopes = {id(node.value) for node in attributes}
    return [n for n in attributes if isinstance(n.value, ast.Name) and n.value.id == "Qt" and id(n) not in scopes]


def scan(folder: Path) -> dict[str, "list[str] | None"]:
    """Run the scanners of the site; None for one that is not installed."""
    found: dict[str, list[str] | None] = dict.fromkeys(TOOLS)
    if importlib.util.find_spec("bandit"):
        told = _told("bandit", "-r", str(folder), "-f", "json", "-q", "--skip", "B404")  # the site has B404 off
        found["bandit"] = [
            f"{one['filename']}:{one['line_number']}: {one['test_id']} {one['issue_text']}" for one in told["results"]
        ]
    if importlib.util.find_spec("detect_secrets"):
        told = _told("detect_secrets", "scan", "--all-files", ".", cwd=folder)  # it passes over files outside
        found["detect_secrets"] = [
            f"{name}:{one['line_number']}: {one['type']}" for name, ones in told["results"].items() for one in ones
        ]
    return found


def _told(*words: str, cwd: "Path | None" = None) -> dict:
    ended = subprocess.run([sys.executable, "-m", *words], capture_output=True, text=True, cwd=cwd)
    return json.loads(ended.stdout)


def contents(folder: Path) -> list[Path]:
    """List the files of the plugin that belong in the zip."""
    inside = (path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file())
    return [
        path for path in inside
        if path.suffix in SUFFIXES and not any(part.startswith((".", "__pycache__")) for part in path.parts)
    ]  # fmt: skip


def build(folder: Path, target: Path) -> Path:
    """Write the zip; the same files always give the same bytes."""
    path = target / f"{folder.name}-{metadata_of(folder)['version']}.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in contents(folder):
            entry = zipfile.ZipInfo(f"{folder.name}/{name.as_posix()}", (2020, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, (folder / name).read_bytes())
    return path


def zip_problems(path: Path) -> list[str]:
    """Return what the site would refuse in the zip."""
    names = zipfile.ZipFile(path).namelist()
    tops = {name.split("/")[0] for name in names}
    found = [] if path.stat().st_size <= LARGEST else [f"{path}: larger than 25 MB"]
    if len(tops) != 1 or not all(top.isidentifier() for top in tops):
        found.append(f"{path}: must hold one folder, named as a Python module, not {', '.join(sorted(tops))}")
    top = next(iter(tops))
    wanted = [f"{top}/{name}" for name in ("__init__.py", "metadata.txt", "LICENSE")]
    found += [f"{path}: {name} is missing" for name in wanted if name not in names]
    refused = re.compile(r"\.py[cod]$|__pycache__|\.git|__MACOSX|\.(so|dll|exe|dylib)$|(^|/)\.")
    return found + [f"{path}: {name} must not be in it" for name in names if refused.search(name)]


if __name__ == "__main__":
    sys.exit(main())
