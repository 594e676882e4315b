import subprocess
import sys
from pathlib import Path


def test_imports_run_down_the_floors():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports")], capture_output=True, text=True, cwd=Path(__file__).parents[1]
    )
    assert done.returncode == 0, done.stdout


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, cropxai, cropxai.cli.main; print([m for m in ('torch', 'numpy', 'geopandas') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
