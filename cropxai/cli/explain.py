"""`cropxai explain`."""

import click

from cropxai.cli import options


@click.command(short_help="Explain answers: the relevance of dates and bands.")
@options.series
@options.model
@options.output((".zarr",), what="Store of the relevance")
@options.overwrite
@options.dates
@options.relevance()
@click.option("--level", type=click.Choice(["date", "band"]),
              help="Relevance of parcel × date, or × band too.  [default: the finest that the method has]")  # fmt: skip
@click.option("--true-label", is_flag=True, help="Explain the label of the series instead of the predicted class.")
@click.option("--class", "wanted", metavar="CROP", help="Explain this class, of every parcel.")
@click.option("--dtype", type=click.Choice(["float32", "float64", "bfloat16"]), default="float32", show_default=True,
              help="Numbers in which the network runs.")  # fmt: skip
@click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True,
              help="Where the network runs.")  # fmt: skip
@click.option("--selfcheck", is_flag=True, help="First compare 8 random parcels with the explicit reference.")
@options.far
@options.workers_of_dask
@options.progress
def explain(
    series, model, output, overwrite, season, start, end, true_label, wanted, selfcheck, dask, workers, progress,
    **choices,
):  # fmt: skip
    """Write the relevance of every parcel × date (× band) of SERIES for the answer of the model.

    \b
    $ cropxai explain fields.zarr --model model/ -o relevance.zarr
    $ cropxai explain fields.zarr --level date --selfcheck -o relevance.zarr
    $ cropxai explain country.zarr --dask tcp://host:8786 -o relevance.zarr
    $ cropxai explain fields.zarr --method integrated-gradients -o relevance.zarr
    """
    from contextlib import ExitStack, closing

    from cropxai.cluster import Cluster
    from cropxai.explain import LRP, explain_to
    from cropxai.explain.methods import check_method
    from cropxai.explain.rules import RULES
    from cropxai.model import load_model
    from cropxai.model.streaming import Store, most_workers
    from cropxai.outputs import check_absent
    from cropxai.series import CropSeries

    check_absent(output, overwrite)
    try:
        check_method(*(choices[name] for name in ("method", "level", "dtype", "device")))
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    if selfcheck and choices["method"] not in RULES:
        raise click.UsageError(f"--selfcheck compares rules of LRP ({', '.join(RULES)}), not {choices['method']}")
    dates = options.chosen_dates(season, start, end)
    cube = CropSeries.open(series).between(*dates)
    trained = load_model(model, cube.level)
    trained.check(cube)
    if wanted is not None and true_label:
        raise click.UsageError("--class and --true-label exclude each other")
    if wanted is not None and trained.class_of([wanted]) == [""]:
        raise click.UsageError(f"--class {wanted!r} is none of the model's: {', '.join(trained.names)}")
    deviation = None
    if selfcheck:
        rules = {("rule" if name == "method" else name): value for name, value in choices.items() if value is not None}
        deviation = LRP(trained, **rules).selfcheck(cube)
        progress.log(f"selfcheck: largest deviation from the explicit reference {deviation:.1e}")
    labels = cube.labels if true_label else None if wanted is None else [wanted] * len(cube)
    with ExitStack() as stack, progress.stage("explain") as report:
        cluster = None if dask is None else stack.enter_context(closing(Cluster(dask, workers or most_workers())))
        relevance = explain_to(
            output, cube, trained, overwrite=overwrite, labels=labels, report=report, cluster=cluster,
            store=Store.of(series, *dates), **choices,
        )  # fmt: skip
    answered = int((relevance.crop != "").sum())
    size = f"{answered} of {len(relevance)} parcels × {len(relevance.dates)} dates"
    choices["level"] = relevance.dataset.attrs["level"]
    text = f"{output}: {size}, {choices['method']} of the {choices['target']} by {choices['level']}"
    progress.result(text, output=str(output), parcels=answered, selfcheck=deviation, **choices)
