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
from cropxai.simulate.canopy import BAND_NAMES, SNOW, Angles, surface_reflectance
from cropxai.simulate.classes import SimulationRefused
from cropxai.simulate.country import check_season, check_share, checked_bands
from cropxai.simulate.development import FLOWERED, FLOWERING, HARVEST, MATURITY, SENESCENCE
from cropxai.simulate.fields import Fields, FloatArray, draw_fields
from cropxai.simulate.land import RADIUS
from cropxai.simulate.phenology import States, along, states
from cropxai.simulate.pieces import CLEAR_SHARE, own_spectra
from cropxai.simulate.plants import NEVER
from cropxai.simulate.sky import (
    AEROSOL,
    AEROSOL_ERROR,
    BAND_NOISE,
    DATE_LEVEL,
    LEAST_NOISE,
    OWN_LEVEL,
    acquisition_days,
    disturb,
    draw_air,
    draw_cloudiness,
    draw_sky,
    seen_from,
)
from cropxai.simulate.weather import Weather, draw_place, draw_weather

#: Bands of the surface that a series has by default: all of L2A that see the ground.
LAND_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")
#: A date counts as planted where a band differs by this many standard deviations of its noise, so that it can be seen.
#: Smaller differences, as a stand grows back, are neither planted nor none.
VISIBLE = 2.0
#: Standard deviation of a clear value by `sky.disturb`: what scales with it (level by date, by parcel, by band) and, by
#: band, what does not (noise, aerosol).
RELATIVE_NOISE = float(np.sqrt(DATE_LEVEL**2 + OWN_LEVEL**2 + BAND_NOISE**2))
FIXED_NOISE = np.hypot(LEAST_NOISE, AEROSOL_ERROR * AEROSOL)
#: Regions in which the fields lie.
REGIONS = ("Bavaria", "Austria", "Flanders", "Slovenia")
#: Standard deviation (days) of the planted events between fields.
SPREAD = 2.0
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
    crop : label that the first class bears
    twin : label of the second class
    plant : what grows, a name among `fields.PLANTS`
    fields : from fields and chance to the fields of the first and of the second class
    states : from states, fields, days and chance to the states of the second class
    """

    crop: str
    twin: str
    plant: str
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
    flower = np.stack([first, first + 27, fields.flower[:, 2].clip(0.3), np.zeros_like(first)], axis=1)
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
        for event, least in ((FLOWERING, 40), (FLOWERED, 25), (SENESCENCE, 12)):
            events[:, event] = np.minimum(events[:, event], first - least)
        events[:, MATURITY] = first - 3
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
    Pair("winter wheat", "winter wheat grazed", "winter wheat", states=_grazed),
    Pair("winter rapeseed", "winter rapeseed without flowers", "winter rapeseed", fields=_without_flowers),
    Pair("grassland", "grassland without first cut", "meadow", fields=_without_first_cut),
    Pair("silage maize", "silage maize harvested early", "silage maize", fields=_harvested(240, 270)),
    Pair("sugar beet", "sugar beet lifted early", "sugar beet", fields=_harvested(262, 295)),
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
    places = [draw_place(REGIONS[r % len(REGIONS)], rng) for r in range(regions)]
    weather = draw_weather(places, year, seed)
    of_region = rng.integers(0, regions, count)
    of_pair = rng.permutation(np.arange(count) % len(PAIRS))
    place_east, place_north = rng.uniform(-RADIUS, RADIUS, (2, count)).astype(np.float32)
    pairs = [PAIRS[p] for p in of_pair]
    chance = np.random.default_rng([seed, year, 1])
    fields = draw_fields([p.crop for p in pairs], [p.plant for p in pairs], of_region, weather, chance)
    fields = replace(fields, grazed=np.zeros_like(fields.grazed))
    overcast = draw_cloudiness(days, regions, np.random.default_rng([seed, year, 3]))
    seen = np.empty((count, 2, len(days), len(names)), np.float32)
    difference = np.empty((count, len(days), len(names)), np.float32)
    clear = np.empty((count, len(days)), np.float32)
    planted, decoy = np.empty((2, count, len(days)), bool)
    which = [BAND_NAMES.index(b) for b in names]
    done = 0
    for region in range(regions):
        air = draw_air(days, overcast[region], cloudiness, np.random.default_rng([seed, year, 8, region]))
        angles = seen_from(air, places[region].lat, days)
        for start in range(0, len(rows := np.flatnonzero(of_region == region)), CHUNK):
            piece = rows[start : start + CHUNK]
            rng = np.random.default_rng([seed, year, 4, region, start])
            view = _View(days, angles, weather)
            twins, decoy[piece] = _twins(fields.take(piece), of_pair[piece], view, decoys, rng)
            difference[piece] = (twins[0] - twins[1])[..., which]
            planted[piece] = visible(*twins)[..., which].any(axis=2)
            sky = draw_sky(air, place_east[piece], place_north[piece], rng)
            missing = sky.clear < CLEAR_SHARE
            noise = int(rng.integers(2**62))
            for copy, surface in enumerate(twins):
                values = np.clip(disturb(surface, sky, air, np.random.default_rng(noise)), 0.0001, 1.2)[..., which]
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


@dataclass(frozen=True)
class _View:
    """When and how fields are looked at: days of year, angles and weather."""

    days: npt.NDArray[np.int64]
    angles: Angles
    weather: Weather


def _twins(
    fields: Fields, of_pair: npt.NDArray[np.int64], view: _View, decoys: int, rng: Random
) -> tuple[tuple[FloatArray, FloatArray], npt.NDArray[np.bool_]]:
    """Return the surface reflectance of both twins of some fields, (field, time, 13) each, and their decoys.

    The decoys (field, time) are part of the signal of both.
    """
    shape = (len(fields), len(view.days))
    white, watered = (_random_dates(shape, decoys, rng) for _ in range(2))
    cover = (white * rng.uniform(0.3, 0.8, shape)).astype(np.float32)[..., None]
    factor = own_spectra(len(fields), rng)
    day = view.days.astype(np.float32)
    surfaces = np.empty((2, *shape, 13), np.float32)
    for number, pair in enumerate(PAIRS):
        own = np.flatnonzero(of_pair == number)
        if not len(own):
            continue
        first, second = pair.fields(fields.take(own), rng)
        plain = _watered(states(first, view.days, view.weather), watered[own])
        changed = pair.states(_watered(states(second, view.days, view.weather), watered[own]), second, day, rng)
        surfaces[0, own] = surface_reflectance(first, plain, view.angles)
        surfaces[1, own] = surface_reflectance(second, changed, view.angles)
    surfaces *= factor
    surfaces += (SNOW - surfaces) * cover
    return (surfaces[0], surfaces[1]), white | watered


def _watered(state: States, watered: npt.NDArray[np.bool_]) -> States:
    """Wet the soil on some dates; real snow is left out: it would hide what is planted."""
    wet = np.maximum(state.wetness, watered.astype(np.float32))
    return replace(state, wetness=wet, snow=np.zeros_like(state.snow))


def visible(one: FloatArray, other: FloatArray) -> npt.NDArray[np.bool_]:
    """Say where two reflectances without noise, (…, 13), differ by more than noise does."""
    noise = np.hypot(FIXED_NOISE, RELATIVE_NOISE * np.maximum(one, other))
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
    check_season(year, seed)
    if parcels < 2 * len(PAIRS) or parcels % 2:
        raise SimulationRefused(f"{parcels} parcels; ask for an even number, {2 * len(PAIRS)} or more")
    if orbits not in (1, 2):
        raise SimulationRefused(f"{orbits} orbits; use 1 or 2")
    if regions < 1:
        raise SimulationRefused(f"{regions} regions; ask for at least one")
    check_share("cloudiness", cloudiness, 0.01, 0.99)
    if not 0 <= decoys <= 20:
        raise SimulationRefused(f"{decoys} decoys; use 0 to 20")
    return checked_bands(LAND_BANDS if bands is None else bands, "L2A")
