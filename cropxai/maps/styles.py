"""The styles of the layer `parcels`, as QGIS reads them from a GeoPackage, written without QGIS.

A style is a QML document. QGIS looks it up in the table ``layer_styles`` when the layer is opened; every text goes
through ElementTree, so that no crop name can break the document.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from cropxai.crops import colours
from cropxai.maps.columns import PARCELS

OUTLINE = "#3c3c3c"
NO_ANSWER = "no answer"
NO_ANSWER_COLOUR = "#b4b4b4"

#: Classes of the style `confidence`: lowest and highest probability, colour (a light-to-dark sequence of one hue).
CONFIDENCE: tuple[tuple[float, float, str], ...] = (
    (0.0, 0.5, "#edf2ec"),
    (0.5, 0.7, "#c3dcc3"),
    (0.7, 0.8, "#8fc097"),
    (0.8, 0.9, "#4f9a6b"),
    (0.9, 1.0, "#1d6b48"),
)

#: Characters that XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Style:
    """One style of the layer: its name, what it shows, its QML, and whether the layer opens with it."""

    name: str
    description: str
    qml: str
    default: bool = False


def parcel_styles(crop_labels: Sequence[str]) -> tuple[Style, ...]:
    """Make the styles of the layer `parcels`.

    Parameters
    ----------
    crop_labels : the crops that the model knows, in the order of the legend
    """
    return (
        Style("crop", "Parcels by crop", _qml(_by_crop(colours(crop_labels))), default=True),
        Style("confidence", "Parcels by the probability of their crop", _qml(_by_confidence())),
    )


def _qml(renderer: ET.Element) -> str:
    root = ET.Element("qgis", version="3.22.0", styleCategories="Symbology|Fields|MapTips")
    root.append(renderer)
    aliases = ET.SubElement(root, "aliases")
    for column in PARCELS:
        ET.SubElement(aliases, "alias", field=column.name, name=column.alias)
    ET.SubElement(root, "previewExpression").text = '"parcel_id"'
    ET.SubElement(root, "mapTip").text = map_tip()
    ET.SubElement(root, "layerGeometryType").text = "2"
    return "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + ET.tostring(root, encoding="unicode")


# --- renderers ---------------------------------------------------------------------------------------------------


def _by_crop(colour_of: Mapping[str, str]) -> ET.Element:
    # QGIS draws with the category of the empty value what no other category matches, NULL included.
    renderer = _renderer("categorizedSymbol", "crop")
    entries = [*((label, label, _fill(colour)) for label, colour in colour_of.items()), ("", NO_ANSWER, _hatch())]
    categories = ET.SubElement(renderer, "categories")
    for index, (value, label, _) in enumerate(entries):
        attributes = {"value": _clean(value), "label": _clean(label), "symbol": str(index), "render": "true"}
        ET.SubElement(categories, "category", attributes, type="string")
    _add_symbols(renderer, (symbol for _, _, symbol in entries))
    return renderer


def _by_confidence() -> ET.Element:
    # A graduated renderer leaves NULL undrawn; the stand-in -1 gives the parcels without an answer a class.
    renderer = _renderer("graduatedSymbol", 'coalesce("confidence", -1)')
    renderer.set("graduatedMethod", "GraduatedColor")
    entries = [(low, high, f"{low:.0%} – {high:.0%}", _fill(colour)) for low, high, colour in CONFIDENCE]
    entries.append((-1.0, -1.0, NO_ANSWER, _hatch()))
    ranges = ET.SubElement(renderer, "ranges")
    for index, (low, high, label, _) in enumerate(entries):
        limits = {"lower": f"{low:.6f}", "upper": f"{high:.6f}"}
        ET.SubElement(ranges, "range", limits, label=label, symbol=str(index), render="true")
    _add_symbols(renderer, (symbol for *_, symbol in entries))
    return renderer


def _renderer(kind: str, attribute: str) -> ET.Element:
    return ET.Element("renderer-v2", {"type": kind, "attr": attribute, "symbollevels": "0", "enableorderby": "0"})


def _add_symbols(renderer: ET.Element, fills: Iterable[Mapping[str, str]]) -> None:
    symbols = ET.SubElement(renderer, "symbols")
    for index, fill in enumerate(fills):
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=str(index), alpha="1", force_rhr="0")
        layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
        options = ET.SubElement(layer, "Option", type="Map")
        for name, value in fill.items():
            ET.SubElement(options, "Option", type="QString", name=name, value=value)


def _fill(colour: str, pattern: str = "solid") -> dict[str, str]:
    return {
        "color": _rgba(colour),
        "style": pattern,
        "outline_color": _rgba(OUTLINE),
        "outline_style": "solid",
        "outline_width": "0.1",
        "outline_width_unit": "MM",
        "joinstyle": "round",
    }


def _hatch() -> dict[str, str]:
    return _fill(NO_ANSWER_COLOUR, pattern="b_diagonal")


def _rgba(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{red},{green},{blue},255"


def _clean(text: str) -> str:
    return _NOT_XML.sub("", text)


# --- map tip -----------------------------------------------------------------------------------------------------


def map_tip() -> str:
    """Write the map tip: a small HTML table whose values QGIS fills in, each with its markup made harmless."""
    rows = [
        ("Crop", _joined(_text('"crop"'), _percent("confidence"))),
        ("Second", _joined(_text('"second_crop"'), _percent("second_confidence"))),
        ("Window", f"{_date('window_start')} || ' – ' || {_date('window_end')}"),
        *((f"Date {rank}", _joined(_date(f"top{rank}_date"), _number(f"top{rank}_relevance"))) for rank in (1, 2, 3)),
        ("Clear dates", 'to_string("clear_dates")'),
        ("Status", _text('"status"')),
    ]
    body = "".join(f"<tr><td><i>{label}</i></td><td>[% coalesce({value}, '–') %]</td></tr>" for label, value in rows)
    heading = _text('"parcel_id"')
    return f"<b>[% {heading} %]</b><table>{body}</table>"


def _text(expression: str) -> str:
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;")):
        expression = f"replace({expression}, '{sign}', '{entity}')"
    return expression


def _joined(first: str, second: str) -> str:
    return f"{first} || coalesce(' · ' || {second}, '')"


def _percent(column: str) -> str:
    return f"to_string(round(100 * \"{column}\")) || ' %'"


def _number(column: str) -> str:
    return f'format_number("{column}", 3)'


def _date(column: str) -> str:
    return f"format_date(\"{column}\", 'd MMM yyyy')"
