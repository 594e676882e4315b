"""The error and warning tree: each class is one sentence that names the input and the remedy.

Errors end a command with one line on stderr and exit code 1. Warnings tell of something that was set aside or
mended; ``warnings.simplefilter("error", CropxaiWarning)`` (or :func:`strict`) turns them into errors.
"""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

PathLike = str | Path


class CropxaiError(Exception):
    """Root of all errors that a user can mend."""

    def __reduce__(self) -> tuple[Any, ...]:
        # By default an error is sent to another process as its class and its message, which is not what these take.
        return _sent, (type(self), self.args, self.__dict__)


def _sent(kind: type[CropxaiError], args: tuple[object, ...], state: dict[str, object]) -> CropxaiError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class CropxaiWarning(UserWarning):
    """Root of all warnings about the user's data."""


def strict() -> None:
    """Turn every cropxai warning into an error."""
    warnings.simplefilter("error", CropxaiWarning)


def some(names: Sequence[object], limit: int = 3) -> str:
    """Write the first few of many names: ``'A', 'B' and 7 more``."""
    shown = ", ".join(repr(str(n)) for n in names[:limit])
    return shown if len(names) <= limit else f"{shown} and {len(names) - limit} more"


# --- outputs -----------------------------------------------------------------------------------------------------


class OutputExists(CropxaiError):
    """The output is already there."""

    def __init__(self, path: PathLike):
        super().__init__(f"{path}: exists already; choose another output or give --overwrite")


class OutputUnwritable(CropxaiError):
    """The output cannot be written: no space, no permission, or no such folder."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: cannot be written ({reason}); free space or choose another place, then run again")


class OutputBusy(CropxaiError):
    """Another run is writing the same output."""

    def __init__(self, path: PathLike, holder: str, lock: PathLike):
        super().__init__(
            f"{path}: another run is at work on it ({holder}); wait until it ends or, if it was killed, remove {lock}"
        )


class UpdateRefused(CropxaiError):
    """New dates would not fit those that a series has."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: {reason}; give the same as when it was made, or make it anew with --overwrite")


class SharesLeft(CropxaiError):
    """A share of the work is done, and the work of other shares is not."""

    def __init__(self, share: str, left: int, total: int):
        self.left, self.total = left, total
        if left:
            noun = "raster" if total == 1 else "rasters"
            others = f"{left} of {total} {noun} are left to other shares"
        else:
            others = "another share is still at work, and writes the series"
        super().__init__(f"share {share} is measured; {others}: when all have ended, run once more without --shard")


# --- clusters ----------------------------------------------------------------------------------------------------


class ClusterUnusable(CropxaiError):
    """A Dask cluster cannot be reached, or its workers cannot do the work."""

    def __init__(self, address: str, reason: str):
        super().__init__(f"--dask {address}: {reason}")


# --- parcels -----------------------------------------------------------------------------------------------------


class ParcelsUnreadable(CropxaiError):
    """The parcels file cannot be used."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: {reason}")


class DuplicateParcels(CropxaiError):
    """Several parcels bear one identifier."""

    def __init__(self, path: PathLike, field: str, duplicates: Sequence[object]):
        super().__init__(
            f"{path}: field {field!r} is not unique (repeated: {some(duplicates)}); "
            "name another with --id-field, or number the parcels with --id-field FID"
        )


class UnknownField(CropxaiError):
    """A named attribute is not in the file."""

    def __init__(self, path: PathLike, field: str, fields: Sequence[str], option: str):
        near = [f for f in fields if len(f) == 10 and f.lower() == field[:10].lower()]
        cut = f" (shapefiles cut names to 10 characters: {near[0]!r}?)" if near else ""
        super().__init__(f"{path}: no field {field!r}{cut}; {option} takes one of {some(list(fields), 12)}")


class NoLabels(CropxaiWarning):
    """The attribute with the declared crops is empty."""

    def __init__(self, path: PathLike, field: str):
        super().__init__(f"{path}: field {field!r} names no crop; the map compares with nothing")


class ParcelsSetAside(CropxaiWarning):
    """Parcels that get no answer, or whose geometry was mended."""

    def __init__(self, reason: str, parcels: Sequence[object]):
        self.reason, self.count = reason, len(parcels)
        noun = "parcel" if len(parcels) == 1 else "parcels"
        super().__init__(f"{len(parcels)} {noun}: {reason} ({some(parcels)})")


# --- scenes ------------------------------------------------------------------------------------------------------


class ScenesUnreadable(CropxaiError):
    """A raster cannot be used."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: {reason}")


