# SPDX-License-Identifier: GPL-2.0-or-later
"""What the algorithms are: which command each runs, its parameters and what it gives. Nothing but tables; no QGIS.

A parameter whose value is the command's own default is left out of the command line. The tests compare options,
choices, ranges and defaults with those of the command line.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """One parameter: what a person sees, and how it reaches the command line.

    ``kind`` is one of parcels, field, folder, file, rasters, map, choice, whole, number, text, date, flag and extra.
    Without ``option`` the value stands by itself, in the order of the table. The ``choices`` of a text are offered;
    scripts and models may give others.
    """

    name: str
    label: str
    help: str
    kind: str
    option: str = ""
    default: Any = None
    choices: tuple[str, ...] = ()
    least: float | None = None
    most: float | None = None
    optional: bool = False
    advanced: bool = False
    suffixes: str = ""


@dataclass(frozen=True)
class Output:
    """What the command writes: a ``map`` (GeoPackage), a ``store`` (.zarr), a ``folder`` or a ``page`` (.html)."""

    kind: str
    label: str
    help: str
    option: str = "-o"
    name: str = "OUTPUT"
    optional: bool = False


@dataclass(frozen=True)
class Result:
    """A value of the command's result that models can use; counts by name are added up."""

    name: str
    label: str
    key: str
    number: bool = True


@dataclass(frozen=True)
class Command:
    """One algorithm: a command of cropxai with its parameters in the order in which they are shown."""

    name: str
    title: str
    group: str
    summary: str
    help: str
    parameters: tuple[Parameter, ...]
    outputs: tuple[Output, ...] = ()
    results: tuple[Result, ...] = ()
    tags: tuple[str, ...] = ()
    #: Names of parameters of which one must be given.
    one_of: tuple[str, ...] = ()


def _advanced(*parameters: Parameter) -> tuple[Parameter, ...]:
    return tuple(replace(parameter, advanced=True) for parameter in parameters)


PARCELS = Parameter(
    "PARCELS", "Parcels", "Field boundaries, one polygon a field. Filters and selections count; edits must be saved.",
    "parcels",
)  # fmt: skip
LABEL_FIELD = Parameter(
    "LABEL_FIELD", "Field with the declared crop", "It is kept beside the answer for comparison, and needed to train.",
    "field", "--label-field", optional=True,
)  # fmt: skip
ID_FIELD = Parameter(
    "ID_FIELD", "Field with the identifier", "By default parcel_id or id, else the number of the row.",
    "field", "--id-field", optional=True,
)  # fmt: skip
SCENES = (
    Parameter(
        "SCENES", "Folder of Sentinel-2 scenes",
        "GeoTIFFs (one a date, or one a band) or SAFE products. Give this, rasters, or a catalogue.",
        "folder", optional=True,
    ),
    Parameter(
        "RASTERS", "Sentinel-2 rasters", "Raster layers or files, one a date, that name their bands.",
        "rasters", optional=True,
    ),
    Parameter(
        "CATALOGUE", "Catalogue of scenes", "STAC items or catalogue (.json), or a list of scenes (.csv, .parquet).",
        "file", optional=True, suffixes="STAC, list (*.json *.geojson *.csv *.parquet)",
    ),
)  # fmt: skip
#: Classes of the models that come with cropxai: offered where a crop is asked for; a model of your own may have others.
CROPS = (
    "alfalfa", "aromatic plants", "beans", "berries", "clover", "cucurbits", "energy crops", "fallow", "flowers",
    "fodder roots", "grain maize", "grassland", "greenhouse", "hemp", "hops", "millet", "nurseries", "nuts",
    "orchards", "other", "other cereals", "other green fodder", "other industrial crops", "other leguminous crops",
    "other oilseed crops", "peas", "potatoes", "seed and seedlings", "silage maize", "soybeans", "spring barley",
    "spring durum wheat", "spring oats", "spring triticale", "spring wheat", "sugar beet", "sunflower",
    "temporary grass", "unmaintained", "vegetables", "vineyards", "winter barley", "winter durum wheat",
    "winter oats", "winter rapeseed", "winter rye", "winter spelt", "winter triticale", "winter wheat",
)  # fmt: skip
SERIES = Parameter("SERIES", "Series", "Folder (.zarr) that 'Extract series' wrote.", "folder")
MAP = Parameter("MAP", "Crop map", "A layer of a crop map, or its GeoPackage.", "map")
MODEL = Parameter(
    "MODEL", "Model", "A model that comes with cropxai; 'default' is that of the level of the scenes or series.",
    "choice", "--model", "default", ("default", "europe-l1c", "europe-l2a"),
)  # fmt: skip
MODEL_FOLDER = Parameter(
    "MODEL_FOLDER", "Folder of your own model", "Written by 'Train model'; used in place of the model above.",
    "folder", "--model", optional=True,
)  # fmt: skip
SEASON = Parameter(
    "SEASON", "Season (year)", "Calendar year to keep, where the scenes are of several.",
    "whole", "--season", least=1980, most=2100, optional=True,
)  # fmt: skip
START = Parameter("START", "First date", "Earlier dates are left out.", "date", "--start", optional=True)
END = Parameter("END", "Last date", "Later dates are left out, as if it were that day.", "date", "--end", optional=True)
DATES = (SEASON, *_advanced(START, END))

