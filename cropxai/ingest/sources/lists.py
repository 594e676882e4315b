"""Lists of scenes: a CSV or Parquet table with a row a file, or a row a band."""

import datetime as dt
import difflib
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar, cast

import pandas as pd

from cropxai.bands import band_name
from cropxai.errors import ScenesUnreadable
from cropxai.ingest.files import without_query
from cropxai.ingest.offsets import told_least, with_offset
from cropxai.ingest.scenes import Location, Mask, Scene
from cropxai.ingest.sources.header import Header, Layer, read_header
from cropxai.ingest.sources.hrefs import Hrefs
from cropxai.ingest.sources.names import CLOUD_LAYERS, MaskKind, level_in, plain, tile_in

T = TypeVar("T")

SUFFIXES = (".csv", ".parquet")
COLUMNS = (
    "path", "href", "date", "scene", "tile", "level", "baseline", "band", "mask", "index", "offset", "quantification",
)  # fmt: skip
MASKS = ("scl", "cloud", "qa60", "probability")


@dataclass(frozen=True)
class SceneList:
    """A table with the columns `COLUMNS`, of which ``path`` (or ``href``) and ``date`` must be there."""

    def recognises(self, path: Path) -> bool:
        """Say whether an existing path is a table by its suffix."""
        return path.is_file() and path.suffix.lower() in SUFFIXES

    def scenes(self, paths: Sequence[Path], *, level: str | None, dn_offset: float | None) -> Iterator[Scene]:
        """Give the scenes of each list.

        Raises
        ------
        ScenesUnreadable
            If a list cannot be used; the message names its row and column.
        """
        for path in paths:
            groups: dict[tuple[object, ...], list[Row]] = defaultdict(list)
            for row in _rows(path):
                groups[row.group].append(row)
            for rows in groups.values():
                yield _scene(rows, level, dn_offset)


@dataclass(frozen=True)
class Row:
    """A row of a list: the cells that are not empty, as text."""

    file: Path
    number: int
    cells: Mapping[str, str]

    def refused(self, column: str, reason: str) -> ScenesUnreadable:
        """Return the error that names file, row and column."""
        return ScenesUnreadable(self.file, f"row {self.number}, column {column!r}: {reason}")

    @property
    def path(self) -> str:
        """What GDAL opens."""
        href = self.cells.get("path") or self.cells.get("href")
        if href is None:
            raise self.refused("path", "is empty; name the file")
        folder = self.file.resolve().parent
        try:  # the list is the user's own: its files may lie anywhere
            return Hrefs(folder, allow_outside=True).raster(href, folder, self.file)
        except ScenesUnreadable as error:
            raise self.refused("path", str(error).removeprefix(f"{self.file}: ")) from error

    @property
    def date(self) -> dt.date:
        """Day of acquisition."""
        text = self.cells.get("date", "")
        try:
            return dt.datetime.fromisoformat(text).date()
        except ValueError as error:
            raise self.refused("date", f"{text!r} is no date; write YYYY-MM-DD") from error

    @property
    def group(self) -> tuple[object, ...]:
        """What the rows of one scene share: the name of the scene, or else tile and day of rows of a band or mask."""
        if "scene" in self.cells:
            return ("scene", self.cells["scene"])
        part = "band" in self.cells or "mask" in self.cells
        return ("tile", self.cells.get("tile"), self.date) if part else ("row", self.number)

    @property
    def tile(self) -> str:
        """MGRS tile, or nothing."""
        text = self.cells.get("tile", "")
        if text and not tile_in(text):
            raise self.refused("tile", f"{text!r} is no tile; write it as 31UDS")
        return tile_in(text)

    @property
    def level(self) -> str:
        """Processing level, or nothing."""
        text = self.cells.get("level", "")
        if text and not level_in(text):
            raise self.refused("level", f"{text!r} is no level; write L1C or L2A")
        return level_in(text)

    @property
    def baseline(self) -> str:
        """Processing baseline, or nothing."""
        text = self.cells.get("baseline", "")
        match = re.fullmatch(r"N?(\d{1,2})\.?(\d\d)", text)
        if text and match is None:
            raise self.refused("baseline", f"{text!r} is no baseline; write it as 05.09")
        return f"{match[1]:0>2}.{match[2]}" if match else ""

    def number_in(self, column: str) -> float | None:
        """Return a number, or none if the cell is empty."""
        text = self.cells.get(column)
        try:
            return None if text is None else float(text)
        except ValueError as error:
            raise self.refused(column, f"{text!r} is no number") from error


def _rows(path: Path) -> list[Row]:
    try:
        if path.suffix.lower() == ".csv":
            table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
        else:
            table = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # of pandas, of pyarrow, and of text that is none
        raise ScenesUnreadable(path, f"is no table ({str(error).splitlines()[0]}); save it again") from error
    table.columns = [str(column).strip().lower() for column in table.columns]
    for column in table.columns:
        near = difflib.get_close_matches(column, COLUMNS, n=1, cutoff=0.75)
        if column not in COLUMNS and near:
            raise ScenesUnreadable(path, f"has a column {column!r}; call it {near[0]!r}, or drop it")
    if not {"path", "href"} & set(table.columns) or "date" not in table.columns:
        raise ScenesUnreadable(path, f"lacks the columns 'path' and 'date'; it may have {', '.join(COLUMNS)}")
    if table.columns.has_duplicates:
        raise ScenesUnreadable(path, "has a column twice; drop one")
    first = 2 if path.suffix.lower() == ".csv" else 1  # as a text editor counts, and as a table does
    known = [column for column in COLUMNS if column in table.columns]
    rows = [
        Row(path, n, {c: text for c, value in cells.items() if (text := _text(value))})
        for n, cells in enumerate(cast("list[dict[str, object]]", table[known].to_dict("records")), start=first)
    ]
    rows = [row for row in rows if row.cells]
    if not rows:
        raise ScenesUnreadable(path, "holds no row; name at least one file")
    return rows


