"""`cropxai ingest`: from parcels and rasters to a series."""

from pathlib import Path
from typing import Any

import click

from cropxai.cli import options
from cropxai.cli.progress import Progress


def _band_names(ctx: click.Context, param: click.Parameter, value: str | None) -> list[str] | None:
    from cropxai.bands import band_name

    if value is None:
        return None
    names = {text: band_name(text) for text in value.split(",") if text.strip()}
    unknown = [text for text, name in names.items() if name is None]
    if unknown or not names:
        raise click.BadParameter(f"{', '.join(unknown) or repr(value)}: no Sentinel-2 band; write B02,B03,…")
    return [name for name in names.values() if name is not None]


@click.command(short_help="Extract parcel time series from Sentinel-2.")
@options.parcels
@options.scenes
@options.output(suffixes=(".zarr",), what="Series to write")
@options.layer
@options.id_field
@options.label_field
@click.option("--bands", callback=_band_names, help="Bands to read, such as B02,B03,B04.  [default: all]")
@options.reading
@options.dates
@options.overwrite
@options.progress
def ingest(
    parcels: str, scenes: tuple[str, ...], output: Path, reading: dict[str, Any], overwrite: bool, progress: Progress,
    **choices: Any,
) -> None:  # fmt: skip
    """Extract the median reflectance of every parcel, date and band.

    PARCELS is any vector file in any CRS; SCENES are multi-band GeoTIFFs, one a date, or folders of them. A run that
    was stopped goes on where it stopped when it is started again.

    \b
    $ cropxai ingest fields.shp S2_2018/ -o fields.zarr
    """
    from cropxai.ingest import extract_series
    from cropxai.outputs import check_absent, remove

    season = {name: choices.pop(name) for name in ("season", "start", "end")}
    start, end = options.chosen_dates(**season)
    check_absent(output, overwrite)
    parts = output.with_name(f".{output.name}.parts")
    with progress.stage("ingest") as report:
        series = extract_series(
            parcels, list(scenes), start=start, end=end, workdir=parts, report=report, **reading, **choices
        )
    series.save(output, overwrite=overwrite)
    remove(parts)
    progress.result(series.summary(), output=str(output), parcels=len(series), dates=len(series.dates))
