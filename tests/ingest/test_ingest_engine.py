"""Engines, shares, updates: however the scenes are measured, the series is the same to the bit."""

import dataclasses
import sys

import numpy as np
import pytest
from affine import Affine
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.geometry import box

from cropxai.errors import ClusterUnusable, ExtraMissing
from cropxai.ingest import extract_series, read_parcels
from cropxai.ingest.plan import Plan, make_plan
from cropxai.ingest.planfile import kept_plan, load_plan, save_plan
from cropxai.ingest.runs import Runs
from cropxai.ingest.scenes import Grid

X, Y = 500_000, 5_600_000
SHAPE = (15, 20)


def at(left, top, right, bottom):
    return box(X + 10 * left, Y - 10 * bottom, X + 10 * right, Y - 10 * top)


def layers(seed, bands=("B02", "B8A"), cloud=0.3, gaps=0.1):
    rng = np.random.default_rng(seed)
    values = {name: rng.integers(1, 9000, SHAPE).astype(np.uint16) for name in bands}
    gap = rng.random(SHAPE) < gaps
    for band in values.values():
        band[gap] = 0
    return {**values, "SCL": np.where(rng.random(SHAPE) < cloud, 9, 4).astype(np.uint16)}


@pytest.fixture
def fields(tmp_path, vector):
    shapes = [at(1, 1, 6, 5), at(4, 3, 9, 8), at(14, 2, 18, 9), at(17, 10, 24, 14), at(22, 2, 28, 8), at(90, 2, 99, 9)]
    return vector(tmp_path / "fields.gpkg", shapes, crop=list("abcdef"))


@pytest.fixture
def images(tmp_path, raster):
    """Two tiles that overlap, on five dates; the second tile is missing on some."""
    east = Affine(10, 0, X + 120, 0, -10, Y)
    for day in (1, 6, 11, 16, 21):
        raster(tmp_path / "s2" / f"S2L2A_31UDS_201805{day:02}.tif", layers(day))
        if day != 11:
            raster(tmp_path / "s2" / f"S2L2A_31UES_201805{day:02}.tif", layers(100 + day), transform=east)
    return tmp_path / "s2"


def contents(store):
    return {str(p.relative_to(store)): p.read_bytes() for p in sorted(store.rglob("*")) if p.is_file()}


def same(first, second):
    """Compare two series: every value to the bit, every attribute, and the parcels."""
    assert first.dataset.identical(second.dataset)
    assert first.dataset["reflectance"].values.tobytes() == second.dataset["reflectance"].values.tobytes()
    assert first.parcels.equals(second.parcels)


# --- plans as files ----------------------------------------------------------------------------------------------


def test_a_plan_is_read_as_it_was_written(tmp_path, fields):
    parcels = read_parcels(fields)
    plan = make_plan(parcels, Grid(parcels.frame.crs.to_wkt(), Affine(10, 0, X + 0.1, 0, -10, Y - 1 / 3), 20, 15))
    save_plan(plan, tmp_path / "plan.npz")
    read = load_plan(tmp_path / "plan.npz")
    for kind, had, has in ((Plan, plan, read), (Runs, plan.runs, read.runs)):
        for field in dataclasses.fields(kind):
            if field.init and field.name != "runs":
                value, kept = getattr(had, field.name), getattr(has, field.name)
                assert type(value) is type(kept), field.name
                assert np.array_equal(value, kept) if isinstance(value, np.ndarray) else value == kept, field.name
                assert getattr(value, "dtype", None) == getattr(kept, "dtype", None)


def test_a_plan_is_made_once_and_anew_if_its_file_is_damaged(tmp_path, monkeypatch, fields):
    import cropxai.ingest.planfile as planfile

    made = []
    monkeypatch.setattr(planfile, "make_plan", lambda *a: made.append(1) or make_plan(*a))
    parcels = read_parcels(fields)
    grid = Grid(parcels.frame.crs.to_wkt(), Affine(10, 0, X, 0, -10, Y), 20, 15)
    first, second = kept_plan(parcels, grid, tmp_path), kept_plan(parcels, grid, tmp_path)
    assert len(made) == 1
    np.testing.assert_array_equal(first.runs.length, second.runs.length)
    (file,) = tmp_path.glob("plan*")
    file.write_bytes(file.read_bytes()[:200])
    kept_plan(parcels, grid, tmp_path)
    kept_plan(parcels, grid, tmp_path)
    assert len(made) == 2


