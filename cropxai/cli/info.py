"""`cropxai info`."""

import click

from cropxai.cli import options
from cropxai.cli.progress import Progress


@click.command(short_help="Tell what a series or model is.")
@click.argument("path", type=click.Path(path_type=str))
@options.progress
def info(path: str, progress: Progress) -> None:
    """Tell what PATH, a series store or a model folder, holds.

    \b
    $ cropxai info fields.zarr
    """
    from pathlib import Path

    from cropxai.model.checkpoint import CARD, read_card
    from cropxai.series import CropSeries

    if not (Path(path) / CARD).exists():
        series = CropSeries.open(path)
        attrs = {k: str(v)[:200] for k, v in series.dataset.attrs.items()}
        text = series.summary() + "\n" + "\n".join(f"{name}: {value}" for name, value in attrs.items())
        progress.result(text, kind="series", parcels=len(series), dates=[str(d) for d in series.dates], attrs=attrs)
        return
    card = read_card(Path(path))
    lines = (
        f"model {card.name}: {card.level}, bands {' '.join(card.bands)}",
        f"classes: {', '.join(f'{c.name} ({c.hcat_code})' for c in card.classes)}",
        f"days of season: {card.season_days[0]:.0f} to {card.season_days[1]:.0f}, window: {card.window}",
        f"metrics: {card.metrics}",
    )
    progress.result("\n".join(lines), kind="model", card=card.asdict())
