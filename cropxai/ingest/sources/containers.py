"""Where a product lies: a folder, or a folder in a zip archive; both are read in place."""

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Protocol

from cropxai.errors import ScenesUnreadable
from cropxai.ingest.sources.product import PRODUCT_XML, safe

#: Largest XML that is read, in bytes; the largest of ESA's, those of old products of many tiles, have a few million.
LARGEST_XML = 32 << 20
#: Most files in an archive; a product has some hundred.
MOST_FILES = 100_000
#: Largest ratio of unpacked to packed size of a file that is larger than a megabyte: XML reaches 30, a bomb 1000.
LARGEST_RATIO = 200
#: Ways of packing that GDAL reads in place.
STORED_OR_DEFLATED = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


class Container(Protocol):
    """What holds the files of one product, which are named by their path in it."""

    @property
    def name(self) -> str:
        """The product, by which messages and provenance name it."""
        ...

    def product_xml(self) -> list[str]:
        """Return the names of files that describe the product, of which there should be one."""
        ...

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes, None if there is no such file."""
        ...

    def read(self, name: str) -> bytes:
        """Return an XML file.

        Raises
        ------
        ScenesUnreadable
            If it is larger than `LARGEST_XML`, or cannot be read.
        """
        ...

    def place(self, name: str) -> str:
        """Return what GDAL opens a file by."""
        ...


@dataclass(frozen=True)
class Folder:
    """A product in a folder."""

    root: Path

    @property
    def name(self) -> str:
        """The folder."""
        return str(self.root)

    def product_xml(self) -> list[str]:
        """Return the names of files that describe the product."""
        return sorted(p.name for p in self.root.iterdir() if PRODUCT_XML.fullmatch(p.name))

    def size(self, name: str) -> int | None:
        """Return the size of a file in bytes, None if there is no such file."""
        path = self.root / name
        return path.stat().st_size if path.is_file() else None

    def read(self, name: str) -> bytes:
        """Return an XML file."""
        check_size(self, name)
        try:
            return (self.root / name).read_bytes()
        except OSError as error:
            raise ScenesUnreadable(self.root, f"{name} cannot be read ({error.strerror})") from error

    def place(self, name: str) -> str:
        """Return the path of a file."""
        return str(self.root / name)


@dataclass(frozen=True)
class Archive:
    """A product in a zip archive: in its folder ``prefix`` ("" or ending in "/"), alone or beside others."""

    path: Path
    prefix: str
    alone: bool
    sizes: Mapping[str, int]

    @property
    def name(self) -> str:
        """The archive, with the folder in it if that is not the only product."""
        return str(self.path) if self.alone else f"{self.path}/{self.prefix}".rstrip("/")

    def product_xml(self) -> list[str]:
        """Return the names of files that describe the product."""
        names = (name.removeprefix(self.prefix) for name in self.sizes if name.startswith(self.prefix))
        return sorted(name for name in names if PRODUCT_XML.fullmatch(name))

    def size(self, name: str) -> int | None:
        """Return the unpacked size of a file in bytes, None if there is no such file."""
        return self.sizes.get(self.prefix + name)

    def read(self, name: str) -> bytes:
        """Return an XML file."""
        check_size(self, name)
        try:
            with zipfile.ZipFile(self.path) as archive:
                return archive.read(self.prefix + name)
        except (OSError, zipfile.BadZipFile, EOFError, ValueError) as error:
            raise ScenesUnreadable(self.path, f"{name} cannot be read; copy or download it again") from error

    def place(self, name: str) -> str:
        """Return what GDAL opens a file by, packed as it is."""
        return f"/vsizip/{self.path.as_posix()}/{self.prefix}{name}"


def check_size(container: Container, name: str) -> None:
    """Refuse an XML file that is not there or too large.

    Raises
    ------
    ScenesUnreadable
    """
    size = container.size(name)
    if size is None:
        raise ScenesUnreadable(container.name, f"has no {name}; the product is not whole: download it again")
    if size > LARGEST_XML:
        raise ScenesUnreadable(
            container.name, f"{name} has {size:,} bytes, where {LARGEST_XML:,} are the most; do not trust it"
        )


def archives(path: Path) -> list[Archive]:
    """Return the products in a zip archive, of which there may be none.

    Raises
    ------
    ScenesUnreadable
        If it is damaged, encrypted, packed otherwise than by deflating, or made to do harm: with names that lead out of
        it, the same name twice, or contents that unpack to much more than a product does.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            files = [file for file in archive.infolist() if not file.is_dir()]
    except (OSError, zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise ScenesUnreadable(path, "is damaged or no zip archive; copy or download it again") from error
    prefixes = sorted(
        {f.filename[: -len(name)] for f in files if PRODUCT_XML.fullmatch(name := PurePosixPath(f.filename).name)}
    )
    if prefixes:
        _check_harmless(path, files)
    sizes = {file.filename: file.file_size for file in files}
    return [Archive(path, prefix, len(prefixes) == 1, sizes) for prefix in prefixes]


def _check_harmless(path: Path, files: list[zipfile.ZipInfo]) -> None:
    names = [file.filename for file in files]
    outside = [name for name in names if not safe(name)]
    if outside:
        raise ScenesUnreadable(path, f"holds a file named {outside[0]!r}, which leads out of it; do not trust it")
    if len(files) > MOST_FILES or len(set(names)) < len(names):
        raise ScenesUnreadable(path, "holds the same name twice, or more files than a product has; do not trust it")
    if any(file.flag_bits & 1 for file in files):
        raise ScenesUnreadable(path, "is encrypted; unpack it with its password and give the folder")
    if any(file.compress_type not in STORED_OR_DEFLATED for file in files):
        raise ScenesUnreadable(path, "is packed in a way that cannot be read in place; unpack it and give the folder")
    whole = path.stat().st_size
    bombs = [f.filename for f in files if f.file_size > max(1 << 20, LARGEST_RATIO * f.compress_size)]
    if bombs or sum(file.file_size for file in files) > max(1 << 20, LARGEST_RATIO * whole):
        name = bombs[0] if bombs else path.name
        raise ScenesUnreadable(path, f"{name} unpacks to over {LARGEST_RATIO} times its size; do not trust it")
