"""The relevance of parcels × dates (× bands), in memory or in its Zarr store."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import xarray as xr

import cropxai
from cropxai.errors import PathLike, RelevanceUnreadable
from cropxai.outputs import replacing

FORMAT = "cropxai-relevance"
VERSION = 3
PARCELS_AT_ONCE = 4096
FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Relevance:
    """How much each date, or each date and band, of a parcel spoke for its class.

    Attributes
    ----------
    dataset : xarray.Dataset
        ``relevance`` (parcel, time, band), or (parcel, time) at the level of dates, float32, signed, in units of the
        score, NaN where the date is missing; ``position`` (parcel, time), the share of the encoding of each date, which
        is not in the relevance; ``date_relevance`` (parcel, time), relevance of whole dates; ``score`` (parcel) the
        score that is explained, NaN without an answer; ``ledger`` (parcel, entry) float32, what the score is made of
        (all as in :class:`cropxai.explain.lrp.Attribution`); coordinates ``parcel_id``, ``time``, ``band``, ``crop``,
        the class that is explained, and ``rival``, the class of the greatest score beside it, both empty without an
        answer. Attributes: ``method``, ``level``, ``target``, ``reference``, ``model``.
    """

    dataset: xr.Dataset

    @property
    def values(self) -> FloatArray:
        """The relevance, (parcel, time, band) or (parcel, time), NaN where missing."""
        return np.asarray(self.dataset["relevance"].values, dtype=np.float32)

    @property
    def by_date(self) -> FloatArray:
        """The relevance of whole dates, of everything that is seen on them and of their day, (parcel, time).

        NaN where missing. It is not the sum over the bands, which are counted from a reference and leave out the day.
        """
        return np.asarray(self.dataset["date_relevance"].values, dtype=np.float32)

    @property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """The dates, (time,) datetime64[D]."""
        return self.dataset["time"].values.astype("datetime64[D]")

    @property
    def crop(self) -> npt.NDArray[np.object_]:
        """The class that is explained, (parcel,) str, empty without an answer."""
        return self.dataset["crop"].values.astype(object)

    def __len__(self) -> int:
        return int(self.dataset.sizes["parcel"])

    def chunks(self, size: int = PARCELS_AT_ONCE) -> Iterator["Relevance"]:
        """Go through the parcels in pieces of ``size``, each loaded when it is reached."""
        for start in range(0, len(self), size):
            yield Relevance(self.dataset.isel(parcel=slice(start, start + size)).load())

    @classmethod
    def join(cls, pieces: Sequence["Relevance"]) -> "Relevance":
        """Put pieces with the same dates and bands together, in their order."""
        return cls(xr.concat([piece.dataset for piece in pieces], dim="parcel", combine_attrs="override"))

    def save(self, path: PathLike, overwrite: bool = False) -> Path:
        """Write to a Zarr store, whole or not at all."""
        return self.write(path, self.chunks(), overwrite)

    @classmethod
    def write(cls, path: PathLike, pieces: Iterable["Relevance"], overwrite: bool = False) -> Path:
        """Write pieces to one Zarr store as they come, whole or not at all.

        Raises
        ------
        OutputExists, OutputUnwritable
        """
        about = {"format": FORMAT, "format_version": VERSION, "software": f"cropxai {cropxai.__version__}"}
        with replacing(path, overwrite) as part:
            for number, piece in enumerate(pieces):
                dataset = piece.dataset.drop_encoding().assign_attrs(about)
                if number > 0:
                    dataset.to_zarr(part, append_dim="parcel", zarr_format=2, consolidated=True)
                    continue
                chunks = (PARCELS_AT_ONCE, *dataset["relevance"].shape[1:])
                encoding = {"relevance": {"dtype": "float32", "chunks": chunks, "_FillValue": np.float32(np.nan)}}
                dataset.to_zarr(part, mode="w", zarr_format=2, consolidated=True, encoding=encoding)
        return Path(path)

    @classmethod
    def open(cls, path: PathLike) -> "Relevance":
        """Open a Zarr store.

        Raises
        ------
        RelevanceUnreadable
            If the path is no such store.
        """
        try:
            dataset = xr.open_zarr(path, chunks=None, consolidated=True)
        except (OSError, ValueError, KeyError) as error:
            raise RelevanceUnreadable(path) from error
        if dataset.attrs.get("format") != FORMAT or dataset.attrs.get("format_version", 0) != VERSION:
            raise RelevanceUnreadable(path)
        return cls(dataset)
