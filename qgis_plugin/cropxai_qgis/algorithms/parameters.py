# SPDX-License-Identifier: GPL-2.0-or-later
"""From the table of parameters to what QGIS shows, and from what the user gave to words of the command line."""

import shlex
import shutil
from html import escape
from pathlib import Path

from qgis.core import (
    QgsProcessing,
    QgsProcessingException,
    QgsProcessingParameterBoolean,
    QgsProcessingParameterDateTime,
    QgsProcessingParameterDefinition,
    QgsProcessingParameterEnum,
    QgsProcessingParameterFeatureSource,
    QgsProcessingParameterField,
    QgsProcessingParameterFile,
    QgsProcessingParameterMultipleLayers,
    QgsProcessingParameterNumber,
    QgsProcessingParameterString,
    QgsProcessingParameterVectorLayer,
    QgsProcessingUtils,
)

from ..opening import file_of
from ..texts import tr

POLYGONS = [QgsProcessing.SourceType.TypeVectorPolygon]
#: Formats of parcels that cropxai is given as they are; layers of any other are exported first.
PLAIN = ["gpkg", "shp", "geojson"]


def definition(parameter):
    """Return the parameter as QGIS shows it."""
    made = _KINDS[parameter.kind](parameter, (parameter.name, tr(parameter.label)))
    flags = made.flags()
    if parameter.optional:
        flags |= QgsProcessingParameterDefinition.Flag.FlagOptional
    if parameter.advanced:
        flags |= QgsProcessingParameterDefinition.Flag.FlagAdvanced
    made.setFlags(flags)
    made.setHelp(tr(parameter.help))
    return made


def _choice(parameter, given):
    made = QgsProcessingParameterEnum(*given, list(parameter.choices), False, parameter.default, parameter.optional)
    made.setUsesStaticStrings(True)
    return made


def _number(kind):
    def make(parameter, given):
        made = QgsProcessingParameterNumber(*given, kind, parameter.default)
        if parameter.least is not None:
            made.setMinimum(parameter.least)
        if parameter.most is not None:
            made.setMaximum(parameter.most)
        return made

    return make


def _text(parameter, given):
    made = QgsProcessingParameterString(*given, parameter.default)
    if parameter.choices:
        made.setMetadata({"widget_wrapper": {"value_hints": list(parameter.choices)}})
    return made


def _file(parameter, given):
    made = QgsProcessingParameterFile(*given, QgsProcessingParameterFile.Behavior.File)
    made.setFileFilter(parameter.suffixes)
    return made


_KINDS = {
    "parcels": lambda _, given: QgsProcessingParameterFeatureSource(*given, POLYGONS),
    "field": lambda _, given: QgsProcessingParameterField(*given, None, "PARCELS"),
    "folder": lambda _, given: QgsProcessingParameterFile(*given, QgsProcessingParameterFile.Behavior.Folder),
    "file": _file,
    "rasters": lambda _, given: QgsProcessingParameterMultipleLayers(*given, QgsProcessing.SourceType.TypeRaster),
    "map": lambda _, given: QgsProcessingParameterVectorLayer(*given, POLYGONS),
    "choice": _choice,
    "whole": _number(QgsProcessingParameterNumber.Type.Integer),
    "number": _number(QgsProcessingParameterNumber.Type.Double),
    "text": _text,
    "extra": lambda parameter, given: QgsProcessingParameterString(*given, parameter.default),
    "date": lambda _, given: QgsProcessingParameterDateTime(*given, QgsProcessingParameterDateTime.Type.Date),
    "flag": lambda parameter, given: QgsProcessingParameterBoolean(*given, parameter.default),
}


def help_page(spec):
    """Write the help of an algorithm: what it does, then every parameter and output."""
    described = [*spec.parameters, *spec.outputs]
    entries = "<br>".join(f"<b>{escape(tr(entry.label))}</b>: {escape(tr(entry.help))}" for entry in described)
    log = tr("The log shows the command, which runs outside QGIS as well.")
    return f"<p>{escape(tr(spec.help))}</p><p>{entries}</p><p>{escape(log)}</p>"


def problem(algorithm, values, context):
    """Return what is wrong with the given values; empty if QGIS itself may judge the rest."""
    spec = algorithm.spec
    if spec.one_of and not any(values.get(name) for name in spec.one_of):
        labels = ", ".join(tr(entry.label) for entry in spec.parameters if entry.name in spec.one_of)
        return f"{tr('Give one of these')}: {labels}"
    for parameter in spec.parameters:
        if parameter.kind == "extra":
            try:
                _extra(str(values.get(parameter.name) or ""))
            except ValueError as error:
                return f"{tr(parameter.label)}: {error}"
    return ""


