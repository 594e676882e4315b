"""Draw a crop map with its legend, as QGIS shows it, for the README.

Run it with the Python that has QGIS::

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 docs/make_map_picture.py crops.gpkg docs/map.png
"""

import argparse
import os
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsCategorizedSymbolRenderer,
    QgsLayoutExporter,
    QgsLayoutItem,
    QgsLayoutItemLabel,
    QgsLayoutItemLegend,
    QgsLayoutItemMap,
    QgsLayoutItemScaleBar,
    QgsLayoutPoint,
    QgsLayoutSize,
    QgsLegendStyle,
    QgsPrintLayout,
    QgsProject,
    QgsRectangle,
    QgsUnitTypes,
    QgsVectorLayer,
)
from qgis.PyQt.QtGui import QColor, QFont

#: The page in millimetres, and its parts.
PAGE, MARGIN, LEGEND, TITLE = (190, 130), 6, 46, 13
INK = QColor("#2b2b2b")
FONT = "DejaVu Sans"


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("map", type=Path, help="GeoPackage written by 'cropxai map'")
    parser.add_argument("picture", type=Path, help="PNG to write")
    parser.add_argument("--title", default="Crops of the season")
    parser.add_argument("--dpi", type=int, default=150)
    given = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QgsApplication([], False)
    application.initQgis()
    try:
        draw(given.map, given.picture, given.title, given.dpi)
    finally:
        application.exitQgis()


def draw(path: Path, picture: Path, title: str, dpi: int) -> None:
    """Lay out title, map, legend and scale on a page and write it as PNG."""
    project = QgsProject.instance()
    layer = QgsVectorLayer(f"{path}|layername=parcels", "Crop", "ogr")
    if not layer.isValid():
        raise SystemExit(f"{path}: holds no layer 'parcels'; give a map written by 'cropxai map'")
    project.addMapLayer(layer)
    project.setCrs(layer.crs())
    keep_present_crops(layer)
    layout = QgsPrintLayout(project)
    layout.initializeDefaults()
    layout.pageCollection().page(0).setPageSize(QgsLayoutSize(*PAGE))
    add_title(layout, title, layer)
    crops = add_map(layout, layer)
    add_legend(layout, crops)
    add_scale(layout, crops)
    image = QgsLayoutExporter(layout).renderPageToImage(0, dpi=dpi)
    project.clear()
    if not image.save(str(picture)):
        raise SystemExit(f"{picture}: cannot be written")


def keep_present_crops(layer: QgsVectorLayer) -> None:
    """Leave only the crops of the map in the legend, the most frequent first, parcels without an answer last."""
    renderer = layer.renderer()
    if not isinstance(renderer, QgsCategorizedSymbolRenderer):
        return
    counts: dict[str, int] = {}
    for feature in layer.getFeatures():
        crop = str(feature["crop"]) if feature["crop"] else ""
        counts[crop] = counts.get(crop, 0) + 1
    present = [category for category in renderer.categories() if str(category.value() or "") in counts]
    present.sort(key=lambda category: (not category.value(), -counts[str(category.value() or "")]))
    renderer.deleteAllCategories()
    for category in present:
        renderer.addCategory(category)
    layer.triggerRepaint()


def add_title(layout: QgsPrintLayout, title: str, layer: QgsVectorLayer) -> None:
    """Write the title and, in small print beneath it, what the map shows."""
    answers = sum(1 for feature in layer.getFeatures() if feature["crop"])
    lines = (
        (title, 15, True, MARGIN - 1),
        (f"{layer.featureCount()} parcels, {answers} classified", 8, False, MARGIN + 6.5),
    )
    for text, size, bold, top in lines:
        label = QgsLayoutItemLabel(layout)
        label.setText(text)
        label.setFont(font(size, bold))
        label.setFontColor(INK)
        place(label, MARGIN, top, PAGE[0] - 2 * MARGIN, 8)
        layout.addLayoutItem(label)


def add_map(layout: QgsPrintLayout, layer: QgsVectorLayer) -> QgsLayoutItemMap:
    """Draw the layer so large that all parcels with an answer fit."""
    crops = QgsLayoutItemMap(layout)
    layout.addLayoutItem(crops)
    crops.setLayers([layer])
    top = MARGIN + TITLE
    width, height = PAGE[0] - 3 * MARGIN - LEGEND, PAGE[1] - top - MARGIN
    place(crops, MARGIN, top, width, height)
    shown = QgsRectangle()
    for feature in layer.getFeatures():
        if feature["crop"]:
            shown.combineExtentWith(feature.geometry().boundingBox())
    if shown.isEmpty():
        shown = layer.extent()
    scale = 1.03 * max(shown.width() / width, shown.height() / height)
    crops.setExtent(QgsRectangle.fromCenterAndSize(shown.center(), scale * width, scale * height))
    crops.setBackgroundColor(QColor("#f4f3ef"))
    return crops


def add_legend(layout: QgsPrintLayout, crops: QgsLayoutItemMap) -> None:
    """List the crops to the right of the map."""
    legend = QgsLayoutItemLegend(layout)
    legend.setLinkedMap(crops)
    for part, size, bold in (
        (QgsLegendStyle.Style.Title, 9, True),
        (QgsLegendStyle.Style.Subgroup, 9, True),
        (QgsLegendStyle.Style.SymbolLabel, 8, False),
    ):
        legend.setStyleFont(part, font(size, bold))
    legend.setFontColor(INK)
    legend.setSymbolHeight(4)
    legend.setSymbolWidth(6.5)
    legend.setBoxSpace(0)
    legend.setBackgroundEnabled(False)
    layout.addLayoutItem(legend)
    legend.attemptMove(QgsLayoutPoint(PAGE[0] - MARGIN - LEGEND, MARGIN + TITLE - 4))
    legend.adjustBoxSize()


def add_scale(layout: QgsPrintLayout, crops: QgsLayoutItemMap) -> None:
    """Put a scale bar above the right end of the map, where no parcel can lie beneath it."""
    scale = QgsLayoutItemScaleBar(layout)
    scale.setLinkedMap(crops)
    scale.setStyle("Line Ticks Up")
    scale.applyDefaultSize(QgsUnitTypes.DistanceUnit.DistanceMeters)
    scale.setNumberOfSegmentsLeft(0)
    scale.setNumberOfSegments(2)
    scale.setHeight(1.5)
    scale.setLabelBarSpace(1)
    text = scale.textFormat()
    text.setFont(font(7, False))
    text.setSize(7)
    text.setColor(INK)
    scale.setTextFormat(text)
    layout.addLayoutItem(scale)
    scale.setReferencePoint(QgsLayoutItem.ReferencePoint.LowerRight)
    scale.attemptMove(QgsLayoutPoint(PAGE[0] - 2 * MARGIN - LEGEND, MARGIN + TITLE - 1))


def font(size: int, bold: bool) -> QFont:
    """Return the typeface of the page."""
    return QFont(FONT, size, QFont.Weight.Bold if bold else QFont.Weight.Normal)


def place(item: QgsLayoutItem, left: float, top: float, width: float, height: float) -> None:
    """Set where an item lies on the page, in millimetres."""
    item.attemptMove(QgsLayoutPoint(left, top))
    item.attemptResize(QgsLayoutSize(width, height))


if __name__ == "__main__":
    main()
