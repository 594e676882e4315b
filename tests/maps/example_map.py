"""A small map with every case in it: several crops, hostile text, parcels without an answer, both kinds of polygon."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cropxai.bands import GROUPS
from cropxai.crops import colours, find_crop
from cropxai.maps import MapContents, RelevanceBlock, write_map
from cropxai.maps.attributes import join_attributes

CROPS = ["winter wheat", "winter barley", "winter rapeseed", "grain maize", "sugar beet", "grassland"]
HOSTILE = "<script>alert(\"x\")</script> & 'Löß'; DROP TABLE parcels; -- 麦 🌾 ]]> [% 1 %] \\"
#: As hostile, with characters that no XML can hold.
CONTROL = "tab\tbell\x07 line\nend\x1f"
#: Rows whose answer is missing, the row with hostile text instead of a crop, and one whose window is a single date.
WITHOUT, HOSTILE_ROW, ONE_DAY = (3, 11), 5, 6
DATES = np.arange("2018-03-01", "2018-06-29", 10, dtype="datetime64[D]")
DAYS = [dt.date.fromisoformat(str(d)) for d in DATES]
RUN = {
    "software": "cropxai 0.1.0",
    "parcels": "fields.gpkg",
    "parameters": {"decided_at": 0.9},
    "model": {"name": "example", "classes": CROPS, "note": HOSTILE},
}


def fields(count: int, seed: int = 0) -> gpd.GeoDataFrame:
    """Draw neighbouring fields: the cells around jittered points, with a track between them."""
    rng = np.random.default_rng(seed)
    side = int(np.ceil(np.sqrt(count)))
    grid = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)[:count]
    points = (grid + rng.uniform(-0.32, 0.32, grid.shape)) * (260, 180) + (690_000, 5_330_000)
    cells = shapely.get_parts(shapely.voronoi_polygons(shapely.multipoints(points), extend_to=None))
    hull = shapely.buffer(shapely.convex_hull(shapely.multipoints(points)), 90, join_style="mitre")
    shapes = shapely.buffer(shapely.intersection(cells, hull), -5, join_style="mitre")
    order = shapely.STRtree(shapes).query(shapely.points(points), predicate="within")[1]
    shapes = shapes[order]
    west, _, east, _ = shapely.bounds(shapes[1])
    track = shapely.box(west, points[1][1] - 4, east, points[1][1] + 4)
    shapes[1] = shapely.difference(shapes[1], track)  # one parcel in two parts
    return gpd.GeoDataFrame(
        {
            "name": [f"Flur {i}" for i in range(count)],
            "Crop": "declared",
            "fid": 7,
            "area_ha": shapely.area(shapes) / 1e4,
            'no "te': [CONTROL if i == HOSTILE_ROW else HOSTILE * (i % 2) or None for i in range(count)],
        },
        geometry=shapes,
        crs="EPSG:32632",
    )


def results(count: int, seed: int = 0) -> pd.DataFrame:
    """Make results for ``count`` parcels."""
    rng = np.random.default_rng(seed)
    crop = np.array(CROPS, dtype=object)[rng.choice(len(CROPS), count, p=(0.3, 0.15, 0.15, 0.2, 0.1, 0.1))]
    confidence = rng.uniform(0.4, 1, count)
    day = rng.integers(3, 9, count)
    declared = np.where(rng.random(count) < 0.8, crop, "hops").astype(object)
    frame = pd.DataFrame(
        {
            "parcel_id": [f"P{i:04d}" for i in range(count)],
            "crop": crop,
            "hcat_code": pd.array([find_crop(c).hcat_code for c in crop], dtype="Int64"),
            "confidence": confidence,
            "second_crop": CROPS[1],
            "second_confidence": (1 - confidence) / 2,
            "crop_set": [f"{c}; {CROPS[1]}" if p < 0.6 else c for c, p in zip(crop, confidence, strict=True)],
            "set_size": pd.array(np.where(confidence < 0.6, 2, 1), dtype="Int64"),
            "novelty": 1.7 - confidence,
            "decision_date": [DAYS[d] if c > 0.6 else None for d, c in zip(day, confidence, strict=True)],
            "decision_confidence": np.where(confidence > 0.6, 0.95, np.nan),
            "window_start": [DAYS[d - 2] for d in day],
            "window_end": [DAYS[d + 2] for d in day],
            "clear_dates": len(DATES),
            "status": "classified",
            "relevance_chart": charts(count),
            "declared_crop": declared,
            "declared_agrees": pd.array(declared == crop, dtype="boolean"),
        }
    )
    for rank in (1, 2, 3):
        frame[f"top{rank}_date"] = [DAYS[d + 2 - rank] for d in day]
        frame[f"top{rank}_relevance"] = 0.4 / rank
    if count > ONE_DAY:
        frame.loc[ONE_DAY, "window_start"] = frame.loc[ONE_DAY, "window_end"]
    answer = [c for c in frame if c not in ("parcel_id", "status", "clear_dates", "declared_crop")]
    frame[answer] = frame[answer].astype(object)
    if count > max(WITHOUT):
        frame.loc[list(WITHOUT), answer] = None
        frame.loc[list(WITHOUT), "status"] = "seen clear on no date"
        frame.loc[list(WITHOUT), "clear_dates"] = 0
        frame.loc[HOSTILE_ROW, ["crop", "status", "declared_crop"]] = HOSTILE
    return frame


def totals(count: int) -> np.ndarray:
    """Make relevance by date, (parcel, time): missing for parcels without an answer, and on every seventh date."""
    values = np.random.default_rng(1).normal(0, 0.3, (count, len(DATES))).astype(np.float32)
    values[:, ::7] = np.nan
    if count > max(WITHOUT):
        values[list(WITHOUT)] = np.nan
    return values


def reflectances(count: int) -> np.ndarray:
    """Make reflectance in red, near and short-wave infrared, (parcel, time, column), where there is relevance.

    The last is missing on some dates, and one parcel is brighter than white.
    """
    values = np.random.default_rng(2).uniform(0, 0.6, (count, len(DATES), 3)).astype(np.float32)
    values[np.isnan(totals(count))] = np.nan
    values[:, ::5, 2] = np.nan
    values[:1, 1, 1] = 1.2
    return values


def charts(count: int) -> list[str]:
    """Write the relevance as the column `relevance_chart` has it."""
    return [";".join("" if np.isnan(v) else str(round(float(v) * 1000)) for v in row) for row in totals(count)]


def relevance(count: int, size: int = 30) -> Iterator[RelevanceBlock]:
    """Give relevance and reflectance in blocks of ``size`` parcels; one group has nearly all, one is not read."""
    values, seen = totals(count), reflectances(count)
    for first in range(0, count, size):
        total = values[first : first + size]
        shares = np.array([np.nan, 0.7, 0.1, 0.1, 0.1], dtype=np.float32)[: len(GROUPS)]
        yield RelevanceBlock(first, total, total[..., None] * shares, seen[first : first + size])


def classes(crop: pd.Series) -> pd.DataFrame:
    """Make the table of classes."""
    colour = colours(CROPS)
    counts = crop.value_counts()
    return pd.DataFrame(
        {
            "crop": CROPS,
            "hcat_code": pd.array([find_crop(c).hcat_code for c in CROPS], dtype="Int64"),
            "hcat_name": [find_crop(c).hcat_name for c in CROPS],
            "colour": [colour[c] for c in CROPS],
            "parcels": [int(counts.get(c, 0)) for c in CROPS],
            "area_ha": 12.5,
            "peak1_date": pd.Timestamp("2018-05-20"),
            "peak1_stage": [HOSTILE, None, "flowering (BBCH 65)", None, None, None],
        }
    )


def contents(count: int = 80) -> MapContents:
    """Gather the example."""
    answers = results(count)
    return MapContents(join_attributes(answers, fields(count)), classes(answers["crop"]), RUN, DATES, relevance(count))


def write_example(path: Path, count: int = 80) -> pd.DataFrame:
    """Write the example map and return the results in it."""
    write_map(path, contents(count))
    return results(count)
