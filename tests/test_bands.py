import pytest

from cropxai.bands import BANDS, COMMON_BANDS, GROUPS, SCL_CLASSES, SCL_MASKED, band_name, group_of


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("B2", "B02"),
        ("b02", "B02"),
        ("band_2", "B02"),
        ("Band 12", "B12"),
        ("B8A", "B8A"),
        ("b8a", "B8A"),
        ("B10", "B10"),
    ],
)
def test_names_of_files_lead_to_esa_names(text, name):
    assert band_name(text) == name


@pytest.mark.parametrize("text", ["SCL", "B13", "B0", "NDVI", "", "B8B", "xB02"])
def test_other_names_are_no_band(text):
    assert band_name(text) is None


def test_the_table_is_that_of_the_instrument():
    assert len(BANDS) == 13
    assert [b.resolution for b in BANDS].count(10) == 4  # B02 B03 B04 B08
    assert {group_of(b.name) for b in BANDS} == set(GROUPS)
    assert set(COMMON_BANDS) == {b.name for b in BANDS} - {"B01", "B09", "B10"}
    assert set(SCL_MASKED) <= set(SCL_CLASSES)
