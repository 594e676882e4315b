# SPDX-License-Identifier: GPL-2.0-or-later
"""The algorithm "Check environment": which cropxai the plugin runs, and a text to copy into a report of a bug."""

import json
import platform
from html import escape
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsProcessingAlgorithm,
    QgsProcessingException,
    QgsProcessingOutputBoolean,
    QgsProcessingOutputString,
    QgsProcessingParameterFileDestination,
)
from qgis.PyQt.QtCore import QT_VERSION_STR

from ..commands import PLACE
from ..environment import CropxaiMissing, clean_variables, find_cropxai, python_of, version_of
from ..runner import PROTOCOL, Cancelled, RunFailed, run
from ..texts import tr
from .place import profile, setting

#: Run by the Python of the environment; tells what it has in the words of the protocol. Only torch knows the devices.
LOOK = """
import importlib.metadata as metadata, json, os, platform, sys
found = {"Python": platform.python_version(), "Python program": sys.executable, "System": platform.platform()}
found["Processors"] = os.cpu_count()
for name in ("cropxai", "torch", "numpy", "geopandas", "pyogrio", "rasterio", "zarr", "numba"):
    try:
        found[name] = metadata.version(name)
    except metadata.PackageNotFoundError:
        found[name] = "missing"
try:
    import torch
    found["Devices"] = ", ".join(["cpu", *(torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count()))])
except Exception as error:
    found["Devices"] = f"torch cannot be loaded: {error}"
print(json.dumps({"event": "result", "protocol": %d, "found": found}))
"""


class CheckEnvironment(QgsProcessingAlgorithm):
    """Asks the environment for its versions; says what to do where it is not fit."""

    def createInstance(self):
        return CheckEnvironment()

    def name(self):
        return "environment"

    def displayName(self):
        return tr("Check environment")

    def group(self):
        return tr(PLACE)

    def groupId(self):
        return PLACE.lower()

    def shortDescription(self):
        return tr("Which cropxai the plugin runs, its versions and devices")

    def shortHelpString(self):
        text = tr("Finds cropxai and tells its versions, devices and paths, as a text for a report of a bug.")
        return f"<p>{text}</p>"

    def tags(self):
        return ["cropxai", "installation", "version", "diagnostics"]

    def initAlgorithm(self, configuration=None):
        page = QgsProcessingParameterFileDestination("OUTPUT", tr("Page"), "HTML (*.html)")
        page.setHelp(tr("What was found, as a page."))
        self.addParameter(page)
        self.addOutput(QgsProcessingOutputBoolean("READY", tr("Whether cropxai can be run")))
        self.addOutput(QgsProcessingOutputString("REPORT", tr("What was found, as text")))

    def processAlgorithm(self, values, context, feedback):
        place = self.parameterAsFileOutput(values, "OUTPUT", context)
        ready, found = look(feedback)
        text = "\n".join(f"{name}: {value}" for name, value in found.items())
        show = feedback.pushInfo if ready else feedback.pushWarning
        show(text)
        try:
            Path(place).write_text(page(found), encoding="utf-8")
        except OSError as error:
            raise QgsProcessingException(f"{place} cannot be written ({error.strerror})") from error
        return {"OUTPUT": place, "READY": ready, "REPORT": text}


def look(feedback):
    """Return whether cropxai can be run, and what was found by name."""
    found = {
        "QGIS": f"{Qgis.QGIS_VERSION}, Qt {QT_VERSION_STR}, Python {platform.python_version()}",
        "System": platform.platform(),
        "Setting": setting() or "(empty)",
        "Profile": profile(),
        "Protocol": PROTOCOL,
    }
    variables = clean_variables()
    try:
        program = find_cropxai(setting(), profile())
        found["Program"] = program
        found["cropxai"] = version_of(program, variables)
    except CropxaiMissing as missing:
        return False, {**found, "Problem": str(missing)}
    python = python_of(program)
    if python is None:
        return True, {**found, "Python program": "not beside the program, so packages and devices are not known"}
    try:
        told = run([python, "-c", LOOK % PROTOCOL], variables, feedback)
    except (RunFailed, Cancelled) as error:
        return False, {**found, "Problem": f"{python}: {error or 'cancelled'}"}
    return "torch cannot" not in json.dumps(told), {**found, **told.get("found", {})}


def page(found):
    """Write what was found as a page that is easy to read and to copy."""
    rows = "".join(f"<tr><td><b>{escape(str(k))}</b></td><td>{escape(str(v))}</td></tr>" for k, v in found.items())
    return f'<!DOCTYPE html><html><head><meta charset="utf-8"></head><body><table>{rows}</table></body></html>\n'