# --- order and workers -------------------------------------------------------------------------------------------


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(9)), workers=st.integers(1, 5))
def test_neither_order_nor_workers_matter(fields, images, order, workers):
    files = sorted(images.iterdir())
    same(extract_series(fields, [files[i] for i in order], workers=workers), extract_series(fields, images, workers=1))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_parcel_has_the_home_that_the_rule_gives_it(tmp_path_factory, raster, vector, data):
    """Scenes of one date with few values, so that ties are frequent; the home by a sort of plain tuples."""
    folder = tmp_path_factory.mktemp("home")
    parcels = vector(folder / "p.gpkg", [at(1, 1, 4, 4), at(6, 6, 9, 9)])
    names = data.draw(st.lists(st.sampled_from(["31UDS", "31UES", "32TPT"]), min_size=2, max_size=4))
    scenes = []
    for n, tile in enumerate(names):
        values = {"B02": np.full(SHAPE, 1000 + n, np.uint16), "SCL": np.full(SHAPE, 4, np.uint16)}
        for row, column in ((1, 1), (6, 6)):
            gone, cloudy = data.draw(st.integers(0, 2)), data.draw(st.integers(0, 2))
            values["B02"][row : row + 3, column : column + gone] = 0
            values["SCL"][row : row + 3, column + 3 - cloudy : column + 3] = 9
        path = folder / f"{data.draw(st.sampled_from('ab'))}{n}" / f"L2A_{tile}_20180507.tif"
        raster(path, values)
        scenes.append((path, tile, data.draw(st.sampled_from(["", "02.08", "05.09"])), values))
    baselines = {str(path): baseline for path, _, baseline, _ in scenes}
    ordered = data.draw(st.permutations([path for path, *_ in scenes]))
    with pytest.MonkeyPatch.context() as patch:
        import cropxai.ingest.extract as extracting

        find = extracting.find_scenes
        patch.setattr(
            extracting,
            "find_scenes",
            lambda *a, **k: [dataclasses.replace(s, baseline=baselines[s.path]) for s in find(*a, **k)],
        )
        series = extract_series(parcels, ordered)
    for p, (row, column) in enumerate(((1, 1), (6, 6))):
        inside = np.s_[row : row + 3, column : column + 3]

        def order(scene, inside=inside):
            path, tile, baseline, values = scene
            has = values["B02"][inside] > 0
            clear = int((has & (values["SCL"][inside] == 4)).sum())
            number = float(baseline or 0)
            return clear < 4.5, -int(has.sum()), -number, -clear, tile, str(path)

        counts, *_ = order(min(scenes, key=order))
        best = min(scenes, key=order)[3]["B02"].max()
        expected = np.nan if counts else np.float32(best / 10_000)
        np.testing.assert_array_equal(series.reflectance[p, 0, 0], np.float32(expected))


# --- clusters ----------------------------------------------------------------------------------------------------


def test_a_local_cluster_gives_the_same(tmp_path, fields, images):
    pytest.importorskip("distributed")
    (tmp_path / "parts").mkdir()
    far = extract_series(fields, images, workdir=tmp_path / "parts", dask="local", workers=2)
    same(far, extract_series(fields, images))


def test_a_cluster_without_its_package(monkeypatch, fields, images):
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ExtraMissing, match=r"--dask needs the package distributed; install it with: pip install 'crop"):
        extract_series(fields, images, dask="local")


def test_a_scheduler_that_does_not_answer(monkeypatch, tmp_path, fields, images):
    pytest.importorskip("distributed")
    import cropxai.ingest.cluster as cluster

    monkeypatch.setattr(cluster, "PATIENCE_SECONDS", 1)
    with pytest.raises(ClusterUnusable, match=r"--dask tcp://127\.0\.0\.1:9: no scheduler answers there"):
        extract_series(fields, images, dask="tcp://127.0.0.1:9", workdir=tmp_path)
