"""How accuracy on simulated parcels grows with the season, with the parcels to learn from, and with their hardness.

``python benchmarks/simulate_season.py [--quick] [--parcels N] [--epochs N] [--hardness H] [--seed N] [--figure FILE]``
simulates Austria at the 80 dates of TinyEuroCrops (44 classes with their shares, top of the atmosphere with clouds, 12
landscapes of 2019), trains one network for any end of the season on four fifths of N parcels, and names parcels that it
has not seen

- of the same landscapes and skies (`same_year`),
- of other landscapes and skies in the same year (`same_year_other_fields`) and in 2018 (`another_year`).

It prints the accuracy at each end of the season, the pairs of classes that are taken for each other most, and how well
a single date recognises a class (`one_date`: the best F1 of a class that any date reaches, by a linear discriminant of
its 13 bands). Last comes one line of JSON. With ``--figure`` it draws the curves.

``--learning`` asks instead how accuracy at the end of the year grows with the parcels to learn from, by a plain network
over all numbers of a series, which learns in a minute what the transformer learns in ten, and some points less well.
"""

import argparse
import json
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.metrics import f1_score

from cropxai.errors import CropxaiWarning
from cropxai.model import Model, Settings, train
from cropxai.model.inputs import Inputs
from cropxai.model.predict import logits
from cropxai.series.cube import CropSeries
from cropxai.simulate import simulate_series
from cropxai.simulate.country import HARDNESS

AUSTRIA = {"level": "L1C", "classes": "tinyeurocrops", "countries": ["Austria"], "regions": 12}
#: Days of year to which the series are cut: the ends of months from February on, and the two ends of the published
#: window, 21 April and 9 August.
ENDS = (59, 90, 111, 120, 151, 181, 212, 221, 243, 273, 304, 365)
SETTINGS = {"split": "random", "any_season": 0.6, "date_dropout": 0.4, "growing_season": 0.5, "average": 0.99}
#: Parcels of each test.
HELD_BACK = 4000


def season(parcels: int, epochs: int, hardness: float, seed: int) -> dict[str, object]:
    """Return the accuracy by the end of the season, in the year of the training and in another."""
    whole = simulate_series(parcels + HELD_BACK, year=2019, seed=seed, hardness=hardness, **AUSTRIA)
    held = np.zeros(len(whole), bool)
    held[np.random.default_rng(0).choice(len(whole), HELD_BACK, replace=False)] = True
    own, taught = whole.select(held), whole.select(~held)
    del whole
    model = train(taught, Settings(epochs=epochs, **SETTINGS))
    elsewhere = {"seed": seed + 1, "hardness": hardness, **AUSTRIA}
    found: dict[str, object] = {"parcels": parcels, "epochs": epochs, "hardness": hardness, "seed": seed}
    found["ends"] = list(ENDS)
    found["same_year"] = curve(model, own)
    found["confused"] = confused(model, own)
    found["same_year_other_fields"] = curve(model, simulate_series(HELD_BACK, year=2019, **elsewhere))
    found["another_year"] = curve(model, simulate_series(HELD_BACK, year=2018, **elsewhere))
    found["one_date"] = one_date(taught, own)
    for name, value in found.items():
        print(f"{name:24s}", value, flush=True)
    return found


