"""What is warned of, and what not; how often that is right is measured in benchmarks/offsets.py."""

import numpy as np
import pytest
from shapely.geometry import box

from cropxai.errors import OffsetDoubtful
from cropxai.ingest import extract_series

DOUBTED = pytest.mark.filterwarnings("always::cropxai.errors.OffsetDoubtful")


@pytest.fixture
def told(tmp_path, raster, vector, recwarn):
    """Extract series of scenes with these DN in B02, B03 and B04, and return the warnings."""

    def extract(numbers, *, offset=None, parcels=5, bands=("B02", "B03", "B04"), dtype=np.uint16):
        shapes = [box(500_000 + 40 * i, 5_599_960, 500_040 + 40 * i, 5_600_000) for i in range(parcels)]
        fields = vector(tmp_path / "p.gpkg", shapes)
        for n, dn in enumerate(numbers):
            pixels = np.zeros((3, 4, 4 * parcels)) + np.reshape(dn, (-1, 1, 1))
            layers = dict(zip(bands, pixels.astype(dtype), strict=True))
            tags = {} if offset is None else {"BOA_ADD_OFFSET": str(offset)}
            raster(tmp_path / "s2" / f"S2L2A_201805{n + 1:02}.tif", layers, tags=tags)
        extract_series(fields, tmp_path / "s2")
        return [str(w.message) for w in recwarn if w.category is OffsetDoubtful]

    return extract


DARK, BRIGHT = (500, 700, 900), (1500, 1700, 1900)


@DOUBTED
def test_an_offset_that_is_taken_away_twice(tmp_path, told):
    assert told([DARK, BRIGHT], offset=-1000) == [
        f"1 raster ('{tmp_path}/s2/S2L2A_20180501.tif'): more than half of the parcels have negative reflectance in "
        "B02, as if the offset was taken away before; check with --dn-offset 0"
    ]


@DOUBTED
def test_an_offset_that_is_still_there(told):
    assert told([BRIGHT] * 5, offset=0) == [
        "no parcel is darker than 0.1 in B02, B03, B04 on any of 5 rasters, as if the offset was still in them; "
        "check with --dn-offset -1000"
    ]


@pytest.mark.parametrize(
    ("numbers", "options"),
    [
        ([DARK] * 5, {}),
        ([BRIGHT] * 5, {"offset": -1000}),
        ([BRIGHT] * 4, {}),  # too few scenes
        ([BRIGHT] * 4 + [(1500, 1700, 999)], {}),
        ([BRIGHT] * 5, {"parcels": 4}),
        ([DARK] * 5, {"parcels": 4, "offset": -1000}),
        ([BRIGHT] * 5, {"bands": ("B02", "B03", "B08")}),
        ([(0.15, 0.17, 0.19)] * 5, {"dtype": np.float32}),  # reflectance has no offset to forget
    ],
)
def test_scenes_that_are_not_doubted(told, numbers, options):
    assert told(numbers, **options) == []
