"""`cropxai evaluate`."""

import json
from pathlib import Path

import click

from cropxai.cli import options

FIGURES = (".png", ".svg", ".pdf")


def _figure(ctx: click.Context, param: click.Parameter, value: Path | None) -> Path | None:
    if value is not None and value.suffix.lower() not in FIGURES:
        raise click.BadParameter(f"{str(value)!r} ends in {value.suffix!r}; use {', '.join(FIGURES)}")
    return value


@click.command(short_help="Score a model, cross-validate, or score its relevance.")
@options.series
@click.argument("model", required=False, type=click.Path(path_type=str))
@click.option("--folds", type=click.IntRange(2), default=5, show_default=True, help="Without MODEL: number of folds.")
@click.option("--cross-validate", is_flag=True,
              help="Without MODEL: folds in space and at random, side by side; --split is not needed.")  # fmt: skip
@click.option("--by", multiple=True, metavar="COLUMN", help="Column of the series whose values are scored apart.")
@click.option("--ends", "every", type=click.Choice(["month", "dekad"]), default="month", show_default=True,
              help="Season ends that are scored.")  # fmt: skip
@options.coverage
@click.option(
    "--figures", type=click.Path(path_type=Path), metavar="FOLDER", help="Also draw the scores there, as PNG."
)
@click.option("--relevance", is_flag=True, help="Score the relevance of the answers instead of the answers.")
@click.option("--method", "methods", type=click.Choice(options.METHODS), multiple=True,
              help="With --relevance: way to explain, may be repeated.  [default: all]")  # fmt: skip
@options.target
@options.reference
@click.option("--sample", type=click.IntRange(2), default=500, show_default=True,
              help="With --relevance: parcels, drawn at random.")  # fmt: skip
@click.option("--draws", type=click.IntRange(2), default=20, show_default=True,
              help="With --relevance: draws of random dates.")  # fmt: skip
@click.option("--retrain", type=click.IntRange(0), default=0, metavar="STEPS",
              help="With --relevance: train anew on each set of dates that is kept, this many steps.")  # fmt: skip
@click.option("--peer", "peers", multiple=True, type=click.Path(path_type=str), metavar="MODEL",
              help="With --relevance: model of another training to compare with, may be repeated.")  # fmt: skip
@click.option("--truth", type=click.Path(path_type=Path), metavar="FILE",
              help="With --relevance: what each date tells of each pair of classes, to compare with.")  # fmt: skip
@click.option("--figure", type=click.Path(path_type=Path), callback=_figure, help="With --relevance: figure to write.")
@click.option("--json", "json_file", type=click.Path(path_type=Path), help="Also write all scores to this file.")
@options.overwrite
@options.dates
@options.training
@options.progress
def evaluate(series, model, folds, relevance, truth, figure, json_file, overwrite, season, start, end, training,
             progress, peers, retrain, cross_validate, by, every, coverage, figures, **choices):  # fmt: skip
    """Score MODEL on the labelled parcels of SERIES, or, without MODEL, train and score by cross-validation,
    the folds being held back by --split: by class, by season end, by size, by clear dates, with calibration and sets.

    With --relevance, score ways to explain the answers of MODEL instead: what taking dates away does to the answer,
    whether few dates suffice, whether relevance holds still, and, for series of 'cropxai simulate planted', whether it
    finds the dates that are known to decide. With --truth, also whether it lies on the dates that tell the answer from
    its rival.

    \b
    $ cropxai evaluate fields.zarr model/
    $ cropxai evaluate fields.zarr --folds 5 --cross-validate --figures scores/
    $ cropxai evaluate fields.zarr model/ --relevance --figure relevance.png
    """
    from cropxai.explain.faithfulness import Faithfulness, evaluate_relevance
    from cropxai.model import Settings, load_model
    from cropxai.model.evaluate import both_splits
    from cropxai.model.evaluate import cross_validate as train_and_score
    from cropxai.model.evaluate import evaluate as score
    from cropxai.model.scores import Scores, SideBySide
    from cropxai.outputs import check_absent, replacing
    from cropxai.series import CropSeries

    if relevance and model is None:
        raise click.UsageError("--relevance needs MODEL, whose answers are explained")
    if figure is not None and not relevance:
        raise click.UsageError("--figure draws what --relevance finds; give both")
    if truth is not None and not relevance:
        raise click.UsageError("--truth is compared with what --relevance finds; give both")
    if figures is not None and relevance:
        raise click.UsageError("--figures draws the scores of answers; with --relevance give --figure")
    if cross_validate and (relevance or model is not None):
        raise click.UsageError("--cross-validate trains models of its own; leave out MODEL and --relevance")
    for file in (json_file, figure, figures):
        if file is not None:
            check_absent(file, overwrite)
    known = None
    if truth is not None:
        from cropxai.simulate.truth import read_power

        known = read_power(truth)
    cube = CropSeries.open(series).between(*options.chosen_dates(season, start, end))
    scores: Scores | SideBySide | Faithfulness
    asked = {"by": by, "every": every, "coverage": coverage}
    with progress.stage("evaluate") as report:
        if relevance:
            methods = choices.pop("methods") or options.METHODS
            scores = evaluate_relevance(
                cube, load_model(model, cube.level), methods=methods, peers=[load_model(peer) for peer in peers],
                retrain_steps=retrain, truth=known, seed=training["seed"], report=report, **choices,
            )  # fmt: skip
        elif model is not None:
            scores = score(cube, load_model(model, cube.level), report=report, **asked)
        else:
            run = both_splits if cross_validate else train_and_score
            scores = run(cube, Settings(**training), count=folds, report=report, **asked)
    if json_file is not None:
        with replacing(json_file, overwrite) as part:
            part.write_text(json.dumps(scores.asdict(), indent=1, ensure_ascii=False), encoding="utf-8")
    if figure is not None and isinstance(scores, Faithfulness):
        from cropxai.explain.figure import draw

        with replacing(figure, overwrite) as part:
            draw(scores).savefig(part, dpi=150)
    if figures is not None and not isinstance(scores, Faithfulness):
        from cropxai.model.evaluation_figures import draw_all

        with replacing(figures, overwrite) as part:
            part.mkdir()
            draw_all(scores, part)
    progress.result(scores.text(), **scores.asdict())
