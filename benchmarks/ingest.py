"""The extraction of parcel values beside a plain read of the same files, and beside other ways to the same numbers.

``python benchmarks/ingest.py [--quick] [--size 5490] [--bands 13]`` makes parcels and rasters in a temporary folder,
prints a table, and last one line of JSON. All times are CPU seconds of the user, least of several rounds, with files in
the page cache, so that decoding is measured and not the disk; only "two workers" is by the clock, and tells nothing on
a machine that has other work. ``pip install 'cropxai[bench]'`` brings the others.

- plain read: every block of every band decoded into memory, along the blocks
- cropxai: median, mean, counts and clear pixels of every parcel, as ``cropxai ingest`` makes them; the plan apart
- rasterio.mask: one call a parcel and band, as the software of EuroCropsML does, then numpy; or one call a parcel for
  all bands; a sample of parcels, scaled to all
- rasterstats: zonal_stats, a sample of parcels and one band, scaled to all
- exactextract: raster-sequential, all bands in one call, its best way; values are weighted by the share that is covered

``centre_17`` and the like are cropxai over the plain read, for parcels on 17 % of the pixels; ``vs_…`` is another way
over cropxai, by bands of one file on 17 %; ``jp2`` is cropxai over the plain read of JPEG 2000.
"""

import argparse
import datetime as dt
import json
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

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
from cropxai.ingest.measure import measure
from cropxai.ingest.parcels import Parcels
from cropxai.ingest.plan import Plan, make_plan
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid, Location, Scene

TRANSFORM = Affine(10, 0, 500_000, 0, -10, 5_600_000)
BLOCK = 512
#: Rows and columns of a tile of Sentinel-2's JPEG 2000, at 10 m.
JP2_TILE = 1024
#: Rows and columns of the scenes of "two workers", and how often one and two go over them.
WORKER_SIZE, WORKER_ROUNDS = 3072, 2
#: Shares of the raster that parcels cover, in percent.
COVERS = (17, 65)
#: Metres between a field and the Voronoi cell around it.
MARGIN = 8.0
#: By name in the results.
RULES = {"centre": Rules(), "mean": Rules(statistic="mean"), "exact": Rules(pixel_rule="exact")}

Row = tuple[str, str, float, float]


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


def write_jp2(folder: Path, raster: Path, bands: int) -> Scene:
    """Write some bands of a raster as Sentinel-2's products hold them: JPEG 2000, one file a band, lossless."""
    folder.mkdir()
    places = {}
    with rasterio.open(raster) as source:
        grid = Grid(source.crs.to_wkt(), source.transform, source.width, source.height)
        for index, name in enumerate(source.descriptions[:bands], start=1):
            path = folder / f"{name}.jp2"
            with rasterio.open(
                path, "w", driver="JP2OpenJPEG", width=grid.width, height=grid.height, count=1, dtype="uint16",
                crs=source.crs, transform=source.transform, blockxsize=JP2_TILE, blockysize=JP2_TILE, QUALITY=100,
                REVERSIBLE="YES",
            ) as dataset:  # fmt: skip
                dataset.write(source.read(index), 1)
            places[name] = Location(str(path), 1, grid, 0.0, 10_000.0)
    return Scene(str(folder), "31UDS", dt.date(2018, 5, 1), "L2A", places)


def plain_read(paths: Sequence[str]) -> None:
    """Decode every block, along the blocks, into memory that is used again; bands in one call."""
    for path in paths:
        with rasterio.open(path) as dataset:
            tall, wide = dataset.block_shapes[0][0], 4 * dataset.block_shapes[0][1]
            room = np.empty(dataset.count * tall * wide, dtype=np.uint16)
            for top in range(0, dataset.height, tall):
                for left in range(0, dataset.width, wide):
                    height, width = min(tall, dataset.height - top), min(wide, dataset.width - left)
                    out = room[: dataset.count * height * width].reshape(dataset.count, height, width)
                    dataset.read(window=Window(left, top, width, height), out=out)


