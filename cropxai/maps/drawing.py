"""How figures are drawn and written: in ink that takes the colour of the page, so that they read in light and dark."""

import io
import re
import warnings
from collections.abc import Callable
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.dates import ConciseDateFormatter, MonthLocator
from matplotlib.figure import Figure

#: Stand-ins for the colours of text and of fine lines: in the page they become those of the page.
INK, FAINT = "#010203", "#8d8e8f"
STYLE: Any = {
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": FAINT,
    "axes.titlecolor": INK,
    "xtick.color": FAINT,
    "ytick.color": FAINT,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "axes.titlelocation": "left",
    "axes.titlesize": 9.5,
    "axes.titleweight": "bold",
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    "font.family": "sans-serif",
    "svg.fonttype": "none",
}


def drawn(draw: Callable[[], Figure]) -> Figure:
    """Draw a figure in the style of the report."""
    with mpl.rc_context(STYLE):
        return draw()


def save(figure: Figure, to: Any, **how: Any) -> None:
    """Write a figure in the style of the report; characters that the font lacks stay text in SVG, a box in PNG."""
    with mpl.rc_context(STYLE), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(to, **how)


def svg(figure: Figure, name: str) -> str:
    """Return a figure as SVG to stand in a page: scalable, its ink that of the page; ``name`` keeps its ids apart."""
    buffer = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": name}):
        save(figure, buffer, format="svg", metadata={"Date": None, "Creator": None})
    text = buffer.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.S)
    text = text.replace(INK, "currentColor").replace(FAINT, "var(--faint)")
    return re.sub(r"font(-family)?: [^;\"]*'DejaVu Sans'[^;\"]*", _page_font, text)


def _page_font(match: re.Match[str]) -> str:
    size = re.search(r"[\d.]+px", match[0])
    return "font-family: inherit" if match[1] else f"font: {size[0] if size else '9px'} sans-serif"


def plain(text: object) -> str:
    """Return text as matplotlib takes it for text: no formula, no control character."""
    return "".join(c for c in str(text) if c.isprintable()).replace("$", r"\$")


def percent(axes: Axes, which: str = "y") -> None:
    """Label an axis of shares in percent."""
    axis = axes.yaxis if which == "y" else axes.xaxis
    axis.set_major_formatter(lambda value, _: f"{100 * value:.0f} %")


def months(axes: Axes) -> None:
    """Label an axis of dates by months."""
    axes.xaxis.set_major_locator(MonthLocator())  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_formatter(ConciseDateFormatter(axes.xaxis.get_major_locator()))  # type: ignore[no-untyped-call]
