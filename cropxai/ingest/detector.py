"""Clouds of L1C, which brings no scene classification: found by s2cloudless on pixels of 60 m.

s2cloudless (Zupanc 2017; validated in Skakun et al. 2022, doi 10.1016/j.rse.2022.112990) gives each pixel a probability
of cloud from ten bands. It is trained on reflectance of L1C and knows neither shadow nor snow.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from affine import Affine
from rasterio.enums import Resampling
from rasterio.errors import RasterioError
from rasterio.vrt import WarpedVRT

from cropxai.errors import ExtraMissing, ScenesUnreadable
from cropxai.ingest.files import open_raster
from cropxai.ingest.scenes import Grid, Location, Mask, Scene

#: The bands that it takes, in its order.
BANDS = ("B01", "B02", "B04", "B05", "B08", "B8A", "B09", "B10", "B11", "B12")
#: Side of the pixels on which clouds are looked for, in units of the CRS; the native pixel of three of the bands.
PIXEL = 60.0
#: Pixels over which the probability is averaged, as in its documentation's example.
AVERAGE_OVER = 4


@dataclass(frozen=True)
class Detected(Mask):
    """A cloud mask that is worked out from the bands of the scene, on a grid of its own.

    Attributes
    ----------
    sources : tuple of Location
        The bands, in the order of `BANDS`.
    """

    sources: tuple[Location, ...] = ()

    @property
    def files(self) -> frozenset[str]:
        """The files that it depends on."""
        return frozenset(place.path for place in self.sources)


def with_detector(scenes: Sequence[Scene]) -> list[Scene]:
    """Return the scenes with a mask that is found by s2cloudless in place of their own.

    Raises
    ------
    ExtraMissing
        If s2cloudless is not installed.
    ScenesUnreadable
        If a scene is not L1C, or lacks one of the ten bands.
    """
    _detector(0.5)
    return [_with_detector(scene) for scene in scenes]


def _with_detector(scene: Scene) -> Scene:
    if scene.level != "L1C":
        raise ScenesUnreadable(scene.path, f"is {scene.level}, and s2cloudless is for L1C; leave out --cloud-detector")
    lacking = [band for band in BANDS if band not in scene.bands]
    if lacking:
        raise ScenesUnreadable(
            scene.path, f"lacks {', '.join(lacking)}, which s2cloudless needs; leave out --cloud-detector"
        )
    sources = tuple(scene.bands[band] for band in BANDS)
    return replace(scene, masks=(Detected("detected", Location(scene.path, 0, _coarse(scene.grid)), sources),))


def _coarse(grid: Grid) -> Grid:
    """Return the grid of 60 m that covers a grid, or the grid itself if its pixels are larger."""
    steps = [max(1, round(PIXEL / abs(float(step)))) for step in (grid.transform.a, grid.transform.e)]
    return Grid(
        grid.crs, grid.transform * Affine.scale(*steps), -(-grid.width // steps[0]), -(-grid.height // steps[1])
    )


def detect(mask: Detected, threshold: float) -> npt.NDArray[np.bool_]:
    """Find the clouds of a scene, (row, column) bool on the grid of the mask; False where it has no data.

    Raises
    ------
    ScenesUnreadable
        If a band cannot be read.
    """
    grid = mask.location.grid
    stack = np.empty((grid.height, grid.width, len(mask.sources)), dtype=np.float32)
    empty = np.zeros((grid.height, grid.width), dtype=bool)
    for number, place in enumerate(mask.sources):
        stored = _averaged(place, grid, mask.location.path)
        empty |= stored == 0
        stack[..., number] = (stored + place.offset) / place.quantification
    detector = _detector(threshold)
    probability = detector.get_cloud_probability_maps(stack[None])
    return np.asarray((detector.get_mask_from_prob(probability, threshold)[0] != 0) & ~empty)


def _averaged(place: Location, grid: Grid, product: str) -> npt.NDArray[np.float32]:
    """Read a band as means over the pixels of a coarser grid, 0 where it has no data."""
    try:
        with (
            open_raster(place.path) as dataset,
            WarpedVRT(
                dataset, crs=dataset.crs, transform=grid.transform, width=grid.width, height=grid.height,
                resampling=Resampling.average, src_nodata=0, nodata=0,
            ) as coarse,
        ):  # fmt: skip
            values: npt.NDArray[np.float32] = coarse.read(place.index, out_dtype="float32")
    except RasterioError as error:
        raise ScenesUnreadable(product, "is damaged, its pixels cannot be read; copy or download it again") from error
    return values


def _detector(threshold: float) -> Any:
    try:
        from s2cloudless import S2PixelCloudDetector  # type: ignore[attr-defined]
    except ImportError as error:
        raise ExtraMissing("s2cloudless", "clouds", "--cloud-detector") from error
    return S2PixelCloudDetector(threshold=threshold, average_over=AVERAGE_OVER, dilation_size=None, all_bands=False)
