"""`cropxai report`: a map in words, tables and figures."""

from pathlib import Path

import click

from cropxai.cli import options


@click.command(short_help="One page on a map: tables, figures, how it was made.")
@click.argument("crop_map", metavar="MAP", type=click.Path(path_type=str))
@options.output((".html", ".htm"), what="Report to write")
@click.option("--figures", "folder", type=click.Path(path_type=Path), help="Folder for the figures as SVG and PNG.")
@options.overwrite
@options.progress
def report(crop_map, output, folder, overwrite, progress):
    """Write a report of a map as one HTML file that opens without a network.

    MAP is a GeoPackage that `cropxai map` wrote. With declared crops in it (`--label-field`), the report compares.

    \b
    $ cropxai report crops.gpkg -o report.html
    """
    from cropxai.maps.report import write_report

    with progress.stage("report"):
        made = write_report(crop_map, output, figures_folder=folder, overwrite=overwrite)
    progress.result(f"{made}: report of {crop_map}", output=str(made))
