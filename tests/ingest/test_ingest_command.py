"""The command: every bad input ends in one line that names the file and the remedy."""

import errno
import json
import subprocess
import sys

import geopandas as gpd
import numpy as np
import pytest
from affine import Affine
from shapely.geometry import LineString, Point, Polygon, box

from cropxai.ingest import measure as measuring
from cropxai.series import CropSeries

BOXES = [box(500_000 + 40 * i, 5_599_900, 500_030 + 40 * i, 5_599_930) for i in range(3)]
WARNED = pytest.mark.filterwarnings("always::cropxai.errors.CropxaiWarning")


def bands_of(seed=0, shape=(15, 20)):
    rng = np.random.default_rng(seed)
    layers = {band: rng.integers(1, 9000, shape).astype(np.uint16) for band in ("B02", "B08")}
    return {**layers, "SCL": np.where(rng.random(shape) < 0.2, 9, 4).astype(np.uint16)}


@pytest.fixture
def images(tmp_path, raster):
    for day in ("05", "12", "20"):
        raster(tmp_path / "s2" / f"S2L2A_31UDS_201805{day}.tif", bands_of(int(day)))
    return tmp_path / "s2"


@pytest.fixture
def fields(tmp_path, vector):
    return vector(tmp_path / "fields.gpkg", BOXES, crop=["wheat", "maize", "maize"])


def contents(store):
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}


def test_a_run_from_end_to_end(tmp_path, command, fields, images):
    output = tmp_path / "fields.zarr"
    code, out, err = command("ingest", fields, images, "-o", output, "--label-field", "crop", "--bands", "b8,B02")
    assert (code, err) == (0, "")
    assert out.startswith("3 parcels × 3 dates × 2 bands, L2A\n")
    series = CropSeries.open(output)
    assert series.bands == ("B08", "B02")
    assert list(series.labels) == ["wheat", "maize", "maize"]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["fields.gpkg", "fields.zarr", "s2"]


