"""The hidden folder beside an output in which its run keeps what is done, locked against a second run.

The lock is the operating system's (``flock``), so that it ends with the process however that ends. The lock file also
names process and machine: for the message, and because some shared file systems keep locks within a machine.
"""

import datetime as dt
import errno
import json
import os
import re
import socket
import stat
import sys
import zipfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from cropxai.errors import OutputBusy, OutputUnwritable, PathLike
from cropxai.outputs import remove

LOCK = "lock"
#: What a file system without locks says: then the process that the file names is asked for.
WITHOUT_LOCKS = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)


class Workplace:
    """The folder ``.{output}.parts``: made and locked on entry, removed at the end, but kept after any failure.

    Parameters
    ----------
    output : path
    shared : bool
        For runs that each do a share of the work: they stand beside each other, but not beside a run that is alone.

    Attributes
    ----------
    folder : pathlib.Path

    Raises
    ------
    OutputBusy
        On entry, if another run writes the same output.
    OutputUnwritable
        On entry, if the folder cannot be made.
    """

    def __init__(self, output: PathLike, shared: bool = False):
        self._output = Path(output)
        self._shared = shared
        self._lock = -1
        self.folder = self._output.with_name(f".{self._output.name}.parts")

    def __enter__(self) -> "Workplace":
        try:
            while not self._entered():
                pass
            if not self._shared:
                self._own()
        except OSError as error:
            self._leave()
            raise OutputUnwritable(self._output, error.strerror or str(error)) from error
        return self

    def alone(self) -> bool:
        """Go on as the only run, once shared work is done; say no if another run is still at work, and leave then."""
        if self._shared:
            _release(self._lock)  # before it is taken alone: so the last of several that try gets it
            if not _taken(self._lock, shared=False):
                return False
            self._shared = False
            self._own()
        return True

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and not self._shared:
            done = self.folder.with_name(f"{self.folder.name}.{os.getpid()}.old")
            try:
                self.folder.rename(done)  # at once, so that a run that starts now finds nothing
            except OSError:  # where open files cannot be moved
                done = self.folder
            os.close(self._lock)
            remove(done)
        else:
            self._leave()

    def _leave(self) -> None:
        """Take the lock away, unless other shares are at work, and the folder if nothing is in it."""
        if self._lock < 0:
            return
        if self._shared:
            _release(self._lock)
        if not self._shared or _taken(self._lock, shared=False):
            with suppress(OSError):  # where it may not be removed it stays, and is of no one
                (self.folder / LOCK).unlink(missing_ok=True)
                self.folder.rmdir()
        os.close(self._lock)

    def _entered(self) -> bool:
        """Make and lock the folder; say no if another run has removed it meanwhile."""
        try:
            self.folder.mkdir()
        except FileExistsError:
            with suppress(FileNotFoundError):  # it was there, and has just been removed
                if not stat.S_ISDIR(self.folder.lstat().st_mode) and not self.folder.is_dir():
                    raise
        file = self.folder / LOCK
        try:
            self._lock = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
            self._take(self._shared)
            if os.path.samestat(os.fstat(self._lock), file.stat()):
                return True
        except FileNotFoundError:
            pass
        except OutputBusy:
            self._forget()
            raise
        self._forget()
        return False

    def _forget(self) -> None:
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def _take(self, shared: bool) -> None:
        known = _holder(self._lock)
        elsewhere = known.get("host", socket.gethostname()) != socket.gethostname()
        if elsewhere or not _taken(self._lock, shared):
            raise OutputBusy(self._output, _described(known), self.folder / LOCK)

    def _own(self) -> None:
        """Write who works here, and put away what killed runs have left."""
        own = {"pid": os.getpid(), "host": socket.gethostname(), "since": f"{dt.datetime.now():%Y-%m-%d %H:%M}"}
        os.ftruncate(self._lock, 0)
        os.lseek(self._lock, 0, os.SEEK_SET)
        os.write(self._lock, json.dumps(own).encode())
        _put_in_order(self._output)


def _holder(lock: int) -> dict[str, object]:
    """Return what the lock file says of the run that is alone here; nothing if there is none."""
    try:
        os.lseek(lock, 0, os.SEEK_SET)
        known = json.loads(os.read(lock, 4096))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _described(known: dict[str, object]) -> str:
    if not known:
        return "a share of it"
    return f"process {known.get('pid')} on {known.get('host')} since {known.get('since')}"


def _taken(lock: int, shared: bool) -> bool:
    """Take the lock if it is free, and say whether it was."""
    try:
        _flock(lock, shared)
    except BlockingIOError:
        return False
    except OSError as error:
        if error.errno not in WITHOUT_LOCKS:
            raise
        pid = _holder(lock).get("pid")
        return not isinstance(pid, int) or pid == os.getpid() or not _alive(pid)
    return True


if sys.platform == "win32":
    import msvcrt

    FAR = 1 << 30  # such a lock is of bytes, which nobody else can read: of one that is not in the file

    def _flock(lock: int, shared: bool) -> None:
        if not shared:  # the system has no shared ones
            os.lseek(lock, FAR, os.SEEK_SET)
            try:
                msvcrt.locking(lock, msvcrt.LK_NBLCK, 1)
            except OSError as error:
                raise BlockingIOError from error

    def _release(lock: int) -> None:
        pass

    def _alive(pid: int) -> bool:
        return True  # asking would end it

else:
    import fcntl

    def _flock(lock: int, shared: bool) -> None:
        fcntl.flock(lock, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)

    def _release(lock: int) -> None:
        try:
            fcntl.flock(lock, fcntl.LOCK_UN)
        except OSError as error:
            if error.errno not in WITHOUT_LOCKS:
                raise

    def _alive(pid: int) -> bool:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            pass
        return True


def _put_in_order(output: Path) -> None:
    """Remove half-written files of runs that were killed; put back an output that was about to be replaced."""
    name, stem, suffix = (re.escape(text) for text in (output.name, output.stem, output.suffix))
    old = re.compile(rf"\.{name}(\.parts)?\.\d+\.old")
    half = re.compile(rf"\.{stem}\.\d+-[0-9a-f]+\.part{suffix}")
    for path in list(output.absolute().parent.iterdir()):
        if old.fullmatch(path.name) and ".parts." not in path.name and not output.exists():
            path.rename(output)
        elif old.fullmatch(path.name) or half.fullmatch(path.name):
            remove(path)


def kept_arrays(part: Path, names: Iterable[str]) -> dict[str, npt.NDArray[Any]] | None:
    """Return the arrays of these names that a file (.npz) keeps; nothing if there is none, or a damaged one.

    Raises
    ------
    OutputUnwritable
        If it may not be read.
    """
    try:
        with np.load(part) as arrays:
            return {name: arrays[name] for name in names}
    except FileNotFoundError:
        return None
    except PermissionError as error:
        raise OutputUnwritable(part, "permission denied") from error
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):  # damaged by something else: to be made anew
        return None
