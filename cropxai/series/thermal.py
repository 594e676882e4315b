r"""Thermal time: growing degree days by parcel and date, from a table or grid of daily temperature.

Crops keep the pace of the temperature rather than of the calendar. A day of mean temperature :math:`T` adds
:math:`\min(\max(T, b), c) - b` degree days to the sum that begins on 1 January of the season's year, with a base *b*
below which nothing grows and a cap *c* above which more warmth brings no more growth (McMaster & Wilhelm 1997,
Agricultural and Forest Meteorology 87, 291-300, method 2 with daily means). A date counts the days up to and
including it; dates before 1 January have zero. The base of 3 °C lies between those of winter cereals (0 °C) and of
maize (7 °C), since one sum serves all crops of a series; of 0, 3 and 5 °C it keeps the stages of simulated crops
nearest to those of another year (docs/results.md).

Weather comes as a table (CSV) with columns ``date`` and ``temperature`` (°C, daily mean), or ``t_min`` and ``t_max``,
and optionally one that says where it was measured: ``parcel_id``, any other column by parcel of the series such as
``region``, or ``lon`` and ``lat``, from which each parcel takes the nearest place. Or as NetCDF like ERA5: ``t2m`` (K
or °C, as its ``units`` say) over time and, optionally, latitude and longitude; several times a day are averaged.
"""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import xarray as xr

from cropxai.errors import PathLike, WeatherUnusable
from cropxai.series.cube import CropSeries

#: The variable of a series that holds thermal time.
THERMAL = "thermal_time"
#: Names under which weather files keep what is needed.
TEMPERATURES = ("temperature", "t2m", "tmean", "t_mean", "tas", "tg", "TG")
TIMES = ("date", "time", "valid_time")
LATITUDES, LONGITUDES = ("latitude", "lat"), ("longitude", "lon")
#: Daily means on Earth, °C; beyond them a unit is wrong.
COLDEST, WARMEST = -90.0, 60.0
#: How far, in degrees, the nearest place of a weather table or grid may lie from a parcel.
FARTHEST = 1.5
SUFFIXES = (".csv", ".nc", ".nc4", ".cdf")

FloatArray = npt.NDArray[np.float64]


def with_thermal_time(series: CropSeries, weather: PathLike, *, base: float = 3.0, cap: float = 30.0) -> CropSeries:
    """Add the variable ``thermal_time`` (parcel, time), degree days since 1 January of the season's year.

    Parameters
    ----------
    series : dates within one season
    weather : CSV or NetCDF of daily temperature
    base, cap : °C, below and above which a day adds no more

    Raises
    ------
    WeatherUnusable
        If the file is none, lacks a day from 1 January to the last date of the series, or has no place near a parcel.
    """
    if cap <= base:
        raise WeatherUnusable(weather, f"the cap of {cap:g} °C is not above the base of {base:g} °C")
    table = read_weather(weather)
    places, which = _places(table, series, weather)
    new_year = np.datetime64(f"{series.season_year:04d}-01-01", "D")
    days = np.arange(new_year, max(series.dates.max(), new_year) + 1)
    sums = np.stack([np.cumsum(_clipped(_daily(part, days, weather, name), base, cap)) for name, part in places])
    position = (series.dates - new_year).astype(int)
    by_place = np.where(position >= 0, sums[:, np.maximum(position, 0)], 0.0)
    values = by_place[which].astype(np.float32)
    about = {"long_name": "growing degree days since 1 January", "units": "K d", "base_celsius": base,
             "cap_celsius": cap, "weather": Path(weather).name}  # fmt: skip
    dataset = series.dataset.assign({THERMAL: (("parcel", "time"), values, about)})
    return CropSeries(dataset, series.parcels)


# --- reading -----------------------------------------------------------------------------------------------------


def read_weather(path: PathLike) -> pd.DataFrame:
    """Read daily mean temperature: columns ``date``, ``temperature`` (°C) and those that say where.

    Raises
    ------
    WeatherUnusable
    """
    suffix = Path(path).suffix.lower()
    if suffix in SUFFIXES and not Path(path).is_file():
        raise WeatherUnusable(path, "no such file; check the path")
    if suffix == ".csv":
        table = _read_csv(path)
    elif suffix in SUFFIXES:
        table = _read_netcdf(path)
    else:
        raise WeatherUnusable(path, f"{suffix or 'no suffix'} is no weather format; give .csv or .nc")
    if not len(table):
        raise WeatherUnusable(path, "holds no temperature")
    low, high = table["temperature"].min(), table["temperature"].max()
    if low < COLDEST or high > WARMEST:
        raise WeatherUnusable(
            path, f"temperatures run from {low:g} to {high:g}, which cannot be °C; convert them to degrees Celsius"
        )
    return table


def _read_csv(path: PathLike) -> pd.DataFrame:
    try:
        table = pd.read_csv(path, dtype={"parcel_id": str})
    except (OSError, ValueError) as error:
        raise WeatherUnusable(path, f"cannot be read ({error})") from error
    name = next((c for c in TEMPERATURES if c in table), None)
    if name is not None:
        table = table.rename(columns={name: "temperature"})
    elif {"t_min", "t_max"} <= set(table):
        table["temperature"] = (table["t_min"] + table["t_max"]) / 2
    if "date" not in table or "temperature" not in table:
        raise WeatherUnusable(
            path, f"needs columns date and temperature (or t_min and t_max); it has {', '.join(map(str, table))}"
        )
    try:
        table["date"] = pd.to_datetime(table["date"], format="ISO8601").dt.normalize()
        table["temperature"] = pd.to_numeric(table["temperature"])
    except (ValueError, TypeError, AttributeError) as error:
        raise WeatherUnusable(path, f"has a date or temperature that is none ({error})") from error
    return table.dropna(subset=["date", "temperature"])


