"""Which pixels the masks of a scene rule out: the choice of masks, their meaning, dilation, and their grids.

Values of the scene classification: L2A product specification (see `cropxai.bands.SCL_CLASSES`). Dilation reaches what a
classification leaves at the edges of clouds; WorldCereal dilates by 13 pixels of 20 m, for example.
"""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from rasterio.errors import RasterioError
from rasterio.windows import Window
from scipy import ndimage

from cropxai.errors import ScenesUnreadable
from cropxai.ingest.detector import Detected, detect
from cropxai.ingest.files import open_raster
from cropxai.ingest.rules import Rules
from cropxai.ingest.scenes import Grid, Mask, Scene

BoolArray = npt.NDArray[np.bool_]

#: SCL classes that are dilated if they are masked: cloud shadow, cloud, cirrus. Snow and bad pixels have sharp edges.
DILATED = (3, 8, 9, 10)
#: Bits 10 and 11 of QA60 mark opaque cloud and cirrus (L1C product specification).
QA60_BITS = (1 << 10) | (1 << 11)
#: Probability from which a pixel is cloud where nothing but a probability is there; s2cloudless' own default.
CLOUD_PROBABILITY = 0.4
#: Rows that are dilated at a stretch.
STRIP = 1024


def masks_of(scene: Scene, rules: Rules, grid: Grid) -> tuple[Mask, ...]:
    """Choose the masks that apply to a grid of the scene.

    The scene classification (of several: that on the grid, else that of the smallest pixels), or where there is none
    the cloud masks. A probability applies beside them if a threshold is asked for, and at `CLOUD_PROBABILITY` if
    nothing else tells of clouds.
    """
    classified, clouds, probable = (
        tuple(mask for mask in scene.masks if mask.kind in kinds)
        for kinds in (("scl",), ("cloud", "qa60", "detected"), ("probability",))
    )
    classified = tuple(sorted(classified, key=lambda m: (m.location.grid != grid, m.location.grid.pixel_area))[:1])
    chosen = classified or clouds
    return chosen if chosen and rules.cloud_probability is None else chosen + probable


def hidden_values(mask: Mask, rules: Rules) -> Callable[[npt.NDArray[np.generic]], BoolArray]:
    """Return what tells which values of a mask rule a pixel out."""
    if mask.kind == "scl":
        return lambda values: np.isin(values, rules.masked_classes)
    if mask.kind == "qa60":
        return lambda values: (values.astype(np.int64) & QA60_BITS) != 0
    if mask.kind == "probability":
        place = mask.location
        least = CLOUD_PROBABILITY if rules.cloud_probability is None else rules.cloud_probability
        return lambda values: (values.astype(np.float64) + place.offset) / place.quantification >= least
    return lambda values: values != 0


