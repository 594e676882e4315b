"""The files of simulated scenes: GeoTIFFs of one tile and date, or products as ESA delivers them."""

import datetime as dt
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from rasterio.io import MemoryFile
from rasterio.transform import Affine

from cropxai.bands import BANDS, BY_NAME, COMMON_BANDS, FIRST_OFFSET_DAY
from cropxai.simulate.landscape import PIXEL
from cropxai.simulate.safe import SafeTile, coarsened, write_safe
from cropxai.simulate.safe_xml import SafeStyle

EPSG = 32632
CRS = f"EPSG:{EPSG}"
#: Time of day at which it is passed, UTC.
OVERPASS = dt.timedelta(hours=10, minutes=20, seconds=21)

#: Writes (11, row, column) ten bands and SCL of a date into a folder, for a tile.
Writer = Callable[[Path, str, npt.NDArray[np.uint16], Affine, pd.Timestamp], None]


def _write_geotiff(
    folder: Path, tile: str, numbers: npt.NDArray[np.uint16], transform: Affine, date: pd.Timestamp
) -> None:
    path = folder / f"S2L2A_{tile}_{date:%Y%m%d}.tif"
    count, height, width = numbers.shape
    profile = {"driver": "GTiff", "dtype": "uint16", "nodata": 0, "compress": "deflate", "predictor": 2, "zlevel": 9}
    # By way of memory, so that a full disk is told by one error and not by lines of the TIFF library.
    with MemoryFile() as memory:
        with memory.open(
            **profile, count=count, height=height, width=width, crs=CRS, transform=transform, interleave="band"
        ) as raster:
            raster.write(numbers)
            raster.descriptions = (*COMMON_BANDS, "SCL")
            if date.date() >= FIRST_OFFSET_DAY:  # from here on a raster must say that it has no offset
                raster.update_tags(BOA_ADD_OFFSET="0")
            raster.update_tags(
                ACQUISITION_DATE=f"{date:%Y-%m-%d}", PRODUCT="simulated L2A", CONTENT="simulated by cropxai"
            )
        path.write_bytes(memory.read())


def _write_product(
    folder: Path, tile: str, numbers: npt.NDArray[np.uint16], transform: Affine, date: pd.Timestamp
) -> None:
    layers = dict(zip(COMMON_BANDS, numbers, strict=False))
    bands = {band: coarsened(values, BY_NAME[band].resolution // int(PIXEL)) for band, values in layers.items()}
    # The landscape has no bands of 60 m; their neighbours stand in for them.
    bands |= {coarse: coarsened(layers[near], 60 // int(PIXEL)) for coarse, near in (("B01", "B02"), ("B09", "B8A"))}
    rows, columns = (side // 2 for side in numbers.shape[1:])
    scl = numbers[-1].reshape(rows, 2, columns, 2).max(axis=(1, 3))  # 0 where all four are beyond the swath
    ordered = {band.name: bands[band.name].astype(np.uint16) for band in BANDS if band.name in bands}
    made = SafeTile(tile.removeprefix("T"), (transform.c, transform.f), ordered, scl.astype(np.uint8))
    sensed = date.to_pydatetime() + OVERPASS
    write_safe(folder, [made], sensed, SafeStyle(epsg=EPSG, processed=sensed + dt.timedelta(days=1)))


WRITERS: Mapping[str, Writer] = {"geotiff": _write_geotiff, "safe": _write_product}
