"""Opens the files of scenes, on disk or behind a URL, and tells by what they are known again."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import rasterio

from cropxai.errors import ScenesUnreadable
from cropxai.ingest.scenes import Grid, Location

JPEG2000 = (".jp2", ".j2k")
#: What GDAL calls files behind a URL.
REMOTE = ("/vsicurl/", "/vsis3/")
#: No search for files beside a remote one; a request that fails is tried again, and one that hangs is given up.
REMOTE_OPTIONS = {
    "GDAL_DISABLE_READDIR_ON_OPEN": "EMPTY_DIR",
    "GDAL_HTTP_MAX_RETRY": "3",
    "GDAL_HTTP_RETRY_DELAY": "1",
    "GDAL_HTTP_CONNECTTIMEOUT": "20",
    "GDAL_HTTP_TIMEOUT": "120",
}
#: Enough for the blocks under a chunk of each of several readers; more does not make reading faster.
CACHED_BYTES = 128 << 20
#: Pixels by which the corner of a raster may lie elsewhere than its metadata say.
CORNER_TOLERANCE = 0.01


def is_remote(path: str) -> bool:
    """Say whether a path of GDAL lies behind a URL."""
    return path.startswith(REMOTE)


def without_query(path: str) -> str:
    """Return a path as messages and hashes may hold it: the query of a URL may be a key, and changes."""
    return path.partition("?")[0] if is_remote(path) else path


@contextmanager
def small_cache() -> Iterator[None]:
    """Keep GDAL from filling a twentieth of the memory with blocks that nobody asks for again; it has one cache."""
    with rasterio.Env(GDAL_CACHEMAX=CACHED_BYTES):
        yield


@contextmanager
def decoding_in_this_thread() -> Iterator[None]:
    """Keep GDAL from decoding JPEG 2000 in threads of its own: an error in these is lost, and gives wrong pixels."""
    with rasterio.Env(GDAL_NUM_THREADS="1"):
        yield


def open_raster(path: str) -> rasterio.DatasetReader:
    """Open a raster: a JPEG 2000, or behind a URL and in an archive also a GeoTIFF; else of any format.

    Raises
    ------
    rasterio.errors.RasterioError
        If it is damaged, or of another format.
    """
    # GDAL is not left to find the format by the content: a VRT from elsewhere could name any file of this machine.
    driver = "JP2OpenJPEG" if without_query(path).lower().endswith(JPEG2000) else "GTiff"
    if not is_remote(path):
        return rasterio.open(path, driver=driver if driver != "GTiff" or path.startswith("/vsi") else None)
    with rasterio.Env(**REMOTE_OPTIONS):
        return rasterio.open(path, driver=driver)


def open_location(place: Location) -> rasterio.DatasetReader:
    """Open the file of a layer.

    Raises
    ------
    rasterio.errors.RasterioError
        As of :func:`open_raster`.
    ScenesUnreadable
        If the file has another grid than was told of it.
    """
    dataset = open_raster(place.path)
    transform, told = dataset.transform, place.grid
    size = (dataset.width, dataset.height) == (told.width, told.height)
    ends = ((0, 0), (told.width, told.height))
    found = [told.pixels(*Grid("", transform, *dataset.shape[::-1]).coordinates(*end)) for end in ends]
    if not size or np.abs(np.subtract(found, ends)).max() > CORNER_TOLERANCE:
        dataset.close()
        raise ScenesUnreadable(without_query(place.path), "lies elsewhere than the metadata beside it say; mend these")
    return dataset


def state_of(path: str) -> tuple[str, int, int]:
    """Return by what an unchanged file is known again: name, size in bytes, time of change in ns.

    Of a member of an archive ("/vsizip/…") it is that of the archive. A file behind a URL is taken as unchanging.
    """
    if is_remote(path):
        return without_query(path), 0, 0
    outer = Path(path)
    if path.startswith("/vsi"):
        inner = Path(path.split("/", 2)[2].replace("{", "").replace("}", ""))
        outer = next((part for part in inner.parents if part.is_file()), inner)
    status = outer.stat()
    return path, status.st_size, status.st_mtime_ns
