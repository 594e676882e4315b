"""Simulated Sentinel-2 scenes: fields as rasters with clouds and SCL, their boundaries, and the truth beside them."""

import csv
import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import pandas as pd
import pyogrio
from pyogrio.errors import DataSourceError
from rasterio.features import rasterize
from rasterio.io import MemoryFile
from rasterio.transform import Affine, from_origin

import cropxai
from cropxai.bands import BANDS, BY_NAME, COMMON_BANDS, FIRST_OFFSET_DAY, QUANTIFICATION
from cropxai.errors import OutputExists, OutputUnwritable, PathLike
from cropxai.outputs import replacing
from cropxai.reporting import Report, silent
from cropxai.simulate.canopy import BAND_NAMES, Angles, angles, surface_reflectance
from cropxai.simulate.classes import SimulationRefused, class_shares, draw_plants
from cropxai.simulate.clouds import ScenePass, draw_passes, observe
from cropxai.simulate.country import SNOWY, check_season, check_share, event_dates
from cropxai.simulate.development import EVENTS
from cropxai.simulate.fields import Fields, FloatArray, draw_fields
from cropxai.simulate.landscape import (
    PIXEL,
    ROAD,
    VERGE,
    VILLAGE,
    WATER,
    WOOD,
    Landscape,
    draw_landscape,
    field_names,
    smooth_noise,
    spread_evenly,
)
from cropxai.simulate.phenology import states
from cropxai.simulate.safe import SafeTile, coarsened, write_safe
from cropxai.simulate.safe_xml import SafeStyle
from cropxai.simulate.weather import Place, Weather, draw_weather

#: Two neighbouring tiles, a corner where they overlap (upper left easting and northing, m, in UTM zone 32 north), and
#: about where that is.
TILES, EPSG, CORNER, PLACE = ("T32UPU", "T32UQU"), 32632, (703_000.0, 5_350_000.0), Place("Bavaria", 11.7, 48.3)
#: Share of the landscape's columns that the first and the second tile show, counted from the west and from the east.
SHOWN = (0.66, 0.7)
#: Least share, on the scale of `classes.SimulatedClass`, of the crops that are grown.
COMMON = 5.5
CRS = f"EPSG:{EPSG}"
#: Time of day at which it is passed, UTC.
OVERPASS = dt.timedelta(hours=10, minutes=20, seconds=21)
#: Parcels are given in other systems than the rasters, as real ones are.
SHAPEFILE_CRS, GEOPACKAGE_CRS = "EPSG:25832", "EPSG:3035"
#: Digital numbers are rounded to multiples of this, so that files compress.
STEP = 16
#: Share of parcels whose declared crop is not the one that grows.
LABEL_NOISE = 0.03
#: Season that the dates cover, days of year: 1 February to 31 October.
SEASON = (31, 303)
PARCELS, SIZES, DATES = (10, 20_000), (48, 3000), (1, 100)

#: Writes (11, row, column) ten bands and SCL of a date into a folder, for a tile.
Writer = Callable[[Path, str, npt.NDArray[np.uint16], Affine, pd.Timestamp], None]

_PARCEL_FILES = ("shp", "shx", "dbf", "prj", "cpg", "gpkg")
WHICH = [BAND_NAMES.index(band) for band in COMMON_BANDS]
COARSE = np.array([BY_NAME[band].resolution > 10 for band in COMMON_BANDS])


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
        frame.to_crs(GEOPACKAGE_CRS).to_file(folder / "parcels.gpkg", layer="parcels", geometry_type="Unknown")
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


@dataclass(frozen=True)
class Ground:
    """What lies on each pixel.

    Attributes
    ----------
    kind : (row, column) -1 on fields and verges, else one of `landscape.BACKGROUND`
    fields : one simulated field a pixel, in row order
    texture : (row, column) smooth noise
    """

    kind: npt.NDArray[np.int16]
    fields: Fields
    texture: FloatArray


