"""The same pixels in one file a date or a band, in STAC of every style and in lists: the same series, to the byte."""

import shutil

import archives
import numpy as np
import pandas as pd
import pytest
from affine import Affine
from shapely.geometry import box

from cropxai.ingest import extract_series
from cropxai.series import CropSeries

DAYS = ("2018-05-07", "2018-05-12", "2018-05-17")
TILE = "31UDS"
SHAPE = (40, 60)
BY_NAME = ("sources", "scenes")
TWENTY = Affine(20, 0, 500_000, 0, -20, 5_600_000)


def pixels_of(n):
    rng = np.random.default_rng(n)
    layers = {band: rng.integers(0, 9000, SHAPE).astype(np.uint16) for band in ("B02", "B04", "B05", "B8A")}
    cloud = np.kron(rng.random((4, 6)) < 0.3, np.ones((10, 10), dtype=bool))
    return {**layers, "SCL": np.where(cloud, 9, 4).astype(np.uint16)}


@pytest.fixture
def fields(tmp_path, vector):
    corners = np.random.default_rng(8).uniform((-5, -5, 1, 1), (55, 35, 20, 20), (40, 4))
    shapes = [box(500_000 + 10 * x, 5_600_000 - 10 * (y + h), 500_000 + 10 * (x + w), 5_600_000 - 10 * y)
              for x, y, w, h in corners]  # fmt: skip
    return vector(tmp_path / "fields.gpkg", shapes)


@pytest.fixture
def by_band(tmp_path, raster):
    """Write each band to a file of its own, and return the files by day."""
    return {
        day: {
            band: raster(tmp_path / "bands" / f"L2A_T{TILE}_{day.replace('-', '')}T104031_{band}_10m.tif", {"": values})
            for band, values in pixels_of(n).items()
        }
        for n, day in enumerate(DAYS)
    }


def written(fields, scenes, folder, **options):
    """Extract a series, save it, and return the bytes of its variables."""
    series = extract_series(fields, scenes, **options)
    series.save(folder)
    stored = {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}
    shutil.rmtree(folder)
    # The names of the sources differ; all pixels, dates, counts and other attributes may not.
    attrs = {name: value for name, value in series.dataset.attrs.items() if name not in BY_NAME}
    return {name: value for name, value in stored.items() if not name.endswith((".zattrs", ".zmetadata"))} | attrs


def listed(by_band, file, column="path"):
    rows = [
        {column: str(path), "date": day, "tile": TILE, "level": "L2A", "band": "" if band == "SCL" else band,
         "mask": "scl" if band == "SCL" else ""}
        for day, files in by_band.items()
        for band, path in files.items()
    ]  # fmt: skip
    table = pd.DataFrame(rows)
    table.to_csv(file, index=False) if file.suffix == ".csv" else table.to_parquet(file)
    return file


def test_all_sources_give_the_same_bytes(tmp_path, raster, fields, by_band):
    for n, day in enumerate(DAYS):
        raster(tmp_path / "dates" / f"S2L2A_T{TILE}_{day.replace('-', '')}.tif", pixels_of(n))
    expected = written(fields, tmp_path / "dates", tmp_path / "series.zarr")
    assert len(expected) > 10
    by_folder = tmp_path / "folders"
    for day, files in by_band.items():
        for band, file in files.items():
            (by_folder / TILE / day).mkdir(parents=True, exist_ok=True)
            shutil.copy(file, by_folder / TILE / day / f"{band}.tif")
    sources = {
        "bands": (tmp_path / "bands", {}),
        "files": ([file for files in by_band.values() for file in files.values()][::-1], {}),
        "pattern": (tmp_path / "bands", {"pattern": "{level}_{tile}_{date:%Y%m%dT%H%M%S}_{band}_*.tif"}),
        "folders": (by_folder, {}),
        "csv": (listed(by_band, tmp_path / "list.csv"), {}),
        "parquet": (listed(by_band, tmp_path / "list.parquet", "href"), {}),
    }
    for style, make in archives.STYLES.items():
        items = [make(files, tmp_path, TILE, day) for day, files in by_band.items()]
        sources[style] = (archives.collection(items, tmp_path / f"{style}.json"), {})
    for name, (scenes, options) in sources.items():
        assert written(fields, scenes, tmp_path / "series.zarr", **options) == expected, name


def test_bands_of_two_resolutions(tmp_path, raster, fields, by_band):
    """Each source finds the grids alike; what two grids mean is tested where they are measured."""
    by_band = {day: dict(files) for day, files in by_band.items()}
    for n, files in enumerate(by_band.values()):
        for band in ("B05", "B8A", "SCL"):
            files[band].unlink()
            name = tmp_path / "bands" / files[band].name.replace("_10m", "_20m")
            files[band] = raster(name, {"": pixels_of(n)[band][::2, ::2]}, transform=TWENTY)
    expected = written(fields, tmp_path / "bands", tmp_path / "series.zarr")
    sources = [listed(by_band, tmp_path / "list.csv")]
    for style, make in archives.STYLES.items():
        items = [make(files, tmp_path, TILE, day) for day, files in by_band.items()]
        sources.append(archives.collection(items, tmp_path / f"{style}.json"))
    for scenes in sources:
        assert written(fields, scenes, tmp_path / "series.zarr") == expected, scenes


def test_the_command_reads_them(tmp_path, command, fields, by_band):
    items = [archives.planetary_computer(files, tmp_path, TILE, day) for day, files in by_band.items()]
    scenes = archives.collection(items, tmp_path / "items.json")
    code, out, err = command("ingest", fields, scenes, "-o", tmp_path / "fields.zarr")
    assert (code, err) == (0, "")
    assert CropSeries.open(tmp_path / "fields.zarr").bands == ("B02", "B04", "B05", "B8A")
    pattern = "{level}_{tile}_{date}T*_{band}_*.tif"
    code, out, err = command("ingest", fields, tmp_path / "bands", "-o", tmp_path / "p.zarr", "--pattern", pattern)
    assert (code, err) == (0, "")
    for arguments, said in {
        ("--pattern", "{bnad}.tif"): "--pattern '{bnad}.tif': '{bnad}' is no field",
        ("--pattern", "{band}.tif"): "does not fit --pattern '{band}.tif', nor does any other file",
        ("--level", "L1C"): "is L2A by its name or tags, not L1C",
    }.items():
        code, out, err = command("ingest", fields, tmp_path / "bands", "-o", tmp_path / "x.zarr", *arguments)
        assert (code, out) == (1, "")
        assert said in err.splitlines()[-1]
    items[0]["assets"]["B02"]["href"] = "../../etc/passwd"
    code, out, err = command("ingest", fields, archives.collection(items, scenes), "-o", tmp_path / "x.zarr")
    assert (code, len(err.splitlines())) == (1, 1)
    assert "(B02): names '../../etc/passwd', outside the folder of the catalogue; give --allow-outside if" in err
