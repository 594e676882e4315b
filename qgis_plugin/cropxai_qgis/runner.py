# SPDX-License-Identifier: GPL-2.0-or-later
"""Run the command and pass on what it tells: JSON lines on its standard output, one event each.

Knows nothing of QGIS but the methods of a feedback object, so that it is tested without.
"""

import contextlib
import json
import os
import queue
import signal
import subprocess
import threading
import time

#: Version of the JSON lines that this plugin understands.
PROTOCOL = 1
#: Seconds between asking the command to stop and stopping it by force.
GRACE = 5.0
#: Seconds between two looks at the cancel button.
POLL = 0.1
#: What to do when plugin and command do not understand each other.
UPDATE = "update the plugin and cropxai, so that both are of the same time"
#: Seconds between two messages of one stage in the log.
QUIET = 1.0


class RunFailed(Exception):
    """The command ended with an error; the text says which and what to do."""


class Cancelled(Exception):
    """The user cancelled; the command has ended and left no output."""


def run(command, variables, feedback, grace=GRACE):
    """Run ``command`` to its end and return the values of its result event.

    Parameters
    ----------
    command : list of str
    variables : the environment variables of the command
    feedback : QgsProcessingFeedback, or an object with the same methods
    grace : seconds that a cancelled command has for its own tidying up

    Raises
    ------
    RunFailed, Cancelled
    """
    process = _start(command, variables)
    lines = queue.Queue()
    readers = [
        threading.Thread(target=_read, args=(stream, kind, lines), daemon=True)
        for stream, kind in ((process.stdout, "event"), (process.stderr, "text"))
    ]
    for reader in readers:
        reader.start()
    listener = _Listener(feedback)
    ended = None
    try:
        while any(reader.is_alive() for reader in readers) or not lines.empty():
            if feedback.isCanceled():
                raise Cancelled
            try:
                listener.hear(*lines.get(timeout=POLL))
            except queue.Empty:
                # A worker that outlives the command would keep its pipes open for ever.
                ended = ended or (time.monotonic() if process.poll() is not None else None)
                if ended and time.monotonic() - ended > grace:
                    break
        code = process.wait()
    finally:
        _stop(process, grace)
        for reader, stream in zip(readers, (process.stdout, process.stderr)):  # noqa: B905 (QGIS 3.22 has Python 3.9)
            reader.join(timeout=1)
            stream.close()
    if listener.error or code != 0:
        raise RunFailed(listener.error or listener.last_words or f"cropxai ended with code {code}")
    if listener.result is None:
        raise RunFailed(f"{command[0]} ended without telling a result; {UPDATE}")
    return listener.result


def _start(command, variables):
    """Start the command as leader of its own group, so that a cancel reaches its workers too."""
    windows = os.name == "nt"
    own_group = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP} if windows else {"start_new_session": True}
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    try:
        return subprocess.Popen(  # nosec B603: a list without a shell; the program is the user's own
            command, env=variables, encoding="utf-8", errors="replace", **pipes, **own_group
        )
    except OSError as error:
        raise RunFailed(f"{command[0]} cannot be started ({error.strerror})") from error


def _read(stream, kind, lines):
    for line in stream:
        lines.put((kind, line.rstrip("\n")))


def _stop(process, grace):
    """End the command and its workers if they still run: politely, then by force."""
    if process.poll() is None:
        _signal(process, "CTRL_BREAK_EVENT" if os.name == "nt" else "SIGTERM")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=grace)
    _signal(process, "SIGKILL")  # what is left of the group: a stubborn command, or workers that outlive it
    process.wait()


def _signal(process, name):
    if os.name == "nt":
        if process.poll() is None:
            process.kill() if name == "SIGKILL" else process.send_signal(getattr(signal, name))
        return
    try:
        os.killpg(process.pid, getattr(signal, name))
    except (ProcessLookupError, PermissionError):  # macOS says the latter of a group that has ended
        return


class _Listener:
    """Turns the lines of the command into progress and log, and keeps its result and error."""

    def __init__(self, feedback):
        self.feedback = feedback
        self.result = None
        self.error = ""
        self.last_words = ""
        self.stage = None
        self.spoke = 0.0

    def hear(self, kind, line):
        event = _event(line) if kind == "event" else None
        if event is None:
            self.last_words = line.strip() or self.last_words
            self.feedback.pushDebugInfo(line)
            return
        if event.get("protocol") != PROTOCOL:
            raise RunFailed(f"this cropxai speaks protocol {event.get('protocol')}, the plugin {PROTOCOL}; {UPDATE}")
        listen = {"progress": self.on_progress, "log": self.on_log, "result": self.on_result, "error": self.on_error}
        listen.get(event["event"], self.on_unknown)(event)

    def on_progress(self, event):
        fraction = event.get("fraction")
        if isinstance(fraction, (int, float)):
            self.feedback.setProgress(100 * fraction)
        stage, message = event.get("stage"), event.get("message", "")
        now = time.monotonic()
        # Every text becomes a line of the log: a new stage always, its details only now and then.
        if stage != self.stage or (message and now - self.spoke > QUIET):
            self.feedback.setProgressText(": ".join(str(text) for text in (stage, message) if text))
            self.stage, self.spoke = stage, now

    def on_log(self, event):
        show = self.feedback.pushWarning if event.get("level") == "warning" else self.feedback.pushInfo
        show(str(event.get("message", "")))

    def on_result(self, event):
        self.result = {name: value for name, value in event.items() if name not in ("event", "protocol")}
        if event.get("text"):
            self.feedback.pushInfo(str(event["text"]))

    def on_error(self, event):
        self.error = str(event.get("message", ""))

    def on_unknown(self, event):
        self.feedback.pushDebugInfo(json.dumps(event))


def _event(line):
    """Read one line as an event; None where it is something else that the command printed."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return event if isinstance(event, dict) and isinstance(event.get("event"), str) else None
