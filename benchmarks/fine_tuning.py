"""Few labels: going on from the shipped weights, beside a random forest, on the 237 labelled parcels of Bavaria 2018.

``python benchmarks/fine_tuning.py [--quick]`` prints a line a shuffle of five folds (quick: two folds of one), last one
line of JSON. Both see the same folds; the forest has every band of every date, the network goes on from `europe-l1c`,
which was trained on simulated fields, with the defaults of ``cropxai train --from``. ``CROPXAI_REAL_DATA`` names the
folder of the set.
"""

import argparse
import json
import warnings

import numpy as np
from real_series import bavaria
from sklearn.ensemble import RandomForestClassifier
from sklearn.model_selection import StratifiedKFold

from cropxai.errors import CropxaiWarning
from cropxai.model import fine_tuning, load_model, train
from cropxai.model.predict import logits
from cropxai.model.train import labelled


def shuffled(seed: int, most: int) -> dict[str, float]:
    """Return the accuracy (%) of both over the parcels of up to ``most`` of five folds."""
    series, names, target = labelled(bavaria(), 10)
    start = load_model("europe-l1c")
    right: dict[str, list[np.ndarray]] = {"fine_tuned": [], "forest": []}
    flat = series.reflectance.reshape(len(series), -1)
    folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(target, target)
    for fold, (seen, test) in zip(range(most), folds, strict=False):
        forest = RandomForestClassifier(300, random_state=0).fit(flat[seen], target[seen])
        right["forest"].append(forest.predict(flat[test]) == target[test])
        model = train(series.select(seen), fine_tuning(False, split="random", seed=fold), start=start)
        said = np.array(model.names)[logits(model.network, model.inputs(series.select(test))).argmax(axis=1)]
        right["fine_tuned"].append(said == np.array(names)[target[test]])
    return {way: round(100 * float(np.concatenate(found).mean()), 2) for way, found in right.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="under a minute")
    quick = parser.parse_args().quick
    warnings.simplefilter("ignore", CropxaiWarning)
    rows = []
    for seed in range(1 if quick else 3):
        rows.append(shuffled(seed, 2 if quick else 5))
        print(f"shuffle {seed}: {rows[-1]}")
    figures = {way: round(float(np.mean([row[way] for row in rows])), 2) for way in ("fine_tuned", "forest")}
    print(json.dumps(figures | {"shuffles": rows}))


if __name__ == "__main__":
    main()
