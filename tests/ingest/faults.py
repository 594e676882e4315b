"""What goes wrong in the middle of the work, for processes that are started by tests."""

import os
import signal
import sys
import time
from pathlib import Path

import cropxai
from cropxai.ingest import cluster
from cropxai.ingest import measure as measuring

measured = cluster._measured
_measure = measuring._measure


def slowly(*arguments):
    """Measure a scene on a worker, and take a while."""
    time.sleep(0.5)
    return measured(*arguments)


def dying_once(scene, plans, bands, rules, folder):
    """Measure a scene on a worker that is killed when it comes to a certain one, but only the first time."""
    if "0511" in scene.path:
        try:
            os.close(os.open(Path(folder) / "killed", os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            pass
        else:
            os.kill(os.getpid(), signal.SIGKILL)
    return measured(scene, plans, bands, rules, folder)


def dying(scene, *rest):
    """Kill the worker whenever it comes to a certain scene."""
    if "0511" in scene.path:
        os.kill(os.getpid(), signal.SIGKILL)
    return measured(scene, *rest)


def unsharing(file, token):
    """Answer as a worker does that does not see the folder."""
    return cropxai.__version__, False


def outdated(file, token):
    """Answer as a worker does that has another version."""
    return "0.0.1", True


def run_slowly(argv):
    """Run the command line, with scenes that take half a second each."""
    from cropxai.cli.main import run

    cluster._measured = slowly

    def measure_slowly(*arguments):
        time.sleep(0.5)
        return _measure(*arguments)

    measuring._measure = measure_slowly
    run(argv)


if __name__ == "__main__":
    run_slowly(sys.argv[1:])