class NoOverlap(CropxaiError):
    """No parcel lies on any of the rasters."""

    def __init__(self, parcels: PathLike, scenes: str):
        super().__init__(f"{parcels}: no parcel lies on the rasters of {scenes}; check the CRS and the area of both")


class ParcelsTooSmall(CropxaiError):
    """No parcel is large enough to hold the centre of a pixel."""

    def __init__(self, parcels: PathLike, reason: str):
        super().__init__(f"{parcels}: {reason} (all parcels); give larger parcels, finer rasters or a smaller --buffer")


class TooManyPixels(CropxaiError):
    """Parcels that lie across the blocks of a raster have more pixels than can be kept until all are read."""

    def __init__(self, pixels: int):
        super().__init__(
            f"parcels that lie across the blocks of a raster have {pixels} pixels, more than can be kept; give fewer "
            "parcels at a time, or a raster in tiles"
        )


class RulesUnusable(CropxaiError):
    """The rules of measuring are out of range, or contradict each other."""

    def __init__(self, reason: str):
        super().__init__(reason)


class LevelsMixed(CropxaiError):
    """The rasters are of several processing levels."""

    def __init__(self, examples: Sequence[tuple[str, PathLike]]):
        super().__init__(
            "the rasters mix processing levels: "
            + ", ".join(f"{level} ({path})" for level, path in examples)
            + "; give those of one level"
        )


class OffsetUnknown(CropxaiError):
    """Nothing tells the radiometric offset of rasters, and guessing would shift all values by 0.1."""

    def __init__(self, paths: Sequence[object], reason: str):
        noun = "raster" if len(paths) == 1 else "rasters"
        super().__init__(
            f"{len(paths)} {noun} ({some(paths)}): {reason}; give --dn-offset -1000 if dark water or forest has about "
            "1000 in them, --dn-offset 0 if it has about 0 or the archive says that it harmonised them"
        )


class PatternInvalid(CropxaiError):
    """A pattern of file names cannot be understood."""

    def __init__(self, pattern: str, reason: str):
        super().__init__(f"--pattern {pattern!r}: {reason}")


class NoScenes(CropxaiError):
    """No raster is left to read."""

    def __init__(self, scenes: str, reason: str):
        super().__init__(f"{scenes}: {reason}")


class OffsetDoubtful(CropxaiWarning):
    """The darkness of parcels speaks against the offset of their scenes."""

    def __init__(self, paths: Sequence[object], reason: str):
        noun = "raster" if len(paths) == 1 else "rasters"
        super().__init__(f"{len(paths)} {noun} ({some(paths)}): {reason}" if paths else reason)


class ScenesSetAside(CropxaiWarning):
    """Rasters that were left out, and why."""

    def __init__(self, reason: str, paths: Sequence[object]):
        self.reason, self.count = reason, len(paths)
        noun = "raster" if len(paths) == 1 else "rasters"
        super().__init__(f"{len(paths)} {noun}: {reason} ({some(paths)})")


class BandsSpared(CropxaiWarning):
    """Bands of a model that too few rasters have, and which it can do without."""

    def __init__(self, bands: Sequence[str], model: str):
        super().__init__(
            f"too few rasters have {', '.join(bands)}, which model {model!r} can do without: not read, and answers may "
            "be less sure"
        )


