"""`cropxai season`."""

import click

from cropxai.cli import options


@click.command(short_help="Find the window of dates that suffices.")
@options.series
@options.output(what="Folder of the study")
@options.overwrite
@options.dates
@options.season_search
@click.option("--test-share", type=click.FloatRange(0.05, 0.5), default=0.2, show_default=True,
              help="Share of the parcels on which the windows are scored.")  # fmt: skip
@options.relevance()
@options.training
@options.progress
def season(series, output, overwrite, season, start, end, top, max_loss, aggregate, test_share, method, target,
           reference, training, progress):  # fmt: skip
    """Train on the whole season of SERIES, find the dates that matter, retrain on the windows they bound.

    Writes windows.csv (the Δt_n table), relevance_by_date.csv (R_t), season.png and the full-season model, on whose
    card the chosen window stands.

    \b
    $ cropxai season fields.zarr -o season/
    """
    from cropxai.model import Settings
    from cropxai.outputs import check_absent
    from cropxai.season import season_study
    from cropxai.series import CropSeries

    check_absent(output, overwrite)
    labelled = CropSeries.open(series).between(*options.chosen_dates(season, start, end))
    with progress.stage("season") as report:
        study = season_study(
            labelled, Settings(**training), most=top, max_loss=max_loss, test_share=test_share, method=method,
            target=target, reference=reference, aggregate=aggregate, report=report,
        )  # fmt: skip
    study.save(output, overwrite)
    progress.result(study.text(), output=str(output), window=study.window_text(), table=study.table.to_dict("records"))
