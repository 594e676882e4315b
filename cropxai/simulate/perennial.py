"""Grass, fallow, shrubs and trees that can be simulated, as tables; values set by hand, as in `arable`.

First cuts follow the mowing dates seen by satellites over Germany, where most meadows are first cut between early May
and late June and intensive ones four to six times (Schwieder et al. 2022, doi 10.1016/j.rse.2021.112795).
"""

from dataclasses import replace

from cropxai.simulate.plants import Flower, Sward, Traits, Woody

_GRASS = Traits((46, 9), (0.0165, 0.004), (0.0055, 0.0013), (58, 8), (1.6, 0.15), (0.97, 0.03))
_LEY = replace(_GRASS, chlorophyll=(49, 8), dry=(0.0048, 0.001))
_CLOVER = replace(_GRASS, chlorophyll=(45, 8), angle=(47, 8), dry=(0.0045, 0.001))
_WHITE = Flower("white", 0.04)
_CUTS = {1: 178, 2: 160, 3: 143, 4: 133, 5: 126}

SWARDS: tuple[Sward, ...] = (
    Sward("meadow", (4.3, 1.2), (1.1, 0.6), (1, 2, 2, 3, 3, 4, 5), _CUTS, 0.27, traits=_GRASS),
    Sward("pasture", (3.4, 1.0), (1.0, 0.6), (0, 0, 0, 1, 2), _CUTS, 0.3, grazed=0.85, traits=_GRASS),
    Sward("extensive meadow", (3.3, 1.0), (1.1, 0.6), (1, 1, 2, 2), {1: 188, 2: 172}, 0.3,
          flower=Flower("yellow", 0.03), traits=replace(_GRASS, chlorophyll=(34, 8))),
    Sward("temporary grass", (4.5, 1.1), (1.5, 0.8), (2, 3, 4, 4, 5), {2: 152, 3: 141, 4: 131, 5: 124}, 0.15,
          traits=_LEY),
    Sward("clover", (4.4, 1.1), (0.9, 0.5), (2, 3, 3, 4), {2: 156, 3: 143, 4: 132}, 0.2, flower=_WHITE,
          traits=_CLOVER),
    Sward("alfalfa", (4.3, 0.9), (0.8, 0.5), (3, 4, 4, 5), {3: 146, 4: 137, 5: 131}, 0.13,
          traits=replace(_GRASS, chlorophyll=(47, 8), angle=(50, 8), dry=(0.0046, 0.001))),
    Sward("fallow", (2.4, 1.0), (0.9, 0.6), (0, 0, 1, 1, 2), {1: 208, 2: 180}, 0.38, flower=Flower("yellow", 0.05),
          traits=replace(_GRASS, chlorophyll=(34, 9), cover=(0.9, 0.09))),
    Sward("flower strip", (2.8, 0.9), (0.6, 0.4), (0, 1), {1: 225}, 0.25, flower=Flower("yellow", 0.15),
          traits=replace(_GRASS, chlorophyll=(38, 9), angle=(50, 9), cover=(0.9, 0.08))),
    Sward("unmaintained", (2.6, 1.0), (1.0, 0.6), (0,), {}, 0.48, traits=replace(_GRASS, chlorophyll=(32, 8))),
    Sward("strawberries", (2.6, 0.8), (1.1, 0.5), (0, 1), {1: 190}, 0.15, flower=Flower("white", 0.05),
          traits=replace(_GRASS, chlorophyll=(46, 8), angle=(40, 8), cover=(0.68, 0.14))),
    Sward("lawn", (2.8, 0.7), (1.6, 0.6), (5,), {5: 118}, 0.12, grazed=0.5, traits=_GRASS),
    Sward("new temporary grass", (3.9, 1.1), (0.5, 0.35), (2, 3, 3, 4), {2: 163, 3: 151, 4: 140}, 0.1,
          traits=replace(_LEY, cover=(0.92, 0.06))),
    Sward("last temporary grass", (4.3, 1.1), (1.4, 0.8), (2, 3, 3), {2: 150, 3: 139}, 0.2, ploughed=(250, 22),
          traits=_LEY),
    Sward("new clover", (3.9, 1.1), (0.35, 0.25), (2, 3, 3), {2: 166, 3: 152}, 0.1, flower=_WHITE,
          traits=replace(_CLOVER, cover=(0.92, 0.06))),
    Sward("last clover", (4.2, 1.1), (0.9, 0.5), (2, 2, 3), {2: 154, 3: 141}, 0.22, flower=_WHITE, ploughed=(252, 20),
          traits=_CLOVER),
    Sward("rotational fallow", (2.3, 0.9), (0.45, 0.4), (0, 1, 1), {1: 190}, 0.35, flower=Flower("yellow", 0.05),
          ploughed=(238, 20), traits=replace(_GRASS, chlorophyll=(36, 9), cover=(0.85, 0.1))),
)  # fmt: skip

_LEAF = Traits((45, 9), (0.013, 0.003), (0.0065, 0.0014), (48, 8), (1.6, 0.14), (1.0, 0.0))
#: Glass and foil stand as long as the plants below are there.
_ALWAYS = (10, 60, 90, 120, 300, 350)

WOODY: tuple[Woody, ...] = (
    Woody("vineyards", (112, 165, 163, 172, 270, 305), (2.2, 0.6), (0.34, 0.1), (0.8, 0.6), wood=0.12, traits=_LEAF),
    Woody("orchards", (98, 140, 107, 119, 285, 312), (3.2, 0.8), (0.45, 0.14), (2.0, 0.8), wood=0.35,
          flower=Flower("white", 0.12), traits=_LEAF),
    Woody("berries", (85, 135, 110, 125, 270, 305), (2.6, 0.8), (0.42, 0.14), (1.0, 0.7), wood=0.3, traits=_LEAF),
    Woody("elder", (92, 140, 150, 165, 270, 305), (3.0, 0.8), (0.5, 0.15), (1.6, 0.7), wood=0.3,
          flower=Flower("white", 0.15), traits=_LEAF),
    Woody("nuts", (118, 158, 120, 128, 278, 300), (3.2, 0.9), (0.36, 0.16), (2.0, 0.8), wood=0.35, traits=_LEAF),
    Woody("nurseries", (100, 145, 115, 130, 280, 310), (2.4, 0.9), (0.38, 0.16), (0.7, 0.6), wood=0.3, traits=_LEAF),
    Woody("conifers", (0, 10, 20, 30, 340, 360), (2.6, 0.8), (0.42, 0.16), (1.2, 0.8), wood=0.2,
          traits=replace(_LEAF, chlorophyll=(50, 8), dry=(0.011, 0.002), structure=(1.8, 0.15))),
    Woody("short rotation coppice", (100, 150, 90, 98, 285, 310), (4.2, 1.0), (0.8, 0.14), (0.9, 0.6), wood=0.6,
          traits=_LEAF),
    Woody("hops", (108, 182, 190, 205, 243, 246), (4.6, 0.9), (0.6, 0.12), (0.5, 0.4), wood=0.05, traits=_LEAF),
    Woody("greenhouse", _ALWAYS, (2.5, 1.0), (0.5, 0.2), (0.3, 0.3), wood=0.0, foil=0.72, traits=_LEAF),
    Woody("foil tunnels", _ALWAYS, (2.5, 1.0), (0.5, 0.2), (0.6, 0.5), wood=0.0, foil=0.42, traits=_LEAF),
)  # fmt: skip
