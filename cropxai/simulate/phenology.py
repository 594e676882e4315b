"""From drawn fields to their state on each date: leaf area, flowers, straw, ripeness, water and snow."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cropxai.simulate.development import (
    ELONGATION,
    EMERGENCE,
    FLOWERED,
    FLOWERING,
    HARVEST,
    MATURITY,
    SENESCENCE,
)
from cropxai.simulate.fields import CUT, ROWS, SOWN, Fields, FloatArray
from cropxai.simulate.plants import NEVER
from cropxai.simulate.weather import Weather


@dataclass(frozen=True)
class States:
    """The state of fields by date, each (field, time) float32.

    Attributes
    ----------
    green_lai, brown_lai : living and dead leaf area, m² m⁻²
    cover : share of the ground on which leaves stand
    flower, residue : ground covered by coloured flowers, by straw; 0…1
    wetness : moisture of the soil's surface, 0 dry … 1 wet
    ripeness : 0 while leaves are fresh … 1 at maturity
    snow : ground and stand under snow, 0…1
    """

    green_lai: FloatArray
    brown_lai: FloatArray
    cover: FloatArray
    flower: FloatArray
    residue: FloatArray
    wetness: FloatArray
    ripeness: FloatArray
    snow: FloatArray


def states(fields: Fields, days: npt.ArrayLike, weather: Weather) -> States:
    """Work out the state of each field on each day.

    Parameters
    ----------
    fields : the fields
    days : (time,) day of year, 1 January = 0; negative in the autumn before
    weather : of the landscapes in which the fields lie
    """
    day = np.asarray(days, np.float32)
    column = weather.column(np.asarray(days).astype(int))
    shape = (len(fields), len(day))
    lacking = _stress(fields, weather, column)
    green, brown, cover, flower, residue, ripe = (np.zeros(shape, np.float32) for _ in range(6))
    for kind, work in ((SOWN, _arable), (CUT, _grass), (ROWS, _woody)):
        rows = np.flatnonzero(fields.kind == kind)
        if len(rows):
            parts = work(fields.take(rows), day, lacking[rows])
            green[rows], brown[rows], cover[rows], flower[rows], residue[rows], ripe[rows] = parts
    for area in (green, brown):
        np.maximum(area, 0, out=area)  # sums of smooth steps end within rounding of zero
    for share in (cover, flower, residue, ripe):
        np.clip(share, 0, 1, out=share)
    place = fields.place[:, None]
    wet = np.clip(weather.wetness[place, column] + fields.wetness[:, None], 0, 1)
    snow = weather.snow[place, column]
    return States(green, brown, cover, flower, residue, wet, ripe, snow)


def _stress(fields: Fields, weather: Weather, column: npt.NDArray[np.int64]) -> FloatArray:
    """Return how much lack of water does to each field, (field, time) 0…1."""
    low = np.minimum(fields.capacity.astype(int), weather.stress.shape[1] - 2)
    share = (fields.capacity - low)[:, None]
    place, kind = fields.place[:, None], low[:, None]
    light = weather.stress[place, kind, column]
    heavy = weather.stress[place, kind + 1, column]
    out: FloatArray = ((light + (heavy - light) * share) * fields.thirst[:, None]).astype(np.float32)
    return out


Parts = tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]


def _arable(fields: Fields, day: FloatArray, lacking: FloatArray) -> Parts:
    """Return green and dead leaf area, cover, flowers, straw and ripeness of sown crops."""
    events = fields.events.T
    emergence, peak, senescence, maturity, harvest = (
        events[e] for e in (EMERGENCE, FLOWERING, SENESCENCE, MATURITY, HARVEST)
    )
    crop = fields.lai[:, None] * _crop_growth(fields, day) * (1 - 0.4 * lacking)
    growing = _rise(day, emergence, 30) * (1 - _rise(day, senescence, 15))
    green_before, straw_before = _before(fields, day)
    others = fields.weeds[:, None] * growing + green_before + _green_after(fields, day)
    dead = fields.lai * fields.brown_left
    none = 0 * dead
    brown = along(day, [peak, senescence, maturity, harvest, harvest + 2], [none, 0.12 * dead, dead, dead, none])
    brown += 0.25 * lacking * crop
    residue = (straw_before + _straw_after(fields, day)).clip(0, 0.9)
    ripe = along(day, [peak, senescence, maturity], [none, none + 0.15, none + 1])
    # A crop that is harvested green ripens only in part; what grows after the harvest is fresh.
    ripe *= (1 - fields.green_left)[:, None] * (day[None] < harvest[:, None] + 2)
    young = 1 - np.minimum(crop / (0.6 * fields.lai[:, None]), 1)
    in_rows = (day[None] > emergence[:, None]) & (day[None] < harvest[:, None] + 2)
    cover = fields.cover[:, None] * (1 - fields.open_rows[:, None] * young * in_rows)
    return crop + others, brown, cover, _flowers(fields, day), residue, ripe


def _crop_growth(fields: Fields, day: FloatArray) -> FloatArray:
    """Green leaf area of the crop itself as a share of its peak, (field, time)."""
    emergence, closure, peak, flowered, senescence, maturity, harvest = (
        fields.events.T[e] for e in (EMERGENCE, ELONGATION, FLOWERING, FLOWERED, SENESCENCE, MATURITY, HARVEST)
    )
    one = np.ones_like(emergence)
    winter = emergence < 0
    share = np.where(winter, np.minimum(fields.winter_lai / fields.lai, 0.5), 0.1 * fields.closing)
    rest, regrowth = emergence + (closure - emergence) / 3, emergence + (closure - emergence) * 2 / 3
    nodes = [emergence, np.where(winter, -25, rest), np.where(winter, closure - 25, regrowth), closure, peak]
    spring = np.where(winter, np.maximum(share * 0.9, 0.04), 0.35 * fields.closing)
    shares = [0 * one, share, spring, np.maximum(fields.closing, spring), one]
    nodes += [flowered, senescence, maturity, harvest, harvest + 2]
    shares += [0.97 * one, 0.85 * one, fields.green_left, 0.7 * fields.green_left, 0 * one]
    return along(day, nodes, shares)


def _before(fields: Fields, day: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Leaf area and straw before a spring-sown crop, growing a little in spring until tilled, (field, time)."""
    lai, straw, tilled = fields.before.T
    left = 1 - _rise(day, tilled, 4)
    spring = along(day, [tilled - 60, tilled], [0.8 + 0 * lai, 1.4 + 0 * lai])
    return lai[:, None] * spring * left, straw[:, None] * left


