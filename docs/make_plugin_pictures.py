"""Make a map of sample_data in the desktop of QGIS as a person does, and take the pictures of it for the docs.

Needs Xvfb and QGIS; run it with the Python of an environment that has cropxai::

    python docs/make_plugin_pictures.py docs/ --parcel P039

QGIS starts with an empty profile on a screen that nobody sees, and runs this file again within itself: it installs the
plugin from the zip of `make plugin`, is told the environment of cropxai, looks for "Crop map" in the toolbox, opens its
dialog by a double click, fills it in, clicks Run, waits for the end, selects a parcel, and ends. What QGIS then holds
is printed as JSON.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

#: Set for the QGIS that takes the pictures: what it is asked for, as JSON.
ORDER = "CROPXAI_PICTURES"
SCREEN = "1280x800x24"
#: Milliseconds that a window has to draw itself, and between two looks whether something has come.
DRAWING, LOOKING = 2000, 100
#: Seconds for something to come, and after which a QGIS that hangs is ended.
PATIENCE, END = 240, 400

#: What a step waits for: milliseconds, or something that comes.
Wait = int | Callable[[], Any]


def main() -> None:
    """Read the command line, start screen and QGIS, and print what it found."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path, help="where qgis_dialog.png and qgis_panel.png are written")
    parser.add_argument("--parcel", default="P001", help="parcel_id of the parcel that is selected")
    parser.add_argument("--map", type=Path, help="where the map is kept (.gpkg); by default nowhere")
    given = parser.parse_args()
    root = Path(__file__).resolve().parents[1]
    path = "/usr/bin:/bin"  # the Python of an active environment would be taken for that of QGIS
    qgis = shutil.which("qgis.bin", path=path) or shutil.which("qgis", path=path)
    screen = shutil.which("Xvfb", path=path)
    if qgis is None or screen is None:
        raise SystemExit("the pictures need QGIS and Xvfb (apt-get install qgis xvfb)")
    with tempfile.TemporaryDirectory() as temporary:
        here = Path(temporary)
        runtime, own = here / "runtime", here / "temporary"  # QGIS marks layers in the folder of temporary files
        for new in (runtime, own):
            new.mkdir(mode=0o700)
        shutil.copytree(root / "sample_data", here / "sample_data")  # QGIS writes beside the files that it opens
        package = [sys.executable, str(root / "qgis_plugin" / "package.py"), "-o", str(here)]
        subprocess.run(package, check=True, stdout=subprocess.DEVNULL)
        (zipped,) = here.glob("*.zip")
        order = {"zip": str(zipped), "environment": sys.executable, "parcel": given.parcel,
                 "folder": str(given.folder.resolve()), "found": str(here / "found.json"),
                 "map": str(given.map.resolve() if given.map else here / "crops.gpkg")}  # fmt: skip
        server = subprocess.Popen([screen, "-displayfd", "1", "-screen", "0", SCREEN, "-nolisten", "tcp"],
                                  stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)  # fmt: skip
        try:
            assert server.stdout is not None
            number = server.stdout.readline().strip()  # the first that is free; told when the screen is there
            if not number:
                raise SystemExit("Xvfb did not start")
            environment = {
                "PATH": path, "HOME": temporary, "LC_ALL": "C.UTF-8", "DISPLAY": f":{number}", "QT_QPA_PLATFORM": "xcb",
                "XDG_RUNTIME_DIR": str(runtime), "TMPDIR": str(own), "QGIS_CUSTOM_CONFIG_PATH": temporary,
                ORDER: json.dumps(order),
            }  # fmt: skip
            command = [qgis, "--nologo", "--noversioncheck", "--code", str(Path(__file__).resolve())]
            ended = subprocess.run(command, env=environment, cwd=here, timeout=END, stdout=subprocess.DEVNULL)
        finally:
            server.terminate()
            server.wait()
        if ended.returncode:
            raise SystemExit(f"QGIS ended with {ended.returncode}; see above")
        print(Path(order["found"]).read_text(encoding="utf-8"))


# --- in QGIS -----------------------------------------------------------------------------------------------------


def go(steps: Iterator[Wait]) -> None:
    """Take one step after the other, with what they wait for between them; then end QGIS, which asks nothing."""
    from qgis.PyQt.QtCore import QTimer

    def look(for_what: Callable[[], Any], until: float) -> None:
        if for_what():
            go(steps)
        elif time.monotonic() < until:
            QTimer.singleShot(LOOKING, lambda: look(for_what, until))
        else:
            leave(f"waited {PATIENCE} s in vain; windows: {windows()}")

    try:
        wait = next(steps)
    except StopIteration:
        leave()
    except Exception:
        leave(traceback.format_exc())
    else:
        if callable(wait):
            look(wait, time.monotonic() + PATIENCE)
        else:
            QTimer.singleShot(wait, lambda: go(steps))


