"""Where the addresses in a catalogue lead, and which are refused.

A catalogue may come from anyone. What it names lies in its own folder or behind https or s3; anything else (absolute
paths and "..", links out of the folder, GDAL's "/vsi…" files, other schemes) is refused unless the user allows it.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from cropxai.errors import PathLike, ScenesUnreadable

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")  # of two letters at least: one is a drive
#: First bytes of TIFF, BigTIFF and JPEG 2000. GDAL would take a VRT by any name, and a VRT can name any file.
IMAGES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"\0\0\0\x0cjP  ", b"\xff\x4f\xff\x51")


@dataclass(frozen=True)
class Hrefs:
    """The addresses in the files of a catalogue.

    Parameters
    ----------
    folder : folder of the catalogue, resolved
    allow_outside : whether files outside it may be named
    """

    folder: Path
    allow_outside: bool

    def file(self, href: str, base: Path, named: PathLike) -> Path:
        """Return the file on disk to which an address in a file of the folder ``base`` leads.

        Raises
        ------
        ScenesUnreadable
            If it leads elsewhere, or outside the folder of the catalogue, or nowhere.
        """
        scheme = _SCHEME.match(href)
        if scheme is not None and scheme[1].lower() != "file":
            raise ScenesUnreadable(named, f"names {_shown(href)}, which is not on disk; download the catalogue whole")
        try:
            text = url2pathname(urlsplit(href).path) if scheme else href
            path = (base / text).resolve()
            if not path.exists() and "%" in text:
                path = (base / unquote(text)).resolve()
            outside = text.startswith("/vsi") or not path.is_relative_to(self.folder)
            there = path.is_file()
        except (OSError, ValueError) as error:
            raise ScenesUnreadable(named, f"names {_shown(href)}, which is no path ({error})") from error
        if outside and not self.allow_outside:
            raise ScenesUnreadable(
                named,
                f"names {_shown(href)}, outside the folder of the catalogue; give --allow-outside if you trust it",
            )
        if not there:
            raise ScenesUnreadable(named, f"names {_shown(href)}, which is not there; download it too")
        return path

    def raster(self, href: str, base: Path, named: PathLike) -> str:
        """Return what GDAL opens the raster by to which an address in a file of the folder ``base`` leads.

        Raises
        ------
        ScenesUnreadable
            If the address is refused.
        """
        scheme = _SCHEME.match(href)
        kind = scheme[1].lower() if scheme else "file"
        if kind in ("http", "https", "s3") and href.startswith("://", len(kind)):
            return f"/vsis3/{href[5:]}" if kind == "s3" else f"/vsicurl/{href}"
        if kind != "file":
            raise ScenesUnreadable(named, f"names {_shown(href)}; {kind}: is not read, only files, https: and s3:")
        if href.startswith("/vsi") and self.allow_outside:
            return href
        path = self.file(href, base, named)
        with path.open("rb") as file:
            start = file.read(8)
        if not start.startswith(IMAGES):
            raise ScenesUnreadable(named, f"names {_shown(href)}, which is neither GeoTIFF nor JPEG 2000; leave it out")
        return str(path)


def _shown(href: str) -> str:
    """Return an address for a message: without the query, which may be a key, and not too long."""
    text = href.partition("?")[0]
    return repr(text if len(text) <= 120 else f"{text[:120]}…")