def _straw_after(fields: Fields, day: FloatArray) -> FloatArray:
    """Straw after the harvest, (field, time)."""
    _, _, _, straw, tillage = fields.after.T
    harvest = fields.events[:, HARVEST]
    out: FloatArray = straw[:, None] * _rise(day, harvest, 2) * (1 - 0.8 * _rise(day, tillage, 3))
    return out


def _green_after(fields: Fields, day: FloatArray) -> FloatArray:
    """Leaf area of what grows after the harvest, or after a sward is ploughed up, (field, time)."""
    start, lai, end, _, _ = fields.after.T
    out: FloatArray = lai[:, None] * _rise(day, start, 45) * (1 - _rise(day, end, 5))
    return out


def _flowers(fields: Fields, day: FloatArray) -> FloatArray:
    first, last, cover, _ = fields.flower.T
    none = 0 * cover
    length = np.maximum(last - first, 1)
    return along(day, [first, first + 0.3 * length, last - 0.3 * length, last + 4], [none, cover, cover, none])


#: Seasonal course of uncut grass: days after the beginning of growth, and days of the year for its end (assumption).
_SPRING_FLUSH = 48
_AUTUMN = (245.0, 320.0)
#: Days in which cut grass regains two thirds of its leaf area; what a cut leaves (assumptions).
_RECOVERY = 15.0
_LEFT_BY_CUT = 0.14


def _grass(fields: Fields, day: FloatArray, lacking: FloatArray) -> Parts:
    """Return green and dead leaf area, cover, flowers, straw and ripeness of swards."""
    lai, low, start = fields.lai, fields.winter_lai, fields.spring
    autumn = [np.full_like(lai, d) for d in _AUTUMN]
    high = np.maximum(lai, low)
    stand = along(day, [start, start + _SPRING_FLUSH, *autumn], [low, high, 0.75 * high, low])
    growth = _regrown(fields, day)
    # Cattle are out from the middle of the flush to autumn.
    out = _rise(day, start + 30, 25) * (1 - _rise(day, autumn[0] + 40, 30))
    growth = growth * (1 - fields.grazed[:, None] * out)
    # Frost browns grass; so does heading of uncut stands in early summer, and lack of water.
    winter = 1 - _rise(day, start - 5, 45) + _rise(day, np.full_like(lai, 300), 50)
    headed = along(day, [start + 60, start + 100, autumn[0]], [0 * lai, 1 + 0 * lai, 0.5 + 0 * lai]) * (growth > 0.95)
    dead = fields.brown[:, None] * (0.5 + 0.4 * winter + 0.6 * headed) + 0.75 * lacking
    dead = np.clip(dead, 0, 0.92)
    total = stand * growth * (1 - 0.25 * lacking)
    stubble = 0.5 * (1 - growth) * (growth < 0.95)
    cover = np.broadcast_to(fields.cover[:, None], total.shape)
    ploughed = fields.after[:, 4]
    left = 1 - _rise(day, ploughed, 4)
    ripe = np.clip(dead - 0.2, 0, 1) * left
    blooming = _flowers(fields, day) * (growth > 0.8) * left
    green = total * (1 - dead) * left + _green_after(fields, day)
    return green, (total * dead + stubble) * left, cover, blooming, np.zeros_like(total), ripe


