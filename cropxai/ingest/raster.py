"""A scene as an `xarray`: for looking at what the parcels are cut from."""

import numpy as np
import rioxarray
import xarray as xr

from cropxai.errors import PathLike, ScenesUnreadable
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
        If the raster cannot be used, or its scene lies in several files.
    """
    found = find_scenes(path, level=level, dn_offset=dn_offset)
    files = {place.path for scene in found for place in scene.bands.values()}
    if len(found) > 1 or len(files) > 1:
        what = f"holds {len(found)} scenes" if len(found) > 1 else f"is a scene of {len(files)} files"
        raise ScenesUnreadable(path, f"{what}; give one GeoTIFF with all bands in it")
    (scene,) = found
    raster = rioxarray.open_rasterio(files.pop())
    assert isinstance(raster, xr.DataArray)  # one file, one variable
    with raster:
        stored = raster.sel(band=[place.index for place in scene.bands.values()]).load()
    missing = (stored == 0) | (stored == stored.rio.nodata)
    offset, quantification = (
        xr.DataArray([getattr(place, name) for place in scene.bands.values()], dims="band")
        for name in ("offset", "quantification")
    )
    values = ((stored.drop_vars("band").astype(np.float32) + offset) / quantification).astype(np.float32)
    reflectance = values.where(~missing.drop_vars("band")).assign_coords(band=list(scene.bands))
    reflectance.attrs = {"date": scene.date.isoformat(), "tile": scene.tile, "level": scene.level}
    return reflectance
