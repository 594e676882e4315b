"""Few labels: going on from the shipped weights, beside a random forest, on the 237 labelled parcels of Bavaria 2018.

``python benchmarks/fine_tuning.py [--quick]`` prints a line a shuffle of five folds (quick: two folds of one), last one
line of JSON. All see the same folds; the forest has every band of every date, the networks go on from `europe-l1c`,
which was trained on simulated fields, with the defaults of ``cropxai train --from``. An ensemble is ``--members`` of
these, which differ by ``--seed`` and so in the fifth of the labels that each holds back, joined as by ``cropxai
classify --ensemble``. Intervals of 95 % are those of 1 000 draws of the parcels, each the mean of its shuffles.

``--keep FOLDER`` keeps every answer, so that a stopped run goes on. ``CROPXAI_REAL_DATA`` names the folder of the set.
"""

import argparse
import json
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from model import told
from real_series import bavaria
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold

from cropxai.errors import CropxaiWarning
from cropxai.model import Model, classify, fine_tuning, load_model, train
from cropxai.model.train import labelled
from cropxai.series import CropSeries

Array = np.ndarray


class Folds:
    """The parcels, and what forest and networks say of those that they did not learn from."""

    def __init__(self, most: int, keep: Path):
        self.series, self.names, self.target = labelled(bavaria(), 10)
        self.start, self.most, self.keep = load_model("europe-l1c"), most, keep

    def parts(self, shuffle: int) -> list[tuple[Array, Array]]:
        """Return the parcels that are learnt from and tested on, by fold."""
        folds = StratifiedKFold(5, shuffle=True, random_state=shuffle).split(self.target, self.target)
        return list(folds)[: self.most]

    def tested(self, shuffle: int) -> Array:
        """Return the numbers of the test parcels of all folds, which are the rows of all answers."""
        return np.concatenate([test for _, test in self.parts(shuffle)])

    def forest(self, shuffle: int) -> Array:
        """Return the class numbers of the forest, (row,)."""
        flat = self.series.reflectance.reshape(len(self.series), -1)
        fitted = (
            (RandomForestClassifier(300, random_state=0).fit(flat[seen], self.target[seen]), test)
            for seen, test in self.parts(shuffle)
        )
        return np.concatenate([forest.predict(flat[test]) for forest, test in fitted])

    def network(self, shuffle: int, member: int) -> Array:
        """Return the probabilities of one fine-tuned network a fold, (row, class)."""
        file = self.keep / f"bavaria_{shuffle}_{member}_{self.most}.npy"
        if not file.exists():
            found = [self._probable(seen, test, member) for seen, test in self.parts(shuffle)]
            np.save(file, np.concatenate(found))
        return np.load(file)

    def _probable(self, seen: Array, test: Array, member: int) -> Array:
        learnt: CropSeries = self.series.select(seen)
        model: Model = train(learnt, fine_tuning(split="random", seed=member), start=self.start)
        said = classify(self.series.select(test), model, workers=1).probabilities
        places = [model.names.index(name) for name in self.names]
        return said[:, places]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    parser.add_argument("--shuffles", default="0,1,2,3,4", help="seeds of the folds, by commas")
    parser.add_argument("--members", type=int, default=3, help="networks of the ensemble")
    parser.add_argument("--keep", type=Path, help="folder that keeps answers")
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.simplefilter("ignore", CropxaiWarning)
    shuffles = [0] if options.quick else [int(seed) for seed in options.shuffles.split(",")]
    members, most = (2, 2) if options.quick else (options.members, 5)
    with tempfile.TemporaryDirectory() as scratch:
        keep = options.keep or Path(scratch)
        keep.mkdir(parents=True, exist_ok=True)
        measure(Folds(most, keep), shuffles, members)


def measure(folds: Folds, shuffles: list[int], members: int) -> None:
    """Print the accuracy of all ways by shuffle, and their means."""
    one, many = "fine_tuned", f"ensemble_of_{members}"
    right: dict[str, list[Array]] = {"forest": [], one: [], many: []}
    for shuffle in shuffles:
        tested = folds.tested(shuffle)
        order, truth = np.argsort(tested), folds.target[tested]
        each = np.stack([folds.network(shuffle, member) for member in range(members)])
        now = {
            "forest": (folds.forest(shuffle) == truth).astype(float),
            one: (each.argmax(axis=2) == truth).mean(axis=0),
            many: (each.mean(axis=0).argmax(axis=1) == truth).astype(float),
        }
        for way, hits in now.items():
            right[way].append(hits[order])
        print(
            f"shuffle {shuffle}: " + ", ".join(f"{way} {100 * hits.mean():.2f}" for way, hits in now.items()),
            flush=True,
        )
    mean = {way: np.mean(hits, axis=0) for way, hits in right.items()}
    for way, hits in mean.items():
        print(f"{way:16s}{told(hits)}, minus forest {told(hits - mean['forest'])}")
    figures = {way: round(100 * float(hits.mean()), 2) for way, hits in mean.items()}
    print(
        json.dumps(
            figures
            | {"shuffles": {way: [round(100 * float(h.mean()), 2) for h in hits] for way, hits in right.items()}}
        )
    )


if __name__ == "__main__":
    main()
