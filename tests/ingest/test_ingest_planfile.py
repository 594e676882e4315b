import multiprocessing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box
from shapes import NORTH_UP, UTM31, in_pixels, parcels_of

from cropxai.errors import OutputUnwritable
from cropxai.ingest import planfile
from cropxai.ingest.plan import make_plan
from cropxai.ingest.planfile import kept_plan, load_plan, plan_at, plan_path, save_plan
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid

GRID = Grid(UTM31, NORTH_UP, 14, 11)
PARCELS = parcels_of([in_pixels(box(1.2, 1.3, 6.1, 4.4), NORTH_UP), None, in_pixels(box(-3, 5.2, 5, 8.8), NORTH_UP)])


def assert_equal(plan, other):
    for name in ("ptr", "row", "column", "length", "weights"):
        first, second = getattr(plan.runs, name), getattr(other.runs, name)
        np.testing.assert_array_equal(first, second)
        assert first.dtype == second.dtype
    for name in ("order", "centres", "touches", "vanished"):
        np.testing.assert_array_equal(getattr(plan, name), getattr(other, name))
    assert (plan.grid, plan.rule, plan.key) == (other.grid, other.rule, other.key)


@pytest.mark.parametrize("rules", [Rules(), Rules(pixel_rule="exact", buffer=3), Rules(pixel_rule="eurocropsml")])
def test_a_plan_is_made_once_for_its_rules(tmp_path, monkeypatch, rules):
    made = []
    monkeypatch.setattr(planfile, "make_plan", lambda *a: made.append(a) or make_plan(*a))
    for _ in range(3):
        assert_equal(kept_plan(PARCELS, GRID, tmp_path, rules), make_plan(PARCELS, GRID, rules))
    assert len(made) == 1
    kept_plan(PARCELS, GRID, tmp_path, Rules(buffer=1))
    kept_plan(PARCELS, Grid(UTM31, NORTH_UP, 14, 12), tmp_path, rules)
    assert len(made) == 3
    assert len(list(tmp_path.iterdir())) == 3
    assert_equal(kept_plan(PARCELS, GRID, None, rules), make_plan(PARCELS, GRID, rules))


@settings(max_examples=150)
@given(data=st.data())
def test_a_damaged_file_is_made_anew(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("plans")
    rules = Rules(pixel_rule="exact")
    plan = make_plan(PARCELS, GRID, rules)
    kept_plan(PARCELS, GRID, folder, rules)  # not looked at: nothing is mapped any more when the file changes
    (path,) = folder.iterdir()
    whole = path.read_bytes()
    if data.draw(st.booleans()):
        path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    else:
        at, bits = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(1, 255))
        path.write_bytes(whole[:at] + bytes([whole[at] ^ bits]) + whole[at + 1 :])
    assert_equal(kept_plan(PARCELS, GRID, folder, rules), plan)


def test_what_is_mapped_can_be_laid_out_and_goes_to_other_processes(tmp_path):
    path = plan_path(tmp_path, "0" * 64)
    save_plan(make_plan(PARCELS, GRID), path)
    assert isinstance(load_plan(path).runs.row.base.base, np.memmap)
    assert plan_at(path) is plan_at(path)
    assert load_plan(path).layout((4, 4), 1).kept_pixels == make_plan(PARCELS, GRID).layout((4, 4), 1).kept_pixels
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        assert_equal(pool.apply(load_plan, (path,)), make_plan(PARCELS, GRID))


def test_a_file_that_is_no_plan(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"something else\n")
    with pytest.raises(ValueError, match=r"a\.bin: no plan of this version"):
        load_plan(tmp_path / "a.bin")
    with pytest.raises(OutputUnwritable):
        save_plan(make_plan(PARCELS, GRID), tmp_path / "no" / "plan.bin")
