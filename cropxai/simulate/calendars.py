"""Crop calendars and canopy traits of the simulated crops.

The days are agronomic reference values for lowland Central Europe (about 48° N), to be replaced by sourced calendars;
spreads, leaf areas, traits and shares are assumptions, set wide on purpose so that classes overlap as real ones do.
"""

from dataclasses import dataclass, field

#: Events of an arable crop in their order; `peak` is heading of cereals, flowering or full canopy of the others.
EVENTS = ("sowing", "emergence", "closure", "peak", "senescence", "maturity", "harvest")

#: Latitude (degrees north) for which the days are meant.
REFERENCE_LATITUDE = 48.2


@dataclass(frozen=True)
class Traits:
    """Canopy traits as (mean, standard deviation) between fields.

    Attributes
    ----------
    chlorophyll : leaf chlorophyll relative to 45 µg cm⁻²
    water : leaf water relative to 0.015 cm
    extinction : extinction coefficient k of the canopy; low for erect leaves (0.35), high for flat ones (0.8)
    cover : ground covered by a closed canopy; below 1 where rows or gaps stay open
    """

    chlorophyll: tuple[float, float] = (1.0, 0.18)
    water: tuple[float, float] = (1.0, 0.27)
    extinction: tuple[float, float] = (0.5, 0.07)
    cover: tuple[float, float] = (0.96, 0.04)


@dataclass(frozen=True)
class ArableCalendar:
    """The year of an arable crop.

    Attributes
    ----------
    crop : label of the crop catalogue
    share : parcels of this crop among all, relative
    days : days of year of `EVENTS`; negative in the autumn before
    spread : standard deviation (days) of sowing between fields; the other events vary with it and by themselves
    lai : peak green leaf area index, mean and standard deviation
    winter_lai : leaf area before winter of an autumn-sown crop; 0 for spring-sown crops
    green_left : share of the peak leaf area that is still green at maturity
    brown_left : dead leaf and stem area at maturity, as a share of the peak leaf area
    residue : mean ground cover of straw or leaves after harvest
    flower : first day, last day and largest cover of a coloured flower layer, or None
    regrowth : mean leaf area of volunteers and weeds after harvest
    """

    crop: str
    share: float
    days: tuple[int, int, int, int, int, int, int]
    spread: float
    lai: tuple[float, float]
    winter_lai: float = 0.0
    green_left: float = 0.05
    brown_left: float = 0.55
    residue: float = 0.5
    flower: tuple[int, int, float] | None = None
    regrowth: float = 0.3
    traits: Traits = field(default_factory=Traits)

    @property
    def winter(self) -> bool:
        """Whether the crop is sown in the autumn before."""
        return self.days[0] < 0


@dataclass(frozen=True)
class GrassCalendar:
    """The year of a crop that stays green and is cut or grazed.

    Attributes
    ----------
    lai, winter_lai : leaf area of an uncut stand in early summer and in winter, mean and standard deviation
    spring : day on which growth begins
    cut_counts : how often fields are cut, one of these with equal chance
    first_cut : mean day of the first of n cuts, by n
    brown : mean dead share of the stand
    """

    crop: str
    share: float
    lai: tuple[float, float]
    winter_lai: tuple[float, float]
    spring: int
    cut_counts: tuple[int, ...]
    first_cut: dict[int, int]
    brown: float
    traits: Traits = field(default_factory=Traits)


_CEREAL = Traits(water=(1.35, 0.3), extinction=(0.36, 0.06))
_MAIZE = Traits(chlorophyll=(1.12, 0.18), extinction=(0.41, 0.07), cover=(0.9, 0.07))

