# SPDX-License-Identifier: GPL-2.0-or-later
"""Texts in the language of QGIS. What the command itself says stays as it is, so that it can be searched for."""

from pathlib import Path

from qgis.PyQt.QtCore import QCoreApplication, QLocale, QSettings, QTranslator

CONTEXT = "cropxai"


def tr(text: str) -> str:
    """Return the text in the language of QGIS, as it is where there is no translation."""
    return QCoreApplication.translate(CONTEXT, text)


def mark(text: str) -> str:
    """Return the text as it is; it is translated where it is shown, and the translators' files are to list it."""
    return text


def install_translator():
    """Load the translations for the language that the user chose, and return them; None where there are none."""
    chosen = QSettings().value("locale/overrideFlag", False, type=bool)
    language = QSettings().value("locale/userLocale", "") if chosen else ""
    translator = QTranslator()
    name = f"cropxai_{str(language or QLocale.system().name())[:2]}"
    if not translator.load(name, str(Path(__file__).parent / "i18n")):
        return None
    QCoreApplication.installTranslator(translator)
    return translator
