"""Run the algorithm as the dialog does: `python3 check_plugin.py PARCELS OUT.gpkg [SECONDS_UNTIL_CANCEL]`.

Runs in the Python of QGIS; the command that the plugin finds is that of CROPXAI_PYTHON.
Prints one JSON object on standard output.
"""

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any

from qgis.core import (
    QgsApplication,
    QgsProcessingContext,
    QgsProcessingFeedback,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingUtils,
    QgsProject,
    QgsVectorLayer,
)

sys.path[:0] = ["/usr/share/qgis/python/plugins", os.environ["QGIS_PLUGINPATH"]]


def main(parcels: str, output: str, cancel_after: str = "") -> None:
    """Load the plugin, run the algorithm, and print what came of it."""
    application = QgsApplication([], False)
    application.initQgis()
    try:
        print(json.dumps(outcome(parcels, output, float(cancel_after or 0))))
    finally:
        application.exitQgis()


def outcome(parcels: str, output: str, cancel_after: float) -> dict[str, Any]:
    """Run the algorithm with an output that QGIS is to open, and describe what is then in the project."""
    from cropxai_qgis import classFactory
    from processing.core.Processing import Processing

    Processing.initialize()
    plugin = classFactory(None)
    plugin.initProcessing()
    project, context, feedback = QgsProject.instance(), QgsProcessingContext(), QgsProcessingFeedback()
    context.setProject(project)
    if cancel_after:
        threading.Timer(cancel_after, feedback.cancel).start()
    algorithm = QgsApplication.processingRegistry().createAlgorithmById("cropxai:map")
    values = {
        "PARCELS": QgsVectorLayer(parcels, "fields", "ogr"),
        "SCENES": str(Path(parcels).parent),
        "LABEL_FIELD": "crop",
        "SEASON": 2018,
        "OUTPUT": QgsProcessingOutputLayerDefinition(output, project),
    }
    allowed, why = algorithm.checkParameterValues(values, context)
    results, succeeded = algorithm.run(values, context, feedback) if allowed else ({}, False)
    opened = open_layers(context, feedback)
    again, why_not_again = algorithm.checkParameterValues(values, context)
    found = {
        "allowed": [allowed, why],
        "again": [again, why_not_again],
        "succeeded": succeeded,
        "results": results,
        "layers": opened,
        "log": feedback.textLog(),
        "shapefile": algorithm.checkParameterValues({**values, "OUTPUT": "crops.shp"}, context)[1],
    }
    project.clear()
    plugin.unload()
    return found


def open_layers(context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> list[dict[str, Any]]:
    """Do what Processing does at the end of a run: open the layers that wait, and call their post-processors."""
    opened = []
    for source, details in context.layersToLoadOnCompletion().items():
        layer = QgsProcessingUtils.mapLayerFromString(source, context)
        details.setOutputLayerName(layer)
        if details.postProcessor():
            details.postProcessor().postProcessLayer(layer, context, feedback)
        details.project.addMapLayer(context.temporaryLayerStore().takeMapLayer(layer))
        opened.append({"source": source, "renderer": layer.renderer().type(), "count": layer.featureCount()})
    return opened


if __name__ == "__main__":
    main(*sys.argv[1:])