def _text(value: object) -> str:
    if value is None or value is pd.NaT or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _scene(rows: Sequence[Row], level: str | None, dn_offset: float | None) -> Scene:
    bands: dict[str, tuple[Layer, Row]] = {}
    masks: list[Mask] = []
    headers: dict[str, Header] = {}
    for row in rows:
        for layer, mask in _layers(row, headers):
            if mask is not None:
                masks.append(mask)
            elif layer.name in bands:
                raise row.refused("band", f"{layer.name} is in row {bands[layer.name][1].number} too; drop one")
            else:
                bands[layer.name] = layer, row
    first = rows[0]
    if not bands:
        raise first.refused("band", "the scene has masks and no band; add a row for each")
    date = _one(rows, "date", lambda row: row.date)
    tile = _one(rows, "tile", lambda row: row.tile)
    baseline = _one(rows, "baseline", lambda row: row.baseline)
    located = {
        name: with_offset(layer.place, layer.declared, baseline, date, dn_offset, f"{row.file} (row {row.number})")
        for name, (layer, row) in bands.items()
    }
    return Scene(
        path=f"{first.file.resolve()}/{_name(first, tile)}",
        tile=tile,
        date=date,
        level=_level(first, _one(rows, "level", lambda row: row.level), masks, level),
        bands={name: place for name, (place, _) in located.items()},
        masks=tuple(masks),
        baseline=baseline,
        offset_by=told_least([by for _, by in located.values()]),
    )


def _name(row: Row, tile: str) -> str:
    """Return what a scene is called: by the list, else by its file, else by tile and day."""
    if "scene" not in row.cells and row.group[0] == "row":
        return Path(without_query(row.path)).name
    return row.cells.get("scene", f"{tile}_{row.date}".strip("_")).replace("/", "_")


def _one(rows: Sequence[Row], column: str, value: Callable[[Row], T]) -> T:
    """Return what all rows of a scene say in a column in which any says something."""
    told = {value(row): row for row in rows if value(row)}
    if len(told) > 1:
        first, second = list(told.values())[:2]
        raise second.refused(column, f"differs from row {first.number}, which is of the same scene")
    return next(iter(told), value(rows[0]))


def _layers(row: Row, headers: dict[str, Header]) -> Iterator[tuple[Layer, Mask | None]]:
    """Give the bands and masks of a row: that which it names, or all that the file names."""
    path = row.path
    if path not in headers:
        headers[path] = read_header(path, f"{row.file} (row {row.number})")
    layers = headers[path].layers
    mask = row.cells.get("mask")
    if mask is not None and ("band" in row.cells or mask.lower() not in MASKS):
        raise row.refused("mask", f"{mask!r} cannot be; write one of {', '.join(MASKS)}, and no band beside it")
    if mask is not None:
        place = _numbered(row, layers, plain(mask)).place
        divisor = row.number_in("quantification") or (100.0 if mask.lower() == "probability" else 1.0)
        offset = row.number_in("offset") or 0.0
        yield (
            Layer(place, mask, None),
            Mask(cast("MaskKind", mask.lower()), replace(place, offset=offset, quantification=divisor)),
        )
    elif "band" in row.cells:
        name = band_name(row.cells["band"])
        if name is None:
            raise row.refused("band", f"{row.cells['band']!r} is no Sentinel-2 band; write B02 or B8A")
        yield _scaled(row, replace(_numbered(row, layers, name), name=name)), None
    else:
        named = [layer for layer in layers if layer.band is not None or layer.tells_clouds]
        if not any(layer.band for layer in named):
            raise row.refused("band", "is empty, and the file names no band; write one row a band")
        for layer in named:
            kind = CLOUD_LAYERS.get(plain(layer.name))
            found = None if kind is None else Mask(kind[0], replace(layer.place, quantification=kind[1]))
            yield _scaled(row, replace(layer, name=layer.band or layer.name)), found


def _numbered(row: Row, layers: Sequence[Layer], name: str) -> Layer:
    """Return the layer by its number, else the only one, else that which the file calls so."""
    index = row.number_in("index")
    if index is not None:
        if index not in range(1, len(layers) + 1):
            raise row.refused("index", f"there is no layer {row.cells['index']}; the file has {len(layers)}")
        return layers[int(index) - 1]
    if len(layers) == 1:
        return layers[0]
    found = [layer for layer in layers if name in (layer.band, plain(layer.name))]
    if len(found) != 1:
        raise row.refused("index", f"is empty, and the file has {len(layers)} layers; write the number of the layer")
    return found[0]


def _scaled(row: Row, layer: Layer) -> Layer:
    """Return a layer with what the row says of its numbers in place of what the file says."""
    offset, quantification = row.number_in("offset"), row.number_in("quantification")
    if quantification is not None and not quantification > 0:
        raise row.refused("quantification", f"{quantification} cannot be; reflectance takes 10000")
    place: Location = layer.place if quantification is None else replace(layer.place, quantification=quantification)
    return replace(layer, place=place, declared=layer.declared if offset is None else offset)


def _level(row: Row, told: str, masks: Sequence[Mask], given: str | None) -> str:
    told = told or ("L2A" if any(mask.kind == "scl" for mask in masks) else "")
    if told and given not in (None, told):
        raise row.refused("level", f"is {told}, not {given}; leave out --level, or this scene")
    if not told and given is None:
        raise row.refused("level", "tells no processing level; fill it in, or give --level L1C or --level L2A")
    return told or str(given)
