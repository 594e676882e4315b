"""Parcel time series and the stores that hold them."""

from cropxai.series.cube import CropSeries
from cropxai.series.thermal import with_thermal_time

__all__ = ["CropSeries", "with_thermal_time"]
