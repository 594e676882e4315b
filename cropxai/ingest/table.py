"""The table that grows to a series, a date at a time, and decides which scene of a date speaks for a parcel."""

from collections.abc import Mapping, Sequence
from itertools import compress

import numpy as np
import numpy.typing as npt

from cropxai.ingest.darkness import Darkness
from cropxai.ingest.measure import Measurement
from cropxai.ingest.parcels import Parcels
from cropxai.ingest.plan import Plan, why_no_pixel
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid, Scene
from cropxai.series import CropSeries
from cropxai.series.cube import NO_CLEAR_DATE

IntArray = npt.NDArray[np.int64]

#: Codes of why a date has no value (see `WHY_MISSING`).
NO_DATA, CUT, UNCLEAR = 1, 2, 3
#: Status of a parcel that lies within the rasters where they hold no data.
BLANK = "only nodata on the rasters"
#: How the status of a parcel begins of which too little lies on the rasters.
CUT_OFF = "cut by the raster edge"


class SeriesTable:
    """The values of all parcels and bands, filled date by date.

    Parameters
    ----------
    parcels, dates : int
        Number of parcels, and of dates at most.
    bands : sequence of str
    plans : mapping of Grid to Plan
        Of every grid of the scenes.
    rules : Rules
    """

    def __init__(self, parcels: int, dates: int, bands: Sequence[str], plans: Mapping[Grid, Plan], rules: Rules):
        self.bands = list(bands)
        self._plans = plans
        self._rules = rules
        self.dates: list[np.datetime64] = []
        self.blank: list[str] = []  # paths of scenes without data on any parcel
        self.darkness = Darkness()
        self._reflectance = np.full((parcels, dates, len(bands)), np.nan, dtype=np.float32)
        self._clear = np.zeros((parcels, dates), dtype=np.uint32)
        self._share = np.zeros((parcels, dates), dtype=np.float32)
        self._why = np.full((parcels, dates), NO_DATA, dtype=np.uint8)
        self._present = np.zeros(parcels, dtype=bool)  # whether any scene holds data on the parcel

    def add_date(self, date: np.datetime64, views: Sequence[tuple[Scene, Measurement]]) -> None:
        """Take for every parcel the best of the scenes of a date; pass over a date on which none holds data.

        The best is that on which the date counts, then that with most pixels of the parcel that hold data, then that of
        the highest baseline, then that with most clear pixels. Scenes come in the order of tile and path: a later one
        must be better to win.
        """
        holds = [bool(measured.present.any()) or self._rules.as_eurocropsml for _, measured in views]
        seen = list(compress(views, holds))
        self.blank += [scene.path for (scene, _), holding in zip(views, holds, strict=True) if not holding]
        if not seen:
            return
        t = len(self.dates)
        best = np.full((len(self._clear), 4), -1, dtype=np.int64)
        for scene, measured in seen:
            plan = self._plans[scene.grid]
            who = plan.members
            centres = plan.centres[who]
            large = centres >= self._rules.min_pixels * plan.whole
            least = self._least(centres)
            baseline = np.full(len(who), _number(scene.baseline))
            rank = np.stack([measured.clear >= least, measured.present, baseline, measured.clear], axis=1)
            wins = large & _better(rank, best[who])
            enough = measured.counts >= self._least_of_bands(scene, who)
            values = np.where(enough, measured.values, np.nan)
            self.darkness.add(scene, values, self.bands)
            self._present[who] |= measured.present > 0
            best[who[wins]] = rank[wins]
            self._clear[who[wins], t] = -(-measured.clear // plan.whole)[wins]
            self._share[who[wins], t] = (measured.clear / np.maximum(centres, 1))[wins]
            self._reflectance[who[wins], t] = values[wins]
            cut = plan.counts[who] < least
            why = np.select([np.isfinite(values).any(axis=1), measured.present == 0, cut], [0, NO_DATA, CUT], UNCLEAR)
            self._why[who[wins], t] = why[wins]
        self.dates.append(date)

    def take_date(
        self,
        date: np.datetime64,
        reflectance: npt.NDArray[np.float32],
        clear: npt.NDArray[np.uint32],
        share: npt.NDArray[np.float32],
        why: npt.NDArray[np.uint8],
    ) -> None:
        """Take a date as an earlier table had it: (parcel, band), and thrice (parcel,)."""
        t = len(self.dates)
        self._reflectance[:, t], self._clear[:, t], self._share[:, t], self._why[:, t] = reflectance, clear, share, why
        self.dates.append(date)

    def take_status(self, status: Sequence[str]) -> None:
        """Learn from the status in an earlier table on which parcels its scenes hold data."""
        self._present |= [reason in ("", NO_CLEAR_DATE) or reason.startswith(CUT_OFF) for reason in status]

    def _least(self, centres: IntArray) -> IntArray:
        """Return how many pixels make a value count, of so many in all."""
        if self._rules.as_eurocropsml:
            return np.zeros_like(centres)
        # Less a trifle, because 0.1 × 30 is 3.0000000000000004 and three pixels of thirty are enough.
        return np.asarray(np.maximum(1, np.ceil(self._rules.min_clear * centres * (1 - 1e-9))), dtype=np.int64)

    def _least_of_bands(self, scene: Scene, who: IntArray) -> IntArray:
        """Return how many pixels of its own grid make a value of each band count, (member, band)."""
        grids = [scene.bands[band].grid if band in scene.bands else scene.grid for band in self.bands]
        return np.stack([self._least(self._plans[grid].centres[who]) for grid in grids], axis=1)

    def series(self, parcels: Parcels, attrs: Mapping[str, object]) -> CropSeries:
        """Close the table, and say of each parcel why it has no series."""
        known = slice(0, len(self.dates))
        reflectance = self._reflectance[:, known]
        lon, lat = parcels.places()
        return CropSeries.from_arrays(
            reflectance,
            np.array(self.dates),
            self.bands,
            parcels.parcel_id,
            crop=parcels.crop,
            lon=lon,
            lat=lat,
            valid_pixels=self._clear[:, known],
            clear_fraction=self._share[:, known],
            why_missing=self._why[:, known],
            status=self._status(reflectance, parcels),
            parcels=parcels.frame,
            attrs=attrs,
        )

    def _status(self, reflectance: npt.NDArray[np.float32], parcels: Parcels) -> list[str]:
        status = why_no_pixel(parcels, self._plans.values())
        on_raster = np.max([plan.counts / np.maximum(plan.centres, 1) for plan in self._plans.values()], axis=0)
        pixels = np.max([plan.centres / plan.whole for plan in self._plans.values()], axis=0)
        missing = np.asarray(np.isnan(reflectance).all(axis=(1, 2)))
        for i in range(len(status)):
            if not missing[i]:
                status[i] = ""
            elif status[i]:
                continue
            elif pixels[i] < self._rules.min_pixels:
                status[i] = f"too few pixels: {pixels[i]:.4g}, --min-pixels {self._rules.min_pixels}"
            elif not self._present[i]:
                status[i] = BLANK
            elif on_raster[i] < self._rules.min_clear:
                status[i] = f"{CUT_OFF}: {on_raster[i]:.0%} of it on the rasters"
            else:
                status[i] = NO_CLEAR_DATE
        return status


def _number(baseline: str) -> int:
    """Return a baseline ("05.09") as a number that grows with it; 0 if it is unknown."""
    parts = [int(text) for text in baseline.split(".") if text.isdigit()]
    return sum(part * 1000**place for part, place in zip(parts, (1, 0), strict=False))


def _better(rank: IntArray, than: IntArray) -> npt.NDArray[np.bool_]:
    """Compare row by row, the first column first, (row,) bool."""
    differs = rank != than
    rows, first = np.arange(len(rank)), differs.argmax(axis=1)
    return np.asarray(rank[rows, first] > than[rows, first], dtype=bool)
