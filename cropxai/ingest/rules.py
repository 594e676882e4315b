"""The rules by which the pixels of a parcel become its value on a date."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from cropxai.bands import SCL_MASKED
from cropxai.errors import RulesUnusable

#: Least clear share of a parcel's pixels for a date to count.
MIN_CLEAR = 0.5
#: Which pixels are a parcel's: those whose centre lies inside; all that it covers, by the covered share; or as the
#: software of EuroCropsML takes them.
CENTRE, EXACT, EUROCROPSML = PIXEL_RULES = ("centre", "exact", "eurocropsml")
MEDIAN, MEAN = STATISTICS = ("median", "mean")


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
    pixel_rule : {"centre", "exact", "eurocropsml"}
        Which pixels are a parcel's, and by which weight.
    statistic : {"median", "mean"}
        Of the clear pixels.
    buffer : float
        Metres by which parcels are shrunk before.
    min_pixels : int
        Parcels of fewer pixels (exact: of less area than so many) get no value.

    Raises
    ------
    RulesUnusable
        If a value is unknown or out of range, or contradicts another.
    """

    masked_classes: tuple[int, ...] = SCL_MASKED
    min_clear: float = MIN_CLEAR
    dilation: float = 0.0
    cloud_probability: float | None = None
    pixel_rule: str = CENTRE
    statistic: str = MEDIAN
    buffer: float = 0.0
    min_pixels: int = 0

    def __post_init__(self) -> None:
        if self.pixel_rule not in PIXEL_RULES:
            raise RulesUnusable(f"the pixel rule {self.pixel_rule!r} is unknown; --pixel-rule takes {_or(PIXEL_RULES)}")
        if self.statistic not in STATISTICS:
            raise RulesUnusable(f"the statistic {self.statistic!r} is unknown; --statistic takes {_or(STATISTICS)}")
        if not 0 <= self.buffer < float("inf"):
            raise RulesUnusable(f"the buffer of {self.buffer} m is no distance inward; --buffer takes metres from 0 on")
        if self.min_pixels < 0:
            raise RulesUnusable(f"{self.min_pixels} pixels are no least number; --min-pixels takes 0 or more")
        if self.as_eurocropsml and replace(self, pixel_rule=CENTRE) != Rules():
            raise RulesUnusable(
                "the pixel rule eurocropsml leaves no choice of masks, clear share, buffer, least pixels or statistic; "
                "leave these options out, or take --pixel-rule centre"
            )

    @property
    def as_eurocropsml(self) -> bool:
        """Whether values are made as the software of EuroCropsML makes them: no mask, no offset, 0 for no pixel."""
        return self.pixel_rule == EUROCROPSML

    @property
    def attrs(self) -> dict[str, Any]:
        """The rules by name, as a series tells them: those that were applied."""
        everything = asdict(self)
        applied = ("pixel_rule", "statistic") if self.as_eurocropsml else tuple(everything)
        return {name: everything[name] for name in applied}

    @property
    def of_pixels(self) -> "Rules":
        """The rules with those parts at rest that are applied only to what was measured."""
        return replace(self, min_clear=MIN_CLEAR, min_pixels=0)

    @property
    def of_shapes(self) -> tuple[str, float]:
        """Those parts of the rules on which the pixels of parcels depend."""
        return self.pixel_rule, self.buffer


def _or(names: tuple[str, ...]) -> str:
    return " or ".join((", ".join(names[:-1]), names[-1]))
