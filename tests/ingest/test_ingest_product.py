"""Product XML that is broken, hostile, or of something else: one line each, with the product and the remedy."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from products import made_up_tile, product

from cropxai.errors import OffsetUnknown, ScenesUnreadable
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.sources import containers
from cropxai.ingest.sources.product import read_manifest, read_product, read_tile, safe

LAUGHS = (
    '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;">]>',
    "<U>&c;</U>",
)
OUTSIDE = ('<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>', "<U>&a;</U>")


def small(folder, **style):
    """Write a product of three bands, so that tests are quick."""
    level = style.get("level", "L2A")
    return product(folder, tiles=[made_up_tile(0, level, bands=["B02", "B05", "B09"], side=240)], **style)


def edit(path, name, old, new, count=1):
    """Replace a text that is there in a file of a product."""
    (file,) = path.rglob(name)
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, count))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Level-2A_User_Product", "Level-1B_User_Product", "describes 'Level-1B_User_Product', no Sentinel-2 product"),
        (">Sentinel-2A<", ">Landsat-8<", "describes a product of Landsat-8, not of Sentinel-2; leave it out"),
        (">05.09<", ">Collection 1<", "has the baseline 'Collection 1', which is not written as 05.09; download"),
        (">05.09<", "><", "has no PROCESSING_BASELINE; download the product again"),
        (">10000<", ">-1<", "has the quantification -1; reflectance takes 10000"),
        (">10000<", ">many<", "has 'many' as quantification; download"),
        (">10000<", ">nan<", "has 'nan' as quantification; download"),
        (">-1000<", ">inf<", "has 'inf' as offset; download"),
        ('band_id="3"', 'band_id="2"', "has an offset for band_id '2', twice or of no band; download"),
        ('band_id="3"', 'band_id="13"', "has an offset for band_id '13', twice or of no band"),
        ("INDEX>0<", "INDEX>1<", "declares 1 as no data, where Sentinel-2 has 0; download"),
        ("_T32UPU_N05.09", "_N05.09", "has the granule '.*', which names no tile; download"),
        ('granuleIdentifier="', 'granuleIdentifier="../', "has the granule '../.*', which names no tile"),
        ("<IMAGE_FILE>GRANULE/", "<IMAGE_FILE>../GRANULE/", "lists the image '../GRANULE/.*', which lies outside"),
        ("<IMAGE_FILE>GRANULE/", "<IMAGE_FILE>/etc/GRANULE/", "lists the image '/etc/GRANULE/.*', which lies outside"),
        ("<IMAGE_FILE>GRANULE/", "<IMAGE_FILE>C:\\GRANULE/", "lists the image 'C:.*GRANULE/.*', which lies outside"),
        ("<IMAGE_FILE>GRANULE/", "<IMAGE_FILE>GRANULE/a/../../../", "lists the image 'GRANULE/a/../.*' *, which lies"),
        ("_B05_20m<", "_B02_10m<", "lists B02 twice in 10 m; download"),
        ("<IMAGE_FILE>GRANULE/L2A", "<IMAGE_FILE>GRANULE/L2B", "lists images of tile 32UPU in several folders"),
        ("</n1:General_Info>", "", "is damaged; copy or download it again"),
    ],
)
def test_product_xml_that_cannot_be_used(tmp_path, old, new, said):
    path = small(tmp_path)
    edit(path, "MTD_MSIL2A.xml", old, new, -1 if old == "Level-2A_User_Product" else 1)
    with pytest.raises(ScenesUnreadable, match=rf"^{re.escape(str(path))}: MTD_MSIL2A\.xml {said}") as caught:
        find_scenes(path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (">EPSG:32632<", ">EPSG:1<", "has the coordinate system 'EPSG:1', which is unknown; download"),
        (">EPSG:32632<", ">UTM<", "has the coordinate system 'UTM', which is unknown; download"),
        ("<NROWS>24</NROWS>", "", "has no NROWS of 10 m; download"),
        ("<NROWS>24</NROWS>", "<NROWS>0</NROWS>", "has a grid of 24 × 0 pixels; download"),
        ("<NROWS>24</NROWS>", "<NROWS>1e12</NROWS>", r"has a grid of 24 × 1e\+12 pixels; download"),
        ("<NROWS>24</NROWS>", "<NROWS>2.5</NROWS>", "has a grid of 24 × 2.5 pixels; download"),
        ("<XDIM>10</XDIM>", "<XDIM>0</XDIM>", "has a grid of 24 × 24 pixels; download"),
        ("<XDIM>10</XDIM>", "<XDIM>ten</XDIM>", "has 'ten' as XDIM; download"),
        ('resolution="10"', 'resolution="30"', "has no .* of 30 m; download"),
        ("2018-05-07T", "yesterday ", "has the sensing time 'yesterday .*'; download"),
    ],
)
def test_tile_xml_that_cannot_be_used(tmp_path, old, new, said):
    path = small(tmp_path)
    edit(path, "MTD_TL.xml", old, new)
    with pytest.raises(ScenesUnreadable, match=rf"^{re.escape(str(path))}: GRANULE/.*/MTD_TL\.xml {said}"):
        find_scenes(path)


@pytest.mark.parametrize("name", ["MTD_MSIL2A.xml", "MTD_TL.xml", "manifest.safe"])
@pytest.mark.parametrize("attack", [LAUGHS, OUTSIDE])
def test_entities_are_refused(tmp_path, name, attack):
    path = small(tmp_path)
    (file,) = path.rglob(name)
    first, _, rest = file.read_text().partition("\n")
    start, _, end = rest.partition(">\n")
    file.write_text(f"{first}\n{attack[0]}\n{start}>\n{attack[1]}{end}")
    with pytest.raises(ScenesUnreadable, match=rf"{name} declares a DTD or entities, .*; do not trust it"):
        find_scenes(path)


def test_xml_larger_than_any_product_has(tmp_path, monkeypatch):
    monkeypatch.setattr(containers, "LARGEST_XML", 2000)
    with pytest.raises(ScenesUnreadable, match=r"MTD_MSIL2A\.xml has \d,\d+ bytes, where 2,000 are the most; do not"):
        find_scenes(small(tmp_path))


def test_deep_xml_is_no_harm(tmp_path):
    path = small(tmp_path)
    edit(path, "MTD_TL.xml", "<n1:General_Info>", "<n1:General_Info>" + "<a>" * 50_000 + "</a>" * 50_000)
    assert find_scenes(path)[0].tile == "32UPU"


def test_files_that_are_listed_and_not_there(tmp_path):
    path = small(tmp_path)
    next(path.rglob("*_B05_20m.jp2")).unlink()
    with pytest.raises(ScenesUnreadable, match=r"SAFE: lists GRANULE/.*_B05_20m\.jp2, which is not in it; download"):
        find_scenes(path)
    other = small(tmp_path / "b")
    next(other.rglob("MTD_TL.xml")).unlink()
    with pytest.raises(ScenesUnreadable, match=r"SAFE: has no GRANULE/.*/MTD_TL\.xml; the product is not whole"):
        find_scenes(other)
    scl = small(tmp_path / "c")
    next(scl.rglob("*_SCL_20m.jp2")).unlink()
    with pytest.raises(ScenesUnreadable, match=r"SAFE: lists GRANULE/.*_SCL_20m\.jp2, which is not in it"):
        find_scenes(scl)
    mask = small(tmp_path / "d", level="L1C")
    next(mask.rglob("MSK_CLASSI_B00.jp2")).unlink()
    with pytest.raises(ScenesUnreadable, match=r"SAFE: lists GRANULE/.*/MSK_CLASSI_B00\.jp2, which is not in it"):
        find_scenes(mask)


def test_sizes_that_differ_from_the_manifest(tmp_path):
    path = small(tmp_path)
    (image,) = path.rglob("*_B05_20m.jp2")
    size = image.stat().st_size
    image.write_bytes(image.read_bytes()[:-9])
    with pytest.raises(ScenesUnreadable, match=rf"_B05_20m\.jp2 has {size - 9} bytes, not {size} as in manifest\.safe"):
        find_scenes(path)


def test_products_without_images(tmp_path):
    path = small(tmp_path)
    text = (path / "MTD_MSIL2A.xml").read_text()
    (path / "MTD_MSIL2A.xml").write_text(re.sub(r"\s*<IMAGE_FILE>.*</IMAGE_FILE>", "", text))
    with pytest.raises(ScenesUnreadable, match="lists no image; the product is empty: download it again or leave it"):
        find_scenes(path)
    (path / "MTD_MSIL2A.xml").write_text(re.sub(r"_B\d\d_\d0m<", "_TCI_10m<", text))
    with pytest.raises(ScenesUnreadable, match="lists no band of tile 32UPU; download the product again or leave it"):
        find_scenes(path)


def test_offsets(tmp_path):
    """Each band has its own; from baseline 04.00 on there must be some; the user's goes before all."""
    path = small(tmp_path / "a")
    edit(path, "MTD_MSIL2A.xml", '<BOA_ADD_OFFSET band_id="4">-1000', '<BOA_ADD_OFFSET band_id="4">-900')
    offsets = {band: place.offset for band, place in find_scenes(path)[0].bands.items()}
    assert offsets == {"B02": -1000, "B05": -900, "B09": -1000}
    assert {place.offset for place in find_scenes(path, dn_offset=-1)[0].bands.values()} == {-1}
    edit(path, "MTD_MSIL2A.xml", '<BOA_ADD_OFFSET band_id="4">-900</BOA_ADD_OFFSET>', "")
    with pytest.raises(
        ScenesUnreadable, match=r"of baseline 05\.09 and declares no offset of B05; .* --dn-offset -1000"
    ):
        find_scenes(path)
    assert find_scenes(path, dn_offset=-1000)[0].bands["B05"].offset == -1000
    text = (path / "MTD_MSIL2A.xml").read_text()
    (path / "MTD_MSIL2A.xml").write_text(re.sub("<BOA_ADD_OFFSET_V.*LIST>", "", text))
    with pytest.raises(ScenesUnreadable, match="declares no offset of B02"):
        find_scenes(path)
    edit(path, "MTD_MSIL2A.xml", ">05.09<", ">99.33<")  # Sen2Cor at home: only the day tells
    (scene,) = find_scenes(path)
    assert ({place.offset for place in scene.bands.values()}, scene.offset_by) == ({0}, "date")
    edit(path, "MTD_TL.xml", "2018-05-07T", "2023-05-07T")
    with pytest.raises(OffsetUnknown, match="--dn-offset"):
        find_scenes(path)


