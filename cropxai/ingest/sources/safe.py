"""SAFE products, as ESA delivers Sentinel-2: folders or zip archives, L1C or L2A, of the old naming or the compact one.

Everything is taken from the XML of the product; no image is opened, and none is searched for by its name.
"""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cropxai.bands import BANDS, BY_NAME
from cropxai.errors import ScenesUnreadable
from cropxai.ingest.checksums import ALGORITHMS
from cropxai.ingest.offsets import OffsetBy, explain_offset
from cropxai.ingest.scenes import Location, Mask, Scene
from cropxai.ingest.sources.containers import Archive, Container, Folder, archives
from cropxai.ingest.sources.folders import look_below
from cropxai.ingest.sources.product import (
    PRODUCT_XML,
    Entry,
    Granule,
    Image,
    Product,
    Tile,
    read_manifest,
    read_product,
    read_tile,
)

MANIFEST = "manifest.safe"
#: ESA writes JPEG 2000; some mirrors write the same images as GeoTIFF.
SUFFIXES = (".jp2", ".tif")
#: Layers of MSK_CLASSI: opaque cloud, cirrus, snow or ice; a pixel of any of them is not clear.
CLASSI_LAYERS = (1, 2, 3)

_ZIP_OF_PRODUCT = re.compile(r"S2[A-Z]_.*\.zip|.*\.SAFE\.zip", re.IGNORECASE)


@dataclass(frozen=True)
class Safe:
    """A product in a folder or in a zip archive, its XML, or a folder that holds such at any depth."""

    def recognises(self, path: Path) -> bool:
        """Say whether an existing path is a product, or a folder that holds one."""
        if path.is_dir():
            return next(_containers(path), None) is not None
        return path.suffix.lower() == ".zip" or PRODUCT_XML.fullmatch(path.name) is not None

    def scenes(self, paths: Sequence[Path], *, level: str | None, dn_offset: float | None) -> Iterator[Scene]:
        """Give one scene for each tile of each product.

        Raises
        ------
        ScenesUnreadable
            If a product cannot be used.
        """
        for path in paths:
            if PRODUCT_XML.fullmatch(path.name) and path.is_file():
                yield from _scenes(Folder(path.resolve().parent), path.name, level, dn_offset)
                continue
            for container in _containers(path):
                yield from _scenes(container, _product_xml(container), level, dn_offset)


def _containers(path: Path) -> Iterator[Container]:
    """Give the products of a path; zip archives of other things are passed over if they lie in a folder."""
    if not path.is_dir():
        yield from _archives(path, expected=True)
        return
    below = look_below(path)
    for folder in below.products:
        yield Folder(folder.resolve())
    for file in below.files:
        if file.suffix.lower() == ".zip":
            yield from _archives(file, expected=_ZIP_OF_PRODUCT.fullmatch(file.name) is not None)


def _archives(path: Path, expected: bool) -> list[Archive]:
    try:
        found = archives(path.resolve())
    except ScenesUnreadable:
        if expected:
            raise
        return []
    if expected and not found:
        raise ScenesUnreadable(path, "holds no MTD_MSIL1C.xml or MTD_MSIL2A.xml: no Sentinel-2 product; leave it out")
    return found


def _product_xml(container: Container) -> str:
    names = container.product_xml()
    if not names:
        what = "no Sentinel-2 product of level 1C or 2A, or not whole"
        raise ScenesUnreadable(
            container.name, f"holds no MTD_MSIL1C.xml or MTD_MSIL2A.xml: {what}; leave it out or download it again"
        )
    if len(names) > 1:
        raise ScenesUnreadable(container.name, f"holds {names[0]} and {names[1]}; give the one that is meant")
    return names[0]


def _scenes(container: Container, xml: str, level: str | None, dn_offset: float | None) -> Iterator[Scene]:
    product = read_product(container.read(xml), container.name, xml)
    if level not in (None, product.level):
        raise ScenesUnreadable(
            container.name, f"is {product.level} by its metadata, not {level}; leave out --level, or this product"
        )
    manifest: Mapping[str, Entry] = {}
    if container.size(MANIFEST) is not None:
        manifest = read_manifest(container.read(MANIFEST), container.name, MANIFEST)
    for granule in product.granules:
        yield _scene(_Files(container, manifest), product, granule, dn_offset)


