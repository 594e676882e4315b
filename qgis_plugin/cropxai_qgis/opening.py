# SPDX-License-Identifier: GPL-2.0-or-later
"""After a run: the map opens as a group of layers with its own styles, and map tips are on."""

from pathlib import Path

from qgis.core import QgsProcessingLayerPostProcessorInterface, QgsProject, QgsVectorLayer
from qgis.PyQt.QtCore import QObject, QTimer

from .texts import mark, tr

#: What opens beneath the parcels: table, title, whether it lies in the group of tables.
COMPANIONS = (
    ("relevance_by_date", mark("Relevance by date"), False),
    ("classes", mark("Classes"), True),
    ("curves", mark("Curves"), True),
    ("season_ends", mark("Season ends"), True),
    ("months", mark("Months"), True),
    ("relevance", mark("Relevance"), True),
    ("run", mark("Run"), True),
)


class OpenMap(QgsProcessingLayerPostProcessorInterface):
    """Styles the layer of parcels, which Processing does not do itself, and opens the other tables of its file."""

    def postProcessLayer(self, layer, context, feedback):
        layer.loadDefaultStyle()
        project = context.project() or QgsProject.instance()
        show_map_tips()
        if project.layerTreeRoot().findLayer(layer.id()):
            group_layers(project, layer.id())
        else:  # newer versions of QGIS put the layer into the tree only afterwards
            name = layer.id()
            QTimer.singleShot(0, lambda: group_layers(project, name))


def group_layers(project, layer_id):
    """Put the layer of parcels into a group named after its file, above the other tables of the file."""
    root = project.layerTreeRoot()
    node, layer = root.findLayer(layer_id), project.mapLayer(layer_id)
    if node is None or layer is None:
        return
    path = file_of(layer)
    group = root.insertGroup(0, f"{tr('Crop map')}: {Path(path).stem}")
    layer.setName(tr("Parcels"))
    copy = node.clone()
    copy.setExpanded(True)
    group.addChildNode(copy)
    node.parent().removeChildNode(node)
    tables = None
    for table, title, is_table in COMPANIONS:
        companion = QgsVectorLayer(f"{path}|layername={table}", tr(title), "ogr")
        if not companion.isValid():
            continue
        project.addMapLayer(companion, False)
        if is_table and tables is None:
            tables = group.addGroup(tr("Tables"))
            tables.setExpanded(False)
        added = (tables if is_table else group).addLayer(companion)
        if not is_table:
            added.setItemVisibilityChecked(False)
            added.setExpanded(False)
        companion.loadDefaultStyle()  # once more: opening resets what the style says of times
    # Once more, because the form lists the relevance only when the relation is there.
    layer.loadDefaultStyle()


def file_of(layer):
    """Return the path of the file that a layer is read from; empty for a layer that is in no file."""
    return layer.source().split("|")[0] if layer is not None and layer.providerType() == "ogr" else ""


def restyle(path):
    """Load the styles of all open layers of a file anew."""
    for layer in QgsProject.instance().mapLayers().values():
        if isinstance(layer, QgsVectorLayer) and file_of(layer) and Path(file_of(layer)) == Path(path):
            layer.loadDefaultStyle()
            layer.triggerRepaint()


def show_map_tips():
    """Switch map tips on, where QGIS has a window."""
    from qgis.utils import iface

    window = iface.mainWindow() if iface is not None else None
    action = window.findChild(QObject, "mActionMapTips") if window is not None else None
    if action is not None and not action.isChecked():
        action.trigger()