READING = _advanced(
    Parameter("LEVEL", "Processing level", "Of rasters that do not tell it.", "choice", "--level",
              choices=("L1C", "L2A"), optional=True),
    Parameter("MIN_CLEAR", "Least clear share", "Share of a parcel's pixels that must be clear for a date to count.",
              "number", "--min-clear", 0.5, least=0, most=1),
    Parameter("DILATE_CLOUDS", "Distance around clouds (m)", "Pixels so near to cloud and shadow are not clear either.",
              "number", "--dilate-clouds", 0.0, least=0, most=5000),
    Parameter("PIXEL_RULE", "Pixels of a parcel", "Centre inside, by covered share, or as EuroCropsML takes them.",
              "choice", "--pixel-rule", "centre", ("centre", "exact", "eurocropsml")),
    Parameter("STATISTIC", "Statistic", "Of the clear pixels of a parcel.", "choice", "--statistic", "median",
              ("median", "mean")),
    Parameter("BUFFER", "Shrink parcels by (m)", "Keeps the pixels of hedges and roads out.", "number", "--buffer", 0.0,
              least=0),
    Parameter("MIN_PIXELS", "Least number of pixels", "Parcels of fewer pixels get no value.", "whole", "--min-pixels",
              0, least=0),
    Parameter("WORKERS", "Rasters read at the same time", "By default as many as processors, at most 8.", "whole",
              "--workers", least=1, optional=True),
)  # fmt: skip
#: The ways to relevance by band, and those that have it by date only.
BY_BAND = ("cp-lrp", "attnlrp", "gradient-input", "integrated-gradients")
BY_DATE = ("occlusion", "rollout", "contrast")


def _relevance(*methods: str) -> tuple[Parameter, ...]:
    return _advanced(
        Parameter("METHOD", "Method of explanation", "Layer-wise Relevance Propagation (cp-lrp), or another way.",
                  "choice", "--method", "cp-lrp", methods),
        Parameter("TARGET", "What is explained", "The lead over the next class, or the score itself.", "choice",
                  "--target", "margin", ("margin", "logit")),
        Parameter("REFERENCE", "Reference of relevance", "The series from which relevance is counted.", "choice",
                  "--reference", "rival", ("rival", "counterpart", "date-median", "class-median", "typical", "zero")),
    )  # fmt: skip


