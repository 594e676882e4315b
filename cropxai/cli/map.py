"""`cropxai map`: the main job."""

import sys

import click

from cropxai.cli import options
from cropxai.cli.options import MAP_SUFFIXES


@click.command("map", short_help="Parcels and scenes to an explained crop map.")
@options.parcels
@options.scenes
@options.output(MAP_SUFFIXES, what="Map to write")
@options.model
@options.layer
@options.id_field
@options.label_field
@options.reading
@options.dates
@options.relevance(options.BAND_METHODS)
@options.season_search
@options.decided_at
@options.coverage
@options.reflectance(default=True)
@options.overwrite
@options.progress
def crop_map(parcels, scenes, output, model, layer, id_field, label_field, reading, season, start, end,
             overwrite, progress, **choices):  # fmt: skip
    """Classify every parcel, explain the answer by dates and bands, and write a styled map.

    PARCELS is any vector file in any CRS; SCENES are as of 'cropxai ingest'.

    \b
    $ cropxai map fields.shp S2_2018/ -o crops.gpkg
    """
    from cropxai.model.predict import UNLIKE
    from cropxai.pipeline import crop_map as make

    first, last = options.chosen_dates(season, start, end)
    reading = {"layer": layer, "id_field": id_field, **reading}
    with progress.stage("map") as report:
        made = make(
            parcels, list(scenes), output, model=model, label_field=label_field, start=first, end=last,
            reading=reading, command=["cropxai", *sys.argv[1:]], overwrite=overwrite, report=report, **choices,
        )  # fmt: skip
    unlike = int((made.answers.frame["status"] == UNLIKE).sum())
    counts = made.answers.frame["crop"].value_counts().to_dict()
    progress.result(made.text(), output=str(output), crops=counts, unanswered=made.unanswered, unlike=unlike)
