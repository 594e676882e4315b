"""Progress as a person or a program wants it: bars on a terminal, JSON lines for a GIS, or nothing.

The JSON protocol: one object a line on standard output, each with ``event`` (progress | log | result | error) and
``protocol``; while a stage runs, its last state is repeated as a heartbeat, so that silence means a dead process.
``eta_s`` are the seconds that are left, null as long as they are unknown.
"""

import json
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import IO, Any

from cropxai.reporting import Report, silent

PROTOCOL = 1
HEARTBEAT_SECONDS = 4.0
#: Reports from which the pace is taken: the last ones, because finding pixels is faster than reading them.
PACE_REPORTS = 50


class Pace:
    """How fast the share of the work done has grown of late, and what time that leaves.

    Parameters
    ----------
    clock : callable that gives seconds
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic):
        self._clock = clock
        self._told: deque[tuple[float, float]] = deque(maxlen=PACE_REPORTS)

    def tell(self, fraction: float) -> None:
        """Take note of the share done now."""
        self._told.append((self._clock(), fraction))

    def left(self) -> float | None:
        """Return the seconds that are left at this pace; None as long as it is unknown."""
        if not self._told:
            return None
        (start, first), (end, last) = self._told[0], self._told[-1]
        if last >= 1:
            return 0.0
        if last <= first or end <= start:
            return None
        return max(0.0, (1 - last) * (end - start) / (last - first) - (self._clock() - end))


class Progress:
    """Tells of stages, warnings, the result and errors in the mode that the user chose."""

    def __init__(self) -> None:
        self.mode = "auto"
        self.quiet = False
        self.debug = False
        self.set_aside: dict[str, int] = {}  # rasters by the reason that a warning gave
        self._json: IO[str] | None = None
        self._lock = threading.Lock()

    def configure(self, mode: str | None = None, quiet: bool = False, debug: bool = False) -> None:
        """Take over the options of the command line."""
        self.quiet |= quiet
        self.debug |= debug
        if mode is not None:
            self.mode = mode
        if self.mode == "json" and self._json is None:
            sys.stdout.flush()
            self._json = os.fdopen(os.dup(1), "w", encoding="utf-8")
            os.dup2(2, 1)  # prints of libraries go to stderr and cannot break the protocol

    @contextmanager
    def stage(self, name: str) -> Iterator[Report]:
        """Give the callable with which one stage of the work tells of its progress."""
        if self._json is not None:
            with self._json_stage(name) as report:
                yield report
        elif not self.quiet and (self.mode == "bar" or (self.mode == "auto" and sys.stderr.isatty())):
            with _bar(name) as report:
                yield report
        else:
            yield silent

    @contextmanager
    def _json_stage(self, name: str) -> Iterator[Report]:
        state = {"stage": name, "fraction": 0.0, "message": ""}
        done = threading.Event()
        pace = Pace()

        def tell() -> None:
            left = pace.left()
            self._emit("progress", **state, eta_s=None if left is None else round(left))

        def report(fraction: float, message: str = "") -> None:
            state.update(fraction=round(min(1.0, max(0.0, fraction)), 4), message=message)
            pace.tell(fraction)
            tell()

        def beat() -> None:
            while not done.wait(HEARTBEAT_SECONDS):
                tell()

        heart = threading.Thread(target=beat, daemon=True)
        report(0.0)
        heart.start()
        try:
            yield report
            report(1.0)
        finally:
            done.set()
            heart.join()

    def log(self, message: str, level: str = "info") -> None:
        """Tell one line that is neither progress nor result."""
        if self._json is not None:
            self._emit("log", level=level, message=message)
        elif not self.quiet:
            prefix = "" if level == "info" else f"{level}: "
            print(prefix + message, file=sys.stderr)

    def result(self, text: str, **values: Any) -> None:
        """Tell the outcome: a few lines for a person on standard output, ``values`` for a program."""
        if self._json is not None:
            self._emit("result", text=text, **values)
        elif not self.quiet:
            print(text)

    def fail(self, message: str, code: int, trace: str | None = None) -> int:
        """Tell of the error in one line and return the exit code."""
        if trace is not None and self.debug:
            print(trace, file=sys.stderr)
        if self._json is not None:
            self._emit("error", message=message, exit_code=code)
        print(f"cropxai: {message}", file=sys.stderr)
        return code

    def _emit(self, event: str, **values: Any) -> None:
        with self._lock:
            assert self._json is not None
            line = json.dumps({"event": event, "protocol": PROTOCOL, **values}, ensure_ascii=False, default=str)
            self._json.write(line + "\n")
            self._json.flush()

    def close(self) -> None:
        """Close the JSON stream."""
        if self._json is not None:
            self._json.close()


@contextmanager
def _bar(name: str) -> Iterator[Report]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description:<10}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[message]}"),
    )
    # The pace is taken from ten minutes, because a single raster may take one.
    with Bars(*columns, console=Console(stderr=True), speed_estimate_period=600) as bars:
        task = bars.add_task(name, total=1.0, message="")

        def report(fraction: float, message: str = "") -> None:
            bars.update(task, completed=fraction, message=message)

        yield report
        bars.update(task, completed=1.0)
