"""The course of each crop: median reflectance by date and band, and the relevance R_t of the same parcels."""

import numpy as np
import numpy.typing as npt
import pandas as pd

from cropxai.explain import Relevance
from cropxai.season.window import class_relevance
from cropxai.series import CropSeries
from cropxai.series.sampling import spread

#: Parcels of a crop whose median is taken.
SAMPLE = 2000


def crop_curves(
    series: CropSeries,
    crop: npt.ArrayLike,
    relevance: Relevance | None = None,
    *,
    aggregate: str = "positive",
    sample: int = SAMPLE,
) -> pd.DataFrame:
    """Sum up the parcels of each crop by date.

    Parameters
    ----------
    series : CropSeries
    crop : (parcel,) crop of each parcel, empty or missing where there is none
    relevance : of the same parcels and dates
    aggregate : how relevance is gathered (:func:`cropxai.season.window.class_relevance`)
    sample : most parcels of a crop, spread evenly over the series

    Returns
    -------
    one row a crop and date: ``crop``, ``date``, ``parcels`` that were seen, ``relevance`` (R_t: share of the crop's
    relevance, missing without relevance), and a column of median reflectance for each band, missing where no parcel
    was seen
    """
    labels = np.array(["" if pd.isna(name) else str(name) for name in np.asarray(crop, dtype=object)], dtype=object)
    names = sorted(set(labels) - {""})
    by_class = None if relevance is None else class_relevance(relevance.by_date, labels, names, aggregate)
    frames = []
    for number, name in enumerate(names):
        own = np.flatnonzero(labels == name)
        values = series.select(own[spread(len(own), sample)]).reflectance
        seen = np.isfinite(values).any(axis=2).sum(axis=0)
        frame = pd.DataFrame({"crop": name, "date": series.dates.astype("datetime64[s]"), "parcels": seen})
        frame["relevance"] = np.nan if by_class is None else by_class[number]
        for band, own_values in zip(series.bands, np.moveaxis(values, 2, 0), strict=True):
            frame[band] = _median(own_values)
        frames.append(frame.sort_values("date", kind="stable"))
    empty = pd.DataFrame(columns=["crop", "date", "parcels", "relevance", *series.bands])
    return pd.concat(frames, ignore_index=True) if frames else empty


def _median(values: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return medians of the columns, NaN for a column without values."""
    median = np.full(values.shape[1], np.nan, dtype=np.float32)
    seen = np.isfinite(values).any(axis=0)
    median[seen] = np.nanmedian(values[:, seen], axis=0)
    return median
