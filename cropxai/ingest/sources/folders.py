"""What lies in a folder at any depth: the folders of SAFE products, and all files outside them."""

import os
from dataclasses import dataclass, field
from pathlib import Path

from cropxai.errors import ScenesUnreadable
from cropxai.ingest.sources.product import PRODUCT_XML

#: Files by which a folder is known as a static STAC catalogue.
CATALOGUES = ("catalog.json", "collection.json")


def is_catalogue(path: Path) -> bool:
    """Say whether a path is the folder of a static STAC catalogue, which says what in it counts."""
    return any((path / name).is_file() for name in CATALOGUES)


@dataclass(frozen=True)
class Below:
    """What lies in a folder.

    Attributes
    ----------
    products : list of pathlib.Path
        Folders that hold the XML of a product, or whose name ends in .SAFE; they are not looked into further.
    files : list of pathlib.Path
        All other files.
    """

    products: list[Path] = field(default_factory=list)
    files: list[Path] = field(default_factory=list)


def look_below(folder: Path) -> Below:
    """Look through a folder, in alphabetical order. Links to folders are followed to products only.

    Raises
    ------
    ScenesUnreadable
        If a folder cannot be read.
    """
    below = Below()
    _look(folder, below)
    return below


def _look(folder: Path, below: Below) -> None:
    try:
        inside = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise ScenesUnreadable(folder, f"cannot be read ({error.strerror}); check its permissions") from error
    deeper = [entry for entry in inside if entry.is_dir() and (_is_safe(entry.name) or not entry.is_symlink())]
    # Tools that unpack into a folder of the archive's name put a product in one that is called the same.
    nested = any(_is_safe(entry.name) for entry in deeper)
    if any(PRODUCT_XML.fullmatch(entry.name) for entry in inside) or (_is_safe(folder.name) and not nested):
        below.products.append(folder)
        return
    for entry in inside:
        if entry in deeper:
            _look(Path(entry), below)
        elif entry.is_file():
            below.files.append(Path(entry))


def _is_safe(name: str) -> bool:
    return name.upper().endswith(".SAFE")