def leave(complaint: str = "") -> None:
    """End QGIS at once: asked to quit, it would ask whether to save the project."""
    print(complaint, end="", file=sys.stderr, flush=True)
    os._exit(1 if complaint else 0)


def windows() -> list[list[str]]:
    """Return title and text of the windows that are there, for what they complain of."""
    from qgis.PyQt.QtWidgets import QApplication, QLabel, QTextEdit

    def texts(window: Any) -> list[str]:
        labels = [label.text() for label in window.findChildren(QLabel)]
        return [text for text in labels + [edit.toPlainText() for edit in window.findChildren(QTextEdit)] if text]

    return [[w.windowTitle(), *texts(w)] for w in QApplication.topLevelWidgets() if w.isVisible() and w.windowTitle()]


def steps_to_a_map(
    folder: Path, path: Path, parcel: str, found: Path, package: str, environment: str
) -> Iterator[Wait]:
    """Install the plugin, make the map by the dialog, select a parcel, and write down what is there."""
    import pyplugin_installer
    from processing.core.ProcessingConfig import ProcessingConfig
    from qgis.core import QgsProject, QgsVectorLayer
    from qgis.PyQt.QtCore import QPoint, Qt
    from qgis.PyQt.QtTest import QTest
    from qgis.PyQt.QtWidgets import QDialogButtonBox, QDockWidget
    from qgis.utils import active_plugins, iface, loadPlugin, startPlugin, updateAvailablePlugins

    updateAvailablePlugins()
    loadPlugin("processing")
    startPlugin("processing")
    pyplugin_installer.instance().installFromZipFile(package)
    assert "cropxai_qgis" in active_plugins, "the plugin did not start"
    ProcessingConfig.setSettingValue("CROPXAI_PYTHON", environment)
    window, project, left = iface.mainWindow(), QgsProject.instance(), Qt.MouseButton.LeftButton
    window.resize(1240, 760)
    docks = {dock.objectName(): dock for dock in window.findChildren(QDockWidget)}
    for name, dock in docks.items():
        dock.setVisible(name in ("Layers", "ProcessingToolbox"))
    parcels = QgsVectorLayer(str(Path("sample_data", "parcels.gpkg").resolve()), "parcels", "ogr")
    project.addMapLayer(parcels)
    yield DRAWING  # the window still finds its size

    toolbox = docks["ProcessingToolbox"]
    QTest.keyClicks(toolbox.searchBox, "crop map")
    yield lambda: row_of(toolbox.algorithmTree, "Crop map")
    double_click(toolbox.algorithmTree, row_of(toolbox.algorithmTree, "Crop map"))
    yield dialog_of_map
    dialog = dialog_of_map()
    dialog.resize(900, 770)
    ProcessingConfig.setSettingValue(ProcessingConfig.OUTPUT_FOLDER, str(path.parent))
    dialog.setParameters({"PARCELS": parcels.id(), "SCENES": "sample_data/scenes", "SEASON": 2018,
                          "LABEL_FIELD": "crop", "OUTPUT": path.name})  # fmt: skip
    yield DRAWING
    picture(dialog, folder / "qgis_dialog.png")
    QTest.mouseClick(dialog.buttonBox().button(QDialogButtonBox.StandardButton.Ok), left)  # it says "Run"
    yield dialog.wasExecuted
    results = dialog.results()
    if not results:
        raise RuntimeError(windows())
    QTest.mouseClick(dialog.buttonBox().button(QDialogButtonBox.StandardButton.Close), left)
    yield lambda: project.mapLayersByName("Parcels")

    (layer,) = project.mapLayersByName("Parcels")
    project.layerTreeRoot().findLayer(parcels.id()).setItemVisibilityChecked(False)
    toolbox.hide()
    panel = docks["CropxaiParcelRelevance"]
    panel.show()
    window.resizeDocks([panel], [400], Qt.Orientation.Horizontal)
    iface.setActiveLayer(layer)
    layer.selectByExpression(f"parcel_id = '{parcel}'")
    yield DRAWING
    iface.mapCanvas().setExtent(extent_of_answers(layer))
    iface.mapCanvas().refresh()
    yield DRAWING
    yield lambda: not iface.mapCanvas().isDrawing()
    iface.messageBar().clearWidgets()
    picture(window, folder / "qgis_panel.png")
    canvas, shown = iface.mapCanvas(), {"results": results, **held(project, window), "panel": chart_of(panel)}
    place = canvas.mapTo(window, QPoint(0, 0))
    shown["canvas"] = [place.x(), place.y(), canvas.width(), canvas.height(), canvas.mapUnitsPerPixel()]
    found.write_text(json.dumps(shown), "utf-8")


