import csv
import errno
import filecmp
import re
import sqlite3
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from geopandas.testing import assert_geodataframe_equal
from rasterio.features import geometry_mask

from cropxai.bands import COMMON_BANDS, SCL_CLASSES
from cropxai.cli.main import main
from cropxai.errors import OutputExists, OutputUnwritable
from cropxai.simulate import SimulationRefused, scenes, simulate_scenes
from cropxai.simulate.landscape import LandscapeTooSmall

SAMPLE = Path(__file__).parents[2] / "sample_data"
SMALL = {"parcels": 24, "size": 80, "dates": 6, "seed": 4}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate_scenes(tmp_path_factory.mktemp("one") / "demo", **SMALL)


@pytest.fixture(scope="module")
def rasters(folder):
    found = {}
    for path in sorted((folder / "scenes").iterdir()):
        with rasterio.open(path) as raster:
            found[path.stem[6:]] = raster.read()
    return found


def test_the_same_command_makes_the_same_bytes(folder, tmp_path):
    again = simulate_scenes(tmp_path / "demo", **SMALL)
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    assert len(files) == 2 * 6 + 8
    _, differ, failed = filecmp.cmpfiles(folder, again, files, shallow=False)
    assert (differ, failed) == ([], [])
    assert str(tmp_path) not in (folder / "README.md").read_text()


def test_the_sample_data_are_what_their_command_makes(tmp_path, monkeypatch):
    """All of them but the scenes, of which two dates are made again; compressed files by what they hold."""
    drawn = scenes.draw_passes
    monkeypatch.setattr(scenes, "draw_passes", lambda *asked: drawn(*asked)[8:24:15])
    command = re.search(r"cropxai (simulate scenes .*)", (SAMPLE / "README.md").read_text(encoding="utf-8"))[1]
    assert main(command.replace("-o sample_data", f"-o {tmp_path / 'sample_data'}").split()) == 0
    made = tmp_path / "sample_data"
    assert {path.name for path in made.iterdir()} == {path.name for path in SAMPLE.iterdir()}
    for name in ("truth.csv", *(f"parcels.{suffix}" for suffix in ("shp", "shx", "dbf", "prj", "cpg"))):
        assert (made / name).read_bytes() == (SAMPLE / name).read_bytes(), name
    assert_geodataframe_equal(gpd.read_file(made / "parcels.gpkg"), gpd.read_file(SAMPLE / "parcels.gpkg"))
    again = sorted(path.name for path in (made / "scenes").iterdir())
    assert len(again) == 4
    for name in again:
        with rasterio.open(made / "scenes" / name) as one, rasterio.open(SAMPLE / "scenes" / name) as other:
            assert one.tags() == other.tags()
            assert (one.read() != other.read()).mean() < 1e-4  # other processors may round a few the other way


def test_scenes_read_back(folder, rasters):
    assert len(rasters) == 2 * 6
    for path in (folder / "scenes").iterdir():
        with rasterio.open(path) as raster:
            tile = path.name[6:12]
            assert path.name == f"S2L2A_{tile}_{raster.tags()['ACQUISITION_DATE'].replace('-', '')}.tif"
            assert raster.crs == "EPSG:32632"
            assert raster.descriptions == (*COMMON_BANDS, "SCL")
            assert (raster.count, raster.height, raster.width) == (11, 80, {"T32UPU": 52, "T32UQU": 56}[tile])
            assert set(raster.dtypes) == {"uint16"}
            assert raster.nodata == 0
            assert raster.res == (10, 10)


def test_the_tiles_overlap_and_show_the_same_there(folder):
    dates = {path.stem[-8:] for path in (folder / "scenes").iterdir()}
    for date in dates:
        with (
            rasterio.open(folder / f"scenes/S2L2A_T32UPU_{date}.tif") as west,
            rasterio.open(folder / f"scenes/S2L2A_T32UQU_{date}.tif") as east,
        ):
            shift = round((east.bounds.left - west.bounds.left) / 10)
            assert 0 < shift < west.width
            np.testing.assert_array_equal(west.read()[..., shift:], east.read()[..., : west.width - shift])


def test_reflectance_and_scl_are_legal(rasters):
    classes = set()
    for numbers in rasters.values():
        reflectance, scl = numbers[:10], numbers[10]
        unseen = scl == 0
        assert (reflectance[:, unseen] == 0).all()
        assert (reflectance[:, ~unseen] > 0).all()
        assert reflectance.max() <= 12_000
        classes |= set(np.unique(scl).tolist())
    assert classes <= set(SCL_CLASSES)
    assert {0, 3, 4, 5, 6, 8, 9} <= classes
    cut = {name[-8:] for name, numbers in rasters.items() if (numbers[10] == 0).any()}
    assert len(cut) == 2  # by the edge of the swath