ARABLE: tuple[ArableCalendar, ...] = (
    ArableCalendar(
        "winter wheat", 0.16, (-84, -66, 103, 145, 165, 188, 198), 10, (4.3, 1.0), 0.45, traits=_CEREAL,
    ),
    ArableCalendar(
        "winter rye", 0.04, (-94, -80, 97, 134, 161, 187, 199), 9, (3.9, 0.9), 0.65, brown_left=0.65, traits=_CEREAL,
    ),
    ArableCalendar(
        "winter triticale", 0.03, (-90, -76, 100, 139, 163, 188, 198), 9, (4.1, 0.9), 0.55, traits=_CEREAL,
    ),
    ArableCalendar(
        "winter barley", 0.08, (-98, -86, 95, 127, 146, 167, 178), 8, (4.3, 0.9), 0.75, traits=_CEREAL,
    ),
    ArableCalendar(
        "winter rapeseed", 0.07, (-128, -119, 84, 112, 154, 177, 189), 8, (4.6, 1.0), 1.5, flower=(108, 134, 0.45),
        regrowth=0.9, traits=Traits(water=(1.25, 0.28), extinction=(0.52, 0.07)),
    ),
    ArableCalendar(
        "spring barley", 0.05, (79, 95, 126, 153, 169, 188, 198), 10, (3.9, 0.9), traits=_CEREAL,
    ),
    ArableCalendar(
        "spring oats", 0.03, (80, 98, 130, 160, 179, 197, 207), 10, (4.1, 0.9),
        traits=Traits(chlorophyll=(0.92, 0.16), water=(1.45, 0.3), extinction=(0.37, 0.06)),
    ),
    ArableCalendar(
        "grain maize", 0.07, (114, 130, 165, 195, 236, 266, 286), 9, (4.3, 0.9), green_left=0.12, brown_left=0.6,
        residue=0.65, regrowth=0.1, traits=_MAIZE,
    ),
    ArableCalendar(
        "silage maize", 0.09, (118, 133, 168, 199, 240, 250, 256), 10, (4.5, 0.9), green_left=0.75, brown_left=0.15,
        residue=0.2, regrowth=0.15, traits=_MAIZE,
    ),
    ArableCalendar(
        "sugar beet", 0.03, (88, 106, 146, 178, 236, 272, 288), 9, (4.4, 0.8), green_left=0.75, brown_left=0.1,
        residue=0.2, regrowth=0.1, traits=Traits((1.08, 0.16), (1.7, 0.3), (0.62, 0.08), (0.93, 0.05)),
    ),
    ArableCalendar(
        "potatoes", 0.03, (103, 132, 152, 172, 206, 238, 254), 11, (4.0, 1.0), green_left=0.12, brown_left=0.3,
        residue=0.15, regrowth=0.15, traits=Traits((0.95, 0.16), (1.45, 0.28), (0.6, 0.08), (0.88, 0.07)),
    ),
    ArableCalendar(
        "sunflower", 0.02, (103, 119, 157, 187, 222, 246, 262), 9, (3.3, 0.8), flower=(186, 206, 0.1),
        residue=0.3, traits=Traits((0.97, 0.16), (1.3, 0.25), (0.72, 0.09), (0.9, 0.06)),
    ),
    ArableCalendar(
        "soybeans", 0.02, (117, 132, 168, 196, 238, 260, 272), 9, (4.8, 1.0), residue=0.4, brown_left=0.4,
        traits=Traits((0.92, 0.15), (0.9, 0.18), (0.62, 0.08), (0.95, 0.05)),
    ),
    ArableCalendar(
        "peas", 0.02, (77, 98, 130, 150, 167, 182, 193), 10, (3.6, 0.9), brown_left=0.5, residue=0.4, regrowth=0.4,
        traits=Traits((0.85, 0.15), (1.3, 0.25), (0.52, 0.07)),
    ),
)  # fmt: skip

GRASSES: tuple[GrassCalendar, ...] = (
    GrassCalendar(
        "grassland", 0.22, (4.3, 1.3), (1.7, 1.0), 82, (0, 0, 1, 2, 2, 3, 4, 5),
        {1: 178, 2: 160, 3: 142, 4: 132, 5: 124}, 0.22, Traits((0.9, 0.18), (1.0, 0.26), (0.5, 0.08), (0.97, 0.03)),
    ),
    GrassCalendar(
        "clover", 0.03, (4.4, 1.0), (1.5, 0.8), 84, (2, 3, 3, 4), {2: 156, 3: 143, 4: 131}, 0.14,
        Traits((1.0, 0.17), (1.1, 0.2), (0.58, 0.08), (0.97, 0.03)),
    ),
    GrassCalendar(
        "alfalfa", 0.02, (4.3, 0.9), (0.9, 0.5), 88, (3, 4, 4, 5), {3: 146, 4: 137, 5: 131}, 0.14,
        Traits((1.06, 0.17), (1.05, 0.2), (0.55, 0.07), (0.96, 0.04)),
    ),
    GrassCalendar(
        "fallow", 0.03, (2.2, 0.9), (0.8, 0.5), 90, (0, 0, 1, 1, 2), {1: 208, 2: 178}, 0.42,
        Traits((0.8, 0.18), (0.9, 0.22), (0.5, 0.09), (0.88, 0.1)),
    ),
)  # fmt: skip

#: Every simulated crop by its label, arable crops first.
CALENDARS: dict[str, ArableCalendar | GrassCalendar] = {
    **{calendar.crop: calendar for calendar in ARABLE},
    **{calendar.crop: calendar for calendar in GRASSES},
}
