"""The extraction of parcel medians from SAFE products beside decoding their images.

``python benchmarks/safe.py [--quick] [--size 5490]`` writes a product and parcels into a temporary folder, prints a
table, and last one line of JSON. All times are CPU seconds of the process, least of two rounds, in one thread.

- decoding: every block of every image that is read (B02, B05, B09, SCL), along the blocks, by rasterio
- folder, archive: ``cropxai ingest`` of the product as folder, and of its zip archives, stored and deflated
- verified: the folder, each file compared with its checksum before
"""

import argparse
import datetime as dt
import json
import tempfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from rasterio.windows import Window
from shapely import box

from cropxai.ingest import extract_series
from cropxai.simulate.safe import SafeTile, write_safe

CORNER = (600_000.0, 5_400_000.0)
#: Pixels of 10 m a parcel, so many that parcels cover a sixth of the tile.
PIXELS_A_PARCEL = 1300


def layer(size: int, rng: np.random.Generator) -> np.ndarray:
    """Draw fields of 30 pixels with noise: about as hard to compress as real reflectance."""
    blocks = rng.integers(300, 5000, (size // 30 + 1,) * 2)
    smooth = np.kron(blocks, np.ones((30, 30), dtype=int))[:size, :size]
    return (smooth + rng.normal(0, 40, (size, size))).clip(1).astype(np.uint16)


def write(folder: Path, size: int) -> tuple[Path, Path]:
    """Write the product and the parcels."""
    rng = np.random.default_rng(0)
    bands = {"B02": layer(size, rng), "B05": layer(size // 2, rng), "B09": layer(size // 6, rng)}
    tile = SafeTile("32UPU", CORNER, bands, scl=np.full((size // 2, size // 2), 4, dtype=np.uint8))
    product = write_safe(folder, [tile], dt.datetime(2018, 5, 7, 10, 30, 21))
    count = size**2 // PIXELS_A_PARCEL
    west, south = CORNER[0] + rng.uniform(0, size * 10 - 250, count), CORNER[1] - rng.uniform(250, size * 10, count)
    side = rng.uniform(80, 200, count)
    frame = gpd.GeoDataFrame(geometry=box(west, south, west + side, south + side), crs="EPSG:32632")
    frame.iloc[np.argsort(frame.hilbert_distance().to_numpy())].to_parquet(folder / "parcels.parquet")
    return product, folder / "parcels.parquet"


def pack(product: Path, archive: Path, packing: int) -> Path:
    with zipfile.ZipFile(archive, "w", packing) as file:
        for path in sorted(p for p in product.rglob("*") if p.is_file()):
            file.write(path, f"{product.name}/{path.relative_to(product).as_posix()}")
    return archive


def decode(product: Path) -> None:
    with rasterio.Env(GDAL_NUM_THREADS="1"):
        for path in sorted(product.rglob("*.jp2")):
            with rasterio.open(path) as image:
                rows = image.block_shapes[0][0]
                for row in range(0, image.height, rows):
                    image.read(1, window=Window(0, row, image.width, min(rows, image.height - row)))


def seconds(work: Callable[[], object]) -> float:
    """Return the least CPU time of two rounds."""
    times = []
    for _ in range(2):
        start = time.process_time()
        work()
        times.append(time.process_time() - start)
    return min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a product of 1098 pixels")
    parser.add_argument("--size", type=int, default=5490, help="pixels of 10 m along each side, a multiple of 6")
    options = parser.parse_args()
    size = 1098 if options.quick else options.size
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        product, parcels = write(folder, size)
        stored = pack(product, folder / "stored.zip", zipfile.ZIP_STORED)
        deflated = pack(product, folder / "deflated.zip", zipfile.ZIP_DEFLATED)
        extract_series(parcels, product, workers=1)  # compiles
        times = {"decoding": seconds(lambda: decode(product))}
        for kind, path in (("folder", product), ("archive, stored", stored), ("archive, deflated", deflated)):
            times[kind] = seconds(lambda path=path: extract_series(parcels, path, workers=1))
        times["verified"] = seconds(lambda: extract_series(parcels, product, workers=1, verify=True))
        megabytes = sum(path.stat().st_size for path in product.rglob("*.jp2")) / 1e6
        count = len(gpd.read_parquet(parcels))
    print(f"{size} x {size} pixels of 10 m, {megabytes:.0f} MB of JPEG 2000, {count} parcels")
    for kind, spent in times.items():
        print(f"{kind:18} {spent:7.2f} s  {spent / times['decoding']:.2f}")
    print(json.dumps({"size": size, "parcels": count, "seconds": {k: round(v, 2) for k, v in times.items()}}))


if __name__ == "__main__":
    main()
