"""The extraction of parcel medians beside a plain read of the same files, and beside other ways to the same numbers.

``python benchmarks/ingest.py [--quick] [--size 5490] [--bands 13]`` makes parcels and a raster in a temporary folder,
prints a table, and last one line of JSON. All times are CPU seconds of the user, least of several rounds, with files in
the page cache, so that decoding is measured and not the disk. ``pip install 'cropxai[bench]'`` brings the others.

- plain read: every block of every band decoded into memory, along the blocks
- cropxai: medians, counts and clear pixels of every parcel, as ``cropxai ingest`` makes them; the plan apart
- rasterio.mask: one call a parcel (all bands at once), then numpy; a sample of parcels, scaled to all
- rasterstats: zonal_stats, a sample of parcels and one band, scaled to all
- exactextract: raster-sequential, all bands in one call; its median weighs pixels by the share that is covered
"""

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import shapely
from affine import Affine
from rasterio.mask import mask
from rasterio.windows import Window

from cropxai.bands import BANDS, SCL_MASKED
from cropxai.ingest import read_parcels
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.extract import extract_series
from cropxai.ingest.measure import Measurement, measure
from cropxai.ingest.parcels import Parcels
from cropxai.ingest.plan import Plan, make_plan
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid, Scene

TRANSFORM = Affine(10, 0, 500_000, 0, -10, 5_600_000)
BLOCK = 512
#: Shares of the raster that parcels cover, in percent.
COVERS = (17, 65)
#: Metres between a field and the Voronoi cell around it.
MARGIN = 8.0


def user() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_utime


def seconds(work: Callable[[], object], rounds: int = 1) -> float:
    """Return the least CPU time of the user."""
    least = np.inf
    for _ in range(rounds):
        start = user()
        work()
        least = min(least, user() - start)
    return float(least)


def write_parcels(path: Path, size: int, cover: int) -> None:
    """Write shrunken Voronoi cells of about 2.6 ha with the vertices of digitised fields, neighbours together."""
    rng = np.random.default_rng(5)
    side = size * 10
    places = rng.uniform(0, side, (int(side**2 / 26_000), 2)) + np.array([500_000, 5_600_000 - side])
    extent = shapely.box(500_000, 5_600_000 - side, 500_000 + side, 5_600_000)
    cells = shapely.intersection(shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(places))), extent)
    fields = rng.permutation(shapely.buffer(cells, -MARGIN, join_style="mitre"))
    fields = fields[[field.geom_type == "Polygon" and not field.is_empty for field in fields]]
    enough = np.searchsorted(np.cumsum(shapely.area(fields)), cover / 100 * side**2)
    frame = gpd.GeoDataFrame(geometry=shapely.segmentize(fields[:enough], 15), crs="EPSG:32631")
    frame.iloc[np.argsort(frame.hilbert_distance().to_numpy())].reset_index(drop=True).to_parquet(path)


