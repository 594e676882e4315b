"""The classifier on the labelled real sets beside a random forest, same folds, one run.

``python benchmarks/main_job.py [--quick] [--sets bavaria,arkansas]`` prints a table and, last, one line of JSON.
Bavaria: classes with at least 10 parcels, 5 folds, split at random and in space. Arkansas: 5 random folds, and from
either zone to the other. The forest sees every band of every date, gaps filled by linear interpolation in time.
"""

import argparse
import json
import time
from dataclasses import replace

import numpy as np
import pandas as pd
from real_series import arkansas, bavaria
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import accuracy_score, f1_score

from cropxai.model import Settings
from cropxai.model.evaluate import trained_answers
from cropxai.model.splits import folds
from cropxai.model.train import labelled
from cropxai.series import CropSeries

#: Set, split, folds.
CASES = (("bavaria", "random", 5), ("bavaria", "spatial", 5), ("arkansas", "random", 5), ("arkansas", "zone", 2))
LOADERS = {"bavaria": bavaria, "arkansas": arkansas}


def filled(series: CropSeries) -> np.ndarray:
    """Return the series as one row a parcel, gaps interpolated in time, the ends held."""
    values = series.reflectance
    days = series.season_day
    rows = values.transpose(0, 2, 1).reshape(-1, len(days))
    for row in rows:
        there = np.isfinite(row)
        row[~there] = np.interp(days[~there], days[there], row[there])
    return rows.reshape(len(series), -1)


def compare(name: str, split: str, count: int, quick: bool) -> dict[str, object]:
    """Train and score both on the same folds."""
    series = LOADERS[name]()
    if quick and len(series) > 1500:
        series = series.select(np.random.default_rng(0).choice(len(series), 1500, replace=False))
    settings = Settings(split=split, min_parcels=10, steps=300 if quick else 3000)
    series, names, target = labelled(series, settings.min_parcels)
    rounds = list(folds(series, target, count, split, settings.seed))[: 1 if quick else count]
    table = filled(series)
    said = {"cropxai": [], "forest": []}
    seconds = dict.fromkeys(said, 0.0)
    for number, (seen, test) in enumerate(rounds):
        start = time.process_time()
        said["cropxai"].append(trained_answers(series, names, target, seen, test, replace(settings, seed=number)))
        seconds["cropxai"] += time.process_time() - start
        start = time.process_time()
        forest = RandomForestClassifier(300, n_jobs=1, random_state=number).fit(table[seen], target[seen])
        said["forest"].append(forest.predict(table[test]))
        seconds["forest"] += time.process_time() - start
    held = [test for _, test in rounds]
    row: dict[str, object] = {"set": name, "split": split, "parcels": len(series), "classes": len(names)}
    for who, answers in said.items():
        each = [accuracy_score(target[t], a) for t, a in zip(held, answers, strict=True)]
        truth, answer = target[np.concatenate(held)], np.concatenate(answers)
        row |= {
            f"{who}_accuracy": accuracy_score(truth, answer),
            f"{who}_macro_f1": f1_score(truth, answer, average="macro"),
            f"{who}_folds": " ".join(f"{100 * a:.1f}" for a in each),
            f"{who}_cpu_seconds": seconds[who],
        }
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--sets", default="bavaria,arkansas")
    options = parser.parse_args()
    wanted = options.sets.split(",")
    rows = [compare(*case, options.quick) for case in CASES if case[0] in wanted]
    print(pd.DataFrame(rows).round(4).T.to_string(header=False))
    figures = {f"{r['set']}_{r['split']}_{k}": round(float(str(r[k])), 4) for r in rows for k in r if "accuracy" in k}
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
