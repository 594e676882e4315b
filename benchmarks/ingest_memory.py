"""The memory that the extraction of one whole tile takes: 13 bands on their native grids, in a process of its own.

``python benchmarks/ingest_memory.py [--quick] [--cover 17]`` makes a tile of 10 980 × 10 980 pixels of 10 m (quick: a
sixteenth of it) and parcels in a temporary folder, measures them, prints the largest resident memory after each step,
and last one line of JSON.
"""

import argparse
import datetime as dt
import json
import multiprocessing
import tempfile
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
from affine import Affine
from ingest import write_parcels
from pyproj import CRS

from cropxai.bands import BANDS
from cropxai.ingest import read_parcels
from cropxai.ingest.files import small_cache
from cropxai.ingest.measure import measure
from cropxai.ingest.planfile import kept_plan
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid, Location, Scene

#: As most have their parcels; Arrow, which reads GeoParquet, holds more for a moment, and not always the same.
FIELDS = "fields.gpkg"


def write_tile(folder: Path, size: int) -> Scene:
    """Write one deflate GeoTIFF a band, of noise that repeats itself, in its native resolution."""
    noise = np.clip(np.random.default_rng(0).normal(2500, 400, (1830, 1830)), 1, None).astype(np.uint16)
    places = {}
    for number, band in enumerate(BANDS):
        pixels = size * 10 // band.resolution
        transform = Affine(band.resolution, 0, 500_000, 0, -band.resolution, 5_600_000)
        path = folder / f"{band.name}.tif"
        with rasterio.open(
            path, "w", driver="GTiff", width=pixels, height=pixels, count=1, dtype="uint16", crs="EPSG:32631",
            transform=transform, tiled=True, blockxsize=512, blockysize=512, compress="deflate", predictor=2, zlevel=1,
        ) as dataset:  # fmt: skip
            times = -(-pixels // 1830)
            dataset.write(np.tile(noise + np.uint16(number), (times, times))[:pixels, :pixels], 1)
        grid = Grid(CRS.from_epsg(32631).to_wkt(), transform, pixels, pixels)
        places[band.name] = Location(str(path), 1, grid, 0.0, 10_000.0)
    return Scene(str(folder), "31UDS", dt.date(2018, 5, 1), "L1C", places)


def peak() -> int:
    """Return the largest resident memory of this process so far, in MB."""
    # Not from getrusage: a new process inherits that of the one that started it. Linux only.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024 // 1_000_000


def steps(folder: Path, scene: Scene, rule: str) -> dict[str, int]:
    """Return the peak after the start, the parcels, the plans, and the tile."""
    found = {"start": peak()}
    parcels = read_parcels(folder / FIELDS)
    found["parcels"] = peak()
    rules = Rules(pixel_rule=rule)
    plans = {grid: kept_plan(parcels, grid, folder, rules) for grid in scene.grids}
    found["plans"] = peak()
    with small_cache():
        measure(scene, plans, list(scene.bands), rules)
    return {**found, "tile": peak(), "count": len(parcels)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--cover", type=int, default=17, help="share of the tile under parcels, in percent")
    options = parser.parse_args()
    size = 2760 if options.quick else 10_980
    figures: dict[str, int] = {"size": size, "cover": options.cover}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        scene = write_tile(folder, size)
        write_parcels(folder / "fields.parquet", size, options.cover)
        gpd.read_parquet(folder / "fields.parquet").to_file(folder / FIELDS)
        for rule in ("centre", "exact"):
            with multiprocessing.get_context("spawn").Pool(1) as pool:
                found = pool.apply(steps, (folder, scene, rule))
            figures["parcels"] = found.pop("count")
            print(f"{rule}: MB after " + ", ".join(f"{step} {megabytes}" for step, megabytes in found.items()))
            figures[f"peak_{rule}_mb"] = found["tile"]
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
