"""`cropxai simulate`: parcels, series and scenes of known truth."""

from pathlib import Path
from typing import Any

import click

from cropxai.cli import options
from cropxai.cli.progress import Progress

year = click.option("--year", type=int, default=2018, show_default=True, help="Season to simulate.")


def cloudiness(default: float) -> options.Decorator:
    """Give `--cloudiness`."""
    text = "Mean share of cloud, 0.01 to 0.99."
    return click.option("--cloudiness", type=float, default=default, show_default=True, help=text)


@click.group(short_help="Make simulated parcels, series and scenes.")
def simulate() -> None:
    """Make parcels whose crops are known, and what Sentinel-2 would see of them; all of it simulated.

    \b
    $ cropxai simulate scenes -o demo --seed 7
    $ cropxai simulate country -o country.zarr --parcels 20000
    $ cropxai simulate planted -o twins.zarr
    """


@simulate.command(short_help="Series of many parcels in several regions.")
@options.output(suffixes=(".zarr",), what="Series to write")
@click.option("--parcels", type=int, default=5000, show_default=True, help="Number of parcels.")
@year
@click.option("--level", type=click.Choice(["L1C", "L2A"]), default="L2A", show_default=True, help="Processing level.")
@click.option("--country", "countries", default="Austria,Denmark,Slovenia", show_default=True,
              help="Countries, separated by commas; Bavaria and Flanders are others.")  # fmt: skip
@click.option("--crops", help="Crops to grow, separated by commas.  [default: all]")
@click.option("--balance", type=float, default=0.0, show_default=True,
              help="0: crops as common as they are, 1: all alike.")  # fmt: skip
@click.option(
    "--weather", help="Years whose weather the landscapes have, in turn, separated by commas.  [default: --year]"
)
@click.option("--classes", type=click.Choice(["crops", "tinyeurocrops"]), default="crops", show_default=True,
              help="Label each crop, or the 44 classes of TinyEuroCrops.")  # fmt: skip
@click.option("--bands", help="Bands, separated by commas.  [default: all of the level]")
@click.option("--orbits", type=click.IntRange(1, 2), default=2, show_default=True, help="Orbits that pass (L2A).")
@click.option("--regions", type=int, default=9, show_default=True, help="Landscapes with their own weather and soil.")
@cloudiness(0.5)
@click.option("--hardness", type=float, default=0.4, show_default=True,
              help="Factor on the differences between the growing fields of a crop, 0 to 3.")  # fmt: skip
@click.option("--irrigated", type=float, default=0.0, show_default=True,
              help="Share of fields of maize, potatoes, beet, vegetables, berries that are watered.")  # fmt: skip
@click.option("--label-noise", type=float, default=0.0, show_default=True, help="Share of wrongly declared crops.")
@click.option("--truth", is_flag=True, help="Keep the signal without clouds and noise, the clouds and all events.")
@options.seed
@options.overwrite
@options.progress
def country(output: Path, overwrite: bool, progress: Progress, **choices: Any) -> None:
    """Simulate the series of a country's parcels, for training and tests.

    \b
    $ cropxai simulate country -o country.zarr --parcels 20000 --year 2019 --seed 1
    $ cropxai simulate country -o austria.zarr --country Austria --level L1C --classes tinyeurocrops --truth
    """
    from cropxai.outputs import check_absent
    from cropxai.series.store import save_pieces
    from cropxai.simulate import Country, simulate_pieces

    named: dict[str, Any] = {name: _listed(choices.pop(name)) for name in ("countries", "crops", "bands")}
    years = _listed(choices.pop("weather"))
    try:
        named["weather"] = None if years is None else [int(year) for year in years]
    except ValueError:
        raise click.BadParameter(
            f"{', '.join(years or [])}: give years, as in 2017,2018", param_hint="--weather"
        ) from None
    land = Country(**choices, **named)
    check_absent(output, overwrite)
    with progress.stage("simulate") as report:
        save_pieces(simulate_pieces(land, report=report), output, overwrite)
    _tell(progress, output)


def _tell(progress: Progress, output: Path) -> None:
    from cropxai.series import CropSeries

    series = CropSeries.open(output)
    progress.result(f"{output}: simulated, {series.summary()}", output=str(output), parcels=len(series))


