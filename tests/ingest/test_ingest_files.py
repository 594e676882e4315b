import zipfile
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from affine import Affine

from cropxai.errors import ScenesUnreadable
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.files import open_location, state_of, without_query

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
