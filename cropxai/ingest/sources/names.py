"""What the names of files and folders tell: band, date, tile, level, baseline, and to which product a file belongs."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Literal

from cropxai.bands import band_name

MaskKind = Literal["scl", "cloud", "qa60", "probability"]

#: Layers that tell of clouds: kind of mask, and what its numbers are divided by. CLP is Sentinel Hub's (0 to 255),
#: CLD and MSK_CLDPRB are ESA's, in percent.
CLOUD_LAYERS: Mapping[str, tuple[MaskKind, float]] = {
    "scl": ("scl", 1.0),
    **dict.fromkeys(("clm", "cloud", "cloudmask", "qacloud"), ("cloud", 1.0)),
    "qa60": ("qa60", 1.0),
    "clp": ("probability", 255.0),
    **dict.fromkeys(("cld", "cldprb", "mskcldprb", "cloudprobability"), ("probability", 100.0)),
}
#: Layers of a product that tell neither reflectance nor clouds.
OTHER_LAYERS = ("aot", "wvp", "tci", "pvi", "snw", "visual", "preview", "thumbnail", "overview")

_DATE = re.compile(r"(?<!\d)(20\d\d)([-_.:/]?)(\d\d)\2(\d\d)(?:\d{6})?(?!\d)")
_TILE = re.compile(r"(?<![A-Z0-9])T?(\d{2}[C-HJ-NP-X][A-HJ-NP-Z]{2})(?![A-Z0-9])")
_LEVEL = re.compile(r"(?:L|LEVEL[-_ ]?|MSI)(1C|2A)")
_BASELINE = re.compile(r"(?<![A-Z0-9])N(\d{2})\.?(\d{2})(?![A-Z0-9])")
_WORD = re.compile(r"(?:band[ _-]|msk_|cloud_|qa_)?[A-Za-z0-9]+", re.IGNORECASE)
_RESOLUTION = re.compile(r"R?[126]0m", re.IGNORECASE)
#: What may stand in the name of a folder beside a date that holds for all files in it.
_BESIDE_DATE = re.compile(r"S2[A-D]?|MSI|L?(1C|2A)|R\d{3}|T\d{6}")


@dataclass(frozen=True)
class Told:
    """What a name tells.

    Attributes
    ----------
    layers : tuple of str
        Names of layers in it, as they are written.
    date : datetime.date, optional
        By the name of the file, or a pattern.
    tile, level, baseline : str
        "31UDS", "L2A", "05.09"; empty where the name does not tell.
    product : str
        The path without layer, resolution and suffix, which all files of a product share that hold one layer.
    whole : str
        The path without resolution and suffix, which those share that hold several.
    folder_date : datetime.date, optional
        By the name of a folder.
    """

    layers: tuple[str, ...] = ()
    date: dt.date | None = None
    tile: str = ""
    level: str = ""
    baseline: str = ""
    product: str = ""
    whole: str = ""
    folder_date: dt.date | None = None

    @property
    def bands(self) -> list[str]:
        """ESA names of the bands among the layers."""
        return list(dict.fromkeys(band for word in self.layers if (band := band_name(word)) is not None))

    @property
    def is_other(self) -> bool:
        """Whether it names a layer that tells neither reflectance nor clouds."""
        return any(plain(word) in OTHER_LAYERS for word in self.layers)


def plain(name: str) -> str:
    """Return a name in lower case without all that is neither letter nor digit."""
    return re.sub(r"[^a-z0-9]", "", name.lower())


def is_layer(word: str) -> bool:
    """Say whether a word names a layer of a product."""
    return band_name(word) is not None or plain(word) in CLOUD_LAYERS or plain(word) in OTHER_LAYERS


def date_in(text: str) -> dt.date | None:
    """Return the first date in a text."""
    for match in _DATE.finditer(text):
        try:
            return dt.date(int(match[1]), int(match[3]), int(match[4]))
        except ValueError:  # eight digits that are no date
            continue
    return None


def tile_in(text: str) -> str:
    """Return the first MGRS tile in a text, without its T, or nothing."""
    match = _TILE.search(text.upper())
    return match[1] if match else ""


def level_in(*texts: str) -> str:
    """Return the processing level that the first texts tell that tell one and no other, or nothing."""
    for text in texts:
        told = set(_LEVEL.findall(text.upper()))
        if len(told) == 1:
            return f"L{told.pop()}"
    return ""


def baseline_in(text: str) -> str:
    """Return the processing baseline that a text tells as in the names of products (N0509), or nothing."""
    match = _BASELINE.search(text.upper())
    return f"{match[1]}.{match[2]}" if match else ""


def read_name(path: PurePath, above: PurePath) -> Told:
    """Read the name of a file, and of the folders below ``above`` that it lies in.

    Parameters
    ----------
    path : absolute path
    above : folder in which the files of interest lie at any depth; its own name tells nothing
    """
    stem = path.stem
    folders = path.parent.relative_to(above).parts[::-1]  # the nearest first
    words = tuple(match[0] for match in _WORD.finditer(stem))
    layers = tuple(word for word in words if is_layer(word))
    here = layers or tuple(word for folder in folders[:1] for word in [folder] if is_layer(word))
    texts = (stem, *folders)
    return Told(
        layers=here,
        date=date_in(stem),
        tile=next((tile for text in texts if (tile := tile_in(text))), ""),
        level=level_in(*texts),
        baseline=next((baseline for text in texts if (baseline := baseline_in(text))), ""),
        product=_without(path, above, lambda word: is_layer(word) or _is_resolution(word)),
        whole=_without(path, above, _is_resolution),
        folder_date=next((date for folder in folders if (date := _date_of(folder))), None),
    )


def _date_of(folder: str) -> dt.date | None:
    """Return the date of a folder that is named by it and by what products are called, and by nothing else."""
    rest = _BESIDE_DATE.sub("", _BASELINE.sub("", _TILE.sub("", _DATE.sub("", folder.upper()))))
    return None if re.search(r"[A-Z0-9]", rest) else date_in(folder)


def _is_resolution(word: str) -> bool:
    return _RESOLUTION.fullmatch(word) is not None


def _without(path: PurePath, above: PurePath, left_out: Callable[[str], bool]) -> str:
    folders = [folder for folder in path.parent.relative_to(above).parts if not left_out(folder)]
    kept = _WORD.sub(lambda match: "" if left_out(match[0]) else match[0], path.stem)
    kept = re.sub(r"([-_. ])[-_. ]+", r"\1", kept).strip("-_. ")
    return str(above.joinpath(*folders, kept))
