"""`cropxai season`."""

from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cropxai.cli import options
from cropxai.cli.progress import Progress


@click.command(short_help="Find how early crops are known, and from which dates.")
@options.series
@options.output(what="Folder of the study; with --today a table (.csv)")
@options.overwrite
@options.dates
@options.season_search
@click.option("--test-share", type=click.FloatRange(0.05, 0.5), default=0.2, show_default=True,
              help="Share of the parcels on which windows and rules are scored.")  # fmt: skip
@click.option("--procedure", type=click.Choice(["all", "paper", "search"]), default="all", show_default=True,
              help="The paper's windows Δt_n, the guided search with each parcel's date, or both.")  # fmt: skip
@click.option("--most-dates", type=click.IntRange(1), default=8, show_default=True, help="Most dates to choose.")
@click.option("--rivals", is_flag=True, help="Also train ELECTS, trial and error, and other windows (long).")
@click.option("--weather", type=click.Path(path_type=str), help="Daily temperatures (.csv or .nc), for thermal time.")
@click.option("--other-year", type=click.Path(path_type=str),
              help="Labelled series of another year, to apply the window to; needs both weathers.")  # fmt: skip
@click.option("--other-weather", type=click.Path(path_type=str), help="Daily temperatures of the other year.")
@click.option("--today", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD",
              help="Say which parcels --model can decide on this day; nothing is trained.")  # fmt: skip
@options.model
@click.option("--reproduce-paper", is_flag=True,
              help="Run the paper's experiment on SERIES: TinyEuroCrops, or the word simulated.")  # fmt: skip
@options.relevance()
@options.training
@options.progress
def season(series, output, overwrite, season, start, end, top, max_loss, aggregate, test_share, procedure, most_dates,
           rivals, weather, other_year, other_weather, today, model, reproduce_paper, method, target, reference,
           training, progress):  # fmt: skip
    """Find the earliest window and the fewest dates of SERIES that suffice, and when each parcel can be decided.

    Writes the Δt_n of the paper (windows.csv, season.png), the guided search (search.csv, confirmed.csv), the rules
    that decide each parcel (rules.csv, accuracy_by_date.png), relevance against growth stages (stages.csv, crops/) and
    models: model/ for any day of the season, window_model/ for the window alone.

    \b
    $ cropxai season fields.zarr -o season/
    $ cropxai season now.zarr -o june.csv --model season/model --today 2024-06-15
    $ cropxai season m1615987/ -o paper/ --reproduce-paper
    """
    from cropxai.model import Settings
    from cropxai.outputs import check_absent

    check_absent(output, overwrite)
    kept = options.chosen_dates(season, start, end)
    if today is not None:
        _today(series, kept, weather, model, today, output, overwrite, progress)
        return
    if rivals and (reproduce_paper or procedure == "paper"):
        raise click.UsageError("--rivals are of the search, which is not asked for; leave out --rivals")
    if reproduce_paper:
        whole = {"--season": season, "--start": start, "--end": end, "--weather": weather, "--other-year": other_year}
        if given := [name for name, value in whole.items() if value is not None]:
            raise click.UsageError(f"--reproduce-paper takes the series as it is; leave out {', '.join(given)}")
        from cropxai.season.paper import reproduce_paper as reproduce

        with progress.stage("season") as report:
            run = reproduce(series, Settings(**training), most=top, report=report)
        run.save(output, overwrite)
        progress.result(run.text(), output=str(output), window=run.study.window_text(),
                        table=run.table.to_dict("records"))  # fmt: skip
        return
    if other_year is not None and (weather is None or other_weather is None):
        raise click.UsageError("--other-year needs the warmth of both years; give --weather and --other-weather")
    from cropxai.season.whole import whole_study

    with progress.stage("season") as report:
        study = whole_study(
            _opened(series, kept, weather), Settings(**training), procedure=procedure, rivals=rivals,
            other=None if other_year is None else _opened(other_year, (None, None), other_weather), most=top,
            most_dates=most_dates, max_loss=max_loss, test_share=test_share, method=method, target=target,
            reference=reference, aggregate=aggregate, report=report,
        )  # fmt: skip
    study.save(output, overwrite)
    progress.result(study.text(), output=str(output), window=study.window_text(), table=study.rows())


def _opened(path: Any, kept: Any, weather: str | None) -> Any:
    """Open a series, keep some dates, and give it thermal time if there is weather."""
    from cropxai.series import CropSeries, with_thermal_time

    opened = CropSeries.open(path).between(*kept)
    return opened if weather is None else with_thermal_time(opened, weather)


def _today(series: Any, kept: Any, weather: str | None, model: str, today: datetime, output: Path, overwrite: bool,
           progress: Progress) -> None:  # fmt: skip
    """Write which parcels can be decided."""
    from cropxai.model import load_model
    from cropxai.outputs import replacing
    from cropxai.season.today import decide_today

    if output.suffix != ".csv":
        raise click.UsageError(f"--today writes a table; give -o a name that ends in .csv, not {output.name!r}")
    with progress.stage("season") as report:
        opened = _opened(series, kept, weather)
        found = decide_today(opened, load_model(model, opened.level), today.date(), report)
    with replacing(output, overwrite) as place:
        found.parcels.to_csv(place, index=False)
    progress.result(found.text(), output=str(output), decided=int(found.parcels["decided"].sum()),
                    parcels=len(found.parcels))  # fmt: skip
