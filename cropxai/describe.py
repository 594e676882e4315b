"""What a store, a model or a map is, in words and as plain values."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cropxai.errors import MapUnreadable, PathLike


@dataclass(frozen=True)
class Description:
    """What something is: lines for a person, and plain values with a ``kind`` for a program."""

    text: str
    values: dict[str, Any]


def describe(path: PathLike) -> Description:
    """Tell what a path holds: a series, a relevance store, a model or a map.

    Raises
    ------
    SeriesUnreadable, RelevanceUnreadable, ModelUnreadable, MapUnreadable
        If it is none of these, or damaged.
    """
    path = Path(path)
    if not path.exists():
        raise MapUnreadable(path, "no such series, relevance, model or map; check the path")
    if (path / "card.json").exists():
        return _model(path)
    if path.is_file():
        return _map(path)
    return _relevance(path) if _format(path) == "cropxai-relevance" else _series(path)


def _format(path: Path) -> str:
    """Return the format that a Zarr store names, empty where it is none; reads nothing but its attributes."""
    try:
        values = json.loads((path / ".zattrs").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(values.get("format", "")) if isinstance(values, dict) else ""


def _series(path: Path) -> Description:
    from cropxai.series import CropSeries
    from cropxai.series.store import FOR_UPDATES

    series = CropSeries.open(path)
    attrs = {k: str(v)[:200] for k, v in series.dataset.attrs.items() if k not in FOR_UPDATES}
    text = series.summary() + "\n" + "\n".join(f"{name}: {value}" for name, value in attrs.items())
    values = {
        "kind": "series", "parcels": len(series), "dates": [str(d) for d in series.dates], "bands": list(series.bands),
        "level": series.level, "geometry": series.parcels is not None, "attrs": attrs,
    }  # fmt: skip
    return Description(text, values)


def _relevance(path: Path) -> Description:
    from cropxai.explain import Relevance

    relevance = Relevance.open(path)
    crops = [crop for crop in relevance.crop if crop]
    dates = relevance.dates
    attrs = {k: str(v)[:200] for k, v in relevance.dataset.attrs.items()}
    text = (
        f"relevance of {len(crops)} of {len(relevance)} parcels on {len(dates)} dates, {dates.min()} to {dates.max()}\n"
        + "\n".join(f"{name}: {value}" for name, value in attrs.items())
    )
    counts = {crop: crops.count(crop) for crop in sorted(set(crops))}
    values = {"kind": "relevance", "parcels": len(relevance), "explained": len(crops), "crops": counts,
              "dates": [str(d) for d in dates], "attrs": attrs}  # fmt: skip
    return Description(text, values)


def _model(path: Path) -> Description:
    from cropxai.model.checkpoint import read_card

    card = read_card(path)
    lines = (
        f"model {card.name}: {card.level}, bands {' '.join(card.bands)}",
        f"classes: {', '.join(f'{c.name} ({c.hcat_code})' for c in card.classes)}",
        f"days of season: {card.season_days[0]:.0f} to {card.season_days[1]:.0f}, window: {card.window}",
        f"metrics: {card.metrics}",
    )
    return Description("\n".join(lines), {"kind": "model", "card": card.asdict()})


def _map(path: Path) -> Description:
    from cropxai.maps.reading import describe_map

    found = describe_map(path)
    dates = found["dates"]
    season = f"{len(dates)} dates, {dates[0]} to {dates[-1]}" if dates else "no dates"
    styles = ", ".join(found["styles"])
    held = f"{found['relevance_rows']} rows of relevance" if found["relevance_rows"] else "no relevance"
    held += ", reflectance by date" if found["reflectance"] else ""
    lines = [
        f"map of {found['parcels']} parcels, {found['classified']} classified by {found['model']}; {season}",
        f"made by {found['software']}; {held}; styles: {styles}",
        *(f"  {_crop_line(crop)}" for crop in found["crops"]),
    ]
    return Description("\n".join(lines), {"kind": "map", **found})


def _crop_line(crop: dict[str, Any]) -> str:
    parts = [f"{crop['crop']}: {crop['parcels']} parcel{'' if crop['parcels'] == 1 else 's'}"]
    if crop["area_ha"] is not None:
        parts.append(f"{crop['area_ha']:.1f} ha")
    if crop["accuracy"] is not None:
        parts.append(f"{crop['accuracy']:.0%} of those declared so")
    if crop["window_end"] is not None:
        parts.append(f"window {crop['window_start']} to {crop['window_end']}")
    return ", ".join(parts)
