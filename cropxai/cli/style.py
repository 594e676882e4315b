"""`cropxai style`."""

import click

from cropxai.cli import options


@click.command(short_help="Write the styles of a map anew.")
@click.argument("map_file", metavar="MAP", type=click.Path(path_type=str))
@options.progress
def style(map_file, progress):
    """Write the styles, forms and QGIS project of MAP anew: after it was renamed, or after colours were changed.

    The colours are those of its table classes. Styles that were saved in QGIS are kept; the data are not touched.

    \b
    $ cropxai style crops.gpkg
    """
    from cropxai.maps.reading import restyle

    names = restyle(map_file)
    progress.result(f"{map_file}: styles {', '.join(names)}", output=map_file, styles=list(names))
