# SPDX-License-Identifier: GPL-2.0-or-later
"""The chart of a parcel's relevance over time, painted with Qt alone."""

from datetime import date, timedelta

from qgis.PyQt.QtCore import QLocale, QPointF, QRectF, QSize, Qt
from qgis.PyQt.QtGui import QColor, QPainter, QPen, QPolygonF
from qgis.PyQt.QtWidgets import QSizePolicy, QToolTip, QWidget

from .texts import mark, tr

#: Colours of the map tip: for the crop, against it, its window; and the bands of the lower panel.
FOR, AGAINST, WINDOW = "#2166ac", "#d6604d", "#e8c766"
BANDS = {mark("red"): "#c0392b", mark("near infrared"): "#7d3c98", mark("short-wave infrared"): "#117a65"}
#: Pixels between words, and of a line in the key with the gaps around it.
GAP, KEY = 8, 35
#: How opaque the lines of the crop's median are beside those of the parcel, of 255.
PALE = 85
MARGIN = 8
#: Lightness, of 255, below which a colour is dark, and per cent of its brightness that it gets on a dark ground.
HALF, LIGHTER = 128, 160
#: Share of the height that the lower panel has, where there is reflectance.
LOWER = 0.45
#: Size of the letters below the heading.
SMALL = 0.87
#: Days that are left free before the first date and after the last.
FREE = 6


