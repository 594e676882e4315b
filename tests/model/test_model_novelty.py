"""Novelty, against distances of scipy, and on what no training parcel looks like."""

from dataclasses import replace

import numpy as np
import pytest
from made_up import two_crops
from scipy.spatial.distance import mahalanobis

from cropxai.model import classify
from cropxai.model.inputs import Inputs
from cropxai.model.novelty import LEAST_VARIANCE, PRIOR, Courses, fit_courses
from cropxai.series import CropSeries


def made(count, seed, days=(0.0, 10.0, 20.0)):
    rng = np.random.default_rng(seed)
    target = rng.integers(0, 2, count)
    centre = np.array([[0.1, 0.2], [0.15, 0.5]])[target]
    values = rng.multivariate_normal([0, 0], [[4e-4, 2e-4], [2e-4, 9e-4]], (count, len(days))) + centre[:, None]
    valid = rng.random((count, len(days))) > 0.3
    valid[:, 0] = True
    return Inputs(values.astype(np.float32), valid, np.array(days, np.float32)), target


def test_distance_is_the_mean_mahalanobis_distance_to_the_best_class():
    courses = Courses(
        days=(0.0, 20.0),
        mean=(((0.1, 0.2), (0.2, 0.5)), ((0.2, 0.2), (0.2, 0.1))),
        covariance=(((4e-4, 1e-4), (1e-4, 9e-4)), ((4e-4, 0.0), (0.0, 1e-4))),
        ends=(10.0, 20.0),
        limits=(2.0, 4.0),
    )
    inputs, _ = made(30, seed=1, days=(0.0, 5.0, 40.0))
    mean, spread = np.array(courses.mean), np.array(courses.covariance)
    expected, limit = [], []
    for values, valid in zip(inputs.reflectance, inputs.valid, strict=True):
        of_class = []
        for k in (0, 1):
            apart = []
            for x, day in zip(values[valid], inputs.day[valid], strict=True):
                share = min(1.0, day / 20)
                centre = (1 - share) * mean[0, k] + share * mean[1, k]
                inverse = np.linalg.inv((1 - share) * spread[0] + share * spread[1])
                apart.append(mahalanobis(x, centre, inverse))
            of_class.append(np.mean(apart))
        expected.append(min(of_class))
        limit.append(4.0 if valid[2] else 2.0)  # the last clear day is 40, or at most 5
    np.testing.assert_allclose(courses.distance(inputs), expected, rtol=1e-6)
    np.testing.assert_allclose(courses.novelty(inputs), np.divide(expected, limit), rtol=1e-5)


def test_courses_of_single_dates_are_means_and_pooled_covariances():
    inputs, target = made(400, seed=2, days=(0.0, 20.0, 40.0))  # the nodes, so that each date has its own
    courses = fit_courses(inputs, target, 2, inputs)
    assert courses.days == (0.0, 20.0, 40.0)
    for time in range(3):
        seen = inputs.valid[:, time]
        values = inputs.reflectance[seen, time].astype(float)
        of_class = target[seen]
        mean = [
            (values[of_class == k].sum(axis=0) + PRIOR * values.mean(axis=0)) / ((of_class == k).sum() + PRIOR)
            for k in (0, 1)
        ]
        np.testing.assert_allclose(courses.mean[time], mean, atol=1e-5)
        apart = values - np.array(mean)[of_class]
        spread = apart.T @ apart / len(apart) + LEAST_VARIANCE * np.eye(2)
        np.testing.assert_allclose(courses.covariance[time], spread, atol=1e-9)


def test_99_in_100_like_parcels_are_within_the_limit_and_others_beyond():
    learnt, target = made(3000, seed=3)
    courses = fit_courses(learnt, target, 2, made(3000, seed=4)[0])
    like, _ = made(3000, seed=5)
    assert 0.004 < (courses.novelty(like) > 1).mean() < 0.017
    swapped = replace(like, reflectance=like.reflectance[..., ::-1])
    unscaled = replace(like, reflectance=like.reflectance * np.float32(1e4))
    for strange in (swapped, unscaled):
        assert (courses.novelty(strange) > 1).mean() > 0.9
    nothing = replace(like, valid=np.zeros_like(like.valid))
    assert np.isnan(courses.novelty(nothing)).all()


def test_bands_that_a_series_lacks_are_left_out():
    learnt, target = made(2000, seed=6)
    courses = fit_courses(learnt, target, 2, learnt)
    lacking = learnt.reflectance.copy()
    lacking[..., 1] = np.nan
    novelty = courses.novelty(replace(learnt, reflectance=lacking))
    assert np.isfinite(novelty).all() and (novelty > 1).mean() < 0.1


def test_a_pond_and_a_wrong_sensor_are_unlike_the_training_data(model, series):
    def status(values):
        arrays = series.dataset.copy(deep=True)
        arrays["reflectance"][:] = values
        return classify(CropSeries(arrays), model).frame

    seen = series.reflectance
    water = np.where(np.isfinite(seen), np.float32([0.03, 0.01, 0.005]), np.nan)
    assert (classify(two_crops(seed=8), model).frame["status"] == "unlike the training data").mean() < 0.15
    for strange in (water, seen[..., [1, 0, 2]], seen * 1e4):
        frame = status(strange)
        assert (frame["status"] == "unlike the training data").all() and (frame["novelty"] > 1).all()
        assert frame["crop"].notna().all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"days": (0.0, 1.0)},
        {"limits": (0.0,)},
        {"limits": ()},
        {"mean": (((0.1, np.nan),),)},
        {"covariance": (((1.0, 2.0), (2.0, 1.0)),)},
        {"covariance": (((1.0,),),)},
    ],
)
def test_what_are_no_courses_is_refused(wrong):
    right = {"days": (0.0,), "mean": (((0.1, 0.2),),), "covariance": (((1.0, 0.0), (0.0, 1.0)),), "ends": (5.0,),
             "limits": (2.0,)}  # fmt: skip
    with pytest.raises(ValueError, match="courses need"):
        Courses(**right | wrong)
