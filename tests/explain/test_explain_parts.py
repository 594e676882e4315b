"""A stopped run goes on where it stopped, and ends with the same bytes."""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from networks import as_model, network, parcels

from cropxai.errors import OutputUnwritable
from cropxai.explain import LRP, explain_to
from cropxai.explain.parts import kept, name_of
from cropxai.model.inputs import Inputs
from cropxai.series import CropSeries

KILLED = """
import os, signal, sys, torch
import cropxai.explain.attribution as attribution
from cropxai.model import load_model
from cropxai.series import CropSeries

torch.set_num_threads(1)
attribution.PARCELS_AT_ONCE = 50
series, model, output = sys.argv[1:]

def report(fraction, message=""):
    if fraction > 0.5:  # two of three pieces are explained, the second is not yet in the store
        os.kill(os.getpid(), signal.SIGKILL)

attribution.explain_to(output, CropSeries.open(series), load_model(model), report=report)
"""


def contents(folder):
    return {str(f.relative_to(folder)): f.read_bytes() for f in Path(folder).rglob("*") if f.is_file()}


def counted(monkeypatch):
    """Count the pieces that are explained."""
    done = []
    original = LRP.__call__
    monkeypatch.setattr(LRP, "__call__", lambda self, x, *rest: done.append(len(x)) or original(self, x, *rest))
    return done


def test_a_killed_run_goes_on_with_the_same_bytes(series, model, tmp_path, monkeypatch):
    monkeypatch.setattr("cropxai.explain.attribution.PARCELS_AT_ONCE", 50)
    series.save(tmp_path / "s.zarr")
    model.save(tmp_path / "m")
    explain_to(tmp_path / "whole.zarr", CropSeries.open(tmp_path / "s.zarr"), model)
    output = tmp_path / "r.zarr"
    argv = [sys.executable, "-c", KILLED, *(str(p) for p in (tmp_path / "s.zarr", tmp_path / "m", output))]
    assert subprocess.run(argv, check=False).returncode == -signal.SIGKILL
    assert not output.exists()
    assert len(list((tmp_path / ".r.zarr.parts").glob("*.npz"))) == 2
    done = counted(monkeypatch)
    explain_to(output, CropSeries.open(tmp_path / "s.zarr"), model)
    assert done == [20]
    assert contents(output) == contents(tmp_path / "whole.zarr")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m", "r.zarr", "s.zarr", "whole.zarr"]


def test_an_interrupted_run_keeps_what_it_has(series, model, tmp_path, monkeypatch):
    monkeypatch.setattr("cropxai.explain.attribution.PARCELS_AT_ONCE", 50)

    def stop(fraction, message=""):
        if fraction > 0.5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explain_to(tmp_path / "r.zarr", series, model, report=stop)
    (parts,) = tmp_path.iterdir()
    assert len(list(parts.glob("*.npz"))) == 2
    done = counted(monkeypatch)
    explain_to(tmp_path / "r.zarr", series, model, method="attnlrp")  # another question: nothing is taken over
    assert done == [50, 50, 20]
    assert [p.name for p in tmp_path.iterdir()] == ["r.zarr"]


def test_a_refused_run_leaves_nothing(series, model, tmp_path):
    with pytest.raises(ValueError, match="method"):
        explain_to(tmp_path / "r.zarr", series, model, method="lrp")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(OutputUnwritable, match="folder does not exist"):
        explain_to(tmp_path / "none" / "r.zarr", series, model)


def test_the_name_depends_on_all_that_the_result_does():
    x, valid, day = parcels()
    inputs = Inputs(x.astype(np.float32), valid, day.astype(np.float32))
    asked, base = np.full(6, -1), np.zeros((8, 4), np.float32)
    model = as_model(network())
    names = {
        name_of(LRP(model), inputs, asked, base),
        name_of(LRP(model, "attnlrp"), inputs, asked, base),
        name_of(LRP(model, level="band"), inputs, asked, base),
        name_of(LRP(model, target="logit"), inputs, asked, base),
        name_of(LRP(model, reference="zero"), inputs, asked, base),
        name_of(LRP(model, dtype="float64"), inputs, asked, base),
        name_of(LRP(model, chunk=3), inputs, asked, base),
        name_of(LRP(as_model(network(seed=1))), inputs, asked, base),
        name_of(LRP(as_model(network(pooling="max"))), inputs, asked, base),
        name_of(LRP(model), inputs.take(np.arange(5)), asked, base),
        name_of(LRP(model), inputs.within(10), asked, base),
        name_of(LRP(model), Inputs(inputs.reflectance, valid, inputs.day + 1), asked, base),
        name_of(LRP(model), inputs, asked + 1, base),
        name_of(LRP(model), inputs, asked, base + 1),
    }
    assert len(names) == 14
    assert name_of(LRP(as_model(network())), inputs, asked, base) in names


def test_a_damaged_part_is_explained_anew(tmp_path):
    lrp = LRP(as_model(network()), reference="zero")
    file = tmp_path / "a.npz"
    first = kept(file, lambda: lrp(*parcels()))
    assert kept(file, lambda: None).relevance.tobytes() == first.relevance.tobytes()
    file.write_bytes(file.read_bytes()[:100])
    assert kept(file, lambda: lrp(*parcels())).relevance.tobytes() == first.relevance.tobytes()
