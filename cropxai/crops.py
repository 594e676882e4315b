"""The crop catalogue: HCAT codes, names, map colours, typical dates, and how the labels of others lead to them.

Codes and names are those of HCAT 3, the Hierarchical Crop and Agriculture Taxonomy of EuroCrops
(Schneider et al. 2023, Scientific Data 10:612; hcat_core/HCAT3.csv of the EuroCrops repository).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

import numpy as np


@dataclass(frozen=True)
class Crop:
    """A crop: its label in plain words, HCAT 3 code and name, map colour (hex), and labels that others use for it."""

    label: str
    hcat_code: int
    hcat_name: str
    colour: str
    aliases: tuple[str, ...] = ()


#: In the order of HCAT within each group. The colours were chosen by a search that keeps near the usual hues (cereals
#: yellow to brown, maize orange, legumes and grass green, roots brown and purple) and keeps any two apart by a CIELAB
#: distance of 9, of 15 among the 18 most common crops, for normal vision, protanopia and deuteranopia (simulated
#: after Machado, Oliveira & Fernandes 2009).
CROPS: tuple[Crop, ...] = (
    Crop("winter wheat", 3301010101, "winter_common_soft_wheat", "#d0904d", ("winter common wheat", "winterweizen")),
    Crop("spring wheat", 3301010102, "spring_common_soft_wheat", "#dcb66c", ("summer wheat",)),
    Crop("winter durum wheat", 3301010201, "winter_durum_hard_wheat", "#a88249", ("durum wheat",)),
    Crop("spring durum wheat", 3301010202, "spring_durum_hard_wheat", "#c09d04"),
    Crop("winter rye", 3301010301, "winter_rye", "#645b3d", ("rye",)),
    Crop("winter barley", 3301010401, "winter_barley", "#e9be05", ("wintergerste",)),
    Crop("spring barley", 3301010402, "spring_barley", "#fbf8ac", ("summer barley",)),
    Crop("spring oats", 3301010502, "spring_oats", "#b5a998", ("oats", "summer oats")),
    Crop("winter oats", 3301010501, "winter_oats", "#424421"),
    Crop("grain maize", 3301010600, "grain_maize_corn_popcorn", "#fba94b", ("maize", "corn")),
    Crop("silage maize", 3301090400, "green_silo_maize", "#ecb287", ("green maize",)),
    Crop("rice", 3301010700, "rice", "#3ebce0"),
    Crop("winter triticale", 3301010801, "winter_triticale", "#a3845d", ("triticale",)),
    Crop("spring triticale", 3301010802, "spring_triticale", "#d7e16c"),
    Crop("winter spelt", 3301011001, "winter_spelt", "#c79a65", ("spelt",)),
    Crop("millet", 3301010900, "millet_sorghum", "#e2caa8", ("sorghum",)),
    Crop("other cereals", 3301019900, "other_cereals", "#864505", ("meslin", "buckwheat")),
    Crop("peas", 3301020600, "peas", "#a8f2c9"),
    Crop("beans", 3301020100, "beans", "#2e9878"),
    Crop("other leguminous crops", 3301020000, "legumes_dried_pulses_protein_crops", "#a9d3be"),
    Crop("potatoes", 3301030000, "potatoes", "#72340c", ("potato",)),
    Crop("fodder roots", 3301050000, "fodder_roots", "#5a08a3"),
    Crop("cotton", 3301060300, "cotton", "#f06a7f"),
    Crop("hops", 3301060200, "hops", "#f0ff86"),
    Crop("winter rapeseed", 3301060401, "winter_rapeseed_rape", "#fbf505", ("winter rape", "rape", "rapeseed")),
    Crop("sunflower", 3301060500, "sunflower", "#cd4705"),
    Crop("other oilseed crops", 3301060800, "oilseed_crops", "#766b36", ("poppy", "mustard", "flax")),
    Crop("hemp", 3301061000, "hemp_cannabis", "#063419"),
    Crop(
        "aromatic plants",
        3301061200,
        "aromatic_medicinal_culinary_plants_spices_herbs",
        "#011dfe",
        ("herbs", "caraway"),
    ),
    Crop("other industrial crops", 3301069900, "other_industrial_crops", "#381438"),
    Crop("vegetables", 3301070000, "fresh_vegetables", "#33252b", ("onions", "carrots", "lettuce", "strawberries")),
    Crop("flowers", 3301080000, "flowers_ornamental_plants", "#a76ea9", ("ornamental plants",)),
    Crop("soybeans", 3301160000, "soy_soybeans", "#054c44", ("soybean", "soy")),
    Crop("sugar beet", 3301290700, "sugar_beet", "#98327d", ("beet",)),
    Crop("cucurbits", 3301140000, "cucurbits", "#4f0808", ("pumpkins", "oil pumpkin")),
    Crop("cabbage", 3301210200, "brassica_oleracea_cabbage", "#ca80ab", ("cabbages", "cabages")),
    Crop("temporary grass", 3301090100, "temporary_grass", "#c7e888", ("arable grass", "temporary grass crops")),
    Crop("clover", 3301090303, "clover", "#52a1dc", ("clover grass",)),
    Crop("alfalfa", 3301090301, "alfalfa_lucerne", "#1c71b8", ("lucerne",)),
    Crop("other green fodder", 3301099900, "other_plants_harvested_green", "#4a695a", ("green rye",)),
    Crop("seed and seedlings", 3301100000, "arable_land_seed_seedlings", "#43215d"),
    Crop("fallow", 3301110000, "fallow_land_not_crop", "#bec7d1", ("arable set-aside", "set-aside")),
    Crop(
        "grassland",
        3302000000,
        "pasture_meadow_grassland_grass",
        "#2e8c1d",
        ("meadow", "pasture", "mown pasture", "permanent grass crops", "permanent grassland"),
    ),
    Crop("vineyards", 3303060000, "vineyards_wine_vine_rebland_grapes", "#5d3491", ("vineyard",)),
    Crop("orchards", 3303010000, "orchards_fruits", "#c63b63", ("fruit", "apples")),
    Crop("berries", 3303020000, "berries_berry_species", "#05013b"),
    Crop("nuts", 3303030000, "nuts", "#f8e85e"),
    Crop("nurseries", 3303070000, "nurseries_nursery", "#110862"),
    Crop("energy crops", 3304010000, "energy_crops", "#2c3fdf", ("miscanthus", "short rotation coppice")),
    Crop("greenhouse", 3305000000, "greenhouse_foil_film", "#5071fa", ("foil tunnels",)),
    Crop("unmaintained", 3308000000, "unmaintained", "#fceef9", ("unmaintained land",)),
    Crop("other", 3399000000, "not_known_and_other", "#757781", ("others", "unknown")),
)


def find_crop(label: object) -> Crop | None:
    """Find the catalogue entry for a label: its own words, an alias, the HCAT name or the HCAT code."""
    return _index().get(_key(label))


def _key(label: object) -> str:
    return " ".join(str(label).replace("_", " ").lower().split())


@cache
def _index() -> dict[str, Crop]:
    return {_key(name): crop for crop in CROPS for name in (crop.label, crop.hcat_name, crop.hcat_code, *crop.aliases)}


def hcat_code(label: object) -> int | None:
    """Return the HCAT 3 code of a label, or None where the catalogue does not know it."""
    crop = find_crop(label)
    return None if crop is None else crop.hcat_code


def colours(labels: Iterable[str]) -> dict[str, str]:
    """Give each label a map colour: the catalogue's where known and not yet taken, else one from a spare palette."""
    chosen: dict[str, str] = {}
    spare = (colour for colour in _SPARE)
    for label in labels:
        crop = find_crop(label)
        if crop is not None and crop.colour not in chosen.values():
            chosen[label] = crop.colour
        else:
            chosen[label] = next(spare, "#999999")
    return chosen


