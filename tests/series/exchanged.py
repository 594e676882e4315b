"""A made-up L1C series with all 13 bands, for the tests of the exchange formats."""

import numpy as np

from cropxai.bands import BANDS
from cropxai.series import CropSeries

ALL = tuple(band.name for band in BANDS)
DAYS = np.array(["2019-01-06", "2019-04-21", "2019-08-09"], dtype="datetime64[D]")
CROPS = ["winter wheat", "grain maize", "winter wheat", "winter rye"]


def l1c(ids=("463", "7", "9", "12"), seed=0, **more):
    """Make four parcels of whole digital numbers; the second misses a date, the last all dates."""
    numbers = np.random.default_rng(seed).integers(1, 28_000, (len(ids), len(DAYS), 13)).astype(float)
    numbers[1, 1] = np.nan
    numbers[-1] = np.nan
    given = {
        "crop": (CROPS * len(ids))[: len(ids)],
        "lon": np.arange(len(ids)) + 16.5,
        "lat": np.arange(len(ids)) + 48.25,
        "groups": {"region": ["AT112", "AT112", "AT113", "AT113"] * len(ids)},
        "attrs": {"level": "L1C"},
    } | more
    given["groups"] = {name: values[: len(ids)] for name, values in given["groups"].items()}
    return CropSeries.from_arrays(numbers / 10_000, DAYS, ALL, list(ids), **given)


def same(read, made, atol=1e-7):
    """Check that two series agree, parcel by parcel."""
    assert read.parcel_id.tolist() == made.parcel_id.tolist()
    assert read.bands == made.bands
    assert (read.dates == made.dates).all()
    np.testing.assert_allclose(read.reflectance, made.reflectance, atol=atol)


class Hostile:
    """An object whose pickle calls a function when it is opened."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call
