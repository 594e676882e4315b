"""The registry of shared arguments and options: one name and one meaning in every command."""

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from cropxai.cli.progress import Progress

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]

parcels = click.argument("parcels", type=click.Path(path_type=str))
scenes = click.argument("scenes", type=click.Path(path_type=str), nargs=-1, required=True)
series = click.argument("series", type=click.Path(path_type=str))
model_argument = click.argument("model", type=click.Path(path_type=str))

layer = click.option("--layer", help="Layer of the parcels file.  [default: its only or first layer]")
id_field = click.option(
    "--id-field", help="Attribute that identifies a parcel; FID numbers them.  [default: parcel_id, id, or FID]"
)
label_field = click.option("--label-field", help="Attribute with the crop, for training and comparison.")
model = click.option("--model", default="default", show_default=True, help="Name of a shipped model, or its folder.")
seed = click.option("--seed", type=int, default=0, show_default=True, help="Seed of all random choices.")
overwrite = click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
batch_size = click.option("--batch-size", type=click.IntRange(1), default=512, show_default=True)
season = click.option("--season", type=click.IntRange(1980, 2100), help="Calendar year to keep of a longer series.")
start = click.option("--start", type=click.DateTime(["%Y-%m-%d"]), help="First date to keep.")
end = click.option("--end", type=click.DateTime(["%Y-%m-%d"]), help="Last date to keep.")


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


def progress(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give `--progress`, `--quiet` and `--debug`, and the `Progress` of the run as argument ``progress``."""

    def configure(ctx: click.Context, param: click.Parameter, value: str) -> Progress:
        teller = ctx.ensure_object(Progress)
        teller.configure(mode=value)
        return teller

    def flag(ctx: click.Context, param: click.Parameter, value: bool) -> None:
        if param.name is not None and value:
            ctx.ensure_object(Progress).configure(**{param.name: True})

    mode = click.option(
        "--progress",
        type=click.Choice(["auto", "bar", "json", "none"]),
        default="auto",
        show_default=True,
        is_eager=True,
        callback=configure,
        help="Bars on a terminal, JSON lines on standard output, or none.",
    )
    quiet = click.option("-q", "--quiet", is_flag=True, is_eager=True, expose_value=False, callback=flag)
    debug = click.option(
        "--debug", is_flag=True, is_eager=True, expose_value=False, callback=flag, help="Show tracebacks."
    )
    return mode(quiet(debug(command)))
