# SPDX-License-Identifier: GPL-2.0-or-later
"""The algorithm "Crop map": parcels and scenes to a styled GeoPackage, by `cropxai map`."""

import shlex
from pathlib import Path

from processing.core.ProcessingConfig import ProcessingConfig
from qgis.core import (
    QgsProcessing,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingLayerPostProcessorInterface,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorDestination,
    QgsProcessingParameterVectorLayer,
    QgsProject,
)

from ..environment import CropxaiMissing, clean_variables, find_cropxai
from ..runner import Cancelled, RunFailed, run

HELP = """
<p>Classifies every parcel from a folder of Sentinel-2 scenes and says which dates decided.</p>
<p><b>Parcels</b>: field boundaries, one polygon a field.<br>
<b>Scenes</b>: a folder of Sentinel-2 GeoTIFFs, one a date, with the names of the bands in their descriptions.<br>
<b>Model</b>: the name of a model that comes with cropxai, or the folder of one of your own.<br>
<b>Season</b>: the year to map, where the folder holds several.<br>
<b>Field with the declared crop</b>: if given, it is kept beside the answer for comparison.<br>
<b>Field with the identifier</b>: by default parcel_id or id, else the number of the row.</p>
<p>The map opens coloured by crop. The same file holds the relevance of every date (table <i>relevance</i>) and how the
map was made (table <i>run</i>). The log shows the command, which runs outside QGIS as well.</p>
"""


class DefaultStyle(QgsProcessingLayerPostProcessorInterface):
    """Gives the layer the style that lies in its file, which Processing does not do itself."""

    def postProcessLayer(self, layer, context, feedback):
        layer.loadDefaultStyle()


class CropMap(QgsProcessingAlgorithm):
    """Runs `cropxai map`."""

    #: QGIS keeps no reference to a Python post-processor; without this one it would be gone before its turn.
    style = DefaultStyle()

    def createInstance(self):
        return CropMap()

    def name(self):
        return "map"

    def displayName(self):
        return "Crop map"

    def shortDescription(self):
        return "Explained crop map from parcels and Sentinel-2"

    def shortHelpString(self):
        return HELP

    def tags(self):
        return ["crop", "agriculture", "sentinel-2", "classification", "explanation", "relevance"]

    def initAlgorithm(self, configuration=None):
        polygons = [QgsProcessing.SourceType.TypeVectorPolygon]
        folder, integer = QgsProcessingParameterFile.Behavior.Folder, QgsProcessingParameterNumber.Type.Integer
        fields = {"parentLayerParameterName": "PARCELS", "optional": True}
        for parameter in (
            QgsProcessingParameterVectorLayer("PARCELS", "Parcels", polygons),
            QgsProcessingParameterFile("SCENES", "Folder of Sentinel-2 scenes", folder),
            QgsProcessingParameterString("MODEL", "Model", "default"),
            QgsProcessingParameterNumber("SEASON", "Season (year)", integer, None, True, 1980, 2100),
            QgsProcessingParameterField("LABEL_FIELD", "Field with the declared crop", **fields),
            QgsProcessingParameterField("ID_FIELD", "Field with the identifier", **fields),
            QgsProcessingParameterVectorDestination("OUTPUT", "Crop map", polygons[0]),
        ):
            self.addParameter(parameter)

    def canExecute(self):
        try:
            find_cropxai(_setting())
        except CropxaiMissing as missing:
            return False, str(missing)
        return True, ""

    def checkParameterValues(self, parameters, context):
        output = _chosen_file(parameters.get("OUTPUT"))
        if output and Path(output).suffix.lower() != ".gpkg":
            return False, f"The crop map is a GeoPackage; let its name end in .gpkg, not {Path(output).suffix!r}"
        if output and _is_open(output):
            return False, f"{output} is open in this project; remove its layers first or choose another file"
        return super().checkParameterValues(parameters, context)

    def processAlgorithm(self, parameters, context, feedback):
        output = self.parameterAsOutputLayer(parameters, "OUTPUT", context)
        command = self.command(parameters, context, feedback, output)
        feedback.pushInfo(" ".join(shlex.quote(word) for word in command))
        try:
            run(command, clean_variables(), feedback)
        except Cancelled:
            context.setLayersToLoadOnCompletion({})
            return {}
        except RunFailed as error:
            raise QgsProcessingException(str(error)) from error
        layer = f"{output}|layername=parcels"
        self.open_styled(context, output, layer)
        return {"OUTPUT": layer}

    def command(self, parameters, context, feedback, output):
        """Write the command line."""
        path, layer = self.parameterAsCompatibleSourceLayerPathAndLayerName(
            parameters, "PARCELS", context, ["gpkg", "shp", "geojson"], "gpkg", feedback
        )
        try:
            program = find_cropxai(_setting())
        except CropxaiMissing as missing:
            raise QgsProcessingException(str(missing)) from missing
        options = {
            "--layer": layer,
            "--model": self.parameterAsString(parameters, "MODEL", context),
            "--season": self.parameterAsInt(parameters, "SEASON", context) if parameters.get("SEASON") else "",
            "--label-field": self.parameterAsString(parameters, "LABEL_FIELD", context),
            "--id-field": self.parameterAsString(parameters, "ID_FIELD", context),
        }
        given = [str(word) for option, value in options.items() if value for word in (option, value)]
        scenes = self.parameterAsString(parameters, "SCENES", context)
        return [program, "map", path, scenes, "-o", output, *given, "--overwrite", "--progress", "json"]

    def open_styled(self, context, output, layer):
        """Let QGIS open the layer of parcels, which is one of several tables in the file, with its style."""
        waiting = context.layersToLoadOnCompletion()
        if output in waiting:
            details = waiting.pop(output)
            details.setPostProcessor(self.style)
            waiting[layer] = details
            context.setLayersToLoadOnCompletion(waiting)


def _setting():
    return ProcessingConfig.getSetting("CROPXAI_PYTHON") or ""


def _chosen_file(destination):
    """Return the file that the user chose, empty for a temporary one."""
    if isinstance(destination, QgsProcessingOutputLayerDefinition):
        destination = destination.sink.staticValue()
    text = str(destination or "")
    return "" if text == QgsProcessing.TEMPORARY_OUTPUT else text


def _is_open(path):
    sources = (layer.source().split("|")[0] for layer in QgsProject.instance().mapLayers().values())
    return any(Path(source) == Path(path) for source in sources)
