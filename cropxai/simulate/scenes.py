"""Simulated Sentinel-2 scenes: fields as rasters with clouds and SCL, their boundaries, and the truth beside them."""

import csv
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
from pyogrio.errors import DataSourceError
from rasterio.transform import Affine, from_origin

import cropxai
from cropxai.errors import OutputExists, OutputUnwritable, PathLike
from cropxai.outputs import replacing
from cropxai.reporting import Report, silent
from cropxai.simulate.classes import SimulationRefused, class_shares, draw_plants
from cropxai.simulate.clouds import draw_passes
from cropxai.simulate.country import check_season, check_share
from cropxai.simulate.development import EVENTS
from cropxai.simulate.fields import Fields, draw_fields
from cropxai.simulate.ground import PLACE, digital_numbers, draw_ground
from cropxai.simulate.land import event_dates
from cropxai.simulate.landscape import PIXEL, Landscape, draw_landscape, field_names, spread_evenly
from cropxai.simulate.scene_files import CRS, WRITERS, Writer
from cropxai.simulate.weather import Weather, draw_weather

#: Two neighbouring tiles, and a corner where they overlap (upper left easting and northing, m, in UTM zone 32 north).
TILES, CORNER = ("T32UPU", "T32UQU"), (703_000.0, 5_350_000.0)
#: Share of the landscape's columns that the first and the second tile show, counted from the west and from the east.
SHOWN = (0.66, 0.7)
#: Least share, on the scale of `classes.SimulatedClass`, of the crops that are grown.
COMMON = 5.5
#: Parcels are given in other systems than the rasters, as real ones are.
SHAPEFILE_CRS, GEOPACKAGE_CRS = "EPSG:25832", "EPSG:3035"
#: GDAL 3.6, in QGIS 3.22, warns of later versions.
GEOPACKAGE_VERSION = "1.2"
#: Share of parcels whose declared crop is not the one that grows.
LABEL_NOISE = 0.03
#: Season that the dates cover, days of year: 1 February to 31 October.
SEASON = (31, 303)
PARCELS, SIZES, DATES = (10, 20_000), (48, 3000), (1, 100)

_PARCEL_FILES = ("shp", "shx", "dbf", "prj", "cpg", "gpkg")


def simulate_scenes(
    folder: PathLike,
    *,
    parcels: int = 150,
    size: int = 216,
    year: int = 2018,
    dates: int = 28,
    cloudiness: float = 0.45,
    seed: int = 0,
    format: str = "geotiff",
    overwrite: bool = False,
    report: Report = silent,
) -> Path:
    """Write simulated Sentinel-2 L2A scenes, the parcels on them, and the truth, into a new folder.

    Parameters
    ----------
    folder : the folder to make: ``scenes/``, ``parcels.shp``, ``parcels.gpkg``, ``truth.csv``, ``README.md``
    parcels : number of parcels; the last four are bad on purpose (bow-tie, multi-part, sliver, outside)
    size : pixels of 10 m along each side; even
    year, seed : season and chance, see `simulate_series`
    dates : number of dates from February to October; each has a scene of both tiles
    cloudiness : mean share of cloud over all passes, of which the scenes are the clearer ones
    format : "geotiff", one multi-band file a date, or "safe", one product as ESA delivers them
    overwrite : replace the folder if it exists
    report : told of the progress

    Raises
    ------
    SimulationRefused, LandscapeTooSmall, OutputExists, OutputUnwritable
    """
    _check(parcels, size, year, dates, cloudiness, seed)
    if format not in WRITERS:
        raise SimulationRefused(f"format {format!r} is unknown; use {' or '.join(WRITERS)}")
    _refuse_foreign(Path(folder))
    with replacing(folder, overwrite) as part:
        (part / "scenes").mkdir(parents=True)
        land = draw_landscape(parcels, size, CORNER, np.random.default_rng([seed, 20]))
        rng = np.random.default_rng([seed, year, 21])
        weather = draw_weather([PLACE], year, seed)
        shares = {label: share for label, share in class_shares(None, PLACE.region).items() if share >= COMMON}
        crops = spread_evenly(shares, parcels, rng)
        plants = [*draw_plants(crops, rng), "extensive meadow"]  # the last is the verge
        grown = draw_fields([*crops, "grassland"], plants, np.zeros(parcels + 1, int), weather, rng)
        ids = [f"P{n:03d}" for n in range(1, parcels + 1)]
        _write_parcels(part, land, ids, _declared(crops, rng), rng)
        _write_truth(part / "truth.csv", ids, grown, year)
        write = WRITERS[format]
        _write_scenes(part / "scenes", write, land, grown, weather, size, year, dates, cloudiness, seed, report)
        options = f"--parcels {parcels} --size {size} --year {year} --dates {dates} --cloudiness {cloudiness:g}"
        options += f" --seed {seed}" + (f" --format {format}" if format != "geotiff" else "")
        command = f"cropxai simulate scenes -o {Path(folder).name} {options}"
        readme = _README.format(command=command, version=cropxai.__version__, scenes=_SCENES[format])
        (part / "README.md").write_text(readme, encoding="utf-8")
    return Path(folder)


