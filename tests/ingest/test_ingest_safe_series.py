"""From SAFE products to series, end to end, against rasterio and numpy."""

import datetime as dt
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from products import CORNER, SIDE, made_up_tile, product, zipped
from rasterio.features import geometry_mask
from shapely.geometry import Point, box

from cropxai.bands import BANDS, BY_NAME, SCL_MASKED
from cropxai.errors import ScenesSetAside, ScenesUnreadable, ScenesUnverified
from cropxai.ingest import extract_series
from cropxai.ingest import measure as measuring
from cropxai.series import CropSeries
from cropxai.simulate import safe

X, Y = CORNER
UTM32 = "EPSG:32632"
FIELDS = [
    box(X + 33, Y - 290, X + 205, Y - 41),
    box(X + 130, Y - 410, X + 480, Y - 155),
    Point(X + 700, Y - 700).buffer(170),
    box(X + 900, Y - 1190, X + 1195, Y - 905).difference(box(X + 1000, Y - 1100, X + 1060, Y - 1000)),
]
STYLES = [
    {"level": "L1C", "baseline": "05.09"},
    {"level": "L1C", "baseline": "02.01", "naming": "old"},
    {"level": "L2A", "baseline": "05.09"},
    {"level": "L2A", "baseline": "05.09", "coarser": True},
    {"level": "L2A", "baseline": "02.01", "naming": "old", "coarser": True},
]


@pytest.fixture
def fields(tmp_path, vector):
    return vector(tmp_path / "fields.gpkg", FIELDS, crs=UTM32)


