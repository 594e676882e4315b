"""Open a crop map as a person does, in QGIS, and tell what is seen: run as `python3 check_map.py MAP.gpkg OUT.png`.

Runs in the Python of QGIS, and prints one JSON object on standard output.
"""

import base64
import json
import re
import sqlite3
import sys
from contextlib import closing
from datetime import datetime
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsDateTimeRange,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor, QImage
from qgis.PyQt.QtXml import QDomDocument


def main(path: str, picture: str) -> None:
    """Look at the map and print what is there."""
    application = QgsApplication([], False)
    application.initQgis()
    try:
        print(json.dumps(seen(path, picture)))
    finally:
        application.exitQgis()


def seen(path: str, picture: str) -> dict[str, Any]:
    """Open the layers and describe them; they are gone when QGIS ends, which would crash otherwise."""
    drawn = vegetation(path)
    layers = {name: QgsVectorLayer(f"{path}|layername={name}", name, "ogr") for name in tables(path)}
    parcels = layers["parcels"]
    found = {
        "valid": {name: layer.isValid() for name, layer in layers.items()},
        "counts": {name: layer.featureCount() for name, layer in layers.items()},
        "types": {f"{name}.{f.name()}": f.typeName() for name, layer in layers.items() for f in layer.fields()},
        "aliases": {field.name(): field.alias() for field in parcels.fields() if field.alias()},
        "default": look(parcels),
        "legend": [node.label() for node in parcels.renderer().legendSymbolItems()],
        "tips": tips(parcels),
        "colours": render(parcels, picture)[0],
        "vegetation": drawn,
        "styles": {name: style(parcels, name) for name in own_styles(parcels)},
        "metadata": [parcels.metadata().title(), parcels.metadata().abstract()],
    }
    parcels.loadDefaultStyle()
    return {**found, "form": form(parcels), "project": project(path)}


def tables(path: str) -> list[str]:
    """Return the tables of the map that QGIS lists."""
    with closing(sqlite3.connect(path)) as database:
        query = "SELECT table_name FROM gpkg_contents WHERE table_name <> 'layer_styles'"
        return [row[0] for row in database.execute(query)]


def look(layer: QgsVectorLayer) -> dict[str, Any]:
    """Describe the renderer that the layer opened with."""
    renderer = layer.renderer()
    categories = {
        str(c.value() or ""): [
            c.label(),
            c.symbol().color().name(),
            c.symbol().symbolLayer(c.symbol().symbolLayerCount() - 1).properties()["style"],
        ]
        for c in renderer.categories()
    }
    return {"type": renderer.type(), "attribute": renderer.classAttribute(), "categories": categories}


def tips(layer: QgsVectorLayer) -> dict[str, dict[str, str]]:
    """Return the map tip of every parcel: its text, and the SVG drawing in it."""
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    texts = {}
    for feature in layer.getFeatures():
        context.setFeature(QgsFeature(feature))
        html = QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context)
        drawings = re.findall(r"base64,([^\"]*)\"", html)
        svg = base64.b64decode(drawings[0]).decode() if drawings else ""
        texts[feature["parcel_id"]] = {"html": html, "svg": svg}
    return texts


def render(layer: QgsVectorLayer, picture: str = "", day: str = "") -> tuple[dict[str, str], int]:
    """Draw the map and return the colour at a point inside each parcel, and the number of colours in all."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setBackgroundColor(QColor("white"))
    settings.setOutputSize(QSize(1200, 900))
    settings.setExtent(layer.extent())
    if day:
        moment = datetime.fromisoformat(day)
        settings.setIsTemporal(True)
        settings.setTemporalRange(QgsDateTimeRange(moment, moment.replace(hour=23)))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image: QImage = job.renderedImage()
    if picture:
        image.save(picture)
    colours = {}
    for feature in layer.getFeatures():
        point = settings.mapToPixel().transform(feature.geometry().pointOnSurface().asPoint())
        colours[feature["parcel_id"]] = QColor(image.pixel(round(point.x()), round(point.y()))).name()
    return colours, len(set(colours.values()))


def own_styles(layer: QgsVectorLayer) -> list[str]:
    """Return the names of the styles of a layer; QGIS lists those of other tables behind them."""
    count, _, names, _, _ = layer.listStylesInDatabase()
    return sorted(names[:count])


def style(layer: QgsVectorLayer, name: str) -> dict[str, Any]:
    """Load a style of the file, and describe what it draws."""
    loaded = load(layer, name)
    labels = [item.label() for item in layer.renderer().legendSymbolItems()]
    return {"loaded": loaded, "type": layer.renderer().type(), "labels": labels, "colours": render(layer)[0]}


def load(layer: QgsVectorLayer, name: str) -> bool:
    """Load a style of the file, and say whether it could be."""
    _, ids, names, _, _ = layer.listStylesInDatabase()
    qml, _ = layer.getStyleFromDatabase(ids[names.index(name)])
    document = QDomDocument()
    document.setContent(qml)
    return bool(layer.importNamedStyle(document)[0])


def vegetation(path: str) -> dict[str, Any]:
    """Draw the vegetation index of one date; QGIS 3.22 cannot filter a layer while others of its file are open."""
    layer = QgsVectorLayer(f"{path}|layername=relevance_by_date", "days", "ogr")
    loaded = load(layer, "vegetation")  # before the filter, with which QGIS finds no styles
    layer.setSubsetString("\"date\" = '2018-03-11'")
    return {"loaded": loaded, "colours": render(layer)[0]}


def form(layer: QgsVectorLayer) -> dict[str, Any]:
    """Describe the form: its tabs, and how a code and a date are shown."""
    config = layer.editFormConfig()
    code = layer.fields().indexFromName("hcat_code")
    setup = layer.editorWidgetSetup(code)
    return {
        "tabs": {tab.name(): [child.name() for child in tab.children()] for tab in config.tabs()},
        "code": [setup.type(), [next(iter(entry.items())) for entry in setup.config().get("map", [])]],
        "display": layer.displayExpression(),
    }


def project(path: str) -> dict[str, Any]:
    """Open the project in the file and describe it."""
    opened = QgsProject.instance()
    read = opened.read(f"geopackage:{path}?projectName=cropxai")
    layers = {layer.name(): layer for layer in opened.mapLayers().values()}
    by_date = layers["Relevance by date"]
    times = by_date.temporalProperties()
    relations = opened.relationManager().relations()
    (relation,) = relations.values()
    first = next(layers["Parcels"].getFeatures())
    found = {
        "read": read,
        "crs": opened.crs().authid(),
        "tree": [node.name() for node in opened.layerTreeRoot().children()],
        "valid": {name: layer.isValid() for name, layer in layers.items()},
        "renderer": layers["Parcels"].renderer().type(),
        "relation": [relation.isValid(), len(list(relation.getRelatedFeatures(first)))],
        "times": [times.isActive(), times.startField(), times.fixedDuration()],
        "stretch": [
            opened.timeSettings().temporalRange().begin().toString("yyyy-MM-dd"),
            opened.timeSettings().temporalRange().end().toString("yyyy-MM-dd"),
        ],
        "days": {day: render_day(by_date, day) for day in ("2018-03-11", "2018-04-20", "2018-03-01")},
    }
    opened.clear()
    return found


def render_day(layer: QgsVectorLayer, day: str) -> list[str]:
    """Draw one date of the time-stepped map and return the colours that occur inside parcels."""
    return sorted(set(render(layer, day=day)[0].values()))


if __name__ == "__main__":
    main(*sys.argv[1:])
