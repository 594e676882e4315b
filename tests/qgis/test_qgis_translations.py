"""The translations: complete, true to their texts, and shown by QGIS in the language of the user."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from cropxai_qgis import commands

sys.path.insert(0, str(Path(__file__).parents[2] / "qgis_plugin"))

import translations

TEXTS = [*translations.of_table(commands.COMMANDS), *translations.of_sources(translations.FOLDER)]


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_every_text_is_translated_and_no_other(language):
    known = translations.read(translations.FOLDER / "i18n" / f"cropxai_{language}.ts")
    assert [text for text in TEXTS if not known.get(text)] == []
    assert set(known) <= {*TEXTS, commands.PLACE}
    for text, translation in known.items():
        # Names of files, bands, options and places are not translated; sentences stay sentences.
        for word in re.findall(r"\.\w{3,}\b|B\d\d|--\w+|parcel_id|Δt_n|\{.*?\}", text):
            assert word in translation, text
        assert text.endswith(".") == translation.endswith("."), text


@pytest.mark.parametrize("language", translations.LANGUAGES)
def test_what_qgis_loads_is_up_to_date(language):
    path = translations.FOLDER / "i18n" / f"cropxai_{language}.ts"
    loaded = path.with_suffix(".qm").read_bytes()
    known = translations.read(path).items()
    # A .qm file holds its texts in UTF-16; those that are as in English are left out.
    assert [
        text for text, translation in known if text != translation and translation.encode("utf-16-be") not in loaded
    ] == []


def test_updating_keeps_what_is_translated(tmp_path):
    path = tmp_path / "cropxai_de.ts"
    translations.write(path, "de", ["Crop", '<&> "new"'], {"Crop": "Kultur", "gone": "weg"})
    assert translations.read(path) == {"Crop": "Kultur", '<&> "new"': ""}
    assert 'type="unfinished"' in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("language", "text"), [("de_AT", "Ordner mit Sentinel-2-Szenen"), ("fr_FR", "Carte des cult")])
def test_qgis_shows_the_language_of_the_user(qgis, language, text):
    look = (
        "import os, sys; sys.path[:0] = ['/usr/share/qgis/python/plugins', os.environ['QGIS_PLUGINPATH']]\n"
        "from qgis.core import QgsApplication; a = QgsApplication([], False); a.initQgis()\n"
        "from processing.core.Processing import Processing; Processing.initialize()\n"
        "from cropxai_qgis import classFactory; p = classFactory(None); p.initProcessing()\n"
        "x = QgsApplication.processingRegistry().algorithmById('cropxai:map')\n"
        "print(x.displayName(), [d.description() for d in x.parameterDefinitions()]); p.unload(); a.exitQgis()"
    )
    variables = {**qgis, "LC_ALL": f"{language}.UTF-8", "PYTHONUTF8": "1"}
    shown = subprocess.run(["/usr/bin/python3", "-c", look], env=variables, capture_output=True, text=True)
    assert text in shown.stdout, shown.stderr
