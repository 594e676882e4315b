"""What is simulated of a country: parcels, year, level, classes; refused in one sentence where it cannot be."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cropxai.bands import BY_NAME
from cropxai.errors import some
from cropxai.simulate.canopy import BAND_NAMES
from cropxai.simulate.classes import SimulationRefused, class_shares
from cropxai.simulate.sky import TINYEUROCROPS_DAYS, acquisition_days
from cropxai.simulate.weather import climates, known_years

LEVELS = ("L1C", "L2A")
CLASS_SETS = ("crops", "tinyeurocrops")
#: Hardness by default, a calibration: with it a network for the 44 classes of TinyEuroCrops over Austria comes nearer
#: the accuracy that is published for them than with 1, and fields differ less in summer, as real ones do.
HARDNESS = 0.4


@dataclass(frozen=True)
class Country:
    """What is simulated.

    Attributes
    ----------
    parcels : number of parcels
    year : season; its dates and its weather
    level : "L2A": surface reflectance, cloudy dates missing. "L1C": top of atmosphere, clouds left in
    bands : ESA names; by default all 13 for L1C and all but B10 for L2A
    crops : labels of the crop catalogue, or label to share; by default all with the shares of their region
    balance : 0: crops are as common as their shares say; 1: all alike
    weather : years whose weather the landscapes have, in turn; by default that of ``year``
    classes : "crops", or "tinyeurocrops": the 44 classes of that data set, into which some crops are merged
    countries : regions in which the landscapes lie
    dates : (time,) acquisition dates; by default a pass of each orbit every 5 days (L2A), or the 80 days of
        TinyEuroCrops over Austria (L1C)
    orbits : 1 or 2 orbits in the default calendar of L2A; of two, some landscapes see one and some both
    regions : landscapes with their own weather, soil and clouds; coordinate `region` of the series
    cloudiness : mean share of cloudy parcel-dates, 0.01…0.99
    mixed : share of parcels into which a neighbour's reflectance is mixed
    label_noise : share of parcels whose declared crop is another than the one that grows
    hardness : factor on the differences between the fields of a class while they grow: 1 as in the tables of plants
    irrigated : share of the fields of `land.IRRIGATED` crops that are watered and so never lack water
    truth : keep the signal without clouds and noise, the clouds and all events beside the series
    seed : of all chance
    """

    parcels: int = 5000
    year: int = 2018
    level: str = "L2A"
    bands: Sequence[str] | None = None
    crops: Sequence[str] | Mapping[str, float] | None = None
    balance: float = 0.0
    weather: Sequence[int] | None = None
    classes: str = "crops"
    countries: Sequence[str] = ("Austria", "Denmark", "Slovenia")
    dates: npt.ArrayLike | None = None
    orbits: int = 2
    regions: int = 9
    cloudiness: float = 0.5
    mixed: float = 0.15
    label_noise: float = 0.0
    hardness: float = HARDNESS
    irrigated: float = 0.0
    truth: bool = False
    seed: int = 0

    def __post_init__(self) -> None:
        check_season(self.year, self.seed)
        for name in ("parcels", "regions"):
            if getattr(self, name) < 1:
                raise SimulationRefused(f"{getattr(self, name)} {name}; ask for at least one")
        check_share("cloudiness", self.cloudiness, 0.01, 0.99)
        check_share("mixed", self.mixed)
        check_share("label noise", self.label_noise)
        check_share("hardness", self.hardness, 0, 3)
        check_share("balance", self.balance)
        check_share("irrigated share", self.irrigated)
        for year in self.weather or ():
            check_season(year, self.seed)
        if self.orbits not in (1, 2):
            raise SimulationRefused(f"{self.orbits} orbits; use 1 or 2")
        if self.classes not in CLASS_SETS:
            raise SimulationRefused(f"classes {self.classes!r} is unknown; use {' or '.join(CLASS_SETS)}")
        if not self.countries:
            raise SimulationRefused(f"no country is named; choose among {', '.join(climates())}")
        unknown = [name for name in self.countries if name not in climates()]
        if unknown:
            raise SimulationRefused(f"no such country: {some(unknown)}; choose among {', '.join(climates())}")
        checked_bands(self.bands, self.level)
        for region in self.countries:
            class_shares(self.crops, region)

    @property
    def when(self) -> npt.NDArray[np.datetime64]:
        """The acquisition dates, (time,)."""
        new_year = np.datetime64(f"{self.year:04d}-01-01", "D")
        if self.dates is not None:
            return np.unique(np.asarray(self.dates).astype("datetime64[D]"))
        if self.level == "L1C":
            return new_year + TINYEUROCROPS_DAYS
        offset = int(np.random.default_rng([self.seed, self.year, 7]).integers(0, 5))
        return new_year + acquisition_days(0, 364, offset, self.orbits)


def checked_bands(bands: Sequence[str] | None, level: str) -> tuple[str, ...]:
    """Return the names of the bands, by default all that a level has; refuse unknown ones."""
    if level not in LEVELS:
        raise SimulationRefused(f"level {level!r} is unknown; use L1C or L2A")
    if bands is None:
        return tuple(b for b in BAND_NAMES if level == "L1C" or b != "B10")
    unknown = [b for b in bands if b not in BY_NAME]
    if unknown or not bands:
        raise SimulationRefused(f"no such bands: {some(unknown)}; use {', '.join(BAND_NAMES)}")
    return tuple(bands)


def check_season(year: int, seed: int) -> None:
    """Refuse a year whose weather is not known, and a negative seed."""
    first, last = known_years()
    if not first <= year <= last:
        raise SimulationRefused(f"the weather of {year} is not known; use a year from {first} to {last}")
    if seed < 0:
        raise SimulationRefused(f"seed {seed} is negative; use 0 or more")


def check_share(name: str, value: float, low: float = 0.0, high: float = 1.0) -> None:
    """Refuse a number outside a range."""
    if not low <= value <= high:
        raise SimulationRefused(f"{name} {value} is out of range; use {low} to {high}")