#: Colours for labels without one of their own (ColorBrewer Set3 and Dark2, Brewer 2013).
_SPARE = (
    "#8dd3c7", "#bebada", "#fb8072", "#80b1d3", "#fdb462", "#b3de69", "#fccde5", "#bc80bd", "#ccebc5",
    "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d",
)  # fmt: skip


# --- growth stages -----------------------------------------------------------------------------------------------

#: Sources of the typical dates. WOFOST: the regional cropping calendars in the heads of its crop files (Boons-Prins,
#: de Koning, van Diepen & Penning de Vries 1993, CABO-TT Simulation Reports 32). NRW: state means of the observers of
#: Deutscher Wetterdienst in North Rhine-Westphalia (Klimaatlas NRW, "Aussaat und Auflaufen von Mais und Winterweizen").
#: ILR: days of sowing and harvest of the observers of Deutscher Wetterdienst around climate stations, compiled by the
#: Institute for Food and Resource Economics, Bonn; from the earliest to the latest mean of the stations of Bavaria,
#: Baden, North Rhine-Westphalia and Schleswig that have the crop. STRUBE: means of these observers over Germany,
#: 2001-2022, first and last year (Strube Research, June 2023). RAPE: observations in the field beside 32 355 parcels
#: (d'Andrimont et al. 2020, Remote Sensing of Environment 239, 111660). WINE: mean of thirty years in the Weinviertel
#: (Meteonex, May 2018). SPRING: sowing of spring cereals in eastern Austria (BauernZeitung, 2023 and 2024).
WOFOST, NRW, ILR, STRUBE, RAPE, WINE, SPRING = "WOFOST", "NRW", "ILR", "STRUBE", "RAPE", "WINE", "SPRING"

