"""From drawn fields to their state on each date: leaf area, flowers, straw and soil wetness."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from cropxai.simulate.fields import Fields, FloatArray


@dataclass(frozen=True)
class States:
    """The state of fields by date, each (field, time) float32.

    Attributes
    ----------
    green_lai, brown_lai : living and dead leaf area, m² m⁻²
    flower, residue : ground covered by coloured flowers, by straw; 0…1
    wetness : soil moisture, 0 dry … 1 wet
    ripeness : 0 while leaves are fresh … 1 at maturity
    """

    green_lai: FloatArray
    brown_lai: FloatArray
    flower: FloatArray
    residue: FloatArray
    wetness: FloatArray
    ripeness: FloatArray


def states(fields: Fields, days: npt.ArrayLike, wetness: npt.ArrayLike) -> States:
    """Work out the state of each field on each day.

    Parameters
    ----------
    fields : the fields
    days : (time,) day of year, 1 January = 0; negative in the autumn before
    wetness : (field, time) or (time,) soil moisture of the region, 0…1
    """
    day = np.asarray(days, np.float32)
    shape = (len(fields), len(day))
    green, brown, flower, residue, ripe = (np.zeros(shape, np.float32) for _ in range(5))
    arable, grass = np.flatnonzero(~fields.grass), np.flatnonzero(fields.grass)
    if len(arable):
        green[arable], brown[arable], flower[arable], residue[arable], ripe[arable] = _arable(fields.take(arable), day)
    if len(grass):
        green[grass], brown[grass], ripe[grass] = _grass(fields.take(grass), day)
    wet = np.clip(np.asarray(wetness, np.float32) + fields.wetness[:, None], 0, 1)
    return States(green, brown, flower, residue, np.broadcast_to(wet, shape), ripe)


def _arable(fields: Fields, day: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    _, emergence, _, peak, senescence, maturity, harvest = fields.events.T
    green = fields.lai[:, None] * _crop_growth(fields, day)
    growing = _rise(day, emergence, 30) * (1 - _rise(day, senescence, 15))
    green += fields.weeds[:, None] * growing + _before(fields, day)[0] + _after(fields, day)[0]
    dead = fields.lai * fields.brown_left
    brown = along(
        day, [peak, senescence, maturity, harvest, harvest + 2], [0 * dead, 0.12 * dead, dead, dead, 0 * dead]
    )
    first, last, cover = fields.flower.T
    flower = along(day, [first, first + 8, last - 8, last + 4], [0 * cover, cover, cover, 0 * cover])
    residue = _before(fields, day)[1] + _after(fields, day)[1]
    ripe = along(day, [peak, senescence, maturity], [0 * dead, 0 * dead + 0.15, 0 * dead + 1])
    # A crop that is harvested green ripens only in part; what grows after the harvest is fresh.
    ripe *= (1 - fields.green_left)[:, None] * (day[None] < harvest[:, None] + 2)
    return green, brown, flower, residue.clip(0, 0.9), ripe


def _crop_growth(fields: Fields, day: FloatArray) -> FloatArray:
    """Green leaf area of the crop itself as a share of its peak, (field, time)."""
    _, emergence, closure, peak, senescence, maturity, harvest = fields.events.T
    one = np.ones_like(emergence)
    winter = emergence < 0
    share = np.where(winter, np.minimum(fields.winter_lai / fields.lai, 0.5), 0.03)
    rest, regrowth = emergence + (closure - emergence) / 3, emergence + (closure - emergence) * 2 / 3
    nodes = [emergence, np.where(winter, -25, rest), np.where(winter, closure - 25, regrowth), closure, peak]
    spring = np.where(winter, np.maximum(share * 0.9, 0.05), 0.15)
    shares = [0 * one, share, spring, np.maximum(np.where(winter, 0.38, 0.45), spring), one]
    nodes += [senescence, maturity, harvest, harvest + 2]
    shares += [0.87 * one, fields.green_left, 0.7 * fields.green_left, 0 * one]
    return along(day, nodes, shares)


def _before(fields: Fields, day: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Leaf area and straw before a spring-sown crop, growing a little in spring until tilled, (field, time)."""
    lai, straw, tilled = fields.before.T
    left = 1 - _rise(day, tilled, 4)
    spring = along(day, [tilled - 60, tilled], [0.8 + 0 * lai, 1.4 + 0 * lai])
    return lai[:, None] * spring * left, straw[:, None] * left


def _after(fields: Fields, day: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Leaf area and straw after the harvest, (field, time)."""
    start, lai, end, straw, tillage = fields.after.T
    harvest = fields.events[:, -1]
    green = lai[:, None] * _rise(day, start, 45) * (1 - _rise(day, end, 5))
    cover = straw[:, None] * _rise(day, harvest, 2) * (1 - 0.8 * _rise(day, tillage, 3))
    return green, cover


#: Seasonal course of uncut grass: days after the beginning of growth, and days of the year for its end (assumption).
_SPRING_FLUSH = 48
_AUTUMN = (245.0, 320.0)
#: Days in which cut grass regains two thirds of its leaf area; what a cut leaves (assumptions).
_RECOVERY = 15.0
_LEFT_BY_CUT = 0.14


def _grass(fields: Fields, day: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    lai, low, start = fields.lai, fields.winter_lai, fields.spring
    autumn = [np.full_like(lai, d) for d in _AUTUMN]
    high = np.maximum(lai, low)
    stand = along(day, [start, start + _SPRING_FLUSH, *autumn], [low, high, 0.75 * high, low])
    growth = np.ones_like(stand)
    for cut in fields.cuts.T:
        since = day[None] - cut[:, None]
        back = 1 - (1 - _LEFT_BY_CUT) * np.exp(-np.maximum(since, 0) / _RECOVERY)
        growth = np.where(since >= 0, np.minimum(growth, back), growth)
    # A dry spell from late June to late August browns grass; heading in early June does so in uncut stands.
    dry = np.clip(fields.dryness, 0, 1)[:, None] * _rise(day, np.full_like(lai, 165), 35)
    dry = dry * (1 - _rise(day, np.full_like(lai, 225), 45))
    winter = 1 - _rise(day, start - 5, 45) + _rise(day, np.full_like(lai, 300), 50)
    headed = along(day, [start + 60, start + 100, autumn[0]], [0 * lai, 1 + 0 * lai, 0.5 + 0 * lai]) * (growth > 0.99)
    dead = fields.brown[:, None] * (0.5 + 0.4 * winter + 0.6 * headed) + 0.75 * dry
    dead = np.clip(dead, 0, 0.92)
    total = stand * growth
    stubble = 0.5 * (1 - growth)
    return total * (1 - dead), total * dead + stubble, np.clip(dead - 0.2, 0, 1)


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


def daily_wetness(days: int, rng: np.random.Generator, wet_share: float = 0.35) -> FloatArray:
    """Draw the soil moisture of one region by day: wetted by rain, dried within days, drier in summer; (days,) 0…1.

    Rain every third day and a drying time of five days are assumptions.
    """
    rain = (rng.random(days) < wet_share) * rng.gamma(1.0, 0.35, days)
    evaporation = 0.18 - 0.08 * np.cos(2 * np.pi * (np.arange(days) - 15) / 365)
    moisture = np.zeros(days, np.float32)
    level = 0.5
    for day in range(days):
        level = min(1.0, level * (1 - evaporation[day]) + rain[day])
        moisture[day] = level
    return moisture
