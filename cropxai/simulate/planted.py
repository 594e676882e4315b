"""Planted twins: pairs of classes that differ on known dates of each parcel and nowhere else.

Every field is simulated twice with the same weather, soil, clouds and noise; in the second copy one physical trait is
changed, which makes its class. So the truth that real data lack is known: which dates of a parcel tell its class from
its twin's. Decoys, large signals on random dates that both twins share, test whether an explanation is drawn by what
is merely conspicuous.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

import cropxai
from cropxai.reporting import Report, silent
from cropxai.series.cube import CropSeries
from cropxai.simulate.calendars import EVENTS
from cropxai.simulate.canopy import BAND_NAMES, surface_reflectance
from cropxai.simulate.country import (
    CLEAR_SHARE,
    EXTENT,
    REGION_RADIUS,
    SimulationRefused,
    check_seed,
    check_year,
    checked_bands,
)
from cropxai.simulate.fields import NEVER, Fields, FloatArray, draw_fields, draw_region
from cropxai.simulate.phenology import States, along, daily_wetness, states
from cropxai.simulate.sky import acquisition_days, disturb, draw_cloudiness, draw_sky

#: Bands of the surface that a series has by default: all of L2A that see the ground.
LAND_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
#: Least difference in any band, in reflectance, for a date to count as planted: twice the noise of a dark pixel and
#: more (`sky.disturb`), so that a network can see it. Smaller differences that are not zero are of neither kind.
PLANTED = 0.01
#: Fresh snow or a white fleece: bright up to the near infrared, dark in the short-wave infrared (typical magnitudes).
WHITE = np.array([0.78, 0.79, 0.79, 0.78, 0.77, 0.76, 0.75, 0.74, 0.73, 0.65, 0.1, 0.14, 0.12], np.float32)
PEAK, MATURITY, HARVEST = EVENTS.index("peak"), EVENTS.index("maturity"), EVENTS.index("harvest")
CHUNK = 2048

Random = np.random.Generator


def _keep_fields(fields: Fields, rng: Random) -> tuple[Fields, Fields]:
    return fields, fields


def _keep_states(state: States, fields: Fields, day: FloatArray) -> States:
    return state


@dataclass(frozen=True)
class Pair:
    """Two classes that differ in one trait.

    Attributes
    ----------
    crop : label among `CALENDARS`, which the first class bears
    twin : label of the second class
    fields : from fields and chance to the fields of the first and of the second class
    states : from states, fields and days to the states of the second class
    """

    crop: str
    twin: str
    fields: Callable[[Fields, Random], tuple[Fields, Fields]] = _keep_fields
    states: Callable[[States, Fields, FloatArray], States] = _keep_states


def _without_flowers(fields: Fields, rng: Random) -> tuple[Fields, Fields]:
    return fields, replace(fields, flower=np.zeros_like(fields.flower))


def _without_first_cut(fields: Fields, rng: Random) -> tuple[Fields, Fields]:
    """Two cuts for all, the first left out in the twin: from the second on both have been cut on the same day."""
    first = rng.normal(140, 8, len(fields)) + 0.7 * (fields.spring - fields.spring.mean())
    second = first + rng.normal(50, 5, len(fields)).clip(35)
    cuts = np.full_like(fields.cuts, NEVER)
    cuts[:, 0], cuts[:, 1] = first, second
    later = np.full_like(fields.cuts, NEVER)
    later[:, 0] = second
    return replace(fields, cuts=cuts), replace(fields, cuts=later)


def _harvested_earlier(fields: Fields, rng: Random) -> tuple[Fields, Fields]:
    """Give the twin a harvest three to five weeks earlier; what follows the harvest begins after the later one in both.

    Both are mature before the earlier harvest, so that their stands are the same until maturity.
    """
    events = fields.events.copy()
    early = events[:, HARVEST] - rng.uniform(21, 35, len(fields))
    events[:, MATURITY] = np.minimum(events[:, MATURITY], early - 3)
    events[:, EVENTS.index("senescence")] = np.minimum(events[:, EVENTS.index("senescence")], early - 12)
    after = fields.after.copy()
    after[:, 3] = 0  # no straw is left: its cover would differ until tillage
    advanced = events.copy()
    advanced[:, HARVEST] = early
    return replace(fields, events=events, after=after), replace(fields, events=advanced, after=after)


def _grazed(state: States, fields: Fields, day: FloatArray) -> States:
    """Take three quarters of the leaf area as the stems begin to lengthen; it has grown back three weeks later."""
    begin = fields.events[:, EVENTS.index("closure")] - 5
    one = np.ones_like(begin)
    left = along(day, [begin, begin + 2, begin + 9, begin + 26], [one, 0.25 * one, 0.25 * one, one])
    return replace(state, green_lai=state.green_lai * left, brown_lai=state.brown_lai * left)


#: The pairs, from spring to autumn.
PAIRS = (
    Pair("winter wheat", "winter wheat grazed", states=_grazed),
    Pair("winter rapeseed", "winter rapeseed without flowers", fields=_without_flowers),
    Pair("grassland", "grassland without first cut", fields=_without_first_cut),
    Pair("silage maize", "silage maize harvested early", fields=_harvested_earlier),
    Pair("sugar beet", "sugar beet lifted early", fields=_harvested_earlier),
)  # fmt: skip


def simulate_planted(
    parcels: int = 4000,
    *,
    year: int = 2018,
    bands: Sequence[str] = LAND_BANDS,
    orbits: int = 1,
    regions: int = 8,
    cloudiness: float = 0.5,
    decoys: int = 3,
    seed: int = 0,
    report: Report = silent,
) -> CropSeries:
    """Simulate planted twins: two parcels a field, alike in all but one trait.

    Parameters
    ----------
    parcels : number of parcels, an even one; parcel 2n and 2n + 1 are twins
    year, bands, orbits, regions, cloudiness, seed, report : as of :func:`cropxai.simulate.simulate_series`; L2A
    decoys : white covers (snow, fleece) and as many waterings a field, each on one random date, in both twins alike

    Returns
    -------
    CropSeries
        With the labels of `PAIRS`, ``lon``, ``lat``, ``region``, the text ``twin`` (parcel_id of the twin), and the
        truth in the dataset: ``planted`` (parcel, time) bool, dates on which the parcel differs from its twin by
        `PLANTED` in a band or more; ``planted_difference`` (parcel, time, band) float32, reflectance without noise
        less that of the twin, 0 where they are the same; ``decoy`` (parcel, time) bool. The truth is told of missing
        dates too.

    Raises
    ------
    SimulationRefused
        If an argument is out of its range or a band is unknown.
    """
    names = _check(parcels, year, bands, orbits, regions, cloudiness, decoys, seed)
    days = acquisition_days(0, 364, int(np.random.default_rng([seed, year, 7]).integers(0, 5)), orbits)
    count = parcels // 2
    rng = np.random.default_rng([seed, 0])
    west, south, east, north = EXTENT
    places = [
        draw_region(rng.uniform(west, east), rng.uniform(south, north), year, np.random.default_rng([seed, year, r, 6]))
        for r in range(regions)
    ]
    of_region = rng.integers(0, regions, count)
    of_pair = rng.permutation(np.arange(count) % len(PAIRS))
    place_east, place_north = rng.uniform(-REGION_RADIUS, REGION_RADIUS, (2, count)).astype(np.float32)
    fields = draw_fields([PAIRS[p].crop for p in of_pair], places, of_region, np.random.default_rng([seed, year, 1]))
    overcast = draw_cloudiness(days, regions, np.random.default_rng([seed, year, 3]))
    seen = np.empty((count, 2, len(days), len(names)), np.float32)
    difference = np.empty((count, len(days), len(names)), np.float32)
    clear, decoy = np.empty((count, len(days)), np.float32), np.empty((count, len(days)), bool)
    which = [BAND_NAMES.index(b) for b in names]
    done = 0
    for region in range(regions):
        wetness = daily_wetness(365, np.random.default_rng([seed, year, 2, region]))[days]
        for start in range(0, len(rows := np.flatnonzero(of_region == region)), CHUNK):
            piece = rows[start : start + CHUNK]
            rng = np.random.default_rng([seed, year, 4, region, start])
            twins, decoy[piece] = _twins(fields.take(piece), of_pair[piece], days, wetness, decoys, rng)
            difference[piece] = (twins[0] - twins[1])[..., which]
            sky = draw_sky(overcast[region], place_east[piece], place_north[piece], cloudiness, rng)
            missing = sky.clear < CLEAR_SHARE
            noise = int(rng.integers(2**62))
            for copy, surface in enumerate(twins):
                values = np.clip(disturb(surface, sky, np.random.default_rng(noise)), 0.0001, 1.2)[..., which]
                values[missing] = np.nan
                seen[piece, copy] = values
            clear[piece] = np.where(missing, 0, sky.clear)
            done += len(piece)
            report(done / count, f"{2 * done} parcels")
    labels = [label for p in of_pair for label in (PAIRS[p].crop, PAIRS[p].twin)]
    numbers = np.arange(parcels)
    lat = np.array([p.lat for p in places])[of_region] + place_north / 111.2  # km a degree
    lon = np.array([p.lon for p in places])[of_region] + place_east / (111.2 * np.cos(np.radians(lat)))
    series = CropSeries.from_arrays(
        seen.reshape(parcels, len(days), len(names)),
        np.datetime64(f"{year:04d}-01-01", "D") + days,
        names,
        [_name(n) for n in numbers],
        crop=labels,
        lon=lon.repeat(2),
        lat=lat.repeat(2),
        clear_fraction=clear.repeat(2, axis=0),
        groups={"region": [f"region {r + 1}" for r in of_region.repeat(2)], "twin": [_name(n ^ 1) for n in numbers]},
        attrs={
            "level": "L2A",
            "pixel_rule": "simulated",
            "statistic": "simulated mean",
            "sources": ["simulated"],
            "software": f"cropxai {cropxai.__version__}",
            "simulated": f"cropxai simulate planted --parcels {parcels} --year {year} --seed {seed}",
        },
    )
    signed = np.stack([difference, -difference], axis=1).reshape(seen.reshape(parcels, len(days), len(names)).shape)
    return replace(
        series,
        dataset=series.dataset.assign(
            planted=(("parcel", "time"), (np.abs(signed) >= PLANTED).any(axis=2)),
            planted_difference=(("parcel", "time", "band"), signed),
            decoy=(("parcel", "time"), decoy.repeat(2, axis=0)),
        ),
    )


def _twins(
    fields: Fields, of_pair: npt.NDArray[np.int64], days: npt.NDArray[np.int64], wetness: FloatArray, decoys: int,
    rng: Random,
) -> tuple[tuple[FloatArray, FloatArray], npt.NDArray[np.bool_]]:  # fmt: skip
    """Return the surface reflectance of both twins of some fields, (field, time, 13) each, and their decoys (field, time).

    The decoys are part of the signal of both.
    """
    shape = (len(fields), len(days))
    white, watered = (_random_dates(shape, decoys, rng) for _ in range(2))
    cover = (white * rng.uniform(0.3, 0.8, shape)).astype(np.float32)[..., None]
    wet = np.maximum(wetness, watered).astype(np.float32)
    # A field's spectra deviate from the model's by a lasting factor by band, half of it shared (as in the country).
    factor = np.exp(rng.normal(0, 0.03, (len(fields), 1, 1)) + rng.normal(0, 0.03, (len(fields), 1, 13)))
    day = days.astype(np.float32)
    surfaces = np.empty((2, *shape, 13), np.float32)
    for number, pair in enumerate(PAIRS):
        own = np.flatnonzero(of_pair == number)
        if not len(own):
            continue
        first, second = pair.fields(fields.take(own), rng)
        plain = states(first, day, wet[own])
        changed = pair.states(states(second, day, wet[own]), second, day)
        surfaces[0, own] = surface_reflectance(first, plain)
        surfaces[1, own] = surface_reflectance(second, changed)
    surfaces *= factor.astype(np.float32)
    surfaces += (WHITE - surfaces) * cover
    return (surfaces[0], surfaces[1]), white | watered


def _random_dates(shape: tuple[int, int], count: int, rng: Random) -> npt.NDArray[np.bool_]:
    """Mark ``count`` random dates of each field, (field, time)."""
    rank = rng.random(shape).argsort(axis=1).argsort(axis=1)
    return np.asarray(rank < count)


def _name(number: int) -> str:
    return f"T{number + 1:07d}"


def _check(
    parcels: int, year: int, bands: Sequence[str], orbits: int, regions: int, cloudiness: float, decoys: int, seed: int
) -> tuple[str, ...]:
    check_year(year)
    check_seed(seed)
    if parcels < 2 * len(PAIRS) or parcels % 2:
        raise SimulationRefused(f"{parcels} parcels; ask for an even number, {2 * len(PAIRS)} or more")
    if orbits not in (1, 2):
        raise SimulationRefused(f"{orbits} orbits; use 1 or 2")
    if regions < 1:
        raise SimulationRefused(f"{regions} regions; ask for at least one")
    if not 0.01 <= cloudiness <= 0.99:
        raise SimulationRefused(f"cloudiness {cloudiness} is out of range; use 0.01 to 0.99")
    if not 0 <= decoys <= 20:
        raise SimulationRefused(f"{decoys} decoys; use 0 to 20")
    return checked_bands(bands, "L2A")
