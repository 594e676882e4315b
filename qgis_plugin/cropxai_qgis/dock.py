# SPDX-License-Identifier: GPL-2.0-or-later
"""The panel "Parcel relevance": the chart of the parcel that is selected in a crop map."""

from qgis.core import QgsVectorLayer
from qgis.PyQt.QtWidgets import QDockWidget

from .chart import RelevanceChart
from .opening import file_of
from .parcel import NoMap, read_parcel
from .texts import tr


class RelevanceDock(QDockWidget):
    """Follows the current layer of QGIS and its selection."""

    def __init__(self, parent=None):
        super().__init__(tr("Parcel relevance"), parent)
        self.setObjectName("CropxaiParcelRelevance")  # by which QGIS remembers where the panel was
        self.chart = RelevanceChart(self)
        self.setWidget(self.chart)
        self.layer = None
        self.follow(None)

    def follow(self, layer):
        """Show the selected parcel of this layer from now on."""
        self.forget()
        if is_map(layer):
            self.layer = layer
            layer.selectionChanged.connect(self.show_selected)
            layer.willBeDeleted.connect(self.layer_goes)
        self.show_selected()

    def forget(self):
        """Follow no layer."""
        if self.layer is not None:
            self.layer.selectionChanged.disconnect(self.show_selected)
            self.layer.willBeDeleted.disconnect(self.layer_goes)
            self.layer = None

    def layer_goes(self):
        """Let go of a layer that is removed: it can be asked nothing any more, and Qt ends its connections."""
        self.layer = None
        self.show_selected()

    def show_selected(self, *_):
        """Draw the selected parcel, or say what to do."""
        selected = self.layer.selectedFeatures() if self.layer is not None else []
        if self.layer is None:
            self.chart.show_note(tr("Make the parcels of a crop map the current layer."))
        elif len(selected) != 1:
            self.chart.show_note(tr("Select one parcel on the map."))
        else:
            try:
                self.chart.show_parcel(read_parcel(file_of(self.layer), number_of(selected[0])))
            except NoMap as error:
                self.chart.show_note(str(error))


def is_map(layer):
    """Say whether a layer is the parcels of a crop map, or their relevance by date."""
    if not isinstance(layer, QgsVectorLayer) or not file_of(layer).lower().endswith(".gpkg"):
        return False
    names = set(layer.fields().names())
    return {"parcel_id", "relevance_chart"} <= names or {"parcel", "parcel_id", "relevance"} <= names


def number_of(feature):
    """Return the number of the parcel in the map: that of the row, or the one to which a date belongs."""
    names = feature.fields().names()
    return int(feature["parcel"]) if "relevance_chart" not in names else int(feature["fid"])