def row_of(tree: Any, title: str, parent: Any = None) -> Any:
    """Return the place of an algorithm in the toolbox, groups opened down to it; nothing where it is not shown."""
    from qgis.PyQt.QtCore import QModelIndex

    model, parent = tree.model(), parent or QModelIndex()
    for row in range(model.rowCount(parent)):
        index = model.index(row, 0, parent)
        if model.data(index) == title and not model.rowCount(index):
            return index
        if below := row_of(tree, title, index):
            tree.expand(index)
            return below
    return None


def double_click(tree: Any, index: Any) -> None:
    """Click on a row twice, once what is being done is done: the dialog that opens has an event loop of its own."""
    from qgis.PyQt.QtCore import Qt, QTimer
    from qgis.PyQt.QtTest import QTest

    tree.scrollTo(index)
    place, left = tree.visualRect(index).center(), Qt.MouseButton.LeftButton
    QTest.mouseClick(tree.viewport(), left, pos=place)
    QTimer.singleShot(0, partial(QTest.mouseDClick, tree.viewport(), left, pos=place))


def dialog_of_map() -> Any:
    """Return the dialog of the crop map once it is open."""
    from processing.gui.AlgorithmDialog import AlgorithmDialog
    from qgis.PyQt.QtWidgets import QApplication

    opened = [w for w in QApplication.topLevelWidgets() if isinstance(w, AlgorithmDialog) and w.isVisible()]
    return next((dialog for dialog in opened if dialog.algorithm().id() == "cropxai:map"), None)


def extent_of_answers(layer: Any) -> Any:
    """Return the rectangle round the parcels that have a crop."""
    from qgis.core import QgsRectangle

    shown = QgsRectangle()
    for feature in layer.getFeatures('"crop" IS NOT NULL'):
        shown.combineExtentWith(feature.geometry().boundingBox())
    shown.scale(1.1)
    return shown


def held(project: Any, window: Any) -> dict[str, Any]:
    """Describe what the project holds: its tree, the looks of its layers, relations, and whether map tips are on."""
    from qgis.PyQt.QtCore import QObject

    def tree(group: Any) -> list[Any]:
        return [[n.name(), tree(n)] if hasattr(n, "insertGroup") else n.name() for n in group.children()]

    def look(layer: Any) -> dict[str, Any]:
        renderer = layer.renderer()
        categories = renderer.categories() if hasattr(renderer, "categories") else []
        return {
            "style": renderer and renderer.type(),
            "categories": {category.value(): category.symbol().color().name() for category in categories},
            "aliases": {field.name(): field.alias() for field in layer.fields() if field.alias()},
            "temporal": layer.temporalProperties().isActive(),
            "tip": bool(layer.mapTipTemplate()),
        }

    relations = project.relationManager().relations().values()
    return {
        "tree": tree(project.layerTreeRoot()),
        "layers": {layer.name(): look(layer) for layer in project.mapLayers().values()},
        "relations": [relation.id() for relation in relations if relation.isValid()],
        "tips": window.findChild(QObject, "mActionMapTips").isChecked(),
    }


def chart_of(panel: Any) -> dict[str, Any]:
    """Describe what the panel of relevance shows."""
    parcel = panel.chart.parcel
    return {"note": panel.chart.note, "crop": parcel and parcel.crop, "dates": len(parcel.dates) if parcel else 0}


def picture(widget: Any, path: Path) -> None:
    """Take the picture of a window."""
    if not widget.grab().save(str(path)):
        raise OSError(f"{path}: cannot be written")


if ORDER in os.environ:
    from qgis.PyQt.QtCore import QTimer

    asked = json.loads(os.environ[ORDER])
    places = (Path(asked[name]) for name in ("folder", "map"))
    steps = steps_to_a_map(*places, asked["parcel"], Path(asked["found"]), asked["zip"], asked["environment"])
    QTimer.singleShot(DRAWING, lambda: go(steps))
elif __name__ == "__main__":
    main()
