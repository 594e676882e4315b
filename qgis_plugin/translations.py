# SPDX-License-Identifier: GPL-2.0-or-later
"""Bring the translations up to date with the texts of the plugin: `python qgis_plugin/translations.py`.

Collects what is given to `tr` and `mark`, and the table of commands, into the .ts files (for Qt Linguist), keeps
what is translated, drops what is gone, and makes the .qm files that QGIS loads, where Qt's `lrelease` is at hand.
"""

import ast
import dataclasses
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

sys.path.insert(0, str(Path(__file__).parent))

from cropxai_qgis import commands

FOLDER = Path(__file__).parent / "cropxai_qgis"
CONTEXT = "cropxai"
LANGUAGES = ("de", "fr")
#: What of an entry in the table of commands is shown to a person.
SHOWN = ("title", "group", "summary", "help", "label")


def main() -> int:
    """Write the files; return 1 if a text has no translation."""
    texts = list(dict.fromkeys([*of_table(commands.COMMANDS), commands.PLACE, *of_sources(FOLDER)]))
    missing = 0
    for language in LANGUAGES:
        path = FOLDER / "i18n" / f"cropxai_{language}.ts"
        known = read(path)
        write(path, language, texts, known)
        left = [text for text in texts if not known.get(text)]
        missing += len(left)
        print(f"{path.name}: {len(texts) - len(left)} of {len(texts)} translated", *left, sep="\n  ")
        release(path)
    return 1 if missing else 0


def of_table(entry: object) -> Iterator[str]:
    """Give the texts in a table of commands, whole or a part of it."""
    if isinstance(entry, tuple):
        for part in entry:
            yield from of_table(part)
    elif dataclasses.is_dataclass(entry):
        for field in dataclasses.fields(entry):
            value = getattr(entry, field.name)
            if field.name in SHOWN:
                yield value
            else:
                yield from of_table(value)


def of_sources(folder: Path) -> Iterator[str]:
    """Give the texts that the sources hand to `tr` and `mark`."""
    for path in sorted(folder.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("tr", "mark"):
                yield from (word.value for word in node.args if isinstance(word, ast.Constant))


def read(path: Path) -> dict[str, str]:
    """Return the translations in a .ts file by their text; empty where there is no file yet."""
    if not path.exists():
        return {}
    messages = ET.parse(path).getroot().iter("message")
    return {message.findtext("source", ""): message.findtext("translation", "") for message in messages}


def write(path: Path, language: str, texts: list[str], known: dict[str, str]) -> None:
    """Write a .ts file with these texts."""
    root = ET.Element("TS", version="2.1", language=language, sourcelanguage="en")
    context = ET.SubElement(root, "context")
    ET.SubElement(context, "name").text = CONTEXT
    for text in texts:
        message = ET.SubElement(context, "message")
        ET.SubElement(message, "source").text = text
        translation = ET.SubElement(message, "translation", {} if known.get(text) else {"type": "unfinished"})
        translation.text = known.get(text, "")
    ET.indent(root, " ")
    path.parent.mkdir(exist_ok=True)
    path.write_text(
        f'<?xml version="1.0" encoding="utf-8"?>\n<!DOCTYPE TS>\n{ET.tostring(root, encoding="unicode")}\n', "utf-8"
    )


def release(path: Path) -> None:
    """Make the .qm file."""
    program = shutil.which("lrelease") or shutil.which("lrelease-qt5") or shutil.which("lrelease6")
    if program is None:
        print(f"lrelease is not installed, so {path.stem}.qm is as it was")
        return
    subprocess.run([program, "-silent", "-removeidentical", str(path)], check=True)


if __name__ == "__main__":
    sys.exit(main())
