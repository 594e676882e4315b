"""From parcels and Sentinel-2 rasters to parcel time series."""

from cropxai.ingest.engine import Share
from cropxai.ingest.extract import extract_series
from cropxai.ingest.parcels import read_parcels
from cropxai.ingest.raster import open_scene

__all__ = ["Share", "extract_series", "open_scene", "read_parcels"]
