import numpy as np
import pytest

from cropxai.simulate import Country, SimulationRefused


@pytest.mark.parametrize(
    "arguments, words",
    [
        ({"parcels": 0}, "at least one"),
        ({"year": 1900}, "the weather of 1900 is not known"),
        ({"crops": ["banana"]}, "banana"),
        ({"crops": []}, "at least one crop"),
        ({"crops": {"peas": -1}}, "above zero"),
        ({"bands": ["B99"]}, "B99"),
        ({"level": "L3"}, "L1C or L2A"),
        ({"cloudiness": 1.0}, "cloudiness"),
        ({"label_noise": 2.0}, "label noise"),
        ({"orbits": 3}, "orbits"),
        ({"regions": 0}, "regions"),
        ({"seed": -1}, "seed"),
        ({"hardness": 4}, "hardness"),
        ({"weather": [2018, 1900]}, "the weather of 1900 is not known"),
        ({"countries": ["Atlantis"]}, "Atlantis"),
        ({"countries": []}, "no country is named"),
        ({"classes": "all"}, "classes"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    with pytest.raises(SimulationRefused, match=words):
        Country(**arguments)


def test_dates_by_default_are_passes_of_two_orbits_or_those_of_tinyeurocrops():
    below, above = Country(year=2019).when, Country(year=2019, level="L1C").when
    assert sorted(set(np.diff(below).astype(int))) == [2, 3]
    # The 80 columns of the data set begin 20190106, 20190111, 20190113 and end 20191227.
    assert [str(day) for day in above[[0, 1, 2, -1]]] == ["2019-01-06", "2019-01-11", "2019-01-13", "2019-12-27"]
    assert len(above) == 80