def _check(parcels: int, size: int, year: int, dates: int, cloudiness: float, seed: int) -> None:
    check_season(year, seed)
    for name, value, (least, most) in (("parcels", parcels, PARCELS), ("size", size, SIZES), ("dates", dates, DATES)):
        if not least <= value <= most:
            raise SimulationRefused(f"{name} {value} is out of range; use {least} to {most}")
    if size % 2:
        raise SimulationRefused(f"size {size} is odd; use an even number, because some bands have pixels of 20 m")
    check_share("cloudiness", cloudiness, 0.01, 0.99)


def _refuse_foreign(folder: Path) -> None:
    """Refuse to replace a folder that holds anything but simulated scenes."""
    ours = {"scenes", "truth.csv", "README.md"} | {f"parcels.{suffix}" for suffix in _PARCEL_FILES}
    if folder.is_file() or (folder.is_dir() and {path.name for path in folder.iterdir()} - ours):
        raise OutputExists(folder)


def _declared(crops: npt.NDArray[np.object_], rng: np.random.Generator) -> npt.NDArray[np.object_]:
    declared = crops.copy()
    wrong = rng.choice(len(crops) - 4, round(LABEL_NOISE * len(crops)), replace=False)
    declared[wrong] = rng.permutation(crops)[: len(wrong)]
    return declared


def _write_parcels(
    folder: Path, land: Landscape, ids: list[str], crops: npt.NDArray[np.object_], rng: np.random.Generator
) -> None:
    frame = gpd.GeoDataFrame(
        {
            "parcel_id": ids,
            "crop": crops,
            "area_ha": [round(shape.area / 1e4, 2) for shape in land.grown],
            "name": field_names(len(ids), rng),
        },
        geometry=land.declared,
        crs=CRS,
    )
    # Files carry the day they were written on, unless told another: the same command then makes the same bytes.
    day = "2018-12-31"
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": f"{day}T00:00:00Z"})
    try:
        frame.to_crs(SHAPEFILE_CRS).to_file(folder / "parcels.shp", encoding="UTF-8", DBF_DATE_LAST_UPDATE=day)
        frame.to_crs(GEOPACKAGE_CRS).to_file(
            folder / "parcels.gpkg",
            layer="parcels",
            geometry_type="Unknown",
            dataset_options={"VERSION": GEOPACKAGE_VERSION},
        )
    except DataSourceError as error:
        raise OutputUnwritable(folder, str(error)) from error
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": None})


def _write_truth(path: Path, ids: list[str], grown: Fields, year: int) -> None:
    columns = [event_dates(grown, event, year) for event in EVENTS]
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["parcel_id", "crop", *EVENTS])
        writer.writerows(zip(ids, grown.crop, *columns, strict=False))


def _write_scenes(
    folder: Path,
    write: Writer,
    land: Landscape,
    grown: Fields,
    weather: Weather,
    size: int,
    year: int,
    dates: int,
    cloudiness: float,
    seed: int,
    report: Report,
) -> None:
    rng = np.random.default_rng([seed, year, 22])
    transform = from_origin(*CORNER, PIXEL, PIXEL)
    ground = draw_ground(land, grown, size, transform, np.random.default_rng([seed, 23]))
    passes = draw_passes(dates, SEASON, cloudiness, rng)
    for done, scene in enumerate(passes):
        date = pd.Timestamp(year=year, month=1, day=1) + pd.Timedelta(days=scene.day)
        chance = np.random.default_rng([seed, year, 24, scene.day])
        numbers = digital_numbers(ground, scene, weather, chance)
        for tile, (first, last) in zip(TILES, _columns(size), strict=True):
            write(folder, tile, numbers[..., first:last], transform * Affine.translation(first, 0), date)
        report((done + 1) / dates, f"{date:%Y-%m-%d}")


def _columns(size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first and the last column, not included, of each tile; even, because some bands have 20 m."""
    west, east = (2 * round(size * share / 2) for share in SHOWN)
    return (0, west), (size - east, size)


_SCENES = {
    "geotiff": """\
- `scenes/S2L2A_TILE_YYYYMMDD.tif`: one Sentinel-2 L2A look-alike a tile and date; the tiles T32UPU (west) and T32UQU
  (east) overlap in the middle. Ten bands named in the band descriptions (uint16, reflectance × 10 000, 0 = no data)
  and the scene classification `SCL`; EPSG:32632, 10 m.""",
    "safe": """\
- `scenes/S2A_MSIL2A_….SAFE`: one Sentinel-2 L2A look-alike a tile and date (T32UPU and T32UQU, which overlap), a
  folder of JPEG 2000 and XML as ESA delivers them, baseline 05.09 (DN = reflectance × 10 000 + 1000, 0 = no data),
  bands in 10, 20 and 60 m and the scene classification `SCL` in 20 m; EPSG:32632. B01 and B09 are B02 and B8A averaged
  over 60 m, to stand in for them.""",
}

_README = """# Simulated sample data

Nothing here was measured: fields, crops and images are **simulated**. Made by cropxai {version} with

    {command}

{scenes}
  Some clouds and shadows are missed at their rims, and two scenes are cut by the edge of the swath.
- `parcels.shp` (EPSG:25832) and `parcels.gpkg` (EPSG:3035): the same parcels, with `parcel_id`, the declared `crop`,
  `area_ha` and a made-up `name`. Few declarations are wrong. The last four parcels are bad on purpose: a bow-tie,
  a multi-part, a sliver without a pixel centre, and one outside the scenes.
- `truth.csv`: the crop that really grows on each parcel and the dates of its events; none for grass.

Licence: CC0 1.0, public domain. The place is a real map sheet, but the landscape is made up.
"""
