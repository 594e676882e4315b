"""What a written map holds that its look depends on: crops and colours, dates, columns, extent; read from the file."""

import json
import re
import sqlite3
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cropxai.maps.columns import REFLECTANCE, written

#: Colour of crops that the table of classes gives none.
UNKNOWN_COLOUR = "#b4b4b4"
#: Tables that a map may lack, or have empty.
SUMMARIES = ("curves", "season_ends", "months")
#: Rows of the table of relevance from which the scale of its colours is taken.
SAMPLE = 20_000


@dataclass(frozen=True)
class Crs:
    """A coordinate reference system: authority and code ("EPSG:25832"), empty where it has none, and its WKT."""

    authority: str
    wkt: str


@dataclass(frozen=True)
class Survey:
    """What the look of a map depends on.

    Attributes
    ----------
    crops : label and colour of each crop on the map, in the order of HCAT
    codes : name in HCAT of each code in the table of classes
    unanswered : whether a parcel has no crop
    unlike : whether a parcel is unlike the training data (novelty above 1)
    dates : (time,) datetime64[D]
    columns : of the layer parcels, without its number and its geometry
    filled : those of them that have a value in some parcel
    relevance : whether there is relevance
    reflectance : whether the map has columns of reflectance by parcel and date
    vegetation : whether they hold what the vegetation index is made of, red and near infrared
    summaries : those tables of :data:`SUMMARIES` that have a row
    scale : relevance (thousandths) at which the colours of the time-stepped map are full
    decided_at : confidence that a decision date asks for, None where it is not known
    crs : None where the parcels have none
    extent : west, south, east, north of the parcels with an answer, else of all; None without parcels
    """

    crops: tuple[tuple[str, str], ...]
    codes: tuple[tuple[int, str], ...]
    unanswered: bool
    unlike: bool
    dates: npt.NDArray[np.datetime64]
    columns: tuple[str, ...]
    filled: frozenset[str]
    relevance: bool
    reflectance: bool
    vegetation: bool
    summaries: tuple[str, ...]
    scale: int
    decided_at: float | None
    crs: Crs | None
    extent: tuple[float, float, float, float] | None

    @property
    def dated(self) -> bool:
        """Whether there is anything by parcel and date."""
        return self.relevance or self.reflectance

    @property
    def step(self) -> int:
        """Median number of days between the dates of the season, at least 1."""
        gaps = np.diff(np.sort(self.dates)).astype(int)
        return max(1, round(float(np.median(gaps)))) if len(gaps) else 1


def survey(database: sqlite3.Connection) -> Survey:
    """Look into a map for what its styles depend on."""
    tables = {row[0] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    columns = tuple(name for name in written(database, "parcels") if name not in ("fid", "geom"))
    reflectance = REFLECTANCE[0][0] in written(database, "relevance")
    red, infrared = (name for name, *_ in REFLECTANCE[:2])
    both = f"SELECT 1 FROM relevance WHERE {red} IS NOT NULL AND {infrared} IS NOT NULL"
    facts = dict(database.execute("SELECT key, value FROM run"))
    parameters = json.loads(facts.get("parameters") or "{}")
    return Survey(
        crops=_crops(database),
        codes=_codes(database),
        unanswered=_any(database, "SELECT 1 FROM parcels WHERE crop IS NULL"),
        unlike="novelty" in columns and _any(database, "SELECT 1 FROM parcels WHERE novelty > 1"),
        dates=np.array(json.loads(facts.get("dates") or "[]"), dtype="datetime64[D]"),
        columns=columns,
        filled=frozenset(c for c in columns if _any(database, f"SELECT 1 FROM parcels WHERE {_quoted(c)} IS NOT NULL")),
        relevance=_any(database, "SELECT 1 FROM relevance WHERE relevance IS NOT NULL"),
        reflectance=reflectance,
        vegetation=reflectance and _any(database, both),
        summaries=tuple(name for name in SUMMARIES if name in tables and _any(database, f"SELECT 1 FROM {name}")),
        scale=_scale(database),
        decided_at=parameters.get("decided_at"),
        crs=_crs(database),
        extent=_extent(database),
    )


def _any(database: sqlite3.Connection, query: str) -> bool:
    return database.execute(f"{query} LIMIT 1").fetchone() is not None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _crops(database: sqlite3.Connection) -> tuple[tuple[str, str], ...]:
    rows = database.execute(
        "SELECT p.crop, c.colour FROM (SELECT DISTINCT crop FROM parcels WHERE crop IS NOT NULL) p "
        "LEFT JOIN classes c ON c.crop = p.crop ORDER BY c.hcat_code IS NULL, c.hcat_code, p.crop"
    )
    return tuple((crop, _colour(colour)) for crop, colour in rows)


def _colour(text: object) -> str:
    """Take a colour that a person may have edited; what is none becomes grey."""
    return str(text).lower() if re.fullmatch(r"#[0-9a-fA-F]{6}", str(text)) else UNKNOWN_COLOUR


def _codes(database: sqlite3.Connection) -> tuple[tuple[int, str], ...]:
    query = "SELECT DISTINCT hcat_code, hcat_name FROM classes WHERE hcat_name IS NOT NULL ORDER BY hcat_code"
    return tuple((int(code), str(name)) for code, name in database.execute(query))


def _scale(database: sqlite3.Connection) -> int:
    """Return the relevance that one row in fifty exceeds, taken from rows evenly spread over the table."""
    (last,) = database.execute("SELECT max(fid) FROM relevance").fetchone()
    if last is None:
        return 1
    rows = range(1, last + 1, max(1, last // SAMPLE))
    values = [
        abs(value)
        for fid in rows
        for (value,) in database.execute("SELECT relevance FROM relevance WHERE fid = ?", (fid,))
        if value is not None
    ]
    return max(1, round(float(np.quantile(values, 0.98)))) if values else 1


def _crs(database: sqlite3.Connection) -> Crs | None:
    row = database.execute(
        "SELECT s.organization, s.organization_coordsys_id, s.definition, s.srs_id FROM gpkg_geometry_columns g "
        "JOIN gpkg_spatial_ref_sys s ON s.srs_id = g.srs_id WHERE g.table_name = 'parcels'"
    ).fetchone()
    if row is None or row[3] in (-1, 0, 99999):  # undefined Cartesian, undefined geographic, GDAL's undefined
        return None
    return Crs(f"EPSG:{row[1]}" if str(row[0]).upper() == "EPSG" else "", row[2])


def _extent(database: sqlite3.Connection) -> tuple[float, float, float, float] | None:
    bounds = "SELECT min(minx), min(miny), max(maxx), max(maxy) FROM rtree_parcels_geom"
    answered = f"{bounds} WHERE id IN (SELECT fid FROM parcels WHERE crop IS NOT NULL)"
    for query in (answered, bounds):
        row = database.execute(query).fetchone()
        if row[0] is not None:
            return row[0], row[1], row[2], row[3]
    return None
