import http.server
import re
import threading
import zipfile
from dataclasses import replace

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from shapely.geometry import box

from cropxai.errors import ScenesUnreadable
from cropxai.ingest import extract_series
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.files import open_location, open_raster, state_of, without_query

ONES = np.ones((4, 5), dtype=np.uint16)


def test_a_file_is_held_against_what_was_told_of_it(tmp_path, raster):
    (scene,) = find_scenes(raster(tmp_path / "L2A_20180507.tif", {"B02": ONES}))
    place = scene.bands["B02"]
    with open_location(place) as dataset:
        np.testing.assert_array_equal(dataset.read(1), ONES)
    for wrong in (
        replace(place.grid, transform=Affine(10, 0, 500_010, 0, -10, 5_600_000)),
        replace(place.grid, transform=Affine(20, 0, 500_000, 0, -20, 5_600_000)),
        replace(place.grid, transform=Affine(10, 0, 500_000, 0, 10, 5_600_000)),
        replace(place.grid, width=6),
    ):
        with pytest.raises(ScenesUnreadable, match=r"L2A_20180507\.tif: lies elsewhere than the metadata beside it"):
            open_location(replace(place, grid=wrong))


def test_files_known_again(tmp_path, raster):
    file = raster(tmp_path / "a.tif", {"B02": ONES})
    assert state_of(str(file)) == (str(file), file.stat().st_size, file.stat().st_mtime_ns)
    archive = tmp_path / "a.zip"
    with zipfile.ZipFile(archive, "w") as into:
        into.write(file, "folder/a.tif")
    for member in (f"/vsizip/{archive}/folder/a.tif", f"/vsizip/{{{archive}}}/folder/a.tif"):
        with rasterio.open(member) as dataset:
            assert dataset.shape == (4, 5)
        assert state_of(member) == (member, archive.stat().st_size, archive.stat().st_mtime_ns)
    with pytest.raises(FileNotFoundError):
        state_of(str(tmp_path / "absent.tif"))


def test_keys_in_urls_are_not_told():
    signed = "/vsicurl/https://example.org/B04.tif?st=2026&sig=secret"
    assert without_query(signed) == "/vsicurl/https://example.org/B04.tif"
    assert state_of(signed) == state_of(signed.replace("secret", "other"))
    assert without_query("/data/what?.tif") == "/data/what?.tif"


class Ranges(http.server.BaseHTTPRequestHandler):
    """Serves one file to who brings the key or asks for it in its bucket, in ranges, and nothing beside it."""

    protocol_version = "HTTP/1.1"
    content = b""

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        self.server.asked.append((self.command, self.path))
        if self.path not in ("/a/B02.tif?sig=k%2Fy", "/bucket/a/B02.tif"):
            self.send_error(403)
            return
        start, end = 0, len(self.content) - 1
        found = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
        if found:
            start, end = int(found[1]), min(int(found[2]), end)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {start}-{end}/{len(self.content)}")
        else:
            self.send_response(200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(end + 1 - start))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self.content[start : end + 1])

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server():
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Ranges) as serving:
        serving.asked = []
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield serving
        serving.shutdown()
        thread.join()


def test_series_from_behind_a_url(tmp_path, monkeypatch, raster, vector, server):
    """The key in the query opens the file, and stands neither in provenance nor in messages."""
    pixels = np.random.default_rng(1).integers(1, 9000, (300, 400)).astype(np.uint16)
    file = raster(tmp_path / "B02.tif", {"B02": pixels}, tiled=True, blockxsize=64, blockysize=64)
    monkeypatch.setattr(Ranges, "content", file.read_bytes())
    url = f"http://127.0.0.1:{server.server_port}/a/B02.tif?sig=k%2Fy"
    parcels = vector(tmp_path / "p.gpkg", [box(500_100, 5_599_700, 500_300, 5_599_900)])
    (tmp_path / "list.csv").write_text(f"path,date,band,level\n{url},2018-05-07,B02,L2A\n")
    series = extract_series(parcels, tmp_path / "list.csv", workdir=tmp_path / "parts")
    np.testing.assert_array_equal(series.reflectance.ravel(), np.float32(np.median(pixels[10:30, 10:30]) / 10_000))
    assert {path for _, path in server.asked} == {"/a/B02.tif?sig=k%2Fy"}  # nothing is looked for beside it
    assert "sig=" not in str(series.dataset.attrs)
    asked = len(server.asked)
    (tmp_path / "list.csv").write_text(f"path,date,band,level\n{url.replace('k%2Fy', 'other')},2018-05-07,B02,L2A\n")
    with pytest.raises(ScenesUnreadable, match=r"list\.csv \(row 2\): cannot be reached, or is no GeoTIFF") as error:
        extract_series(parcels, tmp_path / "list.csv")
    assert "sig=" not in str(error.value)
    assert len(server.asked) > asked


def test_series_from_a_bucket(tmp_path, monkeypatch, raster, vector, server):
    pixels = np.random.default_rng(2).integers(1, 9000, (300, 400)).astype(np.uint16)
    file = raster(tmp_path / "B02.tif", {"B02": pixels}, tiled=True, blockxsize=64, blockysize=64)
    monkeypatch.setattr(Ranges, "content", file.read_bytes())
    settings = {"AWS_S3_ENDPOINT": f"127.0.0.1:{server.server_port}", "AWS_HTTPS": "NO", "AWS_NO_SIGN_REQUEST": "YES",
                "AWS_VIRTUAL_HOSTING": "FALSE"}  # fmt: skip
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    parcels = vector(tmp_path / "p.gpkg", [box(500_100, 5_599_700, 500_300, 5_599_900)])
    (tmp_path / "list.csv").write_text("path,date,band,level\ns3://bucket/a/B02.tif,2018-05-07,B02,L2A\n")
    series = extract_series(parcels, tmp_path / "list.csv")
    np.testing.assert_array_equal(series.reflectance.ravel(), np.float32(np.median(pixels[10:30, 10:30]) / 10_000))
    assert {path for _, path in server.asked} == {"/bucket/a/B02.tif"}


def test_a_vrt_behind_a_url_is_not_read(tmp_path, monkeypatch, raster, server):
    """It could name any file of this machine."""
    secret = raster(tmp_path / "secret.tif", {"B02": ONES})
    with rasterio.open(secret) as dataset:
        rasterio.shutil.copy(dataset, tmp_path / "a.vrt", driver="VRT")
    text = (tmp_path / "a.vrt").read_text().replace('relativeToVRT="1">', f'relativeToVRT="0">{tmp_path}/')
    monkeypatch.setattr(Ranges, "content", text.encode())
    url = f"http://127.0.0.1:{server.server_port}/a/B02.tif?sig=k%2Fy"
    with rasterio.open(f"/vsicurl/{url}") as dataset:  # as GDAL would have it
        assert dataset.driver == "VRT"
    with pytest.raises(rasterio.errors.RasterioIOError):
        open_raster(f"/vsicurl/{url}")
