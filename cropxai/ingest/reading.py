"""Reads the pixels of a scene: each file opened once, chunk by chunk, all of its bands in one call."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.errors import RasterioError
from rasterio.windows import Window

from cropxai.errors import ScenesUnreadable
from cropxai.ingest.clouds import Hidden
from cropxai.ingest.files import open_location, without_query
from cropxai.ingest.scenes import Location, Scene
from cropxai.ingest.tally import codes_of
from cropxai.ingest.zonal import Codes

#: Stored types that are codes as they are.
DN_TYPES = ("uint8", "uint16")


class SceneReader:
    """The bands of a scene as codes (see :mod:`cropxai.ingest.tally`), and its mask.

    A file whose bands are interleaved by pixel holds all of them in each block: read band by band, it would be decoded
    as often as it has bands. So the bands of a file are read in one call, and the mask with them if it lies there too.

    Parameters
    ----------
    scene : Scene
    bands : sequence of str
        Names of bands of one grid that the scene has, at least one.
    hidden : Hidden
        Which pixels are not clear.

    Attributes
    ----------
    block : (rows, columns) of the largest blocks of the files
    layers : number of bands, and one for a mask that is read with them
    dtype : numpy.uint16 or numpy.uint32, the type of the codes
    nodata : (band,) code that stands for no value, beside 0
    unclear : (class,) bool, which values of the mask are not clear; empty if there is none

    Raises
    ------
    ScenesUnreadable
        If a file cannot be read; so do the methods.
    """

    def __init__(self, scene: Scene, bands: Sequence[str], hidden: Hidden):
        self._scene = scene
        self._places = [scene.bands[band] for band in bands]
        self._grid = self._places[0].grid
        self._hidden = hidden
        self._masked = hidden.any(self._grid)
        self._mask = hidden.direct(self._grid)
        if self._mask is not None:
            self._places.append(self._mask.location)
        self._open = ExitStack()
        self._datasets: dict[str, rasterio.DatasetReader] = {}
        try:
            for place in self._places:
                if place.path not in self._datasets:
                    self._datasets[place.path] = self._open.enter_context(open_location(place))
        except RasterioError as error:
            self._open.close()
            raise self._damaged(place.path) from error
        shapes = [self._datasets[p.path].block_shapes[p.index - 1] for p in self._places]
        self.block = max(rows for rows, _ in shapes), max(columns for _, columns in shapes)
        self.layers = len(self._places)
        whole = all(self._type(place) in DN_TYPES for place in self._places)
        self.dtype = np.dtype(np.uint16 if whole else np.uint32)
        self.nodata = np.array([self._nodata_code(place) for place in self._places[: len(bands)]], dtype=self.dtype)
        self.unclear = self._unclear()

    def __enter__(self) -> "SceneReader":
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def read(self, window: Window, into: Codes) -> tuple[Codes, npt.NDArray[np.uint16]]:
        """Return codes and mask of a window.

        Parameters
        ----------
        window : rasterio.windows.Window
        into : (pixel,) codes
            Room for all layers of the window, used again from window to window.

        Returns
        -------
        codes : (band, pixel) uint16 or uint32
        mask : (pixel,) uint16
            Of no pixels if there is no mask.
        """
        pixels = window.height * window.width
        layers = into[: self.layers * pixels].reshape(self.layers, window.height, window.width)
        for path in self._datasets:
            for dtype in {self._type(place) for place in self._places if place.path == path}:
                chosen = [n for n, p in enumerate(self._places) if p.path == path and self._type(p) == dtype]
                self._read(path, chosen, window, layers)
        codes = layers.reshape(self.layers, pixels)
        if self._mask is not None:
            return codes[:-1], codes[-1].astype(np.uint16, copy=False)
        if self._masked:
            return codes, self._hidden.on(self._grid, window).reshape(pixels).astype(np.uint16)
        return codes, np.zeros(0, dtype=np.uint16)

    def room(self, windows: Sequence[Window]) -> Codes:
        """Return room for all layers of the largest window."""
        return np.empty(self.layers * max(w.height * w.width for w in windows), dtype=self.dtype)

    def _read(self, path: str, chosen: Sequence[int], window: Window, layers: Codes) -> None:
        """Read the chosen layers of one file, which are of one type."""
        dataset = self._datasets[path]
        indexes = [self._places[n].index for n in chosen]
        try:
            if self.dtype == np.uint16 and list(chosen) == list(range(chosen[0], chosen[-1] + 1)):
                dataset.read(indexes, window=window, out=layers[chosen[0] : chosen[-1] + 1])
                return
            stored = dataset.read(indexes, window=window)
        except RasterioError as error:
            raise self._damaged(path) from error
        for n, values in zip(chosen, stored, strict=True):
            if self.dtype == np.uint16:
                layers[n] = values
            elif n == self.layers - 1 and self._mask is not None:
                layers[n] = self._hidden.values(self._mask, values)
            else:
                layers[n] = codes_of(self._as_float(values, self._places[n]))

    def _as_float(self, stored: npt.NDArray[np.generic], place: Location) -> npt.NDArray[np.float32]:
        """Return values as float32, NaN where the file has no data.

        No data is what the file declares, and 0: the DN that Sentinel-2 reserves for it, in every level.
        """
        values = stored.astype(np.float32)
        nodata = self._nodata(place)
        missing = (stored == 0) | ~np.isfinite(values)
        if nodata is not None:
            missing |= stored == nodata
        values[missing] = np.nan
        return values

    def _nodata(self, place: Location) -> float | None:
        """Return the no-data value that metadata declare, or else the file."""
        stored: float | None = self._datasets[place.path].nodatavals[place.index - 1]
        return stored if place.nodata is None else place.nodata

    def _nodata_code(self, place: Location) -> int:
        """Return the declared no-data value if it is a code; among floating-point values it is 0 already."""
        nodata = self._nodata(place)
        if self.dtype != np.uint16 or nodata is None or not 0 <= nodata <= 65535 or nodata != int(nodata):
            return 0
        return int(nodata)

    def _unclear(self) -> npt.NDArray[np.bool_]:
        if not self._masked:
            return np.zeros(0, dtype=bool)
        if self.dtype != np.uint16 or self._mask is None:  # what comes with the codes is 0 or 1
            return np.array([False, True])
        return self._hidden.values(self._mask, np.arange(1 << 16))

    def _type(self, place: Location) -> str:
        return str(self._datasets[place.path].dtypes[place.index - 1])

    def _damaged(self, path: str) -> ScenesUnreadable:
        file = "" if path == self._scene.path else f" ({Path(without_query(path)).name})"
        return ScenesUnreadable(
            self._scene.path, f"is damaged, its pixels cannot be read; copy or download it again{file}"
        )