def _ground(land: Landscape, grown: Fields, size: int, transform: Affine, rng: np.random.Generator) -> Ground:
    shape = (size, size)
    verge = len(grown) - 1
    shapes = [(geometry, n) for n, geometry in enumerate(land.grown)]
    of_pixel = rasterize(shapes, shape, fill=verge, transform=transform, dtype="int32")
    around = [(geometry, kind) for kind, geometry in sorted(land.background.items()) if not geometry.is_empty]
    between = rasterize(around, shape, fill=VERGE, transform=transform, dtype="int16")
    kind = np.asarray(np.where((of_pixel == verge) & (between != VERGE), between, -1), np.int16)
    fields = grown.take(of_pixel.ravel())
    # Fields are not even: growth, earliness, leaf colour and soil vary smoothly within them (assumed strengths).
    growth, early, colour, soil = (smooth_noise(shape, length, rng).ravel() for length in (12, 20, 8, 25))
    fields = replace(
        fields,
        lai=fields.lai * np.exp(0.10 * growth + 0.04 * rng.standard_normal(size * size)).astype(np.float32),
        events=fields.events + 1.5 * early[:, None],
        chlorophyll=fields.chlorophyll * (1 + 0.05 * colour),
        soil_brightness=fields.soil_brightness * np.exp(0.08 * soil),
        wetness=fields.wetness - 0.05 * soil,
    )
    return Ground(kind, fields, smooth_noise(shape, 3, rng))


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
    ground = _ground(land, grown, size, transform, np.random.default_rng([seed, 23]))
    passes = draw_passes(dates, SEASON, cloudiness, rng)
    for done, scene in enumerate(passes):
        date = pd.Timestamp(year=year, month=1, day=1) + pd.Timedelta(days=scene.day)
        chance = np.random.default_rng([seed, year, 24, scene.day])
        numbers = _digital_numbers(ground, scene, weather, chance)
        for tile, (first, last) in zip(TILES, _columns(size), strict=True):
            write(folder, tile, numbers[..., first:last], transform * Affine.translation(first, 0), date)
        report((done + 1) / dates, f"{date:%Y-%m-%d}")


def _columns(size: int) -> tuple[tuple[int, int], tuple[int, int]]:
    """Return the first and the last column, not included, of each tile; even, because some bands have 20 m."""
    west, east = (2 * round(size * share / 2) for share in SHOWN)
    return (0, west), (size - east, size)


