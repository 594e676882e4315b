"""Scenes of STAC: the same as of the files themselves, in the style of each archive; and what a catalogue may not."""

import datetime as dt
import json
import sys

import archives
import numpy as np
import pytest
from affine import Affine

from cropxai.errors import CropxaiError, ExtraMissing, OffsetUnknown, ScenesUnreadable
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.scenes import Location

DAY = "2018-05-07"
TEN, TWENTY = (Affine(size, 0, 500_000, 0, -size, 5_600_000) for size in (10, 20))
WARNED = pytest.mark.filterwarnings("always::cropxai.errors.CropxaiWarning")


@pytest.fixture
def files(tmp_path, raster):
    """Write the bands of a scene, one a file, at 10 and 20 m."""
    made = {}
    for n, (band, coarse) in enumerate({"B02": 0, "B04": 0, "B05": 1, "B8A": 1, "SCL": 1}.items()):
        dtype, value = (np.uint8, 4) if band == "SCL" else (np.uint16, 1000 + n)
        values = np.full((2, 3) if coarse else (4, 6), value, dtype=dtype)
        name = tmp_path / "stac" / "bands" / f"T31UDS_20180507T104031_{band}.tif"
        made[band] = raster(name, {"": values}, transform=TWENTY if coarse else TEN)
    return made


@pytest.fixture
def one(tmp_path):
    """Save an item as a collection of one, and find its scene."""

    def find(item, **options):
        archives.collection([item], tmp_path / "stac" / "items.json")
        (scene,) = find_scenes(tmp_path / "stac" / "items.json", **options)
        return scene

    return find


@pytest.mark.parametrize("style", archives.STYLES)
def test_a_scene_is_that_of_its_files(tmp_path, files, one, style):
    scene = one(archives.STYLES[style](files, tmp_path / "stac", "31UDS", DAY))
    (plain,) = find_scenes(tmp_path / "stac" / "bands")
    assert scene.path.startswith(f"{tmp_path}/stac/items.json/")
    assert (scene.tile, scene.date, scene.level) == ("31UDS", dt.date(2018, 5, 7), "L2A")
    assert scene.bands == plain.bands
    assert scene.masks == plain.masks
    assert list(scene.grids) == list(plain.grids)


@pytest.mark.parametrize(
    ("style", "told", "expected"),
    [
        ("earth search", {"applied": True, "baseline": "05.09"}, 0),
        ("earth search", {"applied": False, "baseline": "05.09"}, -1000),
        ("earth search", {"applied": False, "baseline": "05.09", "offset": 0}, 0),
        ("earth search", {"applied": False, "baseline": "05.09", "offset": None}, -1000),
        ("earth search", {"applied": None, "baseline": "05.09"}, -1000),
        ("earth search", {"applied": False, "baseline": "02.06", "offset": None}, 0),
        ("planetary computer", {"baseline": "05.09"}, -1000),
        ("planetary computer", {"baseline": "03.00"}, 0),
        ("copernicus", {"baseline": "05.11", "offset": -0.1}, -1000),
        ("copernicus", {"baseline": "05.11", "offset": None}, -1000),
        ("copernicus", {"baseline": "02.11", "offset": None}, 0),
    ],
)
def test_offsets(tmp_path, files, one, style, told, expected):
    item = archives.STYLES[style](files, tmp_path / "stac", "31UDS", "2023-05-07", **told)
    scene = one(item)
    assert {(place.offset, place.quantification) for place in scene.bands.values()} == {(expected, 10_000)}
    assert (scene.offset_by, scene.baseline) == ("metadata", told["baseline"])
    assert {place.offset for place in one(item, dn_offset=-900).bands.values()} == {-900}


def test_an_offset_that_nothing_tells(tmp_path, files, one):
    item = archives.plain_stac(files, tmp_path / "stac", "31UDS", "2023-05-07")
    with pytest.raises(OffsetUnknown, match=r"items\.json/31UDS_2023-05-07_L2A'\): neither"):
        one(item)
    item["properties"]["s2:processing_baseline"] = "99.99"  # Sen2Cor, run by a user
    with pytest.raises(OffsetUnknown):
        one(item)


def test_the_archives_own_images_keep_the_offset(tmp_path, files, one):
    """Earth Search takes the offset from its GeoTIFFs, not from ESA's JPEG 2000 beside them."""
    item = archives.earth_search(files, tmp_path / "stac", "31UDS", "2023-05-07", baseline="05.09")
    red = item["assets"].pop("red")
    item["assets"]["red-jp2"] = {**red, "type": "image/jp2", "eo:bands": [{"name": "B04"}]}
    item["assets"]["blue-jp2"] = {**item["assets"]["blue"], "type": "image/jp2", "href": "./none.jp2"}
    scene = one(item)
    assert (scene.bands["B04"].offset, scene.bands["B02"].offset) == (-1000, 0)
    assert scene.bands["B02"].path.endswith("B02.tif")


