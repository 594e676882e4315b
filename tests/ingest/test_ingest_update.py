"""A series that is brought up to date equals one that is made anew from all scenes, file by file."""

import dataclasses
import datetime as dt
import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from cropxai.errors import UpdateRefused
from cropxai.ingest import extract_series
from cropxai.ingest import measure as measuring
from cropxai.ingest.rules import Rules
from cropxai.series import CropSeries
from cropxai.series.store import MISSING, SCALE

X, Y = 500_000, 5_600_000
SHAPE = (15, 20)
DAYS = (1, 6, 11, 16, 21)


def at(left, top, right, bottom):
    return box(X + 10 * left, Y - 10 * bottom, X + 10 * right, Y - 10 * top)


def layers(seed, bands=("B02", "B8A"), empty=False):
    rng = np.random.default_rng(seed)
    values = {name: rng.integers(1, 9000, SHAPE).astype(np.uint16) for name in bands}
    gap = np.ones(SHAPE, bool) if empty else rng.random(SHAPE) < 0.1
    for band in values.values():
        band[gap] = 0
    return {**values, "SCL": np.where(rng.random(SHAPE) < 0.35, 9, 4).astype(np.uint16)}


@pytest.fixture(scope="module")
def places(tmp_path_factory):
    """Parcels of every status, and scenes of two tiles, one date without data; nothing here is written again."""
    import geopandas as gpd
    import rasterio

    folder = tmp_path_factory.mktemp("places")
    shapes = [
        at(1, 1, 6, 5), at(4, 3, 9, 8), at(22, 2, 28, 8), at(90, 2, 99, 9), at(29, 1, 39, 9), at(3.6, 10.6, 4.4, 11.4),
        at(-9, 12, 2, 14), None, at(30, 12, 31, 13),
    ]  # fmt: skip
    gpd.GeoDataFrame({"crop": list("abcdefghi")}, geometry=shapes, crs="EPSG:32631").to_parquet(folder / "f.parquet")
    for day in DAYS:
        for tile, shift in (("31UDS", 0), ("31UES", 120)):
            if (day, tile) == (11, "31UES"):
                continue
            bands = layers(day + shift, empty=day == 16)
            with rasterio.open(
                folder / f"S2L2A_{tile}_201805{day:02}.tif", "w", driver="GTiff", width=20, height=15, count=3,
                dtype="uint16", crs="EPSG:32631", transform=Affine(10, 0, X + shift, 0, -10, Y), nodata=0,
            ) as dataset:  # fmt: skip
                for index, (name, values) in enumerate(bands.items(), start=1):
                    dataset.write(values, index)
                    dataset.set_band_description(index, name)
    return folder


@pytest.fixture
def folder(tmp_path, places):
    for file in places.iterdir():
        shutil.copy2(file, tmp_path / file.name)
    return tmp_path


@pytest.fixture
def read(monkeypatch):
    """The scenes whose pixels have been read."""
    names = []
    original = measuring._measure
    monkeypatch.setattr(
        measuring, "_measure", lambda scene, *rest: names.append(Path(scene.path).stem[-14:]) or original(scene, *rest)
    )
    return names


def of_days(folder, *days):
    return sorted(path for path in folder.glob("*.tif") if int(path.stem[-2:]) in days)


def contents(store):
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}


WARNED = pytest.mark.filterwarnings("ignore::cropxai.errors.ScenesSetAside")


@WARNED
@pytest.mark.parametrize("given_again", [True, False])
def test_new_dates_are_added_and_nothing_else_is_read(folder, command, read, given_again):
    parcels, whole, grown = folder / "f.parquet", folder / "whole.zarr", folder / "grown.zarr"
    assert command("ingest", parcels, *of_days(folder, *DAYS), "-o", whole, "--label-field", "crop")[0] == 0
    assert command("ingest", parcels, *of_days(folder, 6, 16), "-o", grown, "--label-field", "crop")[0] == 0
    read.clear()
    first = of_days(folder, *DAYS) if given_again else of_days(folder, 1, 11)
    assert command("ingest", parcels, *first, "-o", grown, "--update")[0] == 0
    assert sorted(read) == sorted(
        path.stem[-14:]
        for path in of_days(folder, *(DAYS if given_again else (1, 11)))
        if int(path.stem[-2:]) not in (6, 16)
    )
    if not given_again:
        assert command("ingest", parcels, *of_days(folder, 21), "-o", grown, "--update")[0] == 0
    assert contents(grown) == contents(whole)
    read.clear()
    assert command("ingest", parcels, *of_days(folder, *DAYS), "-o", grown, "--update")[0] == 0
    assert (read, contents(grown)) == ([], contents(whole))


