"""The arable crops that can be simulated, as one table.

Days of sowing and harvest of wheat, winter and spring barley, rapeseed, maize and sugar beet are means of phenological
observers of Deutscher Wetterdienst around Freising (seeding and harvest days compiled by ILR Bonn). Base temperatures
and day lengths follow the WOFOST crop files (de Wit et al., crop parameters for WOFOST). All else, also every spread,
is an agronomic reference value set by hand (docs/simulator.md says how it compares with calendars and real series).
"""

from dataclasses import replace

from cropxai.simulate.development import Clock
from cropxai.simulate.plants import Arable, Flower, Traits

#: Cereals and rape: base 0 °C; no development before flowering below 6 h of daylight, all of it from 14.5 h on.
COLD = Clock(base=0.0, top=28.0, light=(6.0, 14.5), adaptation=0.3)
SPRING_SOWN = Clock(base=0.0, top=30.0, adaptation=0.4)
COOL = Clock(base=3.0, top=30.0, adaptation=0.6)
WARM = Clock(base=7.0, top=32.0, adaptation=0.8)

_CEREAL = Traits(chlorophyll=(46, 8), water=(0.025, 0.006), dry=(0.0052, 0.001), angle=(63, 7), cover=(0.91, 0.05))
_BARLEY = replace(_CEREAL, chlorophyll=(43, 8), angle=(56, 8))
_MAIZE = Traits((52, 8), (0.022, 0.005), (0.0054, 0.001), (57, 7), (1.5, 0.12), (0.92, 0.07))
_BROAD = Traits((44, 8), (0.024, 0.006), (0.0042, 0.001), (42, 8), (1.55, 0.13), (0.93, 0.06))
_BEET = Traits((47, 8), (0.034, 0.007), (0.0045, 0.001), (41, 8), (1.5, 0.12), (0.94, 0.05))
_RAPE = Traits((44, 8), (0.038, 0.008), (0.005, 0.001), (54, 8), (1.6, 0.13))
_TALL = Traits((45, 8), (0.021, 0.005), (0.0055, 0.0012), (50, 9), (1.6, 0.13), (0.95, 0.05))
_BEDS = Traits((45, 9), (0.028, 0.007), (0.0042, 0.001), (45, 10), (1.5, 0.13), (0.82, 0.12))

_WHEAT = Arable(
    "winter wheat",
    (-84, -64, 108, 156, 166, 178, 202, 212),
    COLD,
    9,
    (4.1, 1.0),
    winter_lai=0.22,
    closing=0.23,
    traits=_CEREAL,
)
_SPRING_WHEAT = Arable(
    "spring wheat", (80, 98, 136, 166, 175, 186, 208, 218), SPRING_SOWN, 10, (3.9, 1.0), closing=0.17, traits=_CEREAL
)
_BEET_CROP = Arable(
    "sugar beet", (93, 112, 152, 182, 215, 250, 275, 288), COOL, 9, (4.4, 0.9), green_left=0.78, brown_left=0.1,
    residue=0.25, regrowth=0.1, open_rows=0.5, campaign=16, traits=_BEET,
)  # fmt: skip
_CABBAGE = Arable(
    "cabbage", (125, 128, 160, 185, 205, 238, 248, 258), COOL, 20, (3.4, 0.9), green_left=0.85, brown_left=0.05,
    residue=0.25, regrowth=0.4, open_rows=0.4, campaign=25, traits=_BEDS,
)  # fmt: skip

