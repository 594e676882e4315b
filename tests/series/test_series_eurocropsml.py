"""EuroCropsML: plain npz files made by numpy are the other side."""

import os

import numpy as np
import pytest
from exchanged import ALL, DAYS, Hostile, l1c, same
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cropxai.errors import ExchangeUnreadable, OutputExists, ParcelsSetAside, SeriesUnusable
from cropxai.series import CropSeries
from cropxai.series.eurocropsml import read_eurocropsml, write_eurocropsml

#: B8A is the ninth here, where TinyEuroCrops has it last.
ORDER = ["B01", "B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B09", "B10", "B11", "B12"]


def parcel(folder, name, data, dates, center=(26.5, 58.25)):
    folder.mkdir(exist_ok=True)
    days = np.array(dates, dtype="datetime64[D]")
    np.savez(folder / name, data=np.asarray(data), dates=days, center=np.asarray(center))
    return folder


def test_a_folder_is_read_by_hand_made_numbers(tmp_path):
    numbers = [100, 200, 300, 400, 500, 600, 700, 800, 850, 900, 1000, 1100, 1200]
    parcel(tmp_path, "EE004_17_9_3301010101.npz", [numbers, [-999] * 13], ["2021-05-01", "2021-05-06"])
    parcel(tmp_path, "EE008_18_9999999999.npz", [[0] * 13, numbers], ["2021-05-03", "2021-05-04"], (27, 59))
    series = read_eurocropsml(tmp_path)
    assert series.parcel_id.tolist() == ["17_9", "18"]
    assert series.group("region").tolist() == ["EE004", "EE008"]
    assert series.labels.tolist() == ["winter wheat", "9999999999"]
    assert [str(day) for day in series.dates] == ["2021-05-01", "2021-05-04"]
    expected = {f"B{n:02}": n / 100 for n in range(1, 13)} | {"B8A": 0.085}
    np.testing.assert_allclose(series.reflectance[0, 0], [expected[band] for band in ALL])
    assert np.isnan(series.reflectance[0, 1]).all()
    assert series.dataset["lon"].values.tolist() == [26.5, 27]
    assert series.dataset["lat"].values.tolist() == [58.25, 59]
    assert series.level == "L1C"


def test_numpy_reads_what_is_written(tmp_path):
    made = l1c()
    with pytest.warns(ParcelsSetAside, match="1 parcel: no date with 13 bands, not written"):
        write_eurocropsml(made, tmp_path / "a.eurocropsml")
    names = {"AT112_463_3301010101.npz": 0, "AT112_7_3301010600.npz": 1, "AT113_9_3301010101.npz": 2}
    assert {p.name for p in (tmp_path / "a.eurocropsml").iterdir()} == set(names)
    for name, row in names.items():
        with np.load(tmp_path / "a.eurocropsml" / name, allow_pickle=False) as written:
            seen = [0, 2] if row == 1 else [0, 1, 2]
            expected = made.reflectance[row][seen][:, [ALL.index(band) for band in ORDER]] * 10_000
            assert written["data"].tolist() == np.rint(expected).tolist()
            assert written["data"].dtype.kind == "i"
            assert written["dates"].dtype == "datetime64[D]"
            assert written["dates"].tolist() == DAYS[seen].tolist()
            assert written["center"].tolist() == [16.5 + row, 48.25 + row]
    same(read_eurocropsml(tmp_path / "a.eurocropsml"), made.select([0, 1, 2]))


@settings(max_examples=15, deadline=None)
@given(
    numbers=arrays(np.int32, (2, 3, 13), elements=st.integers(1, 65_535)),
    seen=arrays(bool, (2, 3)).filter(lambda seen: seen.any(axis=1).all() and seen.any(axis=0).all()),
)
def test_any_series_round_trips(numbers, seen, tmp_path_factory):
    values = np.where(seen[..., None], numbers / 10_000, np.nan)
    made = CropSeries.from_arrays(values, DAYS, ALL, ["a", "b"], crop=["peas", "3399000000"], attrs={"level": "L1C"})
    path = tmp_path_factory.mktemp("ml") / "a.eurocropsml"
    write_eurocropsml(made, path, region="EE001")
    again = read_eurocropsml(path)
    same(again, made)
    assert again.labels.tolist() == ["peas", "other"]
    assert np.isnan(again.dataset["lon"].values).all()


def test_parcels_without_a_code_are_told(tmp_path):
    with pytest.warns(ParcelsSetAside, match=r"1 parcel: no HCAT code is known for the crop, not written \('7'\)"):
        write_eurocropsml(l1c(crop=["peas", "magic beans", "peas", "peas"]).select([0, 1]), tmp_path / "a.eurocropsml")
    assert len(read_eurocropsml(tmp_path / "a.eurocropsml")) == 1


def test_what_the_format_cannot_hold_is_refused_and_leaves_nothing(tmp_path):
    made = l1c()
    for wrong, told in (
        (made.select_bands(ALL[:-1]), "lacks B12"),
        (l1c(ids=("a/../../b", "2", "3", "4")), "cannot be part of a file name"),
        (l1c(ids=("2", "2", "3", "4"), crop=["peas"] * 4), "several parcels of a region have one identifier"),
        (l1c(crop=[""] * 4), "no crop labels"),
        (made.select([3]), "no parcel has both"),
    ):
        with pytest.raises(SeriesUnusable, match=told):
            write_eurocropsml(wrong, tmp_path / "x.eurocropsml")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "x.eurocropsml").mkdir()
    with pytest.raises(OutputExists):
        write_eurocropsml(made, tmp_path / "x.eurocropsml")


def test_damaged_and_hostile_files_are_refused(tmp_path):
    good = [[1] * 13]
    day = ["2021-05-01"]
    cases = {
        "shape": ("EE1_1_1.npz", [[1] * 12], day, "array data is int64 .*13 bands"),
        "dates": ("EE1_1_1.npz", good, day * 2, "array dates"),
        "twice": ("EE1_1_1.npz", good * 2, day * 2, "one date twice"),
        "name": ("EE1.npz", good, day, "is not named"),
        "empty": ("EE1_1_1.npz", [[-999] * 13], day, "holds no npz file with data"),
    }
    for folder, (name, data, dates, told) in cases.items():
        with pytest.raises(ExchangeUnreadable, match=told):
            read_eurocropsml(parcel(tmp_path / folder, name, data, dates))
    file = parcel(tmp_path / "cut", "EE1_1_1.npz", good, day) / "EE1_1_1.npz"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(ExchangeUnreadable, match=r"EE1_1_1.npz: is no npz file of numbers, or a damaged one"):
        read_eurocropsml(tmp_path / "cut")
    np.savez(
        file,
        data=np.array([Hostile(os.system, f"touch {tmp_path / 'harmed'}")], dtype=object),
        dates=day,
        center=[1, 2],
    )
    with pytest.raises(ExchangeUnreadable, match="is no npz file of numbers"):
        read_eurocropsml(tmp_path / "cut")
    assert not (tmp_path / "harmed").exists()
    np.savez(file, data=good, dates=np.array(day, dtype="datetime64[D]"))
    with pytest.raises(ExchangeUnreadable, match="lacks the array 'center'"):
        read_eurocropsml(tmp_path / "cut")
