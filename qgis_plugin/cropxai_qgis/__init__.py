# SPDX-License-Identifier: GPL-2.0-or-later
"""cropxai in QGIS: a Processing provider that runs the `cropxai` command."""


def classFactory(iface):
    """Give QGIS the plugin."""
    from .plugin import CropxaiPlugin

    return CropxaiPlugin(iface)