@WARNED
@settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    steps=st.permutations(DAYS).flatmap(
        lambda days: st.tuples(st.just(days), st.lists(st.booleans(), min_size=5, max_size=5))
    )
)
def test_any_order_of_updates_gives_the_same(places, tmp_path_factory, steps):
    days, together = steps
    if set(days[:1]) == {16} and not together[0]:
        days = [*days[1:], 16]  # a series cannot begin with nothing but nodata
    folder = tmp_path_factory.mktemp("steps")
    batch, series = [], None
    for day, more in zip(days, [*together[:4], False], strict=True):
        batch.append(day)
        if not more and (series is not None or set(batch) != {16}):
            series = extract_series(places / "f.parquet", of_days(places, *batch), label_field="crop", former=series)
            series.save(folder / "s.zarr", overwrite=True)
            series = CropSeries.open(folder / "s.zarr")
            batch = []
    extract_series(places / "f.parquet", of_days(places, *DAYS), label_field="crop").save(folder / "whole.zarr")
    assert contents(folder / "s.zarr") == contents(folder / "whole.zarr")


@WARNED
def test_a_date_with_a_new_or_a_changed_scene_is_measured_again(folder, read, command):
    parcels, grown, whole = folder / "f.parquet", folder / "grown.zarr", folder / "whole.zarr"
    later = folder / "S2L2A_31UES_20180506.tif"
    early = [path for path in of_days(folder, *DAYS) if path != later]
    assert command("ingest", parcels, *early, "-o", grown)[0] == 0
    changed = folder / "S2L2A_31UDS_20180521.tif"
    shutil.copy(folder / "S2L2A_31UDS_20180501.tif", changed)
    read.clear()
    assert command("ingest", parcels, *early, later, "-o", grown, "--update")[0] == 0
    assert sorted(read) == [f"{tile}_201805{day}" for tile in ("31UDS", "31UES") for day in ("06", "21")]
    assert command("ingest", parcels, *early, later, "-o", whole)[0] == 0
    assert contents(grown) == contents(whole)


@WARNED
def test_a_date_of_which_a_scene_is_gone_is_not_measured_by_half(folder, command):
    parcels, grown = folder / "f.parquet", folder / "grown.zarr"
    assert command("ingest", parcels, folder / "S2L2A_31UDS_20180506.tif", "-o", grown)[0] == 0
    before = contents(grown)
    code, _, err = command("ingest", parcels, folder / "S2L2A_31UES_20180506.tif", "-o", grown, "--update")
    (line,) = err.splitlines()
    assert code == 1
    assert (
        "grown.zarr: was made from S2L2A_31UDS_20180506.tif on 2018-05-06, for which there is now S2L2A_31UES" in line
    )
    assert contents(grown) == before


@WARNED
def test_what_would_not_fit_is_refused(folder, command, raster):
    parcels, store = folder / "f.parquet", folder / "s.zarr"
    assert command("ingest", parcels, *of_days(folder, 1), "-o", store, "--level", "L2A")[0] == 0
    before = contents(store)
    fewer = folder / "fewer.parquet"
    import geopandas as gpd

    gpd.read_parquet(parcels).iloc[:-1].to_parquet(fewer)
    raster(folder / "S2L1C_31UDS_20180601.tif", {k: v for k, v in layers(3).items() if k != "SCL"})
    raster(folder / "S2L2A_31UDS_20180602.tif", layers(3, ("B02", "B8A", "B11")))
    cases = {
        (parcels, folder / "S2L1C_31UDS_20180601.tif"): "was made with level L2A, not L1C",
        (parcels, folder / "S2L2A_31UDS_20180602.tif"): "has the bands B02,B8A, not B02,B8A,B11",
        (parcels, *of_days(folder, 6), "--bands", "B8A,B02"): "has the bands B02,B8A, not B8A,B02",
        (parcels, *of_days(folder, 6), "--min-clear", "0.7"): "was made with min_clear 0.5, not 0.7",
        (
            parcels,
            *of_days(folder, 6),
            "--mask-classes",
            "9",
        ): "was made with masked_classes [0, 1, 3, 8, 9, 10, 11], not [9]",
        (parcels, *of_days(folder, 6), "--cloud-probability", ".3"): "was made with cloud_probability None, not 0.3",
        (fewer, *of_days(folder, 6)): "was made from other parcels",
    }
    for arguments, said in cases.items():
        code, _, err = command("ingest", *arguments, "-o", store, "--update")
        (line,) = err.splitlines()
        assert code == 1
        assert line.startswith(f"cropxai: {store}: {said}"), line
        assert line.endswith("give the same as when it was made, or make it anew with --overwrite")
    assert contents(store) == before
    assert not (folder / ".s.zarr.parts").exists() or not list((folder / ".s.zarr.parts").glob("*.npz"))


