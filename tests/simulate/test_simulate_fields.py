import numpy as np
import pytest

from cropxai.crops import CROPS
from cropxai.simulate.classes import classes, draw_plants, tinyeurocrops_label
from cropxai.simulate.development import ELONGATION, EMERGENCE, EVENTS, MATURITY, SENESCENCE, SOWING
from cropxai.simulate.fields import CUT, PLANTS, ROWS, SOWN, draw_fields
from cropxai.simulate.perennial import SWARDS
from cropxai.simulate.phenology import States, states
from cropxai.simulate.plants import MOST_CUTS, NEVER, Arable
from cropxai.simulate.weather import climates, draw_place, draw_weather

DAYS = np.arange(0, 365, 3)


def weather_of(year=2018, region="Bavaria", places=3):
    return draw_weather([draw_place(region, np.random.default_rng(s)) for s in range(places)], year, 1)


WEATHER = weather_of()


def fields_of(plant, n=300, seed=1, hardness=1.0):
    rng = np.random.default_rng(seed)
    return draw_fields(["any"] * n, [plant] * n, rng.integers(0, 3, n), WEATHER, rng, hardness)


def test_classes_are_those_of_the_catalogue_and_44_in_tinyeurocrops():
    assert set(classes()) <= {crop.label for crop in CROPS}
    assert len({one.code for one in classes().values()}) == 44
    assert len({tinyeurocrops_label(label) for label in classes()}) == 44
    assert tinyeurocrops_label("silage maize") == "grain maize"
    for region in climates():
        assert min(one.shares[region] for one in classes().values()) > 0


def test_all_plants_are_grown_and_all_that_grows_is_a_plant():
    grown = {plant for one in classes().values() for plant in one.plants}
    assert grown <= set(PLANTS)
    assert set(PLANTS) - grown <= {"other leguminous crops"}
    labels = np.array(["vegetables"] * 4000, object)
    drawn = draw_plants(labels, np.random.default_rng(1))
    counts = {plant: (drawn == plant).mean() for plant in set(drawn)}
    weights = classes()["vegetables"].plants
    for plant, share in counts.items():
        assert share == pytest.approx(weights[plant] / sum(weights.values()), abs=0.03)


@pytest.mark.parametrize("plant", PLANTS.values(), ids=lambda plant: plant.name)
def test_events_come_in_order_and_states_keep_their_ranges(plant):
    fields = fields_of(plant.name, 80)
    if isinstance(plant, Arable):
        assert fields.events.shape == (80, len(EVENTS))
        assert (np.diff(fields.events, axis=1) > 0).all()
    state = states(fields, DAYS, WEATHER)
    for name in ("cover", "flower", "residue", "wetness", "ripeness", "snow"):
        share = getattr(state, name)
        assert share.min() >= 0
        assert share.max() <= 1
    for name in ("green_lai", "brown_lai"):
        area = getattr(state, name)
        assert area.min() >= 0
        assert area.max() < 11
    assert all(np.isfinite(getattr(state, name)).all() for name in States.__annotations__)


@pytest.mark.parametrize("plant", SWARDS, ids=lambda plant: plant.name)
def test_grass_is_cut_as_often_as_its_table_says(plant):
    fields = fields_of(plant.name)
    counts = (fields.cuts < NEVER).sum(axis=1)
    assert (fields.kind == CUT).all()
    assert set(counts) == set(plant.cuts)
    assert max(plant.cuts) <= MOST_CUTS


def test_a_cut_takes_most_of_the_leaf_area_and_it_grows_back():
    fields = fields_of("alfalfa").take([0])
    day = float(np.round(fields.cuts[0, 0]))
    green = states(fields, [day - 1, day + 1, day + 25], WEATHER).green_lai[0]
    assert green[1] < 0.4 * green[0]
    assert green[2] > 2 * green[1]