def test_the_smallest_pixels_are_taken(tmp_path, files, one):
    item = archives.copernicus(files, tmp_path / "stac", "31UDS", DAY)
    item["assets"]["B02_20m"] = {**item["assets"]["B02_10m"], **archives.grid_of(files["B8A"], 1), "href": "./none.tif"}
    assert one(item).bands["B02"].grid.transform == TEN


def test_several_bands_in_an_asset(tmp_path, raster, one):
    layers = {name: np.full((4, 6), 7, dtype=np.uint16) for name in "abc"}
    file = raster(tmp_path / "stac" / "all.tif", layers)
    bands = [{"name": "red"}, {"name": "B8A"}, {"name": "scl"}]
    asset = {"href": "all.tif", "bands": bands, "raster:scale": 0.0002, "raster:offset": 0, "data_type": "uint16",
             "proj:code": "EPSG:32631", **archives.grid_of(file, 1)}  # fmt: skip
    bands[1] |= {"raster:scale": 0.001, "raster:offset": -2.0, "nodata": 9}
    scene = one(archives.item("S2A_31UDS_L2A", DAY, {}, {"data": asset}, version="1.1.0"))
    grid = scene.grid
    assert dict(scene.bands) == {
        "B04": Location(str(file), 1, grid, 0.0, 5000.0),
        "B8A": Location(str(file), 2, grid, -2000.0, 1000.0, 9.0),
    }
    assert [(m.kind, m.location.index) for m in scene.masks] == [("scl", 3)]


def test_reflectance_as_floating_point(tmp_path, raster, one):
    file = raster(tmp_path / "stac" / "B02.tif", {"": np.full((4, 6), 0.5, dtype=np.float32)})
    item = archives.item("S2A_31UDS_L2A", "2023-05-07", {}, {"B02": {"href": "B02.tif"}})
    told = {"raster:bands": [{"data_type": "float32"}], "proj:code": "EPSG:32631", **archives.grid_of(file, 1)}
    for more in ({}, told):
        item["assets"]["B02"] |= more
        scene = one(item)
        assert (scene.bands["B02"].quantification, scene.bands["B02"].offset, scene.offset_by) == (1, 0, "metadata")
        with pytest.raises(ScenesUnreadable, match="takes no --dn-offset"):
            one(item, dn_offset=-1000)


def test_levels(tmp_path, files, one):
    item = archives.planetary_computer({"B02": files["B02"]}, tmp_path / "stac", "31UDS", DAY)
    item |= {"id": "x", "properties": {"datetime": f"{DAY}T10:40:31Z"}}
    with pytest.raises(ScenesUnreadable, match=r"items\.json/x: tells no processing level; give --level L1C or"):
        one(item)
    assert one(item, level="L1C").level == "L1C"
    assert one({**item, "collection": "sentinel-2-l1c"}).level == "L1C"
    item["properties"]["processing:level"] = "L1C"
    with pytest.raises(ScenesUnreadable, match=r"is L1C by its metadata, not L2A; leave out --level"):
        one(item, level="L2A")


def catalogue_of(folder, items):
    """Write a static catalogue: catalog.json → collection.json → items in folders of their own."""
    links = []
    for item in items:
        place = folder / "s2" / item["id"] / "item.json"
        place.parent.mkdir(parents=True)
        for asset in item["assets"].values():
            asset["href"] = asset["href"].replace("./", "../../")
        place.write_text(json.dumps(item))
        links.append({"rel": "item", "href": f"./{item['id']}/item.json"})
    up = [{"rel": "root", "href": "../catalog.json"}, {"rel": "self", "href": "https://example.org/s2.json"}]
    extent = {"spatial": {"bbox": [[0, 0, 1, 1]]}, "temporal": {"interval": [[None, None]]}}
    head = {"stac_version": "1.0.0", "description": "-"}
    (folder / "s2" / "collection.json").write_text(
        json.dumps({"type": "Collection", "id": "s2", "license": "-", "extent": extent, **head, "links": links + up})
    )
    child = [{"rel": "child", "href": "./s2/collection.json"}] * 2 + [{"rel": "root", "href": "./catalog.json"}]
    (folder / "catalog.json").write_text(json.dumps({"type": "Catalog", "id": "all", **head, "links": child}))


