"""The map tip of a parcel: its answer in words, and what the model looked at as a chart.

QGIS evaluates the expressions in it (``[% … %]``) for the parcel under the mouse. The chart is an SVG drawing made by
an expression and handed over as a data URI, so that it needs no file and no JavaScript, which QGIS 4 does not run.
Texts of the data get their markup made harmless; the chart takes nothing but numbers and dates.
"""

import numpy as np
import numpy.typing as npt

from cropxai.maps.survey import Survey

#: Rows of which older maps have no column.
NEEDS = {"May be": "set_size", "Beware": "novelty"}
#: What is said of a parcel whose novelty is above 1.
UNLIKE = "unlike the training data"
WIDTH, HEIGHT = 340, 138
LEFT, RIGHT, TOP, BOTTOM = 8, 332, 14, 96
POSITIVE, NEGATIVE, WINDOW, INK, FAINT = "#2166ac", "#d6604d", "#fbf1d4", "#333333", "#9a9a9a"
#: Where the line of 0 is on the chart, and what a thousandth of relevance takes of its height.
ZERO, SCALE = "array_get(@axis, 0)", "array_get(@axis, 1)"
CAPTION = "up: speaks for the crop · down: against it · dot: not seen · shaded: its window"
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def map_tip(found: Survey) -> str:
    """Write the map tip: HTML whose values QGIS fills in; rows without a value are left out."""
    deciding = " || ".join(f"coalesce({sep!r} || {_deciding(n)}, '')" for n, sep in ((1, ""), (2, ", "), (3, ", ")))
    crops, start, end = text('"crop_set"'), _date("window_start"), _date("window_end")
    rows = [
        ("Second", _joined(text('"second_crop"'), _percent("second_confidence"))),
        ("May be", f"if(\"set_size\" > 1, {crops}, null)"),
        ("Beware", f"if(\"novelty\" > 1, '{UNLIKE}', null)"),
        ("Known from", _joined(_date("decision_date"), _percent("decision_confidence"))),
        ("Decided by", deciding),
        ("Window", f"if(\"window_start\" < \"window_end\", {start} || ' – ', '') || {end}"),
        ("Seen clear", "to_string(\"clear_dates\") || if(\"clear_dates\" = 1, ' date', ' dates')"),
    ]  # fmt: skip
    if "declared_crop" in found.columns:
        rows.insert(1, ("Declared", text('"declared_crop"')))
    rows = [(label, value) for label, value in rows if label not in NEEDS or NEEDS[label] in found.columns]
    body = "".join(f"[% {_row(label, value)} %]" for label, value in rows)
    crop, status, parcel = (text(f'"{name}"') for name in ("crop", "status", "parcel_id"))
    answer = (
        f"coalesce({crop}, 'no answer: ' || {status}, 'no answer') || coalesce(' · ' || {_percent('confidence')}, '')"
    )
    heading = f"<b>[% {answer} %]</b> &nbsp; <font color=\"{FAINT}\">[% coalesce({parcel}, '') %]</font>"
    chart = f"[% {chart_image(found.dates)} %]" if len(found.dates) and found.relevance else ""
    return f'{heading}<br>{chart}<table cellspacing="0" cellpadding="1">{body}</table>'


def text(expression: str) -> str:
    """Return an expression whose value is that of another with its markup made harmless."""
    for sign, entity in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;")):
        expression = f"replace({expression}, '{sign}', '{entity}')"
    return expression


def _row(label: str, value: str) -> str:
    start = f"'<tr><td><font color=\"{FAINT}\">{label}&nbsp;</font></td><td>'"
    return f"coalesce({start} || nullif({value}, '') || '</td></tr>', '')"


def _deciding(rank: int) -> str:
    return f"format_date(\"top{rank}_date\", 'd MMM')"


def _joined(first: str, second: str) -> str:
    return f"{first} || coalesce(' · ' || {second}, '')"


def _percent(column: str) -> str:
    return f"to_string(round(100 * \"{column}\")) || ' %'"


def _date(column: str) -> str:
    return f"format_date(\"{column}\", 'd MMM yyyy')"


# --- the chart ---------------------------------------------------------------------------------------------------


