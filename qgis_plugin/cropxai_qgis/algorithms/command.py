# SPDX-License-Identifier: GPL-2.0-or-later
"""An algorithm that runs a command of cropxai, made from the table of its parameters."""

import os
import shlex
import subprocess
from pathlib import Path

from qgis.core import QgsProcessingAlgorithm, QgsProcessingException

from ..environment import CropxaiMissing, clean_variables, find_cropxai, version_of
from ..opening import OpenMap, restyle
from ..runner import Cancelled, RunFailed, run
from ..texts import tr
from . import outputs, parameters
from .place import profile, setting


class CommandAlgorithm(QgsProcessingAlgorithm):
    """Runs one command of cropxai; ``spec`` is its entry in the table of commands."""

    #: QGIS keeps no reference to a Python post-processor; without this one it would be gone before its turn.
    open_map = OpenMap()

    def __init__(self, spec):
        super().__init__()
        self.spec = spec
        self.restyled = ""

    def createInstance(self):
        return CommandAlgorithm(self.spec)

    def name(self):
        return self.spec.name

    def displayName(self):
        return tr(self.spec.title)

    def group(self):
        return tr(self.spec.group)

    def groupId(self):
        return self.spec.group.lower().replace(" ", "_")

    def shortDescription(self):
        return tr(self.spec.summary)

    def shortHelpString(self):
        return parameters.help_page(self.spec)

    def tags(self):
        return list(self.spec.tags)

    def initAlgorithm(self, configuration=None):
        for parameter in self.spec.parameters:
            self.addParameter(parameters.definition(parameter))
        for output in self.spec.outputs:
            self.addParameter(outputs.definition(output), createOutput=True)
        for result in outputs.results(self.spec):
            self.addOutput(result)

    def canExecute(self):
        try:
            find_cropxai(setting(), profile())
        except CropxaiMissing as missing:
            return False, str(missing)
        return True, ""

    def checkParameterValues(self, values, context):
        problem = parameters.problem(self, values, context) or next(
            filter(None, (outputs.problem(output, values.get(output.name)) for output in self.spec.outputs)), ""
        )
        return (False, problem) if problem else super().checkParameterValues(values, context)

    def processAlgorithm(self, values, context, feedback):
        variables = clean_variables()
        try:
            program = find_cropxai(setting(), profile())
            version = version_of(program, variables)
        except CropxaiMissing as missing:
            raise QgsProcessingException(str(missing)) from missing
        feedback.pushInfo(f"cropxai {version}: {program}")
        paths = outputs.paths(self, values, context)
        with parameters.Words(self, values, context, feedback) as words:
            command = [program, self.spec.name, *words.words, *outputs.words(self.spec, paths, words.words)]
            feedback.pushInfo(command_line(command))
            try:
                result = run(command, variables, feedback)
            except Cancelled:
                context.setLayersToLoadOnCompletion({})
                return {}
            except RunFailed as error:
                raise QgsProcessingException(str(error)) from error
            self.restyled = words.map_file
        missing = [path for path in paths.values() if not Path(path).exists()]
        if missing:
            raise QgsProcessingException(f"cropxai told of no error, but {missing[0]} is not there")
        found = outputs.values_of(self.spec, result)
        for output in self.spec.outputs:
            if output.name in paths:
                path = paths[output.name]
                found[output.name] = self.map_layer(context, path) if output.kind == "map" else path
        return found

    def map_layer(self, context, path):
        """Let QGIS open the layer of parcels, which is one of several tables in the file, and return its source."""
        source = f"{path}|layername=parcels"
        waiting = context.layersToLoadOnCompletion()
        if path in waiting:
            details = waiting.pop(path)
            details.setPostProcessor(self.open_map)
            waiting[source] = details
            context.setLayersToLoadOnCompletion(waiting)
        return source

    def postProcessAlgorithm(self, context, feedback):
        if self.spec.name == "style" and self.restyled:
            restyle(self.restyled)
        return {}


def command_line(command):
    """Write a command as it can be pasted into a terminal."""
    words = [str(word) for word in command]
    return subprocess.list2cmdline(words) if os.name == "nt" else " ".join(shlex.quote(word) for word in words)
