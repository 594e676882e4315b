"""Select parcels in a crop map as a person does and draw the panel: `python3 check_dock.py MAP.gpkg FOLDER PARCEL…`.

Runs in the Python of QGIS. Prints one JSON object on standard output: notes, tool tips, and colours of the pictures.
"""

import json
import os
import sys
from collections import Counter
from pathlib import Path
from typing import Any

from qgis.core import QgsApplication, QgsProject, QgsVectorLayer

sys.path.insert(0, os.environ["QGIS_PLUGINPATH"])


def main(path: str, folder: str, *parcels: str) -> None:
    """Draw the panel for each parcel and print what is seen."""
    application = QgsApplication([], True)
    application.initQgis()
    try:
        print(json.dumps(seen(path, Path(folder), parcels)))
    finally:
        application.exitQgis()


def seen(path: str, folder: Path, parcels: tuple[str, ...]) -> dict[str, Any]:
    """Follow the layer, select one parcel after another, and let the layer go."""
    from cropxai_qgis.dock import RelevanceDock

    dock = RelevanceDock()
    found: dict[str, Any] = {"without layer": dock.chart.note}
    layer = QgsVectorLayer(f"{path}|layername=parcels", "Parcels", "ogr")
    dock.follow(layer)
    found["without selection"] = dock.chart.note
    for name in parcels:
        layer.selectByExpression(f"parcel_id = '{name}'")
        found[name] = look(dock, folder / f"{name}.png")
    layer.selectAll()
    found["all selected"] = dock.chart.note
    days = QgsVectorLayer(f"{path}|layername=relevance_by_date", "Days", "ogr")
    dock.follow(days)
    days.selectByExpression(f"parcel_id = '{parcels[0]}'")
    days.selectByIds(days.selectedFeatureIds()[:1])
    found["by date"] = look(dock, folder / "by date.png")
    dock.follow(QgsVectorLayer(f"{path}|layername=run", "Run", "ogr"))
    found["other table"] = dock.chart.note
    QgsProject.instance().addMapLayer(layer)
    dock.follow(layer)
    QgsProject.instance().removeMapLayer(layer.id())
    found["layer gone"] = dock.chart.note
    return found


def look(dock: Any, picture: Path) -> dict[str, Any]:
    """Draw the panel at the size of a screen's corner, and count its colours."""
    dock.resize(430, 320)
    image = dock.grab().toImage()
    image.save(str(picture))
    pixels = ((x, y) for x in range(image.width()) for y in range(image.height()))
    colours = Counter(image.pixelColor(x, y).name() for x, y in pixels)
    parcel = dock.chart.parcel
    tips = [dock.chart.text_of(i) for i in range(len(parcel.dates))] if parcel else []
    return {"note": dock.chart.note, "crop": parcel and parcel.crop, "tips": tips, "colours": dict(colours)}


if __name__ == "__main__":
    main(*sys.argv[1:])
