"""The main job on real parcels and images: it goes through, loses nothing, and its answers beat chance."""

import sqlite3

import numpy as np
import pandas as pd
import pyogrio
import pytest

from cropxai.cli.main import main

pytestmark = pytest.mark.real


def crop_map(folder, parcels, tmp_path, *more):
    out = tmp_path / "crops.gpkg"
    argv = ["map", str(folder / parcels), str(folder / "s2"), "-o", str(out), "--label-field", "crop", "--quiet", *more]
    assert main(argv) == 0
    with sqlite3.connect(out) as database:
        relevance = pd.read_sql("select p.parcel_id, r.* from relevance r join parcels p on p.fid = r.parcel", database)
    return pyogrio.read_dataframe(out, layer="parcels"), relevance


def test_flanders(real_data, tmp_path):
    parcels, relevance = crop_map(real_data("flanders_2018"), "parcels.gpkg", tmp_path, "--season", "2018")
    assert len(parcels) == 18
    assert parcels["crop"].notna().all()
    assert parcels["confidence"].between(0, 1).all()
    assert parcels["top1_date"].dt.year.eq(2018).all()
    dates = relevance.groupby("parcel_id")["date"].nunique()
    assert dates.to_dict() == parcels.set_index("parcel_id")["clear_dates"].to_dict()
    assert set(parcels["declared_crop"]) >= {"Maize", "Potatoes", "Permanent grass crops"}


def test_flanders_needs_a_season(real_data, tmp_path, capsys):
    folder = real_data("flanders_2018")
    assert main(["map", str(folder / "parcels.gpkg"), str(folder / "s2"), "-o", str(tmp_path / "a.gpkg")]) == 1
    assert (
        "span 2017-08-04 to 2018-11-27, longer than one season; choose a year with --season" in capsys.readouterr().err
    )
    assert list(tmp_path.iterdir()) == []


def test_freising(real_data, tmp_path):
    parcels, relevance = crop_map(real_data("freising_2018"), "fields.gpkg", tmp_path)
    assert len(parcels) == 33
    unanswered = parcels[parcels["crop"].isna()]
    assert sorted(unanswered["Name"]) == ["Feldhof1b", "Thalhausen86"]
    assert unanswered[["crop", "confidence", "top1_date"]].isna().all(axis=None)
    assert not set(relevance["parcel_id"]) & set(unanswered["parcel_id"])
    assert np.isfinite(relevance["relevance"]).all()
    cereals = parcels["crop"].isin(["winter wheat", "winter barley", "winter rye", "winter triticale"])
    assert cereals[parcels["crop"].notna()].mean() > 0.5  # all are winter wheat or winter barley
