"""Runs a command line again and again, and kills it (SIGKILL) at random moments until it has been let through.

Started as `killed.py SEED KILLS WATCHED COMMAND…`; writes, a line each, what there was at WATCHED after each kill: a
hash of the names and contents of all files in it, or "nothing".
"""

import hashlib
import os
import random
import signal
import sys
import time
from pathlib import Path

import cropxai.ingest  # noqa: F401  (once, for all runs)
from cropxai.cli.main import main
from cropxai.series import store  # noqa: F401


def content(folder):
    """Return a hash of all that is in a folder."""
    if not folder.exists():
        return "nothing"
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return hashlib.sha256(repr([(str(f.relative_to(folder)), f.read_bytes()) for f in files]).encode()).hexdigest()


def run(argv, seconds):
    """Run in a process of its own; kill it after some seconds. Return how long it took, or None if it was killed."""
    start = time.monotonic()
    child = os.fork()
    if child == 0:
        os._exit(main(argv))
    while time.monotonic() < start + seconds:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            assert status == 0, status
            return time.monotonic() - start
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None


def killed_runs(seed, kills, watched, argv):
    """Give what is at a place after each kill, and in the end."""
    moments = random.Random(seed)
    longest = 0.5
    made = not watched.exists()
    while kills and run(argv, moments.uniform(0.02, longest)) is None:
        kills -= 1
        longest *= 1.1
        yield content(watched)
        if made and watched.exists():  # killed once all was written, but before its end: refused from now on
            argv, made = [*argv, "--overwrite"], False
    if not kills:
        run(argv, 60)
    yield content(watched)


if __name__ == "__main__":
    for found in killed_runs(int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:]):
        print(found, file=sys.stderr)