class ScenesUnverified(CropxaiWarning):
    """Rasters that carry no checksum to compare them with."""

    def __init__(self, paths: Sequence[object]):
        noun = "raster carries" if len(paths) == 1 else "rasters carry"
        super().__init__(
            f"{len(paths)} {noun} no checksum of all files, and --verify cannot compare them ({some(paths)})"
        )


# --- series ------------------------------------------------------------------------------------------------------


class SeriesUnreadable(CropxaiError):
    """The path holds no series of this software."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: {reason}; make one with 'cropxai ingest'")


class RelevanceUnreadable(CropxaiError):
    """The path holds no relevance of this software."""

    def __init__(self, path: PathLike):
        super().__init__(f"{path}: is not a relevance store; make one with 'cropxai explain'")


class NoRelevanceRule(CropxaiError):
    """The network has a part that no rule of relevance propagation covers."""

    def __init__(self, kind: str, where: str):
        super().__init__(
            f"no relevance rule for {kind} ({where}); explain a model that 'cropxai train' made, "
            "or add the rule in cropxai/explain/rules.py"
        )


class DeviceMissing(CropxaiError):
    """The device that was asked for is not there."""

    def __init__(self, device: str):
        super().__init__(f"device {device!r}: torch sees none on this machine; use --device cpu")


class SelfcheckFailed(CropxaiError):
    """Relevance is not what the explicit reference gives."""

    def __init__(self, choices: str, deviation: float, allowed: float):
        super().__init__(
            f"relevance ({choices}) deviates from the explicit reference by {deviation:.1e}, more than {allowed:.0e}; "
            "do not use it: try --dtype float64, and report the model's card with this line"
        )


class SeriesUnusable(CropxaiError):
    """The series lacks what the command needs."""

    def __init__(self, reason: str):
        super().__init__(reason)


class WeatherUnusable(CropxaiError):
    """Daily temperatures do not give the thermal time of a series."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: {reason}")


class ExchangeUnreadable(CropxaiError):
    """A file of another tool does not hold a series as its format promises."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: {reason}")


class ExtraMissing(CropxaiError):
    """An optional package is not installed."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(f"{purpose} needs the package {package}; install it with: pip install 'cropxai[{extra}]'")


# --- maps --------------------------------------------------------------------------------------------------------


class MapUnreadable(CropxaiError):
    """The file is not a crop map of this program, or a damaged or older one."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: {reason}")


class MapUnsupported(CropxaiError):
    """The format of the output cannot hold what is on the map."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: {reason}; write a .gpkg or .parquet, which hold it")


# --- models ------------------------------------------------------------------------------------------------------


class ModelUnreadable(CropxaiError):
    """The model folder is missing, truncated, or its card disagrees with its weights."""

    def __init__(self, path: PathLike, reason: str):
        super().__init__(f"{path}: {reason}")


class ModelsDiffer(CropxaiError):
    """Two models cannot be compared."""

    def __init__(self, one: str, other: str):
        super().__init__(
            f"the models {one!r} and {other!r} differ in classes or bands, so their relevance cannot be compared; "
            "give models of the same series, trained with another --seed"
        )


class LevelMismatch(CropxaiError):
    """The series and the model were made from different processing levels."""

    def __init__(self, series_level: str, model: str, model_level: str):
        super().__init__(
            f"the series is {series_level}, but model {model!r} was trained on {model_level}; "
            f"ingest the {model_level} products, or choose another model with 'cropxai models'"
        )


class ClassesDiffer(CropxaiError):
    """Models of one ensemble do not have the same classes."""

    def __init__(self, first: str, other: str, differing: Sequence[str]):
        super().__init__(
            f"models {first!r} and {other!r} do not have the same classes ({some(differing, 5)}), so their answers "
            "cannot be averaged; give models of one set of classes"
        )


class BandMismatch(CropxaiError):
    """The series lacks bands that the model was trained on."""

    def __init__(self, missing: Sequence[str], model: str):
        super().__init__(
            f"the series lacks {', '.join(missing)}, on which model {model!r} was trained; "
            "ingest scenes with these bands, or choose another model with 'cropxai models'"
        )
