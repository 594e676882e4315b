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
@options.reflectance(default=False)
@options.engine
@options.progress
def classify(
    series, model, output, overwrite, season, start, end, ensemble, reflectance, workers, dask, progress, **choices
):  # fmt: skip
    """Classify every parcel of SERIES: crop, confidence, the crops it may be, whether it is like what the model knows,
    or why there is no answer.

    \b
    $ cropxai classify fields.zarr --model model/ -o crops.gpkg
    $ cropxai classify fields.zarr --until 2024-06-15 -o crops.gpkg
    $ cropxai classify country.zarr --dask tcp://host:8786 -o crops.parquet
    """
    from contextlib import ExitStack, closing

    from cropxai.cluster import Cluster
    from cropxai.model import classify as answer
    from cropxai.model import load_model
    from cropxai.model.predict import UNLIKE, Far
    from cropxai.model.streaming import Store, most_workers
    from cropxai.outputs import check_absent
    from cropxai.pipeline import save_answers
    from cropxai.series import CropSeries
    from cropxai.workplace import Workplace

    check_absent(output, overwrite)
    if reflectance and output.suffix.lower() != ".gpkg":
        raise click.UsageError(f"--reflectance is kept by a .gpkg alone; give -o such a name, not {output.name!r}")
    dates = options.chosen_dates(season, start, end)
    cube = CropSeries.open(series).between(*dates)
    models = [load_model(name, cube.level) for name in (model, *ensemble)]
    with ExitStack() as stack, progress.stage("classify") as report:
        far = None
        if dask is not None:
            cluster = stack.enter_context(closing(Cluster(dask, workers or most_workers())))
            place = stack.enter_context(Workplace(output))
            far = Far(cluster, Store.of(series, *dates), place.folder)
        answers = answer(cube, models, workers=workers, far=far, report=report, **choices)
        save_answers(answers, cube, models[0], output, overwrite, reflectance=reflectance)
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
