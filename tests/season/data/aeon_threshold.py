"""Write ``aeon_threshold.json``: when aeon's ProbabilityThresholdEarlyClassifier stops on given probabilities.

``python aeon_threshold.py`` in an environment with numpy and aeon 1.6.0 (BSD-3-Clause), which needs an older numba than
this project. The answers of a network are made up; aeon is told them in place of its own classifiers.
"""

import json
from pathlib import Path

import numpy as np
from aeon.classification.early_classification import ProbabilityThresholdEarlyClassifier

PARCELS, PREFIXES, CLASSES = 120, 8, 4
SETTINGS = ((0.5, 1), (0.7, 1), (0.7, 2), (0.6, 3), (0.9, 1))


class Given:
    """An estimator of aeon that answers with the probabilities at hand: the series say whose they are."""

    def __init__(self, probabilities):
        self.probabilities = probabilities

    def fit(self, x, y):
        return self

    def predict_proba(self, x):
        return self.probabilities[x[:, 0, 0].astype(int), x.shape[2] - 3]

    def get_params(self, deep=True):
        return {"probabilities": self.probabilities}


def made_up():
    """Return probabilities (parcel, prefix, class) that grow towards a class, rounded so that they can be written."""
    rng = np.random.default_rng(7)
    truth = rng.integers(0, CLASSES, PARCELS)
    scores = rng.normal(0, 0.7, (PARCELS, PREFIXES, CLASSES)).cumsum(axis=1) * 0.6
    when = rng.integers(0, PREFIXES, PARCELS)
    known = np.maximum(np.arange(PREFIXES)[None] - when[:, None], 0) * 0.6
    scores[np.arange(PARCELS)[:, None], np.arange(PREFIXES)[None], truth[:, None]] += known
    odds = np.exp(scores)
    return np.round(odds / odds.sum(axis=2, keepdims=True), 4)


def stops(probabilities, confidence, patience):
    """Return the prefix at which aeon stops, (parcel,)."""
    points = list(range(3, PREFIXES + 3))
    series = np.repeat(np.arange(PARCELS, dtype=float)[:, None, None], PREFIXES + 2, axis=2)
    peer = ProbabilityThresholdEarlyClassifier(
        probability_threshold=confidence, consecutive_predictions=patience, classification_points=points
    )
    peer._estimator, peer.estimators_ = Given(probabilities), [Given(probabilities)] * PREFIXES
    peer._classification_points = points
    peer._n_jobs, peer.classes_, peer.n_classes_ = 1, np.arange(CLASSES), CLASSES
    peer._predict_proba(series)
    return peer.state_info[:, 0]


if __name__ == "__main__":
    given = made_up()
    table = {
        "aeon": "1.6.0",
        "probabilities_in_ten_thousandths": np.round(given * 10_000).astype(int).tolist(),
        "stops": [
            {"confidence": c, "patience": k, "prefix": stops(given, c, k).astype(int).tolist()} for c, k in SETTINGS
        ],
    }
    place = Path(__file__).with_name("aeon_threshold.json")
    place.write_text(json.dumps(table, separators=(",", ":")) + "\n", encoding="utf-8")