def clear_of(tile, resolution):
    """Which pixels of a resolution are clear, by the nearest pixel of the mask that is nearest in size."""
    side = SIDE // resolution
    if tile.scl is not None:
        clear = ~np.isin(tile.scl, SCL_MASKED)
        if resolution == 60:
            return clear[1::3, 1::3]
        return clear.repeat(20 // resolution, 0).repeat(20 // resolution, 1)
    if tile.clouds is None:
        return np.ones((side, side), dtype=bool)
    return (tile.clouds == 0).all(axis=0).repeat(60 // resolution, 0).repeat(60 // resolution, 1)


def expected_of(tile, shape, band):
    """Median of a parcel in a band's native pixels whose centres lie inside, by rasterio and numpy."""
    resolution = BY_NAME[band].resolution
    grid = rasterio.transform.from_origin(*tile.corner, resolution, resolution)
    values = tile.bands[band]
    inside = geometry_mask([shape], values.shape, grid, invert=True)
    good = values[inside & clear_of(tile, resolution) & (values > 0)]
    return np.float32(np.median(good) / 10_000) if len(good) else np.float32(np.nan)


@pytest.mark.parametrize("style", STYLES, ids=lambda s: " ".join(str(v) for v in s.values()))
def test_medians_on_native_grids_equal_rasterio_and_numpy(tmp_path, fields, style):
    level = style["level"]
    days = [dt.datetime(2018, 5, day, 10, 30, 21) for day in (7, 12)]
    tiles = [made_up_tile(n, level) for n in range(2)]
    if level == "L1C" and style["baseline"] < "04.00":
        tiles = [replace(tile, clouds=None) for tile in tiles]
    for tile, day in zip(tiles, days, strict=True):
        product(tmp_path / "s2", tiles=[tile], sensed=day, **style)
    series = extract_series(fields, tmp_path / "s2", min_clear=0)
    assert series.level == level
    assert series.bands == tuple(band.name for band in BANDS if level == "L1C" or band.name != "B10")
    assert [str(date) for date in series.dates] == ["2018-05-07", "2018-05-12"]
    for p, shape in enumerate(FIELDS):
        for t, tile in enumerate(tiles):
            expected = [expected_of(tile, shape, band) for band in series.bands]
            np.testing.assert_array_equal(series.reflectance[p, t], expected)
    assert np.isfinite(series.reflectance).mean() > 0.9


def test_all_baselines_give_the_same_reflectance(tmp_path, fields):
    """The same ground, stored with and without offset, in old and new names."""
    found = []
    for baseline, naming in (("05.09", "compact"), ("02.06", "compact"), ("02.01", "old")):
        path = product(tmp_path / naming / baseline, seed=4, baseline=baseline, naming=naming)
        found.append(extract_series(fields, path).reflectance)
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_array_equal(found[0], found[2])


@pytest.mark.parametrize("packing", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("within", [None, "", "downloads/2018/P.SAFE/"])
def test_archives_give_what_folders_give(tmp_path, fields, packing, within):
    path = product(tmp_path / "s2", level="L1C")
    archive = zipped(path, tmp_path / "été S2.SAFE.zip", within=within, packing=packing)
    before = sorted(tmp_path.rglob("*"))
    series = extract_series(fields, archive)
    assert sorted(tmp_path.rglob("*")) == before  # nothing was unpacked
    whole = extract_series(fields, path)
    np.testing.assert_array_equal(series.reflectance, whole.reflectance)
    assert series.reflectance.tobytes() == whole.reflectance.tobytes()
    assert series.dataset.attrs["sources"] == ["été S2.SAFE.zip"]


def test_tiles_of_an_old_product_are_scenes_of_their_own(tmp_path, vector):
    east = made_up_tile(8, tile="32UQU", corner=(X + 1500, Y), clouds=0)
    west = made_up_tile(7, clouds=0)
    path = product(tmp_path, tiles=[west, east], naming="old", baseline="02.01")
    shapes = [FIELDS[0], box(X + 1600, Y - 400, X + 1900, Y - 100)]
    fields = vector(tmp_path / "fields.gpkg", shapes, crs=UTM32)
    for place in (path, zipped(path, tmp_path / "old.zip")):
        series = extract_series(fields, place, bands=["B04", "B05", "B09"])
        for p, (tile, shape) in enumerate(zip((west, east), shapes, strict=True)):
            expected = [expected_of(tile, shape, band) for band in series.bands]
            np.testing.assert_array_equal(series.reflectance[p, 0], expected)


def test_the_finest_images_there_are(tmp_path, fields):
    """A product that was processed in 20 m and 60 m only."""
    tile = made_up_tile(5, clouds=0)
    path = product(tmp_path, tiles=[tile], coarser=True)
    for image in path.rglob("*_10m.jp2"):
        image.unlink()
    xml = path / "MTD_MSIL2A.xml"
    xml.write_text("".join(line for line in xml.read_text().splitlines(keepends=True) if "_10m<" not in line))
    series = extract_series(fields, path)
    assert series.bands == tuple(band.name for band in BANDS if band.name not in ("B08", "B10"))
    (image,) = path.rglob("*_B04_20m.jp2")
    with rasterio.open(image) as dataset:
        values = dataset.read(1)
        inside = geometry_mask([FIELDS[0]], values.shape, dataset.transform, invert=True)
    good = values[inside & (values > 0)]
    assert series.reflectance[0, 0, series.bands.index("B04")] == np.float32((np.median(good) - 1000) / 10_000)


def test_the_latest_processing_is_taken(tmp_path, fields):
    """Of two baselines of one acquisition; of two datastrips of one baseline, both, and each parcel takes one."""
    old = product(tmp_path / "s2", seed=1, baseline="02.06")
    new = product(tmp_path / "s2", seed=2, baseline="05.00")
    other_day = product(tmp_path / "s2", seed=3, baseline="02.06", sensed=dt.datetime(2018, 5, 12))
    with pytest.warns(ScenesSetAside, match=rf"1 raster: the same acquisition .* a later baseline.*'{old}'"):
        series = extract_series(fields, tmp_path / "s2")
    assert series.dataset.attrs["sources"] == [new.name, other_day.name]
    np.testing.assert_array_equal(series.reflectance[:, 0], extract_series(fields, new).reflectance[:, 0])


def test_a_product_that_is_there_twice_is_taken_once(tmp_path, fields):
    path = product(tmp_path)
    archive = zipped(path, tmp_path / f"{path.name}.zip")
    with pytest.warns(ScenesSetAside, match=rf"1 raster: the same product is there twice.*'{archive}'"):
        series = extract_series(fields, tmp_path)
    assert series.dataset.attrs["sources"] == [path.name]


def test_two_datastrips_are_both_kept(tmp_path, fields):
    """Each shows a part of the tile; every parcel takes the one that shows it."""
    whole = made_up_tile(6, clouds=0, bands=["B04", "B05", "B09"])
    parts = []
    for n in (0, 1):
        values = {}
        for band, numbers in whole.bands.items():
            half = np.arange(numbers.shape[1]) < numbers.shape[1] / 2
            values[band] = np.where(half == (n == 0), numbers, 0).astype(np.uint16)
        parts.append(replace(whole, bands=values))
    for n, tile in enumerate(parts):
        product(tmp_path / "s2", tiles=[tile], processed=dt.datetime(2018, 6, 1, 12, 0, n))
    series = extract_series(fields, tmp_path / "s2")
    for p in (0, 1, 3):  # not cut by the line between the halves
        expected = [expected_of(whole, FIELDS[p], band) for band in series.bands]
        np.testing.assert_array_equal(series.reflectance[p, 0], expected)


@pytest.mark.parametrize("packed", [False, True])
def test_a_byte_that_changed_is_found_by_the_checksum_only(tmp_path, fields, packed):
    for baseline in ("02.06", "05.09"):  # MD5, SHA3-256
        path = product(tmp_path / baseline, baseline=baseline)
        (image,) = path.rglob("*_B04*.jp2")
        stored = bytearray(image.read_bytes())
        stored[-40] ^= 0x55
        image.write_bytes(stored)
        place = zipped(path, tmp_path / f"{baseline}.zip") if packed else path
        extract_series(fields, place)
        extract_series(fields, place, bands=["B03"], verify=True)  # what is not read is not compared
        with pytest.raises(
            ScenesUnreadable, match=rf"{place.name}: .*B04.*jp2 differs from its \w+-?\d+ checksum: it is d"
        ):
            extract_series(fields, place, verify=True)


def test_checksums_of_whole_products_agree(tmp_path, fields):
    paths = [product(tmp_path / b, baseline=b, sensed=d) for b, d in (("02.06", dt.datetime(2018, 6, 1)),
                                                                     ("05.09", dt.datetime(2018, 6, 6)))]  # fmt: skip
    paths[1] = zipped(paths[1], tmp_path / "05.zip")
    assert extract_series(fields, paths, verify=True).dataset.identical(extract_series(fields, paths).dataset)


def test_products_without_checksums_are_told(tmp_path, fields):
    path = product(tmp_path)
    (path / "manifest.safe").unlink()
    with pytest.warns(ScenesUnverified, match=rf"1 raster carries no checksum.*--verify.*{path.name}"):
        extract_series(fields, path, verify=True)


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.97, 1.0])
def test_images_that_end_too_soon(tmp_path, monkeypatch, fields, packed, share):
    """Without a manifest, that is: with one, their size tells."""
    # Several blocks, which GDAL would decode in threads of its own, and lose their errors.
    monkeypatch.setattr(safe, "BLOCKS", {10: 64, 20: 64, 60: 64})
    path = product(tmp_path)
    (path / "manifest.safe").unlink()
    (image,) = path.rglob("*_B04*.jp2")
    stored = image.read_bytes()
    image.write_bytes(stored[: min(int(len(stored) * share), len(stored) - 1)])
    place = zipped(path, tmp_path / "P.zip") if packed else path
    why = rf"{place.name}: is damaged, its pixels cannot be read; copy or download it again \({image.name}\)"
    with pytest.raises(ScenesUnreadable, match=why):
        extract_series(fields, place)


def test_an_image_that_is_none(tmp_path, fields):
    """A file that GDAL would take for a reference to others is not opened."""
    path = product(tmp_path)
    (path / "manifest.safe").unlink()
    (image,) = path.rglob("*_B04*.jp2")
    other = image.rename(tmp_path / "elsewhere.jp2")
    with rasterio.open(other) as dataset:
        size = f'rasterXSize="{dataset.width}" rasterYSize="{dataset.height}"'
    image.write_text(
        f'<VRTDataset {size}><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>'
        f"<SourceFilename>{other}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"
    )
    with pytest.raises(ScenesUnreadable, match=rf"{path.name}: is damaged"):
        extract_series(fields, path)


def test_an_image_of_another_size_than_the_xml_says(tmp_path, fields):
    path = product(tmp_path)
    xml = next(path.rglob("MTD_TL.xml"))
    xml.write_text(xml.read_text().replace("<NROWS>120</NROWS>", "<NROWS>121</NROWS>"))
    with pytest.raises(ScenesUnreadable, match=r"_10m\.jp2: lies elsewhere than the metadata beside it say"):
        extract_series(fields, path)


def test_a_stopped_run_goes_on_in_an_archive(tmp_path, monkeypatch, fields):
    archive = zipped(product(tmp_path), tmp_path / "P.zip")
    whole = extract_series(fields, archive, workdir=tmp_path / "parts")
    monkeypatch.setattr(measuring, "_measure", None)  # nothing is left to measure
    assert extract_series(fields, archive, workdir=tmp_path / "parts").dataset.identical(whole.dataset)


@pytest.mark.filterwarnings("default::cropxai.errors.ParcelsSetAside")  # one is bad on purpose
def test_from_the_command_line(tmp_path, command):
    """Simulated products, as folders and as archives, with checksums compared."""
    assert command("simulate", "scenes", "-o", tmp_path / "demo", "--parcels", 12, "--size", 72, "--dates", 2,
                   "--format", "safe")[0] == 0  # fmt: skip
    (tmp_path / "zips").mkdir()
    for folder in (tmp_path / "demo" / "scenes").iterdir():
        zipped(folder, tmp_path / "zips" / f"{folder.name}.zip")
    found = []
    for name in ("demo/scenes", "zips"):
        out = tmp_path / f"{name[0]}.zarr"
        code, told, _ = command("ingest", tmp_path / "demo" / "parcels.shp", tmp_path / name, "-o", out, "--verify")
        assert (code, "12 parcels × 2 dates × 12 bands, L2A" in told) == (0, True)
        found.append(CropSeries.open(out))
    np.testing.assert_array_equal(found[0].reflectance, found[1].reflectance)
    code, out, err = command("ingest", tmp_path / "demo" / "parcels.shp", tmp_path / "zips", "-o", tmp_path / "x.zarr",
                             "--level", "L1C")  # fmt: skip
    assert (code, out) == (1, "")
    assert "is L2A by its metadata, not L1C; leave out --level" in err.splitlines()[-1]