class RelevanceChart(QWidget):
    """Bars of relevance by date, with window and growth stages, and beneath the reflectance of parcel and crop."""

    def __init__(self, parent=None):
        super().__init__(parent)
        self.parcel = None
        self.note = ""
        self.setMouseTracking(True)
        self.setMinimumSize(260, 170)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def sizeHint(self):
        return QSize(420, 300)

    def show_parcel(self, parcel):
        """Draw this parcel."""
        self.parcel, self.note = parcel, ""
        self.update()

    def show_note(self, text):
        """Show a sentence in place of a chart."""
        self.parcel, self.note = None, text
        self.update()

    def paintEvent(self, event):
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.fillRect(self.rect(), self.palette().base())
        area = QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        if self.parcel is None:
            painter.setPen(self.faint())
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, self.note)
        else:
            self.paint_parcel(painter, area)
        painter.end()

    def paint_parcel(self, painter, area):
        line = painter.fontMetrics().height()
        self.paint_heading(painter, QRectF(area.left(), area.top(), area.width(), line))
        related = any(value is not None for value in self.parcel.relevance)
        if not related and not self.parcel.own:
            painter.setPen(self.faint())
            text = self.parcel.status or tr("The parcel was not seen.")
            painter.drawText(area, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, text)
            return
        small = painter.font()
        small.setPointSizeF(SMALL * small.pointSizeF())
        painter.setFont(small)
        body = area.adjusted(0, 1.3 * line, 0, -2.5 * line)  # beneath: months, and the key
        # Reflectance gets its own panel, where there is room to read it.
        curves = (self.parcel.own or self.parcel.curves) and body.height() > 9 * line
        lower = body.height() if not related else LOWER * body.height() if curves else 0
        upper = body.adjusted(0, 0, 0, -lower)
        self.paint_window(painter, body)
        self.paint_months(painter, body, area)
        if related:
            rows = self.paint_stages(painter, upper, line)
            self.paint_bars(painter, upper.adjusted(0, rows * line, 0, -2))
            self.paint_key(painter, QRectF(area.left(), area.bottom() - line, area.width(), line))
        if lower:
            self.paint_curves(painter, QRectF(body.left(), upper.bottom() + 4, body.width(), lower - 4))

    def paint_heading(self, painter, place):
        """Write crop and confidence, then parcel and year."""
        told = self.parcel
        years = dict.fromkeys(str(day.year) for day in (*told.dates[:1], *told.dates[-1:]))
        parcel = " · ".join(filter(None, (told.parcel, "–".join(years))))
        crop = told.crop or tr("no answer")
        if told.confidence is not None:
            crop += f" · {told.confidence:.0%}"
        font = painter.font()
        font.setBold(True)
        painter.save()
        painter.setFont(font)
        painter.setPen(self.palette().text().color())
        room = max(0.65 * place.width(), place.width() - painter.fontMetrics().horizontalAdvance(parcel) - 12)
        shown = painter.fontMetrics().elidedText(crop, Qt.TextElideMode.ElideRight, int(room))
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft, shown)
        painter.restore()
        painter.setPen(self.faint())
        shown = painter.fontMetrics().elidedText(parcel, Qt.TextElideMode.ElideRight, int(0.33 * place.width()))
        painter.drawText(place, Qt.AlignmentFlag.AlignRight, shown)

    def paint_window(self, painter, body):
        """Shade the window of the crop, and mark the date from which it is known."""
        if self.parcel.window:
            left, right = (self.x_of(day, body) for day in self.parcel.window)
            shade = QColor(WINDOW)
            shade.setAlpha(70)
            painter.fillRect(QRectF(left - 3, body.top(), right - left + 6, body.height()), shade)
        if self.parcel.known_from:
            painter.setPen(QPen(self.faint(), 1, Qt.PenStyle.DashLine))
            x = self.x_of(self.parcel.known_from, body)
            painter.drawLine(QPointF(x, body.top()), QPointF(x, body.bottom()))

    def paint_months(self, painter, body, area):
        """Write the months beneath."""
        line = painter.fontMetrics().height()
        first, last = self.span()
        month = date(first.year, first.month, 1)
        end_of_text = area.left()
        painter.setPen(self.faint())
        while month <= last:
            if month >= first:
                x = self.x_of(month, body)
                painter.drawLine(QPointF(x, body.bottom()), QPointF(x, body.bottom() + 3))
                text = QLocale().standaloneMonthName(month.month, QLocale.FormatType.ShortFormat)
                width = painter.fontMetrics().horizontalAdvance(text)
                if x - 2 > end_of_text and x + width < area.right():
                    painter.drawText(QPointF(x + 2, body.bottom() + 0.95 * line), text)
                    end_of_text = x + width + 4
            month = date(month.year + month.month // 12, month.month % 12 + 1, 1)

    def paint_stages(self, painter, upper, line):
        """Write growth stages above their dates, in rows where they would overlap; return the number of rows."""
        painter.setPen(self.faint())
        ends, before = [], ""
        for day, stage in self.parcel.stages:
            if stage == before:
                continue
            before = stage
            text = painter.fontMetrics().elidedText(stage, Qt.TextElideMode.ElideRight, int(0.6 * upper.width()))
            width = painter.fontMetrics().horizontalAdvance(text)
            x = min(max(upper.left(), self.x_of(day, upper) - width / 2), upper.right() - width)
            row = next((row for row, end in enumerate(ends) if end < x - 6), len(ends))
            ends[row : row + 1] = [x + width]
            painter.drawText(QPointF(x, upper.top() + (row + 0.8) * line), text)
        top = upper.top() + len(ends) * line
        for day, _ in self.parcel.stages:
            x = self.x_of(day, upper)
            painter.drawPolygon(QPolygonF([QPointF(x - 3, top + 1), QPointF(x + 3, top + 1), QPointF(x, top + 5)]))
        return len(ends) + (0.5 if ends else 0)

    def paint_bars(self, painter, place):
        """Draw a bar for each date, up for the crop and down against it; a dot where the parcel was not seen."""
        seen = [value for value in self.parcel.relevance if value is not None]
        high, low = max(0.0, *seen), min(0.0, *seen)
        scale = place.height() / ((high - low) or 1)
        zero = place.top() + high * scale
        width = self.bar_width(place)
        for day, value in zip(self.parcel.dates, self.parcel.relevance):  # noqa: B905 (Python 3.9)
            x = self.x_of(day, place)
            if value is None:
                painter.setPen(Qt.PenStyle.NoPen)
                painter.setBrush(self.faint())
                painter.drawEllipse(QPointF(x, zero), 1.5, 1.5)
            else:
                top = zero - max(0.0, value) * scale
                colour = self.ink(FOR if value > 0 else AGAINST)
                painter.fillRect(QRectF(x - width / 2, top, width, abs(value) * scale), colour)
        painter.setPen(self.faint())
        painter.drawLine(QPointF(place.left(), zero), QPointF(place.right(), zero))

    def paint_curves(self, painter, place):
        """Draw the reflectance of the parcel, and pale the median of its crop, from 0 to the highest."""
        own, crop = self.parcel.own, self.parcel.curves
        values = [value for curves in (own, crop) for curve in curves.values() for value in curve]
        highest = max(value for value in values if value is not None)
        words = [(f"{highest:.0%}", self.faint())]
        words += [(tr(name), self.ink(BANDS[name])) for name in dict.fromkeys([*own, *crop])]
        # Whose the lines are stands beside the bands where there is room, else beneath.
        line, taken = painter.fontMetrics().height(), self.width_of(painter, [text for text, _ in words], GAP)
        beside = taken + self.width_of(painter, [text for text, _ in self.whose()], KEY) <= place.width()
        scale = (place.height() - (1.1 if beside else 2.1) * line) / highest if highest > 0 else 0
        for curves in (crop, own):
            for name, curve in curves.items():
                self.paint_curve(painter, place, curve, scale, self.band_colour(name, curves is not own), curves is own)
        painter.setPen(self.faint())
        painter.drawLine(place.bottomLeft(), place.bottomRight())
        row = QRectF(place.left(), place.top(), place.width(), line)
        self.paint_words(painter, row, words)
        self.paint_lines(painter, row.adjusted(taken, 0, 0, 0) if beside else row.translated(0, line))

    def paint_curve(self, painter, place, curve, scale, colour, dotted):
        """Draw a line through the dates that have a value, with dots at them if asked for."""
        points = [
            QPointF(self.x_of(day, place), place.bottom() - max(0.0, value) * scale)
            for day, value in zip(self.parcel.dates, curve)  # noqa: B905 (Python 3.9)
            if value is not None
        ]
        painter.setPen(QPen(colour, 1.6))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawPolyline(QPolygonF(points))
        painter.setBrush(colour)
        for point in points if dotted else ():
            painter.drawEllipse(point, 1.6, 1.6)

    def whose(self):
        """Return whose the lines are: their words, and whether it is the parcel."""
        own, crop = (tr("this parcel"), True), (tr("median of its crop"), False)
        return [entry for entry, curves in ((own, self.parcel.own), (crop, self.parcel.curves)) if curves]

    def width_of(self, painter, texts, gap):
        """Return the width of texts with something of a width behind each."""
        return sum(painter.fontMetrics().horizontalAdvance(text) + gap for text in texts)

    def paint_words(self, painter, place, words):
        """Write words in their colours one behind the other, the last ones shorter where there is no room."""
        x = place.left()
        for text, colour in words:
            if x >= place.right():
                break
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(place.right() - x))
            painter.setPen(colour)
            painter.drawText(QRectF(x, place.top(), place.right() - x, place.height()), shown)
            x += painter.fontMetrics().horizontalAdvance(text) + GAP

    def paint_lines(self, painter, place):
        """Write whose the lines are: with points the parcel's, pale its crop's."""
        x, y = place.left(), place.center().y()
        for text, is_own in self.whose():
            if x + 23 >= place.right():
                break
            colour = self.palette().text().color()
            colour.setAlpha(255 if is_own or not self.parcel.own else PALE)
            painter.setPen(QPen(colour, 1.6))
            painter.setBrush(colour)
            painter.drawLine(QPointF(x, y), QPointF(x + 18, y))
            if is_own:
                painter.drawEllipse(QPointF(x + 9, y), 1.6, 1.6)
            room = QRectF(x + 23, place.top(), place.right() - x - 23, place.height())
            shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, int(room.width()))
            painter.setPen(self.palette().text().color())
            painter.drawText(room, shown)
            x += painter.fontMetrics().horizontalAdvance(text) + KEY

    def paint_key(self, painter, place):
        """Write what the colours mean, as much as there is room for."""
        entries = [(tr("for the crop"), FOR), (tr("against it"), AGAINST)]
        if self.parcel.window:
            entries.append((tr("its window"), WINDOW))
        x = place.left()
        for text, colour in entries:
            width = painter.fontMetrics().horizontalAdvance(text)
            if x + 12 + width > place.right():
                break
            painter.fillRect(QRectF(x, place.center().y() - 4, 8, 8), self.ink(colour))
            painter.setPen(self.palette().text().color())
            painter.drawText(QRectF(x + 12, place.top(), width + 2, place.height()), text)
            x += width + 24
        width = painter.fontMetrics().horizontalAdvance(tr("known from"))
        if self.parcel.known_from and x + 8 + width <= place.right():
            painter.setPen(QPen(self.faint(), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x + 2, place.top() + 2), QPointF(x + 2, place.bottom() - 1))
            painter.setPen(self.palette().text().color())
            painter.drawText(QRectF(x + 8, place.top(), width + 2, place.height()), tr("known from"))

    def mouseMoveEvent(self, event):
        """Tell the date under the mouse, its relevance, the reflectance, and the growth stage there."""
        if self.parcel is None or not self.parcel.dates:
            return
        place = event.position() if hasattr(event, "position") else event.localPos()
        area = QRectF(self.rect()).adjusted(MARGIN, MARGIN, -MARGIN, -MARGIN)
        near = min(range(len(self.parcel.dates)), key=lambda i: abs(self.x_of(self.parcel.dates[i], area) - place.x()))
        QToolTip.showText(self.mapToGlobal(place.toPoint()), self.text_of(near), self)

    def text_of(self, index):
        """Return what is told of one of the dates."""
        day, value = self.parcel.dates[index], self.parcel.relevance[index]
        seen = {name: curve[index] for name, curve in self.parcel.own.items() if curve[index] is not None}
        missing = tr("no relevance") if seen else tr("not seen")
        told = [day.isoformat(), missing if value is None else f"{tr('relevance')} {value:+.3f}"]
        told += [f"{tr(name)} {reflectance:.1%}" for name, reflectance in seen.items()]
        told += [stage for at, stage in self.parcel.stages if at == day]
        return " · ".join(told)

    def span(self):
        """Return the first and last day of the axis."""
        return self.parcel.dates[0] - timedelta(FREE), self.parcel.dates[-1] + timedelta(FREE)

    def x_of(self, day, place):
        """Return where a day lies."""
        first, last = self.span()
        return place.left() + place.width() * (day - first).days / (last - first).days

    def bar_width(self, place):
        """Return the width at which bars of the closest dates do not touch."""
        dates = self.parcel.dates
        gaps = [abs(self.x_of(b, place) - self.x_of(a, place)) for a, b in zip(dates, dates[1:])]  # noqa: B905, RUF007 (Python 3.9)
        return min(9.0, max(1.5, 0.75 * min(gaps, default=9.0)))

    def band_colour(self, name, pale):
        """Return the colour of a band; the crop's lines are pale only beside those of the parcel."""
        colour = self.ink(BANDS[name])
        colour.setAlpha(PALE if pale and self.parcel.own else 255)
        return colour

    def ink(self, name):
        """Return a colour that shows on the ground, which is dark in some themes of QGIS."""
        colour = QColor(name)
        dark = max(colour.lightness(), self.palette().base().color().lightness()) < HALF
        return colour.lighter(LIGHTER) if dark else colour

    def faint(self):
        colour = QColor(self.palette().text().color())
        colour.setAlpha(140)
        return colour