def _extra(text):
    """Split further options as a shell would; refuse those that the plugin gives itself."""
    words = shlex.split(text)
    ours = [w for w in words if w.split("=")[0] in ("-o", "--output", "--progress", "-q", "--quiet", "--overwrite")]
    if ours:
        raise ValueError(f"{ours[0]} is given by the plugin itself")
    return words


class Words:
    """The words of the command line that the parameters give; removes exported parcels when it is left.

    Attributes
    ----------
    words : list of str
    map_file : path of the crop map among the parameters, empty where there is none
    """

    def __init__(self, algorithm, values, context, feedback):
        self.algorithm, self.values, self.context, self.feedback = algorithm, values, context, feedback
        self.map_file = ""
        self.exported = None
        self.words = []

    def __enter__(self):
        try:
            self._gather()
        except QgsProcessingException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        if self.exported is not None:
            shutil.rmtree(self.exported, ignore_errors=True)

    def _gather(self):
        by_option = {}
        for parameter in self.algorithm.spec.parameters:
            words = getattr(self, f"_{parameter.kind}", self._plain)(parameter)
            if not parameter.option:
                self.words += words
            elif words:
                by_option[parameter.option] = words  # the folder of an own model stands in for the shipped one
        self.words += [word for words in by_option.values() for word in words]

    def _given(self, parameter):
        value = self.values.get(parameter.name)
        return value is not None and value != ""

    def _parcels(self, parameter):
        """Name the layer's file; layers that are in none, filters and selections are exported by QGIS."""
        source = self.algorithm.parameterAsVectorLayer(self.values, parameter.name, self.context)
        if source is not None and source.isEditable() and source.isModified():
            raise QgsProcessingException(f"layer {source.name()!r} has edits that are not saved; save them first")
        path, layer = self.algorithm.parameterAsCompatibleSourceLayerPathAndLayerName(
            self.values, parameter.name, self.context, PLAIN, "gpkg", self.feedback
        )
        folder = Path(path).parent
        if Path(path) != Path(file_of(source)) and Path(QgsProcessingUtils.tempFolder()) in folder.parents:
            self.exported = folder
        return [path, *(("--layer", layer) if layer else ())]

    def _rasters(self, parameter):
        if not self._given(parameter):
            return []
        layers = self.algorithm.parameterAsLayerList(self.values, parameter.name, self.context)
        return [layer.source() for layer in layers]

    def _map(self, parameter):
        layer = self.algorithm.parameterAsVectorLayer(self.values, parameter.name, self.context)
        self.map_file = file_of(layer)
        if Path(self.map_file).suffix.lower() != ".gpkg":
            raise QgsProcessingException(f"{self.map_file or parameter.name} is no crop map; give its GeoPackage")
        return [self.map_file]

    def _whole(self, parameter):
        if not self._given(parameter):
            return []
        value = self.algorithm.parameterAsInt(self.values, parameter.name, self.context)
        return [parameter.option, str(value)] if value != parameter.default else []

    def _number(self, parameter):
        if not self._given(parameter):
            return []
        value = self.algorithm.parameterAsDouble(self.values, parameter.name, self.context)
        return [parameter.option, repr(value)] if value != parameter.default else []

    def _choice(self, parameter):
        value = self.algorithm.parameterAsEnumString(self.values, parameter.name, self.context)
        return [parameter.option, value] if value and value != parameter.default else []

    def _flag(self, parameter):
        value = self.algorithm.parameterAsBool(self.values, parameter.name, self.context)
        if value == bool(parameter.default):
            return []
        return [parameter.option if value else parameter.option.replace("--", "--no-", 1)]

    def _date(self, parameter):
        day = self.algorithm.parameterAsDateTime(self.values, parameter.name, self.context).date()
        return [parameter.option, day.toString("yyyy-MM-dd")] if day.isValid() else []

    def _extra(self, parameter):
        return _extra(self.algorithm.parameterAsString(self.values, parameter.name, self.context))

    def _plain(self, parameter):
        """Texts, files, folders and fields, with or without an option."""
        value = self.algorithm.parameterAsString(self.values, parameter.name, self.context)
        if not value or value == parameter.default:
            return []
        return [parameter.option, value] if parameter.option else [value]
