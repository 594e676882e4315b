"""`cropxai info`."""

import json

import click

from cropxai.cli import options
from cropxai.cli.progress import Progress


@click.command(short_help="Tell what a series, model, relevance or map is.")
@click.argument("path", type=click.Path(path_type=str))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on standard output.")
@options.progress
def info(path: str, as_json: bool, progress: Progress) -> None:
    """Tell what PATH holds: a series store, a relevance store, a model folder, or a map.

    \b
    $ cropxai info fields.zarr
    $ cropxai info crops.gpkg --json
    """
    from cropxai.describe import describe

    found = describe(path)
    if as_json:
        click.echo(json.dumps(found.values, ensure_ascii=False, default=str))
    else:
        progress.result(found.text, **found.values)
