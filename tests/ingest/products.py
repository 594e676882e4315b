"""Small SAFE products of made-up pixels."""

import datetime as dt
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np

from cropxai.bands import BANDS
from cropxai.simulate.safe import SafeTile, write_safe
from cropxai.simulate.safe_xml import SafeStyle

CORNER = (640_000.0, 5_350_020.0)
SENSED = dt.datetime(2018, 5, 7, 10, 30, 21)
SIDE = 1200  # m


def made_up_tile(seed=0, level="L2A", *, tile="32UPU", corner=CORNER, clouds=0.2, side=SIDE, bands=None):
    """Draw reflectance × 10 000 in native resolutions, some of it missing; SCL for L2A, ESA's cloud mask for L1C."""
    rng = np.random.default_rng(seed)
    names = [band for band in BANDS if (level == "L1C" or band.name != "B10") and (bands is None or band.name in bands)]
    values = {}
    for band in names:
        shape = (side // band.resolution,) * 2
        numbers = rng.integers(1, 9000, shape)
        values[band.name] = np.where(rng.random(shape) < 0.05, 0, numbers).astype(np.uint16)
    coarse = (side // 60,) * 2
    if level == "L1C":
        return SafeTile(tile, corner, values, clouds=(rng.random((3, *coarse)) < clouds / 3).astype(np.uint8))
    scl = np.where(rng.random((side // 20,) * 2) < clouds, rng.choice([0, 3, 8, 9, 10]), 4).astype(np.uint8)
    return SafeTile(tile, corner, values, scl=scl)


def product(folder: Path, seed=0, *, sensed=SENSED, tiles=None, **style):
    """Write a product, of one tile unless others are given."""
    folder.mkdir(parents=True, exist_ok=True)
    style = SafeStyle(**style)
    tiles = tiles or [made_up_tile(seed, style.level)]
    if style.baseline < "04.00":
        tiles = [replace(tile, clouds=None) for tile in tiles]
    return write_safe(folder, tiles, sensed, style)


def zipped(root: Path, archive: Path, *, within: str | None = None, packing=zipfile.ZIP_STORED) -> Path:
    """Pack a product as archives do: in its own folder, unless told another."""
    with zipfile.ZipFile(archive, "w", packing) as file:
        for path in sorted(p for p in root.rglob("*") if p.is_file()):
            file.write(path, (root.name + "/" if within is None else within) + path.relative_to(root).as_posix())
    return archive
