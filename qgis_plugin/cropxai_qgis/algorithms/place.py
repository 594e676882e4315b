# SPDX-License-Identifier: GPL-2.0-or-later
"""What QGIS knows of where cropxai is: the setting of the provider, and the folder of the profile."""

from processing.core.ProcessingConfig import ProcessingConfig
from qgis.core import QgsApplication

#: Name of the setting.
SETTING = "CROPXAI_PYTHON"


def setting():
    """Return what the user has set."""
    return ProcessingConfig.getSetting(SETTING) or ""


def profile():
    """Return the folder of the user's profile."""
    return QgsApplication.qgisSettingsDirPath()
