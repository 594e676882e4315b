"""The series of a simulated country's parcels, piece by piece, for any number of them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import xarray as xr

import cropxai
from cropxai.reporting import Report, silent
from cropxai.series.cube import CropSeries
from cropxai.simulate.canopy import BAND_NAMES, surface_reflectance
from cropxai.simulate.classes import tinyeurocrops_label
from cropxai.simulate.country import Country, checked_bands
from cropxai.simulate.development import EVENTS
from cropxai.simulate.fields import FloatArray
from cropxai.simulate.land import Land, draw_land, event_dates
from cropxai.simulate.phenology import states
from cropxai.simulate.sky import clear_top, disturb, draw_sky, from_above, passing, seen_from

#: A date counts where at least this share of a parcel is clear.
CLEAR_SHARE = 0.5
#: Cover by snow that the scene classification of L2A calls snow, and how often it does (assumptions).
SNOWY, SNOW_FOUND = 0.4, 0.92
#: Spectra of leaves and soils of a field deviate from the model's: a lasting factor, shared by all bands and by band.
OWN_SPECTRUM, OWN_BAND = 0.03, 0.03
CHUNK = 2048


def simulate_series(parcels: int = 5000, *, threads: int = 2, report: Report = silent, **choices: object) -> CropSeries:
    """Simulate the series of a country's parcels in memory.

    Parameters
    ----------
    parcels, choices : of `Country`
    threads : pieces that are worked on at a time; the result is the same for any number
    report : told of the progress

    Returns
    -------
    CropSeries
        With labels, ``lon``, ``lat``, and by parcel the texts ``region``, ``grown`` (the true crop), ``flowering`` and
        ``harvest`` (dates; empty where there is none). With ``truth`` also the variables ``clean`` (parcel, time,
        band: reflectance without clouds and noise), ``cloud`` (parcel, time: cover by cloud) and ``event_day``
        (parcel, event: days since 1 January).

    Raises
    ------
    SimulationRefused
        If an argument is out of its range or a crop, band, country or year is unknown.
    ExtraMissing
        The package prosail is not installed.
    """
    country = Country(parcels=parcels, **choices)  # type: ignore[arg-type]
    pieces = list(simulate_pieces(country, threads=threads, report=report))
    if len(pieces) == 1:
        return pieces[0]
    return CropSeries(xr.concat([piece.dataset for piece in pieces], "parcel", data_vars="minimal"), None)


def simulate_pieces(country: Country, *, threads: int = 2, report: Report = silent) -> Iterator[CropSeries]:
    """Simulate a country piece by piece, for any number of parcels; see `simulate_series`."""
    land = draw_land(country)
    jobs = [
        (place, start)
        for place in range(country.regions)
        for start in range(0, int((land.of_place == place).sum()), CHUNK)
    ]
    done = 0
    with ThreadPoolExecutor(threads) as pool:
        waiting = [pool.submit(_piece, country, land, *job) for job in jobs[:threads]]
        for job in [*jobs[threads:], *[None] * len(waiting)]:
            piece = waiting.pop(0).result()
            if job is not None:  # no more pieces than threads are in memory, and the one that is used
                waiting.append(pool.submit(_piece, country, land, *job))
            yield piece
            done += len(piece)
            report(done / country.parcels, f"{done} parcels")


def _piece(country: Country, land: Land, place: int, start: int) -> CropSeries:
    """Simulate up to `CHUNK` parcels of one landscape."""
    rows = np.flatnonzero(land.of_place == place)[start : start + CHUNK]
    new_year = np.datetime64(f"{country.year:04d}-01-01", "D")
    when = country.when
    days = (when - new_year).astype(np.int64)
    names = checked_bands(country.bands, country.level)
    which = [BAND_NAMES.index(b) for b in names]
    rng = np.random.default_rng([country.seed, country.year, 4, place, start])
    fields, air = land.fields.take(rows), land.airs[place]
    seen = seen_from(air, land.weather.places[place].lat, days)
    state = states(fields, days, land.weather)
    surface = surface_reflectance(fields, state, seen)
    _mix(surface, land.pixels[rows], country.mixed, rng)
    surface *= own_spectra(len(rows), rng)
    sky = draw_sky(air, land.east[rows], land.north[rows], rng)
    if country.level == "L1C":
        values = from_above(surface, sky, air, seen, rng)
        clear = np.ones(sky.clear.shape, np.float32)
    else:
        values = disturb(surface, sky, air, rng)
        snowed = (state.snow > SNOWY) & (rng.random(state.snow.shape) < SNOW_FOUND)
        clear = np.where((sky.clear < CLEAR_SHARE) | snowed, 0, sky.clear)
    clear[~passing(days, land.of_orbit[rows])] = 0
    values = np.clip(values, 0.0001, 1.6)
    values[clear == 0] = np.nan
    merge = tinyeurocrops_label if country.classes == "tinyeurocrops" else str
    series = CropSeries.from_arrays(
        values[..., which],
        when,
        names,
        [f"S{country.year % 100:02d}-{n + 1:07d}" for n in rows],
        crop=[merge(label) for label in land.declared[rows]],
        lon=land.lon[rows],
        lat=land.lat[rows],
        valid_pixels=np.round(land.pixels[rows, None] * clear),
        clear_fraction=clear,
        groups={
            "region": [f"{land.weather.places[place].region} {place + 1}"] * len(rows),
            "grown": list(fields.crop),
            "flowering": event_dates(fields, "flowering", country.year),
            "harvest": event_dates(fields, "harvest", country.year),
        },
        attrs={
            "level": country.level,
            "pixel_rule": "simulated",
            "statistic": "simulated mean",
            "sources": ["simulated"],
            "software": f"cropxai {cropxai.__version__}",
            "simulated": f"cropxai simulate country --parcels {country.parcels} --year {country.year} "
            f"--level {country.level} --hardness {country.hardness:g} --seed {country.seed}",
        },
    )
    if not country.truth:
        return series
    clean = surface if country.level == "L2A" else clear_top(surface, air, seen)
    return CropSeries(
        series.dataset.assign(
            clean=(("parcel", "time", "band"), clean[..., which]),
            cloud=(("parcel", "time"), sky.cloud),
            event_day=(("parcel", "event"), fields.events),
        ).assign_coords(event=list(EVENTS)),
        None,
    )


def own_spectra(count: int, rng: np.random.Generator) -> FloatArray:
    """Draw by how much the spectra of fields lastingly deviate from the model's, (field, 1, 13) factors."""
    shared = OWN_SPECTRUM * rng.standard_normal((count, 1, 1))
    return np.exp(shared + OWN_BAND * rng.standard_normal((count, 1, len(BAND_NAMES)))).astype(np.float32)


def _mix(surface: FloatArray, pixels: npt.NDArray[np.float64], mixed: float, rng: np.random.Generator) -> None:
    """Mix a neighbour's reflectance into some parcels: trees, a strip of another crop; small parcels get more."""
    n = len(surface)
    mean = np.where(rng.random(n) < mixed, rng.uniform(0.05, 0.35, n), 0) + 0.6 * rng.random(n) / np.sqrt(pixels)
    share = mean.clip(0, 0.45).astype(np.float32)[:, None, None]
    surface += (surface[rng.permutation(n)] - surface) * share
