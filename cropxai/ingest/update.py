"""A series that is brought up to date: what it was made from, and which of its dates stay as they are."""

import datetime as dt
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine

from cropxai.errors import UpdateRefused
from cropxai.ingest.fingerprint import scene_hash
from cropxai.ingest.scenes import Grid, Scene
from cropxai.series import CropSeries


@dataclass(frozen=True)
class Origin:
    """One scene that a series was made from.

    Attributes
    ----------
    name : str
        Of file or product, without its folder.
    hash : str
        See :func:`cropxai.ingest.fingerprint.scene_hash`.
    shows : bool
        Whether it holds data on any parcel.
    """

    name: str
    hash: str
    shows: bool

    @classmethod
    def of(cls, scene: Scene, shows: bool) -> "Origin":
        """Describe a scene that has been measured."""
        return cls(Path(scene.path).name, scene_hash(scene), shows)


Origins = dict[dt.date, list[Origin]]
#: Reflectance (parcel, band); clear pixels, clear share and why there is no value (parcel,).
Column = tuple[npt.NDArray[np.float32], npt.NDArray[np.uint32], npt.NDArray[np.float32], npt.NDArray[np.uint8]]


def origin_attrs(origins: Origins, grids: Iterable[Grid]) -> dict[str, Any]:
    """Write scenes by date, and the grids on which parcels were looked for, as attributes of a series."""
    dates = sorted(origins)
    return {
        "sources": [origin.name for date in dates for origin in origins[date] if origin.shows],
        "scenes": json.dumps({str(d): [[o.name, o.hash, o.shows] for o in origins[d]] for d in dates}),
        "grids": json.dumps([[g.crs, list(g.transform[:6]), g.width, g.height] for g in grids]),
    }


class Former:
    """A series as it was made before, whose dates need not be measured again.

    Parameters
    ----------
    series : CropSeries
        Made by :func:`cropxai.ingest.extract_series`.

    Attributes
    ----------
    origins : mapping of date to list of Origin
    grids : list of Grid

    Raises
    ------
    UpdateRefused
        If the series does not tell what it was made from.
    """

    def __init__(self, series: CropSeries):
        self._series = series
        self._name = str(series.dataset.encoding.get("source", "the series"))
        attrs = series.dataset.attrs
        try:
            self.origins: Origins = {
                dt.date.fromisoformat(date): [Origin(*origin) for origin in of_date]
                for date, of_date in json.loads(attrs["scenes"]).items()
            }
            self.grids = [
                Grid(crs, Affine(*transform), width, height)
                for crs, transform, width, height in json.loads(attrs["grids"])
            ]
        except (KeyError, ValueError, TypeError) as error:
            raise UpdateRefused(self._name, "does not tell which scenes it was made from") from error
        self._values = series.reflectance
        names = ("valid_pixels", "clear_fraction", "why_missing")
        self._clear, self._share, self._why = (series.dataset[name].values for name in names)
        self._column = {date.astype(object): t for t, date in enumerate(series.dates)}

    @property
    def bands(self) -> list[str]:
        """The bands of the series, in order."""
        return list(self._series.bands)

    @property
    def labels(self) -> list[str] | None:
        """The crops of the parcels, if the series has any."""
        return [str(crop) for crop in self._series.dataset["crop"].values] if "crop" in self._series.dataset else None

    @property
    def status(self) -> list[str]:
        """Empty, or why a parcel had no series, (parcel,)."""
        return [str(reason) for reason in self._series.status]

    def column(self, date: dt.date) -> Column | None:
        """Return reflectance, clear pixels, clear share and reasons of a date, if the series has it."""
        t = self._column.get(date)
        return None if t is None else (self._values[:, t], self._clear[:, t], self._share[:, t], self._why[:, t])

    def check(self, bands: Sequence[str], identity: Mapping[str, object]) -> None:
        """Refuse a run whose dates would not fit those of the series.

        Parameters
        ----------
        bands : sequence of str
            To be read; or those that the scenes have, if the user names none.
        identity : mapping
            Attributes that must be the same.

        Raises
        ------
        UpdateRefused
        """
        if list(bands) != self.bands:
            raise UpdateRefused(self._name, f"has the bands {','.join(self.bands)}, not {','.join(bands)}")
        attrs = self._series.dataset.attrs
        for name, value in identity.items():
            had, wanted = _plain(attrs.get(name)), _plain(value)
            if had != wanted:
                raise UpdateRefused(self._name, _DIFFERS.get(name, f"was made with {name} {had}, not {wanted}"))

    def stays(self, date: dt.date, scenes: Sequence[Scene]) -> bool:
        """Say whether a date is as it was; the scenes that it was made from need not be there any more.

        Raises
        ------
        UpdateRefused
            If a scene of the date is new or has changed, and another, which the date was made from, is not there.
        """
        known = self.origins.get(date, [])
        given = Counter((Path(scene.path).name, scene_hash(scene)) for scene in scenes)
        if known and not given - Counter((origin.name, origin.hash) for origin in known):
            return True
        gone = Counter(origin.name for origin in known) - Counter(Path(scene.path).name for scene in scenes)
        if gone:
            new = ", ".join(sorted({Path(scene.path).name for scene in scenes}))
            why = (
                f"was made from {min(gone)} on {date}, for which there is now {new} alone: give all rasters of the date"
            )
            raise UpdateRefused(self._name, why)
        return False


_DIFFERS = {
    "parcels_hash": "was made from other parcels (their identifiers, outlines, CRS or order differ)",
    "measure_version": "was measured by another version of cropxai",
}


def _plain(value: object) -> object:
    """Return an attribute as it is in memory or in a store, where lists are text."""
    if isinstance(value, str) and value[:1] in ("[", "{"):
        return json.loads(value)
    return json.loads(json.dumps(value, default=str))
