"""The learning rate and the moving average of the weights."""

import numpy as np
import pytest
import torch
from torch import nn

from cropxai.model.schedule import Average, rate


@pytest.mark.parametrize(("schedule", "top"), [("one-cycle", 20), ("cosine", 2)])
def test_the_learning_rate_rises_and_falls(schedule, top):
    rates = [rate(schedule, t) for t in np.linspace(0, 1, 101)]
    assert rates[0] == 0 and rates[top] == pytest.approx(1) and rates[100] == pytest.approx(0)
    assert (np.diff(rates[: top + 1]) > 0).all() and (np.diff(rates[top:]) < 0).all()


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.99])
def test_the_average_is_that_of_the_formula(decay):
    layer = nn.BatchNorm1d(2)  # has a counter too, which is no weight
    average, expected = Average(layer, decay), layer.weight.detach().double().numpy()
    rng = np.random.default_rng(0)
    for step in range(50):
        values = rng.normal(size=2)
        with torch.no_grad():
            layer.weight.copy_(torch.from_numpy(values))
            layer.num_batches_tracked.add_(1)
        average.take(layer, step)
        share = min(decay, (1 + step) / (10 + step)) if decay else 0.0
        expected = share * expected + (1 - share) * values
    np.testing.assert_allclose(average.weights["weight"], expected, rtol=1e-5)
    assert average.weights["num_batches_tracked"] == 50
