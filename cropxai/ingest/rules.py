"""The rules by which the pixels of a parcel become its value on a date."""

from dataclasses import dataclass, replace

from cropxai.bands import SCL_MASKED

#: Least clear share of a parcel's pixels for a date to count.
MIN_CLEAR = 0.5


@dataclass(frozen=True)
class Rules:
    """What the values of a series depend on, beside parcels and rasters.

    Attributes
    ----------
    masked_classes : tuple of int
        SCL classes that are not clear.
    min_clear : float
        Least share (0…1) of the parcel's pixels that must be clear for a date to count.
    dilation : float
        Metres around cloud and shadow that are not clear either.
    cloud_probability : float or None
        Probability (0…1) from which a pixel is cloud, applied beside other masks; None: only where there are no others,
        from 0.4.
    """

    masked_classes: tuple[int, ...] = SCL_MASKED
    min_clear: float = MIN_CLEAR
    dilation: float = 0.0
    cloud_probability: float | None = None

    @property
    def of_pixels(self) -> "Rules":
        """The rules with those parts at rest that are applied only to what was measured."""
        return replace(self, min_clear=MIN_CLEAR)
