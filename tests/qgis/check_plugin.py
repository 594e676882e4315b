"""Run algorithms as their dialogs do: `python3 check_plugin.py SCENE.json`, a list of runs; see test_qgis_plugin.py.

Runs in the Python of QGIS. Prints one JSON object on standard output: what came of every run, by its name.
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
    QgsProcessingFeatureSourceDefinition,
    QgsProcessingFeedback,
    QgsProcessingModelAlgorithm,
    QgsProcessingModelChildAlgorithm,
    QgsProcessingModelChildParameterSource,
    QgsProcessingModelOutput,
    QgsProcessingModelParameter,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterFile,
    QgsProcessingParameterVectorLayer,
    QgsProcessingUtils,
    QgsProject,
    QgsVectorLayer,
)

sys.path[:0] = ["/usr/share/qgis/python/plugins", os.environ["QGIS_PLUGINPATH"]]


def main(scene: str) -> None:
    """Load the plugin, run the algorithms, and print what came of them."""
    application = QgsApplication([], False)
    application.initQgis()
    try:
        print(json.dumps(outcomes(json.loads(Path(scene).read_text(encoding="utf-8")))))
    finally:
        application.exitQgis()


def outcomes(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """Run one after the other, each in an empty project, and gather what came of them by name."""
    from cropxai_qgis import classFactory
    from processing.core.Processing import Processing

    Processing.initialize()
    plugin = classFactory(None)
    plugin.initProcessing()
    found = {run["name"]: outcome(**run) for run in runs}
    plugin.unload()
    return found


def outcome(name: str, program: str, values: dict[str, Any], algorithm: str = "map", parcels: str = "file",
            load: bool = False, cancel_after: float = 0, cancel_at: float = 0) -> dict[str, Any]:  # fmt: skip
    """Run an algorithm, with an output that QGIS is to open if ``load``, and describe what is then there.

    It is cancelled after so many seconds, or once its progress is so many per cent.
    """
    os.environ["CROPXAI_PYTHON"] = program
    project, context, feedback = QgsProject.instance(), QgsProcessingContext(), QgsProcessingFeedback()
    context.setProject(project)
    if cancel_after:
        threading.Timer(cancel_after, feedback.cancel).start()
    if cancel_at:
        feedback.progressChanged.connect(lambda progress: feedback.cancel() if progress >= cancel_at else None)
    made = chain() if algorithm == "chain" else registry().createAlgorithmById(f"cropxai:{algorithm}")
    if "PARCELS" in values:
        values["PARCELS"] = layer_of(values["PARCELS"], parcels, project)
    if load:
        values["OUTPUT"] = QgsProcessingOutputLayerDefinition(values["OUTPUT"], project)
    before = set(temporary())
    executable, why_not = made.canExecute()
    allowed, why = made.checkParameterValues(values, context)
    results, succeeded = made.run(values, context, feedback) if allowed and executable else ({}, False)
    opened = open_layers(made, context, feedback)
    found = {
        "executable": [executable, why_not],
        "allowed": [allowed, why],
        "succeeded": succeeded,
        "results": results,
        "opened": opened,
        "tree": tree(project.layerTreeRoot()),
        "log": feedback.textLog(),
        "again": made.checkParameterValues(values, context)[1],
        "left": sorted(set(temporary()) - before),
        "running": running(str(values.get("OUTPUT", ""))) if cancel_at else [],
    }
    project.clear()
    return found


def running(word: str) -> list[str]:
    """Return the command lines of all processes that have a word in them."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().decode(errors="replace").replace("\0", " ")
        except OSError:  # it has ended
            continue
        if word in line:
            found.append(line)
    return found


def registry() -> Any:
    """Return what knows all algorithms."""
    return QgsApplication.processingRegistry()


def chain() -> QgsProcessingModelAlgorithm:
    """Make the model of a designer: a crop map, and the report of what it wrote."""
    source = QgsProcessingModelChildParameterSource
    model = QgsProcessingModelAlgorithm("chain", "tests")
    model.addModelParameter(QgsProcessingParameterVectorLayer("PARCELS"), QgsProcessingModelParameter("PARCELS"))
    model.addModelParameter(QgsProcessingParameterFile("SCENES", "", QgsProcessingParameterFile.Folder),
                            QgsProcessingModelParameter("SCENES"))  # fmt: skip
    first, second = (QgsProcessingModelChildAlgorithm(f"cropxai:{name}") for name in ("map", "report"))
    first.setChildId("map")
    second.setChildId("report")
    for name in ("PARCELS", "SCENES"):
        first.addParameterSources(name, [source.fromModelParameter(name)])
    second.addParameterSources("MAP", [source.fromChildOutput("map", "OUTPUT")])
    page = QgsProcessingModelOutput("page", "page")
    page.setChildId("report")
    page.setChildOutputName("OUTPUT")
    second.setModelOutputs({"page": page})
    for child in (first, second):
        model.addChildAlgorithm(child)
    model.updateDestinationParameters()
    return model


def layer_of(path: str, kind: str, project: QgsProject) -> Any:
    """Return parcels as a layer of a file, a filtered or selected one, one in memory, or one that is being edited."""
    layer = QgsVectorLayer(path, "fields", "ogr")
    assert layer.isValid(), path
    if kind == "memory":
        memory = QgsVectorLayer(f"MultiPolygon?crs={layer.crs().authid()}", "fields", "memory")
        memory.dataProvider().addAttributes(layer.fields().toList())
        memory.updateFields()
        memory.dataProvider().addFeatures(list(layer.getFeatures()))
        layer = memory
    project.addMapLayer(layer)
    if kind == "filtered":
        assert layer.setSubsetString("\"name\" IN ('Flur 1', 'Flur 2')")
    if kind == "edited":
        layer.startEditing()
        layer.deleteFeature(1)
    if kind == "selected":
        layer.selectByIds([1, 2, 3])
        return QgsProcessingFeatureSourceDefinition(layer.id(), True)
    return layer


def temporary() -> list[str]:
    """List the files in the temporary folder of Processing."""
    return [str(path) for path in Path(QgsProcessingUtils.tempFolder()).rglob("*") if path.is_file()]


def open_layers(algorithm: Any, context: QgsProcessingContext, feedback: QgsProcessingFeedback) -> list[Any]:
    """Let Processing open what waits at the end of a run, and describe it."""
    from processing.gui.Postprocessing import handleAlgorithmResults

    waiting = list(context.layersToLoadOnCompletion())
    assert handleAlgorithmResults(algorithm, context, feedback)
    layers = {layer.source(): layer for layer in QgsProject.instance().mapLayers().values()}
    return [[source, layers[source].renderer().type(), layers[source].featureCount()] for source in waiting]


def tree(group: Any) -> list[Any]:
    """Describe a group of the layer tree: names of layers, lists for groups that begin with their name."""
    return [
        [node.name(), *tree(node)] if hasattr(node, "insertGroup") else [node.name(), node.itemVisibilityChecked()]
        for node in group.children()
    ]


if __name__ == "__main__":
    main(*sys.argv[1:])
