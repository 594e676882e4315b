"""Take pictures of the plugin in the desktop of QGIS, for the docs: its dialog, and its panel beside a map.

Needs Xvfb and QGIS; run it with any Python::

    python docs/make_plugin_pictures.py crops.gpkg docs/ --parcel P001

QGIS starts with an empty profile on a screen that nobody sees, runs this file again within itself, and ends.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

#: Set for the QGIS that takes the pictures: the map, the folder and the parcel, each on a line.
ORDER = "CROPXAI_PICTURES"
SCREEN = "1280x800x24"
#: Milliseconds that the window has to draw itself.
DRAWING = 4000
#: Seconds after which a QGIS that hangs is ended.
PATIENCE = 180


def main() -> None:
    """Read the command line, start screen and QGIS, and wait for the pictures."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("map", type=Path, help="GeoPackage written by 'cropxai map'")
    parser.add_argument("folder", type=Path, help="where qgis_dialog.png and qgis_panel.png are written")
    parser.add_argument("--parcel", default="P001", help="parcel_id of the parcel that is selected")
    given = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    path = "/usr/bin:/bin"  # the Python of an active environment would be taken for that of QGIS
    qgis = shutil.which("qgis.bin", path=path) or shutil.which("qgis", path=path)
    screen = shutil.which("Xvfb", path=path)
    if qgis is None or screen is None:
        raise SystemExit("the pictures need QGIS and Xvfb (apt-get install qgis xvfb)")
    with tempfile.TemporaryDirectory() as folder:
        number = ":87"
        runtime = Path(folder, "runtime")
        runtime.mkdir(mode=0o700)
        environment = {
            "PATH": path, "HOME": folder, "LC_ALL": "C.UTF-8", "DISPLAY": number, "QT_QPA_PLATFORM": "xcb",
            "XDG_RUNTIME_DIR": str(runtime), "QGIS_CUSTOM_CONFIG_PATH": folder,
            "QGIS_PLUGINPATH": str(root / "qgis_plugin"), "CROPXAI_PYTHON": sys.executable,
            ORDER: "\n".join([str(given.map.resolve()), str(given.folder.resolve()), given.parcel, str(root)]),
        }  # fmt: skip
        server = subprocess.Popen([screen, number, "-screen", "0", SCREEN, "-nolisten", "tcp"])
        try:
            command = [qgis, "--nologo", "--noversioncheck", "--code", str(Path(__file__).resolve())]
            subprocess.run(command, env=environment, timeout=PATIENCE, check=True)
        finally:
            server.terminate()
            server.wait()


def drive() -> None:
    """Open map, panel and dialog in the QGIS that runs this, and take their pictures."""
    from qgis.core import QgsProject, QgsRectangle, QgsVectorLayer
    from qgis.PyQt.QtCore import Qt, QTimer
    from qgis.PyQt.QtWidgets import QDockWidget
    from qgis.utils import iface, loadPlugin, startPlugin, updateAvailablePlugins

    path, folder, parcel, root = os.environ[ORDER].split("\n")
    updateAvailablePlugins()
    for plugin in ("processing", "cropxai_qgis"):
        loadPlugin(plugin)
        startPlugin(plugin)
    from cropxai_qgis.opening import group_layers, show_map_tips

    window = iface.mainWindow()
    window.resize(1240, 760)
    for dock in window.findChildren(QDockWidget):
        dock.setVisible(dock.objectName() in ("Layers", "CropxaiParcelRelevance"))
    project = QgsProject.instance()
    layer = QgsVectorLayer(f"{path}|layername=parcels", "parcels", "ogr")
    project.addMapLayer(layer)
    group_layers(project, layer.id())
    show_map_tips()
    project.setCrs(layer.crs())
    iface.setActiveLayer(layer)
    layer.selectByExpression(f"parcel_id = '{parcel}'")
    panel = window.findChild(QDockWidget, "CropxaiParcelRelevance")
    window.resizeDocks([panel], [400], Qt.Orientation.Horizontal)
    shown = QgsRectangle()
    for feature in layer.getFeatures('"crop" IS NOT NULL'):
        shown.combineExtentWith(feature.geometry().boundingBox())
    shown.scale(1.1)

    def zoom() -> None:
        iface.mapCanvas().setExtent(shown)
        iface.mapCanvas().refresh()
        QTimer.singleShot(DRAWING, lambda: take(window, Path(folder, "qgis_panel.png"), lambda: dialog(root, folder)))

    QTimer.singleShot(DRAWING, zoom)  # the window still finds its size


def dialog(root: str, folder: str) -> None:
    """Open the dialog of the crop map, filled in for sample_data."""
    import processing
    from qgis.core import QgsProject, QgsVectorLayer
    from qgis.PyQt.QtCore import QTimer

    parcels = QgsVectorLayer(str(Path(root, "sample_data", "parcels.gpkg")), "parcels", "ogr")
    QgsProject.instance().addMapLayer(parcels)  # so that the picture shows its name, and no path
    values = {"PARCELS": parcels.id(), "SCENES": "sample_data/scenes", "SEASON": 2018,
              "LABEL_FIELD": "crop"}  # fmt: skip
    shown = processing.createAlgorithmDialog("cropxai:map", values)
    shown.resize(900, 720)
    shown.show()
    QTimer.singleShot(DRAWING, lambda: take(shown, Path(folder, "qgis_dialog.png"), lambda: os._exit(0)))


def take(widget, path: Path, then) -> None:  # type: ignore[no-untyped-def]
    """Take the picture of a window, and go on."""
    if not widget.grab().save(str(path)):
        raise SystemExit(f"{path}: cannot be written")
    then()


if ORDER in os.environ:
    from qgis.PyQt.QtCore import QTimer

    QTimer.singleShot(DRAWING // 2, drive)
elif __name__ == "__main__":
    main()
