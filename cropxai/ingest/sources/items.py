"""From a STAC item to a scene."""

import datetime as dt
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from cropxai.bands import BANDS, QUANTIFICATION
from cropxai.errors import ScenesUnreadable
from cropxai.ingest.offsets import OffsetBy, told_least, with_offset
from cropxai.ingest.scenes import Location, Mask, Scene
from cropxai.ingest.sources.assets import CLOUD_ASSETS, Asset
from cropxai.ingest.sources.header import Header, read_header, scaled
from cropxai.ingest.sources.hrefs import Hrefs
from cropxai.ingest.sources.names import baseline_in, level_in, tile_in

#: Whether the archive has taken ESA's offset away, whatever else it declares; from Earth Search, now and before.
APPLIED = ("earthsearch:boa_offset_applied", "sentinel:boa_offset_applied")
BASELINES = ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")

_DATATAKE = re.compile(r"G?S(2[A-Z])_(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)_")


class Item(Protocol):
    """What is used of `pystac.Item`."""

    id: str
    properties: dict[str, Any]
    assets: Mapping[str, Any]
    datetime: dt.datetime | None
    collection_id: str | None


def scene_of(item: Item, file: Path, hrefs: Hrefs, level: str | None, dn_offset: float | None) -> Scene:
    """Make a scene of an item.

    Parameters
    ----------
    item : pystac.Item
    file : file on disk that it stands in, by which relative addresses are read
    hrefs : what the catalogue may name
    level, dn_offset : as of :class:`cropxai.ingest.sources.Source`

    Raises
    ------
    ScenesUnreadable
        If it is not of Sentinel-2, has no band or no level, or an asset cannot be used.
    """
    named = f"{file}/{item.id.replace('/', '_')}"
    texts = _texts(item)
    _check_platform(item, named)
    chosen = _chosen(_assets(item, named))
    if not any(band.name in chosen for band in BANDS):
        raise ScenesUnreadable(named, "has no asset with a Sentinel-2 band; leave the item out")
    date, baseline = _date(item, named), _baseline(texts, item.properties)
    headers: dict[str, Header] = {}
    bands: dict[str, tuple[Location, OffsetBy]] = {}
    masks = []
    for layer, (asset, index) in chosen.items():
        path = hrefs.raster(asset.href, file.parent, asset.named)
        place, declared = _place(asset, index, path, headers)
        if layer in CLOUD_ASSETS:
            kind, divisor = CLOUD_ASSETS[layer]
            masks.append(Mask(kind, replace(place, quantification=divisor)))
            continue
        if _applied(item) and not asset.is_jp2:
            declared = 0.0
        bands[layer] = with_offset(place, declared, baseline, date, dn_offset, named)
    return Scene(
        path=named,
        tile=_tile(item, texts),
        date=date,
        level=_level(texts, masks, named, level),
        bands={band.name: bands[band.name][0] for band in BANDS if band.name in bands},
        masks=tuple(masks),
        baseline=baseline,
        offset_by=told_least([by for _, by in bands.values()]),
        datatake=_datatake(item),
    )


def _texts(item: Item) -> list[str]:
    """Return what may tell of level, tile and baseline, most telling first."""
    fields = ("processing:level", "s2:product_type", "product:type", "s2:product_uri", "s2:tile_id")
    told = [item.properties.get(field) for field in fields]
    return [text for text in (*told, item.collection_id, item.id) if isinstance(text, str)]


def _check_platform(item: Item, named: str) -> None:
    """Refuse items of other satellites, whose bands are called alike."""
    told = [item.properties.get(field) for field in ("platform", "constellation")]
    names = [text for text in told if isinstance(text, str) and text]
    if names and not any(re.match(r"sentinel[-_ ]?2|s2[a-d]?$", name.lower()) for name in names):
        raise ScenesUnreadable(named, f"is of {names[0]}, not of Sentinel-2; leave the item out")


def _assets(item: Item, named: str) -> Iterator[Asset]:
    for key, asset in item.assets.items():
        yield Asset(key, asset.href, asset.media_type or "", asset.extra_fields, item.properties, f"{named} ({key})")


