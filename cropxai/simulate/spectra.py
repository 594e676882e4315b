"""What leaves, water, soil and the bands of Sentinel-2 are made of, at the wavelengths where a band is sampled.

The nodes come with the package (``srf_nodes.csv``, made by ``benchmarks/band_nodes.py``); the optical constants are
read at run time from the files of the optional package prosail, which states no licence: nothing of it is kept here.
"""

import importlib.util
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cropxai.bands import BANDS
from cropxai.errors import ExtraMissing

Array = npt.NDArray[np.float64]

#: What absorbs in a leaf, in the order of the rows of `Constants.absorption`.
ABSORBERS = ("chlorophyll", "carotenoids", "anthocyanins", "brown", "water", "dry_matter")

_LEAF_FILE, _SOIL_FILE = "prospect_d_spectra.txt", "soil_reflectance.txt"
# Columns of the leaf file: wavelength, refractive index, chlorophyll, carotenoids, anthocyanins, brown, water, dry.
_WAVELENGTHS = np.arange(400.0, 2501.0)


@dataclass(frozen=True)
class Nodes:
    """Where the bands sample a spectrum: a Gauss rule for the response of each.

    Attributes
    ----------
    wavelength : (node,) nm
    weight : (node,), of sum one for each band
    starts : (band + 1,) int64, the first node of each band in the order of `cropxai.bands.BANDS`, and the end
    """

    wavelength: Array
    weight: Array
    starts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Constants:
    """Optical constants at some wavelengths.

    Attributes
    ----------
    wavelength : (wavelength,) nm
    refraction : (wavelength,) refractive index of leaf material
    absorption : (absorber, wavelength) in the order of `ABSORBERS`: cm² µg⁻¹ for the pigments, none for brown pigment,
        cm⁻¹ for water, cm² g⁻¹ for dry matter
    dry_soil, wet_soil : (wavelength,) reflectance
    """

    wavelength: Array
    refraction: Array
    absorption: Array
    dry_soil: Array
    wet_soil: Array


def band_nodes() -> Nodes:
    """Return the nodes of the 13 bands."""
    table = files("cropxai.simulate") / "srf_nodes.csv"
    rows = [line.split(",") for line in table.read_text("utf-8").splitlines() if not line.startswith("#")][1:]
    counts = [sum(row[0] == band.name for row in rows) for band in BANDS]
    return Nodes(
        np.array([float(row[1]) for row in rows]),
        np.array([float(row[2]) for row in rows]),
        np.cumsum([0, *counts], dtype=np.int64),
    )


def constants(wavelength: Array) -> Constants:
    """Return the optical constants at the wavelengths (nm, 400 to 2500), linear between whole nanometres.

    Sources: Féret et al. 2017, *Remote Sensing of Environment* 193 (PROSPECT-D: refraction, absorption; brown pigment:
    F. Baret), and the two soils that come with PROSAIL.

    Raises
    ------
    ExtraMissing
        The package prosail, whose files hold them, is not installed.
    """
    folder = _prosail_folder()
    leaf = np.loadtxt(folder / _LEAF_FILE)[:, 1:].T
    soil = np.loadtxt(folder / _SOIL_FILE).T
    refraction, *absorption = (np.interp(wavelength, _WAVELENGTHS, row) for row in leaf)
    dry, wet = (np.interp(wavelength, _WAVELENGTHS, row) for row in soil)
    return Constants(np.asarray(wavelength, float), refraction, np.array(absorption), dry, wet)


def _prosail_folder() -> Path:
    """Find the package without importing it, which would compile its functions."""
    found = importlib.util.find_spec("prosail")
    if found is None or not found.submodule_search_locations:
        raise ExtraMissing("prosail", "simulate", "the optics of simulated leaves and soils")
    return Path(next(iter(found.submodule_search_locations)))
