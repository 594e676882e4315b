import re

import pytest

from cropxai.crops import CROPS, colours, find_crop, hcat_code


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