def _digital_numbers(
    ground: Ground, scene: ScenePass, weather: Weather, rng: np.random.Generator
) -> npt.NDArray[np.uint16]:
    """Return a scene: (11, row, column), ten bands and SCL."""
    size = ground.kind.shape[0]
    state = states(ground.fields, [scene.day], weather)
    seen_from: Angles = angles(PLACE.lat, np.array([scene.day]))
    surface = surface_reflectance(ground.fields, state, seen_from)[:, 0, WHICH].reshape(size, size, -1)
    _paint_background(surface, ground, scene.day)
    snow = (state.snow[:, 0] > SNOWY).reshape(size, size) & (ground.kind != WATER)
    seen, scl, unseen = observe(_blur(surface), ground.kind == WATER, snow, scene, rng)
    seen[..., COARSE] = _coarsen(seen[..., COARSE])
    numbers = np.round(seen * (QUANTIFICATION / STEP)).clip(1, 65_535 // STEP) * STEP
    numbers[unseen], scl[unseen] = 0, 0
    return np.moveaxis(np.concatenate([numbers, scl[..., None]], axis=2), 2, 0).astype(np.uint16)


# Typical magnitudes of what lies between fields, in the order of `COMMON_BANDS` (assumptions).
_ROAD = np.array([0.085, 0.10, 0.115, 0.125, 0.145, 0.155, 0.165, 0.17, 0.19, 0.165], np.float32)
_ROOF = np.array([0.12, 0.14, 0.18, 0.20, 0.22, 0.235, 0.25, 0.26, 0.28, 0.25], np.float32)
_GARDEN = np.array([0.04, 0.07, 0.06, 0.11, 0.22, 0.26, 0.28, 0.29, 0.19, 0.12], np.float32)
_WATER = np.array([0.035, 0.042, 0.030, 0.025, 0.020, 0.018, 0.016, 0.014, 0.008, 0.006], np.float32)
_WOOD_SUMMER = np.array([0.017, 0.033, 0.02, 0.06, 0.20, 0.25, 0.26, 0.275, 0.115, 0.05], np.float32)
_WOOD_WINTER = np.array([0.03, 0.04, 0.045, 0.075, 0.13, 0.15, 0.16, 0.17, 0.13, 0.075], np.float32)


def _paint_background(surface: FloatArray, ground: Ground, day: int) -> None:
    texture = ground.texture[..., None]
    roofs = np.clip(0.5 + 0.6 * texture, 0, 1)
    # Leaves come out around 20 April and fall around 1 November.
    leafy = float(np.clip((day - 100) / 25, 0, 1) * np.clip((315 - day) / 25, 0, 1))
    wood = (_WOOD_WINTER + (_WOOD_SUMMER - _WOOD_WINTER) * (0.5 + 0.5 * leafy)) * np.exp(0.12 * texture)
    looks = {
        VILLAGE: _GARDEN + (_ROOF - _GARDEN) * roofs,
        WOOD: wood,
        WATER: np.broadcast_to(_WATER, surface.shape),
        ROAD: _ROAD * np.exp(0.05 * texture),
    }
    for kind, look in looks.items():
        here = ground.kind == kind
        surface[here] = look[here]


def _blur(surface: FloatArray) -> FloatArray:
    """Let light of neighbouring pixels in, as the point spread function of the instrument does (small, assumed)."""
    out: FloatArray = surface
    for axis in (0, 1):
        edge = [(1, 1) if a == axis else (0, 0) for a in range(3)]
        padded = np.pad(out, edge, mode="edge")
        before, after = np.delete(padded, [-1, -2], axis), np.delete(padded, [0, 1], axis)
        out = 0.76 * out + 0.12 * (before + after)
    return out


def _coarsen(values: FloatArray) -> FloatArray:
    """Average 2 × 2 pixels and give each of the four the mean: a 20 m band on a 10 m grid."""
    rows, columns, bands = values.shape
    means = values.reshape(rows // 2, 2, columns // 2, 2, bands).mean(axis=(1, 3))
    out: FloatArray = means.repeat(2, axis=0).repeat(2, axis=1)
    return out


def _write_geotiff(
    folder: Path, tile: str, numbers: npt.NDArray[np.uint16], transform: Affine, date: pd.Timestamp
) -> None:
    path = folder / f"S2L2A_{tile}_{date:%Y%m%d}.tif"
    count, height, width = numbers.shape
    profile = {"driver": "GTiff", "dtype": "uint16", "nodata": 0, "compress": "deflate", "predictor": 2, "zlevel": 9}
    # By way of memory, so that a full disk is told by one error and not by lines of the TIFF library.
    with MemoryFile() as memory:
        with memory.open(
            **profile, count=count, height=height, width=width, crs=CRS, transform=transform, interleave="band"
        ) as raster:
            raster.write(numbers)
            raster.descriptions = (*COMMON_BANDS, "SCL")
            if date.date() >= FIRST_OFFSET_DAY:  # from here on a raster must say that it has no offset
                raster.update_tags(BOA_ADD_OFFSET="0")
            raster.update_tags(
                ACQUISITION_DATE=f"{date:%Y-%m-%d}", PRODUCT="simulated L2A", CONTENT="simulated by cropxai"
            )
        path.write_bytes(memory.read())


def _write_product(
    folder: Path, tile: str, numbers: npt.NDArray[np.uint16], transform: Affine, date: pd.Timestamp
) -> None:
    layers = dict(zip(COMMON_BANDS, numbers, strict=False))
    bands = {band: coarsened(values, BY_NAME[band].resolution // int(PIXEL)) for band, values in layers.items()}
    # The landscape has no bands of 60 m; their neighbours stand in for them.
    bands |= {coarse: coarsened(layers[near], 60 // int(PIXEL)) for coarse, near in (("B01", "B02"), ("B09", "B8A"))}
    rows, columns = (side // 2 for side in numbers.shape[1:])
    scl = numbers[-1].reshape(rows, 2, columns, 2).max(axis=(1, 3))  # 0 where all four are beyond the swath
    ordered = {band.name: bands[band.name].astype(np.uint16) for band in BANDS if band.name in bands}
    made = SafeTile(tile.removeprefix("T"), (transform.c, transform.f), ordered, scl.astype(np.uint8))
    sensed = date.to_pydatetime() + OVERPASS
    write_safe(folder, [made], sensed, SafeStyle(epsg=EPSG, processed=sensed + dt.timedelta(days=1)))


WRITERS: Mapping[str, Writer] = {"geotiff": _write_geotiff, "safe": _write_product}

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