def test_progress_for_a_program(tmp_path, fields, images):
    start = "from cropxai.cli.main import run; run()"
    arguments = ["ingest", fields, images, "-o", tmp_path / "f.zarr", "--progress", "json"]
    done = subprocess.run([sys.executable, "-c", start, *map(str, arguments)], capture_output=True, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.stderr == b""
    assert {line["event"] for line in lines} == {"progress", "result"}
    assert (lines[-1]["parcels"], lines[-1]["dates"], lines[-1]["output"]) == (3, 3, str(tmp_path / "f.zarr"))


def test_non_ascii_paths_and_attributes(tmp_path, command, vector, raster):
    parcels = vector(tmp_path / "Fält ô" / "Äcker.shp", BOXES, Früchte=["Weizen", "Rüben", "озимая"])
    scene = raster(tmp_path / "Fält ô" / "Bild_ü_L2A_20180507.tif", bands_of())
    output = tmp_path / "Fält ô" / "Reihe_ł.zarr"
    assert command("ingest", parcels, scene, "-o", output, "--label-field", "Früchte")[0] == 0
    assert list(CropSeries.open(output).labels) == ["Weizen", "Rüben", "озимая"]


PARCELS = {
    "no CRS": ("p.shp", BOXES, {"crs": None}, "has no coordinate reference system; add its .prj"),
    "empty": ("p.gpkg", [], {}, "holds no parcel; export the layer again"),
    "points": ("p.gpkg", [Point(1, 1)], {}, "holds no polygon (not a polygon but a Point); parcels must be polygons"),
    "lines": ("p.gpkg", [LineString([(0, 0), (9, 9)])], {}, "(not a polygon but a LineString); parcels must be"),
    "duplicates": (
        "p.gpkg",
        BOXES,
        {"id": [1, 2, 2]},
        "field 'id' is not unique (repeated: '2'); name another with --id",
    ),
    "cut name": ("p.shp", BOXES, {"crop_label": [1, 2, 3]}, "no field 'crop_label_2018' (shapefiles cut names to 10"),
    "elsewhere": ("p.gpkg", [box(0, 0, 50, 50)], {}, "no parcel lies on the rasters of"),
    "too small": ("p.gpkg", [box(500_006, 5_599_906, 500_014, 5_599_914)], {}, "no pixel centre inside: area 64 m2"),
}


@pytest.mark.parametrize(("name", "geometry", "columns", "said"), PARCELS.values(), ids=PARCELS)
def test_bad_parcels(tmp_path, command, vector, images, name, geometry, columns, said):
    parcels = vector(tmp_path / name, geometry, **columns)
    label = ["--label-field", "crop_label_2018"] if "crop_label" in columns else []
    code, out, err = command("ingest", parcels, images, "-o", tmp_path / "out.zarr", *label)
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert line.startswith(f"cropxai: {parcels}: ")
    assert said in line
    assert not (tmp_path / "out.zarr").exists()


RASTERS = {
    "no georeference": ("L2A_20180507.tif", ("B02",), {"crs": None}, "has no georeference; give it one"),
    "no date": ("L2A_today.tif", ("B02",), {}, "tells no date; put it in the file name as YYYYMMDD"),
    "no level": ("20180507.tif", ("B02",), {}, "tells no processing level; give --level"),
    "other level": ("L1C_20180507.tif", ("B02", "B08"), {}, "the rasters mix processing levels: L1C ("),
    "no band": ("L2A_20180507.tif", ("SCL",), {}, "names no Sentinel-2 band; set the band descriptions"),
}


@pytest.mark.parametrize(("name", "bands", "options", "said"), RASTERS.values(), ids=RASTERS)
def test_bad_rasters(tmp_path, command, raster, fields, images, name, bands, options, said):
    path = raster(images / name, {band: bands_of()[band] for band in bands}, **options)
    code, out, err = command("ingest", fields, images, "-o", tmp_path / "out.zarr")
    assert (code, out) == (1, "")
    (line,) = err.splitlines()
    assert str(path) in line
    assert said in line


@pytest.mark.parametrize("kept", [20, 1500])
def test_a_truncated_raster(tmp_path, command, fields, images, kept):
    path = images / "S2L2A_31UDS_20180512.tif"
    path.write_bytes(path.read_bytes()[:kept])
    code, _, err = command("ingest", fields, images, "-o", tmp_path / "out.zarr")
    (line,) = err.splitlines()
    assert code == 1
    assert line.startswith(f"cropxai: {path}: is damaged")
    assert "copy or download it again" in line


def test_nothing_but_nodata(tmp_path, command, raster, fields):
    path = raster(tmp_path / "L2A_20180507.tif", {band: 0 * values for band, values in bands_of().items()})
    code, _, err = command("ingest", fields, path, "-o", tmp_path / "out.zarr")
    (line,) = err.splitlines()
    assert code == 1
    assert "L2A_20180507.tif" in line
    assert "all pixels on the parcels are nodata; check that the rasters are whole" in line


@WARNED
def test_mended_geometry_and_heights(tmp_path, command, vector, images):
    x, y = 500_000, 5_599_900
    bow_tie = Polygon([(x, y, 9), (x + 40, y + 40, 9), (x + 40, y, 9), (x, y + 40, 9)])
    parcels = vector(tmp_path / "p.gpkg", [bow_tie, BOXES[2]], id=["tie", "box"])
    code, _, err = command("ingest", parcels, images, "-o", tmp_path / "out.zarr")
    assert (code, err) == (0, "warning: 1 parcel: geometry mended ('tie')\n")
    series = CropSeries.open(tmp_path / "out.zarr")
    assert not series.parcels.geometry.has_z.any()
    assert list(series.status) == ["", ""]


@WARNED
def test_missing_bands_are_told(tmp_path, command, raster, fields, images):
    raster(images / "S2L2A_31UDS_20180525.tif", {"B02": bands_of()["B02"]})
    code, _, err = command("ingest", fields, images, "-o", tmp_path / "out.zarr")
    (line,) = err.splitlines()
    assert code == 0
    assert line.startswith("warning: 1 raster: without B08, missing on their dates (")


@WARNED
def test_the_end_tells_what_was_left_out_and_why(tmp_path, vector, raster, images):
    parcels = vector(
        tmp_path / "p.parquet", [*BOXES, None, box(0, 0, 50, 50), box(500_015, 5_599_915, 500_017, 5_599_917)]
    )
    raster(images / "S2L2A_31UES_20180506.tif", bands_of(), transform=Affine(10, 0, 900_000, 0, -10, 5_600_000))
    for day in (2, 3):
        raster(images / f"S2L2A_31UDS_2018060{day}.tif", {band: 0 * values for band, values in bands_of().items()})
    start = "from cropxai.cli.main import run; run()"
    arguments = ["ingest", parcels, images, "-o", tmp_path / "f.zarr", "--progress", "json"]
    done = subprocess.run([sys.executable, "-c", start, *map(str, arguments)], capture_output=True, check=True)
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["rasters"] == 3
    assert result["rasters_set_aside"] == {"no parcel on them": 1, "only nodata on the parcels": 2}
    assert result["parcels_without_series"] == {
        "no geometry": 1, "outside the rasters": 1, "no pixel centre inside": 1,
    }  # fmt: skip
    *_, parcels_line, rasters_line = result["text"].splitlines()
    assert parcels_line == "3 without a series: 1 × no geometry; 1 × outside the rasters; 1 × no pixel centre inside"
    assert rasters_line == "3 rasters measured; 1 × no parcel on them; 2 × only nodata on the parcels"


def test_parcels_in_another_crs(tmp_path, command, fields, images):
    gpd.read_file(fields).to_crs("EPSG:3035").to_file(tmp_path / "laea.gpkg")
    for parcels in (fields, tmp_path / "laea.gpkg"):
        assert command("ingest", parcels, images, "-o", parcels.with_suffix(".zarr"))[0] == 0
    first, second = (CropSeries.open(tmp_path / f"{name}.zarr") for name in ("fields", "laea"))
    np.testing.assert_array_equal(first.reflectance, second.reflectance)


def test_an_output_that_exists(tmp_path, command, fields, images):
    output = tmp_path / "out.zarr"
    output.mkdir()
    code, _, err = command("ingest", fields, images, "-o", output)
    assert (code, err) == (1, f"cropxai: {output}: exists already; choose another output or give --overwrite\n")
    assert command("ingest", fields, images, "-o", output, "--overwrite")[0] == 0
    assert len(CropSeries.open(output)) == 3


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["-o", "out.gpkg"], "use .zarr"),
        (["-o", "out.zarr", "--bands", "B02,NDVI"], "NDVI: no Sentinel-2 band"),
        (["-o", "out.zarr", "--mask-classes", "3,cloud"], "no list of SCL classes"),
        (["-o", "out.zarr", "--min-clear", "2"], "--min-clear"),
    ],
)
def test_usage(command, fields, images, arguments, said):
    code, _, err = command("ingest", fields, images, *arguments)
    (line,) = err.splitlines()
    assert code == 2
    assert said in line