@dataclass(frozen=True)
class _Files:
    """The images of a product that a scene is made of, compared with its manifest as they are asked for."""

    container: Container
    manifest: Mapping[str, Entry]
    checksums: dict[str, str] = field(default_factory=dict)

    def place(self, names: Sequence[str]) -> str:
        """Return what GDAL opens the first of the files by that is there.

        Raises
        ------
        ScenesUnreadable
            If none is there, or its size is not that of the manifest.
        """
        name = next((name for name in names if self.container.size(name) is not None), None)
        if name is None:
            raise ScenesUnreadable(
                self.container.name, f"lists {names[0]}, which is not in it; download the product again, whole"
            )
        entry, size = self.manifest.get(name), self.container.size(name)
        if entry is not None and entry.size != size:
            raise ScenesUnreadable(
                self.container.name, f"{name} has {size} bytes, not {entry.size} as in {MANIFEST}; download it again"
            )
        place = self.container.place(name)
        if entry is not None and entry.checksum.partition(":")[0] in ALGORITHMS:
            self.checksums[place] = entry.checksum
        return place

    def image(self, image: Image) -> str:
        """Return what GDAL opens an image by."""
        return self.place([name + suffix for name in image.names for suffix in SUFFIXES])


def _scene(files: _Files, product: Product, granule: Granule, dn_offset: float | None) -> Scene:
    container = files.container
    name = next((name for name in granule.metadata if container.size(name) is not None), granule.metadata[0])
    tile = read_tile(container.read(name), container.name, name)
    bands = {}
    explained: list[OffsetBy] = []
    for image in _native(granule):
        if image.resolution not in tile.grids:
            raise ScenesUnreadable(
                container.name, f"{name} has no grid of {image.resolution} m; download the product again"
            )
        offset, offset_by = _offset(product, image.layer, tile.date, dn_offset, container.name)
        bands[image.layer] = Location(
            files.image(image), 1, tile.grids[image.resolution], offset, product.quantification
        )
        explained.append(offset_by)
    return Scene(
        path=container.name if len(product.granules) == 1 else f"{container.name}/{granule.folder}",
        tile=granule.tile,
        date=tile.date,
        level=product.level,
        bands=bands,
        masks=tuple(_masks(files, granule, tile)),
        baseline=product.baseline,
        offset_by=explained[0],  # a product declares the offsets of all bands or of none
        datatake=product.datatake,
        checksums=files.checksums,
    )


def _native(granule: Granule) -> Iterator[Image]:
    """Give each band in its native resolution, or in the finest there is."""
    for band in BANDS:
        images = {image.resolution: image for image in granule.images if image.layer == band.name}
        if images:
            yield images.get(BY_NAME[band.name].resolution, images[min(images)])


def _offset(product: Product, band: str, date: dt.date, dn_offset: float | None, name: str) -> tuple[float, OffsetBy]:
    declared = product.offsets.get(band)
    offset, offset_by = explain_offset(declared, product.baseline, date, dn_offset)
    if dn_offset is None and declared is None and (product.offsets or offset):
        raise ScenesUnreadable(
            name,
            f"is of baseline {product.baseline} and declares no offset of {band}; "
            "download it again, or give --dn-offset -1000",
        )
    return offset, offset_by


def _masks(files: _Files, granule: Granule, tile: Tile) -> Iterator[Mask]:
    """Give the scene classification and cloud probability of L2A, the cloud mask of L1C (from baseline 04.00 on)."""
    classified = [image for image in granule.images if image.layer == "SCL" and image.resolution in tile.grids]
    for image in classified:
        yield Mask("scl", Location(files.image(image), 1, tile.grids[image.resolution]))
    # In percent; optional, because SCL tells of clouds too, and the folder of masks is often left behind.
    probable = {n: p for p in tile.masks.get("MSK_CLDPRB", ()) for n in tile.grids if p.endswith(f"_{n}m.jp2")}
    there = {n: path for n, path in probable.items() if files.container.size(path) is not None}
    if there:
        finest = min(there)
        yield Mask("probability", Location(files.place([there[finest]]), 1, tile.grids[finest], 0.0, 100.0))
    if not classified:
        for path in tile.masks.get("MSK_CLASSI", ()):
            if path.endswith(".jp2") and 60 in tile.grids:
                place = files.place([path])
                yield from (Mask("cloud", Location(place, layer, tile.grids[60])) for layer in CLASSI_LAYERS)
