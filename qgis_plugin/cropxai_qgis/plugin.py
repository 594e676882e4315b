# SPDX-License-Identifier: GPL-2.0-or-later
"""The plugin: registers the provider, with and without a window."""

from qgis.core import QgsApplication

from .provider import CropxaiProvider


class CropxaiPlugin:
    """Adds the provider to QGIS and takes it away again."""

    def __init__(self, iface):
        self.iface = iface
        self.provider = None

    def initProcessing(self):
        """Register the provider; `qgis_process` calls only this."""
        self.provider = CropxaiProvider()
        QgsApplication.processingRegistry().addProvider(self.provider)

    def initGui(self):
        """Start in a QGIS with a window."""
        self.initProcessing()

    def unload(self):
        """Remove the provider."""
        if self.provider is not None:
            QgsApplication.processingRegistry().removeProvider(self.provider)
            self.provider = None