class Hidden:
    """The pixels of a scene that its masks rule out, told for any of its grids.

    A mask that must be dilated or lies on another grid is read whole when the first pixel is asked for, and given to
    the grid of the bands by the nearest pixel. A pixel beyond the mask is ruled out.

    Parameters
    ----------
    scene : Scene
    rules : Rules
    """

    def __init__(self, scene: Scene, rules: Rules):
        self._scene = scene
        self._rules = rules
        self._planes: dict[Mask, BoolArray] = {}

    def any(self, grid: Grid) -> bool:
        """Say whether any mask applies to a grid."""
        return bool(masks_of(self._scene, self._rules, grid))

    def direct(self, grid: Grid) -> Mask | None:
        """Return the mask if it is one only and can be read with the bands of a grid, pixel by pixel."""
        masks = masks_of(self._scene, self._rules, grid)
        stored = len(masks) == 1 and masks[0].kind != "detected"
        return masks[0] if stored and masks[0].location.grid == grid and not self._rules.dilation else None

    def values(self, mask: Mask, values: npt.NDArray[np.generic]) -> BoolArray:
        """Return which values of a mask rule a pixel out."""
        return hidden_values(mask, self._rules)(values)

    def on(self, grid: Grid, window: Window) -> BoolArray:
        """Return which pixels of a window of a grid are ruled out, (row, column) bool.

        Raises
        ------
        ScenesUnreadable
            If a mask cannot be read, or does not lie along the grid.
        """
        out = np.zeros((window.height, window.width), dtype=bool)
        for mask in masks_of(self._scene, self._rules, grid):
            if mask not in self._planes:
                self._planes[mask] = self._plane(mask)
            plane = self._planes[mask]
            rows, columns = self._nearest(grid, window, mask.location.grid)
            within = (rows >= 0) & (rows < plane.shape[0]), (columns >= 0) & (columns < plane.shape[1])
            hidden = np.ones(out.shape, dtype=bool)
            hidden[np.ix_(*within)] = plane[np.ix_(rows[within[0]], columns[within[1]])]
            out |= hidden
        return out

    def _nearest(self, grid: Grid, window: Window, of: Grid) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return the rows and columns of the mask that hold the centres of the window's rows and columns."""
        straight = all(t.b == 0 and t.d == 0 for t in (grid.transform, of.transform))
        if grid.crs != of.crs or not straight:
            raise ScenesUnreadable(self._scene.path, "has a mask in another CRS or turned against the bands; warp it")
        to, here = of.transform, grid.transform
        x = here.c + here.a * (np.arange(window.width) + window.col_off + 0.5)
        y = here.f + here.e * (np.arange(window.height) + window.row_off + 0.5)
        # A trifle, because a centre that lies on an edge by computation must not depend on rounding.
        return (
            np.floor((y - to.f) / to.e + 1e-6).astype(np.int64),
            np.floor((x - to.c) / to.a + 1e-6).astype(np.int64),
        )

    def _plane(self, mask: Mask) -> BoolArray:
        """Return the whole mask, dilated, on its own grid."""
        hidden, soft = self._whole(mask)
        if self._rules.dilation:
            hidden |= dilated(soft, self._rules.dilation, mask.location.grid)
        return hidden

    def _whole(self, mask: Mask) -> tuple[BoolArray, BoolArray]:
        """Return the pixels that a mask rules out, and those of them that are dilated."""
        if isinstance(mask, Detected):
            threshold = self._rules.cloud_probability
            clouds = detect(mask, CLOUD_PROBABILITY if threshold is None else threshold)
            return clouds, clouds
        try:
            with open_raster(mask.location.path) as dataset:
                values = dataset.read(mask.location.index)
        except RasterioError as error:
            raise ScenesUnreadable(
                self._scene.path, "has a mask that cannot be read; copy or download it again"
            ) from error
        grid = mask.location.grid
        if values.shape != (grid.height, grid.width):
            size, told = f"{values.shape[1]} × {values.shape[0]}", f"{grid.width} × {grid.height}"
            raise ScenesUnreadable(self._scene.path, f"has a mask of {size} pixels, not of {told}; download it again")
        hidden = hidden_values(mask, self._rules)(values)
        return hidden, hidden & np.isin(values, DILATED) if mask.kind == "scl" else hidden


def dilated(hidden: BoolArray, metres: float, grid: Grid) -> BoolArray:
    """Return the pixels whose centre lies within a distance of the centre of a hidden one, (row, column) bool.

    Parameters
    ----------
    hidden : (row, column) bool
    metres : distance in units of the grid's CRS
    grid : Grid
    """
    tall, wide = (int(metres / abs(step) + 1e-6) for step in (grid.transform.e, grid.transform.a))
    down, across = np.ogrid[-tall : tall + 1, -wide : wide + 1]
    disc = (down * grid.transform.e) ** 2 + (across * grid.transform.a) ** 2 <= metres**2 * (1 + 1e-9)
    out = np.empty_like(hidden)
    for start in range(0, len(hidden), STRIP):  # strip by strip: the work space of a whole tile would be large
        top = max(0, start - tall)
        strip = hidden[top : start + STRIP + tall]
        grown = ndimage.binary_dilation(strip, disc) if strip.any() else strip
        out[start : start + STRIP] = grown[start - top : start - top + STRIP]
    return out
