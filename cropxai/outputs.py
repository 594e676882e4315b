"""Outputs that appear whole or not at all: written beside the target, then renamed."""

import ctypes
import errno
import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cropxai.errors import OutputExists, OutputUnwritable, PathLike


def check_absent(path: PathLike, overwrite: bool = False) -> Path:
    """Refuse an output that exists (unless ``overwrite``) or whose folder does not.

    A folder that holds the home or the working folder is refused always: to replace it would take all of that away.

    Raises
    ------
    OutputExists, OutputUnwritable
    """
    path = Path(path)
    if path.exists() and not overwrite:
        raise OutputExists(path)
    if not path.absolute().parent.is_dir():
        raise OutputUnwritable(path, "its folder does not exist")
    if path.is_dir() and _holds_a_kept_folder(path):
        raise OutputUnwritable(path, "it holds your home or working folder, and would be replaced as a whole")
    return path


def _holds_a_kept_folder(path: Path) -> bool:
    kept = [Path.cwd(), Path(os.path.expanduser("~"))]  # noqa: PTH111 (Path.home raises where there is none)
    return any(place.resolve().is_relative_to(path.resolve()) for place in kept)


@contextmanager
def replacing(path: PathLike, overwrite: bool = False) -> Iterator[Path]:
    """Give a path beside ``path`` to write to; rename it to ``path`` on success, remove it on any failure.

    Works for files and folders. The temporary name keeps the suffix, by which GDAL knows the format.

    Raises
    ------
    OutputExists
        If ``path`` exists and ``overwrite`` is false.
    OutputUnwritable
        If the disk is full or the place cannot be written.
    """
    path = check_absent(path, overwrite)
    # Process numbers are not enough: machines that share a folder have the same ones.
    part = path.with_name(f".{path.stem}.{os.getpid()}-{secrets.token_hex(4)}.part{path.suffix}")
    try:
        yield part
        _put(part, path)
    except OSError as error:
        reason = "no space left on the device" if error.errno == errno.ENOSPC else error.strerror or str(error)
        raise OutputUnwritable(path, reason) from error
    finally:
        remove(part)


def _put(part: Path, path: Path) -> None:
    """Rename ``part`` to ``path``; a folder cannot be renamed over another, so they are swapped.

    Where the system cannot swap names, the old folder is moved aside first; a run that is killed between the two steps
    leaves it there, and the next one puts it back (:mod:`cropxai.workplace`).
    """
    if not path.is_dir():
        part.replace(path)
        return
    if _swapped(part, path):
        return
    old = path.with_name(f".{path.name}.{os.getpid()}.old")
    path.rename(old)
    try:
        part.replace(path)
    except OSError:
        old.rename(path)
        raise
    remove(old)


def _swapped(one: Path, other: Path) -> bool:
    """Swap two names in one step, where the system can (Linux), and say whether that was done."""
    if not sys.platform.startswith("linux"):
        return False
    rename = getattr(ctypes.CDLL(None), "renameat2", None)  # since glibc 2.28
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename is not None and rename(here, os.fsencode(one), here, os.fsencode(other), exchange) == 0


def remove(path: Path) -> None:
    """Remove a file or folder if it is there."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