def test_levels_told_and_given(tmp_path):
    path = small(tmp_path)
    assert find_scenes(path, level="L2A")[0].level == "L2A"
    with pytest.raises(ScenesUnreadable, match="is L2A by its metadata, not L1C; leave out --level, or this product"):
        find_scenes(path, level="L1C")


@pytest.mark.parametrize(("time", "day"), [("2018-05-07T23:59:59.9Z", 7), ("2018-05-07T00:30:00+02:00", 6),
                                           ("2018-05-07T10:30:21.024", 7)])  # fmt: skip
def test_the_day_is_that_of_utc(tmp_path, time, day):
    path = small(tmp_path)
    edit(path, "MTD_TL.xml", "2018-05-07T10:30:21.000000Z", time)
    assert find_scenes(path)[0].date == dt.date(2018, 5, day)


def test_probability_of_cloud_and_images_in_geotiff(tmp_path):
    """As ESA lists it; and as mirrors write the images of L2A."""
    path = small(tmp_path)
    folder = next(path.rglob("MTD_TL.xml")).parent
    listed = "".join(
        f'<MASK_FILENAME type="MSK_CLDPRB">GRANULE/{folder.name}/QI_DATA/MSK_CLDPRB_{n}m.jp2</MASK_FILENAME>'
        for n in (20, 60)
    )
    edit(path, "MTD_TL.xml", "</Pixel_Level_QI>", f"{listed}</Pixel_Level_QI>")
    assert [mask.kind for mask in find_scenes(path)[0].masks] == ["scl"]
    (folder / "QI_DATA").mkdir()
    for n in (20, 60):
        (folder / "QI_DATA" / f"MSK_CLDPRB_{n}m.jp2").touch()
    (path / "manifest.safe").unlink()
    (image,) = path.rglob("*_B05_20m.jp2")
    image.rename(image.with_suffix(".tif"))
    (scene,) = find_scenes(path)
    assert [mask.kind for mask in scene.masks] == ["scl", "probability"]
    place = scene.masks[1].location
    assert (place.path[-7:], place.grid.width, place.quantification) == ("20m.jp2", 12, 100)
    assert scene.bands["B05"].path.endswith("_B05_20m.tif")


@given(st.text(max_size=20))
def test_safe_paths_stay_where_they_start(name):
    if safe(name):
        assert not name.startswith(("/", "\\")) and ".." not in name.split("/") and ":" not in name


@pytest.mark.parametrize("name", ["", ".", "..", "a/../b", "/a", "a\\b", "C:/a", "a\n", "\0"])
def test_paths_that_lead_elsewhere(name):
    assert not safe(name)


@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(str.encode)))
def test_anything_else_is_refused_in_one_line(stored):
    for read in (read_product, read_tile, read_manifest):
        try:
            read(stored, "P.SAFE", "P.xml")
        except ScenesUnreadable as error:
            assert str(error).startswith("P.SAFE: P.xml ") and "\n" not in str(error)
        else:
            assert read is read_manifest  # any XML may be an empty manifest
