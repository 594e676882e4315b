"""A program that stands in for cropxai: it checks its surroundings, tells of progress, and does as it is told."""

import stat
import sys
from pathlib import Path

PROGRAM = """#!{python}
import json, os, pathlib, shutil, signal, sqlite3, sys, time
def tell(event, **values):
    print(json.dumps({{"event": event, "protocol": 1, **values}}), flush=True)
words = sys.argv[1:]
if words == ["--version"]:
    print({version!r})
    sys.exit()
foreign = [name for name in os.environ if name.startswith(("PROJ", "PYTHONHOME", "PYTHONPATH")) or name == "GDAL_DATA"]
assert not foreign, foreign
folder = pathlib.Path({folder!r})
if words[0] == "map" and words[1].endswith(".gpkg"):
    given = sqlite3.connect(words[1])
    table = words[words.index("--layer") + 1] if "--layer" in words else pathlib.Path(words[1]).stem
    (count,) = given.execute(f'SELECT count(*) FROM "{{table}}"').fetchone()
    tell("log", message=f"{{count}} rows")
(folder / "words.json").write_text(json.dumps(words))
output = words[words.index("-o") + 1] if "-o" in words else None
{body}
"""

#: What the program does, by name.
BODIES = {
    "map": """
for step in range(3):
    tell("progress", stage="map", fraction=step / 3, message=f"scene {step}")
if output and output.endswith(".gpkg"):
    shutil.copy(folder / "example.gpkg", output)
elif output:
    pathlib.Path(output).mkdir() if not output.endswith(".html") else pathlib.Path(output).write_text("<p>page</p>")
tell("result", text="80 parcels", output=output, crops={"wheat": 50, "maize": 28}, unanswered={"no date": 2},
     validation_accuracy=0.75, validation_macro_f1=0.5, window="5 April to 3 June")
""",
    "slow": """
part = pathlib.Path(output + ".half")
def stop(*_):
    part.unlink()
    sys.exit(143)
signal.signal(signal.SIGTERM, stop)
part.write_text("half")
(folder / "pid").write_text(str(os.getpid()))
for step in range(2000):
    tell("progress", stage="map", fraction=step / 2000)
    time.sleep(0.05)
""",
    "crash": """
print("Segmentation fault (core dumped)", file=sys.stderr)
os.kill(os.getpid(), signal.SIGSEGV)
""",
    "rubbish": """
sys.stdout.buffer.write(b"\\xff\\xfe\\x00 no JSON\\n{}\\n[1]\\n")
print(json.dumps({"event": 3}), json.dumps({"event": "progress", "protocol": 1, "fraction": "x"}), sep="\\n")
""",
    "nothing": 'tell("result", text="done")',
    "future": 'print(json.dumps({"event": "result", "protocol": 2}))',
}


def stand_in(folder: Path, body: str = "map", version: str = "cropxai, version 0.1.0") -> str:
    """Write the program into a folder of its own and return its path."""
    home = folder / f"{body} {version.split()[-1]}"
    home.mkdir(exist_ok=True)
    path = home / "cropxai"
    text = PROGRAM.format(python=sys.executable, folder=str(folder), version=version, body=BODIES[body])
    path.write_text(text, encoding="utf-8")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)