WINDOWS = _advanced(
    Parameter("TOP", "Greatest n of the windows", "The n dates of highest relevance bound the window Δt_n.", "whole",
              "--top", 10, least=1),
    Parameter("MAX_LOSS", "Loss that a window may have", "In percentage points of accuracy.", "number", "--max-loss",
              0.75, least=0),
    Parameter("AGGREGATE", "How relevance is gathered", "From parcels to the dates of a crop.", "choice",
              "--aggregate", "positive", ("positive", "mean", "absolute")),
)  # fmt: skip
TRAINING = (
    Parameter("STEPS", "Training steps", "Steps aimed at; more take longer.", "whole", "--steps", 3000, least=1),
    *_advanced(
        Parameter("SPLIT", "How parcels are held back", "'spatial', 'random', or the name of a column of the series.",
                  "text", "--split", "spatial"),
        Parameter("VALIDATION_SHARE", "Share held back", "Parcels on which training is checked.", "number",
                  "--validation-share", 0.2, least=0.05, most=0.5),
        Parameter("MIN_PARCELS", "Least parcels of a class", "Classes with fewer parcels are left out.", "whole",
                  "--min-parcels", 10, least=2),
        Parameter("ANY_SEASON", "Share cut at a random date", "Teaches the model to answer before the season's end.",
                  "number", "--any-season", 0.5, least=0, most=1),
        Parameter("SEED", "Seed", "Of all random choices.", "whole", "--seed", 0),
    ),
)  # fmt: skip
EXTRA = Parameter(
    "EXTRA", "Further options", "Options of the command line as they are written there; see cropxai COMMAND --help.",
    "extra", optional=True, advanced=True,
)  # fmt: skip

ANSWERS = (
    Result("CLASSIFIED", "Parcels with an answer", "crops"),
    Result("UNANSWERED", "Parcels without an answer", "unanswered"),
)
MAP_HELP = "GeoPackage (.gpkg) with parcels, relevance, classes, styles and how it was made."
MAPS, WORK, PLACE = "Maps", "Series and models", "Installation"

