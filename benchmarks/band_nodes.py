"""Make ``cropxai/simulate/srf_nodes.csv``: where and with what weight each Sentinel-2 band samples a spectrum.

    python benchmarks/band_nodes.py cropxai/simulate/srf_nodes.csv

The response of a band is the mean of those of Sentinel-2A and 2B, each scaled to an area of one (ESA S2-SRF 3.0, as
the package pyrsr 0.8.0 gives them at 1 nm). A Gauss rule of n nodes integrates every polynomial of degree 2n-1 exactly
over that response; the rule comes from the three-term recurrence of the orthogonal polynomials (Golub & Welsch 1969).
The numbers of nodes are about the smallest that keep every band within 0.0008 of the 1 nm sum for canopies of all kinds
(tests/simulate/test_simulate_radiation.py measures it); the steep edges of green, water and protein need most.
"""

import sys
from importlib.resources import files
from pathlib import Path

import numpy as np

NODES = {
    **{"B01": 2, "B02": 5, "B03": 5, "B04": 3, "B05": 2, "B06": 2, "B07": 2, "B08": 2, "B8A": 3},
    **{"B09": 3, "B10": 8, "B11": 2, "B12": 8},
}

HEADER = """\
# Gauss nodes of the Sentinel-2 MSI bands, mean of 2A and 2B. Made by benchmarks/band_nodes.py.
# Source of the responses: ESA S2-SRF 3.0 (COPE-GSEG-EOPG-TN-15-0007, 19 December 2017), Copernicus Sentinel data,
# through the package pyrsr 0.8.0 (Apache-2.0). Wavelengths in nm; the weights of a band sum to 1.
band,wavelength,weight
"""


def response(band: str, satellite: str) -> tuple[np.ndarray, np.ndarray]:
    """Return wavelengths (nm) and response, scaled to a sum of one."""
    name = band[1:].removeprefix("0")
    table = files("pyrsr") / "data" / f"Sentinel-2{satellite}" / "MSI" / f"band_{name}"
    wavelength, value = np.loadtxt(table.open(), skiprows=1, unpack=True)
    value = np.maximum(value, 0)
    return wavelength, value / value.sum()


def gauss(x: np.ndarray, weight: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the nodes and weights of the Gauss rule of a discrete measure of mass one."""
    middle = weight @ x
    spread = np.sqrt(weight @ (x - middle) ** 2)
    z = (x - middle) / spread
    jacobi = np.zeros((count, count))
    before, now, above = np.zeros_like(z), np.ones_like(z), 0.0
    for k in range(count):
        jacobi[k, k] = weight @ (z * now**2)
        after = (z - jacobi[k, k]) * now - above * before
        above = np.sqrt(weight @ after**2)
        if k + 1 < count:
            jacobi[k, k + 1] = jacobi[k + 1, k] = above
        before, now = now, after / above
    nodes, vectors = np.linalg.eigh(jacobi)
    return nodes * spread + middle, vectors[0] ** 2


def main(path: Path) -> None:
    """Write the table."""
    rows = []
    for band, count in NODES.items():
        pairs = [response(band, satellite) for satellite in "AB"]
        x = np.concatenate([wavelength for wavelength, _ in pairs])
        weight = np.concatenate([value / 2 for _, value in pairs])
        rows += [f"{band},{node:.6f},{share:.9f}\n" for node, share in zip(*gauss(x, weight, count), strict=True)]
    path.write_text(HEADER + "".join(rows))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
