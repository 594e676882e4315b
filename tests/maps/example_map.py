"""A small map with every case in it: several crops, hostile text, parcels without an answer, both kinds of polygon."""

import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from cropxai.bands import GROUPS
from cropxai.maps import join_attributes, write_map

CROPS = ["winter wheat", "winter barley", "winter rapeseed", "grain maize", "sugar beet", "grassland"]
HOSTILE = "<script>alert(\"x\")</script> & 'Löß'; DROP TABLE parcels; -- 麦"
#: Rows whose answer is missing, and the row with hostile text instead of a crop.
WITHOUT, HOSTILE_ROW = (3, 11), 5
DATES = [dt.date(2018, 3, 1) + dt.timedelta(days=10 * i) for i in range(12)]
RUN = {"software": "cropxai 0.1.0", "parcels": "fields.gpkg", "model_card": {"classes": CROPS, "note": HOSTILE}}


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
    frame = pd.DataFrame(
        {
            "parcel_id": [f"P{i:04d}" for i in range(count)],
            "crop": crop,
            "hcat_code": pd.array([3301010101] * count, dtype="Int64"),
            "confidence": confidence,
            "second_crop": CROPS[1],
            "second_confidence": (1 - confidence) / 2,
            "window_start": [DATES[d - 2] for d in day],
            "window_end": [DATES[d + 2] for d in day],
            "clear_dates": len(DATES),
            "status": "classified",
        }
    )
    for rank in (1, 2, 3):
        frame[f"top{rank}_date"] = [DATES[d + 2 - rank] for d in day]
        frame[f"top{rank}_relevance"] = 0.4 / rank
    answer = [c for c in frame if c not in ("parcel_id", "status", "clear_dates")]
    frame[answer] = frame[answer].astype(object)
    if count > max(WITHOUT):
        frame.loc[list(WITHOUT), answer] = None
        frame.loc[list(WITHOUT), "status"] = "seen clear on no date"
        frame.loc[list(WITHOUT), "clear_dates"] = 0
        frame.loc[HOSTILE_ROW, ["crop", "status"]] = HOSTILE
    return frame


def relevance(
    parcel_ids: list[str], dates: list[dt.date], size: int = 1000, groups: Sequence[str] = GROUPS
) -> Iterator[pd.DataFrame]:
    """Give the relevance of parcels in pieces of ``size`` parcels."""
    for start in range(0, len(parcel_ids), size):
        index = pd.MultiIndex.from_product([parcel_ids[start : start + size], dates, groups])
        piece = index.to_frame(index=False, name=["parcel_id", "date", "band_group"])
        yield piece.assign(relevance=np.linspace(-1, 1, len(piece)))


def write_example(path: Path, count: int = 80) -> pd.DataFrame:
    """Write the example map and return the results in it."""
    answers = results(count)
    parcels = join_attributes(answers, fields(count))
    write_map(path, parcels, relevance(list(answers["parcel_id"]), DATES), crop_labels=CROPS, run=RUN)
    return answers
