"""`cropxai convert`: a series from one format to another."""

from pathlib import Path

import click

from cropxai.cli import options
from cropxai.cli.options import SERIES_SUFFIXES
from cropxai.cli.progress import Progress


@click.command(short_help="Turn a series into another format.")
@click.argument("source", type=click.Path(path_type=str))
@options.output(suffixes=SERIES_SUFFIXES, what="Series to write")
@options.region
@click.option("--level", type=click.Choice(["L1C", "L2A"]), help="Processing level of a SOURCE that does not tell it.")
@click.option("--weather", type=click.Path(path_type=str),
              help="Daily temperatures (.csv or .nc): adds thermal time, which .zarr alone keeps.")  # fmt: skip
@options.overwrite
@options.progress
def convert(
    source: str, output: Path, region: str, level: str | None, weather: str | None, overwrite: bool, progress: Progress
) -> None:
    """Read the series SOURCE and write it in the format that the suffix of the output names.

    Formats: .zarr (the store of this program), .h5 (TinyEuroCrops, with its label CSVs beside it), .eurocropsml (a
    folder of EuroCropsML npz files; as SOURCE any folder of them), .parquet and .csv (one row a parcel and date), .nc.

    \b
    $ cropxai convert fields.zarr -o fields.parquet
    $ cropxai convert fields.zarr -o warm.zarr --weather temperatures.csv
    """
    from cropxai.outputs import check_absent
    from cropxai.series import with_thermal_time
    from cropxai.series.exchange import read_series, write_series

    check_absent(output, overwrite)
    if weather is not None and output.suffix != ".zarr":
        raise click.UsageError(f"{output} cannot keep the thermal time that --weather adds; write a .zarr")
    with progress.stage("convert") as report:
        series = read_series(source, level)
        report(0.5, "")
        if weather is not None:
            series = with_thermal_time(series, weather)
        write_series(series, output, region, overwrite)
    progress.result(series.summary(), output=str(output), parcels=len(series), dates=len(series.dates))
