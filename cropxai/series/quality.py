"""How much of a series is there: acquisitions, clear parcels and reasons of gaps, month by month."""

import numpy as np
import pandas as pd

from cropxai.series.cube import NO_CLEAR_DATE, WHY_MISSING, CropSeries

#: Columns for the codes of `WHY_MISSING`, in their order.
COLUMNS = ("clear", "no_data", "cut", "not_clear")


def by_month(series: CropSeries) -> pd.DataFrame:
    """Sum up the dates of each month.

    Returns
    -------
    one row a month, in order: ``month`` ("2018-05"), ``dates``, and of all parcels on all of its dates the share that
    is ``clear`` (has a value), has ``no_data``, is ``cut`` by the raster edge, is ``not_clear`` (the last three missing
    where the series does not tell them). Parcels without a series are left out, but for those that were never clear.
    """
    months = series.dates.astype("datetime64[M]")
    usable = (series.status == "") | (series.status == NO_CLEAR_DATE)
    told = "why_missing" in series.dataset
    counts = np.zeros((len(series.dates), len(WHY_MISSING)))
    first = 0
    for chunk in series.chunks():
        use = usable[first : first + len(chunk)]
        first += len(chunk)
        if told:
            codes = chunk.dataset["why_missing"].values[use]
            counts += np.stack([(codes == code).sum(axis=0) for code in range(len(WHY_MISSING))], axis=1)
        else:
            seen = np.isfinite(chunk.reflectance[use]).any(axis=2)
            counts[:, 0] += seen.sum(axis=0)
            counts[:, 1] += (~seen).sum(axis=0)
    rows = []
    for month in np.unique(months):
        of = counts[months == month].sum(axis=0)
        share = of / of.sum() if of.sum() else np.full(len(of), np.nan)
        if not told:
            share[1:] = np.nan
        rows.append(
            {"month": str(month), "dates": int((months == month).sum()), **dict(zip(COLUMNS, share, strict=True))}
        )
    return pd.DataFrame(rows, columns=["month", "dates", *COLUMNS])
