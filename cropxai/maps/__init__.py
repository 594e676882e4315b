"""The crop map as a file: a GeoPackage that opens styled in a GIS, or a plain exchange format."""

from pathlib import Path

from cropxai.errors import PathLike
from cropxai.maps.contents import MapContents, RelevanceBlock

__all__ = ["SUFFIXES", "MapContents", "RelevanceBlock", "write_map"]

#: Formats of a map, by the suffix of its file.
SUFFIXES = (".gpkg", ".parquet", ".shp", ".csv")


def write_map(path: PathLike, contents: MapContents, overwrite: bool = False) -> Path:
    """Write a map in the format that the suffix of its file names, whole or not at all.

    Only a GeoPackage holds everything; what the others leave out stands in docs/formats.md.

    Raises
    ------
    OutputExists, OutputUnwritable
    MapUnsupported
        If the format cannot hold the map.
    """
    suffix = Path(path).suffix.lower()
    if suffix == ".gpkg":
        from cropxai.maps.geopackage import write_geopackage as write
    elif suffix == ".parquet":
        from cropxai.maps.geoparquet import write_geoparquet as write
    elif suffix == ".shp":
        from cropxai.maps.shapefile import write_shapefile as write
    else:
        from cropxai.maps.table import write_table as write
    return write(path, contents, overwrite)
