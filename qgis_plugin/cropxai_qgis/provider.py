# SPDX-License-Identifier: GPL-2.0-or-later
"""The Processing provider: its algorithms, and the one setting that says where cropxai is installed."""

from pathlib import Path

from processing.core.ProcessingConfig import ProcessingConfig, Setting
from qgis.core import QgsProcessingProvider
from qgis.PyQt.QtGui import QIcon

from .algorithms.check_environment import CheckEnvironment
from .algorithms.command import CommandAlgorithm
from .algorithms.place import SETTING
from .commands import COMMANDS
from .texts import tr

ICON = Path(__file__).parent / "icon.svg"


class CropxaiProvider(QgsProcessingProvider):
    """Lists the algorithms of cropxai."""

    def load(self):
        """Register the setting, then the algorithms."""
        text = tr("Python environment of cropxai (folder, Python or cropxai program)")
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
        for command in COMMANDS:
            self.addAlgorithm(CommandAlgorithm(command))
        self.addAlgorithm(CheckEnvironment())

    def id(self):
        return "cropxai"

    def name(self):
        return "cropxai"

    def longName(self):
        return tr("cropxai: explained crop maps")

    def icon(self):
        return QIcon(str(ICON))

    def supportedOutputVectorLayerExtensions(self):
        return ["gpkg"]

    def defaultVectorFileExtension(self, has_geometry=True):
        return "gpkg"
