"""Parcels + scenes → series: the top of the room, which reads like its table of contents."""

import datetime as dt
import hashlib
import warnings
from collections import defaultdict
from collections.abc import Callable, Collection, Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import numpy as np

import cropxai
from cropxai.bands import BANDS, SCL_MASKED
from cropxai.errors import (
    NoOverlap,
    NoScenes,
    OutputUnwritable,
    ParcelsTooSmall,
    PathLike,
    RulesUnusable,
    ScenesSetAside,
    SeriesUnusable,
    some,
)
from cropxai.ingest.catalogue import Day, find_scenes
from cropxai.ingest.detector import with_detector
from cropxai.ingest.engine import Engine, Job, Share, open_engine
from cropxai.ingest.measure import VERSION, Measurement
from cropxai.ingest.parcels import Parcels, read_parcels
from cropxai.ingest.plan import OUTSIDE, Plan, why_no_pixel
from cropxai.ingest.planfile import kept_plan
from cropxai.ingest.rules import CENTRE, MEDIAN, MIN_CLEAR, Rules
from cropxai.ingest.scenes import Grid, Scene
from cropxai.ingest.table import SeriesTable
from cropxai.ingest.update import Former, Origin, Origins, origin_attrs
from cropxai.reporting import Report, part, silent
from cropxai.series import CropSeries

#: Share of the work that finding the pixels takes, in the eyes of the progress bar.
PLANNING = 0.1


