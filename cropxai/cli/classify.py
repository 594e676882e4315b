"""`cropxai classify`."""

import click

from cropxai.cli import options
from cropxai.cli.options import MAP_SUFFIXES


@click.command(short_help="Classify parcels with a trained model.")
@options.series
@options.model
@options.output(MAP_SUFFIXES, what="Map or table of answers")
@options.overwrite
@options.dates
@options.coverage
@options.progress
def classify(series, model, output, overwrite, season, start, end, coverage, progress):
    """Classify every parcel of SERIES: crop, confidence, the crops it may be, whether it is like what the model knows,
    or why there is no answer.

    \b
    $ cropxai classify fields.zarr --model model/ -o crops.gpkg
    """
    from cropxai.model import classify as answer
    from cropxai.model import load_model
    from cropxai.model.predict import UNLIKE
    from cropxai.outputs import check_absent
    from cropxai.pipeline import save_answers
    from cropxai.series import CropSeries

    check_absent(output, overwrite)
    cube = CropSeries.open(series).between(*options.chosen_dates(season, start, end))
    trained = load_model(model)
    with progress.stage("classify") as report:
        answers = answer(cube, trained, coverage=coverage, report=report)
    save_answers(answers, cube, trained, output, overwrite)
    counts = answers.frame["crop"].value_counts()
    unanswered = int((~answers.answered).sum())
    unlike = int((answers.frame["status"] == UNLIKE).sum())
    head = f"{len(answers.frame)} parcels, {unanswered} without an answer, {unlike} {UNLIKE}"
    text = f"{head}\n{counts.to_string(header=False)}"
    progress.result(
        text,
        output=str(output),
        parcels=len(answers.frame),
        unanswered=unanswered,
        unlike=unlike,
        crops=counts.to_dict(),
    )
