"""The crop map as a file: one GeoPackage that opens styled in a GIS."""

from cropxai.maps.geopackage import join_attributes, write_map

__all__ = ["join_attributes", "write_map"]
