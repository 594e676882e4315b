import pandas as pd
import pytest

from cropxai.cli.main import main
from cropxai.cli.simulate import country as country_command
from cropxai.series.cube import CropSeries
from cropxai.simulate import Country


def test_country_writes_a_series(tmp_path, capsys):
    target = tmp_path / "country.zarr"
    assert main(["simulate", "country", "-o", str(target), "--parcels", "30", "--crops", "peas,winter rye"]) == 0
    series = CropSeries.open(target)
    assert len(series) == 30
    assert set(series.labels) == {"peas", "winter rye"}
    assert "simulated" in capsys.readouterr().out


def test_scenes_writes_a_folder(tmp_path):
    target = tmp_path / "demo"
    assert main(["simulate", "scenes", "-o", str(target), "--parcels", "12", "--size", "60", "--dates", "2"]) == 0
    assert len(list((target / "scenes").iterdir())) == 2 * 2


def test_planted_writes_a_series_with_its_truth(tmp_path, capsys):
    target = tmp_path / "twins.zarr"
    assert main(["simulate", "planted", "-o", str(target), "--parcels", "40", "--bands", "B04,B08", "--seed", "3"]) == 0
    series = CropSeries.open(target)
    assert (len(series), series.bands) == (40, ("B04", "B08"))
    assert series.dataset["planted"].values.any(axis=1).mean() > 0.9
    assert "simulated" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments, code, words",
    [
        (["country", "-o", "x.h5"], 2, ".zarr"),
        (["country", "-o", "x.zarr", "--crops", "banana"], 1, "banana"),
        (["country", "-o", "x.zarr", "--parcels", "0"], 1, "at least one"),
        (["country", "-o", "x.zarr", "--year", "1900"], 1, "1900"),
        (["country", "-o", "x.zarr", "--country", "Atlantis"], 1, "choose among Austria"),
        (["country", "-o", "x.zarr", "--hardness", "9"], 1, "hardness 9.0 is out of range"),
        (["planted", "-o", "x.h5"], 2, ".zarr"),
        (["planted", "-o", "x.zarr", "--parcels", "41"], 1, "an even number"),
        (["planted", "-o", "x.zarr", "--bands", "B99"], 1, "B99"),
        (["planted", "-o", "x.zarr", "--decoys", "-1"], 1, "decoys"),
        (["planted", "-o", "there"], 2, ".zarr"),
        (["scenes", "-o", "there"], 1, "exists already"),
        (["scenes", "-o", "no/such/place"], 1, "its folder does not exist"),
        (["scenes", "-o", "x", "--parcels", "many"], 2, "many"),
        (["scenes", "-o", "x", "--parcels", "0"], 1, "10 to 20000"),
    ],
)
def test_bad_input_ends_in_one_line(tmp_path, monkeypatch, capsys, arguments, code, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "there").mkdir()
    assert main(["simulate", *arguments]) == code
    told = capsys.readouterr().err.strip()
    assert words in told
    assert "\n" not in told


def test_power_is_measured_of_a_series_with_its_truth(tmp_path, capsys):
    series, table = tmp_path / "country.zarr", tmp_path / "power.csv"
    crops = ["--crops", "winter rapeseed,silage maize", "--orbits", "1", "--regions", "2", "--balance", "1"]
    assert main(["simulate", "country", "-o", str(series), "--parcels", "160", "--truth", *crops]) == 0
    held = CropSeries.open(series).dataset
    assert held["clean"].dims == ("parcel", "time", "band")
    assert held["event_day"].sizes["event"] == 8
    assert main(["simulate", "power", str(series), "-o", str(table), "--parcels", "60"]) == 0
    found = pd.read_csv(table)
    best = found[(found["crop"] == "silage maize") & (found["auc"] > 0.98)]["date"]
    assert (best < "2018-06-01").any()  # rape is green while maize is not yet there
    plain = tmp_path / "plain.zarr"
    assert main(["simulate", "country", "-o", str(plain), "--parcels", "60", *crops]) == 0
    assert main(["simulate", "power", str(plain), "-o", str(tmp_path / "x.csv")]) == 1
    assert "--truth" in capsys.readouterr().err


def test_defaults_of_the_command_are_those_of_the_function():
    asked = {option.name: option.default for option in country_command.params}
    named = {name: value for name, value in vars(Country()).items() if isinstance(value, (int, float, str))}
    shared = [name for name in named if name in asked and name != "truth"]
    assert {"hardness", "irrigated", "cloudiness", "balance", "regions", "seed"} <= set(shared)
    assert {name: asked[name] for name in shared} == {name: named[name] for name in shared}