@WARNED
def test_every_rule_is_compared(places):
    """Whatever rules there are, another value of any of them is refused."""
    series = extract_series(places / "f.parquet", of_days(places, 1))
    other = {"masked_classes": (9,), "min_clear": 0.25}
    for field in dataclasses.fields(Rules):
        if field.name in other or isinstance(field.default, int | float):
            value = other.get(field.name, 7.0)
            with pytest.raises(UpdateRefused, match=field.name):
                extract_series(places / "f.parquet", of_days(places, 6), former=series, **{field.name: value})


def test_a_series_that_does_not_tell_its_scenes(places):
    series = CropSeries.from_arrays(np.ones((2, 1, 1)), np.array([dt.date(2018, 5, 1)]), ["B02"], ["a", "b"])
    with pytest.raises(UpdateRefused, match="the series: does not tell which scenes it was made from; give the same"):
        extract_series(places / "f.parquet", of_days(places, 1), former=series)


@WARNED
def test_update_of_nothing_makes_the_series(folder, command):
    parcels = folder / "f.parquet"
    assert command("ingest", parcels, *of_days(folder, *DAYS), "-o", folder / "a.zarr", "--update")[0] == 0
    assert command("ingest", parcels, *of_days(folder, *DAYS), "-o", folder / "b.zarr")[0] == 0
    assert contents(folder / "a.zarr") == contents(folder / "b.zarr")
    code, _, err = command("ingest", parcels, folder, "-o", folder / "a.zarr", "--update", "--overwrite")
    assert (code, err.count("\n")) == (2, 1)
    assert "--update adds to the series and --overwrite replaces it" in err


@WARNED
def test_moved_files_are_known_again(folder, read, command):
    parcels, store = folder / "f.parquet", folder / "s.zarr"
    assert command("ingest", parcels, *of_days(folder, *DAYS), "-o", store)[0] == 0
    before = contents(store)
    (folder / "archive").mkdir()
    for path in of_days(folder, *DAYS):
        path.rename(folder / "archive" / path.name)
    read.clear()
    assert command("ingest", parcels, folder / "archive", "-o", store, "--update")[0] == 0
    assert read == []
    assert contents(store) == before
    os.utime(folder / "archive" / "S2L2A_31UDS_20180511.tif", (2_000_000_000, 2_000_000_000))
    assert command("ingest", parcels, folder / "archive", "-o", store, "--update")[0] == 0
    assert len(read) == 1
    assert {name: value for name, value in contents(store).items() if "zattrs" not in name and "zmeta" not in name} == {
        name: value for name, value in before.items() if "zattrs" not in name and "zmeta" not in name
    }


def test_stored_reflectance_stays_as_it_is_when_it_is_stored_again(tmp_path):
    """All 65 535 values of the store, through reading and writing."""
    count = MISSING
    values = (np.arange(count) * SCALE).astype(np.float32).reshape(-1, 1, 1)
    series = CropSeries.from_arrays(values, np.array([dt.date(2018, 5, 1)]), ["B02"], range(count))
    series.save(tmp_path / "a.zarr")
    CropSeries.open(tmp_path / "a.zarr").save(tmp_path / "b.zarr")
    import zarr

    for name in ("a.zarr", "b.zarr"):
        np.testing.assert_array_equal(zarr.open(tmp_path / name)["reflectance"][:].ravel(), np.arange(count))


@WARNED
def test_a_series_tells_its_scenes(places):
    series = extract_series(places / "f.parquet", of_days(places, 11, 16))
    told = json.loads(series.dataset.attrs["scenes"])
    assert {date: [(name, shows) for name, _, shows in scenes] for date, scenes in told.items()} == {
        "2018-05-11": [("S2L2A_31UDS_20180511.tif", True)],
        "2018-05-16": [("S2L2A_31UDS_20180516.tif", False), ("S2L2A_31UES_20180516.tif", False)],
    }