def test_nothing_of_a_sown_crop_is_left_after_harvest_but_what_grows_then():
    fields = fields_of("winter wheat")
    harvest = fields.events[:, -1]
    for field in range(0, 300, 30):
        one = fields.take([field])
        after = states(one, [harvest[field] + 4], WEATHER)
        assert after.green_lai[0, 0] < 0.3
        assert after.brown_lai[0, 0] < 0.05


def test_only_what_has_petals_blooms_and_rape_does_in_april_and_may():
    bloom = {name: states(fields_of(name, 60), DAYS, WEATHER).flower.mean(axis=0) for name in PLANTS}
    assert {name for name, cover in bloom.items() if cover.max() > 0} == {
        name for name, plant in PLANTS.items() if plant.flower is not None
    }
    peak = DAYS[int(np.argmax(bloom["winter rapeseed"]))]
    assert 100 < peak < 145


def test_woods_put_out_leaves_in_spring_and_lose_them_in_autumn():
    fields = fields_of("short rotation coppice")
    assert (fields.kind == ROWS).all()
    order = fields.events[:, [EMERGENCE, ELONGATION, SENESCENCE, MATURITY]]
    assert (np.diff(order, axis=1) > 0).all()
    green = states(fields, [60, 180, 340], WEATHER).green_lai.mean(axis=0)
    assert green[1] > 2 * max(green[0], green[2])


def test_conifers_stay_green():
    green = states(fields_of("conifers"), [20, 180, 340], WEATHER).green_lai.mean(axis=0)
    assert green.min() > 0.5 * green.max()


def test_hardness_is_the_spread_between_fields():
    soft, usual, hard = (fields_of("winter wheat", 400, hardness=h) for h in (0.0, 1.0, 2.0))
    # Late sowing, which it does not scale, costs leaf area.
    for trait, least in (("chlorophyll", 0.1), ("angle", 0.1), ("lai", 0.3)):
        spread = [getattr(f, trait).std() for f in (soft, usual, hard)]
        assert spread[0] < least * spread[1]
        assert spread[2] > 1.5 * spread[1]


def test_what_differs_in_winter_does_not_follow_hardness():
    soft, usual = (fields_of("new clover", 400, hardness=h) for h in (0.0, 1.0))
    np.testing.assert_array_equal(soft.winter_lai, usual.winter_lai)
    np.testing.assert_array_equal(soft.spring, usual.spring)
    soft, usual = (fields_of("winter wheat", 400, hardness=h).events[:, SOWING] for h in (0.0, 1.0))
    np.testing.assert_array_equal(soft, usual)


def test_a_ley_is_thin_in_its_first_winter_and_gone_after_its_last_summer():
    for ley in ("temporary grass", "clover"):
        old, new, last = (
            states(fields_of(plant), [20, 200, 300], WEATHER).green_lai for plant in (ley, f"new {ley}", f"last {ley}")
        )
        assert np.median(new[:, 0]) < 0.7 * np.median(old[:, 0])
        assert np.median(new[:, 1]) > 2 * np.median(new[:, 0])
        assert np.median(last[:, 1]) > 0.7 * np.median(old[:, 1])
        assert np.median(last[:, 2]) < 0.3 * np.median(old[:, 2])


def test_nothing_of_a_sward_is_left_when_it_is_ploughed():
    fields = fields_of("rotational fallow", 60)
    ploughed = fields.after[:, 4]
    assert 200 < np.median(ploughed) < 265
    for field in range(60):
        before, after = states(fields.take([field]), ploughed[field] + np.array([-1.0, 5.0]), WEATHER).green_lai[0]
        assert after < 0.05 < before


def test_take_repeats_fields():
    fields = fields_of("peas", 5)
    twice = fields.take([3, 3])
    assert (fields.kind == SOWN).all()
    np.testing.assert_array_equal(twice.events[0], fields.events[3])
    np.testing.assert_array_equal(twice.events[1], fields.events[3])
