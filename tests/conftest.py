"""What all tests share: one thread, a small made-up series, and a model of it."""

import pytest
import torch
from hypothesis import settings
from made_up import QUICK, two_crops

from cropxai.model import Model, train
from cropxai.series import CropSeries

settings.register_profile("noisy machine", deadline=None)
settings.load_profile("noisy machine")


@pytest.fixture(autouse=True, scope="session")
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture(scope="session")
def series() -> CropSeries:
    return two_crops()


@pytest.fixture(scope="session")
def model(series) -> Model:
    return train(series, QUICK, name="two crops")
