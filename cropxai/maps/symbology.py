"""QGIS symbology as XML: fills, and the renderers that choose them by category, range or rule.

Every text goes through ElementTree, so that no crop name can break the document.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from xml.etree import ElementTree as ET

OUTLINE = "#4a4a45"
NO_ANSWER_COLOUR, HATCH_COLOUR = "#e9e9e9", "#8a8a8a"

#: Characters that XML 1.0 cannot hold, not even escaped.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def clean(text: str) -> str:
    """Leave out the characters that XML cannot hold."""
    return _NOT_XML.sub("", text)


@dataclass(frozen=True)
class Fill:
    """How a polygon is drawn: its colour, the width of its outline in millimetres, and whether it is hatched.

    With an expression ``hatched_if`` those polygons are for which it is true.
    """

    colour: str
    width: float = 0.1
    hatched: bool = False
    hatched_if: str = ""

    def layers(self) -> list[dict[str, str]]:
        """Return the properties of QGIS' simple fills that make it, the lowest first."""
        solid = {
            "color": _rgba(self.colour),
            "style": "solid",
            "outline_color": _rgba(OUTLINE),
            "outline_style": "solid",
            "outline_width": str(self.width),
            "outline_width_unit": "MM",
            "joinstyle": "round",
        }
        # Print layouts leave the pattern out; the light ground still tells the class then.
        lines = solid | {"color": _rgba(HATCH_COLOUR), "style": "b_diagonal"}
        return [solid, lines] if self.hatched or self.hatched_if else [solid]


#: Parcels that have no answer.
HATCH = Fill(NO_ANSWER_COLOUR, hatched=True)


def categorised(attribute: str, entries: Sequence[tuple[str, str, Fill]]) -> ET.Element:
    """Draw by the value of an attribute: (value, label, fill); the empty value stands for all others, NULL included."""
    renderer = _renderer("categorizedSymbol", {"attr": attribute})
    categories = ET.SubElement(renderer, "categories")
    for index, (value, label, _) in enumerate(entries):
        attributes = {"value": clean(value), "label": clean(label), "symbol": str(index), "render": "true"}
        ET.SubElement(categories, "category", attributes, type="string")
    return _with_symbols(renderer, (fill for *_, fill in entries))


def graduated(expression: str, entries: Sequence[tuple[float, float, str, Fill]]) -> ET.Element:
    """Draw by a number: (lowest, highest, label, fill), both ends included; what is NULL is not drawn."""
    renderer = _renderer("graduatedSymbol", {"attr": expression, "graduatedMethod": "GraduatedColor"})
    ranges = ET.SubElement(renderer, "ranges")
    for index, (low, high, label, _) in enumerate(entries):
        limits = {"lower": f"{low:.6f}", "upper": f"{high:.6f}"}
        ET.SubElement(ranges, "range", limits, label=clean(label), symbol=str(index), render="true")
    return _with_symbols(renderer, (fill for *_, fill in entries))


def ruled(entries: Sequence[tuple[str, str, Fill]]) -> ET.Element:
    """Draw by rules: (condition, label, fill); the condition "ELSE" takes what no other does."""
    renderer = _renderer("RuleRenderer", {})
    rules = ET.SubElement(renderer, "rules", key="{rules}")
    for index, (condition, label, _) in enumerate(entries):
        ET.SubElement(
            rules, "rule", {"filter": condition, "label": clean(label), "symbol": str(index), "key": f"{{rule{index}}}"}
        )
    return _with_symbols(renderer, (fill for *_, fill in entries))


def _renderer(kind: str, attributes: Mapping[str, str]) -> ET.Element:
    return ET.Element("renderer-v2", {"type": kind, "symbollevels": "0", "enableorderby": "0", **attributes})


def _with_symbols(renderer: ET.Element, fills: Iterable[Fill]) -> ET.Element:
    symbols = ET.SubElement(renderer, "symbols")
    for index, fill in enumerate(fills):
        symbol = ET.SubElement(symbols, "symbol", type="fill", name=str(index), alpha="1", force_rhr="0")
        for place, properties in enumerate(fill.layers()):
            layer = ET.SubElement(symbol, "layer", {"class": "SimpleFill", "enabled": "1", "locked": "0", "pass": "0"})
            options = ET.SubElement(layer, "Option", type="Map")
            for name, value in properties.items():
                ET.SubElement(options, "Option", type="QString", name=name, value=value)
            if place and fill.hatched_if:
                _enabled_by(layer, fill.hatched_if)
    return renderer


def _enabled_by(layer: ET.Element, expression: str) -> None:
    """Let an expression say whether a layer of a symbol is drawn."""
    collection = ET.SubElement(ET.SubElement(layer, "data_defined_properties"), "Option", type="Map")
    ET.SubElement(collection, "Option", type="QString", name="name", value="")
    properties = ET.SubElement(collection, "Option", type="Map", name="properties")
    enabled = ET.SubElement(properties, "Option", type="Map", name="enabled")
    ET.SubElement(enabled, "Option", type="bool", name="active", value="true")
    ET.SubElement(enabled, "Option", type="QString", name="expression", value=expression)
    ET.SubElement(enabled, "Option", type="int", name="type", value="3")  # by expression
    ET.SubElement(collection, "Option", type="QString", name="type", value="collection")


def _rgba(colour: str) -> str:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return f"{red},{green},{blue},255"
