"""What a written map holds, read for a report: its tables as frames, the facts of its run as values."""

import json
import sqlite3
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd
import pyogrio

from cropxai.errors import MapUnreadable, PathLike
from cropxai.maps.reading import checked, opened


@dataclass(frozen=True)
class MapData:
    """The tables of a map.

    Attributes
    ----------
    parcels : (parcel,) the layer
    classes, curves, ends, months : the tables of these names (``season_ends`` for ``ends``); all but the first may be
        empty
    run : facts by key; what is JSON as values
    """

    parcels: gpd.GeoDataFrame
    classes: pd.DataFrame
    curves: pd.DataFrame
    ends: pd.DataFrame
    months: pd.DataFrame
    run: dict[str, Any]

    def fact(self, key: str) -> Any:
        """Return a fact of the run, None where it is not recorded."""
        return self.run.get(key)

    @property
    def dates(self) -> list[str]:
        """The dates of the season."""
        return list(self.run.get("dates") or [])

    @property
    def model(self) -> dict[str, Any]:
        """The model card."""
        return self.run.get("model") or {}

    @property
    def parameters(self) -> dict[str, Any]:
        """What the run was asked."""
        return self.run.get("parameters") or {}

    @property
    def colours(self) -> dict[str, str]:
        """The colour of each crop."""
        return dict(zip(self.classes["crop"], self.classes["colour"], strict=True))

    @property
    def labelled(self) -> pd.DataFrame | None:
        """The parcels with an answer and a declared crop that the model knows: crop, meant, confidence."""
        if "declared_crop" not in self.parcels:
            return None
        frame = self.parcels[["crop", "confidence"]].copy()
        frame["meant"] = self.parcels["declared_crop"].map(self.run.get("declared") or {})
        frame = frame[frame["crop"].notna() & frame["meant"].notna() & (frame["meant"] != "")]
        return None if frame.empty else frame

    @property
    def novelty(self) -> pd.Series | None:
        """The novelty of the parcels with an answer, None where the map tells none."""
        if "novelty" not in self.parcels:
            return None
        novelty = self.parcels.loc[self.parcels["crop"].notna(), "novelty"].dropna()
        return None if novelty.empty else novelty

    def in_metres(self) -> gpd.GeoDataFrame:
        """Return the outlines in a CRS of metres: their own, else the UTM zone of their middle."""
        outlines = self.parcels[[self.parcels.geometry.name]]
        if outlines.crs is None or (outlines.crs.is_projected and outlines.crs.axis_info[0].unit_name == "metre"):
            return outlines
        return outlines.to_crs(outlines.estimate_utm_crs())


def read_map(path: PathLike) -> MapData:
    """Read the tables of a map.

    Raises
    ------
    MapUnreadable
        If the file is no map, or a damaged one.
    """
    file = checked(path)
    try:
        parcels = pyogrio.read_dataframe(file, layer="parcels", use_arrow=True)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as error:
        raise MapUnreadable(file, f"is damaged ({error}); make the map again") from error
    with opened(file) as database:
        there = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        tables = {
            name: _table(database, name) if name in there else pd.DataFrame()
            for name in ("classes", "curves", "season_ends", "months", "run")
        }
    run = {key: _value(text) for key, text in zip(tables["run"]["key"], tables["run"]["value"], strict=True)}
    return MapData(parcels, tables["classes"], tables["curves"], tables["season_ends"], tables["months"], run)


def _table(database: sqlite3.Connection, name: str) -> pd.DataFrame:
    # pandas' own reader tells of a damaged file by an error of its own.
    rows = database.execute(f"SELECT * FROM {name} ORDER BY fid")
    return pd.DataFrame.from_records(rows.fetchall(), columns=[c[0] for c in rows.description], coerce_float=True).drop(
        columns="fid"
    )


def _value(text: Any) -> Any:
    """Return a fact as a value if it is JSON of more than a word, else as it is; None where it is not known."""
    if not isinstance(text, str):
        return None if pd.isna(text) else text
    if text[:1] in ("[", "{"):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
