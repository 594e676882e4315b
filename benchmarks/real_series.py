"""Write the labelled real data sets as series stores: ``python benchmarks/real_series.py FOLDER``.

FOLDER receives ``bavaria_2018.zarr`` (301 parcels, 14 half-months, 13 L1C bands, parcel means) and
``arkansas_2021.zarr`` (10 000 points, 36 dekads, 10 L2A bands). The sets themselves are not part of the project;
``CROPXAI_REAL_DATA`` names their folder (default: ``../shared/data`` beside the repository).
"""

import os
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np

from cropxai.bands import QUANTIFICATION, band_name
from cropxai.series import CropSeries

ROOT = Path(os.environ.get("CROPXAI_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))


def bavaria(root: Path = ROOT) -> CropSeries:
    """Return the Bavarian parcels: half-month means of L1C reflectance, clouds and snow left in."""
    held = np.load(root / "bavaria_2018" / "bavaria_2018.npz", allow_pickle=False)
    parcels = gpd.read_file(root / "bavaria_2018" / "parcels.gpkg").set_index("parcel_id").loc[held["parcel_id"]]
    place = parcels.geometry.representative_point().to_crs(4326)
    return CropSeries.from_arrays(
        held["X"] / QUANTIFICATION,
        held["dates"],
        [str(band_name(b)) for b in held["bands"]],
        held["parcel_id"].tolist(),
        crop=held["class_names"][held["y"]].tolist(),
        lon=place.x,
        lat=place.y,
        parcels=parcels.reset_index(),
        attrs={"level": "L1C", "pixel_rule": "unknown", "statistic": "mean", "sources": ["bavaria_2018"]},
    )


def arkansas(root: Path = ROOT) -> CropSeries:
    """Return the Arkansas points: dekads of L2A reflectance, missing dekads marked by the set itself."""
    held = np.load(root / "arkansas_2021" / "arkansas_2021_dekads.npz", allow_pickle=False)
    values = np.where(held["valid"][..., None], held["X"] / np.float32(QUANTIFICATION), np.nan)
    return CropSeries.from_arrays(
        values,
        held["dekad_start"],
        [str(band_name(b)) for b in held["bands"]],
        np.arange(len(values)).tolist(),
        crop=held["class_names"][held["y"]].tolist(),
        lon=held["lon"],
        lat=held["lat"],
        groups={"zone": held["zone"].tolist()},
        attrs={"level": "L2A", "pixel_rule": "point", "statistic": "point", "sources": ["arkansas_2021"]},
    )


def main(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, load in (("bavaria_2018", bavaria), ("arkansas_2021", arkansas)):
        series = load()
        series.save(folder / f"{name}.zarr", overwrite=True)
        print(name, series.summary(), sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
