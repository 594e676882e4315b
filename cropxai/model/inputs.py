"""From a series to the arrays that the network takes."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cropxai.errors import SeriesUnusable
from cropxai.series import CropSeries
from cropxai.series.thermal import THERMAL

#: How the dates are told to the network, on the card of a model: by calendar, or by warmth.
DAY, THERMAL_TIME = "day of season", "thermal time"
TIME_ENCODINGS = (DAY, THERMAL_TIME)
#: The column of clear pixels, behind those of the bands: ln(1 + pixels).
PIXELS = "valid_pixels"
#: Degree-days that count as one day: a warm day over the usual base, so that a season is about as long as in days.
DEGREE_DAYS_A_DAY = 15.0


@dataclass(frozen=True)
class Inputs:
    """What the network takes.

    Attributes
    ----------
    reflectance : (parcel, time, band) float32, 0 where a date is missing (masked, never read), NaN in a band that the
        series lacks (to the network its mean); the last column may be that of ``PIXELS``, NaN in parcels whose clear
        pixels are not known
    valid : (parcel, time) bool, the dates on which all bands of the series are there
    day : (time,) float32, days since 1 January of the season's year
    warmth : (parcel, time) float32, degree-days over ``DEGREE_DAYS_A_DAY``, which dates are encoded by in place of the
        day, or None
    """

    reflectance: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    day: npt.NDArray[np.float32]
    warmth: npt.NDArray[np.float32] | None = None

    @classmethod
    def of(cls, series: CropSeries, bands: tuple[str, ...], time_encoding: str = DAY) -> "Inputs":
        """Take the named bands of a series, and the clear pixels if they are among the names; what it lacks is NaN.

        Raises
        ------
        SeriesUnusable
            If thermal time is asked for and the series has none.
        """
        there = [band in series.bands for band in bands]
        held = series.select_bands([b for b in bands if b in series.bands]).reflectance
        valid = np.asarray(np.isfinite(held).all(axis=2)) & any(there)
        if all(there):
            values = np.where(valid[..., None], held, np.float32(0))
        else:
            values = np.full((*valid.shape, len(bands)), np.nan, dtype=np.float32)
            values[..., there] = np.where(valid[..., None], held, np.float32(0))
        if PIXELS in bands:
            values[..., bands.index(PIXELS)] = np.where(valid, pixel_counts(series), np.float32(0))
        if time_encoding == DAY:
            return cls(values, valid, series.season_day)
        degree_days = thermal_time(series)
        known = np.isfinite(degree_days)
        warmth = np.where(known, degree_days / np.float32(DEGREE_DAYS_A_DAY), np.float32(0))
        return cls(values, valid & known, series.season_day, warmth)

    @classmethod
    def explained(
        cls, values: npt.NDArray[np.float32], valid: npt.NDArray[np.bool_], encoded: npt.NDArray[np.float32]
    ) -> "Inputs":
        """Take arrays as they are; where dates are ``encoded`` by parcel, their days are not known (NaN)."""
        if encoded.ndim == 1:
            return cls(values, valid, encoded)
        return cls(values, valid, np.full(valid.shape[1], np.nan, dtype=np.float32), encoded)

    def __len__(self) -> int:
        return len(self.valid)

    @property
    def encoded(self) -> npt.NDArray[np.float32]:
        """What the dates are encoded by: days (time,), or warmth (parcel, time)."""
        return self.day if self.warmth is None else self.warmth

    def take(self, index: npt.NDArray[np.intp]) -> "Inputs":
        """Take some parcels."""
        warmth = None if self.warmth is None else self.warmth[index]
        return Inputs(self.reflectance[index], self.valid[index], self.day, warmth)

    def at(self, times: npt.NDArray[np.intp] | slice) -> "Inputs":
        """Take some dates, in that order."""
        warmth = None if self.warmth is None else self.warmth[:, times]
        return Inputs(self.reflectance[:, times], self.valid[:, times], self.day[times], warmth)

    def within(self, first_day: float = -np.inf, last_day: float = np.inf) -> "Inputs":
        """Mark the dates outside a stretch of season days as missing."""
        return self.only((self.day >= first_day) & (self.day <= last_day))

    def only(self, kept: npt.NDArray[np.bool_]) -> "Inputs":
        """Mark the dates that are not ``kept``, (time,) or (parcel, time), as missing."""
        return replace(self, valid=self.valid & kept)

    def spectral(self, bands: int) -> "Inputs":
        """Keep the first columns, those of the bands."""
        return replace(self, reflectance=self.reflectance[..., :bands])

    def filled(self, pixels: float) -> "Inputs":
        """Put a value, that of the mean, where clear pixels are not known; they are the last column."""
        values = self.reflectance.copy()
        values[..., -1] = np.where(np.isnan(values[..., -1]), np.float32(pixels), values[..., -1])
        return replace(self, reflectance=values)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return reflectance, valid and what the dates are encoded by as tensors that share the memory."""
        return torch.from_numpy(self.reflectance), torch.from_numpy(self.valid), torch.from_numpy(self.encoded)


def pixel_counts(series: CropSeries) -> npt.NDArray[np.float32]:
    """Return ln(1 + clear pixels), (parcel, time); NaN in a parcel that nowhere has more than one.

    A series of points, or of medians that came without counts, has ones where it has values.
    """
    pixels = np.asarray(series.dataset["valid_pixels"].values, dtype=np.float32)
    known = (pixels > 1).any(axis=1, keepdims=True)
    return np.where(known, np.log1p(pixels), np.float32(np.nan))


def thermal_time(series: CropSeries) -> npt.NDArray[np.float32]:
    """Return the degree-days of the parcels since the season's start, (parcel, time).

    Raises
    ------
    SeriesUnusable
        If the series has none.
    """
    if THERMAL not in series.dataset:
        raise SeriesUnusable(
            "the series has no thermal time, which the model counts dates by; add it from daily temperatures with "
            "'cropxai convert SERIES -o NEW.zarr --weather FILE', or choose a model of days with 'cropxai models'"
        )
    return np.asarray(series.dataset[THERMAL].values, dtype=np.float32)