def _read_netcdf(path: PathLike) -> pd.DataFrame:
    try:
        with xr.open_dataset(path) as opened:
            dataset = opened.load()
    except (OSError, ValueError, TypeError) as error:
        raise WeatherUnusable(
            path, "cannot be read as NetCDF; NetCDF-4 needs the package h5netcdf or netCDF4, or convert it to CSV"
        ) from error
    name = next((v for v in TEMPERATURES if v in dataset), None)
    time = next((t for t in TIMES if name is not None and t in dataset[name].dims), None)
    if name is None or time is None:
        raise WeatherUnusable(
            path, f"needs a variable {TEMPERATURES[1]} over time; it has {', '.join(map(str, dataset))}"
        )
    values = dataset[name]
    unit = str(values.attrs.get("units", "")).strip()
    if unit in ("K", "kelvin", "Kelvin"):
        values = values - 273.15
    elif unit not in ("degC", "C", "°C", "celsius", "Celsius", "degrees_Celsius", "degree_Celsius"):
        raise WeatherUnusable(path, f"the units of {name} are {unit!r}, neither K nor degC; set its attribute units")
    means = values.resample({time: "1D"}).mean()
    table = means.rename("temperature").to_dataframe().reset_index().rename(columns={time: "date"})
    for known, plain in ((LATITUDES, "lat"), (LONGITUDES, "lon")):
        found = next((c for c in known if c in table), None)
        table = table.rename(columns={found: plain}) if found is not None else table
    if "lon" in table:
        table["lon"] = (table["lon"] + 180) % 360 - 180  # ERA5 counts from 0 to 360
    kept = [c for c in ("date", "temperature", "lon", "lat") if c in table]
    table["date"] = pd.to_datetime(table["date"]).dt.normalize()
    return table[kept].dropna()


# --- places ------------------------------------------------------------------------------------------------------


def _places(
    table: pd.DataFrame, series: CropSeries, path: PathLike
) -> tuple[list[tuple[str, pd.DataFrame]], npt.NDArray[np.intp]]:
    """Return the places of the weather that the parcels need, named, and which of them is each parcel's, (parcel,)."""
    if {"lon", "lat"} <= set(table):
        return _nearest(table, series, path)
    by_parcel = [str(c) for c in series.dataset.coords if series.dataset[c].dims == ("parcel",)]
    column = next((c for c in table if c in by_parcel and c not in ("crop", "status")), None)
    if column is None:
        return [("", table)], np.zeros(len(series), dtype=np.intp)
    names, which = np.unique(series.group(str(column)).astype(str), return_inverse=True)
    parts = {str(k): part for k, part in table.groupby(table[column].astype(str))}
    if missing := [n for n in names if n not in parts]:
        raise WeatherUnusable(path, f"has no temperature for {column} {', '.join(missing[:3])}, which the series has")
    return [(f"{column} {n}", parts[n]) for n in names], which.astype(np.intp)


def _nearest(
    table: pd.DataFrame, series: CropSeries, path: PathLike
) -> tuple[list[tuple[str, pd.DataFrame]], npt.NDArray[np.intp]]:
    if "lon" not in series.dataset.coords or "lat" not in series.dataset.coords:
        raise WeatherUnusable(path, "names places by lon and lat, but the series has no coordinates")
    spots = table[["lon", "lat"]].drop_duplicates().to_numpy(dtype=np.float64)
    lon, lat = (np.asarray(series.dataset[c].values, dtype=np.float64) for c in ("lon", "lat"))
    nearest = np.empty(len(lon), dtype=np.intp)
    for start in range(0, len(lon), 10000):
        piece = slice(start, start + 10000)
        east = (lon[piece, None] - spots[:, 0]) * np.cos(np.radians(lat[piece, None]))
        away = np.hypot(east, lat[piece, None] - spots[:, 1])
        nearest[piece] = away.argmin(axis=1)
        if (far := away.min(axis=1)).max() > FARTHEST:
            worst = int(far.argmax()) + start
            raise WeatherUnusable(
                path, f"its nearest place is {far.max():.1f} degrees from parcel {series.parcel_id[worst]!r} at "
                f"{lon[worst]:.2f}, {lat[worst]:.2f}; give weather of the region of the parcels",
            )  # fmt: skip
    needed, which = np.unique(nearest, return_inverse=True)
    by_spot = dict(iter(table.groupby(["lon", "lat"])))
    parts = [(f"{spots[n][0]:g}, {spots[n][1]:g}", by_spot[tuple(spots[n])]) for n in needed]
    return parts, which.astype(np.intp)


def _daily(part: pd.DataFrame, days: npt.NDArray[np.datetime64], path: PathLike, place: str) -> FloatArray:
    """Return the temperature of each day, (day,); several rows of a day are averaged."""
    daily = part.groupby("date")["temperature"].mean().reindex(pd.DatetimeIndex(days.astype("datetime64[ns]")))
    missing = days[daily.isna().to_numpy()]
    if len(missing) == len(days):
        has = f"{part['date'].min():%Y-%m-%d} to {part['date'].max():%Y-%m-%d}"
        raise WeatherUnusable(path, f"has no day from {days[0]} to {days[-1]}, which the series needs; it has {has}")
    if len(missing):
        where = f" for {place}" if place else ""
        raise WeatherUnusable(
            path, f"lacks {len(missing)} days{where}, the first {missing[0]}; every day from {days[0]} to {days[-1]} "
            "is needed",
        )  # fmt: skip
    return daily.to_numpy(dtype=np.float64)


def _clipped(temperature: FloatArray, base: float, cap: float) -> FloatArray:
    return np.clip(temperature, base, cap) - base
