"""Reflectance of simulated canopies: its error against the package prosail at 1 nm, and its speed.

``python benchmarks/radiation.py [--quick]`` prints a table and last one line of JSON. Canopies are drawn from wide
ranges of all parameters; the package's spectra are summed over the responses of the bands (pyrsr, mean of Sentinel-2A
and 2B). Times are CPU seconds of one thread, least of five rounds.
"""

import argparse
import json
import time
import timeit

import numpy as np
from band_nodes import response
from prosail import run_prosail

from cropxai.bands import BANDS
from cropxai.simulate.radiation import Canopy, load_optics, reflectance

#: Parameters that the package knows too, with their ranges.
RANGES = {
    **{"structure": (1, 2.6), "chlorophyll": (0, 90), "carotenoids": (0, 20), "brown": (0, 1), "water": (0.0005, 0.04)},
    **{"dry_matter": (0.001, 0.02), "lai": (0, 7), "leaf_angle": (20, 80), "hotspot": (0.01, 0.5)},
    **{"sun_zenith": (20, 75), "view_zenith": (0, 11), "azimuth": (0, 180), "anthocyanins": (0, 6)},
    **{"soil_brightness": (0.4, 1.4), "soil_wetness": (0, 1)},
}
ORDER = tuple(RANGES)[:12]


def drawn(count: int, seed: int) -> dict[str, np.ndarray]:
    random = np.random.default_rng(seed)
    return {name: random.uniform(*limits, count) for name, limits in RANGES.items()}


def package(values: dict[str, np.ndarray], k: int) -> np.ndarray:
    one = {name: float(column[k]) for name, column in values.items()}
    soil = {"rsoil": one["soil_brightness"], "psoil": 1 - one["soil_wetness"]}
    return run_prosail(*(one[name] for name in ORDER), ant=one["anthocyanins"], prospect_version="D", **soil)


def bands_of(spectra: np.ndarray) -> np.ndarray:
    weights = np.zeros((spectra.shape[1], len(BANDS)))
    for k, band in enumerate(BANDS):
        for satellite in "AB":
            wavelength, share = response(band.name, satellite)
            weights[wavelength.astype(int) - 400, k] += share / 2
    return spectra @ weights


def seconds(work: object) -> float:
    return min(timeit.repeat(work, number=1, repeat=5, timer=time.process_time))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer canopies")
    count = 500 if parser.parse_args().quick else 5000
    optics, values = load_optics(), drawn(count, 0)
    expected = bands_of(np.array([package(values, k) for k in range(count)]))
    error = np.abs(reflectance(Canopy(**values), optics) - expected)
    nodes = np.diff(optics.nodes.starts)
    print("| band | nodes | mean error | 99 % below | greatest |\n|---|---|---|---|---|")
    for k, band in enumerate(BANDS):
        mean, p99, most = error[:, k].mean(), np.quantile(error[:, k], 0.99), error[:, k].max()
        print(f"| {band.name} | {nodes[k]} | {mean:.5f} | {p99:.5f} | {most:.5f} |")
    many = drawn(20_000, 1)
    bare = many | {"lai": 0.0}
    own, soil = (seconds(lambda c=c: reflectance(Canopy(**c), optics)) / 20_000 for c in (many, bare))
    theirs = seconds(lambda: [package(values, k) for k in range(50)]) / 50
    found = {
        "reflectance_error_p99": float(np.quantile(error, 0.99)),
        "reflectance_error_greatest": float(error.max()),
        "microseconds": own * 1e6,
        "microseconds_bare": soil * 1e6,
        "microseconds_prosail": theirs * 1e6,
    }
    print(json.dumps({name: float(f"{value:.3g}") for name, value in found.items()}))


if __name__ == "__main__":
    main()
