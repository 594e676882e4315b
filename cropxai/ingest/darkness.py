"""Whether the darkness of parcels speaks against the offset of their scenes; it warns, and changes nothing.

Archives tell wrong offsets now and then (:mod:`cropxai.ingest.offsets`). A wrong one shifts all reflectance by 0.1,
more than vegetation, water and most soils reflect of blue light: it shows in either direction. How often the two rules
are right and wrong is measured (`benchmarks/offsets.py`, docs/ingest.md).
"""

import warnings
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from cropxai.errors import OffsetDoubtful
from cropxai.ingest.scenes import Scene

#: Bands in which land is dark somewhere.
VISIBLE = ("B02", "B03", "B04")
#: Fewer parcels with values tell nothing of a scene, and fewer scenes nothing of the archive.
LEAST_PARCELS, LEAST_SCENES = 5, 5
#: What a forgotten offset adds to reflectance.
SHIFT = 0.1


class Darkness:
    """The darkness of the scenes of a series, as they are added."""

    def __init__(self) -> None:
        self._negative: list[str] = []
        self._brighter: list[bool] = []

    def add(self, scene: Scene, values: npt.NDArray[np.floating], bands: Sequence[str]) -> None:
        """Take in the reflectance of the parcels on a scene, (member, band), NaN where it is missing."""
        if not set(VISIBLE) <= set(bands) & set(scene.bands):
            return
        visible = values[:, [bands.index(band) for band in VISIBLE]]
        visible = visible[np.isfinite(visible).all(axis=1)]
        if len(visible) < LEAST_PARCELS:
            return
        blue = scene.bands[VISIBLE[0]]
        if blue.offset < 0 and (visible[:, 0] < 0).mean() > 0.5:
            self._negative.append(scene.path)
        if blue.offset == 0 and blue.quantification != 1.0:
            self._brighter.append(bool((visible >= SHIFT).all()))

    def warn(self) -> None:
        """Warn if the offset seems to have been taken away twice, or not at all.

        Twice: on a scene with an offset, more than half of the parcels reflect less than nothing in B02. Not at all: on
        none of the scenes without an offset does any parcel reflect less than 0.1 in any of B02, B03 and B04.
        """
        if self._negative:
            reason = "more than half of the parcels have negative reflectance in B02, as if the offset was taken away"
            warnings.warn(OffsetDoubtful(self._negative, f"{reason} before; check with --dn-offset 0"), stacklevel=3)
        if len(self._brighter) >= LEAST_SCENES and all(self._brighter):
            reason = f"no parcel is darker than {SHIFT} in {', '.join(VISIBLE)} on any of {len(self._brighter)} rasters"
            warnings.warn(
                OffsetDoubtful([], f"{reason}, as if the offset was still in them; check with --dn-offset -1000"),
                stacklevel=3,
            )
