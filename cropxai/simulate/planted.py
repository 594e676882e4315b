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
from cropxai.simulate.sky import AEROSOL, acquisition_days, disturb, draw_cloudiness, draw_sky

#: Bands of the surface that a series has by default: all of L2A that see the ground.
LAND_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
#: A date counts as planted where a band differs by this many standard deviations of its noise, so that it can be seen.
#: Smaller differences, as a stand grows back, are neither planted nor none.
VISIBLE = 2.0
#: Standard deviation of a clear value by `sky.disturb`: what scales with it (level by date, by parcel, by band) and, by
#: band, what does not (noise, aerosol).
RELATIVE_NOISE = float(np.sqrt(0.035**2 + 0.03**2 + 0.02**2))
LEAST_NOISE = np.hypot(0.0025, 0.010 * AEROSOL)
#: Fresh snow or a white fleece: bright up to the near infrared, dark in the short-wave infrared (typical magnitudes).
WHITE = np.array([0.78, 0.79, 0.79, 0.78, 0.77, 0.76, 0.75, 0.74, 0.73, 0.65, 0.1, 0.14, 0.12], np.float32)
#: Standard deviation (days) of the planted events between fields.
SPREAD = 2.0
PEAK, SENESCENCE, MATURITY, HARVEST = (EVENTS.index(e) for e in ("peak", "senescence", "maturity", "harvest"))
CHUNK = 2048

Random = np.random.Generator


def _keep_fields(fields: Fields, rng: Random) -> tuple[Fields, Fields]:
    return fields, fields


def _keep_states(state: States, fields: Fields, day: FloatArray, rng: Random) -> States:
    return state


@dataclass(frozen=True)
class Pair:
    """Two classes that differ in one trait.

    Attributes
    ----------
    crop : label among `CALENDARS`, which the first class bears
    twin : label of the second class
    fields : from fields and chance to the fields of the first and of the second class
    states : from states, fields, days and chance to the states of the second class
    """

    crop: str
    twin: str
    fields: Callable[[Fields, Random], tuple[Fields, Fields]] = _keep_fields
    states: Callable[[States, Fields, FloatArray, Random], States] = _keep_states


def _days(day: float, fields: Fields, rng: Random) -> FloatArray:
    """Draw the day of an event for each field, nearly the same for all.

    Were the days spread, other dates would tell when the event is due, and the truth would not be true: a date that
    differs must by itself be able to tell the class.
    """
    return rng.normal(day, SPREAD, len(fields)).astype(np.float32)


def _without_flowers(fields: Fields, rng: Random) -> tuple[Fields, Fields]:
    first = _days(106, fields, rng)
    flower = np.stack([first, first + 27, fields.flower[:, 2].clip(0.3)], axis=1)
    return replace(fields, flower=flower), replace(fields, flower=np.zeros_like(flower))


def _without_first_cut(fields: Fields, rng: Random) -> tuple[Fields, Fields]:
    """Two cuts for all, the first left out in the twin: from the second on both have been cut on the same day."""
    cuts = np.full_like(fields.cuts, NEVER)
    cuts[:, 0], cuts[:, 1] = _days(140, fields, rng), _days(185, fields, rng)
    later = np.full_like(cuts, NEVER)
    later[:, 0] = cuts[:, 1]
    return replace(fields, cuts=cuts), replace(fields, cuts=later)


def _harvested(early: float, late: float) -> Callable[[Fields, Random], tuple[Fields, Fields]]:
    """Give the twin an earlier harvest; what follows begins after the later one in both.

    Both are mature before the earlier harvest, so that their stands are the same until maturity.
    """

    def fields_of_both(fields: Fields, rng: Random) -> tuple[Fields, Fields]:
        first, last = _days(early, fields, rng), _days(late, fields, rng)
        events, after = fields.events.copy(), fields.after.copy()
        for event, least in ((PEAK, 40), (SENESCENCE, 12), (MATURITY, 3)):
            events[:, event] = np.minimum(events[:, event], first - least)
        events[:, HARVEST] = last
        after[:, 0] = np.maximum(after[:, 0], last + 6)
        after[:, 3] = 0  # no straw is left: its cover would differ until tillage
        advanced = events.copy()
        advanced[:, HARVEST] = first
        return replace(fields, events=events, after=after), replace(fields, events=advanced, after=after)

    return fields_of_both


def _grazed(state: States, fields: Fields, day: FloatArray, rng: Random) -> States:
    """Take three quarters of the leaf area in April; it has grown back four weeks later."""
    begin = _days(98, fields, rng)
    one = np.ones_like(begin)
    left = along(day, [begin, begin + 2, begin + 12, begin + 28], [one, 0.25 * one, 0.25 * one, one])
    return replace(state, green_lai=state.green_lai * left, brown_lai=state.brown_lai * left)


#: The pairs, from spring to autumn.
PAIRS = (
    Pair("winter wheat", "winter wheat grazed", states=_grazed),
    Pair("winter rapeseed", "winter rapeseed without flowers", fields=_without_flowers),
    Pair("grassland", "grassland without first cut", fields=_without_first_cut),
    Pair("silage maize", "silage maize harvested early", fields=_harvested(240, 270)),
    Pair("sugar beet", "sugar beet lifted early", fields=_harvested(262, 295)),
)  # fmt: skip


