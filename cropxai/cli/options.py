"""The registry of shared arguments and options: one name and one meaning in every command."""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any

import click

from cropxai.cli.progress import Progress

#: Formats of a map; only the first holds all of it.
MAP_SUFFIXES = (".gpkg", ".parquet", ".shp", ".csv")

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

#: The suffixes of `cropxai.series.exchange`, here so that the help needs no heavy import.
SERIES_SUFFIXES = (".zarr", ".h5", ".hdf5", ".eurocropsml", ".parquet", ".geoparquet", ".csv", ".nc")

parcels = click.argument("parcels", type=click.Path(path_type=str))
scenes = click.argument("scenes", type=click.Path(path_type=str), nargs=-1, required=True)
series = click.argument("series", type=click.Path(path_type=str))

layer = click.option("--layer", help="Layer of the parcels file.  [default: its only or first layer]")
id_field = click.option(
    "--id-field", help="Attribute that identifies a parcel; FID numbers them.  [default: parcel_id, id, or FID]"
)
label_field = click.option("--label-field", help="Attribute with the crop, for training and comparison.")
model = click.option(
    "--model",
    default="default",
    show_default=True,
    help="Folder of a model, or name of a shipped one ('cropxai models'); 'default' is that of the level.",
)
seed = click.option("--seed", type=int, default=0, show_default=True, help="Seed of all random choices.")
region = click.option(
    "--region",
    default="XX000",
    show_default=True,
    help="NUTS3 region of parcels that name none, for .h5 and .eurocropsml.",
)
overwrite = click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")


def reflectance(default: bool) -> Decorator:
    """Give `--reflectance` and `--no-reflectance`."""
    return click.option(
        "--reflectance/--no-reflectance",
        default=default,
        show_default=True,
        help="Keep the reflectance of every parcel and date on the map (.gpkg alone).",
    )


