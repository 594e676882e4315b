"""The crop catalogue: HCAT codes, names and map colours, and how the labels of others lead to them.

Codes and names are those of HCAT 3, the Hierarchical Crop and Agriculture Taxonomy of EuroCrops
(Schneider et al. 2023, Scientific Data 10:612; hcat_core/HCAT3.csv of the EuroCrops repository).
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Crop:
    """A crop: its label in plain words, HCAT 3 code and name, map colour (hex), and labels that others use for it."""

    label: str
    hcat_code: int
    hcat_name: str
    colour: str
    aliases: tuple[str, ...] = ()


CROPS: tuple[Crop, ...] = (
    Crop("winter wheat", 3301010101, "winter_common_soft_wheat", "#c9a227", ("winter common wheat", "winterweizen")),
    Crop("spring wheat", 3301010102, "spring_common_soft_wheat", "#e0c568", ("summer wheat",)),
    Crop("winter rye", 3301010301, "winter_rye", "#a08b5b", ("rye",)),
    Crop("winter barley", 3301010401, "winter_barley", "#e8d44d", ("wintergerste",)),
    Crop("spring barley", 3301010402, "spring_barley", "#f3e79b", ("summer barley",)),
    Crop("spring oats", 3301010502, "spring_oats", "#d8cfa0", ("oats", "summer oats")),
    Crop("grain maize", 3301010600, "grain_maize_corn_popcorn", "#e07b28", ("maize", "corn")),
    Crop("silage maize", 3301090400, "green_silo_maize", "#f2a65a", ("green maize",)),
    Crop("rice", 3301010700, "rice", "#35b2b8"),
    Crop("winter triticale", 3301010801, "winter_triticale", "#b59f3b", ("triticale",)),
    Crop("winter spelt", 3301011001, "winter_spelt", "#8f7a1f", ("spelt",)),
    Crop("peas", 3301020600, "peas", "#7fb77e"),
    Crop("beans", 3301020100, "beans", "#5f9e6e"),
    Crop("other leguminous crops", 3301020000, "legumes_dried_pulses_protein_crops", "#9ccf9a"),
    Crop("potatoes", 3301030000, "potatoes", "#8c5a2b", ("potato",)),
    Crop("cotton", 3301060300, "cotton", "#d94f70"),
    Crop("winter rapeseed", 3301060401, "winter_rapeseed_rape", "#f7f01e", ("winter rape", "rape", "rapeseed")),
    Crop("sunflower", 3301060500, "sunflower", "#ffb000"),
    Crop("soybeans", 3301160000, "soy_soybeans", "#2f7d32", ("soybean", "soy")),
    Crop("sugar beet", 3301290700, "sugar_beet", "#a23b72", ("beet",)),
    Crop("cabbage", 3301210200, "brassica_oleracea_cabbage", "#6a994e", ("cabbages", "cabages")),
    Crop("temporary grass", 3301090100, "temporary_grass", "#a6d96a", ("arable grass", "temporary grass crops")),
    Crop("clover", 3301090303, "clover", "#1b9e77", ("clover grass",)),
    Crop("alfalfa", 3301090301, "alfalfa_lucerne", "#41ae76", ("lucerne",)),
    Crop("fallow", 3301110000, "fallow_land_not_crop", "#b0a89f", ("arable set-aside", "set-aside")),
    Crop(
        "grassland",
        3302000000,
        "pasture_meadow_grassland_grass",
        "#4d9221",
        ("meadow", "pasture", "mown pasture", "permanent grass crops", "permanent grassland"),
    ),
    Crop("vineyards", 3303060000, "vineyards_wine_vine_rebland_grapes", "#7b3294", ("vineyard",)),
    Crop("other", 3399000000, "not_known_and_other", "#808080", ("others", "unknown")),
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