def _chosen(assets: Iterator[Asset]) -> dict[str, tuple[Asset, int]]:
    """Choose for each layer the asset of the smallest pixels, GeoTIFF before JPEG 2000, and its number in the file."""
    found: dict[str, list[tuple[float, bool, str, Asset, int]]] = {}
    for asset in assets:
        if asset.is_raster:
            for index, layer in asset.layers:
                rank = asset.resolution(layer), asset.is_jp2, asset.key
                found.setdefault(layer, []).append((*rank, asset, index))
    return {layer: min(offers, key=lambda offer: offer[:3])[3:] for layer, offers in found.items()}


def _place(asset: Asset, index: int, path: str, headers: dict[str, Header]) -> tuple[Location, float | None]:
    """Return where a layer lies and the offset in DN that is declared, by the file where metadata tell too little."""
    grid, fields = asset.grid(), asset.layer_fields(index)
    scale, offset, nodata = (asset.number(fields, name) for name in ("scale", "offset", "nodata"))
    if nodata == 0 or (nodata is not None and not np.isfinite(nodata)):
        nodata = None  # 0 and what is no number are no data in any case, beside what the file declares
    kind = fields.get("data_type")
    known = scale is not None or isinstance(kind, str) or _is_of_archive(asset.properties)
    if grid is None or not known:
        if path not in headers:
            headers[path] = read_header(path, asset.named)
        if not 1 <= index <= len(headers[path].layers):
            raise ScenesUnreadable(asset.named, f"has {len(headers[path].layers)} layers, and is said to have {index}")
        layer = headers[path].layers[index - 1]
        if not known:
            return replace(layer.place, nodata=nodata), layer.declared
        grid = layer.place.grid
    place = Location(path, index, grid, 0.0, float(QUANTIFICATION), nodata)
    floating = isinstance(kind, str) and kind.startswith(("float", "cfloat"))
    place, declared = scaled(
        place, asset.named, scale=1.0 if scale is None else scale, offset=offset or 0.0, floating=floating, tags={}
    )
    # A scale without an offset says nothing of it; that of 0 is told.
    return place, declared if offset is not None or (floating and scale is None) else None


def _is_of_archive(properties: Mapping[str, Any]) -> bool:
    """Say whether an item has the fields of ESA's products, whose pixels are DN."""
    return any(field.startswith("s2:") for field in properties)


def _applied(item: Item) -> bool:
    return any(item.properties.get(field) is True for field in APPLIED)


def _date(item: Item, named: str) -> dt.date:
    start = item.properties.get("start_datetime")
    try:
        when = item.datetime or dt.datetime.fromisoformat(str(start))
    except ValueError as error:
        raise ScenesUnreadable(named, f"has the start {start!r}, which is no date; mend it") from error
    return when.date() if when.tzinfo is None else when.astimezone(dt.UTC).date()


def _baseline(texts: Sequence[str], properties: Mapping[str, Any]) -> str:
    told = [
        properties.get(field)
        for field in ("s2:processing_baseline", "sentinel:processing_baseline", "processing:version")
    ]
    plain = next((text for text in told if isinstance(text, str) and re.fullmatch(r"\d\d\.\d\d", text)), "")
    return plain or next((found for text in texts if (found := baseline_in(text))), "")


def _tile(item: Item, texts: Sequence[str]) -> str:
    told = [item.properties.get(field) for field in ("grid:code", "s2:mgrs_tile")]
    parts = [item.properties.get(f"mgrs:{part}") for part in ("utm_zone", "latitude_band", "grid_square")]
    if all(part is not None for part in parts):
        told.append(f"{parts[0]:>02}{parts[1]}{parts[2]}")
    return next((tile for text in (*told, *texts) if isinstance(text, str) and (tile := tile_in(text))), "")


def _datatake(item: Item) -> str:
    """Return the datatake as SAFE products tell it, by which both are known for one."""
    match = _DATATAKE.match(str(item.properties.get("s2:datatake_id")))
    if match is None:
        return ""
    satellite, year, month, day, hour, minute, second = match.groups()
    return f"Sentinel-{satellite} {year}-{month}-{day}T{hour}:{minute}:{second}"


def _level(texts: Sequence[str], masks: Sequence[Mask], named: str, given: str | None) -> str:
    told = level_in(*texts) or ("L2A" if any(mask.kind == "scl" for mask in masks) else "")
    if told and given not in (None, told):
        raise ScenesUnreadable(named, f"is {told} by its metadata, not {given}; leave out --level, or this item")
    if not told and given is None:
        raise ScenesUnreadable(named, "tells no processing level; give --level L1C or --level L2A")
    return told or str(given)
