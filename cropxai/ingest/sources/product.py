"""What the XML of a Sentinel-2 product says: levels, offsets, image names, grids, sizes. Opens nothing.

The names of elements changed with the versions of the format; those of products from 2015 on are known here. Sources:
Sentinel-2 Products Specification Document (PSD 12 to 14), products of ESA, and what GDAL reads of them.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from affine import Affine
from defusedxml import ElementTree
from defusedxml.common import DefusedXmlException
from rasterio.crs import CRS
from rasterio.errors import CRSError

from cropxai.bands import BANDS, BY_NAME
from cropxai.errors import ScenesUnreadable
from cropxai.ingest.scenes import Grid

#: Names of the file that describes a product: since December 2016, and before.
PRODUCT_XML = re.compile(r"MTD_MSIL(1C|2A)\.xml|S2[A-Z]_(OPER|USER)_MTD_SAFL(1C|2A)(_.*)?\.xml", re.IGNORECASE)
#: More pixels along a side than any tile has (10 980).
LARGEST_SIDE = 100_000

_IMAGES = ("IMAGE_FILE", "IMAGE_FILE_2A", "IMAGE_ID", "IMAGE_ID_2A")
_BAND = re.compile(r"_(B(?:0[1-9]|1[0-2]|8A))(?:_([126]0)m)?$")
_SCL = re.compile(r"_SCL_(?:.*_)?([26]0)m$")
_TILE = re.compile(r"_T(\d{2}[A-Z]{3})(?:_|$)")


@dataclass(frozen=True)
class Image:
    """A layer in one resolution (m), and the paths in the product, without suffix, one of which it has."""

    layer: str
    resolution: int
    names: tuple[str, ...]


@dataclass(frozen=True)
class Granule:
    """One tile of a product: identifier, MGRS tile, folder in the product, bands and SCL in all their resolutions."""

    identifier: str
    tile: str
    folder: str
    images: tuple[Image, ...]

    @property
    def metadata(self) -> tuple[str, str]:
        """The paths one of which the XML of the tile has: since December 2016, and before."""
        old = re.sub(r"_N\d\d\.\d\d$", "", self.identifier).replace("_MSI_", "_MTD_", 1)
        return f"{self.folder}/MTD_TL.xml", f"{self.folder}/{old}.xml"


@dataclass(frozen=True)
class Product:
    """A product: level, baseline ("05.09"), datatake (satellite and start), scaling, tiles.

    ``offsets`` holds that of every band by its name; it is empty if the product declares none.
    """

    level: str
    baseline: str
    datatake: str
    quantification: float
    offsets: Mapping[str, float]
    granules: tuple[Granule, ...]


@dataclass(frozen=True)
class Tile:
    """A tile: UTC day of sensing, grid of each resolution (m), paths of the masks in the product by their type."""

    date: dt.date
    grids: Mapping[int, Grid]
    masks: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class Entry:
    """A file in the manifest: size in bytes, checksum as "MD5:…" or "SHA3-256:…" (empty if it has none)."""

    size: int
    checksum: str


class XmlReader:
    """An XML document, searched by names of elements whatever their namespace and depth.

    Parameters
    ----------
    stored : bytes
    product, name : str
        The product and the file in it, for messages.

    Raises
    ------
    ScenesUnreadable
        If it is no XML, or declares entities; so do the methods, if an element is missing or its value senseless.
    """

    def __init__(self, stored: bytes, product: str, name: str):
        self._product = product
        self._name = name
        try:
            self.root = ElementTree.fromstring(stored, forbid_dtd=True)
        except DefusedXmlException as error:
            raise self.refused("declares a DTD or entities, which no product of ESA does; do not trust it") from error
        except (ElementTree.ParseError, ValueError) as error:
            raise self.refused("is damaged; copy or download it again") from error

    def all(self, *names: str) -> list[Any]:
        """Return the elements of any of the names, in their order."""
        return [element for element in self.root.iter() if tag_of(element) in names]

    def text(self, *names: str) -> str:
        """Return the text of the first element of any of the names."""
        for element in self.all(*names):
            if element.text and element.text.strip():
                return str(element.text).strip()
        raise self.refused(f"has no {names[0]}; download the product again")

    def number(self, text: str | None, what: str) -> float:
        """Return a finite number."""
        try:
            value = float(text or "")
        except ValueError:
            value = float("nan")
        if abs(value) < float("inf"):
            return value
        raise self.refused(f"has {text!r} as {what}; download the product again")

    def refused(self, reason: str) -> ScenesUnreadable:
        """Return the error that the document cannot be used."""
        return ScenesUnreadable(self._product, f"{self._name} {reason}")


def tag_of(element: Any) -> str:
    """Return the name of an element without its namespace."""
    return str(element.tag).rpartition("}")[2]


def read_product(stored: bytes, product: str, name: str) -> Product:
    """Read the XML of a product (MTD_MSIL1C.xml, MTD_MSIL2A.xml or their older names).

    Parameters
    ----------
    stored : bytes
    product, name : str
        The product and the file in it, for messages.

    Raises
    ------
    ScenesUnreadable
        If it describes no Sentinel-2 product of level 1C or 2A, or one that is not whole.
    """
    xml = XmlReader(stored, product, name)
    level = re.fullmatch(r"Level-(1C|2A)_User_Product", tag_of(xml.root))
    if level is None:
        raise xml.refused(f"describes {tag_of(xml.root)!r}, no Sentinel-2 product of level 1C or 2A; leave it out")
    satellite = xml.text("SPACECRAFT_NAME")
    if not satellite.startswith("Sentinel-2"):
        raise xml.refused(f"describes a product of {satellite}, not of Sentinel-2; leave it out")
    baseline = xml.text("PROCESSING_BASELINE")
    if not re.fullmatch(r"\d\d\.\d\d", baseline):
        raise xml.refused(f"has the baseline {baseline!r}, which is not written as 05.09; download the product again")
    _check_nodata(xml)
    kinds = ("BOA_QUANTIFICATION_VALUE", "L2A_BOA_QUANTIFICATION_VALUE")
    divisor = xml.text(*(kinds if level[1] == "2A" else ("QUANTIFICATION_VALUE",)))
    quantification = xml.number(divisor, "quantification")
    if quantification <= 0:
        raise xml.refused(f"has the quantification {divisor}; reflectance takes 10000")
    start = xml.text("DATATAKE_SENSING_START")
    return Product(
        level=f"L{level[1]}",
        baseline=baseline,
        datatake=f"{satellite} {start[:19]}",  # to the second, because reprocessing rounds what is beyond otherwise
        quantification=quantification,
        offsets=_offsets(xml),
        granules=tuple(_granules(xml)),
    )


def _check_nodata(xml: XmlReader) -> None:
    for special in xml.all("Special_Values"):
        values = {tag_of(child): (child.text or "").strip() for child in special}
        value = values.get("SPECIAL_VALUE_INDEX", "0")
        if values.get("SPECIAL_VALUE_TEXT") == "NODATA" and xml.number(value, "NODATA") != 0:
            raise xml.refused(f"declares {value} as no data, where Sentinel-2 has 0; download the product again")


def _offsets(xml: XmlReader) -> dict[str, float]:
    offsets: dict[str, float] = {}
    for element in xml.all("RADIO_ADD_OFFSET", "BOA_ADD_OFFSET"):
        number = element.get("band_id") or ""
        if not number.isdecimal() or int(number) >= len(BANDS) or BANDS[int(number)].name in offsets:
            raise xml.refused(f"has an offset for band_id {number!r}, twice or of no band; download the product again")
        offsets[BANDS[int(number)].name] = xml.number(element.text, "offset")
    return offsets


def _granules(xml: XmlReader) -> Iterator[Granule]:
    listed: dict[str, list[tuple[str, str]]] = {}
    for element in xml.all("Granule", "Granules"):
        identifier = (element.get("granuleIdentifier") or "").strip()
        # L2A of 2017 lists a granule once for each resolution.
        names = [(tag_of(child), (child.text or "").strip()) for child in element if tag_of(child) in _IMAGES]
        listed.setdefault(identifier, []).extend(names)
    if not any(listed.values()):
        raise xml.refused("lists no image; the product is empty: download it again or leave it out")
    for identifier, names in listed.items():
        tile = _TILE.search(identifier)
        if tile is None or not safe(identifier) or "/" in identifier:
            raise xml.refused(f"has the granule {identifier!r}, which names no tile; download the product again")
        images: dict[tuple[str, int], Image] = {}
        folders = set()
        for kind, name in dict.fromkeys(names):
            if not safe(name):
                raise xml.refused(f"lists the image {name!r}, which lies outside the product; do not trust it")
            image, folder = _image(kind, name, identifier)
            folders.add(folder)
            if image is None:
                continue
            if (image.layer, image.resolution) in images:
                raise xml.refused(f"lists {image.layer} twice in {image.resolution} m; download the product again")
            images[image.layer, image.resolution] = image
        if not any(image.layer in BY_NAME for image in images.values()):
            raise xml.refused(f"lists no band of tile {tile[1]}; download the product again or leave it out")
        if len(folders) != 1:
            raise xml.refused(f"lists images of tile {tile[1]} in several folders; download the product again")
        yield Granule(identifier, tile[1], folders.pop(), tuple(images.values()))


def _image(kind: str, name: str, granule: str) -> tuple[Image | None, str]:
    """Return a band or SCL with its paths (None for other layers), and the folder of its granule."""
    name = re.sub(r"\.jp2$", "", name)
    band, scl = _BAND.search(name), _SCL.search(name)
    layer, resolution = "", 0
    if band:
        layer, resolution = band[1], int(band[2] or BY_NAME[band[1]].resolution)
    elif scl:
        layer, resolution = "SCL", int(scl[1])
    if kind.startswith("IMAGE_FILE"):
        folder = "/".join(name.split("/")[:2])
        return (Image(layer, resolution, (name,)) if layer else None), folder
    # Before December 2016: a bare name, of a file at one of two places.
    folder = f"GRANULE/{granule}"
    places = (f"{folder}/IMG_DATA/{name}", f"{folder}/IMG_DATA/R{resolution}m/{name}")
    return (Image(layer, resolution, places) if layer else None), folder


def read_tile(stored: bytes, product: str, name: str) -> Tile:
    """Read the XML of a tile (MTD_TL.xml or its older names); arguments and errors as of :func:`read_product`."""
    xml = XmlReader(stored, product, name)
    time = xml.text("SENSING_TIME")
    try:
        sensed = dt.datetime.fromisoformat(time)
    except ValueError:
        raise xml.refused(f"has the sensing time {time!r}; download the product again") from None
    sensed = sensed.replace(tzinfo=sensed.tzinfo or dt.UTC).astimezone(dt.UTC)
    masks: dict[str, tuple[str, ...]] = {}
    for element in xml.all("MASK_FILENAME"):
        path = (element.text or "").strip()
        if safe(path):
            masks[element.get("type") or ""] = (*masks.get(element.get("type") or "", ()), path)
    return Tile(sensed.date(), _grids(xml), masks)


def _grids(xml: XmlReader) -> dict[int, Grid]:
    code = xml.text("HORIZONTAL_CS_CODE")
    try:
        crs = CRS.from_user_input(code).to_wkt()
    except CRSError:
        raise xml.refused(f"has the coordinate system {code!r}, which is unknown; download the product again") from None
    given: dict[str, dict[str, float]] = {}
    for element in xml.all("Size", "Geoposition"):
        values = given.setdefault(element.get("resolution") or "", {})
        values.update({tag_of(child): xml.number(child.text, tag_of(child)) for child in element})
    grids = {}
    for resolution, values in given.items():
        lacking = [key for key in ("NROWS", "NCOLS", "ULX", "ULY", "XDIM", "YDIM") if key not in values]
        if lacking or resolution not in ("10", "20", "60"):
            raise xml.refused(f"has no {', '.join(lacking)} of {resolution or 'any'} m; download the product again")
        size = values["NCOLS"], values["NROWS"]
        whole = all(side == int(side) and 0 < side <= LARGEST_SIDE for side in size)
        if not whole or not values["XDIM"] or not values["YDIM"]:
            raise xml.refused(f"has a grid of {size[0]:g} × {size[1]:g} pixels; download the product again")
        transform = Affine(values["XDIM"], 0, values["ULX"], 0, values["YDIM"], values["ULY"])
        grids[int(resolution)] = Grid(crs, transform, int(size[0]), int(size[1]))
    return grids


def read_manifest(stored: bytes, product: str, name: str) -> dict[str, Entry]:
    """Read the manifest of a product, by path in it; arguments and errors as of :func:`read_product`."""
    xml = XmlReader(stored, product, name)
    entries = {}
    for stream in xml.all("byteStream"):
        parts = {tag_of(child): child for child in stream}
        if "fileLocation" not in parts:
            continue
        path = str(PurePosixPath(parts["fileLocation"].get("href") or ""))  # "./GRANULE/…" as "GRANULE/…"
        check = parts.get("checksum")
        digest = "" if check is None else f"{check.get('checksumName')}:{(check.text or '').strip().lower()}"
        entries[path] = Entry(int(xml.number(stream.get("size"), "size")), digest)
    return entries


def safe(name: str) -> bool:
    """Say whether a path stays within the folder that it starts from, on every system."""
    path = PurePosixPath(name)
    odd = "\\" in name or ":" in name or any(ord(letter) < 32 for letter in name)
    return bool(path.parts) and not odd and not path.is_absolute() and ".." not in path.parts