def learning(parcels: int, hardness: float) -> dict[str, object]:
    """Return the accuracy of a plain network of ever more parcels of the same landscapes."""
    whole = simulate_series(parcels + HELD_BACK, year=2019, seed=1, hardness=hardness, **AUSTRIA)
    names, label = np.unique(whole.labels.astype(str), return_inverse=True)
    values = np.log(whole.reflectance.clip(0.003, 2)).reshape(len(whole), -1)
    values = torch.from_numpy((values - values[::10].mean(axis=0)) / (values[::10].std(axis=0) + 1e-3))
    truth, order = torch.from_numpy(label), torch.from_numpy(np.random.default_rng(0).permutation(len(whole)))
    test, found = order[parcels:], {}
    for count in (parcels // 8, parcels // 4, parcels // 2, parcels):
        network = fitted(values, truth, order[:count], len(names), epochs=50 if count < 8000 else 25)
        with torch.no_grad():
            right = network(values[test]).argmax(dim=1) == truth[test]
        found[count] = round(float(right.float().mean()), 3)
        print(f"hardness {hardness:g}, {count} parcels: {found[count]}", flush=True)
    return {"hardness": hardness, "learning": found}


def fitted(values: torch.Tensor, truth: torch.Tensor, rows: torch.Tensor, names: int, epochs: int) -> torch.nn.Module:
    """Fit a network of two hidden layers to some rows."""
    torch.manual_seed(0)
    layers = [torch.nn.Dropout(0.2)]
    for inside, outside in ((values.shape[1], 384), (384, 192)):
        layers += [torch.nn.Linear(inside, outside), torch.nn.ReLU(), torch.nn.Dropout(0.3)]
    network = torch.nn.Sequential(*layers, torch.nn.Linear(192, names))
    optimizer = torch.optim.AdamW(network.parameters(), 2e-3, weight_decay=0.02)
    steps = epochs * -(-len(rows) // 128)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 2e-3, total_steps=steps)
    loss = torch.nn.CrossEntropyLoss(label_smoothing=0.05)
    for _ in range(epochs):
        for batch in rows[torch.randperm(len(rows))].split(128):
            optimizer.zero_grad()
            loss(network(values[batch]), truth[batch]).backward()
            optimizer.step()
            schedule.step()
    return network.eval()


def said(model: Model, series: CropSeries, end: int = 365) -> np.ndarray:
    """Return the class that a network names by the end of a day, (parcel,)."""
    inputs = Inputs.of(series, model.card.bands).within(last_day=end)
    return np.array(model.names)[logits(model.network, inputs).argmax(axis=1)]


def curve(model: Model, series: CropSeries) -> list[float]:
    """Return the accuracy at each of `ENDS`."""
    truth = series.labels.astype(str)
    return [round(float((said(model, series, end) == truth).mean()), 3) for end in ENDS]


def confused(model: Model, series: CropSeries, most: int = 12) -> dict[str, float]:
    """Return the pairs of classes that are taken for each other most at the end of the year, % of all parcels."""
    truth, answer = series.labels.astype(str), said(model, series)
    pairs = Counter(" / ".join(sorted(pair)) for pair in zip(truth, answer, strict=True) if pair[0] != pair[1])
    return {pair: round(100 * count / len(truth), 2) for pair, count in pairs.most_common(most)}


def one_date(taught: CropSeries, own: CropSeries, most: int = 6) -> dict[str, float]:
    """Return the best F1 of a class that a single date reaches, for the classes that a date recognises best."""
    names = [name for name in np.unique(own.labels.astype(str)) if (own.labels == name).sum() >= 10]
    best = dict.fromkeys(names, 0.0)
    for date in range(len(own.dates)):
        x, y = (np.log(s.reflectance[:, date].clip(0.001)) for s in (taught, own))
        answer = LinearDiscriminantAnalysis().fit(x, taught.labels.astype(str)).predict(y)
        scores = f1_score(own.labels.astype(str), answer, labels=names, average=None, zero_division=0)
        best = {name: max(best[name], float(score)) for name, score in zip(names, scores, strict=True)}
    ordered = sorted(best, key=lambda name: -best[name])[:most]
    return {str(name): round(best[name], 2) for name in ordered}


def draw(runs: list[dict[str, object]], path: Path) -> None:
    """Draw the curves, one panel a run."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2 * len(runs), 3.6), layout="constrained")
    lines = (
        ("same_year", "2019, fields of the same landscapes", "o-"),
        ("same_year_other_fields", "2019, other landscapes", "s--"),
        ("another_year", "2018, other landscapes", "^:"),
    )
    for axis, run in zip(figure.subplots(1, len(runs), sharey=True, squeeze=False)[0], runs, strict=True):
        for name, label, style in lines:
            axis.plot(run["ends"], 100 * np.array(run[name]), style, label=label, markersize=4)
        axis.axhspan(85, 90, color="0.85", label="published at the end of the year", zorder=0)
        axis.set_title(f"hardness {run['hardness']:g}", fontsize=10)
        axis.set_xlabel("season up to day of year")
        axis.set_ylim(0, 100)
        axis.grid(alpha=0.3)
        axis.legend(fontsize=7, loc="lower right")
    figure.supylabel("accuracy, % of 44 classes", fontsize=10)
    figure.savefig(path, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--parcels", type=int, default=40_000, help="parcels, of which four fifths are learned from")
    parser.add_argument("--epochs", type=int, default=14)
    parser.add_argument("--hardness", type=float, action="append", help=f"may be given more than once [{HARDNESS}]")
    parser.add_argument("--seed", type=int, default=1, help="of fields, landscapes and skies; the next, of the others")
    parser.add_argument("--quick", action="store_true", help="under a minute: 2000 parcels, 4 epochs; little is learnt")
    parser.add_argument("--learning", action="store_true", help="how accuracy grows with the parcels to learn from")
    parser.add_argument("--figure", type=Path, help="draw the curves into this file")
    asked = parser.parse_args()
    warnings.simplefilter("ignore", CropxaiWarning)
    hard = asked.hardness or [HARDNESS]
    if asked.quick:
        asked.parcels, asked.epochs = 2000, 4
    if asked.learning:
        print(json.dumps([learning(asked.parcels, hardness) for hardness in hard]))
        return
    runs = [season(asked.parcels, asked.epochs, hardness, asked.seed) for hardness in hard]
    if asked.figure is not None:
        draw(runs, asked.figure)
    print(json.dumps(runs))


if __name__ == "__main__":
    main()