def extract_series(
    parcels: PathLike,
    scenes: PathLike | Sequence[PathLike],
    *,
    layer: str | None = None,
    id_field: str | None = None,
    label_field: str | None = None,
    bands: Sequence[str] | None = None,
    level: str | None = None,
    dn_offset: float | None = None,
    pattern: str | None = None,
    allow_outside: bool = False,
    masked_classes: Sequence[int] = SCL_MASKED,
    min_clear: float = MIN_CLEAR,
    dilation: float = 0.0,
    cloud_probability: float | None = None,
    cloud_detector: str | None = None,
    pixel_rule: str = CENTRE,
    statistic: str = MEDIAN,
    buffer: float = 0.0,
    min_pixels: int = 0,
    start: Day | None = None,
    end: Day | None = None,
    verify: bool = False,
    workdir: PathLike | None = None,
    plan_cache: PathLike | None = None,
    workers: int | None = None,
    dask: str | None = None,
    share: Share | None = None,
    former: CropSeries | None = None,
    accept: Callable[[Sequence[Scene]], Sequence[str] | None] | None = None,
    report: Report = silent,
) -> CropSeries:
    """Extract the reflectance of every parcel, date and band.

    By default it is the median of the clear pixels whose centre lies inside the parcel; a pixel is clear if the mask of
    the scene does not rule it out. Where several scenes of one date show a parcel, one is taken: that on which the date
    counts, then that with most pixels of the parcel that hold data, then the highest baseline, then most clear pixels,
    then the first by tile and path.

    Parameters
    ----------
    parcels : path
        Any vector file, in any CRS; see :func:`cropxai.ingest.read_parcels` for ``layer``, ``id_field`` and
        ``label_field``.
    scenes : path or sequence of paths
        GeoTIFFs, folders of them, STAC items and catalogues, lists (.csv, .parquet), in any order and any CRS.
    bands : sequence of str, optional
        ESA names. By default all that any scene has.
    level : {"L1C", "L2A"}, optional
        Processing level of the rasters that do not tell it.
    dn_offset : float, optional
        Radiometric offset of all rasters (-1000 for products of baseline 04.00 on), in place of what they declare.
    pattern : str, optional
        What the names of GeoTIFFs tell, such as "{tile}_{date:%Y%m%d}_{band}.tif".
    allow_outside : bool
        Whether a STAC catalogue may name files outside its folder.
    masked_classes : sequence of int
        SCL classes that are not clear.
    min_clear : float
        Least share (0…1) of the parcel's pixels that must be clear for a date to count; one pixel must be in any
        case. A band in which fewer pixels have a value is missing.
    dilation : float
        Metres around cloud and shadow that are not clear either.
    cloud_probability : float, optional
        Probability (0…1) from which a pixel is cloud, applied beside other masks; by default only where there are no
        others, from 0.4.
    cloud_detector : "s2cloudless", optional
        Find the clouds of L1C scenes from their bands, in place of masks that they bring.
    pixel_rule : {"centre", "exact", "eurocropsml"}
        Which pixels are a parcel's: those whose centre lies inside; all that it covers, each by the covered share; or
        as the software of EuroCropsML takes them, which see in docs/ingest.md. On a coarser grid of a scene, a parcel
        without a pixel centre takes the one pixel that holds a point inside it.
    statistic : {"median", "mean"}
        Of the clear pixels. The median by "exact" is the least value such that it and all lower ones have half of the
        weight.
    buffer : float
        Metres by which parcels are shrunk before; ``status`` tells of those of which nothing is left.
    min_pixels : int
        Parcels of fewer pixels (by "exact": of less area than so many) on the finest grid of a scene get no value.
    start, end : datetime.date or "YYYY-MM-DD", optional
        First and last day to keep.
    verify : bool
        Compare files with the checksums that their product carries, before they are read.
    workdir : path, optional
        Folder for what each scene gave; a run that was stopped goes on from there, with the same result.
    plan_cache : path, optional
        Folder that keeps which pixels are whose, for other runs with the same parcels on the same grids, and shares it
        among processes. By default ``workdir``, if there is one.
    workers : int, optional
        Scenes to read at the same time; the result does not depend on it. By default the number of CPUs, at most 8.
    dask : str, optional
        Scenes are measured on a Dask cluster: "local" for processes of this machine, or the address of a scheduler
        whose workers share ``workdir`` and the scenes.
    share : Share, optional
        Measure these scenes only; the series is made once all have been measured.
    former : CropSeries, optional
        Series of the same parcels, bands and rules, made before: its dates are taken from it, unless their scenes have
        changed. By default, bands and labels are those of it.
    accept : callable, optional
        Called with the scenes before any pixel is read; it refuses them by raising, or returns the bands to read, None
        for ``bands``.
    report : callable
        Told the share of the work done.

    Returns
    -------
    CropSeries
        Parcels in the order of the file, none left out: ``status`` says why one has no series. ``valid_pixels`` are
        the clear pixels of a date, ``clear_fraction`` their share of the parcel's, also on dates that do not count.

    Raises
    ------
    ParcelsUnreadable, UnknownField, DuplicateParcels
        If the parcels cannot be used.
    ScenesUnreadable, LevelsMixed, OffsetUnknown, PatternInvalid, NoScenes
        If the rasters cannot be used.
    RulesUnusable
        If a rule is out of range, or rules contradict each other.
    NoOverlap, ParcelsTooSmall
        If no parcel lies on the rasters, or none holds the centre of a pixel.
    SeriesUnusable
        If a band is asked for that no raster has.
    OutputUnwritable
        If ``workdir`` or ``plan_cache`` cannot be written.
    ExtraMissing, ClusterUnusable
        If there is no such cluster, or its workers cannot do the work.
    SharesLeft
        If scenes of other shares have not been measured yet.
    UpdateRefused
        If ``former`` was made in another way.

    Warns
    -----
    ParcelsSetAside
        If geometry was mended.
    ScenesSetAside
        If rasters lack bands, miss all parcels, or hold no data on them.
    OffsetDoubtful
        If the darkness of parcels speaks against the offset of rasters.
    """
    rules = Rules(
        tuple(sorted(set(masked_classes))), min_clear, dilation, cloud_probability, pixel_rule, statistic, buffer,
        min_pixels,
    )  # fmt: skip
    if rules.as_eurocropsml and (dn_offset is not None or cloud_detector is not None):
        raise RulesUnusable(
            "the pixel rule eurocropsml takes all DN as they are stored; leave out --dn-offset and --cloud-detector"
        )
    before = None if former is None else Former(former)
    fields = read_parcels(parcels, layer=layer, id_field=id_field, label_field=label_field)
    if before is not None and fields.crop is None:
        fields = replace(fields, crop=before.labels)
    found = find_scenes(
        scenes,
        level=level,
        dn_offset=dn_offset,
        pattern=pattern,
        allow_outside=allow_outside,
        start=start,
        end=end,
        verify=verify,
    )
    if accept is not None:
        bands = accept(found) or bands
    where = _named(scenes)
    chosen = _chosen_bands(found, bands, before)
    if cloud_detector is not None:
        found = with_detector(found)
    identity = _identity(fields, found[0].level, rules, cloud_detector)
    if before is not None:
        before.check(chosen, identity)
    found = [scene.only(chosen) for scene in found if not scene.bands.keys().isdisjoint(chosen)]
    folder = _made(workdir)
    keeping = folder if plan_cache is None else _made(plan_cache)
    plans = _plans(fields, found, rules, before, keeping, part(report, 0, PLANNING))
    _check_overlap(fields, plans, rules, where)
    days = _by_date(_scenes_on_parcels(found, plans))
    fresh = [date for date in days if before is None or not before.stays(date, days[date])]
    job = Job(plans, chosen, rules, folder)
    table = SeriesTable(len(fields), len({*days, *(before.origins if before else ())}), chosen, plans, rules)
    todo = [scene for date in fresh for scene in days[date]]
    with (
        open_engine(workers, dask) as engine,
        closing(_measured(engine, job, todo, share, part(report, PLANNING, 1))) as measured,
    ):
        origins = _fill(table, days, fresh, before, measured)
    if not table.dates:
        raise NoScenes(where, "all pixels on the parcels are nodata; check that the rasters are whole")
    if table.blank:
        warnings.warn(ScenesSetAside("only nodata on the parcels", table.blank), stacklevel=2)
    table.darkness.warn()
    plan_hash = hashlib.sha256("".join(sorted(plan.key for plan in plans.values())).encode()).hexdigest()
    attrs = {name: value for name, value in identity.items() if value is not None}
    attrs |= {"software": f"cropxai {cropxai.__version__}", "plan_hash": plan_hash}
    report(1.0, "")
    return table.series(fields, {**attrs, **origin_attrs(origins, plans)})


