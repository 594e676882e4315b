"""Draw a crop map with its legend, and the map tip of a parcel, as QGIS shows them, for the docs.

Run it with the Python that has QGIS::

    QT_QPA_PLATFORM=offscreen /usr/bin/python3 docs/make_map_picture.py crops.gpkg docs/map.png \
        --tip docs/maptip.png --parcel P005
"""

import argparse
import os
from pathlib import Path

from qgis.core import (
    QgsApplication,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
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
from qgis.PyQt.QtCore import Qt
from qgis.PyQt.QtGui import QColor, QFont, QImage, QPainter
from qgis.PyQt.QtWidgets import QFrame, QTextBrowser

#: The page in millimetres, and its parts.
PAGE, MARGIN, LEGEND, TITLE = (190, 150), 6, 46, 13
INK = QColor("#2b2b2b")
FONT = "DejaVu Sans"


def main() -> None:
    """Read the command line and draw."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("map", type=Path, help="GeoPackage written by 'cropxai map'")
    parser.add_argument("picture", type=Path, help="PNG to write")
    parser.add_argument("--title", default="Crops of the season")
    parser.add_argument("--dpi", type=int, default=150)
    parser.add_argument("--tip", type=Path, help="PNG to write of a map tip")
    parser.add_argument("--parcel", help="parcel_id of the parcel whose map tip is drawn")
    given = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    application = QgsApplication([], True)
    application.initQgis()
    try:
        draw(given.map, given.picture, given.title, given.dpi)
        if given.tip:
            draw_tip(given.map, given.tip, given.parcel)
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


def draw_tip(path: Path, picture: Path, parcel: str, scale: int = 2) -> None:
    """Draw the map tip of a parcel, in a frame, at twice the size of the screen."""
    layer = QgsVectorLayer(f"{path}|layername=parcels", "Crop", "ogr")
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    wanted = [feature for feature in layer.getFeatures() if feature["parcel_id"] == parcel]
    if not wanted:
        raise SystemExit(f"{path}: holds no parcel {parcel!r}; give one of its parcel_id")
    context.setFeature(wanted[0])
    browser = QTextBrowser()
    browser.setFrameShape(QFrame.Shape.NoFrame)
    browser.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    browser.document().setDefaultFont(font(9, False))
    browser.setHtml(QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context))
    browser.resize(360, 600)
    browser.show()  # the chart is laid out only when it is seen
    QgsApplication.processEvents()
    browser.resize(360, round(browser.document().size().height()) + 2)
    image = QImage(scale * browser.size(), QImage.Format.Format_RGB32)
    image.fill(QColor("white"))
    painter = QPainter(image)
    painter.scale(scale, scale)
    browser.render(painter)
    painter.setPen(QColor("#b8b8b8"))
    painter.drawRect(0, 0, browser.width() - 1, browser.height() - 1)
    painter.end()
    if not image.save(str(picture)):
        raise SystemExit(f"{picture}: cannot be written")


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
    legend.setSymbolHeight(3.4)
    legend.setSymbolWidth(6.5)
    legend.setBoxSpace(0)
    legend.rstyle(QgsLegendStyle.Style.Symbol).setMargin(QgsLegendStyle.Side.Top, 1.2)
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