def simulate_planted(
    parcels: int = 4000,
    *,
    year: int = 2018,
    bands: Sequence[str] | None = None,
    orbits: int = 1,
    regions: int = 8,
    cloudiness: float = 0.35,
    decoys: int = 3,
    seed: int = 0,
    report: Report = silent,
) -> CropSeries:
    """Simulate planted twins: two parcels a field, alike in all but one trait.

    Parameters
    ----------
    parcels : number of parcels, an even one; parcel 2n and 2n + 1 are twins
    year, orbits, regions, cloudiness, seed, report : as of :func:`cropxai.simulate.simulate_series`; the level is L2A
    bands : ESA names, by default `LAND_BANDS`
    decoys : white covers (snow, fleece) and as many waterings a field, each on one random date, in both twins alike

    Returns
    -------
    CropSeries
        With the labels of `PAIRS`, ``lon``, ``lat``, the texts ``region``, ``twin`` and ``twin_crop`` (parcel_id and
        class of the twin), and the truth in the dataset: ``planted`` (parcel, time) bool, dates on which the parcel
        visibly differs from its twin in a band (:func:`visible`); ``planted_difference`` (parcel, time, band) float32,
        reflectance without noise less that of the twin, 0 where they are the same; ``decoy`` (parcel, time) bool. The
        truth is told of missing dates too.

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
    clear = np.empty((count, len(days)), np.float32)
    planted, decoy = np.empty((2, count, len(days)), bool)
    which = [BAND_NAMES.index(b) for b in names]
    done = 0
    for region in range(regions):
        wetness = daily_wetness(365, np.random.default_rng([seed, year, 2, region]))[days]
        for start in range(0, len(rows := np.flatnonzero(of_region == region)), CHUNK):
            piece = rows[start : start + CHUNK]
            rng = np.random.default_rng([seed, year, 4, region, start])
            twins, decoy[piece] = _twins(fields.take(piece), of_pair[piece], days, wetness, decoys, rng)
            difference[piece] = (twins[0] - twins[1])[..., which]
            planted[piece] = visible(*twins)[..., which].any(axis=2)
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
    lat = np.array([p.lat for p in places])[of_region] + place_north / 111.2  # km a degree
    lon = np.array([p.lon for p in places])[of_region] + place_east / (111.2 * np.cos(np.radians(lat)))
    series = CropSeries.from_arrays(
        seen.reshape(parcels, len(days), len(names)),
        np.datetime64(f"{year:04d}-01-01", "D") + days,
        names,
        [_name(n) for n in range(parcels)],
        crop=labels,
        lon=lon.repeat(2),
        lat=lat.repeat(2),
        clear_fraction=clear.repeat(2, axis=0),
        groups={
            "region": [f"region {r + 1}" for r in of_region.repeat(2)],
            "twin": [_name(n ^ 1) for n in range(parcels)],
            "twin_crop": [labels[n ^ 1] for n in range(parcels)],
        },
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
            planted=(("parcel", "time"), planted.repeat(2, axis=0)),
            planted_difference=(("parcel", "time", "band"), signed),
            decoy=(("parcel", "time"), decoy.repeat(2, axis=0)),
        ),
    )


def _twins(
    fields: Fields, of_pair: npt.NDArray[np.int64], days: npt.NDArray[np.int64], wetness: FloatArray, decoys: int,
    rng: Random,
) -> tuple[tuple[FloatArray, FloatArray], npt.NDArray[np.bool_]]:  # fmt: skip
    """Return the surface reflectance of both twins of some fields, (field, time, 13) each, and their decoys.

    The decoys (field, time) are part of the signal of both.
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
        changed = pair.states(states(second, day, wet[own]), second, day, rng)
        surfaces[0, own] = surface_reflectance(first, plain)
        surfaces[1, own] = surface_reflectance(second, changed)
    surfaces *= factor.astype(np.float32)
    surfaces += (WHITE - surfaces) * cover
    return (surfaces[0], surfaces[1]), white | watered


def visible(one: FloatArray, other: FloatArray) -> npt.NDArray[np.bool_]:
    """Say where two reflectances without noise, (…, 13), differ by more than noise does."""
    noise = np.hypot(LEAST_NOISE, RELATIVE_NOISE * np.maximum(one, other))
    return np.asarray(np.abs(one - other) >= VISIBLE * noise)


def _random_dates(shape: tuple[int, int], count: int, rng: Random) -> npt.NDArray[np.bool_]:
    """Mark ``count`` random dates of each field, (field, time)."""
    rank = rng.random(shape).argsort(axis=1).argsort(axis=1)
    return np.asarray(rank < count)


def _name(number: int) -> str:
    return f"T{number + 1:07d}"


def _check(
    parcels: int,
    year: int,
    bands: Sequence[str] | None,
    orbits: int,
    regions: int,
    cloudiness: float,
    decoys: int,
    seed: int,
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
    return checked_bands(LAND_BANDS if bands is None else bands, "L2A")