COMMANDS: tuple[Command, ...] = (
    Command(
        "map", "Crop map", MAPS, "Explained crop map from parcels and Sentinel-2",
        "Classifies every parcel and says which dates decided. The map opens coloured by crop, with a chart of "
        "relevance in its map tips and in the panel 'Parcel relevance'.",
        (PARCELS, *SCENES, MODEL, MODEL_FOLDER, *DATES, LABEL_FIELD, ID_FIELD, *READING, *_relevance(*BY_BAND),
         *WINDOWS,
         *_advanced(Parameter("DECIDED_AT", "Confidence of a known crop",
                              "From this confidence on, a parcel's crop counts as known.",
                              "number", "--decided-at", 0.9, least=0, most=1),
                    Parameter("REFLECTANCE", "Keep the reflectance of the parcels",
                              "Of every parcel and date, for the panel; without it the file is a tenth smaller.",
                              "flag", "--reflectance", True)), EXTRA),
        (Output("map", "Crop map", MAP_HELP),), ANSWERS,
        ("crop", "agriculture", "sentinel-2", "classification", "explanation", "relevance"),
        one_of=("SCENES", "RASTERS", "CATALOGUE"),
    ),
    Command(
        "report", "Report", MAPS, "One page on a crop map: tables, figures, how it was made",
        "Writes a page that opens in any browser without a network.",
        (MAP, EXTRA),
        (Output("page", "Report", "Page to write (.html)."),
         Output("folder", "Folder for the figures", "The figures of the page, as files.", "--figures", "FIGURES",
                optional=True)),
        tags=("crop", "report", "accuracy", "figures"),
    ),
    Command(
        "style", "Export style (plugin-ready)", MAPS, "Write the styles, forms and project of a crop map anew",
        "Needed after the file was renamed, or after colours were changed in its table of classes. Styles that were "
        "saved in QGIS are kept.",
        (MAP,),
        tags=("crop", "style", "styles", "export", "plugin-ready", "write styles", "symbology", "colour"),
    ),
    Command(
        "ingest", "Extract series", WORK, "Reflectance of every parcel, date and band",
        "The series is what models are trained on. A run that was cancelled goes on where it stopped.",
        (PARCELS, *SCENES, LABEL_FIELD, ID_FIELD,
         Parameter("BANDS", "Bands", "Such as B02,B03,B04; by default all.", "text", "--bands", optional=True),
         *DATES,
         Parameter("UPDATE", "Add to the series", "Reads only what is new, if the series is there.", "flag",
                   "--update", False),
         *READING, EXTRA),
        (Output("store", "Series", "Folder to write; its name ends in .zarr."),),
        (Result("PARCEL_COUNT", "Parcels", "parcels"), Result("DATE_COUNT", "Dates", "dates"),
         Result("RASTER_COUNT", "Rasters", "rasters")),
        ("crop", "sentinel-2", "zonal statistics", "time series"),
        one_of=("SCENES", "RASTERS", "CATALOGUE"),
    ),
    Command(
        "train", "Train model", WORK, "A model from labelled series",
        "Learns from the parcels of a series with a declared crop, and stops early on parcels held back.",
        (SERIES, *DATES, *TRAINING, EXTRA),
        (Output("folder", "Model", "Folder to write."),),
        (Result("ACCURACY", "Accuracy on parcels held back", "validation_accuracy"),
         Result("MACRO_F1", "Macro-F1 on parcels held back", "validation_macro_f1")),
        ("crop", "training", "transformer", "machine learning"),
    ),
    Command(
        "classify", "Classify", WORK, "Crop of every parcel of a series",
        "Gives crop, confidence and second crop, or why there is no answer; without relevance, so it is fast.",
        (SERIES, MODEL, MODEL_FOLDER, *DATES,
         *_advanced(Parameter("REFLECTANCE", "Keep the reflectance of the parcels",
                              "Of every parcel and date, for the panel; with it the file is larger and takes longer.",
                              "flag", "--reflectance", False)), EXTRA),
        (Output("map", "Crop map", MAP_HELP),), ANSWERS,
        ("crop", "classification", "prediction"),
    ),
    Command(
        "explain", "Explain", WORK, "Relevance of every parcel, date and band",
        "Writes the relevance for the answer of the model, for programs that read Zarr.",
        (SERIES, MODEL, MODEL_FOLDER, *DATES,
         Parameter("DETAIL", "Detail", "Relevance by date, or by band too; by default the finest that the method has.",
                   "choice", "--level", choices=("date", "band"), optional=True),
         Parameter("CROP", "Crop to explain", "By default the answer of each parcel; else this crop of the model.",
                   "text", "--class", choices=CROPS, optional=True),
         *_advanced(
             Parameter("TRUE_LABEL", "Explain the declared crop", "In place of the answer.", "flag", "--true-label",
                       False),
             Parameter("DEVICE", "Device", "Where the network runs.", "choice", "--device", "cpu", ("cpu", "cuda")),
             Parameter("SELFCHECK", "Compare with the reference first", "8 random parcels, by the rules written out.",
                       "flag", "--selfcheck", False)),
         *_relevance(*BY_BAND, *BY_DATE), EXTRA),
        (Output("store", "Relevance", "Folder to write; its name ends in .zarr."),),
        (Result("PARCEL_COUNT", "Parcels", "parcels"),),
        ("crop", "explanation", "relevance", "lrp"),
    ),
    Command(
        "season", "Season study", WORK, "Which dates decide, and what a shorter season costs",
        "Trains on the whole season, finds the dates that matter, and trains again on the windows they bound.",
        (SERIES, *DATES,
         *_advanced(Parameter("TEST_SHARE", "Share on which windows are scored", "Parcels that no training sees.",
                              "number", "--test-share", 0.2, least=0.05, most=0.5)),
         *TRAINING, *WINDOWS, *_relevance(*BY_BAND, *BY_DATE), EXTRA),
        (Output("folder", "Study", "Folder to write: tables, figure and model."),),
        (Result("WINDOW", "Chosen window", "window", number=False),),
        ("crop", "season", "early", "window"),
    ),
)  # fmt: skip
