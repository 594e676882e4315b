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
from qgis.PyQt.QtCore import QObject, pyqtSignal
from qgis.PyQt.QtGui import QColor, QPalette
from qgis.PyQt.QtWidgets import QAction, QMainWindow

sys.path[:0] = ["/usr/share/qgis/python/plugins", os.environ["QGIS_PLUGINPATH"]]


def main(path: str, folder: str, *parcels: str) -> None:
    """Draw the panel for each parcel and print what is seen."""
    application = QgsApplication([], True)
    application.initQgis()
    try:
        print(json.dumps({**seen(path, Path(folder), parcels), "window": in_a_window(path)}))
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
    layer.selectByExpression(f"parcel_id = '{parcels[0]}'")
    found["dark"] = look(in_the_dark(dock), folder / "dark.png")
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


def in_the_dark(dock: Any) -> Any:
    """Give the panel the colours of a dark theme."""
    palette = dock.palette()
    palette.setColor(QPalette.ColorRole.Base, QColor("#232629"))
    palette.setColor(QPalette.ColorRole.Text, QColor("#eff0f1"))
    dock.chart.setPalette(palette)
    return dock


class Interface(QObject):
    """What the plugin uses of the interface that QGIS hands to it."""

    currentLayerChanged = pyqtSignal(object)  # noqa: N815 (the name is QGIS')

    def __init__(self) -> None:
        super().__init__()
        self.window = QMainWindow()
        self.tips = QAction("Map Tips", self.window)
        self.tips.setObjectName("mActionMapTips")
        self.tips.setCheckable(True)
        self.menu: list[str] = []

    def mainWindow(self) -> QMainWindow:  # noqa: N802
        return self.window

    def activeLayer(self) -> None:  # noqa: N802
        return None

    def addDockWidget(self, area: Any, dock: Any) -> None:  # noqa: N802
        self.window.addDockWidget(area, dock)

    def removeDockWidget(self, dock: Any) -> None:  # noqa: N802
        self.window.removeDockWidget(dock)

    def addPluginToMenu(self, menu: str, action: Any) -> None:  # noqa: N802
        self.menu.append(f"{menu} > {action.text()}")

    def removePluginMenu(self, menu: str, action: Any) -> None:  # noqa: N802
        self.menu.remove(f"{menu} > {action.text()}")


def in_a_window(path: str) -> dict[str, Any]:
    """Start the plugin in a window, choose a layer, switch map tips on, and take the plugin away again."""
    import qgis.utils
    from cropxai_qgis import classFactory
    from cropxai_qgis.opening import show_map_tips
    from processing.core.Processing import Processing

    Processing.initialize()
    interface = Interface()
    qgis.utils.iface = interface
    plugin = classFactory(interface)
    plugin.initGui()
    found: dict[str, Any] = {"menu": list(interface.menu), "hidden": plugin.dock.isHidden()}
    layer = QgsVectorLayer(f"{path}|layername=parcels", "Parcels", "ogr")
    interface.currentLayerChanged.emit(layer)
    found["note"] = plugin.dock.chart.note
    show_map_tips()
    show_map_tips()
    found["tips"] = interface.tips.isChecked()
    plugin.unload()
    registry = QgsApplication.processingRegistry()
    found["after"] = [list(interface.menu), registry.providerById("cropxai") is None]
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
