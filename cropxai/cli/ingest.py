"""`cropxai ingest`: from parcels and rasters to a series."""

from pathlib import Path
from typing import Any

import click

from cropxai.cli import options
from cropxai.cli.options import SERIES_SUFFIXES
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


def _share(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, int] | None:
    number, _, of = (value or "").partition("/")
    if value is None:
        return None
    if not (number.isdigit() and of.isdigit() and 1 <= int(number) <= int(of)):
        raise click.BadParameter(f"{value!r} is no share; write 1/8 for the first of eight, up to 8/8")
    return int(number), int(of)


@click.command(short_help="Extract parcel time series from Sentinel-2.")
@options.parcels
@options.scenes
@options.output(suffixes=SERIES_SUFFIXES, what="Series to write")
@options.layer
@options.id_field
@options.label_field
@click.option("--bands", callback=_band_names, help="Bands to read, such as B02,B03,B04.  [default: all]")
@options.reading
@options.dates
@click.option("--update", is_flag=True, help="Add what is new to the series if it exists; read nothing else.")
@click.option(
    "--shard",
    "share",
    metavar="I/N",
    callback=_share,
    help="Measure the I-th of N shares only, as one job of an array.",
)
@options.region
@options.overwrite
@options.progress
def ingest(
    parcels: str, scenes: tuple[str, ...], output: Path, reading: dict[str, Any], update: bool,
    share: tuple[int, int] | None, region: str, overwrite: bool, progress: Progress, **choices: Any,
) -> None:  # fmt: skip
    """Extract the median reflectance of every parcel, date and band.

    PARCELS is any vector file in any CRS. SCENES are GeoTIFFs (one a date, or one a band), SAFE products (folders or
    zip archives), folders of them, STAC items and catalogues (.json), or lists (.csv, .parquet); docs/ingest.md tells
    of each. A run that was stopped goes on where it stopped when it is started again. The suffix of the output names
    the format: .zarr keeps everything, and is what the other commands take; .h5 is TinyEuroCrops; `convert` tells of
    the others.

    \b
    $ cropxai ingest fields.shp S2_2018/ -o fields.zarr
    $ cropxai ingest fields.shp S2_2018/ -o fields.h5 --label-field crop
    $ cropxai ingest fields.shp items.json -o fields.zarr             # a STAC search that was saved
    $ cropxai ingest fields.shp S2_2018/ -o fields.zarr --update      # later in the season
    $ cropxai ingest fields.shp S2_2018/ -o fields.zarr --shard 3/8   # one of eight jobs
    $ cropxai ingest fields.shp S2_2018/ -o fields.zarr --dask tcp://host:8786
    """
    from cropxai.errors import SharesLeft
    from cropxai.ingest import Share, extract_series
    from cropxai.outputs import check_absent
    from cropxai.series import CropSeries
    from cropxai.series.exchange import write_series
    from cropxai.series.store import sources
    from cropxai.workplace import Workplace

    if update and overwrite:
        raise click.UsageError("--update adds to the series and --overwrite replaces it; give one of them")
    if update and output.suffix.lower() != ".zarr":
        raise click.UsageError(f"--update adds to a .zarr series; {output.name} is none")
    season = {name: choices.pop(name) for name in ("season", "start", "end")}
    start, end = options.chosen_dates(**season)
    check_absent(output, overwrite or update)
    try:
        with Workplace(output, shared=share is not None) as place, progress.stage("ingest") as report:
            series = extract_series(
                parcels, list(scenes), start=start, end=end, workdir=place.folder, report=report,
                share=None if share is None else Share(*share),
                former=CropSeries.open(output) if update and output.exists() else None, **reading, **choices,
            )  # fmt: skip
            if not place.alone():
                raise SharesLeft(str(share), 0, len(series.dates))
            write_series(series, output, region, overwrite or update)
    except SharesLeft as left:
        progress.result(str(left), rasters=left.total, rasters_left=left.left)
        return
    rasters = len(sources(series))
    told = [f"{rasters} rasters measured", *(f"{count} × {why}" for why, count in progress.set_aside.items())]
    progress.result(
        f"{series.summary()}\n{'; '.join(told)}", output=str(output), parcels=len(series), dates=len(series.dates),
        rasters=rasters, rasters_set_aside=progress.set_aside, parcels_without_series=series.without_series(),
    )  # fmt: skip
