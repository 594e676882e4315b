"""The styles with which a map opens in QGIS, written into its table `layer_styles` without QGIS.

A style is a QML document; QGIS looks it up when a layer is opened. The styles, and a QGIS project that holds the same
and what only a project can (layers in order, the relation, the times to step through), are made from what the map
itself holds (:func:`cropxai.maps.survey.survey`), so that they can be written again at any time.
"""

import sqlite3
from dataclasses import dataclass, replace
from itertools import pairwise
from xml.etree import ElementTree as ET

import numpy as np

from cropxai.maps import columns, form, symbology
from cropxai.maps.maptip import UNLIKE, map_tip
from cropxai.maps.project import write_project
from cropxai.maps.survey import Survey, survey
from cropxai.maps.symbology import HATCH, Fill

NO_ANSWER = "no answer"
#: Parcels that are unlike what the model learnt from: hatched over the colour of their crop. A feature is asked for its
#: novelty by a function, which without a feature (in the legend) is missing instead of an error.
STRANGE = "coalesce(attribute($currentfeature, 'novelty'), 0) > 1"
UNLIKE_FILL = Fill("#ffffff", hatched=True)
#: By what the form of a parcel names its rows of relevance; they are sorted by it.
ROW = "format_date(\"date\", 'yyyy-MM-dd') || coalesce(' · ' || to_string(\"relevance\"), '')"
#: Tables with geometry.
SPATIAL = ("parcels", "relevance_by_date")
#: Marks our rows of `layer_styles`, so that styles that a person saved there are never touched.
OWNER = "cropxai"
#: Confidence from which an answer that contradicts the declaration is worth a look.
SURE = 0.8

#: Classes of the style `confidence`: lowest and highest probability, colour (a light-to-dark sequence of one hue).
CONFIDENCE: tuple[tuple[float, float, str], ...] = (
    (0.0, 0.5, "#edf2ec"),
    (0.5, 0.7, "#c3dcc3"),
    (0.7, 0.8, "#8fc097"),
    (0.8, 0.9, "#4f9a6b"),
    (0.9, 1.0, "#1d6b48"),
)
#: Early to late: nodes of the colour map cividis (Nuñez, Anderton & Renslow 2018), even for all kinds of colour vision.
EARLY_TO_LATE = ("#00224e", "#35456c", "#666970", "#948e77", "#c8b866", "#fee838")
#: Against to for: nodes of ColorBrewer's PuOr (Brewer 2013), even for all kinds of colour vision.
AGAINST_TO_FOR = ("#7f3b08", "#e08214", "#fee0b6", "#f7f7f7", "#d8daeb", "#8073ac", "#2d004b")
#: Bare to green: ColorBrewer's YlGn (Brewer 2013), and the values of the vegetation index NDVI between its colours.
BARE_TO_GREEN = ("#ffffcc", "#d9f0a3", "#addd8e", "#78c679", "#31a354", "#006837")
NDVI_EDGES = (0.15, 0.3, 0.45, 0.6, 0.75)
MONTHS = ("January", "February", "March", "April", "May", "June", "July", "August", "September", "October",
          "November", "December")  # fmt: skip


@dataclass(frozen=True)
class Style:
    """One style of a table: its name, what it shows, its document, and whether the layer opens with it."""

    table: str
    name: str
    description: str
    document: ET.Element
    default: bool = False

    @property
    def qml(self) -> str:
        """The document as text."""
        return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(
            self.document, encoding="unicode"
        )


def write_styles(database: sqlite3.Connection, file_name: str) -> tuple[str, ...]:
    """Write all styles and the QGIS project into a map; those written before are replaced, those of others kept.

    Parameters
    ----------
    file_name : name of the map's file, by which the project finds its layers

    Returns
    -------
    names of the styles of the layer `parcels`
    """
    found = survey(database)
    styles = map_styles(found, file_name)
    _prepare(database)
    database.execute("DELETE FROM layer_styles WHERE owner = ?", (OWNER,))
    for style in styles:
        if style.default:
            database.execute("UPDATE layer_styles SET useAsDefault = 0 WHERE f_table_name = ?", (style.table,))
    database.executemany(
        "INSERT INTO layer_styles (f_table_catalog, f_table_schema, f_table_name, f_geometry_column, styleName, "
        "styleQML, styleSLD, useAsDefault, description, owner) VALUES ('', '', ?, ?, ?, ?, '', ?, ?, ?)",
        [
            (s.table, "geom" if s.table in SPATIAL else "", s.name, s.qml, s.default, s.description, OWNER)
            for s in styles
        ],
    )
    opened = {s.table: s.document for s in styles if s.default}
    write_project(database, file_name, found, opened)
    return tuple(s.name for s in styles if s.table == "parcels")


