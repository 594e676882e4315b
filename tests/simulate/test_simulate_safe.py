import datetime as dt
import filecmp
import hashlib
import re
from xml.etree import ElementTree

import numpy as np
import pytest
import rasterio

from cropxai.bands import COMMON_BANDS
from cropxai.errors import OutputExists
from cropxai.simulate import SimulationRefused, simulate_scenes
from cropxai.simulate.safe import SafeTile, coarsened, write_safe
from cropxai.simulate.safe_xml import SafeStyle

SENSED = dt.datetime(2018, 5, 7, 10, 30, 21)
SMALL = {"parcels": 24, "size": 80, "dates": 3, "seed": 4}
RNG = np.random.default_rng(0)
BANDS = {
    band: RNG.integers(0, 9000, (side, side)).astype(np.uint16)
    for band, side in (("B04", 60), ("B05", 30), ("B09", 10))
}
TILE = SafeTile("32UPU", (640_000, 5_350_020), BANDS, scl=RNG.integers(0, 12, (30, 30)).astype(np.uint8))


def pixels(product, ending):
    (path,) = product.rglob(f"*{ending}.jp2")
    with rasterio.open(path) as image:
        return image.read(1)


def test_images_are_lossless_and_names_are_those_of_esa(tmp_path):
    product = write_safe(tmp_path, [TILE], SENSED, SafeStyle(coarser=True, orbit=15_123))
    assert product.name == "S2A_MSIL2A_20180507T103021_N0509_R008_T32UPU_20231231T120000.SAFE"
    folder = "GRANULE/L2A_T32UPU_A015123_20180507T103021"
    for ending, values in (("B04_10m", BANDS["B04"]), ("B05_20m", BANDS["B05"]), ("B09_60m", BANDS["B09"])):
        stored = pixels(product, ending)
        np.testing.assert_array_equal(stored, np.where(values > 0, values + 1000, 0))
        assert (product / folder / f"IMG_DATA/R{ending[-3:]}/T32UPU_20180507T103021_{ending}.jp2").exists()
    np.testing.assert_array_equal(pixels(product, "SCL_20m"), TILE.scl)
    np.testing.assert_array_equal(pixels(product, "SCL_60m"), TILE.scl[1::3, 1::3])
    assert pixels(product, "B04_20m").shape == (30, 30)
    assert sorted(path.name for path in product.iterdir()) == ["GRANULE", "MTD_MSIL2A.xml", "manifest.safe"]


@pytest.mark.parametrize(("baseline", "algorithm"), [("02.06", "md5"), ("05.09", "sha3_256")])
def test_the_manifest_tells_sizes_and_checksums(tmp_path, baseline, algorithm):
    product = write_safe(tmp_path, [TILE], SENSED, SafeStyle(baseline=baseline))
    streams = list(ElementTree.parse(product / "manifest.safe").iter("byteStream"))
    listed = {stream.find("fileLocation").get("href") for stream in streams}
    files = {f"./{p.relative_to(product).as_posix()}" for p in product.rglob("*") if p.is_file()}
    assert listed == files - {"./manifest.safe"}
    for stream in streams:
        content = (product / stream.find("fileLocation").get("href")).read_bytes()
        assert int(stream.get("size")) == len(content)
        assert stream.find("checksum").text == hashlib.new(algorithm, content).hexdigest()


def test_old_products_hold_several_tiles(tmp_path):
    other = SafeTile("32UQU", (739_980, 5_350_020), BANDS)
    product = write_safe(tmp_path, [TILE, other], SENSED, SafeStyle(level="L1C", baseline="02.01", naming="old"))
    assert re.fullmatch(
        r"S2A_OPER_PRD_MSIL1C_PDMC_\d{8}T\d{6}_R008_V20180507T103021_20180507T103021\.SAFE", product.name
    )
    granules = sorted(path.name for path in (product / "GRANULE").iterdir())
    start = "S2A_OPER_MSI_L1C_TL_SGS__20231231T120000_A015000"
    assert granules == [f"{start}_T32UPU_N02.01", f"{start}_T32UQU_N02.01"]
    assert (product / "GRANULE" / granules[1] / "IMG_DATA" / f"{start}_T32UQU_B04.jp2").exists()
    np.testing.assert_array_equal(pixels(product / "GRANULE" / granules[0], "B04"), BANDS["B04"])


def test_means_of_blocks_leave_out_what_is_missing():
    values = np.array([[1, 3, 0, 0, 9], [5, 0, 0, 0, 9], [9, 9, 9, 9, 9]], dtype=np.uint16)
    assert coarsened(values, 2).tolist() == [[3, 0]]  # what makes no whole block is left out
    np.testing.assert_array_equal(coarsened(values, 1), values)


def test_an_existing_product_is_kept(tmp_path):
    write_safe(tmp_path, [TILE], SENSED)
    with pytest.raises(OutputExists):
        write_safe(tmp_path, [TILE], SENSED)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return simulate_scenes(tmp_path_factory.mktemp("safe") / "demo", format="safe", **SMALL)


def test_products_show_what_geotiffs_show(folder, tmp_path):
    tiffs = simulate_scenes(tmp_path / "demo", **SMALL)
    assert (tiffs / "truth.csv").read_bytes() == (folder / "truth.csv").read_bytes()
    products = sorted((folder / "scenes").iterdir())
    assert len(products) == 3 * 2
    for product in products:
        tiff = tiffs / "scenes" / f"S2L2A_{product.name[38:44]}_{product.name[11:19]}.tif"
        with rasterio.open(tiff) as raster:
            layers = dict(zip((*COMMON_BANDS, "SCL"), raster.read().astype(int), strict=True))
        seen = layers["SCL"] > 0
        for band in ("B02", "B03", "B04", "B08"):
            np.testing.assert_array_equal(pixels(product, f"{band}_10m"), np.where(seen, layers[band] + 1000, 0))
        rows, columns = (side // 2 for side in seen.shape)
        whole = seen.reshape(rows, 2, columns, 2).all(axis=(1, 3))
        for layer in ("B05", "B8A", "B12", "SCL"):
            stored = pixels(product, f"{layer}_20m").astype(int) - (1000 if layer != "SCL" else 0)
            np.testing.assert_array_equal(stored[whole], layers[layer][::2, ::2][whole])
        assert pixels(product, "B09_60m").shape == (rows // 3, columns // 3)


def test_the_same_command_makes_the_same_products(folder, tmp_path):
    again = simulate_scenes(tmp_path / "demo", format="safe", **SMALL)
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    assert len(files) == 2 * 3 * 16 + 8
    _, differ, failed = filecmp.cmpfiles(folder, again, files, shallow=False)
    assert (differ, failed) == ([], [])
    assert "--seed 4 --format safe" in (folder / "README.md").read_text(encoding="utf-8")


def test_an_unknown_format_is_refused(tmp_path):
    with pytest.raises(SimulationRefused, match="format 'jpeg' is unknown; use geotiff or safe"):
        simulate_scenes(tmp_path / "demo", format="jpeg", **SMALL)
    assert not list(tmp_path.iterdir())
