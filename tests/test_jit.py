import subprocess
import sys

from cropxai import jit


def test_without_a_place_for_machine_code_it_is_made_anew(monkeypatch):
    asked = []

    def refusing(**options):
        asked.append(options)
        if options.get("cache"):
            raise RuntimeError("cannot cache function 'double': no locator available for file 'x.py'")
        return lambda function: function

    monkeypatch.setattr(jit, "njit", refusing)
    assert jit.compiled(abs)(-3) == 3
    whole = {"nogil": True, "error_model": "numpy"}
    assert asked == [whole | {"cache": True}, whole]


def in_a_process(code, **environment):
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


MEDIAN = """
import numpy as np
from cropxai.ingest import zonal
print(zonal._least(np.array([3, 2], np.uint16), 2), type(zonal._least._cache).__name__)
"""


def test_numba_refuses_and_takes_folders_as_we_think(tmp_path):
    no_folder = tmp_path / "file"
    no_folder.write_text("")
    assert in_a_process(MEDIAN, NUMBA_CACHE_DIR=str(no_folder / "cache"), HOME=str(no_folder))[0] == "2"
    # A locator that finds no place: what numba does where nothing can be written.
    assert in_a_process(MEDIAN, NUMBA_CACHE_LOCATOR_CLASSES="ZipCacheLocator") == ["2", "NullCache"]
    kept = tmp_path / "cache"
    assert in_a_process(MEDIAN, NUMBA_CACHE_DIR=str(kept)) == ["2", "FunctionCache"]
    assert list(kept.rglob("*.nbi"))


def test_help_does_not_wait_for_the_compiler():
    code = (
        "import sys; from cropxai.cli.main import main; main(['--help']); main(['ingest', '--help']); "
        "print('numba' in sys.modules)"
    )
    assert in_a_process(code)[-1] == "False"
