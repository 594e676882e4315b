"""Compares files of scenes with the checksums that their products carry."""

import hashlib
import warnings
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

from cropxai.errors import ScenesUnreadable, ScenesUnverified
from cropxai.ingest.scenes import Scene

#: Checksums by the name that manifests give them.
ALGORITHMS = {"MD5": "md5", "SHA3-256": "sha3_256", "SHA-256": "sha256"}
#: Bytes that are read at a stretch.
STRETCH = 1 << 20


def warn_of_unverified(scenes: Sequence[Scene]) -> None:
    """Tell which scenes have files without a checksum.

    Warns
    -----
    ScenesUnverified
    """
    without = [scene.path for scene in scenes if not set(scene.files) <= set(scene.checksums)]
    if without:
        warnings.warn(ScenesUnverified(without), stacklevel=3)


def verify(scene: Scene) -> None:
    """Compare the files of a scene with the checksums that it carries.

    JPEG 2000 has none of its own: a byte that was changed on the way gives other pixels, not an error.

    Raises
    ------
    ScenesUnreadable
        If a file differs from its checksum, or cannot be read.
    """
    for file in scene.files:
        if file in scene.checksums:
            _compare(file, scene)


def _compare(file: str, scene: Scene) -> None:
    name, _, told = scene.checksums[file].partition(":")
    digest = hashlib.new(ALGORITHMS[name], usedforsecurity=False)
    try:
        with _opened(file) as stream:
            while stretch := stream.read(STRETCH):
                digest.update(stretch)
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise ScenesUnreadable(scene.path, f"{Path(file).name} cannot be read; download it again") from error
    if digest.hexdigest() != told:
        raise ScenesUnreadable(
            scene.path, f"{Path(file).name} differs from its {name} checksum: it is damaged; download it again"
        )


def _opened(file: str) -> BinaryIO:
    """Open a file, or one in an archive by GDAL's name for it ("/vsizip/…")."""
    if not file.startswith("/vsizip/"):
        return Path(file).open("rb")
    inner = Path(file.removeprefix("/vsizip/"))
    archive = next(part for part in inner.parents if part.is_file())
    with zipfile.ZipFile(archive) as opened:
        return opened.open(inner.relative_to(archive).as_posix())  # type: ignore[return-value]
