import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from cropxai import crops
from cropxai.crops import CALENDARS, CROPS, ILR, colours, find_crop, hcat_code, stage_on


@pytest.mark.parametrize(
    ("label", "code"),
    [("winter wheat", 3301010101), ("Meadow", 3302000000), ("winter_barley", 3301010401), (3301160000, 3301160000),
     ("Corn", 3301010600), ("Permanent grass crops", 3302000000)],
)  # fmt: skip
def test_labels_of_others_lead_to_hcat_3(label, code):
    assert hcat_code(label) == code


def test_an_unknown_label_has_no_code():
    assert find_crop("Naturschutzflächen") is None
    assert hcat_code("Naturschutzflächen") is None


def test_no_alias_leads_to_two_crops():
    words = [w.replace("_", " ").lower() for c in CROPS for w in {c.label, c.hcat_name, *c.aliases}]
    doubled = {w for w in words if words.count(w) > 1} - {"rice"}
    assert {w for w in doubled if len({c for c in CROPS if w in (c.label, *c.aliases)}) > 1} == set()


def test_every_label_gets_a_colour_of_its_own():
    labels = [c.label for c in CROPS] + ["meadow", "pasture", "Naturschutzflächen"]
    chosen = colours(labels)
    assert len(set(chosen.values())) == len(labels)
    assert all(re.fullmatch("#[0-9a-f]{6}", colour) for colour in chosen.values())


#: Machado, Oliveira & Fernandes 2009, "A physiologically-based model for simulation of color vision deficiency", at
#: severity 1.0: protanopia and deuteranopia, on linear RGB.
VISIONS = {
    "normal": np.eye(3),
    "protanopia": np.array([[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216],
                            [-0.003882, -0.048116, 1.051998]]),
    "deuteranopia": np.array([[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413],
                              [-0.011820, 0.042940, 0.968881]]),
}  # fmt: skip
COMMON = [
    "winter wheat", "winter rye", "winter barley", "spring barley", "grain maize", "silage maize", "potatoes",
    "winter rapeseed", "sunflower", "soybeans", "sugar beet", "grassland", "fallow", "peas", "winter triticale",
    "spring oats", "alfalfa", "clover",
]  # fmt: skip


def cielab(colours, vision):
    """CIELAB (D65) of colours as an eye sees them."""
    rgb = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in colours]) / 255
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    to_xyz = np.array([[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750],
                       [0.0193339, 0.1191920, 0.9503041]])  # fmt: skip
    xyz = np.clip(linear @ vision.T, 0, 1) @ to_xyz.T / to_xyz.sum(axis=1)
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)


@pytest.mark.parametrize("vision", VISIONS)
@pytest.mark.parametrize(("labels", "least"), [(COMMON, 15), ([c.label for c in CROPS], 9)])
def test_colours_are_told_apart_by_every_common_kind_of_vision(vision, labels, least):
    lab = cielab([find_crop(label).colour for label in labels], VISIONS[vision])
    distance = np.linalg.norm(lab[:, None] - lab, axis=2)
    assert distance[np.triu_indices(len(labels), 1)].min() >= least


@pytest.mark.parametrize(
    ("crop", "date", "stage"),
    [
        ("winter wheat", "2018-06-05", "flowering (BBCH 65)"),
        ("winter wheat", "2018-07-05", "between flowering and harvest"),
        ("winter wheat", "2018-04-01", "before flowering"),
        ("winter wheat", "2018-10-01", "after harvest"),
        ("Mais", "2018-05-01", None),
        ("corn", "2018-05-01", "sowing (BBCH 00)"),
        ("corn", "2020-05-15", "emergence (BBCH 09)"),
        ("silage maize", np.datetime64("2018-09-20"), "harvest (BBCH 99)"),
        ("sugar beet", "2018-04-05", "sowing (BBCH 00)"),
        ("winter rapeseed", "2018-05-01", "flowering (BBCH 65)"),
        ("winter barley", "2018-07-10", "harvest (BBCH 99)"),
        ("sugar beet", "2018-06-10", "canopy closure (BBCH 39)"),
        ("winter rye", "2018-07-10", None),
        ("grassland", "2018-05-01", None),
    ],
)
def test_growth_stages_follow_the_calendars(crop, date, stage):
    assert stage_on(crop, date) == stage


#: Means by station of days of sowing and harvest of the observers of Deutscher Wetterdienst, as ILR Bonn compiled them.
STATION_MEANS = {
    ("winter wheat", "harvest"): (214, 213, 208, 212, 213, 218, 218, 222, 215, 223),
    ("winter barley", "harvest"): (192, 188, 184, 190, 192, 197, 199, 201, 193, 199),
    ("spring barley", "sowing"): (83, 89, 89, 102, 77),
    ("spring barley", "harvest"): (213, 221, 222, 232, 195),
    ("grain maize", "harvest"): (271, 266, 276, 284, 278, 277, 282, 288, 275),
    ("silage maize", "harvest"): (263, 262, 272, 263, 261, 265, 263, 263, 263, 272),
    ("winter rapeseed", "harvest"): (202, 200, 199, 204, 201, 211, 211, 211, 202, 207),
    ("sugar beet", "sowing"): (93, 98, 92, 95, 93),
    ("sugar beet", "harvest"): (288, 293, 290, 279, 299),
}


@pytest.mark.parametrize(("crop", "stage"), STATION_MEANS)
def test_days_of_observers_span_their_stations(crop, stage):
    (event,) = (e for e in CALENDARS[crop] if e.name == stage)
    means = STATION_MEANS[crop, stage]
    assert (event.first, event.last, event.source) == (min(means), max(means), ILR)


def test_every_typical_date_names_its_source():
    told = Path(crops.__file__).read_text(encoding="utf-8")
    for event in (e for events in CALENDARS.values() for e in events):
        assert event.region and f"{event.source}: " in told


def test_calendars_are_of_known_crops_and_in_order():
    assert set(CALENDARS) <= {c.label for c in CROPS}
    for events in CALENDARS.values():
        assert [e.bbch for e in events] == sorted(e.bbch for e in events)
        assert all(1 <= e.first <= e.last <= 365 for e in events)
        assert all(a.last <= b.first for a, b in pairwise(events))