def _prepare(database: sqlite3.Connection) -> None:
    """Make the table where QGIS looks for styles, with the columns that it gives it."""
    if database.execute("SELECT 1 FROM sqlite_master WHERE name = 'layer_styles'").fetchone():
        return
    database.execute(
        "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), "
        "f_table_schema TEXT(256), f_table_name TEXT(256), f_geometry_column TEXT(256), styleName TEXT(30), "
        "styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30), "
        "update_time DATETIME DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ', 'now')))"
    )
    database.execute(
        "INSERT INTO gpkg_contents (table_name, data_type, identifier, description) "
        "VALUES ('layer_styles', 'attributes', 'layer_styles', 'Styles of the layers, for QGIS')"
    )


def map_styles(found: Survey, file_name: str) -> tuple[Style, ...]:
    """Make the styles of all tables of a map.

    Parameters
    ----------
    found : what the map holds
    file_name : name of the map's file
    """
    styles = [
        Style("parcels", name, description, _parcels_document(renderer, found), default=name == "crop")
        for name, description, renderer in _parcel_renderers(found)
    ]
    by_date = []
    if found.relevance:
        by_date.append(("relevance", "Relevance of a date", _relevance(found.scale)))
    if found.vegetation:
        by_date.append(("vegetation", "Vegetation index NDVI of a date", _vegetation()))
    for number, (name, description, renderer) in enumerate(by_date):
        root = _document(_held(columns.RELEVANCE_BY_DATE, found), renderer)
        _step_through(root, found)
        styles.append(Style("relevance_by_date", name, description, root, default=number == 0))
    table = _document(_held(columns.RELEVANCE, found))
    ET.SubElement(table, "previewExpression").text = ROW
    form.add_referenced_parcels(table, f"./{file_name}|layername=parcels")
    styles.append(Style("relevance", "relevance", "Names of the columns, and the parcel", table, default=True))
    for name in ("classes", *found.summaries):
        codes = found.codes if name == "classes" else ()
        document = _document(columns.TABLES[name], codes=codes)
        styles.append(Style(name, name, "Names of the columns", document, default=True))
    return tuple(styles)


def _parcel_renderers(found: Survey) -> list[tuple[str, str, ET.Element]]:
    """Give name, description and renderer of the styles for which the parcels have values; `crop` always."""
    made = [("crop", "Parcels by crop", _crop(found)), ("confidence", "By probability of the crop", _confidence(found))]
    if "decision_date" in found.filled:
        sure = "" if found.decided_at is None else f" with {found.decided_at:.0%} confidence"
        entries = (-1.0, -1.0, f"not known{sure}", Fill("#f2f2f2"))
        made.append(
            ("decision date", f"Month from which the crop is known{sure}", _month("decision_date", found, entries))
        )
    if "top1_date" in found.filled:
        entries = (-1.0, -1.0, "no date speaks for the crop", Fill("#f2f2f2"))
        made.append(("top date", "Month of the date that decided most", _month("top1_date", found, entries)))
    if "declared_agrees" in found.filled:
        made.append(("disagreement", "Declared and predicted crop compared", _disagreement()))
    return made


# --- documents ---------------------------------------------------------------------------------------------------


def _document(
    described: tuple[columns.Column, ...], renderer: ET.Element | None = None, codes: tuple[tuple[int, str], ...] = ()
) -> ET.Element:
    categories = "Symbology|Fields|Forms|MapTips|AttributeTable|Relations|Temporal"
    root = ET.Element("qgis", version="3.22.0", styleCategories=categories)
    if renderer is not None:
        root.append(renderer)
    form.add_fields(root, described, codes)
    return root


def _held(described: tuple[columns.Column, ...], found: Survey) -> tuple[columns.Column, ...]:
    """Leave out the columns of reflectance where the map has none."""
    return tuple(c for c in described if found.reflectance or c.name not in columns.OPTIONAL)


def _parcels_document(renderer: ET.Element, found: Survey) -> ET.Element:
    root = _document(tuple(c for c in columns.PARCELS if c.name in found.columns), renderer, found.codes)
    form.add_parcel_form(root, found)
    ET.SubElement(root, "previewExpression").text = '"parcel_id" || \' · \' || coalesce("crop", "status")'
    ET.SubElement(root, "mapTip").text = map_tip(found)
    ET.SubElement(root, "layerGeometryType").text = "2"
    return root


def _step_through(root: ET.Element, found: Survey) -> None:
    """Show a row for one step from its date on; the temporal controller then steps from date to date."""
    ET.SubElement(
        root, "temporal",
        {"enabled": "1", "mode": "1", "startField": "date", "endField": "", "fixedDuration": str(found.step),
         "durationUnit": "d", "limitMode": "0", "accumulate": "0", "durationField": "", "startExpression": "",
         "endExpression": ""},
    )  # fmt: skip


