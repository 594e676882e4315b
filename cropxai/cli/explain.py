"""`cropxai explain`."""

import click

from cropxai.cli import options


@click.command(short_help="Explain answers: the relevance of dates and bands.")
@options.series
@options.model
@options.output((".zarr",), what="Store of the relevance")
@options.overwrite
@options.dates
@options.relevance
@click.option("--true-label", is_flag=True, help="Explain the label of the series instead of the predicted class.")
@options.progress
def explain(series, model, output, overwrite, season, start, end, rule, target, reference, true_label, progress):
    """Write the relevance of every parcel × date × band of SERIES for the answer of the model.

    \b
    $ cropxai explain fields.zarr --model model/ -o relevance.zarr
    """
    from cropxai.explain import explain_to
    from cropxai.model import load_model
    from cropxai.outputs import check_absent
    from cropxai.series import CropSeries

    check_absent(output, overwrite)
    cube = CropSeries.open(series).between(*options.chosen_dates(season, start, end))
    labels = cube.labels if true_label else None
    with progress.stage("explain") as report:
        relevance = explain_to(
            output, cube, load_model(model), overwrite=overwrite, rule=rule, target=target, reference=reference,
            labels=labels, report=report,
        )  # fmt: skip
    answered = int((relevance.crop != "").sum())
    text = (
        f"{output}: {answered} of {len(relevance.crop)} parcels × {len(relevance.dates)} dates, {rule} of the {target}"
    )
    progress.result(text, output=str(output), parcels=answered, rule=rule, target=target, reference=reference)