def _regrown(fields: Fields, day: FloatArray) -> FloatArray:
    """Return what cuts have left and what has grown since, as a share of the uncut stand, (field, time)."""
    growth = np.ones((len(fields), len(day)), np.float32)
    for cut in fields.cuts.T:
        if (cut >= NEVER).all():
            continue
        since = day[None] - cut[:, None]
        back = 1 - (1 - _LEFT_BY_CUT) * np.exp(-np.maximum(since, 0) / _RECOVERY)
        growth = np.where(since >= 0, np.minimum(growth, back), growth)
    return growth


def _woody(fields: Fields, day: FloatArray, lacking: FloatArray) -> Parts:
    """Return green and dead leaf area, cover, flowers, straw and ripeness of shrubs and trees over grass or soil."""
    bud, full, colouring, fall = (fields.events.T[e] for e in (EMERGENCE, ELONGATION, SENESCENCE, MATURITY))
    one = np.ones_like(bud)
    leaf = along(day, [bud, full, colouring, fall], [0 * one, one, 0.8 * one, 0 * one])
    ripe = along(day, [full, colouring, fall], [0 * one, 0.1 * one, 0.9 * one]) * (leaf > 0.02)
    crowns = fields.crowns[:, None]
    shaded = crowns * np.minimum(leaf * 1.5, 1)
    begin = fields.spring
    season = along(day, [begin, begin + 48, 245 * one, 320 * one], [0.45 * one, one, 0.8 * one, 0.45 * one])
    mown = 0.55 + 0.45 * _regrown(fields, day)
    low = fields.below[:, None] * season * mown * (1 - 0.7 * lacking) * (1 - 0.6 * shaded)
    dead = fields.brown[:, None] + 0.5 * lacking
    green = shaded * fields.lai[:, None] * leaf + low * (1 - dead.clip(0, 0.9))
    brown = crowns * fields.wood[:, None] * (1 - 0.5 * leaf) + low * dead.clip(0, 0.9)
    grown_over = 1 - np.exp(-0.8 * low)
    cover = 1 - (1 - crowns * (0.25 + 0.75 * np.minimum(leaf * 1.5, 1))) * (1 - grown_over)
    litter = 0.35 * crowns * _rise(day, fall - 10, 20)
    return green, brown, cover.clip(0.08, 1), _flowers(fields, day), litter.astype(np.float32), ripe


def along(day: FloatArray, nodes: list[npt.NDArray[Any]], values: list[npt.NDArray[Any]]) -> FloatArray:
    """Draw smooth curves through the nodes of each field, level before the first and after the last.

    Parameters
    ----------
    day : (time,)
    nodes, values : for each node, (field,) day and value; days in order

    Returns
    -------
    (field, time) float32
    """
    curve = np.repeat(values[0].astype(np.float32)[:, None], len(day), axis=1)
    for k in range(len(nodes) - 1):
        x = _rise(day, nodes[k], np.maximum(nodes[k + 1] - nodes[k], 1))
        curve += (values[k + 1] - values[k]).astype(np.float32)[:, None] * x
    return curve


def _rise(day: FloatArray, start: npt.NDArray[Any], length: float | npt.NDArray[Any]) -> FloatArray:
    """Rise smoothly from 0 to 1 within ``length`` days after ``start``, (field, time)."""
    width = np.broadcast_to(np.asarray(length, np.float32), start.shape)[:, None]
    x = np.clip((day[None] - start.astype(np.float32)[:, None]) / width, 0, 1)
    out: FloatArray = x * x * (3 - 2 * x)
    return out
