"""A QGIS project inside the map: its layers in order and styled, their relation, and the times to step through.

QGIS keeps projects in the table `qgis_projects` of a GeoPackage: a zipped project document in hexadecimal digits. The
browser of QGIS shows it below the file. It finds its layers by the name of the file: after a rename, `cropxai style`
writes it again.
"""

import copy
import io
import json
import sqlite3
import zipfile
from collections.abc import Mapping
from xml.etree import ElementTree as ET

import numpy as np

from cropxai.maps.form import RELATION
from cropxai.maps.survey import SUMMARIES, Crs, Survey
from cropxai.maps.symbology import clean

NAME = "cropxai"
#: Layers of the project from the top: table, title, whether it has geometry, whether it is shown at first.
LAYERS = (
    ("relevance_by_date", "Relevance by date", True, False),
    ("parcels", "Parcels", True, True),
    ("classes", "Classes", False, True),
    ("curves", "Curves", False, True),
    ("season_ends", "Season ends", False, True),
    ("months", "Months", False, True),
    ("relevance", "Relevance", False, True),
    ("run", "Run", False, True),
)
#: Metadata of a project in a GeoPackage; fixed, so that the same map gives the same file.
_METADATA = json.dumps({"last_modified_time": "2000-01-01T00:00:00", "last_modified_user": "cropxai"})


def write_project(
    database: sqlite3.Connection, file_name: str, found: Survey, styles: Mapping[str, ET.Element]
) -> None:
    """Write the project into a map, in place of one written before.

    Parameters
    ----------
    file_name : name of the map's file
    found : what the map holds
    styles : the style document with which each table opens
    """
    database.execute("CREATE TABLE IF NOT EXISTS qgis_projects (name TEXT PRIMARY KEY, metadata BLOB, content BLOB)")
    document = ET.tostring(_project(file_name, found, styles), encoding="unicode")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(f"{NAME}.qgs")
        entry.compress_type = zipfile.ZIP_DEFLATED
        archive.writestr(entry, "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n" + document)
    database.execute(
        "INSERT OR REPLACE INTO qgis_projects (name, metadata, content) VALUES (?, ?, ?)",
        (NAME, _METADATA, packed.getvalue().hex()),
    )


def _project(file_name: str, found: Survey, styles: Mapping[str, ET.Element]) -> ET.Element:
    root = ET.Element("qgis", version="3.22.0", projectname="Crop map")
    ET.SubElement(root, "title").text = "Crop map"
    if found.crs is not None:
        root.append(_crs("projectCrs", found.crs))
    _tree(root, file_name, found)
    _canvas(root, found)
    if found.dated:
        relations = ET.SubElement(root, "relations")
        relation = {"id": RELATION, "name": "Relevance", "strength": "Association",
                    "referencingLayer": _layer_id("relevance"), "referencedLayer": _layer_id("parcels")}  # fmt: skip
        element = ET.SubElement(relations, "relation", relation)
        ET.SubElement(element, "fieldRef", referencingField="parcel", referencedField="fid")
    layers = ET.SubElement(root, "projectlayers")
    for table, title, spatial, _ in _present(found):
        layers.append(_layer(file_name, table, title, spatial, found.crs, styles.get(table)))
    properties = ET.SubElement(root, "properties")
    ET.SubElement(ET.SubElement(properties, "Paths"), "Absolute", type="bool").text = "false"
    ET.SubElement(ET.SubElement(properties, "SpatialRefSys"), "ProjectionsEnabled", type="int").text = "1"
    _times(root, found)
    return root


def _present(found: Survey) -> list[tuple[str, str, bool, bool]]:
    absent = set() if found.dated else {"relevance"}
    absent |= set() if found.relevance or found.vegetation else {"relevance_by_date"}
    absent |= set(SUMMARIES) - set(found.summaries)
    return [layer for layer in LAYERS if layer[0] not in absent]


def _layer_id(table: str) -> str:
    return f"cropxai_{table}"


def _source(file_name: str, table: str) -> str:
    return f"./{clean(file_name)}|layername={table}"


def _tree(root: ET.Element, file_name: str, found: Survey) -> None:
    tree = ET.SubElement(root, "layer-tree-group")
    tables = ET.Element("layer-tree-group", name="Tables", checked="Qt::Checked", expanded="0")
    for table, title, spatial, shown in _present(found):
        ET.SubElement(
            tree if spatial else tables, "layer-tree-layer",
            {"id": _layer_id(table), "name": title, "source": _source(file_name, table), "providerKey": "ogr",
             "checked": "Qt::Checked" if shown else "Qt::Unchecked", "expanded": "1" if shown else "0"},
        )  # fmt: skip
    tree.append(tables)


def _canvas(root: ET.Element, found: Survey) -> None:
    if found.extent is None:
        return
    canvas = ET.SubElement(root, "mapcanvas", name="theMapCanvas", annotationsVisible="1")
    west, south, east, north = found.extent
    margin = 0.03 * max(east - west, north - south)
    extent = ET.SubElement(canvas, "extent")
    for name, value in (
        ("xmin", west - margin),
        ("ymin", south - margin),
        ("xmax", east + margin),
        ("ymax", north + margin),
    ):
        ET.SubElement(extent, name).text = repr(float(value))
    ET.SubElement(canvas, "rotation").text = "0"
    if found.crs is not None:
        canvas.append(_crs("destinationsrs", found.crs))


def _layer(
    file_name: str, table: str, title: str, spatial: bool, crs: Crs | None, style: ET.Element | None
) -> ET.Element:
    layer = ET.Element("maplayer", type="vector", geometry="Polygon" if spatial else "No geometry")
    ET.SubElement(layer, "id").text = _layer_id(table)
    ET.SubElement(layer, "datasource").text = _source(file_name, table)
    ET.SubElement(layer, "layername").text = title
    ET.SubElement(layer, "provider", encoding="UTF-8").text = "ogr"
    if spatial and crs is not None:
        layer.append(_crs("srs", crs))
    for part in style if style is not None else ():
        layer.append(copy.deepcopy(part))
    return layer


def _crs(name: str, crs: Crs) -> ET.Element:
    root = ET.Element(name)
    system = ET.SubElement(root, "spatialrefsys")
    ET.SubElement(system, "wkt").text = clean(crs.wkt)
    ET.SubElement(system, "authid").text = crs.authority
    return root


def _times(root: ET.Element, found: Survey) -> None:
    """Set what the temporal controller steps through: from the first date to the last, by the usual gap."""
    if not len(found.dates):
        return
    settings = ET.SubElement(
        root,
        "ProjectTimeSettings",
        timeStepUnit="d",
        timeStep=str(found.step),
        frameRate="1",
        cumulativeTemporalRange="0",
    )
    stretch = ET.SubElement(settings, "TemporalRange")
    for name, day in (("start", found.dates.min()), ("end", found.dates.max() + np.timedelta64(found.step, "D"))):
        ET.SubElement(stretch, name).text = f"{day}T00:00:00Z"