def by_rasterio(path: Path, shapes: list[shapely.Geometry], together: bool) -> np.ndarray:
    """Medians of clear pixels, (parcel, band), one rasterio.mask a parcel and band, or for all bands together."""
    medians = []
    with rasterio.open(path) as dataset:
        numbers: list[Any] = [None] if together else [[index] for index in dataset.indexes]
        for shape in shapes:
            layers = [mask(dataset, [shape], crop=True, nodata=0, indexes=number)[0] for number in numbers]
            pixels = np.concatenate(layers)
            values = pixels[:-1, ~np.isin(pixels[-1], SCL_MASKED)]
            medians.append([np.median(band[band > 0]) if (band > 0).any() else np.nan for band in values])
    return np.array(medians)


def others(path: Path, fields: gpd.GeoDataFrame, bands: int, plan: Plan, ours: np.ndarray, sample: int) -> dict:
    """Time the other ways on one raster; the first must give our numbers."""
    some = fields.iloc[len(fields) // 2 :][:sample]
    shapes = list(some.geometry)
    scale = len(fields) / len(some)
    found: list[np.ndarray] = []
    times = {
        "rasterio.mask": scale * seconds(lambda: found.append(by_rasterio(path, shapes, together=False))),
        "rasterio.mask, all bands": scale * seconds(lambda: found.append(by_rasterio(path, shapes, together=True))),
    }
    rows = np.searchsorted(plan.members, some.index.to_numpy())
    known = np.isin(some.index, plan.members)
    for medians in found:
        np.testing.assert_array_equal(ours[rows[known]], (medians[known] / 10_000).astype(np.float32))
    try:
        from rasterstats import zonal_stats

        few = some.iloc[: max(20, sample // 4)]
        more = bands * len(fields) / len(few)
        times["rasterstats"] = more * seconds(lambda: zonal_stats(few, str(path), stats=["median"], band=1))
    except ImportError:
        print("rasterstats: not installed")
    try:
        from exactextract import exact_extract

        for statistic, name in (("median", "exactextract"), ("mean", "exactextract, mean")):
            extract = partial(exact_extract, str(path), fields, [statistic], strategy="raster-sequential")
            times[name] = seconds(extract) * bands / (bands + 1)  # it reads the classification as a band, too
    except ImportError:
        print("exactextract: not installed")
    return times


def planned(fields: Parcels, grid: Grid, rules: Rules) -> tuple[Plan, float]:
    """Return the plan, and the seconds that it takes once the loops are compiled."""
    plan = make_plan(fields, grid, rules)
    return plan, seconds(lambda: make_plan(fields, grid, rules))


def compared(scene: Scene, plans: dict[str, Plan], rounds: int) -> tuple[dict[str, float], np.ndarray]:
    """Return the seconds of a plain read and of each rule, in turns because the machine may be shared, and medians."""
    bands = list(scene.bands)
    ways = {name: ({scene.grid: plans[rules.pixel_rule]}, rules) for name, rules in RULES.items()}
    for plan, rules in ways.values():
        measure(scene, plan, bands, rules)  # compiles, and lays out the chunks
    times = dict.fromkeys(("plain read", *ways), np.inf)
    for _ in range(rounds):
        times["plain read"] = min(times["plain read"], seconds(lambda: plain_read(scene.files)))
        for name, (plan, rules) in ways.items():
            times[name] = min(times[name], seconds(partial(measure, scene, plan, bands, rules)))
    return times, measure(scene, ways["centre"][0], bands, RULES["centre"]).values


def two_workers(folder: Path, dates: int, size: int, bands: int) -> dict[str, float]:
    """Return how much faster two workers are on several scenes, by the clock, and what they cost in CPU.

    After a run that warms up (compiled code, files in the page cache) come rounds of both in turns; the results are
    medians over the rounds, and so are the seconds.
    """
    scenes = folder / "scenes"
    scenes.mkdir()
    for day in range(1, dates + 1):
        write_raster(scenes / f"L2A_2018060{day}.tif", size, bands, day, "band")
    first = extract_series(folder / "fields_17.parquet", scenes, workers=1).dataset
    clock: dict[int, list[float]] = {1: [], 2: []}
    spent: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(WORKER_ROUNDS):
        for workers in (1, 2):
            start, begun = time.perf_counter(), user()
            series = extract_series(folder / "fields_17.parquet", scenes, workers=workers)
            clock[workers].append(time.perf_counter() - start)
            spent[workers].append(user() - begun)
            assert series.dataset.identical(first)
    return {
        "workers_2": float(np.median(np.divide(clock[1], clock[2]))),
        "workers_2_cpu": float(np.median(np.divide(spent[2], spent[1]))),
        "workers_1_seconds": float(np.median(clock[1])),
        "workers_2_seconds": float(np.median(clock[2])),
    }


def run(here: Path, size: int, bands: int, jp2_bands: int, rounds: int, sample: int, dates: int) -> None:
    """Make the files in a folder, time all, and print the results."""
    figures: dict[str, float | str] = {"size": size, "bands": bands}
    rows: list[Row] = []
    (here / "pixel").mkdir()
    raster = write_raster(here / "L2A_20180501.tif", size, bands, 1, "band")
    pixel = write_raster(here / "pixel" / "L2A_20180501.tif", size, bands, 1, "pixel")
    scenes = {"band": find_scenes(raster)[0], "pixel": find_scenes(pixel)[0]}
    scenes["jp2"] = write_jp2(here / "jp2", raster, jp2_bands)
    for cover in COVERS:
        write_parcels(here / f"fields_{cover}.parquet", size, cover)
        fields = read_parcels(here / f"fields_{cover}.parquet")
        plans: dict[str, Plan] = {}
        for rule in ("centre", "exact"):
            plans[rule], figures[f"plan_{rule}_{cover}_seconds"] = planned(
                fields, scenes["band"].grid, Rules(pixel_rule=rule)
            )
        share = plans["centre"].counts.sum() / size**2
        print(f"{len(fields)} parcels cover {share:.0%}; their pixels take", end=" ")
        print(" and ".join(f"{figures[f'plan_{rule}_{cover}_seconds']:.2f} s ({rule})" for rule in plans), "a grid")
        figures[f"parcels_{cover}"] = len(fields)
        for kind in ("band", "pixel", "jp2") if cover == COVERS[0] else ("band", "pixel"):
            times, medians = compared(scenes[kind], plans, 1 if kind == "jp2" else rounds)
            read = times["plain read"]
            name = f"{cover} %, " + ("JPEG 2000" if kind == "jp2" else f"interleaved by {kind}")
            rows += [(name, way if way == "plain read" else f"cropxai, {way}", t, t / read) for way, t in times.items()]
            for way in RULES:
                figures[f"{way}_{cover}_{kind}".removesuffix("_band")] = round(times[way] / read, 3)
            if cover == COVERS[0] and kind == "band":
                for way, spent in others(raster, fields.frame, bands, plans["centre"], medians, sample).items():
                    rows.append((name, way, spent, spent / read))
                    key = "vs_" + way.replace(".", "_").replace(", ", "_").replace(" ", "_")
                    figures[key] = round(spent / times["centre"], 1)
    figures["jp2"] = figures["centre_17_jp2"]
    for way in ("rasterstats", "exactextract"):
        figures.setdefault(f"vs_{way}", "not installed")
    few = min(size, WORKER_SIZE)
    figures |= two_workers(here, dates, few, bands)
    print(f"\n{'cover and raster':28s} {'way':26s} {'user CPU s':>10s} {'x plain read':>13s}")
    for name, way, spent, ratio in rows:
        print(f"{name:28s} {way:26s} {spent:10.2f} {ratio:13.2f}")
    print(
        f"{dates} scenes of {few} x {few}: one worker {figures['workers_1_seconds']:.2f} s, two workers "
        f"{figures['workers_2_seconds']:.2f} s by the clock, {figures['workers_2']:.2f} times as fast, "
        f"{figures['workers_2_cpu']:.2f} times the CPU"
    )
    print(json.dumps({key: round(value, 3) if isinstance(value, float) else value for key, value in figures.items()}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="less than a minute")
    parser.add_argument("--size", type=int, help="rows and columns; default 5490, a quarter of a tile (quick: 1536)")
    parser.add_argument("--bands", type=int, default=13)
    options = parser.parse_args()
    size = options.size or (1536 if options.quick else 5490)
    jp2_bands, rounds, sample, dates = (1, 3, 40, 4) if options.quick else (2, 3, 400, 6)
    with tempfile.TemporaryDirectory() as folder:
        run(Path(folder), size, options.bands, jp2_bands, rounds, sample, dates)


if __name__ == "__main__":
    main()