def _identity(parcels: Parcels, level: str, rules: Rules, cloud_detector: str | None) -> dict[str, object]:
    """Return what all dates of a series have in common."""
    return {
        "level": level,
        "parcels_hash": parcels.hash,
        "measure_version": VERSION,
        "cloud_detector": cloud_detector,
        **rules.attrs,
    }


def _measured(
    engine: Engine, job: Job, scenes: Sequence[Scene], share: Share | None, report: Report
) -> Generator[Measurement, None, None]:
    """Give the measurement of each scene, in order, once the share is done if there is one."""
    if share is not None:
        for done, total in share.measure(engine, job, scenes):
            report(done / total, f"share {share}")
    with closing(engine.measure(job, scenes)) as measured:
        for done, scene in enumerate(scenes):
            report(done / len(scenes), f"{scene.date} {scene.tile}".strip())
            yield next(measured)


def _fill(
    table: SeriesTable,
    days: Mapping[dt.date, Sequence[Scene]],
    fresh: Collection[dt.date],
    before: Former | None,
    measured: Iterator[Measurement],
) -> Origins:
    """Fill the table date by date, with what is measured or what stays, and return what each date was made from."""
    origins = {} if before is None else dict(before.origins)
    if before is not None:
        table.take_status(before.status)
    for date in sorted({*days, *origins}):
        if date in fresh:
            views = [(scene, next(measured)) for scene in days[date]]
            table.add_date(np.datetime64(date, "D"), views)
            origins[date] = [Origin.of(scene, scene.path not in table.blank) for scene in days[date]]
        elif before is not None and (column := before.column(date)) is not None:
            table.take_date(np.datetime64(date, "D"), *column)
    return origins


