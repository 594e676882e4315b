"""Write docs/model-cards/NAME.md from the cards of the shipped models: ``python docs/make_model_cards.py``."""

from pathlib import Path
from typing import Any

from cropxai.model.checkpoint import Card, read_card, shipped

FOLDER = Path(__file__).with_name("model-cards")

TEXT = """# {name}

A crop classifier for {level} series, trained on **simulated** fields alone ([simulator.md](../simulator.md)). What it
is worth on real fields is in [results.md](../results.md); its accuracy below is that on simulated ones.

| | |
|---|---|
| input | {level} reflectance in {bands} bands ({band_names}), any dates of one season; missing dates are masked |
| classes | {classes} |
| network | transformer, {parameters} parameters: {sizes} |
| dates | {time} |
| training | {parcels} simulated parcels, {first} to {last}; {command} |
| held back | {held} parcels ({split} split): accuracy {accuracy:.3f}, macro-F1 {f1:.3f} |
| confidence | calibrated by the end of the season; sets of classes and novelty from the same parcels |
| licence | that of cropxai; no real data went in |
| weights | SHA-256 `{sha}` |

Classes, with their HCAT 3 code and the parcels of the training:

| class | HCAT 3 | parcels |
|---|---|---|
{rows}

Limits. The fields of the simulator are related to reality, not a replacement for it. Regions outside of Central Europe,
years unlike 2015 to 2023, other sensors and other corrections of the atmosphere are not in it. Rare classes are known
from few simulated kinds of plant. Fine-tune with labels of your own: `cropxai train SERIES -o model/ --from {name}`.
"""


def text(name: str, card: Card, sha: str) -> str:
    """Return the card as Markdown."""
    size, training, metrics = card.architecture, card.training, card.metrics
    counts: dict[str, Any] = training["parcels_by_class"]
    rows = "\n".join(f"| {c.name} | {c.hcat_code} | {counts.get(c.name, 0)} |" for c in card.classes)
    sizes = f"width {size.width}, {size.layers} layers, {size.heads} heads, {size.norm}-norm, {size.activation}, "
    sizes += f"{size.pooling} over dates"
    return TEXT.format(
        name=name, level=card.level, bands=len(card.bands), band_names=" ".join(card.bands), classes=len(card.classes),
        parameters=f"{_parameters(name):,}".replace(",", " "), sizes=sizes, time=card.time_encoding,
        parcels=training["parcels"], first=training["dates"][0], last=training["dates"][1],
        command="`make weights`", held=metrics["validation_parcels"], split=metrics["validation_split"],
        accuracy=metrics["validation_accuracy"], f1=metrics["validation_macro_f1"], sha=sha, rows=rows,
    )  # fmt: skip


def _parameters(name: str) -> int:
    from cropxai.model import load_model

    return sum(p.numel() for p in load_model(name).network.parameters())


def main() -> None:
    """Write the cards."""
    import json

    FOLDER.mkdir(exist_ok=True)
    for name, folder in shipped().items():
        sha = json.loads((folder / "card.json").read_text(encoding="utf-8"))["weights_sha256"]
        (FOLDER / f"{name}.md").write_text(text(name, read_card(folder), sha), encoding="utf-8")


if __name__ == "__main__":
    main()