def test_no_space_left(tmp_path, monkeypatch, command, fields, images):
    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(np, "savez", full)
    code, _, err = command("ingest", fields, images, "-o", tmp_path / "out.zarr")
    (line,) = err.splitlines()
    assert code == 1
    assert str(tmp_path / ".out.zarr.parts") in line
    assert "no space left on the device); free space or choose another place, then run again" in line
    assert not (tmp_path / "out.zarr").exists()


def test_an_interrupted_run_goes_on_with_the_same_result(tmp_path, monkeypatch, command, fields, images):
    assert command("ingest", fields, images, "-o", tmp_path / "whole.zarr")[0] == 0
    measured = []
    original = measuring._measure

    def stopping(scene, *rest):
        if len(measured) == 2:
            raise KeyboardInterrupt
        measured.append(scene.date.day)
        return original(scene, *rest)

    output = tmp_path / "out.zarr"
    with monkeypatch.context() as patch:
        patch.setattr(measuring, "_measure", stopping)
        code, _, err = command("ingest", fields, images, "-o", output)
    assert (code, err.strip()) == (130, "cropxai: interrupted")
    assert not output.exists()
    assert len(list((tmp_path / ".out.zarr.parts").glob("2*.npz"))) == 2
    again = []
    monkeypatch.setattr(measuring, "_measure", lambda scene, *r: again.append(scene.date.day) or original(scene, *r))
    assert command("ingest", fields, images, "-o", output)[0] == 0
    assert (sorted(measured), again) == ([5, 12], [20])
    assert contents(output) == contents(tmp_path / "whole.zarr")
    assert not (tmp_path / ".out.zarr.parts").exists()


def test_other_formats_directly(command, fields, tmp_path, raster):
    from cropxai.bands import BANDS
    from cropxai.series.exchange import read_series

    rng = np.random.default_rng(4)
    for day in ("05", "12"):
        layers = {band.name: rng.integers(1, 9000, (15, 20)).astype(np.uint16) for band in BANDS}
        raster(tmp_path / "l1c" / f"S2_L1C_31UDS_201805{day}.tif", layers)
    options = ["--label-field", "crop", "--quiet"]
    for name in ("s.zarr", "s.h5", "s.parquet"):
        code, _, err = command("ingest", fields, tmp_path / "l1c", "-o", tmp_path / name, *options)
        assert (code, err) == (0, "")
    stored = CropSeries.open(tmp_path / "s.zarr").reflectance
    for name in ("s.h5", "s.parquet"):
        written = read_series(tmp_path / name)
        np.testing.assert_allclose(written.select_bands([b.name for b in BANDS]).reflectance, stored, atol=1e-4)
    assert list(written.labels) == ["wheat", "maize", "maize"]
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_only_a_store_is_updated(command, fields, images, tmp_path):
    code, _, err = command("ingest", fields, images, "-o", tmp_path / "s.h5", "--update")
    assert code == 2 and "--update adds to a .zarr series; s.h5 is none" in err


def test_what_a_format_cannot_hold_keeps_what_was_measured(command, fields, images, tmp_path):
    code, _, err = command("ingest", fields, images, "-o", tmp_path / "s.h5", "--label-field", "crop", "--quiet")
    assert code == 1 and err.count("\n") == 1 and "s.h5" in err
    assert not (tmp_path / "s.h5").exists() and list(tmp_path.glob(".s.h5.parts/*.npz"))