@WARNED
def test_a_catalogue_on_disk(tmp_path, files, recwarn):
    stac = tmp_path / "stac"
    items = [archives.planetary_computer(files, stac, "31UDS", date) for date in (DAY, "2018-05-12")]
    catalogue_of(stac, items)
    (stac / "extra.tif").touch()
    scenes = find_scenes(stac)
    assert [scene.date.day for scene in scenes] == [7, 12]
    assert scenes[0].bands["B02"].path == str(files["B02"])
    assert [str(w.message) for w in recwarn] == [
        f"1 raster: in no item of the catalogue beside them ('{stac}/extra.tif')"
    ]
    assert find_scenes(stac / "catalog.json") == find_scenes([stac / "s2" / "collection.json", stac / "catalog.json"],
                                                             allow_outside=True)  # fmt: skip
    with pytest.raises(ScenesUnreadable, match=r"names '\.\./\.\./bands/.*', outside the folder of the cat"):
        find_scenes(stac / "s2" / items[0]["id"] / "item.json")


def test_links_in_a_ring_and_links_that_lead_astray(tmp_path):
    def write(name, *links, kind="child"):
        content = {"type": "Catalog", "stac_version": "1.0.0", "links": [{"rel": kind, "href": h} for h in links]}
        (tmp_path / "c").mkdir(exist_ok=True)
        (tmp_path / "c" / name).write_text(json.dumps(content))

    write("catalog.json", "other.json", "./catalog.json")
    write("other.json", "catalog.json")
    with pytest.raises(CropxaiError, match="holds no item"):
        find_scenes(tmp_path / "c")
    for link, said in {
        "https://example.org/c.json": r"names 'https://example.org/c.json', which is not on disk; download",
        "../../etc/passwd": "outside the folder of the catalogue",
        "absent.json": "which is not there; download it too",
        "a\0b": "which is no path",
    }.items():
        write("catalog.json", link)
        with pytest.raises(ScenesUnreadable, match=said):
            find_scenes(tmp_path / "c")


VRT = """<VRTDataset rasterXSize="6" rasterYSize="4"><VRTRasterBand dataType="UInt16" band="1"><SimpleSource>
<SourceFilename>{outside}</SourceFilename></SimpleSource></VRTRasterBand></VRTDataset>"""
OUTSIDE = "outside the folder of the catalogue; give --allow-outside if you trust it"


@pytest.mark.parametrize(
    ("href", "said"),
    [
        ("../secret.tif", OUTSIDE),
        ("bands/../../secret.tif", OUTSIDE),
        ("%2e%2e/secret.tif", OUTSIDE),
        ("{outside}", OUTSIDE),
        ("file://{outside}", OUTSIDE),
        ("FILE:{outside}", OUTSIDE),
        ("link.tif", OUTSIDE),
        ("/vsizip/{outside}", OUTSIDE),
        ("/vsicurl/file://{outside}", OUTSIDE),
        ("/etc/passwd", OUTSIDE),
        ("ftp://example.org/B02.tif", "ftp: is not read, only files, https: and s3:"),
        ("GTIFF_DIR:1:{outside}", "names"),
        ("vrt://{outside}", "vrt: is not read"),
        ("none.tif", "which is not there"),
        ("hidden.tif", "which is neither GeoTIFF nor JPEG 2000; leave it out"),
        ("a\0b.tif", "which is no path"),
    ],
)
def test_addresses_that_are_refused(tmp_path, files, one, raster, href, said):
    outside = raster(tmp_path / "secret.tif", {"B02": np.ones((4, 6), dtype=np.uint16)})
    (tmp_path / "stac" / "link.tif").symlink_to(outside)
    (tmp_path / "stac" / "hidden.tif").write_text(VRT.format(outside=outside))
    item = archives.planetary_computer({"B02": files["B02"]}, tmp_path / "stac", "31UDS", DAY)
    item["assets"]["B02"] |= {"href": href.format(outside=outside)}
    with pytest.raises(ScenesUnreadable) as error:
        one(item)
    assert said in str(error.value) and "(B02)" in str(error.value)
    if said == OUTSIDE and "vsi" not in href and "etc" not in href:
        assert one(item, allow_outside=True).bands["B02"].path == str(outside)


def test_absolute_paths_within_the_folder(tmp_path, files, one):
    item = archives.planetary_computer({"B02": files["B02"]}, tmp_path / "stac", "31UDS", DAY)
    for href in (str(files["B02"]), files["B02"].as_uri()):
        item["assets"]["B02"]["href"] = href
        assert one(item).bands["B02"].path == str(files["B02"])


