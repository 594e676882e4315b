"""Open a crop map as a person does, in QGIS, and tell what is seen: run as `python3 check_map.py MAP.gpkg OUT.png`.

Runs in the Python of QGIS, and prints one JSON object on standard output.
"""

import json
import sys
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsFeature,
    QgsMapRendererParallelJob,
    QgsMapSettings,
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
    parcels, relevance, run = (
        QgsVectorLayer(f"{path}|layername={name}", name, "ogr") for name in ("parcels", "relevance", "run")
    )
    found = {
        "valid": [layer.isValid() for layer in (parcels, relevance, run)],
        "counts": [layer.featureCount() for layer in (parcels, relevance, run)],
        "types": {field.name(): field.typeName() for layer in (relevance, parcels) for field in layer.fields()},
        "aliases": {field.name(): field.alias() for field in parcels.fields() if field.alias()},
        "default": look(parcels),
        "tips": tips(parcels),
        "colours": render(parcels, picture),
        "styles": sorted(parcels.listStylesInDatabase()[2]),
    }
    return {**found, "confidence": confidence_classes(parcels)}  # last: it changes the look of the layer


def look(layer: QgsVectorLayer) -> dict[str, Any]:
    """Describe the renderer that the layer opened with."""
    renderer = layer.renderer()
    categories = {
        str(c.value() or ""): [c.label(), c.symbol().color().name(), c.symbol().symbolLayer(0).properties()["style"]]
        for c in renderer.categories()
    }
    return {"type": renderer.type(), "attribute": renderer.classAttribute(), "categories": categories}


def tips(layer: QgsVectorLayer) -> dict[str, str]:
    """Return the map tip of every parcel."""
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    texts = {}
    for feature in layer.getFeatures():
        context.setFeature(QgsFeature(feature))
        texts[feature["parcel_id"]] = QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context)
    return texts


def render(layer: QgsVectorLayer, picture: str) -> dict[str, str]:
    """Draw the map and return the colour at a point inside each parcel."""
    settings = QgsMapSettings()
    settings.setLayers([layer])
    settings.setDestinationCrs(layer.crs())
    settings.setBackgroundColor(QColor("white"))
    settings.setOutputSize(QSize(1200, 900))
    settings.setExtent(layer.extent())
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    image: QImage = job.renderedImage()
    image.save(picture)
    colours = {}
    for feature in layer.getFeatures():
        point = settings.mapToPixel().transform(feature.geometry().pointOnSurface().asPoint())
        colours[feature["parcel_id"]] = QColor(image.pixel(round(point.x()), round(point.y()))).name()
    return colours


def confidence_classes(layer: QgsVectorLayer) -> list[str]:
    """Load the second style and return the labels of its classes."""
    _, ids, names, _, _ = layer.listStylesInDatabase()
    qml, _ = layer.getStyleFromDatabase(ids[names.index("confidence")])
    document = QDomDocument()
    document.setContent(qml)
    layer.importNamedStyle(document)
    return [r.label() for r in layer.renderer().ranges()]


if __name__ == "__main__":
    main(*sys.argv[1:])
