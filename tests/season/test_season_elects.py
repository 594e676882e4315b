"""ELECTS: its stop distribution and loss, against sums written out; a training that learns when it can know."""

import numpy as np
import torch
from made_up import DATES, two_crops

from cropxai.model.inputs import Inputs
from cropxai.season.elects import EPSILON, ElectsSettings, elects_answers, elects_loss, stop_distribution, train_elects


def test_stop_distribution_spends_the_budget():
    delta = torch.tensor([[0.2, 0.5, 0.1, 0.3]], dtype=torch.float64)
    budget, expected = 1.0, []
    for value in delta[0, :-1].tolist():
        expected.append(value * budget)
        budget -= expected[-1]
    expected.append(budget)
    np.testing.assert_allclose(stop_distribution(delta)[0], expected)


def test_loss_is_the_papers_sum():
    rng = np.random.default_rng(0)
    probability = rng.dirichlet(np.ones(3), (5, 4))
    delta, target = rng.random((5, 4)), rng.integers(0, 3, 5)
    losses = []
    for i in range(5):
        budget, total = 1.0, 0.0
        for t in range(4):
            stop = budget if t == 3 else delta[i, t] * budget
            budget -= stop
            right = probability[i, t, target[i]]
            weight = stop + EPSILON / 4
            total += 0.7 * weight * -np.log(right) - 0.3 * weight * right * (1 - t / 4)
        losses.append(total)
    found = elects_loss(torch.from_numpy(np.log(probability)), torch.from_numpy(delta), torch.from_numpy(target), 0.7)
    np.testing.assert_allclose(found.item(), np.mean(losses))


def test_it_stops_when_the_crops_differ():
    """Crops that differ in June only: it answers rightly, not before the 14th, and not only at the end."""
    series = two_crops(200, gaps=0.0)
    inputs, target = Inputs.of(series, series.bands), (series.labels == "winter wheat").astype(np.intp)
    network = train_elects(
        inputs,
        target,
        2,
        ElectsSettings(steps=150, batch_size=64, learning_rate=1e-2, stop_bias=-2.0, alpha=0.3, width=32),
    )
    answer, stop = elects_answers(network, inputs)
    assert (answer == target).mean() > 0.95
    dates = DATES[stop]
    assert np.datetime64("2018-06-01") <= np.quantile(dates.astype(int), 0.5).astype(int).astype("datetime64[D]")
    assert (dates < np.datetime64("2018-08-15")).mean() > 0.5


def test_the_answer_on_a_date_does_not_see_later_ones():
    series = two_crops(30, gaps=0.3)
    inputs, target = Inputs.of(series, series.bands), np.zeros(30, dtype=np.intp)
    network = train_elects(inputs, target, 2, ElectsSettings(steps=3))
    short = Inputs(inputs.reflectance[:, :5], inputs.valid[:, :5], inputs.day[:5])
    x, seen = torch.from_numpy(inputs.reflectance), torch.from_numpy(inputs.valid)
    with torch.inference_mode():
        whole = network(x, seen, torch.from_numpy(inputs.day))
        cut = network(x[:, :5], seen[:, :5], torch.from_numpy(short.day))
    for a, b in zip(whole, cut, strict=True):
        np.testing.assert_allclose(a[:, :5], b, atol=1e-6)
