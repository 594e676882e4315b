"""Size, time and memory of a map by the number of its parcels, beside the plain layout of its table of relevance.

``python benchmarks/map.py [--quick] [--parcels 1000,10000,400000] [--dates 70] [--seen 1.0]`` prints a table and, last,
one line of JSON. Parcels, relevance and reflectance are synthetic and come in pieces; every size runs in a process of
its own, whose greatest memory is told. With ``--both`` maps with and without reflectance are written instead, three
times in turns, in one process. The plain layout, measured on at most 10 000 parcels, has a row for each parcel, date
and band group with the identifier as text, and is scaled to the number of rows.
"""

import argparse
import json
import multiprocessing
import resource
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cropxai.bands import GROUPS
from cropxai.crops import CROPS, colours
from cropxai.maps import MapContents, RelevanceBlock, write_map
from cropxai.maps.attributes import charts, join_attributes

PIECE = 2000
LABELS = [crop.label for crop in CROPS[:18]]
PLAIN_PARCELS = 10_000
#: Between which the reflectance of fields lies, in red, near and short-wave infrared.
RANGES = ((0.02, 0.15), (0.15, 0.5), (0.1, 0.35))
TURNS = 3


def season(count: int) -> np.ndarray:
    """Return dates, evenly over a year."""
    return np.datetime64("2018-01-05") + (np.arange(count) * 360 // count).astype("timedelta64[D]")


def relevance(parcels: int, dates: int, seen: float, reflectance: bool = False) -> Iterator[RelevanceBlock]:
    """Make relevance in pieces, a few tenths at most, as of the margin between two crops, and reflectance."""
    for first in range(0, parcels, PIECE):
        rng = np.random.default_rng(first)
        shape = (min(PIECE, parcels - first), dates, len(GROUPS))
        groups = rng.normal(0, 0.08, shape).astype(np.float32)
        groups[rng.random(shape[:2]) >= seen] = np.nan
        total = groups[..., 1:].sum(axis=2)
        groups[..., 0] = np.nan  # no model of this project reads the atmosphere's bands
        light = None
        if reflectance:
            light = np.stack([rng.uniform(*ends, shape[:2]) for ends in RANGES], axis=2).astype(np.float32)
            light[np.isnan(total)] = np.nan
        yield RelevanceBlock(first, total, groups, light)


def contents(parcels: int, dates: int, seen: float, reflectance: bool) -> MapContents:
    """Make the parcels, octagons on a grid, and their results."""
    rng = np.random.default_rng(0)
    side = int(np.ceil(np.sqrt(parcels)))
    place = np.stack(np.divmod(np.arange(parcels), side), axis=1) * 100.0 + 4_000_000
    angle = np.linspace(0, 2 * np.pi, 9)
    ring = 45 * np.stack([np.cos(angle), np.sin(angle)], axis=1)
    shapes = shapely.polygons(place[:, None] + ring)
    days = season(dates).astype("datetime64[s]")
    pick = rng.integers(0, len(LABELS), parcels)
    results = pd.DataFrame(
        {
            "parcel_id": [f"AT{i:010d}" for i in range(parcels)],
            "crop": np.array(LABELS, dtype=object)[pick],
            "hcat_code": np.array([crop.hcat_code for crop in CROPS])[pick],
            "confidence": rng.uniform(0.3, 1, parcels),
            "second_crop": np.array(LABELS, dtype=object)[pick - 1],
            "second_confidence": rng.uniform(0, 0.3, parcels),
            "decision_date": days[rng.integers(0, dates, parcels)],
            "decision_confidence": rng.uniform(0.9, 1, parcels),
            "clear_dates": round(dates * seen),
            "status": "classified",
        }
    )
    for rank in (1, 2, 3):
        results[f"top{rank}_date"] = days[rng.integers(0, dates, parcels)]
        results[f"top{rank}_relevance"] = rng.uniform(0, 1, parcels)
    results["window_start"], results["window_end"] = days[0], days[-1]
    results["relevance_chart"] = [c for block in relevance(parcels, dates, seen) for c in charts(block.total)]
    given = gpd.GeoDataFrame({"crop": results["crop"], "area_ha": 0.57}, geometry=shapes, crs="EPSG:3035")
    colour = colours(LABELS)
    classes = pd.DataFrame(
        {"crop": LABELS, "colour": list(colour.values()), "parcels": np.bincount(pick, minlength=18)}
    )
    run = {"software": "benchmark", "parameters": {"decided_at": 0.9}}
    blocks = relevance(parcels, dates, seen, reflectance)
    return MapContents(join_attributes(results, given), classes, run, season(dates), blocks)


def plain_bytes_a_row(path: Path, dates: int, seen: float) -> float:
    """Write the plain layout of the relevance of some parcels and return its bytes for a parcel and date."""
    days = season(dates).astype(str)
    with closing(sqlite3.connect(path)) as database:
        database.execute("CREATE TABLE relevance (fid INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, parcel_id TEXT, "
                         "date DATE, band_group TEXT, relevance REAL)")  # fmt: skip
        rows = 0
        for block in relevance(PLAIN_PARCELS // 5, dates, seen):
            parcel, time_, group = np.nonzero(np.isfinite(block.groups))
            values = block.groups[parcel, time_, group].astype(float).tolist()
            names = [f"AT{block.first + i:010d}" for i in parcel]
            database.executemany("INSERT INTO relevance (parcel_id, date, band_group, relevance) VALUES (?, ?, ?, ?)",
                                 zip(names, days[time_], [GROUPS[g] for g in group], values, strict=True))  # fmt: skip
            rows += int(np.isfinite(block.total).sum())
        database.execute("CREATE INDEX relevance_parcel_date ON relevance (parcel_id, date)")
        database.commit()
    return path.stat().st_size / rows


def measure(folder: str, parcels: int, dates: int, seen: float, reflectance: bool) -> dict[str, float]:
    """Write one map and look at it."""
    path = Path(folder) / f"map{parcels}.gpkg"
    made = contents(parcels, dates, seen, reflectance)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start, cpu = time.perf_counter(), time.process_time()
    write_map(path, made)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT count(*) FROM relevance").fetchone()[0]
        asked = {}
        for name, query in (
            ("one parcel", "SELECT date, relevance FROM relevance WHERE parcel = 77"),
            ("one date", f"SELECT parcel_id, relevance FROM relevance_by_date WHERE date = '{season(dates)[-1]}'"),
        ):
            begin = time.perf_counter()
            database.execute(query).fetchall()
            asked[name] = time.perf_counter() - begin
    size = path.stat().st_size
    path.unlink()
    return {
        "parcels": parcels, "rows": rows, "size_mb": size / 1e6, "bytes_a_row": size / max(1, rows), "wall_s": seconds,
        "cpu_s": cpu, "input_mb": before / 1e3, "peak_mb": peak / 1e3, "one_parcel_ms": 1e3 * asked["one parcel"],
        "one_date_ms": 1e3 * asked["one date"],
    }  # fmt: skip


def side_by_side(folder: str, parcels: int, dates: int, seen: float) -> dict[str, float]:
    """Write the map with and without reflectance in turns; return sizes and the medians of CPU seconds."""
    found: dict[bool, list[dict[str, float]]] = {True: [], False: []}
    for _ in range(TURNS):
        for reflectance, measured in found.items():
            measured.append(measure(folder, parcels, dates, seen, reflectance))
    with_it, without = (
        {key: float(np.median([one[key] for one in runs])) for key in ("size_mb", "cpu_s")} for runs in found.values()
    )
    return {
        "parcels": parcels, "size_mb": with_it["size_mb"], "size_without_mb": without["size_mb"],
        "size_ratio": with_it["size_mb"] / without["size_mb"], "cpu_s": with_it["cpu_s"],
        "cpu_without_s": without["cpu_s"], "cpu_ratio": with_it["cpu_s"] / without["cpu_s"],
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="1000 and 5000 parcels")
    parser.add_argument("--parcels", default="1000,10000,100000,400000")
    parser.add_argument("--dates", type=int, default=70)
    parser.add_argument("--seen", type=float, default=1.0, help="share of the dates on which a parcel is seen")
    parser.add_argument("--no-reflectance", dest="reflectance", action="store_false", help="leave reflectance out")
    parser.add_argument("--both", action="store_true", help="compare with and without reflectance, side by side")
    parser.add_argument("--folder", help="where the maps are written and removed again")
    options = parser.parse_args()
    sizes = [1000, 5000] if options.quick else [int(text) for text in options.parcels.split(",")]
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        if options.both:
            rows = [side_by_side(folder, parcels, options.dates, options.seen) for parcels in sizes]
            print(pd.DataFrame(rows).round(3).T.to_string(header=False))
            print(json.dumps(rows[-1]))
            return
        plain = plain_bytes_a_row(Path(folder) / "plain.db", options.dates, options.seen)
        rows = []
        for parcels in sizes:
            with spawn.Pool(1) as pool:
                found = pool.apply(measure, (folder, parcels, options.dates, options.seen, options.reflectance))
            rows.append(found | {"plain_relevance_mb": plain * found["rows"] / 1e6})
    print(pd.DataFrame(rows).round(1).T.to_string(header=False))
    last = rows[-1]
    keys = ("parcels", "rows", "size_mb", "plain_relevance_mb", "wall_s", "cpu_s", "peak_mb", "one_date_ms")
    print(json.dumps({key: round(last[key], 1) for key in keys} | {"dates": options.dates, "seen": options.seen}))


if __name__ == "__main__":
    main()
