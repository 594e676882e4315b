"""How often the darkness of parcels tells a wrong offset: real and simulated scenes, shifted by 0.1 either way.

    python benchmarks/offsets.py [--data FOLDER] [--quick]

Prints a table, then one JSON line. The real data sets are those of the tests; without them, only `sample_data` is used.
"""

import argparse
import json
import os
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np

from cropxai.errors import CropxaiWarning, OffsetDoubtful
from cropxai.ingest import extract_series
from cropxai.ingest.catalogue import find_scenes
from cropxai.ingest.darkness import LEAST_PARCELS, LEAST_SCENES, SHIFT, VISIBLE, Darkness
from cropxai.ingest.scenes import Scene

ROOT = Path(__file__).parents[1]
NEARBY = ROOT / "../shared/data"
OPTIONS = {"freising_2018": {"id_field": "Name"}}


def places(folder: Path, quick: bool):
    """Give name, parcels and scenes of each data set that is there."""
    if not quick:
        for name, parcels in (("flanders_2018", "parcels.gpkg"), ("freising_2018", "fields.gpkg")):
            if (folder / name).is_dir():
                yield name, folder / name / parcels, folder / name / "s2"
    yield "sample_data (simulated)", ROOT / "sample_data/parcels.gpkg", ROOT / "sample_data/scenes"


def doubted(values: np.ndarray, scene: Scene) -> bool:
    """Say whether scenes of these values, (scene, parcel, band), are told of."""
    darkness = Darkness()
    for of_scene in values:
        darkness.add(scene, of_scene, VISIBLE)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        darkness.warn()
    return any(issubclass(w.category, OffsetDoubtful) for w in told)


def rates(parcels: Path, scenes: Path, **options: str) -> dict[str, float]:
    """Count how often each rule is right and wrong."""
    series = extract_series(parcels, scenes, bands=VISIBLE, **options)
    values = series.reflectance.transpose(1, 0, 2)
    values = values[np.isfinite(values).all(axis=2).sum(axis=1) >= LEAST_PARCELS]
    scene = find_scenes(scenes)[0]
    offset = replace(scene, bands={b: replace(place, offset=-1000.0) for b, place in scene.bands.items()})
    runs = [values[n : n + LEAST_SCENES] for n in range(len(values) - LEAST_SCENES + 1)]
    return {
        "scenes": len(values),
        "twice_found": float(np.mean([doubted(v[None] - np.float32(SHIFT), offset) for v in values])),
        "twice_false": float(np.mean([doubted(v[None], offset) for v in values])),
        "not_found": float(np.mean([doubted(run + np.float32(SHIFT), scene) for run in runs])),
        "not_false": float(np.mean([doubted(run, scene) for run in runs])),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=Path(os.environ.get("CROPXAI_REAL_DATA", NEARBY)))
    parser.add_argument("--quick", action="store_true", help="sample data only")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore", CropxaiWarning)
    found = {name: rates(p, s, **OPTIONS.get(name, {})) for name, p, s in places(arguments.data, arguments.quick)}
    for name, rate in found.items():
        cells = [f"{100 * rate[key]:.0f} %" for key in ("twice_found", "twice_false", "not_found", "not_false")]
        print(f"| {name} | {rate['scenes']} | {' | '.join(cells)} |")
    print(json.dumps({"benchmark": "offsets", "results": found}))


if __name__ == "__main__":
    main()
