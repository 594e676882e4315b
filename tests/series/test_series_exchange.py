"""The choice of the format, and `cropxai convert` from one to the other."""

import pytest
from exchanged import l1c, same

from cropxai.cli.main import main
from cropxai.cli.options import SERIES_SUFFIXES
from cropxai.errors import ExchangeUnreadable, SeriesUnusable
from cropxai.series import CropSeries
from cropxai.series.exchange import SUFFIXES, read_series, write_series


def test_the_command_knows_every_format():
    assert SERIES_SUFFIXES == SUFFIXES


def test_a_series_goes_through_every_format(tmp_path):
    made = l1c().select([0, 1, 2])
    path = made.save(tmp_path / "0.zarr")
    for step, suffix in enumerate((*SUFFIXES, ".zarr"), start=1):
        target = tmp_path / str(step) / f"{step}{suffix}"
        target.parent.mkdir()
        argv = ["convert", str(path), "-o", str(target), "--quiet"]
        assert main([*argv, "--level", "L1C"] if path.suffix == ".csv" else argv) == 0
        path = target
    again = CropSeries.open(path)
    order = [again.parcel_id.tolist().index(name) for name in made.parcel_id]
    same(again.select(order), made)
    assert again.labels[order].tolist() == made.labels.tolist()
    assert again.group("region")[order].tolist() == made.group("region").tolist()
    assert again.level == "L1C"


def test_a_folder_is_known_by_what_lies_in_it(tmp_path):
    write_series(l1c().select([0]), tmp_path / "a.eurocropsml", "AT112")
    (tmp_path / "a.eurocropsml").rename(tmp_path / "preprocess")
    assert len(read_series(tmp_path / "preprocess")) == 1
    l1c().save(tmp_path / "b.zarr").rename(tmp_path / "b")
    assert len(read_series(tmp_path / "b")) == 4


def test_the_region_of_parcels_that_name_none(tmp_path):
    made = l1c(groups={"region": ["", "AT113", "", ""]}).select([0, 1])
    made.save(tmp_path / "a.zarr")
    argv = ["convert", str(tmp_path / "a.zarr"), "-o", str(tmp_path / "b.h5"), "--region", "AT130", "--quiet"]
    assert main(argv) == 0
    assert read_series(tmp_path / "b.h5").group("region").tolist() == ["AT113", "AT130"]


def test_the_level_is_given_only_where_it_is_not_told(tmp_path):
    write_series(l1c(), tmp_path / "a.csv")
    assert read_series(tmp_path / "a.csv").level == "unknown"
    assert read_series(tmp_path / "a.csv", "L2A").level == "L2A"
    l1c().save(tmp_path / "a.zarr")
    with pytest.raises(SeriesUnusable, match="a.zarr: is L1C, not L2A; leave --level out"):
        read_series(tmp_path / "a.zarr", "L2A")


def test_wrong_ends_are_one_line(tmp_path, capsys):
    l1c().save(tmp_path / "a.zarr")
    assert main(["convert", str(tmp_path / "none.csv"), "-o", str(tmp_path / "b.nc")]) == 1
    assert main(["convert", str(tmp_path / "a.zarr"), "-o", str(tmp_path / "b.xls")]) == 2
    assert main(["convert", str(tmp_path / "a.zarr"), "-o", str(tmp_path / "a.zarr")]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"cropxai: {tmp_path}/none.csv: no such file or folder; check the path"
    assert "use .zarr or .h5" in lines[1]
    assert "exists already" in lines[2]
    assert len(lines) == 3
    (tmp_path / "a.txt").write_text("")
    with pytest.raises(ExchangeUnreadable, match=r"a.txt: .txt is no known format; use .zarr, .h5"):
        read_series(tmp_path / "a.txt")
    with pytest.raises(SeriesUnusable, match="no parcels or no dates"):
        write_series(l1c().select([False] * 4), tmp_path / "b.csv")