season = click.option("--season", type=click.IntRange(1980, 2100), help="Calendar year to keep of a longer series.")
start = click.option("--start", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD", help="First date to keep.")
end = click.option("--end", "--until", "end", type=click.DateTime(["%Y-%m-%d"]), metavar="YYYY-MM-DD",
                   help="Last date to keep; the day of an answer within the season.")  # fmt: skip


def output(suffixes: Sequence[str] = (), what: str = "Output") -> Decorator:
    """Give the `-o` option; with ``suffixes``, any other suffix is a usage error."""

    def check(ctx: click.Context, param: click.Parameter, value: str) -> Path:
        path = Path(value)
        if suffixes and path.suffix.lower() not in suffixes:
            raise click.BadParameter(f"{value!r} ends in {path.suffix!r}; use {' or '.join(suffixes)}")
        return path

    text = what + (f" ({', '.join(suffixes)})." if suffixes else ".")
    return click.option("-o", "--output", required=True, callback=check, type=click.Path(path_type=str), help=text)


def dates(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `--season`, `--start` and `--end`."""
    return season(start(end(command)))


def chosen_dates(season: int | None, start: datetime | None, end: datetime | None) -> tuple[Any, Any]:
    """Join `--season`, `--start` and `--end` to the first and last date to keep (None: open)."""
    first = start.date() if start else (f"{season}-01-01" if season else None)
    last = end.date() if end else (f"{season}-12-31" if season else None)
    if first is not None and last is not None and str(first) > str(last):
        raise click.UsageError(f"no date lies between {first} and {last}; mend --season, --start or --end")
    return first, last


def _classes(ctx: click.Context, param: click.Parameter, value: str) -> tuple[int, ...]:
    numbers = [text.strip() for text in value.split(",") if text.strip()]
    if not all(number.isdigit() and int(number) <= 11 for number in numbers):
        raise click.BadParameter(f"{value!r} is no list of SCL classes; write numbers from 0 to 11, such as 3,8,9")
    return tuple(int(number) for number in numbers)


level = click.option(
    "--level", type=click.Choice(["L1C", "L2A"]), help="Processing level of rasters that do not tell it."
)
dn_offset = click.option(
    "--dn-offset",
    type=float,
    help="Radiometric offset of all rasters (-1000 from baseline 04.00 on).  [default: as they or their date tell]",
)
pattern = click.option(
    "--pattern",
    metavar="TEXT",
    help="What the names of GeoTIFFs tell, such as '{tile}_{date:%Y%m%d}_{band}.tif'.  [default: the usual names]",
)
allow_outside = click.option(
    "--allow-outside", is_flag=True, help="Read files outside its folder that a STAC catalogue names."
)
min_clear = click.option(
    "--min-clear",
    type=click.FloatRange(0, 1),
    default=0.5,
    show_default=True,
    help="Least clear share of a parcel's pixels for a date to count.",
)
mask_classes = click.option(
    "--mask-classes",
    "masked_classes",
    default="0,1,3,8,9,10,11",
    show_default=True,
    callback=_classes,
    help="SCL classes that are not clear.",
)

dilation = click.option(
    "--dilate-clouds",
    "dilation",
    type=click.FloatRange(0, 5000),
    default=0.0,
    show_default=True,
    metavar="METRES",
    help="Distance around cloud and shadow that is not clear either.",
)
cloud_probability = click.option(
    "--cloud-probability",
    type=click.FloatRange(0, 1),
    help="Probability from which a pixel is cloud.  [default: 0.4 where there is no other mask]",
)
cloud_detector = click.option(
    "--cloud-detector",
    type=click.Choice(["s2cloudless"]),
    help="Find the clouds of L1C from its bands; needs the extra 'clouds'.",
)
pixel_rule = click.option(
    "--pixel-rule",
    type=click.Choice(["centre", "exact", "eurocropsml"]),
    default="centre",
    show_default=True,
    help="Pixels of a parcel: centre inside, by covered share, or as EuroCropsML takes them.",
)
statistic = click.option(
    "--statistic", type=click.Choice(["median", "mean"]), default="median", show_default=True, help="Of clear pixels."
)
buffer = click.option(
    "--buffer",
    type=click.FloatRange(0),
    default=0.0,
    show_default=True,
    metavar="METRES",
    help="Distance by which parcels are shrunk first.",
)
min_pixels = click.option(
    "--min-pixels", type=click.IntRange(0), default=0, show_default=True, help="Parcels of fewer pixels get no value."
)
plan_cache = click.option(
    "--plan-cache",
    type=click.Path(path_type=str),
    help="Folder that keeps which pixels are whose for other runs with the same parcels.",
)
workers = click.option(
    "--workers", type=click.IntRange(1), help="Rasters read at the same time.  [default: as many as CPUs, at most 8]"
)
dask = click.option(
    "--dask",
    metavar="local|tcp://HOST:PORT",
    help="Read the rasters on a Dask cluster: processes of this machine, or workers that share all folders with it.",
)
verify = click.option(
    "--verify", is_flag=True, help="Compare files with the checksums that their product carries (SAFE)."
)


def reading(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the options on how rasters are read, which reach the command as one dictionary, ``reading``."""
    clouds = (min_clear, mask_classes, dilation, cloud_probability, cloud_detector)
    pixels = (pixel_rule, statistic, buffer, min_pixels, plan_cache)
    return _collected(
        command, "reading", (level, dn_offset, pattern, allow_outside, *clouds, *pixels, verify, workers, dask)
    )


def _collected(command: Callable[..., Any], name: str, given: Sequence[Decorator]) -> Callable[..., Any]:
    """Give options, in this order, to a command that takes their values as one dictionary."""

    @wraps(command)
    def collected(**values: Any) -> Any:
        return command(**{name: {option: values.pop(option) for option in names}}, **values)

    before = len(getattr(collected, "__click_params__", []))
    for option in reversed(given):
        option(collected)
    own = collected.__click_params__[before:]  # type: ignore[attr-defined]
    names = [param.name for param in own if param.expose_value]
    return collected


def progress(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `--progress`, `--quiet` and `--debug`, and the `Progress` of the run as argument ``progress``."""

    def configure(ctx: click.Context, param: click.Parameter, value: str) -> Progress:
        teller = ctx.ensure_object(Progress)
        teller.configure(mode=value)
        return teller

    def flag(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        ctx.ensure_object(Progress).configure(
            quiet=value and param.name == "quiet", debug=value and param.name == "debug"
        )

    mode = click.option(
        "--progress",
        type=click.Choice(["auto", "bar", "json", "none"]),
        default="auto",
        show_default=True,
        is_eager=True,
        callback=configure,
        help="Bars on a terminal, JSON lines on standard output, or none.",
    )
    quiet = click.option(
        "-q", "--quiet", is_flag=True, is_eager=True, expose_value=False, callback=flag, help="Tell of errors alone."
    )
    debug = click.option(
        "--debug", is_flag=True, is_eager=True, expose_value=False, callback=flag, help="Show tracebacks."
    )
    return mode(quiet(debug(command)))


far = click.option(
    "--dask",
    metavar="local|tcp://HOST:PORT",
    help="Work on a Dask cluster: processes of this machine, or workers that share all folders with it.",
)


workers_of_dask = click.option(
    "--workers", type=click.IntRange(1), help="Processes of --dask local.  [default: as many as CPUs, at most 8]"
)


def engine(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the options on where and how a network answers: `--ensemble`, `--views`, `--dtype` and `--device`."""
    ensemble = click.option(
        "--ensemble",
        multiple=True,
        metavar="MODEL",
        help="A further model, to average with; may be repeated.",
    )
    views = click.option("--views", type=click.IntRange(1, 20), default=1, show_default=True,
                         help="Looks at a parcel, each without some of its dates, that are averaged.")  # fmt: skip
    dtype = click.option("--dtype", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True,
                         help="Numbers in which the network runs.")  # fmt: skip
    device = click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True,
                          help="Where the network runs.")  # fmt: skip
    workers = click.option(
        "--workers", type=click.IntRange(1), help="Threads, or processes of --dask local.  [default: CPUs, at most 8]"
    )
    return ensemble(views(dtype(device(workers(far(command))))))


#: Ways to explain that tell bands apart, and all.
BAND_METHODS = ("cp-lrp", "attnlrp", "gradient-input", "integrated-gradients")
METHODS = (*BAND_METHODS, "occlusion", "rollout", "contrast")
TARGETS = ("margin", "logit")
REFERENCES = ("rival", "counterpart", "date-median", "class-median", "typical", "zero")


def method(known: Sequence[str] = METHODS) -> Decorator:
    """Give `--method`."""
    return click.option("--method", type=click.Choice(known), default="cp-lrp", show_default=True,
                        help="How answers are explained.")  # fmt: skip


target = click.option("--target", type=click.Choice(TARGETS), default="margin", show_default=True,
                      help="What is explained: the lead over the next class, or the score.")  # fmt: skip
reference = click.option("--reference", type=click.Choice(REFERENCES), default="rival", show_default=True,
                         help="What the relevance of bands, or contrast, is counted from.")  # fmt: skip


def relevance(known: Sequence[str] = METHODS) -> Decorator:
    """Give `--method`, `--target` and `--reference`."""

    def given(command: Callable[..., Any]) -> Callable[..., Any]:
        return method(known)(target(reference(command)))

    return given


def season_search(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `--top`, `--max-loss` and `--aggregate`."""
    top = click.option(
        "--top", type=click.IntRange(1), default=10, show_default=True, help="Greatest n of the windows Δt_n."
    )
    loss = click.option("--max-loss", type=click.FloatRange(0), default=0.75, show_default=True,
                        help="Percentage points that a window may lose.")  # fmt: skip
    aggregate = click.option("--aggregate", type=click.Choice(["positive", "mean", "absolute"]), default="positive",
                             show_default=True, help="How the relevance of dates is gathered.")  # fmt: skip
    return top(loss(aggregate(command)))


decided_at = click.option(
    "--decided-at",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.9,
    show_default=True,
    help="Confidence from which a parcel's crop counts as known.",
)


start_model = click.option(
    "--from",
    "start_model",
    metavar="NAME|FOLDER",
    help="Model to go on from: its encoder, and of its classes those that the labels name. Fewer, smaller steps then: "
    "600 at 1e-3 in batches of 32, classes from 2 parcels on.",
)
freeze = click.option("--freeze", is_flag=True, help="With --from: train the last layers alone, at 3e-3.")


def given(ctx: click.Context, values: dict[str, Any]) -> dict[str, Any]:
    """Keep of some options those that the user gave."""
    default = click.core.ParameterSource.DEFAULT
    return {name: value for name, value in values.items() if ctx.get_parameter_source(name) is not default}


log = click.option(
    "--log", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="CSV file of loss and macro-F1."
)
coverage = click.option(
    "--coverage",
    type=click.FloatRange(0.5, 0.99),
    default=0.9,
    show_default=True,
    help="Share of parcels whose set of crops shall hold the true one.",
)


def _preset(ctx: click.Context, param: click.Parameter, value: str | None) -> None:
    """Put the settings of a preset in place of the defaults, which other options still override."""
    if value is not None:
        from cropxai.model.settings import PRESETS

        ctx.default_map = {**(ctx.default_map or {}), **PRESETS[value]}


def training(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give the options of training, which reach the command as one dictionary, ``training``."""
    given = (
        click.option("--preset", type=click.Choice(["any-day"]), is_eager=True, expose_value=False,
                     callback=_preset, help="Settings for answers on any day of the season, from thousands of labels; "
                     "options that are given count all the same."),
        click.option("--epochs", type=click.IntRange(0), default=0, help="Passes at most.  [default: by --steps]"),
        click.option("--steps", type=click.IntRange(1), default=3000, show_default=True, help="Steps aimed at."),
        click.option("--batch-size", type=click.IntRange(1), default=128, show_default=True, help="Parcels a step."),
        click.option("--learning-rate", type=click.FloatRange(0, min_open=True), default=2e-3, show_default=True,
                     help="Greatest learning rate."),
        click.option("--weight-decay", type=click.FloatRange(0), default=1e-2, show_default=True),
        click.option("--label-smoothing", type=click.FloatRange(0, 0.5), default=0.05, show_default=True),
        click.option("--loss", type=click.Choice(["cross-entropy", "focal", "balanced", "logit-adjusted", "auto"]),
                     default="cross-entropy", show_default=True,
                     help="For classes of uneven size; auto takes the one that short trainings find best."),
        click.option("--schedule", type=click.Choice(["one-cycle", "cosine"]), default="one-cycle", show_default=True,
                     help="How the learning rate goes."),
        click.option("--average", type=click.FloatRange(0, 1, max_open=True), default=0.0, show_default=True,
                     metavar="DECAY", help="Take a moving average of the weights, such as 0.99 a step."),
        click.option("--patience", type=click.FloatRange(0, 1), default=0.3, show_default=True,
                     help="Share of the epochs without gain, then stop."),
        click.option("--kept-epoch", type=click.Choice(["best", "last"]), default="best", show_default=True,
                     help="Whose weights are kept: best on the parcels held back, or last.  [with --from: last]"),
        click.option("--any-season", type=click.FloatRange(0, 1), default=0.5, show_default=True,
                     help="Share of samples cut at a random date."),
        click.option("--growing-season", type=click.FloatRange(0, 1), default=0.0, show_default=True,
                     help="Share of these cuts in the middle of the season."),
        click.option("--cut-together", is_flag=True, help="Cut all samples of a step at the same date: shorter steps."),
        click.option("--late-start", type=click.FloatRange(0, 1), default=0.0, show_default=True,
                     help="Share of samples whose first dates are left out."),
        click.option("--date-dropout", type=click.FloatRange(0, 0.95), default=0.5, show_default=True,
                     help="Greatest share of dates left out."),
        click.option("--band-dropout", type=click.FloatRange(0, 1), default=0.0, show_default=True,
                     help="Share of samples that lose bands of 20 and 60 m, which then may be missing."),
        click.option("--clouds", type=click.FloatRange(0, 1), default=0.0, show_default=True,
                     help="Share of samples with thin cloud put on some dates."),
        click.option("--gain", type=click.FloatRange(0, 1), default=0.0, show_default=True,
                     help="Spread of random factors on reflectance."),
        click.option("--shift", type=click.FloatRange(0), default=0.0, show_default=True,
                     help="Spread of random shifts of the season, days."),
        click.option("--split", default="spatial", show_default=True,
                     help="How parcels are held back: spatial, random, or a column of the series."),
        click.option("--validation-share", type=click.FloatRange(0.05, 0.5), default=0.2, show_default=True),
        click.option("--min-parcels", type=click.IntRange(2), default=10, show_default=True,
                     help="Classes with fewer parcels are left out."),
        click.option("--architecture", type=click.Choice(["cropxai", "paper"]), default="cropxai", show_default=True,
                     help="The network, or that of the paper, for always the same dates."),
        click.option("--size", type=click.Choice(["tiny", "small", "base"]), default="tiny", show_default=True,
                     help="Of the network: 64 features a date and 2 layers, 128 and 3, or 256 and 4."),
        click.option("--width", type=click.Choice(["32", "64", "128", "256"]), default=None,
                     callback=lambda ctx, param, value: int(value or 0), help="Features a date.  [default: by --size]"),
        click.option("--layers", type=click.IntRange(0, 8), default=0, help="[default: by --size]"),
        click.option("--norm", type=click.Choice(["pre", "post"]), default="pre", show_default=True,
                     help="Norm before each sub-layer or after each residual sum."),
        click.option("--dropout", type=click.FloatRange(0, 0.9), default=0.1, show_default=True,
                     help="Share of the features left out in training, after the dates are pooled."),
        click.option("--activation", type=click.Choice(["gelu", "relu"]), default="gelu", show_default=True),
        click.option("--pooling", type=click.Choice(["mean", "max"]), default="mean", show_default=True,
                     help="Over the dates that are there."),
        click.option("--time-encoding", type=click.Choice(["day of season", "thermal time"]), default="day of season",
                     show_default=True, help="What dates are told by."),
        click.option("--pixel-counts", is_flag=True, help="Tell the network the clear pixels of every date too."),
        click.option("--precision", type=click.Choice(["float32", "bfloat16"]), default="float32", show_default=True,
                     help="Of matrix products; bfloat16 where the processor has units for it."),
        click.option("--device", type=click.Choice(["cpu", "cuda"]), default="cpu", show_default=True),
        seed,
    )  # fmt: skip

    return _collected(command, "training", given)