def _by_date(scenes: Sequence[Scene]) -> dict[dt.date, list[Scene]]:
    return {date: list(of_date) for date, of_date in groupby(scenes, key=lambda scene: scene.date)}


def _named(scenes: PathLike | Sequence[PathLike]) -> str:
    return str(scenes) if isinstance(scenes, str | Path) else some(scenes)


def _chosen_bands(scenes: Sequence[Scene], bands: Sequence[str] | None, before: Former | None) -> list[str]:
    """Return the bands to read; warn of scenes that lack some of them."""
    known = {band for scene in scenes for band in scene.bands}
    if bands is None and before is not None and known <= set(before.bands):
        return before.bands
    chosen = [band.name for band in BANDS if band.name in known] if bands is None else list(dict.fromkeys(bands))
    absent = [band for band in chosen if band not in known]
    if absent:
        had = " ".join(band.name for band in BANDS if band.name in known)
        raise SeriesUnusable(f"no raster has {', '.join(absent)}; the bands are {had}: mend --bands")
    lacking: dict[str, list[str]] = defaultdict(list)
    for scene in scenes:
        missing = [band for band in chosen if band not in scene.bands]
        if missing:
            lacking[", ".join(missing)].append(scene.path)
    for missing_bands, paths in lacking.items():
        warnings.warn(ScenesSetAside(f"without {missing_bands}, missing on their dates", paths), stacklevel=3)
    return chosen


def _plans(
    parcels: Parcels, scenes: Sequence[Scene], rules: Rules, before: Former | None, folder: Path | None, report: Report
) -> dict[Grid, Plan]:
    """Return the plans of all grids, in an order that does not depend on that of the scenes."""
    grids = {grid for scene in scenes for grid in scene.grids} | set(before.grids if before else ())
    plans = {}
    for n, grid in enumerate(sorted(grids, key=lambda g: (g.pixel_area, g.crs, tuple(g.transform), g.width, g.height))):
        report(n / len(grids), "finding the pixels of parcels")
        plans[grid] = kept_plan(parcels, grid, folder, rules)
    return plans


def _check_overlap(parcels: Parcels, plans: Mapping[Grid, Plan], rules: Rules, where: str) -> None:
    if not any(plan.touches.any() for plan in plans.values()):
        raise NoOverlap(parcels.path, where)
    if not any(len(plan.members) for plan in plans.values()):
        reasons = [reason for reason in why_no_pixel(parcels, plans.values()) if reason not in ("", OUTSIDE)]
        if not reasons:
            raise NoOverlap(parcels.path, where)
        raise ParcelsTooSmall(parcels.path, reasons[0])
    if not any((plan.centres >= rules.min_pixels * plan.whole).any() for plan in plans.values()):
        raise ParcelsTooSmall(parcels.path, f"fewer pixels than --min-pixels {rules.min_pixels}")


def _scenes_on_parcels(scenes: Sequence[Scene], plans: Mapping[Grid, Plan]) -> list[Scene]:
    """Leave out the scenes that tell nothing of any parcel, and warn of them."""
    aside = [s.path for s in scenes if not len(plans[s.grid].members)]
    if aside:
        warnings.warn(ScenesSetAside("no parcel on them", aside), stacklevel=3)
    return [s for s in scenes if len(plans[s.grid].members)]


def _made(workdir: PathLike | None) -> Path | None:
    if workdir is None:
        return None
    try:
        Path(workdir).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputUnwritable(workdir, error.strerror or str(error)) from error
    return Path(workdir)
