# SPDX-License-Identifier: GPL-2.0-or-later
"""The Processing provider: its algorithms, and the one setting that says where cropxai is installed."""

from pathlib import Path

from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms.crop_map import CropMap

SETTING = "CROPXAI_PYTHON"
ICON = Path(__file__).parent / "icon.svg"


class CropxaiProvider(QgsProcessingProvider):
    """Lists the algorithms of cropxai."""

    def load(self):
        """Register the setting, then the algorithms."""
        text = "Python environment of cropxai (folder, Python or cropxai program)"
        ProcessingConfig.settingIcons[self.name()] = self.icon()
        ProcessingConfig.addSetting(Setting(self.name(), SETTING, text, ""))
        ProcessingConfig.readSettings()
        self.refreshAlgorithms()
        return True

    def unload(self):
        """Forget the setting."""
        ProcessingConfig.removeSetting(SETTING)

    def loadAlgorithms(self):
        """Add the algorithms."""
        self.addAlgorithm(CropMap())

    def id(self):
        return "cropxai"

    def name(self):
        return "cropxai"

    def longName(self):
        return "cropxai: explained crop maps"

    def icon(self):
        return QIcon(str(ICON))

    def supportedOutputVectorLayerExtensions(self):
        return ["gpkg"]

    def defaultVectorFileExtension(self, has_geometry=True):
        return "gpkg"
