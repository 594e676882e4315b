"""`CropSeries`: reflectance by parcel, date and band, with the parcels it belongs to."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import numpy.typing as npt
import xarray as xr

from cropxai.errors import PathLike, SeriesUnusable

FloatArray = npt.NDArray[np.float32]

#: Status of a parcel that lies on the rasters, but was never clear enough.
NO_CLEAR_DATE = "no clear date"
#: Why a date has no value for a parcel; the number in this list is the code.
WHY_MISSING = ("", "no data on the rasters", "cut by the raster edge", "not clear")
#: Longest stretch of dates that is one season: a model knows days of one year.
LONGEST_SEASON = 366


@dataclass(frozen=True)
class CropSeries:
    """Time series of parcels.

    Attributes
    ----------
    dataset : xarray.Dataset
        Dimensions ``parcel``, ``time``, ``band``. Variables: ``reflectance`` (parcel, time, band) float32, NaN where
        missing; ``valid_pixels`` (parcel, time) clear pixels; ``clear_fraction`` (parcel, time) 0…1; where it is known,
        ``why_missing`` (parcel, time) uint8, the number in `WHY_MISSING`, 0 where the date has a value. Coordinates:
        ``parcel_id`` (parcel) str, ``time`` (time) datetime64, ``band`` (band) ESA names, ``status`` (parcel) str,
        empty or why the parcel has no series, and optionally ``crop`` (parcel) str, empty where unlabelled, and
        ``lon``, ``lat`` (parcel) degrees. Attributes: ``level`` (L1C | L2A), ``pixel_rule``, ``statistic``,
        ``sources``, ``software``, ``plan_hash``.
    parcels : geopandas.GeoDataFrame or None
        The parcels in the same order, in the CRS and with the attributes of the input.
    """

    dataset: xr.Dataset
    parcels: gpd.GeoDataFrame | None = None

    @classmethod
    def from_arrays(
        cls,
        reflectance: npt.ArrayLike,
        dates: npt.ArrayLike,
        bands: Sequence[str],
        parcel_id: Sequence[object],
        *,
        crop: Sequence[str] | None = None,
        lon: npt.ArrayLike | None = None,
        lat: npt.ArrayLike | None = None,
        valid_pixels: npt.ArrayLike | None = None,
        clear_fraction: npt.ArrayLike | None = None,
        why_missing: npt.ArrayLike | None = None,
        status: Sequence[str] | None = None,
        groups: Mapping[str, Sequence[object]] | None = None,
        parcels: gpd.GeoDataFrame | None = None,
        attrs: Mapping[str, Any] | None = None,
    ) -> "CropSeries":
        """Build a series from plain arrays.

        Parameters
        ----------
        reflectance : (parcel, time, band) float, NaN where missing
        dates : (time,) dates
        bands : ESA band names
        parcel_id : (parcel,) identifiers
        crop : (parcel,) labels, empty where unknown
        lon, lat : (parcel,) degrees
        valid_pixels, clear_fraction : (parcel, time); by default 1 where a date has data, else 0
        why_missing : (parcel, time) numbers in `WHY_MISSING`
        status : (parcel,) empty, or why the parcel has no series
        groups : further coordinates by parcel, such as the zone of a split
        parcels : geometry and attributes, same order
        attrs : what is known of the origin: level, statistic, sources
        """
        values = np.asarray(reflectance, dtype=np.float32)
        if values.ndim != 3:
            raise ValueError(f"reflectance has {values.ndim} dimensions, not parcel × time × band")
        seen = np.isfinite(values).any(axis=2)
        pixels = seen.astype(np.uint32) if valid_pixels is None else np.asarray(valid_pixels, dtype=np.uint32)
        clear = seen.astype(np.float32) if clear_fraction is None else np.asarray(clear_fraction, dtype=np.float32)
        coords: dict[str, Any] = {
            "parcel_id": ("parcel", _text(parcel_id)),
            "time": ("time", np.asarray(dates).astype("datetime64[D]").astype("datetime64[ns]")),
            "band": ("band", np.asarray(list(bands), dtype=object)),
            "status": ("parcel", _text([""] * len(values) if status is None else status)),
        }
        if crop is not None:
            coords["crop"] = ("parcel", _text(crop))
        for name, place in (("lon", lon), ("lat", lat)):
            if place is not None:
                coords[name] = ("parcel", np.asarray(place, dtype=np.float64))
        for name, column in (groups or {}).items():
            coords[name] = ("parcel", _text(column))
        by_date = ("parcel", "time")
        variables: dict[str, Any] = {
            "reflectance": ((*by_date, "band"), values),
            "valid_pixels": (by_date, pixels),
            "clear_fraction": (by_date, clear),
        }
        if why_missing is not None:
            flags = {"flag_values": list(range(len(WHY_MISSING))), "flag_meanings": _flags(WHY_MISSING)}  # CF, sec. 3.5
            variables["why_missing"] = (by_date, np.asarray(why_missing, dtype=np.uint8), flags)
        return cls(xr.Dataset(variables, coords=coords, attrs=dict(attrs or {})), parcels)

    def __len__(self) -> int:
        return int(self.dataset.sizes["parcel"])

    @property
    def bands(self) -> tuple[str, ...]:
        """The ESA names of the bands, in order."""
        return tuple(str(b) for b in self.dataset["band"].values)

    @property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """The acquisition dates, (time,) datetime64[D]."""
        return self.dataset["time"].values.astype("datetime64[D]")

    @property
    def parcel_id(self) -> npt.NDArray[np.object_]:
        """The identifiers, (parcel,) str."""
        return self.dataset["parcel_id"].values.astype(object)

    @property
    def status(self) -> npt.NDArray[np.object_]:
        """Empty, or why a parcel has no series, (parcel,) str."""
        return self.dataset["status"].values.astype(object)

    @property
    def level(self) -> str:
        """The processing level, "L1C" or "L2A"."""
        return str(self.dataset.attrs.get("level", "unknown"))

    @property
    def reflectance(self) -> FloatArray:
        """All reflectance, (parcel, time, band) float32, NaN where missing; use :meth:`chunks` for large series."""
        return np.asarray(self.dataset["reflectance"].values, dtype=np.float32)

    @property
    def labelled(self) -> bool:
        """Whether any parcel has a crop label."""
        return "crop" in self.dataset.coords and bool((self.dataset["crop"].values != "").any())

    @property
    def labels(self) -> npt.NDArray[np.object_]:
        """The crop labels, (parcel,) str, empty where unknown.

        Raises
        ------
        SeriesUnusable
            If the series carries no labels at all.
        """
        if not self.labelled:
            raise SeriesUnusable(
                "the series has no crop labels; ingest the parcels with --label-field naming the attribute of the crop"
            )
        return self.dataset["crop"].values.astype(object)

    def group(self, name: str) -> npt.NDArray[np.object_]:
        """Return a further coordinate by parcel, such as the zone of a split, as text."""
        if name not in self.dataset.coords or self.dataset[name].dims != ("parcel",):
            known = [str(c) for c in self.dataset.coords if self.dataset[c].dims == ("parcel",)]
            raise SeriesUnusable(f"the series has no column {name!r} by parcel; it has {', '.join(known)}")
        return self.dataset[name].values.astype(object)

    def select(self, keep: npt.ArrayLike) -> "CropSeries":
        """Keep the parcels that a boolean mask or index array names, in that order."""
        index = np.arange(len(self))[np.asarray(keep)]
        parcels = None if self.parcels is None else self.parcels.iloc[index]
        return replace(self, dataset=self.dataset.isel(parcel=index), parcels=parcels)

    def select_bands(self, bands: Sequence[str]) -> "CropSeries":
        """Keep the named bands, in that order."""
        index = [self.bands.index(b) for b in bands]
        return replace(self, dataset=self.dataset.isel(band=index))

    def between(self, start: object = None, end: object = None) -> "CropSeries":
        """Keep the dates from ``start`` to ``end``, both included.

        Raises
        ------
        SeriesUnusable
            If no date is left.
        """
        keep = np.ones(len(self.dates), dtype=bool)
        if start is not None:
            keep &= self.dates >= np.datetime64(str(start), "D")
        if end is not None:
            keep &= self.dates <= np.datetime64(str(end), "D")
        if not keep.any():
            span = f"{self.dates.min()} to {self.dates.max()}" if len(self.dates) else "no dates"
            where = f"between {start} and {end}" if start and end else f"on or after {start}" if start else ""
            raise SeriesUnusable(f"no date lies {where or f'on or before {end}'}; the series has {span}")
        return replace(self, dataset=self.dataset.isel(time=np.flatnonzero(keep)))

    @property
    def season_year(self) -> int:
        """The calendar year whose season the series shows, which its days are counted in.

        Raises
        ------
        SeriesUnusable
            If the dates span more than one year, so that the season must be chosen.
        """
        return season_year(self.dates)

    @property
    def season_day(self) -> FloatArray:
        """Days since 1 January of the season's year, (time,) float32; negative in the autumn before."""
        new_year = np.datetime64(f"{self.season_year:04d}-01-01", "D")
        return (self.dates - new_year).astype(np.float32)

    def chunks(self, size: int = 4096) -> Iterator["CropSeries"]:
        """Go through the parcels in pieces of ``size``, each loaded when it is reached."""
        for start in range(0, len(self), size):
            piece = slice(start, start + size)
            parcels = None if self.parcels is None else self.parcels.iloc[piece]
            yield replace(self, dataset=self.dataset.isel(parcel=piece).load(), parcels=parcels)

    def save(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write the series to a Zarr store (see :mod:`cropxai.series.store`)."""
        from cropxai.series.store import save

        return save(self, path, overwrite=overwrite)

    @classmethod
    def open(cls, path: PathLike) -> "CropSeries":
        """Open a Zarr store; values are read when they are used."""
        from cropxai.series.store import open_series

        return open_series(path)

    def summary(self) -> str:
        """Say in a few lines what the series holds."""
        seen = self.dataset["reflectance"].notnull().any("band").sum("time").values
        without = self.without_series()
        lines = [
            f"{len(self)} parcels × {len(self.dates)} dates × {len(self.bands)} bands, {self.level}",
            f"dates {self.dates.min()} to {self.dates.max()}, bands {' '.join(self.bands)}",
            f"clear dates a parcel: median {np.median(seen):.0f}, least {seen.min()}, most {seen.max()}",
        ]
        if "why_missing" in self.dataset:
            codes, counts_of = np.unique(self.dataset["why_missing"].values, return_counts=True)
            share = {WHY_MISSING[code]: count / counts_of.sum() for code, count in zip(codes, counts_of, strict=True)}
            told = [f"{100 * part:.0f} % {why}" for why, part in share.items() if why]
            lines += ["dates without a value: " + ", ".join(told)] if told else []
        if without:
            reasons = "; ".join(f"{count} × {why}" for why, count in without.items())
            lines.append(f"{sum(without.values())} without a series: {reasons}")
        return "\n".join(lines)

    def without_series(self) -> dict[str, int]:
        """Count the parcels that have no series by the reason, the most frequent first."""
        reasons = Counter(str(why).partition(":")[0] for why in self.status if why)  # what follows is of one parcel
        return dict(reasons.most_common())


def season_year(dates: npt.NDArray[np.datetime64]) -> int:
    """Return the calendar year to which most of the dates belong (ties: the later).

    Raises
    ------
    SeriesUnusable
        If the dates span more than one year, so that the season must be chosen.
    """
    first, last = dates.min(), dates.max()
    if (last - first).astype("timedelta64[D]").astype(int) >= LONGEST_SEASON:
        raise SeriesUnusable(
            f"the dates span {first} to {last}, longer than one season; choose a year with --season, "
            "or dates with --start and --end"
        )
    years, counts = np.unique(dates.astype("datetime64[Y]").astype(int) + 1970, return_counts=True)
    return int(years[::-1][np.argmax(counts[::-1])])


def _text(values: Sequence[object]) -> npt.NDArray[np.object_]:
    return np.array(["" if v is None else str(v) for v in values], dtype=object)


def _flags(meanings: Sequence[str]) -> str:
    return " ".join(meaning.replace(" ", "_") or "present" for meaning in meanings)
