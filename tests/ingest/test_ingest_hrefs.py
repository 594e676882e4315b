"""Whatever a catalogue names: what is opened lies in its folder, or is asked for by https or s3."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cropxai.errors import ScenesUnreadable
from cropxai.ingest.sources.hrefs import Hrefs

PARTS = ["..", ".", "in", "out", "a.tif", "%2e%2e", "%2E", "/", "//", "file:", "file://", "FILE:///", "/vsizip/",
         "~", "\\", "https://", "http:", "s3://", "ftp:", "?", "#", " ", "{tmp}", "link", "%00", "\0", "C:",
         "@"]  # fmt: skip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Make a catalogue's folder with a raster in it, others around it, and a link out of it."""
    top = tmp_path_factory.mktemp("top")
    for name in ("c/in/a.tif", "c/a.tif", "a.tif", "out/a.tif", "c%2e/a.tif"):
        (top / name).parent.mkdir(exist_ok=True, parents=True)
        (top / name).write_bytes(b"II*\0....")
    (top / "c" / "link").symlink_to(top / "out")
    return top / "c"


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(PARTS), min_size=1, max_size=7), between=st.sampled_from(["", "/"]))
def test_nothing_outside_the_folder_is_opened(folder, parts, between):
    href = between.join(parts).replace("{tmp}", str(folder.parent))
    for base in (folder, folder / "in"):
        try:
            opened = Hrefs(folder, allow_outside=False).raster(href, base, "items.json")
        except ScenesUnreadable as error:
            assert str(error).startswith("items.json: names '")
        else:
            remote = opened.startswith(("/vsicurl/http://", "/vsicurl/https://", "/vsis3/"))
            assert remote or Path(opened).resolve().is_relative_to(folder)


def test_what_is_allowed_on_request(folder):
    allowed = Hrefs(folder, allow_outside=True)
    for href in ("../a.tif", str(folder.parent / "a.tif"), (folder.parent / "a.tif").as_uri(), "../c/../a.tif"):
        assert allowed.raster(href, folder, "-") == str(folder.parent / "a.tif")
    assert allowed.raster("/vsizip//a.zip/b.tif", folder, "-") == "/vsizip//a.zip/b.tif"
    assert allowed.raster("link/a.tif", folder, "-") == str(folder.parent / "out" / "a.tif")
