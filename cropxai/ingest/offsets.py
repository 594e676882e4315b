"""What explains the radiometric offset of a scene, and the refusal of scenes where nothing does.

From processing baseline 04.00 on, ESA adds 1000 to all DN, so that dark surfaces are not cut off at 0: the offset is
-1000. It came into force on 25 January 2022; the archive was processed again since, so that old days with an offset
are about too, and some archives take the offset away and do not say so.

Source: ESA, Sentinel-2 Products Specification Document 14.9, BOA_ADD_OFFSET and RADIO_ADD_OFFSET.
"""

import datetime as dt
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Literal

from cropxai.bands import FIRST_OFFSET_DAY
from cropxai.errors import OffsetUnknown, PathLike, ScenesUnreadable
from cropxai.ingest.scenes import Location, Scene

FIRST_OFFSET_BASELINE = 4.0
#: Baselines from here on are not ESA's: Sen2Cor writes 99.xx where users run it.
UNOFFICIAL_BASELINE = 90.0
#: The offset of all bands of all products so far.
OFFSET = -1000.0

OffsetBy = Literal["metadata", "date", "nothing"]
LEAST_FIRST: tuple[OffsetBy, ...] = ("nothing", "date", "metadata")


def explain_offset(declared: float | None, baseline: str, date: dt.date, given: float | None) -> tuple[float, OffsetBy]:
    """Return the offset of a scene and what tells it.

    Parameters
    ----------
    declared : float, optional
        What the product says, in DN.
    baseline : str
        "05.09", or empty.
    date : datetime.date
        Day of acquisition.
    given : float, optional
        What the user says: it comes first.
    """
    for told in (given, declared):
        if told is not None:
            return told, "metadata"
    number = _number(baseline)
    if number is not None:
        return (OFFSET if number >= FIRST_OFFSET_BASELINE else 0.0), "metadata"
    return 0.0, "date" if date < FIRST_OFFSET_DAY else "nothing"


def with_offset(
    place: Location, declared: float | None, baseline: str, date: dt.date, given: float | None, named: PathLike
) -> tuple[Location, OffsetBy]:
    """Return the place of a band with its offset, and what tells this.

    Raises
    ------
    ScenesUnreadable
        If the user gives an offset in DN to pixels that are reflectance already; ``named`` is what it names.
    """
    reflectance = place.quantification == 1.0
    if reflectance and given:
        raise ScenesUnreadable(named, "holds reflectance (floating point), which takes no --dn-offset; leave it out")
    offset, by = explain_offset(declared, baseline, date, None if reflectance else given)
    return replace(place, offset=offset), by


def told_least(told: Collection[OffsetBy]) -> OffsetBy:
    """Return what tells the offset of a scene, of what tells those of its bands: the weakest."""
    return next(by for by in LEAST_FIRST if by in told)


def _number(baseline: str) -> float | None:
    match = re.fullmatch(r"(\d\d?)\.?(\d\d)", baseline)
    number = float(f"{match[1]}.{match[2]}") if match else UNOFFICIAL_BASELINE
    return number if number < UNOFFICIAL_BASELINE else None


def check_offsets(scenes: Sequence[Scene]) -> None:
    """Refuse a mix of offsets that cannot be explained.

    A day before the offset came explains that there is none, unless other scenes of such days have one: then they come
    from the archive that was processed again, and so may those that tell nothing.

    Raises
    ------
    OffsetUnknown
    """
    untold = [scene for scene in scenes if scene.offset_by == "nothing"]
    if untold:
        raise OffsetUnknown(
            [scene.path for scene in untold], f"neither offset nor baseline is told, on {untold[0].date}"
        )
    by_day = [scene for scene in scenes if scene.offset_by == "date"]
    again = [scene for scene in scenes if scene.date < FIRST_OFFSET_DAY and _has_offset(scene)]
    if by_day and again:
        reason = f"neither offset nor baseline is told, and others before {FIRST_OFFSET_DAY} have an offset"
        raise OffsetUnknown([scene.path for scene in by_day], f"{reason} ({again[0].path})")


def _has_offset(scene: Scene) -> bool:
    return any(place.offset != 0 for place in scene.bands.values())