ARABLE: tuple[Arable, ...] = (
    # --- cereals
    _WHEAT,
    replace(_WHEAT, name="winter spelt", days=(-82, -62, 112, 161, 170, 183, 207, 217), lai=(4.0, 1.0),
            traits=replace(_CEREAL, chlorophyll=(42, 8))),
    replace(_WHEAT, name="winter durum wheat", days=(-78, -57, 110, 155, 165, 176, 199, 209), lai=(3.9, 1.0)),
    replace(_WHEAT, name="winter rye", days=(-94, -80, 104, 140, 156, 174, 202, 212), lai=(4.1, 1.0), winter_lai=0.36,
            brown_left=0.65, traits=replace(_CEREAL, chlorophyll=(42, 8), dry=(0.0056, 0.0011), angle=(63, 7))),
    replace(_WHEAT, name="winter triticale", days=(-88, -72, 106, 148, 160, 176, 203, 213), lai=(4.3, 1.0),
            winter_lai=0.3, brown_left=0.6, traits=replace(_CEREAL, chlorophyll=(44, 8), dry=(0.0052, 0.0011))),
    replace(_WHEAT, name="winter barley", days=(-101, -87, 102, 138, 147, 158, 176, 190), spread=8, lai=(3.9, 1.0),
            winter_lai=0.42, traits=_BARLEY),
    replace(_WHEAT, name="winter oats", days=(-95, -81, 112, 158, 168, 180, 200, 209), lai=(4.2, 1.0), winter_lai=0.6,
            traits=replace(_CEREAL, chlorophyll=(42, 8), water=(0.028, 0.006))),
    _SPRING_WHEAT,
    replace(_SPRING_WHEAT, name="spring durum wheat", days=(78, 97, 134, 163, 172, 183, 205, 215), lai=(3.6, 0.9)),
    replace(_SPRING_WHEAT, name="spring barley", days=(83, 99, 134, 163, 171, 182, 203, 213), lai=(3.9, 0.9),
            traits=_BARLEY),
    replace(_SPRING_WHEAT, name="spring oats", days=(80, 98, 136, 168, 176, 188, 208, 218), lai=(4.1, 1.0),
            traits=replace(_CEREAL, chlorophyll=(42, 8), water=(0.028, 0.006))),
    replace(_SPRING_WHEAT, name="spring triticale", days=(80, 98, 136, 165, 174, 187, 211, 220), lai=(4.0, 1.0)),
    Arable("millet", (135, 146, 180, 208, 222, 240, 256, 266), WARM, 10, (3.6, 0.9), residue=0.55, open_rows=0.25,
           traits=_MAIZE),
    Arable("buckwheat", (140, 149, 170, 182, 215, 236, 252, 262), WARM, 14, (3.2, 0.9), residue=0.3,
           flower=Flower("white", 0.16), traits=_BROAD),
    Arable("meslin", (-80, -62, 108, 154, 166, 178, 203, 213), COLD, 12, (4.1, 1.0), winter_lai=0.5, brown_left=0.6,
           traits=_CEREAL),
    Arable("grain maize", (113, 131, 172, 205, 217, 247, 268, 277), WARM, 9, (4.4, 0.9), green_left=0.12,
           brown_left=0.6, residue=0.65, regrowth=0.1, closing=0.16, open_rows=0.45, traits=_MAIZE),
    Arable("silage maize", (117, 134, 174, 208, 219, 247, 256, 262), WARM, 10, (4.6, 0.9), green_left=0.7,
           brown_left=0.18, residue=0.2, regrowth=0.15, closing=0.16, open_rows=0.45, traits=_MAIZE),
    # --- oilseeds and legumes
    Arable("winter rapeseed", (-131, -122, 90, 115, 143, 165, 192, 204), COLD, 8, (4.6, 1.0), winter_lai=0.9,
           closing=0.4, brown_left=0.6, regrowth=0.9, flower=Flower("yellow", 0.25), traits=_RAPE),
    Arable("sunflower", (105, 121, 162, 196, 212, 232, 255, 268), COOL, 9, (3.4, 0.8), residue=0.3, open_rows=0.4,
           flower=Flower("yellow", 0.1), traits=replace(_BROAD, angle=(34, 8), cover=(0.91, 0.06))),
    Arable("soybeans", (118, 134, 172, 190, 215, 245, 266, 276), WARM, 9, (4.8, 1.0), residue=0.4, brown_left=0.4,
           open_rows=0.4, traits=replace(_BROAD, chlorophyll=(41, 7), water=(0.016, 0.004), angle=(40, 8))),
    Arable("peas", (84, 104, 140, 160, 174, 186, 200, 210), SPRING_SOWN, 10, (3.7, 0.9), brown_left=0.5, residue=0.4,
           regrowth=0.4, flower=Flower("white", 0.04), traits=replace(_BROAD, chlorophyll=(38, 7), angle=(47, 8))),
    Arable("beans", (80, 104, 142, 160, 184, 202, 222, 233), SPRING_SOWN, 10, (3.8, 0.9), brown_left=0.5, residue=0.35,
           open_rows=0.25, flower=Flower("white", 0.06), traits=_BROAD),
    Arable("other leguminous crops", (92, 110, 146, 168, 188, 202, 218, 228), SPRING_SOWN, 14, (3.4, 1.0),
           residue=0.35, open_rows=0.2, traits=replace(_BROAD, angle=(48, 9))),
    Arable("oil pumpkin", (123, 136, 168, 184, 207, 230, 248, 258), WARM, 8, (3.2, 0.8), brown_left=0.3, residue=0.25,
           open_rows=0.65, flower=Flower("yellow", 0.03), traits=replace(_BROAD, angle=(29, 7), cover=(0.88, 0.08))),
    Arable("poppy", (85, 104, 146, 172, 182, 196, 212, 222), SPRING_SOWN, 12, (3.1, 0.8), winter_lai=0.0, residue=0.3,
           flower=Flower("white", 0.2), traits=replace(_BROAD, chlorophyll=(40, 7))),
    Arable("mustard", (92, 104, 136, 158, 180, 198, 216, 226), SPRING_SOWN, 14, (3.4, 0.9), residue=0.4, regrowth=0.6,
           flower=Flower("yellow", 0.32), traits=_RAPE),
    Arable("flax", (93, 107, 140, 168, 182, 196, 210, 220), SPRING_SOWN, 10, (3.0, 0.8), residue=0.35,
           traits=replace(_TALL, angle=(58, 7), chlorophyll=(38, 7))),
    # --- roots, industrial crops, vegetables
    Arable("potatoes", (108, 137, 160, 180, 200, 222, 246, 261), COOL, 11, (4.0, 1.0), green_left=0.12, brown_left=0.3,
           residue=0.15, regrowth=0.2, open_rows=0.4, flower=Flower("white", 0.04), traits=_BROAD),
    Arable("early potatoes", (98, 124, 148, 164, 174, 183, 189, 193), COOL, 12, (3.6, 0.9), green_left=0.6,
           brown_left=0.1, residue=0.1, regrowth=0.5, open_rows=0.4, campaign=10, traits=_BROAD),
    _BEET_CROP,
    replace(_BEET_CROP, name="fodder roots", days=(102, 120, 160, 190, 220, 254, 276, 290), lai=(4.0, 1.0), campaign=22,
            spread=14),
    Arable("hemp", (115, 126, 158, 203, 218, 236, 250, 259), COOL, 10, (4.6, 1.0), brown_left=0.5, residue=0.35,
           traits=replace(_TALL, chlorophyll=(49, 8))),
    Arable("tobacco", (137, 140, 170, 200, 215, 232, 245, 252), WARM, 10, (3.6, 0.8), green_left=0.4, brown_left=0.2,
           residue=0.2, open_rows=0.5, traits=replace(_BROAD, angle=(36, 8))),
    Arable("herbs", (100, 116, 150, 176, 200, 214, 230, 240), COOL, 20, (3.0, 1.0), green_left=0.5, brown_left=0.25,
           residue=0.2, regrowth=0.8, open_rows=0.3, flower=Flower("white", 0.08), traits=_BEDS),
    Arable("caraway", (-130, -118, 95, 138, 160, 172, 188, 198), COLD, 14, (3.0, 0.8), winter_lai=0.8, residue=0.3,
           flower=Flower("white", 0.15), traits=replace(_TALL, angle=(55, 8))),
    _CABBAGE,
    replace(_CABBAGE, name="onions", days=(80, 104, 150, 182, 200, 214, 230, 242), spread=10, lai=(2.4, 0.7),
            green_left=0.15, brown_left=0.3, campaign=0, traits=replace(_BEDS, angle=(68, 7), chlorophyll=(44, 8))),
    replace(_CABBAGE, name="carrots", days=(95, 115, 156, 186, 212, 245, 262, 275), lai=(3.6, 0.9), campaign=22,
            traits=replace(_BEDS, angle=(50, 8))),
    replace(_CABBAGE, name="lettuce", days=(110, 112, 128, 146, 152, 158, 160, 162), spread=26, lai=(2.6, 0.7),
            regrowth=1.4, residue=0.1, campaign=24),
    replace(_CABBAGE, name="spinach", days=(75, 90, 112, 128, 134, 138, 141, 143), spread=14, lai=(3.2, 0.8),
            regrowth=1.2, residue=0.1, campaign=10, traits=replace(_BEDS, cover=(0.93, 0.06))),
    replace(_CABBAGE, name="cucurbits", days=(135, 142, 172, 190, 215, 240, 255, 262), clock=WARM, spread=12,
            lai=(2.8, 0.8), green_left=0.3, brown_left=0.2, campaign=14,
            traits=replace(_BEDS, angle=(30, 8), cover=(0.8, 0.12))),
    Arable("flowers", (112, 126, 160, 192, 232, 250, 268, 285), COOL, 20, (2.6, 0.8), green_left=0.4, brown_left=0.3,
           residue=0.2, open_rows=0.3, flower=Flower("yellow", 0.12), traits=_BEDS),
    # --- harvested green, seeds
    Arable("green rye", (-98, -84, 102, 130, 134, 137, 139, 141), COLD, 8, (3.9, 0.9), winter_lai=0.8, green_left=0.85,
           brown_left=0.1, residue=0.2, regrowth=2.2, campaign=7, traits=_CEREAL),
    Arable("sorghum", (136, 148, 182, 214, 226, 246, 258, 266), WARM, 11, (4.4, 1.0), green_left=0.6, brown_left=0.2,
           residue=0.25, open_rows=0.35, traits=_MAIZE),
    Arable("phacelia", (118, 130, 158, 178, 200, 214, 228, 238), COOL, 24, (3.2, 0.9), green_left=0.4, residue=0.25,
           traits=replace(_BROAD, angle=(48, 9))),
    Arable("grass seed", (-140, -128, 96, 148, 160, 172, 190, 199), COLD, 14, (4.0, 1.0), winter_lai=1.6,
           green_left=0.25, brown_left=0.6, residue=0.35, regrowth=1.8, traits=replace(_CEREAL, angle=(62, 7))),
    Arable("miscanthus", (95, 116, 158, 205, 240, 265, 300, 320), COOL, 8, (5.0, 1.2), green_left=0.25, brown_left=0.7,
           residue=0.5, regrowth=0.1, campaign=20, traits=replace(_TALL, angle=(60, 7), dry=(0.0062, 0.0012))),
)  # fmt: skip
