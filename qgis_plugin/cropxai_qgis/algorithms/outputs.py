# SPDX-License-Identifier: GPL-2.0-or-later
"""What an algorithm writes and returns: destinations, their names, and the values for models."""

from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingOutputLayerDefinition,
    QgsProcessingOutputNumber,
    QgsProcessingOutputString,
    QgsProcessingParameterFileDestination,
    QgsProcessingParameterFolderDestination,
    QgsProcessingParameterVectorDestination,
    QgsProject,
)

from ..opening import file_of
from ..texts import tr

SUFFIXES = {"map": (".gpkg",), "store": (".zarr",), "page": (".html", ".htm")}
FILTERS = {"store": "Zarr (*.zarr)", "page": "HTML (*.html)"}
#: Files by which a folder that cropxai wrote is known; no other folder is replaced.
OURS = (".zattrs", "card.json", "study.json")


def definition(output):
    """Return the destination as QGIS shows it."""
    given = (output.name, tr(output.label))
    if output.kind == "map":
        made = QgsProcessingParameterVectorDestination(*given, QgsProcessing.SourceType.TypeVectorPolygon)
    elif output.kind == "folder":
        made = QgsProcessingParameterFolderDestination(*given, None, output.optional, not output.optional)
    else:
        made = QgsProcessingParameterFileDestination(*given, FILTERS[output.kind])
    made.setHelp(tr(output.help))
    return made


def results(spec):
    """Return the further outputs: what the command said, and its numbers."""
    kinds = {True: QgsProcessingOutputNumber, False: QgsProcessingOutputString}
    made = [kinds[result.number](result.name, tr(result.label)) for result in spec.results]
    return [*made, QgsProcessingOutputString("SUMMARY", tr("Summary"))]


def values_of(spec, told):
    """Return the values of these outputs from what the command told; a number that it did not tell is left out."""
    found = {"SUMMARY": str(told.get("text", ""))}
    for result in spec.results:
        value = told.get(result.key)
        if isinstance(value, dict):
            value = sum(count for count in value.values() if isinstance(count, int))
        if isinstance(value, (int, float)) or (value is not None and not result.number):
            found[result.name] = value
    return found


def paths(algorithm, values, context):
    """Return the paths of the outputs by name; optional ones only where they are asked for."""
    found = {}
    for output in algorithm.spec.outputs:
        if output.optional and not values.get(output.name):
            continue
        ask = algorithm.parameterAsOutputLayer if output.kind == "map" else algorithm.parameterAsFileOutput
        found[output.name] = ask(values, output.name, context)
    return found


def words(spec, found, given):
    """Return the words of the command line that name the outputs."""
    named = [word for output in spec.outputs if output.name in found for word in (output.option, found[output.name])]
    replace = ["--overwrite"] if spec.outputs and "--update" not in given else []
    return [*named, *replace, "--progress", "json"]


def problem(output, destination):
    """Return what is wrong with the place that the user chose; empty if nothing is."""
    path = chosen(destination)
    if not path:
        return ""
    suffixes = SUFFIXES.get(output.kind, ())
    if suffixes and Path(path).suffix.lower() not in suffixes:
        return f"{tr(output.label)}: let its name end in {suffixes[0]}, not {Path(path).suffix!r}"
    if output.kind == "map" and _is_open(path):
        return f"{path} is open in this project; remove its layers first or choose another file"
    if output.option == "-o" and output.kind in ("folder", "store") and _holds_other_things(Path(path)):
        return f"{path} holds other things, which would be lost; choose a new or empty folder"
    return ""


def chosen(destination):
    """Return the path that the user chose, empty for a temporary one."""
    if isinstance(destination, QgsProcessingOutputLayerDefinition):
        destination = destination.sink.staticValue()
    text = str(destination or "")
    return "" if text == QgsProcessing.TEMPORARY_OUTPUT else text


def _is_open(path):
    files = filter(None, map(file_of, QgsProject.instance().mapLayers().values()))
    return any(Path(file) == Path(path) for file in files)


def _holds_other_things(folder):
    if not folder.exists():
        return False
    return folder.is_file() or not (any((folder / name).exists() for name in OURS) or not any(folder.iterdir()))
