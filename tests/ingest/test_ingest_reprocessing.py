import datetime as dt
import itertools
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cropxai.errors import CropxaiWarning, ScenesSetAside
from cropxai.ingest.reprocessing import newest_processing
from cropxai.ingest.scenes import Scene


def scene(path, baseline="05.09", datatake="Sentinel-2A 2018-05-07T10:30:21", tile="32UPU", level="L2A"):
    return Scene(path, tile, dt.date(2018, 5, 7), level, {}, baseline=baseline, datatake=datatake)


def test_the_highest_baseline_of_each_acquisition():
    first, second, other = scene("a", "02.06"), scene("b", "05.00"), scene("c", "02.06", tile="32UQU")
    unknown = [scene("d", "", ""), scene("e", "02.06", ""), scene("f", "")]
    with pytest.warns(ScenesSetAside, match=r"1 raster: the same acquisition is there from a later baseline.*\('a'\)"):
        assert newest_processing([first, second, other, *unknown]) == [second, other, *unknown]


def test_what_is_kept_in_peace():
    """Two datastrips, two satellites, two levels, two tiles."""
    scenes = [
        scene("S2A_N0509_1.SAFE"),
        scene("S2A_N0509_2.SAFE"),
        scene("S2B.SAFE", "02.06", "Sentinel-2B 2018-05-07T10:30:21"),
        scene("L1C.SAFE", "02.06", level="L1C"),
        scene("other.SAFE", "02.06", tile="32UQU"),
    ]
    assert newest_processing(scenes) == scenes


def test_folder_and_archive_of_one_product():
    scenes = [scene("/a/P.SAFE"), scene("/b/P.SAFE.zip"), scene("/c/P.zip"), scene("/d/Q.zip")]
    with pytest.warns(ScenesSetAside, match="2 rasters: the same product is there twice, and taken once"):
        assert newest_processing(scenes) == [scenes[0], scenes[3]]


@given(st.lists(st.sampled_from(["02.06", "04.00", "05.09", "05.10", "99.33"]), min_size=1, max_size=6))
def test_order_does_not_matter(baselines):
    scenes = [scene(f"{n}.SAFE", baseline) for n, baseline in enumerate(baselines)]
    kept = set()
    for order in itertools.islice(itertools.permutations(scenes), 24):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CropxaiWarning)
            kept.add(frozenset(s.path for s in newest_processing(order)))
    assert kept == {frozenset(s.path for s in scenes if s.baseline == max(baselines))}
