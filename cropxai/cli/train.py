"""`cropxai train`."""

import click

from cropxai.cli import options


@click.command(short_help="Train a classifier on labelled series.")
@options.series
@options.output(what="Folder of the model")
@options.overwrite
@options.dates
@options.training
@options.log
@options.start_model
@options.freeze
@options.progress
@click.pass_context
def train(ctx, series, output, overwrite, season, start, end, training, log, start_model, freeze, progress):
    """Train a transformer on the labelled parcels of SERIES; stop early on parcels held back.

    A run that was stopped goes on where it stopped when it is started again with the same options.

    \b
    $ cropxai train fields.zarr -o model/
    $ cropxai train few_labels.zarr -o mine/ --from default
    """
    from cropxai.model import Settings, fine_tuning, load_model
    from cropxai.model import train as fit
    from cropxai.model.transfer import MADE
    from cropxai.outputs import check_absent, remove
    from cropxai.series import CropSeries

    check_absent(output, overwrite)
    if log is not None:
        check_absent(log, overwrite=True)  # before the work, not after its first epoch
    if freeze and start_model is None:
        raise click.UsageError("--freeze keeps the encoder of a model as it is; name the model with --from")
    given = options.given(ctx, training)
    if start_model is not None and (made := [f"--{name.replace('_', '-')}" for name in MADE if name in given]):
        raise click.UsageError(
            f"with --from the network is that of the model; leave out {', '.join(made)}, or train anew without --from"
        )
    labelled = CropSeries.open(series).between(*options.chosen_dates(season, start, end))
    if start_model is None:
        origin, settings = None, Settings(**training)
    else:
        origin, settings = load_model(start_model, labelled.level), fine_tuning(freeze, **given)
    checkpoint = output.with_name(f".{output.name}.training")
    with progress.stage("train") as report:
        model = fit(
            labelled, settings, name=output.name, checkpoint=checkpoint, log=log, start=origin, freeze=freeze,
            report=report,
        )  # fmt: skip
    model.save(output, overwrite)
    remove(checkpoint)
    scored = model.card.metrics
    progress.result(
        f"{output}: {len(model.names)} classes, validation accuracy {scored['validation_accuracy']:.4f}, "
        f"macro-F1 {scored['validation_macro_f1']:.4f} ({scored['validation_parcels']} parcels, "
        f"{scored['validation_split']} split), temperature {model.card.temperature:.3f}",
        output=str(output),
        **scored,
    )
