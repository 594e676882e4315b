# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin: registers the provider, with and without a window; the panel and its menu entry with one."""

from qgis.core import QgsApplication
from qgis.PyQt.QtCore import QCoreApplication, Qt

from .provider import CropxaiProvider
from .texts import install_translator


class CropxaiPlugin:
    """Adds the provider and the panel to QGIS and takes them away again."""

    def __init__(self, iface):
        self.iface = iface
        self.provider = None
        self.dock = None
        self.translator = install_translator()

    def initProcessing(self):
        """Register the provider; `qgis_process` calls only this."""
        self.provider = CropxaiProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self):
        """Start in a QGIS with a window."""
        from .dock import RelevanceDock

        self.initProcessing()
        self.dock = RelevanceDock(self.iface.mainWindow())
        self.iface.addDockWidget(Qt.DockWidgetArea.RightDockWidgetArea, self.dock)
        self.dock.hide()
        self.dock.toggleViewAction().setIcon(self.provider.icon())
        self.iface.addPluginToMenu("cropxai", self.dock.toggleViewAction())
        self.iface.currentLayerChanged.connect(self.dock.follow)
        self.dock.follow(self.iface.activeLayer())

    def unload(self):
        """Remove all that was added."""
        if self.dock is not None:
            self.iface.currentLayerChanged.disconnect(self.dock.follow)
            self.iface.removePluginMenu("cropxai", self.dock.toggleViewAction())
            self.iface.removeDockWidget(self.dock)
            self.dock.forget()
            self.dock.deleteLater()
            self.dock = None
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
        if self.translator is not None:
            QCoreApplication.removeTranslator(self.translator)
            self.translator = None
