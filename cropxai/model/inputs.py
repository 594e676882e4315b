"""From a series to the arrays that the network takes."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from cropxai.series import CropSeries


@dataclass(frozen=True)
class Inputs:
    """What the network takes.

    Attributes
    ----------
    reflectance : (parcel, time, band) float32, 0 where a date is missing (masked, never read)
    valid : (parcel, time) bool, the dates on which all bands are there
    day : (time,) float32, days since 1 January of the season's year
    """

    reflectance: npt.NDArray[np.float32]
    valid: npt.NDArray[np.bool_]
    day: npt.NDArray[np.float32]

    @classmethod
    def of(cls, series: CropSeries, bands: tuple[str, ...]) -> "Inputs":
        """Take the named bands of a series."""
        values = series.select_bands(bands).reflectance
        valid = np.asarray(np.isfinite(values).all(axis=2))
        return cls(np.where(valid[..., None], values, np.float32(0)), valid, series.season_day)

    def __len__(self) -> int:
        return len(self.valid)

    def take(self, index: npt.NDArray[np.intp]) -> "Inputs":
        """Take some parcels."""
        return Inputs(self.reflectance[index], self.valid[index], self.day)

    def within(self, first_day: float = -np.inf, last_day: float = np.inf) -> "Inputs":
        """Mark the dates outside a stretch of season days as missing."""
        inside = (self.day >= first_day) & (self.day <= last_day)
        return Inputs(self.reflectance, self.valid & inside, self.day)

    def tensors(self) -> tuple[Tensor, Tensor, Tensor]:
        """Return reflectance, valid and day as tensors that share the memory."""
        return torch.from_numpy(self.reflectance), torch.from_numpy(self.valid), torch.from_numpy(self.day)
