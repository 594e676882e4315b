"""STAC items in the styles of the archives, made of band files on disk. Item fields as their APIs gave them."""

import json
from pathlib import Path

import rasterio

EARTH_SEARCH = {
    "B02": "blue", "B04": "red", "B08": "nir", "B8A": "nir08", "B11": "swir16", "B05": "rededge1", "SCL": "scl",
}  # fmt: skip


def grid_of(file, version):
    with rasterio.open(file) as dataset:
        return {"proj:shape": list(dataset.shape), "proj:transform": list(dataset.transform)[: 6 if version else 9]}


def item(identifier, date, properties, assets, version="1.0.0", **more):
    return {
        "type": "Feature", "stac_version": version, "id": identifier, "geometry": None, "links": [],
        "stac_extensions": [], "properties": {"datetime": f"{date}T10:40:31Z", **properties}, "assets": assets, **more,
    }  # fmt: skip


def href(file, base):
    return "./" + str(Path(file).relative_to(base))


def earth_search(files, base, tile, date, *, applied=True, baseline="02.06", offset=-0.1):
    """`sentinel-2-l2a` of Earth Search v1, whose raster:bands tell an offset that may be taken away already."""
    assets = {
        EARTH_SEARCH[band]: {
            "href": href(file, base), "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "roles": ["data", "reflectance"], **grid_of(file, 0),
            "eo:bands": [{"name": EARTH_SEARCH[band], "common_name": "rededge" if "edge" in EARTH_SEARCH[band] else
                          EARTH_SEARCH[band]}],
            "raster:bands": [{"nodata": 0, "data_type": "uint16", "scale": 0.0001, "offset": offset}],
        }
        for band, file in files.items()
    }  # fmt: skip
    if "scl" in assets:
        assets["scl"]["raster:bands"] = [{"nodata": 0, "data_type": "uint8"}]
        assets["scl"].pop("eo:bands")
    assets["visual"] = {"href": "./TCI.tif", "type": "image/tiff", "roles": ["visual"],
                        "eo:bands": [{"name": "red", "common_name": "red"}]}  # fmt: skip
    assets["thumbnail"] = {"href": "https://example.org/preview.jpg", "type": "image/jpeg", "roles": ["thumbnail"]}
    assets["granule_metadata"] = {"href": "https://example.org/metadata.xml", "type": "application/xml"}
    properties = {
        "platform": "sentinel-2a", "constellation": "sentinel-2", "proj:epsg": 32631, "grid:code": f"MGRS-{tile}",
        "mgrs:utm_zone": int(tile[:2]), "mgrs:latitude_band": tile[2], "mgrs:grid_square": tile[3:],
        "s2:product_type": "S2MSI2A", "s2:processing_baseline": baseline, "earthsearch:boa_offset_applied": applied,
        "s2:datatake_id": f"GS2A_{date.replace('-', '')}T104031_015007_N{baseline}",
    }  # fmt: skip
    return item(f"S2A_{tile}_{date.replace('-', '')}_0_L2A", date, properties, assets, collection="sentinel-2-l2a")


def planetary_computer(files, base, tile, date, *, baseline="02.12"):
    """`sentinel-2-l2a` of the Planetary Computer: nothing tells scale or offset but the baseline."""
    assets = {
        band: {
            "href": href(file, base), "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "roles": ["data"], "gsd": 10.0, **grid_of(file, 1),
            **({} if band == "SCL" else {"eo:bands": [{"name": band, "common_name": "blue"}]}),
        }
        for band, file in files.items()
    }  # fmt: skip
    assets["visual"] = {"href": "./TCI.tif", "type": "image/tiff; application=geotiff", "roles": ["data"],
                        "eo:bands": [{"name": "B04"}, {"name": "B03"}, {"name": "B02"}]}  # fmt: skip
    assets["AOT"] = {"href": "./AOT.tif", "type": "image/tiff; application=geotiff", "roles": ["data"]}
    properties = {
        "platform": "Sentinel-2A", "constellation": "Sentinel 2", "proj:epsg": 32631, "s2:mgrs_tile": tile,
        "s2:product_type": "S2MSI2A", "s2:processing_baseline": baseline,
    }  # fmt: skip
    return item(f"S2A_MSIL2A_{date.replace('-', '')}T104031_R008_T{tile}_20201012T135055", date, properties, assets)


def copernicus(files, base, tile, date, *, baseline="05.00", offset=0.0):
    """`sentinel-2-l2a` of the Copernicus Data Space, STAC 1.1: bands and the fields of the raster extension."""
    assets = {
        f"{band}_{'20' if band in ('SCL', 'B8A', 'B11', 'B05') else '10'}m": {
            "href": href(file, base), "type": "image/tiff", "roles": ["data", "reflectance"], **grid_of(file, 1),
            "proj:code": "EPSG:32631", "data_type": "uint8" if band == "SCL" else "uint16", "nodata": 0,
            **({} if band == "SCL" else {"bands": [{"name": band, "eo:common_name": "blue"}], "raster:scale": 0.0001,
                                         "raster:offset": offset}),
        }
        for band, file in files.items()
    }  # fmt: skip
    properties = {
        "platform": "sentinel-2a", "constellation": "sentinel-2", "grid:code": f"MGRS-{tile}",
        "processing:level": "L2", "product:type": "S2MSI2A", "processing:version": baseline,
    }  # fmt: skip
    name = f"S2A_MSIL2A_{date.replace('-', '')}T104031_N{baseline.replace('.', '')}_R008_T{tile}_20230612T135055"
    return item(name, date, properties, assets, version="1.1.0", collection="sentinel-2-l2a")


def plain_stac(files, base, tile, date):
    """Nothing but names: the headers tell the rest."""
    assets = {band.lower(): {"href": href(file, base)} for band, file in files.items()}
    return item(f"{tile}_{date}_L2A", date, {}, assets)


STYLES = {"earth search": earth_search, "planetary computer": planetary_computer, "copernicus": copernicus,
          "plain": plain_stac}  # fmt: skip


def collection(items, file):
    file.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
    return file
