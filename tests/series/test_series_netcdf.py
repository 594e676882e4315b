"""NetCDF against scipy, which reads the bytes without xarray."""

import numpy as np
import pytest
import scipy.io
import xarray as xr
from exchanged import ALL, DAYS, l1c, same

from cropxai.errors import ExchangeUnreadable, OutputExists, SeriesUnusable
from cropxai.series import CropSeries, netcdf
from cropxai.series.netcdf import read_netcdf, write_netcdf


def test_scipy_reads_what_is_written(tmp_path):
    made = l1c(ids=("á", "7", "9", "12"))
    path = write_netcdf(made, tmp_path / "a.nc")
    with scipy.io.netcdf_file(path, mmap=False) as file:
        assert file.dimensions["parcel"] == 4
        np.testing.assert_array_equal(file.variables["reflectance"][:], made.reflectance)
        assert file.variables["time"].units == b"days since 1970-01-01"
        assert file.variables["time"][:].tolist() == DAYS.astype(int).tolist()
        assert [b"".join(name).decode() for name in file.variables["band"][:]] == list(ALL)
        assert b"".join(file.variables["parcel_id"][:][0]).decode("utf-8").rstrip("\0") == "á"
        assert file.level == b"L1C"


def test_everything_comes_back(tmp_path):
    made = l1c(ids=("á", "7", "9", "12"), status=["", "", "", "cloud"], valid_pixels=np.arange(12).reshape(4, 3))
    made = CropSeries(made.dataset.assign_attrs(sources=["a", "b"], min_clear=0.5))
    read = read_netcdf(write_netcdf(made, tmp_path / "a.nc"))
    same(read, made, atol=0)
    for name in ("crop", "status", "region", "lon", "lat", "valid_pixels", "clear_fraction"):
        assert read.dataset[name].values.tolist() == made.dataset[name].values.tolist(), name
    assert read.dataset.attrs == {"level": "L1C", "sources": '["a", "b"]', "min_clear": 0.5}
    with pytest.raises(OutputExists):
        write_netcdf(made, tmp_path / "a.nc")


def test_wrong_files_are_refused(tmp_path, monkeypatch):
    path = write_netcdf(l1c(), tmp_path / "a.nc")
    (tmp_path / "cut.nc").write_bytes(path.read_bytes()[:300])
    (tmp_path / "four.nc").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    for name in ("cut", "four"):
        with pytest.raises(ExchangeUnreadable, match=f"{name}.nc: is no classic netCDF file, or a damaged one"):
            read_netcdf(tmp_path / f"{name}.nc")
    xr.Dataset({"reflectance": ("x", [1.0])}).to_netcdf(tmp_path / "b.nc", engine="scipy")
    with pytest.raises(ExchangeUnreadable, match="lacks the variable 'reflectance' with dimensions parcel × time"):
        read_netcdf(tmp_path / "b.nc")
    monkeypatch.setattr(netcdf, "LARGEST", 100)
    with pytest.raises(SeriesUnusable, match=r"larger than classic netCDF allows \(4 GiB\)"):
        write_netcdf(l1c(), tmp_path / "c.nc")
