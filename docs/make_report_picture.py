"""Make docs/report.png: the report of the sample data's map, in Chromium, light and dark side by side.

python docs/make_report_picture.py    (needs chromium and Pillow)
"""

import subprocess
import tempfile
from pathlib import Path

from PIL import Image

DOCS = Path(__file__).parent
SAMPLE = DOCS.parent / "sample_data"
WIDTH, HEIGHT, SHOWN = 1100, 5200, 2900
DARK = "--blink-settings=preferredColorScheme=0"


def main() -> None:
    """Map the sample data, write the report, and take its picture."""
    with tempfile.TemporaryDirectory() as folder:
        crops, page = Path(folder) / "sample.gpkg", Path(folder) / "report.html"
        run("cropxai", "map", SAMPLE / "parcels.shp", SAMPLE / "scenes", "-o", crops, "--label-field", "crop")
        run("cropxai", "report", crops, "-o", page)
        both = Image.new("RGB", (2 * WIDTH, SHOWN))
        for place, scheme in enumerate(([], [DARK])):
            shot = Path(folder) / "shot.png"
            run("chromium", "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", *scheme,
                f"--user-data-dir={folder}/profile", f"--window-size={WIDTH},{HEIGHT}", f"--screenshot={shot}",
                page.as_uri())  # fmt: skip
            both.paste(Image.open(shot).convert("RGB").crop((0, 0, WIDTH, SHOWN)), (place * WIDTH, 0))
        both.resize((WIDTH * 6 // 5, SHOWN * 3 // 5)).quantize(256, kmeans=2).save(DOCS / "report.png", optimize=True)


def run(*words: object) -> None:
    """Run a command; its output is shown only if it fails."""
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=300)
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)


if __name__ == "__main__":
    main()
