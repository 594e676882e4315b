"""`cropxai classify`."""

import click

from cropxai.cli import options


@click.command(short_help="Classify parcels with a trained model.")
@options.series
@options.model
@options.output((".csv", ".parquet"), what="Table of answers")
@options.overwrite
@options.dates
@options.progress
def classify(series, model, output, overwrite, season, start, end, progress):
    """Classify every parcel of SERIES: crop, confidence, second crop, or why there is no answer.

    \b
    $ cropxai classify fields.zarr --model model/ -o crops.csv
    """
    from cropxai.model import classify as answer
    from cropxai.model import load_model
    from cropxai.outputs import check_absent, replacing
    from cropxai.series import CropSeries

    check_absent(output, overwrite)
    cube = CropSeries.open(series).between(*options.chosen_dates(season, start, end))
    with progress.stage("classify") as report:
        answers = answer(cube, load_model(model), report=report)
    with replacing(output, overwrite) as part:
        if output.suffix.lower() == ".csv":
            answers.frame.to_csv(part, index=False)
        else:
            answers.frame.to_parquet(part, index=False)
    counts = answers.frame["crop"].value_counts()
    unanswered = int((~answers.answered).sum())
    text = f"{len(answers.frame)} parcels, {unanswered} without an answer\n{counts.to_string(header=False)}"
    progress.result(text, output=str(output), parcels=len(answers.frame), unanswered=unanswered, crops=counts.to_dict())
