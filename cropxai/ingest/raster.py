"""A scene as an `xarray`: for looking at what the parcels are cut from."""

import numpy as np
import rioxarray
import xarray as xr

from cropxai.errors import PathLike
from cropxai.ingest.catalogue import find_scenes


def open_scene(path: PathLike, *, level: str | None = None, dn_offset: float | None = None) -> xr.DataArray:
    """Open one GeoTIFF as reflectance.

    Parameters
    ----------
    path : multi-band GeoTIFF, as of :func:`cropxai.ingest.extract_series`
    level, dn_offset : as there

    Returns
    -------
    xarray.DataArray
        (band, y, x) float32 reflectance, NaN where the raster has no data; coordinate ``band`` holds ESA names, the
        accessor ``rio`` the georeference; attributes ``date``, ``tile`` and ``level``. Clouds are not masked.

    Raises
    ------
    ScenesUnreadable
        If the raster cannot be used.
    """
    (scene,) = find_scenes(path, level=level, dn_offset=dn_offset)
    raster = rioxarray.open_rasterio(scene.path)
    assert isinstance(raster, xr.DataArray)  # one file, one variable
    with raster:
        stored = raster.sel(band=[place.index for place in scene.bands.values()]).load()
    missing = (stored == 0) | (stored == stored.rio.nodata)
    place = next(iter(scene.bands.values()))  # the bands of one GeoTIFF are scaled alike
    reflectance = ((stored.astype(np.float32) + place.offset) / place.quantification).astype(np.float32)
    reflectance = reflectance.where(~missing).assign_coords(band=list(scene.bands))
    reflectance.attrs = {"date": scene.date.isoformat(), "tile": scene.tile, "level": scene.level}
    return reflectance