def write_raster(path: Path, size: int, bands: int, day: int, interleave: str) -> Path:
    """Write smooth reflectance with noise, clouds, and a scene classification, as tiled deflate GeoTIFF."""
    rng = np.random.default_rng(day)
    coarse = rng.normal(2500, 700, (size // 30 + 2, size // 30 + 2))
    field = np.kron(coarse, np.ones((30, 30)))[:size, :size]
    cloud = np.kron(rng.random((size // 300 + 2, size // 300 + 2)) < 0.2, np.ones((300, 300), dtype=bool))[:size, :size]
    names = [band.name for band in BANDS][:bands]
    with rasterio.open(
        path, "w", driver="GTiff", width=size, height=size, count=bands + 1, dtype="uint16", crs="EPSG:32631",
        transform=TRANSFORM, nodata=0, tiled=True, blockxsize=BLOCK, blockysize=BLOCK, compress="deflate", predictor=2,
        interleave=interleave, BIGTIFF="IF_SAFER",
    ) as dataset:  # fmt: skip
        for index, name in enumerate(names, start=1):
            values = field * (0.5 + index / bands) + rng.normal(0, 45, field.shape) + 4000 * cloud
            dataset.write(np.clip(values, 1, 20_000).astype(np.uint16), index)
            dataset.set_band_description(index, name)
        dataset.write(np.where(cloud, 9, 4).astype(np.uint16), bands + 1)
        dataset.set_band_description(bands + 1, "SCL")
    return path


def plain_read(path: Path) -> None:
    """Decode every block, along the blocks, into memory that is used again; bands in one call."""
    with rasterio.open(path) as dataset:
        wide = 4 * BLOCK
        room = np.empty((dataset.count, BLOCK, wide), dtype=np.uint16)
        for top in range(0, dataset.height, BLOCK):
            for left in range(0, dataset.width, wide):
                height, width = min(BLOCK, dataset.height - top), min(wide, dataset.width - left)
                out = room.reshape(-1)[: dataset.count * height * width].reshape(dataset.count, height, width)
                dataset.read(window=Window(left, top, width, height), out=out)


def by_rasterio(path: Path, shapes: list[shapely.Geometry]) -> np.ndarray:
    """Medians of clear pixels, (parcel, band), one rasterio.mask a parcel."""
    medians = []
    with rasterio.open(path) as dataset:
        for shape in shapes:
            pixels, _ = mask(dataset, [shape], crop=True, nodata=0)
            values = pixels[:-1, ~np.isin(pixels[-1], SCL_MASKED)]
            medians.append([np.median(band[band > 0]) if (band > 0).any() else np.nan for band in values])
    return np.array(medians)


def others(path: Path, fields: gpd.GeoDataFrame, bands: int, plan: Plan, ours: np.ndarray, sample: int) -> dict:
    """Time the other ways on one raster; the first must give our numbers."""
    some = fields.iloc[len(fields) // 2 :][:sample]
    scale = len(fields) / len(some)
    found: list[np.ndarray] = []
    times = {"rasterio.mask": scale * seconds(lambda: found.append(by_rasterio(path, list(some.geometry))))}
    rows = np.searchsorted(plan.members, some.index.to_numpy())
    known = np.isin(some.index, plan.members)
    expected = (found[0][known] / 10_000).astype(np.float32)
    np.testing.assert_array_equal(ours[rows[known]], expected)
    try:
        from rasterstats import zonal_stats

        few = some.iloc[: max(20, sample // 4)]
        more = bands * len(fields) / len(few)
        times["rasterstats"] = more * seconds(lambda: zonal_stats(few, str(path), stats=["median"], band=1))
    except ImportError:
        print("rasterstats: not installed")
    try:
        from exactextract import exact_extract

        def extract() -> None:
            exact_extract(str(path), fields, ["median"], strategy="raster-sequential", output="pandas")

        times["exactextract"] = seconds(extract) * bands / (bands + 1)  # it reads the classification as a band, too
    except ImportError:
        print("exactextract: not installed")
    return times


def planned(fields: Parcels, grid: Grid) -> tuple[Plan, float]:
    """Return the plan, and the seconds that it takes once the loops are compiled."""
    plan = make_plan(fields, grid)
    return plan, seconds(lambda: make_plan(fields, grid))


def compared(file: Path, scene: Scene, plan: Plan, bands: list[str], rounds: int) -> tuple[float, float, Measurement]:
    """Return the seconds of a plain read and of our medians, in turns because the machine is shared."""
    measured = measure(scene, {scene.grid: plan}, bands, Rules())  # compiles, and lays out the chunks
    read = own = np.inf
    for _ in range(rounds):
        read = min(read, seconds(lambda: plain_read(file)))
        own = min(own, seconds(lambda: measure(scene, {scene.grid: plan}, bands, Rules())))
    return read, own, measured


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--size", type=int, help="rows and columns; default 5490, a quarter of a tile (quick: 1536)")
    parser.add_argument("--bands", type=int, default=13)
    options = parser.parse_args()
    size = options.size or (1536 if options.quick else 5490)
    rounds, sample, dates = (3, 60, 4) if options.quick else (3, 400, 4)
    figures: dict[str, float | str] = {"size": size, "bands": options.bands}
    rows: list[tuple[str, str, float, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        here = Path(folder)
        (here / "pixel").mkdir()
        raster = write_raster(here / "L2A_20180501.tif", size, options.bands, 1, "band")
        pixel = write_raster(here / "pixel" / "L2A_20180501.tif", size, options.bands, 1, "pixel")
        files = {"band": raster, "pixel": pixel}
        scenes = {kind: find_scenes(file)[0] for kind, file in files.items()}
        bands = list(scenes["band"].bands)
        for cover in COVERS:
            write_parcels(here / f"fields_{cover}.parquet", size, cover)
            fields = read_parcels(here / f"fields_{cover}.parquet")
            plan, planning = planned(fields, scenes["band"].grid)
            print(
                f"{len(fields)} parcels cover {plan.counts.sum() / size**2:.0%}; their pixels: {planning:.2f} s a grid"
            )
            figures[f"parcels_{cover}"], figures[f"plan_{cover}_seconds"] = len(fields), round(planning, 2)
            for kind, file in files.items():
                read, own, measured = compared(file, scenes[kind], plan, bands, rounds)
                name = f"{cover} %, interleaved by {kind}"
                rows += [(name, "plain read", read, 1.0), (name, "cropxai", own, own / read)]
                figures[f"centre_{cover}" + ("" if kind == "band" else "_pixel")] = round(own / read, 3)
                if cover == COVERS[0] and kind == "band":
                    for way, spent in others(raster, fields.frame, len(bands), plan, measured.values, sample).items():
                        rows.append((name, way, spent, spent / read))
                        figures["vs_" + way.replace(".", "_")] = round(spent / own, 1)
        for way in ("rasterstats", "exactextract"):
            figures.setdefault(f"vs_{way}", "not installed")
        figures |= side_by_side(here, dates, size, options.bands)
    print(f"\n{'cover and raster':34s} {'way':14s} {'user CPU s':>10s} {'x plain read':>13s}")
    for name, way, spent, ratio in rows:
        print(f"{name:34s} {way:14s} {spent:10.2f} {ratio:13.2f}")
    print(f"two workers: {figures['workers_2']} times as fast by the clock, {figures['workers_2_cpu']} times the CPU")
    print(json.dumps(figures))


def side_by_side(folder: Path, dates: int, size: int, bands: int) -> dict[str, float]:
    """Return how much faster two workers are on several scenes, by the clock, and what they cost in CPU."""
    scenes = folder / "scenes"
    scenes.mkdir()
    small = min(size, 3072)
    for day in range(1, dates + 1):
        write_raster(scenes / f"L2A_2018060{day}.tif", small, bands, day, "band")
    clock, spent, values = {}, {}, {}
    for workers in (1, 2):
        start, begun = time.perf_counter(), user()
        values[workers] = extract_series(folder / "fields_17.parquet", scenes, workers=workers)
        clock[workers], spent[workers] = time.perf_counter() - start, user() - begun
    assert values[1].dataset.identical(values[2].dataset)
    return {"workers_2": round(clock[1] / clock[2], 2), "workers_2_cpu": round(spent[2] / spent[1], 2)}


if __name__ == "__main__":
    main()
