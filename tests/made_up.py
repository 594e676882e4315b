"""A small made-up series and quick settings that many tests use."""

import numpy as np

from cropxai.model import Settings
from cropxai.series import CropSeries

BANDS = ("B04", "B08", "B11")
DATES = np.arange("2018-03-01", "2018-09-01", 15, dtype="datetime64[D]")
QUICK = Settings(
    epochs=20, batch_size=32, width=32, layers=1, min_parcels=5, learning_rate=5e-3, split="random", patience=1.0
)


def two_crops(count=120, seed=0, gaps=0.2):
    """Make two crops that differ in near infrared in June only; some dates are missing."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, count)
    values = rng.normal([0.08, 0.3, 0.2], 0.02, (count, len(DATES), 3))
    june = (DATES >= np.datetime64("2018-06-01")) & (DATES <= np.datetime64("2018-06-30"))
    values[np.ix_(label == 1, june, [1])] += 0.15
    values[rng.random((count, len(DATES))) < gaps] = np.nan
    return CropSeries.from_arrays(
        values,
        DATES,
        BANDS,
        [f"p{i}" for i in range(count)],
        crop=np.array(["winter wheat", "grain maize"])[label].tolist(),
        lon=rng.uniform(10, 11, count),
        lat=rng.uniform(48, 49, count),
        groups={"zone": (rng.random(count) > 0.5).astype(int).tolist()},
        attrs={"level": "L2A", "sources": ["made up"]},
    )