#: Days by which a field may differ from a typical date and still be at that stage; a choice, not a measurement.
SPREAD_DAYS = 10


@dataclass(frozen=True)
class Event:
    """A growth stage with a date: its BBCH code, its name, first and last typical day of year, region and source."""

    bbch: int
    name: str
    first: int
    last: int
    region: str
    source: str


_MAIZE = (
    Event(0, "sowing", 109, 123, "North Rhine-Westphalia, means of 1991-2020", NRW),
    Event(9, "emergence", 123, 139, "North Rhine-Westphalia, means of 1991-2020", NRW),
    Event(65, "flowering", 207, 207, "Germany", WOFOST),
)
#: Typical dates by crop, in their order in the year of harvest; crops for which no source was found have none, and what
#: is sown in autumn has no sowing, because then another crop stands in the field's year.
CALENDARS: dict[str, tuple[Event, ...]] = {
    "winter wheat": (
        Event(65, "flowering", 145, 166, "Germany, Benelux, northern France", WOFOST),
        Event(99, "harvest", 208, 223, "Germany, ten stations", ILR),
    ),
    "spring durum wheat": (Event(0, "sowing", 51, 59, "eastern Austria", SPRING),),
    "winter barley": (Event(99, "harvest", 184, 201, "Germany, ten stations", ILR),),
    "spring barley": (
        Event(0, "sowing", 77, 102, "Germany, five stations", ILR),
        Event(99, "harvest", 195, 232, "Germany, five stations", ILR),
    ),
    "grain maize": (*_MAIZE, Event(99, "harvest", 266, 288, "Germany, nine stations", ILR)),
    "silage maize": (*_MAIZE, Event(99, "harvest", 261, 272, "Germany, ten stations", ILR)),
    "beans": (Event(0, "sowing", 85, 85, "Germany", WOFOST),),
    "potatoes": (Event(0, "planting", 105, 105, "Germany, Benelux, northern France", WOFOST),),
    "winter rapeseed": (
        Event(65, "flowering", 111, 139, "Germany in 2018", RAPE),
        Event(99, "harvest", 199, 211, "Germany, ten stations", ILR),
    ),
    "sunflower": (
        Event(0, "sowing", 95, 95, "France", WOFOST),
        Event(65, "flowering", 191, 191, "France", WOFOST),
        Event(89, "maturity", 253, 253, "France", WOFOST),
    ),
    "soybeans": (
        Event(0, "sowing", 118, 118, "northern France", WOFOST),
        Event(65, "flowering", 176, 176, "northern France", WOFOST),
        Event(99, "harvest", 268, 268, "northern France", WOFOST),
    ),
    "sugar beet": (
        Event(0, "sowing", 92, 98, "Germany, five stations", ILR),
        Event(39, "canopy closure", 155, 173, "Germany", STRUBE),
        Event(99, "harvest", 279, 299, "Germany, five stations", ILR),
    ),
    "vineyards": (Event(65, "flowering", 145, 156, "Lower Austria", WINE),),
}


def stage_on(label: object, date: object) -> str | None:
    """Return the growth stage in which a crop typically is on a date in Central Europe, in words.

    Within `SPREAD_DAYS` of a typical date it is that stage ("flowering (BBCH 65)"), else the stretch between two
    ("between flowering and maturity", "before sowing"); None for crops without a calendar. A typical date is not that
    of a field or a year.
    """
    crop = find_crop(label)
    events = CALENDARS.get(crop.label, ()) if crop is not None else ()
    if not events:
        return None
    moment = np.datetime64(str(date)[:10], "D")
    day = int((moment - moment.astype("datetime64[Y]").astype("datetime64[D]")).astype(int)) + 1
    away = {event: max(event.first - day, day - event.last, 0) for event in events}
    nearest = min(events, key=lambda event: away[event])
    if away[nearest] <= SPREAD_DAYS:
        return f"{nearest.name} (BBCH {nearest.bbch:02d})"
    past = [event for event in events if event.last < day]
    coming = [event for event in events if event.first > day]
    if not past:
        return f"before {coming[0].name}"
    return f"between {past[-1].name} and {coming[0].name}" if coming else f"after {past[-1].name}"