def test_addresses_behind_a_url(tmp_path, files, one):
    item = archives.planetary_computer(files, tmp_path / "stac", "31UDS", DAY)
    item["assets"]["B02"]["href"] = "https://example.org/a/B02.tif?st=1&sig=a%2Fb"
    item["assets"]["B04"]["href"] = "s3://bucket/a/B04.tif"
    item["assets"]["B05"] |= {"href": "HTTPS://example.org/odata($1)/$value", "type": "image/jp2"}
    bands = one(item).bands
    assert bands["B02"].path == "/vsicurl/https://example.org/a/B02.tif?st=1&sig=a%2Fb"
    assert bands["B04"].path == "/vsis3/bucket/a/B04.tif"
    assert bands["B05"].path == "/vsicurl/HTTPS://example.org/odata($1)/$value"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            {"properties": {"datetime": f"{DAY}T10:40:31Z", "platform": "landsat-8"}},
            "is of landsat-8, not of Sentinel-2",
        ),
        ({"assets": {}}, "has no asset with a Sentinel-2 band; leave the item out"),
        ({"assets": []}, "is no valid STAC item"),
        ({"properties": {}}, "is no valid STAC item"),
        ({"properties": None}, "is no valid STAC item"),
        ({"stac_version": "7.0.0", "type": "Feature", "links": 3}, "is no valid STAC item"),
        ({"B02": {"proj:shape": [4, 0]}}, "has proj:shape [4, 0] and proj:transform"),
        ({"B02": {"proj:shape": [4, 1e9]}}, "mend them"),
        ({"B02": {"proj:transform": [0, 0, 0, 0, 0, 0]}}, "which is no grid; mend it"),
        ({"B02": {"proj:transform": [10, 0, 0]}}, "mend them"),
        ({"B02": {"proj:epsg": 999_999}}, "has the CRS 999999, which is unknown"),
        ({"B02": {"raster:bands": [{"scale": "much"}]}}, "has scale 'much', which is no number"),
        ({"B02": {"raster:bands": [{"scale": -1}]}}, "declares the scale -1.0"),
        ({"B02": {"raster:bands": [{"scale": float("nan")}]}}, "declares the scale nan"),
    ],
)
def test_items_that_make_no_scene(tmp_path, files, one, change, said):
    item = archives.planetary_computer({"B02": files["B02"]}, tmp_path / "stac", "31UDS", DAY)
    item["assets"]["B02"] |= change.pop("B02", {})
    with pytest.raises(ScenesUnreadable) as error:
        one({**item, **change})
    assert said in str(error.value)
    assert str(error.value).startswith(f"{tmp_path}/stac/items.json")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "is no JSON"),
        ("[" * 100_000, "is no JSON"),
        ("[]", "is no STAC item, item collection or catalogue; leave it out"),
        ('{"type": "Topology"}', "is no STAC item"),
        ('{"type": "FeatureCollection"}', "has no list of features"),
        ('{"type": "FeatureCollection", "features": [{"type": "Feature", "properties": {}}]}', "is no valid STAC item"),
        ('{"type": "FeatureCollection", "features": [3]}', "is no valid STAC item"),
        ('{"type": "FeatureCollection", "features": []}', "holds no item"),
    ],
)
def test_files_that_are_no_stac(tmp_path, text, said):
    (tmp_path / "items.geojson").write_text(text)
    with pytest.raises(CropxaiError, match=rf"items\.geojson: .*{said}"):
        find_scenes(tmp_path / "items.geojson")


def test_pixels_are_held_against_the_metadata(tmp_path, files, one, vector):
    from shapely.geometry import box

    from cropxai.ingest import extract_series

    item = archives.planetary_computer({"B02": files["B02"]}, tmp_path / "stac", "31UDS", DAY)
    item["assets"]["B02"]["proj:transform"] = list(TEN @ Affine.translation(1, 0))[:6]
    parcels = vector(tmp_path / "p.gpkg", [box(500_020, 5_599_970, 500_050, 5_599_990)])
    archives.collection([item], tmp_path / "stac" / "items.json")
    with pytest.raises(ScenesUnreadable, match=r"B02\.tif: lies elsewhere than the metadata beside it say; mend these"):
        extract_series(parcels, tmp_path / "stac" / "items.json")


def test_without_pystac(tmp_path, files, one, monkeypatch):
    monkeypatch.setitem(sys.modules, "pystac", None)
    with pytest.raises(ExtraMissing, match=r"reading STAC needs the package pystac; install it with: pip install"):
        one(archives.plain_stac(files, tmp_path / "stac", "31UDS", DAY))


def test_a_datatake_is_known_as_that_of_a_safe_product(tmp_path, files, one):
    scene = one(archives.earth_search(files, tmp_path / "stac", "31UDS", DAY))
    assert scene.datatake == "Sentinel-2A 2018-05-07T10:40:31"
