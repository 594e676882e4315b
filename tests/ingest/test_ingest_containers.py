"""Folders and archives that hold no product, are broken, or made to do harm."""

import struct
import zipfile

import pytest
from products import made_up_tile, product, zipped

from cropxai.errors import ScenesUnreadable
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.sources import containers


@pytest.fixture
def path(tmp_path):
    return product(tmp_path / "s2", tiles=[made_up_tile(bands=["B02"], side=240)])


@pytest.fixture
def archive(tmp_path, path):
    return zipped(path, tmp_path / "P.zip")


def add(archive, name, content=b"x", packing=zipfile.ZIP_STORED):
    with zipfile.ZipFile(archive, "a", packing) as file:
        file.writestr(name, content)


@pytest.mark.parametrize("name", ["../evil.txt", "/etc/evil.txt", "P/../../evil.txt", "C:\\evil.txt"])
def test_names_that_lead_out_of_the_archive(archive, name):
    add(archive, name)
    with pytest.raises(ScenesUnreadable, match=r"P\.zip: holds a file named .*evil.*, which leads out of it; do not t"):
        find_scenes(archive)


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_the_same_name_twice(archive, path):
    add(archive, f"{path.name}/MTD_MSIL2A.xml")
    with pytest.raises(ScenesUnreadable, match=r"P\.zip: holds the same name twice, or more files than a product has"):
        find_scenes(archive)


def test_too_many_files(archive, monkeypatch):
    monkeypatch.setattr(containers, "MOST_FILES", 3)
    with pytest.raises(ScenesUnreadable, match="more files than a product has"):
        find_scenes(archive)


def test_bombs(archive):
    add(archive, "zeros.jp2", bytes(3_000_000), zipfile.ZIP_DEFLATED)
    with pytest.raises(ScenesUnreadable, match=r"P\.zip: zeros\.jp2 unpacks to over 200 times its size; do not trust"):
        find_scenes(archive)


def test_entries_that_share_their_content(archive):
    """Each of them harmless by its ratio, but there are many on the same bytes."""
    add(archive, "a.bin", bytes(range(256)) * 1000)
    with zipfile.ZipFile(archive, "a") as file:
        info = file.getinfo("a.bin")
        for n in range(400):
            twin = zipfile.ZipInfo(f"{n}.bin")
            for name in ("header_offset", "CRC", "file_size", "compress_size", "compress_type", "external_attr"):
                setattr(twin, name, getattr(info, name))
            file.filelist.append(twin)
        file._didModify = True
    with pytest.raises(ScenesUnreadable, match=r"P\.zip: P\.zip unpacks to over 200 times its size; do not trust it"):
        find_scenes(archive)


def test_encrypted_archives(archive):
    stored = bytearray(archive.read_bytes())
    for magic, at in ((b"PK\1\2", 8), (b"PK\3\4", 6)):
        start = stored.find(magic)
        while start >= 0:
            (flags,) = struct.unpack_from("<H", stored, start + at)
            struct.pack_into("<H", stored, start + at, flags | 1)
            start = stored.find(magic, start + 1)
    archive.write_bytes(stored)
    with pytest.raises(ScenesUnreadable, match=r"P\.zip: is encrypted; unpack it with its password and give the folde"):
        find_scenes(archive)


def test_ways_of_packing_that_gdal_does_not_read(tmp_path, path):
    archive = zipped(path, tmp_path / "P.zip", packing=zipfile.ZIP_LZMA)
    with pytest.raises(ScenesUnreadable, match=r"P\.zip: is packed in a way that cannot be read in place; unpack it"):
        find_scenes(archive)


@pytest.mark.parametrize("share", [0, 0.5, 0.999])
def test_archives_that_end_too_soon(archive, share):
    stored = archive.read_bytes()
    archive.write_bytes(stored[: int(len(stored) * share)])
    with pytest.raises(ScenesUnreadable, match=r"P\.zip: is damaged or no zip archive; copy or download it again"):
        find_scenes(archive)


def test_archives_with_a_broken_file(archive, path):
    stored = archive.read_bytes()
    inside = stored.find(b"<n1:Level-2A_User_Product")
    archive.write_bytes(stored[:inside] + b"#" + stored[inside + 1 :])
    with pytest.raises(ScenesUnreadable, match=r"P\.zip: MTD_MSIL2A\.xml cannot be read; copy or download it again"):
        find_scenes(archive)


def test_archives_of_other_things(tmp_path, raster):
    other = zipped(tmp_path / "empty", tmp_path / "parcels.zip")
    with pytest.raises(ScenesUnreadable, match=r"parcels\.zip: holds no MTD_MSIL1C\.xml or MTD_MSIL2A\.xml: no Sent"):
        find_scenes(other)
    with pytest.raises(ScenesUnreadable, match="holds no GeoTIFF"):
        find_scenes(tmp_path)  # in a folder, it is passed over
    other.rename(tmp_path / "S2A_MSIL2A_20180507T103021_N0206.SAFE.zip")
    with pytest.raises(ScenesUnreadable, match=r"0206\.SAFE\.zip: holds no MTD_MSIL1C\.xml"):
        find_scenes(tmp_path)  # unless its name says what it should be


def test_several_products_in_one_archive(tmp_path, path, archive):
    second = product(tmp_path / "b", tiles=[made_up_tile(bands=["B02"], side=240, tile="32UQU")])
    with zipfile.ZipFile(archive, "a") as file:
        for inside in sorted(p for p in second.rglob("*") if p.is_file()):
            file.write(inside, second.name + "/" + inside.relative_to(second).as_posix())
    scenes = find_scenes(archive)
    assert [(scene.path, scene.tile) for scene in scenes] == [
        (f"{archive}/{folder.name}", tile) for folder, tile in ((path, "32UPU"), (second, "32UQU"))
    ]


def test_folders_that_are_called_as_products(tmp_path, path):
    sentinel1 = tmp_path / "S1A_IW_SLC.SAFE"
    sentinel1.mkdir()
    (sentinel1 / "manifest.safe").write_text("<xfdu/>")
    with pytest.raises(
        ScenesUnreadable, match=r"SLC\.SAFE: holds no MTD_MSIL1C\.xml or .*: no Sentinel-2 product of le"
    ):
        find_scenes(tmp_path)
    (path / "MTD_MSIL1C.xml").write_text("<x/>")
    with pytest.raises(ScenesUnreadable, match=r"SAFE: holds MTD_MSIL1C\.xml and MTD_MSIL2A\.xml; give the one that"):
        find_scenes(path)
    assert find_scenes(path / "MTD_MSIL2A.xml")[0].level == "L2A"


def test_products_in_folders_of_their_name_and_behind_links(tmp_path, path):
    nested = tmp_path / "n" / path.name
    nested.mkdir(parents=True)
    path.rename(nested / path.name)
    (found,) = find_scenes(tmp_path / "n")
    assert found.path == str(nested / path.name)
    (tmp_path / "links").mkdir()
    (tmp_path / "links" / "2018.SAFE").symlink_to(nested / path.name)
    (tmp_path / "links" / "loop").symlink_to(tmp_path / "links")
    assert [scene.path for scene in find_scenes(tmp_path / "links")] == [found.path]