def test_coarse_bands_have_pixels_of_20_m(rasters):
    for numbers in rasters.values():
        for band, name in enumerate(COMMON_BANDS):
            pairs = numbers[band, :, ::2] == numbers[band, :, 1::2]
            seen = (numbers[10, :, ::2] > 0) & (numbers[10, :, 1::2] > 0)
            assert pairs[seen].all() == (name not in ("B02", "B03", "B04", "B08"))


def test_clouds_found_by_scl_are_bright_and_some_are_missed(rasters):
    numbers = np.concatenate([n.reshape(11, -1) for n in rasters.values()], axis=1)
    blue, scl = numbers[0], numbers[10]
    assert np.median(blue[scl == 9]) > 3 * np.median(blue[np.isin(scl, (4, 5))])
    assert 0 < (blue[np.isin(scl, (4, 5))] > 2000).mean() < 0.1


def test_parcels_in_both_files_are_the_same_and_badly_shaped_on_purpose(folder):
    shape, package = gpd.read_file(folder / "parcels.shp"), gpd.read_file(folder / "parcels.gpkg")
    assert shape.crs.to_epsg() == 25832
    assert package.crs.to_epsg() == 3035
    assert list(shape.columns) == ["parcel_id", "crop", "area_ha", "name", "geometry"]
    assert shape.drop(columns="geometry").equals(package.drop(columns="geometry"))
    assert len(shape) == 24
    assert any(not name.isascii() for name in shape["name"])
    tie, several, sliver, outside = shape.geometry.iloc[-4:]
    assert not tie.is_valid
    assert shape.geometry.iloc[:-4].is_valid.all()
    assert len(several.geoms) == 2
    assert outside.centroid.x > 703_000 + 80 * 10
    with rasterio.open(next((folder / "scenes").iterdir())) as raster:
        outline = gpd.GeoSeries([sliver], crs=shape.crs).to_crs(raster.crs)
        assert geometry_mask(outline, raster.shape, raster.transform).all()


def test_the_geopackage_has_a_version_that_older_qgis_reads_without_a_warning(folder):
    with sqlite3.connect(folder / "parcels.gpkg") as package:
        assert package.execute("PRAGMA user_version").fetchone() == (10_200,)


def test_truth_lies_beside_and_differs_from_few_declarations(folder):
    with (folder / "truth.csv").open(encoding="utf-8") as file:
        truth = list(csv.DictReader(file))
    parcels = gpd.read_file(folder / "parcels.gpkg")
    assert [row["parcel_id"] for row in truth] == list(parcels["parcel_id"])
    wrong = sum(row["crop"] != crop for row, crop in zip(truth, parcels["crop"], strict=True))
    assert wrong <= 1
    wheat = [row for row in truth if row["crop"] == "winter wheat"]
    assert wheat
    assert all("2017-08" < row["sowing"] < row["flowering"] < row["harvest"] < "2018-09-15" for row in wheat)


@pytest.mark.parametrize(
    "arguments",
    [{"parcels": 0}, {"size": 51}, {"size": 10}, {"year": 1900}, {"dates": 0}, {"cloudiness": 0.0}, {"seed": -1}],
)
def test_bad_input_is_refused_and_leaves_nothing(arguments, tmp_path):
    with pytest.raises(SimulationRefused):
        simulate_scenes(tmp_path / "demo", **{**SMALL, **arguments})
    assert not list(tmp_path.iterdir())


def test_too_many_parcels_are_refused(tmp_path):
    with pytest.raises(LandscapeTooSmall, match="--size"):
        simulate_scenes(tmp_path / "demo", parcels=500, size=60)
    assert not list(tmp_path.iterdir())


def test_an_existing_folder_is_kept(tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "family.jpg").write_bytes(b"x")
    for overwrite in (False, True):  # not even --overwrite takes a folder of other things
        with pytest.raises(OutputExists):
            simulate_scenes(tmp_path / "photos", overwrite=overwrite, **SMALL)
    assert (tmp_path / "photos" / "family.jpg").exists()


def test_overwrite_replaces_its_own(tmp_path):
    small = {"parcels": 12, "size": 60, "dates": 1}
    for seed in (1, 2):
        simulate_scenes(tmp_path / "demo", seed=seed, overwrite=True, **small)
    assert "--seed 2" in (tmp_path / "demo" / "README.md").read_text()


def test_a_full_disk_is_told_and_leaves_nothing(tmp_path, monkeypatch):
    def full(self: Path, content: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device", str(self))

    monkeypatch.setattr(scenes.Path, "write_bytes", full)
    with pytest.raises(OutputUnwritable, match="no space left"):
        simulate_scenes(tmp_path / "demo", **SMALL)
    assert not list(tmp_path.iterdir())
