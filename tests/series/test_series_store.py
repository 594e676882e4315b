import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
import xarray as xr
import zarr
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from cropxai.errors import OutputExists, SeriesUnreadable
from cropxai.series import CropSeries, store
from cropxai.series.store import save_pieces, sources


def test_a_store_gives_back_what_was_saved(series, tmp_path):
    frame = gpd.GeoDataFrame(
        {"név": ["á"] * len(series)}, geometry=shapely.points(np.arange(len(series)), 0).tolist(), crs=31287
    )
    CropSeries(series.dataset, frame).save(tmp_path / "a.zarr")
    opened = CropSeries.open(tmp_path / "a.zarr")
    np.testing.assert_allclose(opened.reflectance, series.reflectance, atol=5.1e-5)
    assert (np.isnan(opened.reflectance) == np.isnan(series.reflectance)).all()
    assert (opened.labels == series.labels).all()
    assert (opened.parcel_id == series.parcel_id).all()
    assert (opened.dates == series.dates).all()
    assert opened.bands == series.bands
    assert opened.level == "L2A"
    assert sources(opened) == ["made up"]
    assert opened.group("zone").tolist() == series.group("zone").tolist()
    assert opened.parcels.crs == frame.crs
    assert opened.parcels.equals(frame)


@settings(max_examples=25, deadline=None)
@given(
    values=arrays(
        np.float32, (3, 2, 2), elements=st.one_of(st.just(np.nan), st.floats(-0.5, 8, width=32, allow_subnormal=False))
    )
)
def test_stored_numbers_are_dn_and_missing_is_never_zero(values, tmp_path_factory):
    path = tmp_path_factory.mktemp("store") / "a.zarr"
    CropSeries.from_arrays(values, ["2018-01-01", "2018-01-06"], ["B02", "B03"], "abc").save(path)
    stored = zarr.open_group(path, mode="r")["reflectance"][:]  # read past xarray's decoding
    expected = np.where(np.isnan(values), 65535, np.clip(np.rint(values.astype(float) * 10000), 0, 65534))
    assert stored.dtype == np.uint16
    assert np.abs(stored.astype(int) - expected).max() <= 1
    assert ((stored == 65535) == np.isnan(values)).all()


def test_pieces_of_a_store_are_a_store_again(series, tmp_path, monkeypatch):
    monkeypatch.setattr(store, "CHUNK", 2)
    series.save(tmp_path / "whole.zarr")
    whole = CropSeries.open(tmp_path / "whole.zarr")
    pieces = [whole.select([number]) for number in range(len(whole))]
    assert len(pieces) > store.CHUNK
    save_pieces(pieces, tmp_path / "pieces.zarr")
    again = CropSeries.open(tmp_path / "pieces.zarr")
    np.testing.assert_array_equal(again.parcel_id, whole.parcel_id)
    np.testing.assert_array_equal(again.labels, whole.labels)
    np.testing.assert_array_equal(again.reflectance, whole.reflectance)


def test_an_existing_store_is_kept(series, tmp_path):
    series.save(tmp_path / "a.zarr")
    with pytest.raises(OutputExists):
        series.save(tmp_path / "a.zarr")
    series.select([0]).save(tmp_path / "a.zarr", overwrite=True)
    assert len(CropSeries.open(tmp_path / "a.zarr")) == 1


def test_what_is_no_series_is_named(series, tmp_path):
    with pytest.raises(SeriesUnreadable, match="no such series"):
        CropSeries.open(tmp_path / "none.zarr")
    (tmp_path / "empty.zarr").mkdir()
    with pytest.raises(SeriesUnreadable, match="empty.zarr"):
        CropSeries.open(tmp_path / "empty.zarr")
    xr.Dataset({"x": ("y", [1.0])}).to_zarr(tmp_path / "other.zarr", zarr_format=2, consolidated=True)
    with pytest.raises(SeriesUnreadable, match="not a series of cropxai"):
        CropSeries.open(tmp_path / "other.zarr")


def test_a_newer_format_is_refused(series, tmp_path):
    series.save(tmp_path / "a.zarr")
    attrs = tmp_path / "a.zarr" / ".zattrs"
    attrs.write_text(json.dumps(json.loads(attrs.read_text()) | {"format_version": 99}))
    with pytest.raises(SeriesUnreadable, match="newer"):
        CropSeries.open(tmp_path / "a.zarr")
