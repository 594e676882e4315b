"""Parcel time series and the stores that hold them."""

from cropxai.series.cube import CropSeries

__all__ = ["CropSeries"]
