"""`cropxai evaluate`."""

import json
from pathlib import Path

import click

from cropxai.cli import options


@click.command(short_help="Score a model, or cross-validate.")
@options.series
@click.argument("model", required=False, type=click.Path(path_type=str))
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Without MODEL: number of folds.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write all scores to this file.")
@options.overwrite
@options.dates
@options.training
@options.progress
def evaluate(series, model, folds, json_file, overwrite, season, start, end, training, progress):
    """Score MODEL on the labelled parcels of SERIES, or, without MODEL, train and score by cross-validation,
    the folds being held back by --split.

    \b
    $ cropxai evaluate fields.zarr model/
    $ cropxai evaluate fields.zarr --folds 5 --split spatial
    """
    from cropxai.model import Settings, load_model
    from cropxai.model.evaluate import cross_validate
    from cropxai.model.evaluate import evaluate as score
    from cropxai.outputs import check_absent, replacing
    from cropxai.series import CropSeries

    if json_file is not None:
        check_absent(json_file, overwrite)
    labelled = CropSeries.open(series).between(*options.chosen_dates(season, start, end))
    with progress.stage("evaluate") as report:
        if model is not None:
            scores = score(labelled, load_model(model), report=report)
        else:
            scores = cross_validate(labelled, Settings(**training), count=folds, report=report)
    if json_file is not None:
        with replacing(json_file, overwrite) as part:
            part.write_text(json.dumps(scores.asdict(), indent=1, ensure_ascii=False), encoding="utf-8")
    progress.result(scores.text(), **scores.asdict())