@simulate.command(short_help="Series of twins whose deciding dates are known.")
@options.output(suffixes=(".zarr",), what="Series to write")
@click.option("--parcels", type=int, default=4000, show_default=True, help="Number of parcels, an even one.")
@year
@click.option("--bands", help="Bands, separated by commas.  [default: the ten that see the ground]")
@click.option("--orbits", type=click.IntRange(1, 2), default=1, show_default=True, help="Orbits that pass.")
@click.option("--regions", type=int, default=8, show_default=True, help="Regions with their own season and soil.")
@cloudiness(0.35)
@click.option("--decoys", type=int, default=3, show_default=True, help="Snow covers, and waterings, a field.")
@options.seed
@options.overwrite
@options.progress
def planted(output: Path, overwrite: bool, progress: Progress, bands: str | None, **choices: Any) -> None:
    """Simulate pairs of classes that differ on known dates of each parcel and nowhere else, to test explanations.

    \b
    $ cropxai simulate planted -o twins.zarr --parcels 4000 --seed 1
    $ cropxai train twins.zarr -o model/
    $ cropxai evaluate twins.zarr model/ --relevance
    """
    from cropxai.outputs import check_absent
    from cropxai.simulate import simulate_planted

    check_absent(output, overwrite)
    with progress.stage("simulate") as report:
        series = simulate_planted(**choices, bands=_listed(bands), report=report)
    series.save(output, overwrite=overwrite)
    _tell(progress, output)


@simulate.command(short_help="Which dates tell which crops apart.")
@options.series
@options.output(suffixes=(".csv", ".parquet"), what="Table to write")
@click.option("--parcels", type=click.IntRange(30), default=300, show_default=True, help="Parcels of a class, at most.")
@options.seed
@options.overwrite
@options.progress
def power(series: Path, output: Path, parcels: int, seed: int, overwrite: bool, progress: Progress) -> None:
    """Measure for every pair of classes how well each date of SERIES, simulated with --truth, tells them apart.

    \b
    $ cropxai simulate country -o country.zarr --truth --crops "winter wheat,winter rapeseed,maize"
    $ cropxai simulate power country.zarr -o power.csv
    $ cropxai evaluate country.zarr model/ --relevance --truth power.csv
    """
    from cropxai.outputs import check_absent
    from cropxai.series import CropSeries
    from cropxai.simulate.truth import power_of_series, save_power

    check_absent(output, overwrite)
    with progress.stage("power") as report:
        table = power_of_series(CropSeries.open(series), most=parcels, seed=seed, report=report)
    save_power(table, output, overwrite)
    pairs = len(table.groupby(["crop", "rival"])) - 1
    progress.result(f"{output}: {pairs} pairs of classes", output=str(output), pairs=pairs)


@simulate.command(short_help="Rasters, parcels and truth of a small landscape.")
@options.output(what="Folder to make")
@click.option("--parcels", type=int, default=150, show_default=True, help="Number of parcels.")
@click.option("--size", type=int, default=216, show_default=True, help="Pixels of 10 m along each side; even.")
@year
@click.option("--dates", type=int, default=28, show_default=True, help="Number of dates, February to October.")
@cloudiness(0.45)
@click.option(
    "--format",
    type=click.Choice(["geotiff", "safe"]),
    default="geotiff",
    show_default=True,
    help="One GeoTIFF a tile and date, or one SAFE product as ESA delivers them.",
)
@options.seed
@options.overwrite
@options.progress
def scenes(output: Path, progress: Progress, **choices: Any) -> None:
    """Simulate a landscape as Sentinel-2 L2A scenes of two tiles with clouds, its parcels, and the truth beside them.

    \b
    $ cropxai simulate scenes -o demo --seed 7
    """
    from cropxai.simulate import simulate_scenes

    with progress.stage("simulate") as report:
        simulate_scenes(output, **choices, report=report)
    parcels, dates = choices["parcels"], choices["dates"]
    progress.result(f"{output}: {parcels} simulated parcels, {dates} dates", output=str(output), parcels=parcels)


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [word.strip() for word in text.split(",") if word.strip()]
