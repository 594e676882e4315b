"""The Sentinel-2 band table, the scene classification and the names by which files call them.

Source: ESA Sentinel-2 MSI user guide (band designations, native resolutions; central wavelengths of Sentinel-2A);
L2A product specification (scene classification classes).
"""

import datetime as dt
import re
from dataclasses import dataclass

GROUPS = ("atmosphere", "visible", "red edge", "near infrared", "short-wave infrared")


@dataclass(frozen=True)
class Band:
    """One band of the MultiSpectral Instrument: ESA name, central wavelength (nm), native pixel (m), group."""

    name: str
    wavelength: float
    resolution: int
    group: str


BANDS: tuple[Band, ...] = (
    Band("B01", 442.7, 60, "atmosphere"),
    Band("B02", 492.7, 10, "visible"),
    Band("B03", 559.8, 10, "visible"),
    Band("B04", 664.6, 10, "visible"),
    Band("B05", 704.1, 20, "red edge"),
    Band("B06", 740.5, 20, "red edge"),
    Band("B07", 782.8, 20, "red edge"),
    Band("B08", 832.8, 10, "near infrared"),
    Band("B8A", 864.7, 20, "near infrared"),
    Band("B09", 945.1, 60, "atmosphere"),
    Band("B10", 1373.5, 60, "atmosphere"),
    Band("B11", 1613.7, 20, "short-wave infrared"),
    Band("B12", 2202.4, 20, "short-wave infrared"),
)
BY_NAME = {band.name: band for band in BANDS}

#: The ten bands that every level, archive and resolution product has.
COMMON_BANDS = ("B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12")

#: Classes of the L2A scene classification (SCL).
SCL_CLASSES = {
    0: "no data",
    1: "saturated or defective",
    2: "dark area or topographic shadow",
    3: "cloud shadow",
    4: "vegetation",
    5: "not vegetated",
    6: "water",
    7: "unclassified",
    8: "cloud, medium probability",
    9: "cloud, high probability",
    10: "thin cirrus",
    11: "snow or ice",
}
#: SCL classes that count as not clear.
SCL_MASKED = (0, 1, 3, 8, 9, 10, 11)

#: Reflectance = (DN + offset) / QUANTIFICATION; a DN of 0 means no data, tested before the offset is added.
QUANTIFICATION = 10_000
#: From this day on, ESA's products have an offset (processing baseline 04.00).
FIRST_OFFSET_DAY = dt.date(2022, 1, 25)


def band_name(text: str) -> str | None:
    """Return the ESA name ("B02", "B8A") for the ways in which files write it ("b2", "B2", "band_2"), or None."""
    match = re.fullmatch(r"(?:band[ _-]?|b)0?(\d{1,2}a?)", text.strip().lower())
    if match is None:
        return None
    number = match[1].upper()
    name = "B8A" if number == "8A" else f"B{number:0>2}"
    return name if name in BY_NAME else None


def group_of(band: str) -> str:
    """Return the spectral group of a band, empty for what is none, such as a count of pixels."""
    return BY_NAME[band].group if band in BY_NAME else ""
