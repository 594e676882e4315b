"""`cropxai models`."""

import click

from cropxai.cli import options
from cropxai.cli.progress import Progress


@click.command(short_help="List the shipped models.")
@options.progress
def models(progress: Progress) -> None:
    """List the models that come with the package: bands, level, classes.

    \b
    $ cropxai models
    """
    from cropxai.model.checkpoint import read_card, shipped

    cards = {name: read_card(folder) for name, folder in shipped().items()}
    lines = [
        f"{name}: {card.level}, {len(card.bands)} bands ({' '.join(card.bands)}), {len(card.classes)} classes "
        f"({', '.join(c.name for c in card.classes)})"
        for name, card in cards.items()
    ]
    progress.result("\n".join(lines), models={name: card.asdict() for name, card in cards.items()})