# --- renderers ---------------------------------------------------------------------------------------------------


def _crop(found: Survey) -> ET.Element:
    # QGIS draws with the category of the empty value what no other category matches, NULL included.
    entries = [(label, label, Fill(colour)) for label, colour in found.crops]
    if not found.unlike:
        return symbology.categorised("crop", [*entries, ("", NO_ANSWER, HATCH)])
    # No crop has the name of the last but one category: it stands in the legend for the hatching.
    marked = [(value, label, replace(fill, hatched_if=STRANGE)) for value, label, fill in entries]
    return symbology.categorised("crop", [*marked, (UNLIKE, UNLIKE, UNLIKE_FILL), ("", NO_ANSWER, HATCH)])


def _confidence(found: Survey) -> ET.Element:
    # A graduated renderer leaves NULL undrawn; the stand-in -1 gives the parcels without an answer a class.
    entries = [(low, high, f"{low:.0%} – {high:.0%}", Fill(colour)) for low, high, colour in CONFIDENCE]
    return symbology.graduated('coalesce("confidence", -1)', [*entries, (-1.0, -1.0, NO_ANSWER, HATCH)])


def _month(column: str, found: Survey, missing: tuple[float, float, str, Fill]) -> ET.Element:
    """Draw by the month of a date column; parcels that have an answer but no such date get the class ``missing``."""
    months = np.unique(found.dates.astype("datetime64[M]").astype(int))
    all_months = range(int(months[0]), int(months[-1]) + 1) if len(months) else range(0)
    colours = ramp(EARLY_TO_LATE, len(all_months))
    entries = []
    for month, colour in zip(all_months, colours, strict=True):
        year, number = 1970 + month // 12, month % 12 + 1
        entries.append((12.0 * year + number, 12.0 * year + number, f"{MONTHS[number - 1]} {year}", Fill(colour)))
    value = f'if("crop" is null, -2, coalesce(12 * year("{column}") + month("{column}"), -1))'
    return symbology.graduated(value, [*entries, missing, (-2.0, -2.0, NO_ANSWER, HATCH)])


def _disagreement() -> ET.Element:
    differs = 'not "declared_agrees"'
    return symbology.ruled(
        [
            (f'{differs} and "confidence" >= {SURE}', f"differs, {SURE:.0%} sure or more", Fill("#d1495b", width=0.2)),
            (f'{differs} and "confidence" < {SURE}', "differs, less sure", Fill("#f3c68f")),
            ('"declared_agrees"', "as declared", Fill("#d5e3ea")),
            ('"declared_agrees" is null and "crop" is not null', "declared: none of the model's", Fill("#f7f7f5")),
            ("ELSE", NO_ANSWER, HATCH),
        ]
    )  # fmt: skip


def _relevance(scale: int) -> ET.Element:
    """Draw relevance (thousandths) from against to for, full colours from ``scale`` on."""
    edges = [scale * share for share in (-1.0, -0.4, -0.1, 0.1, 0.4, 1.0)]
    far = 1e12
    bounds = [-far, *edges, far]
    labels = ["strongly against", "against", "slightly against", "hardly any", "slightly for", "for", "strongly for"]
    entries = [
        (low, high, label, Fill(colour))
        for low, high, label, colour in zip(bounds[:-1], bounds[1:], labels, AGAINST_TO_FOR, strict=True)
    ]
    return symbology.graduated("relevance", entries)


def _vegetation() -> ET.Element:
    """Draw the normalised difference of near infrared and red (Rouse et al. 1974)."""
    difference, total = (f'"reflectance_nir" {sign} "reflectance_red"' for sign in "-+")
    edges = [-1e12, *NDVI_EDGES, 1e12]
    labels = [f"below {edges[1]}", *(f"{a} – {b}" for a, b in pairwise(NDVI_EDGES)), f"above {edges[-2]}"]
    ranges = zip(pairwise(edges), labels, BARE_TO_GREEN, strict=True)
    entries = [(low, high, label, Fill(colour)) for (low, high), label, colour in ranges]
    return symbology.graduated(f"({difference}) / ({total})", entries)


def ramp(nodes: tuple[str, ...], count: int) -> list[str]:
    """Return ``count`` colours evenly along a row of colours."""
    rgb = np.array([[int(node[i : i + 2], 16) for i in (1, 3, 5)] for node in nodes], dtype=float)
    places = np.linspace(0, len(nodes) - 1, count) if count > 1 else np.array([0.0])[:count]
    mixed = np.stack([np.interp(places, np.arange(len(nodes)), rgb[:, band]) for band in range(3)], axis=1)
    return ["#" + "".join(f"{round(v):02x}" for v in row) for row in mixed]
