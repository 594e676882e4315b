"""The `cropxai` command: finds the sub-command, and turns every end of it into one line and an exit code."""

import os
import signal
import sys
import traceback
import warnings
from importlib import import_module
from types import FrameType
from typing import Any

import click

import cropxai
from cropxai.cli.progress import Progress
from cropxai.errors import CropxaiError, CropxaiWarning, ScenesSetAside

#: Sub-commands in the order of the work; each is the function of its name in its module.
COMMANDS = {
    "map": "cropxai.cli.map:crop_map",
    "ingest": "cropxai.cli.ingest:ingest",
    "train": "cropxai.cli.train:train",
    "evaluate": "cropxai.cli.evaluate:evaluate",
    "classify": "cropxai.cli.classify:classify",
    "explain": "cropxai.cli.explain:explain",
    "season": "cropxai.cli.season:season",
    "simulate": "cropxai.cli.simulate:simulate",
    "report": "cropxai.cli.report:report",
    "models": "cropxai.cli.models:models",
    "convert": "cropxai.cli.convert:convert",
    "style": "cropxai.cli.style:style",
    "info": "cropxai.cli.info:info",
}

#: Set by GIS programs for their own PROJ and GDAL; ours bring theirs, and die on another version's database.
FOREIGN = ("PROJ_LIB", "PROJ_DATA", "GDAL_DATA", "GDAL_DRIVER_PATH")

USAGE, DATA, INTERRUPTED, TERMINATED = 2, 1, 130, 143


class Terminated(BaseException):
    """SIGTERM arrived; unwinds like Ctrl-C, so that half-written files are removed."""


class Commands(click.Group):
    """A group whose commands are imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        if cmd_name not in COMMANDS:
            return None
        module, function = COMMANDS[cmd_name].split(":")
        command: click.Command = getattr(import_module(module), function)
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(cropxai.__version__, prog_name="cropxai")
def cli() -> None:
    """Explained early-season crop maps from field parcels and Sentinel-2.

    \b
    $ cropxai map fields.shp S2_2018/ -o crops.gpkg
    """


def run(argv: list[str] | None = None) -> None:
    """Run the command line and exit."""
    sys.exit(main(sys.argv[1:] if argv is None else argv))


def main(argv: list[str]) -> int:
    """Run the command line and return the exit code: 0, 1 (data), 2 (usage), 130 or 143 (stopped)."""
    for name in FOREIGN:
        os.environ.pop(name, None)
    signal.signal(signal.SIGTERM, _terminate)
    progress = Progress()
    warnings.showwarning = _warnings_to(progress)
    try:
        cli.main(argv, prog_name="cropxai", standalone_mode=False, obj=progress)
        return 0
    except click.UsageError as error:
        hint = f" (see '{error.ctx.command_path} --help')" if error.ctx else ""
        return progress.fail(error.format_message() + hint, USAGE)
    except click.ClickException as error:
        return progress.fail(error.format_message(), DATA)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except CropxaiError as error:
        return progress.fail(str(error), DATA, trace=traceback.format_exc())
    except (KeyboardInterrupt, click.Abort):
        return progress.fail("interrupted", INTERRUPTED)
    except Terminated:
        return progress.fail("terminated", TERMINATED)
    except Exception as error:
        text = f"unexpected {type(error).__name__}: {error}; run again with --debug for the traceback to report"
        return progress.fail(" ".join(text.split()), DATA, trace=traceback.format_exc())
    finally:
        progress.close()


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise Terminated


def _warnings_to(progress: Progress) -> Any:
    def show(message: Warning | str, category: type[Warning], filename: str, lineno: int, *_: object) -> None:
        if issubclass(category, CropxaiWarning):
            progress.log(str(message), level="warning")
            if isinstance(message, ScenesSetAside):
                progress.set_aside[message.reason] = progress.set_aside.get(message.reason, 0) + message.count
        elif progress.debug:
            progress.log(f"{category.__name__}: {message} ({filename}:{lineno})", level="debug")

    return show
