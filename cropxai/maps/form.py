"""What QGIS shows of a layer's attributes: words for columns, names for codes, a form with tabs, the related table."""

from collections.abc import Iterable, Sequence
from xml.etree import ElementTree as ET

from cropxai.maps.columns import Column
from cropxai.maps.survey import Survey
from cropxai.maps.symbology import clean

#: The relation of the rows of `relevance` to their parcel; styles and project call it by this name.
RELATION = "cropxai_relevance_of_parcel"

#: The tabs of the form of a parcel, and their fields; what the map lacks is left out.
TABS: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "Answer",
        ("parcel_id", "crop", "confidence", "second_crop", "second_confidence", "crop_set", "set_size", "novelty",
         "hcat_code", "declared_crop", "declared_agrees", "status"),
    ),
    (
        "Dates",
        ("decision_date", "decision_confidence", "decided_on", "decided_crop", "decided_confidence",
         "top1_date", "top1_relevance", "top2_date", "top2_relevance",
         "top3_date", "top3_relevance", "window_start", "window_end", "clear_dates"),
    ),
)  # fmt: skip
#: Columns that serve the chart and say nothing to a person.
UNSHOWN = ("relevance_chart",)


def add_fields(root: ET.Element, columns: Iterable[Column], codes: Sequence[tuple[int, str]] = ()) -> None:
    """Give columns their words, probabilities three digits, dates a readable form, and HCAT codes their names."""
    columns = list(columns)
    configuration = ET.SubElement(root, "fieldConfiguration")
    for column in columns:
        field = ET.SubElement(configuration, "field", name=column.name, configurationFlags="None")
        if column.name == "hcat_code" and codes:
            _value_map(field, codes)
        elif column.type == "REAL":
            _widget(
                field, "Range", {"Precision": "3", "Style": "SpinBox", "AllowNull": "true", "Min": "-1e9", "Max": "1e9"}
            )
        elif column.type == "DATE":
            _widget(field, "DateTime", {"display_format": "d MMM yyyy", "field_format": "yyyy-MM-dd",
                                        "calendar_popup": "true", "allow_null": "true"})  # fmt: skip
    aliases = ET.SubElement(root, "aliases")
    for column in columns:
        ET.SubElement(aliases, "alias", field=column.name, name=column.alias)


def add_parcel_form(root: ET.Element, found: Survey) -> None:
    """Order the form of a parcel in tabs: the answer, its dates, its relevance, and what the input said."""
    ET.SubElement(root, "editorlayout").text = "tablayout"
    form = ET.SubElement(root, "attributeEditorForm")
    place = {name: str(number) for number, name in enumerate(found.columns, start=1)}  # 0 is the fid
    shown = set(UNSHOWN)
    for title, names in TABS:
        _tab(form, title, [name for name in names if name in place], place)
        shown.update(names)
    if found.dated:
        relation = {"name": RELATION, "relation": RELATION, "label": "", "showLabel": "0", "nmRelationId": "",
                    "forceSuppressFormPopup": "0", "relationWidgetTypeId": "relation_editor"}  # fmt: skip
        ET.SubElement(_container(form, "Relevance"), "attributeEditorRelation", relation)
    if others := [name for name in found.columns if name not in shown]:
        _tab(form, "Input", others, place)


def add_referenced_parcels(root: ET.Element, source: str) -> None:
    """Say of the table of relevance that its rows belong to parcels; QGIS makes the relation when it opens it."""
    relation = {"id": RELATION, "name": "Relevance", "strength": "Association", "layerName": "Parcels",
                "layerId": "cropxai_parcels", "referencedLayer": "cropxai_parcels",
                "referencingLayer": "cropxai_relevance", "dataSource": source, "providerKey": "ogr"}  # fmt: skip
    element = ET.SubElement(ET.SubElement(root, "referencedLayers"), "relation", relation)
    ET.SubElement(element, "fieldRef", referencingField="parcel", referencedField="fid")


def _tab(form: ET.Element, title: str, names: Sequence[str], place: dict[str, str]) -> None:
    tab = _container(form, title)
    for name in names:
        ET.SubElement(tab, "attributeEditorField", name=clean(name), index=place[name], showLabel="1")


def _container(form: ET.Element, title: str) -> ET.Element:
    plain = {"name": title, "columnCount": "1", "groupBox": "0", "showLabel": "1", "visibilityExpressionEnabled": "0",
             "visibilityExpression": ""}  # fmt: skip
    return ET.SubElement(form, "attributeEditorContainer", plain)


def _widget(field: ET.Element, kind: str, options: dict[str, str]) -> ET.Element:
    config = ET.SubElement(ET.SubElement(field, "editWidget", type=kind), "config")
    entries = ET.SubElement(config, "Option", type="Map")
    for name, value in options.items():
        ET.SubElement(entries, "Option", type="QString", name=name, value=value)
    return entries


def _value_map(field: ET.Element, codes: Sequence[tuple[int, str]]) -> None:
    entries = ET.SubElement(_widget(field, "ValueMap", {}), "Option", type="List", name="map")
    for code, name in codes:
        entry = ET.SubElement(entries, "Option", type="Map")
        ET.SubElement(entry, "Option", type="QString", name=clean(name.replace("_", " ")), value=str(code))