def chart_image(dates: npt.NDArray[np.datetime64]) -> str:
    """Write the QGIS expression of an `img` with the parcel's relevance by date; empty where it has none.

    Bars upwards speak for the crop, downwards against it; a dot is a date without a clear view, the shaded stretch the
    window of the crop, and the dashed line the date from which the crop is known.

    Parameters
    ----------
    dates : (time,) to which the numbers of the column ``relevance_chart`` belong
    """
    svg = " || ".join(
        [
            _literal(f'<svg xmlns="http://www.w3.org/2000/svg" width="{2 * WIDTH}" height="{2 * HEIGHT}" '
                     f'viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="9">'
                     f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>'),
            _window(dates),
            _literal(_axis(dates)),
            _bars(dates),
            _zero_line(),
            _decision(dates),
            _literal("</svg>"),
        ]
    )  # fmt: skip
    known = "array_foreach(array_filter(@values, @element <> ''), to_real(@element))"
    high, low = f"max(0, array_max({known}))", f"min(0, array_min({known}))"
    scale = f"{BOTTOM - TOP} / max(1, {high} - {low})"
    image = f'\'<img width="{WIDTH}" height="{HEIGHT}" src="data:image/svg+xml;base64,\' || to_base64({svg}) || \'">\''
    # Few variables, because QGIS parses what stands within each of them twice: seven took it half a second a parcel.
    image = f"with_variable('axis', array(round({TOP} + {high} * {scale}, 1), {scale}), {image})"
    image = f"with_variable('values', string_to_array(\"relevance_chart\", ';'), {image})"
    return f"if(\"relevance_chart\" is null, '', coalesce(try({image}), ''))"


def _zero_line() -> str:
    line = f'<line x1="{LEFT}" x2="{RIGHT}" stroke="{INK}" stroke-width="0.8" y1="'
    return f"'{line}' || {ZERO} || '\" y2=\"' || {ZERO} || '\"/>'"


def _literal(markup: str) -> str:
    return "'" + markup.replace("'", "''") + "'"


def _positions(dates: npt.NDArray[np.datetime64]) -> list[float]:
    first, days = dates.min(), max(1, int((dates.max() - dates.min()).astype(int)))
    inner = RIGHT - LEFT - 12
    return [round(LEFT + 6 + inner * int((d - first).astype(int)) / days, 1) for d in dates]


def _x(column: str, dates: npt.NDArray[np.datetime64]) -> str:
    """Write the expression of the place of a date column on the axis, within it."""
    days = max(1, int((dates.max() - dates.min()).astype(int)))
    place = f"{LEFT + 6} + {RIGHT - LEFT - 12} * day(\"{column}\" - to_date('{dates.min()}')) / {days}.0"
    return f'if("{column}" is null, null, round(max({LEFT}, min({RIGHT}, {place})), 1))'


def _axis(dates: npt.NDArray[np.datetime64]) -> str:
    """Draw ticks at the first of each month, its name where there is room, and what the signs mean."""
    first, last = dates.min(), dates.max()
    months = np.arange(first.astype("datetime64[M]"), last.astype("datetime64[M]") + 1)
    starts = months.astype("datetime64[D]")
    days = max(1, int((last - first).astype(int)))
    inner = RIGHT - LEFT - 12
    parts = []
    for month, start in zip(months, starts, strict=True):
        x = LEFT + 6 + inner * int((start - first).astype(int)) / days
        if LEFT <= x <= RIGHT:
            parts.append(f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{BOTTOM + 12}" y2="{BOTTOM + 15}" stroke="{FAINT}"/>')
        end = LEFT + 6 + inner * int(((month + 1).astype("datetime64[D]") - first).astype(int)) / days
        low, high = max(x, LEFT), min(end, RIGHT)
        if high - low >= 18:
            name = MONTHS[int(month.astype(int)) % 12]
            parts.append(
                f'<text x="{(low + high) / 2:.1f}" y="{BOTTOM + 25}" text-anchor="middle" fill="{INK}">{name}</text>'
            )
    parts.append(f'<text x="{LEFT}" y="{HEIGHT - 4}" font-size="7.5" fill="{FAINT}">{CAPTION}</text>')
    return "".join(parts)


def _bars(dates: npt.NDArray[np.datetime64]) -> str:
    places = ", ".join(f"{x:g}" for x in _positions(dates))
    width = round(float(np.clip(0.6 * (RIGHT - LEFT) / len(dates), 1.5, 7)), 1)
    value = "to_real(array_get(@values, @element))"
    place = f"array_get(array({places}), @element)"
    x = f"to_string(round({place} - {width / 2}, 1))"
    height = f"round(abs({value}) * {SCALE}, 1)"
    bar = (
        f'\'<rect width="{width}" x="\' || {x} || \'" y="\' || round({ZERO} - max(0, {value}) * {SCALE}, 1) || '
        f"'\" height=\"' || {height} || '\" fill=\"' || if({value} >= 0, '{POSITIVE}', '{NEGATIVE}') || '\"/>'"
    )
    dot = f'\'<circle r="1.2" fill="{FAINT}" cy="{BOTTOM + 7}" cx="\' || {place} || \'"/>\''
    each = f"if(array_get(@values, @element) = '', {dot}, {bar})"
    count = f"min(array_length(@values), {len(dates)}) - 1"
    return f"array_to_string(array_foreach(generate_series(0, {count}), {each}), '')"


def _window(dates: npt.NDArray[np.datetime64]) -> str:
    start, end = _x("window_start", dates), _x("window_end", dates)
    return (
        f'coalesce(\'<rect fill="{WINDOW}" y="{TOP - 4}" height="{BOTTOM - TOP + 8}" x="\' || {start} || '
        f"'\" width=\"' || max(1, {end} - {start}) || '\"/>', '')"
    )


def _decision(dates: npt.NDArray[np.datetime64]) -> str:
    x = _x("decision_date", dates)
    anchor = f"if({x} > {(LEFT + RIGHT) // 2}, 'end', 'start')"
    offset = f"if({x} > {(LEFT + RIGHT) // 2}, -3, 3)"
    return (
        f'coalesce(\'<line stroke="{INK}" stroke-dasharray="3,2" y1="3" y2="{BOTTOM + 4}" x1="\' || {x} || '
        f'\'" x2="\' || {x} || \'"/><text y="10" fill="{INK}" text-anchor="\' || {anchor} || \'" x="\' || '
        f"({x} + {offset}) || '\">known</text>', '')"
    )
