"""Do the peaks of relevance match growth stages? The paper's conjecture, with a test.

For each crop, the share of its relevance R_t that falls near the typical dates of its growth stages is compared with
the same share under calendars that are shifted within the season: if relevance had nothing to do with the stages, one
shift would be as good as another. A shift moves all stages of a crop alike and wraps around at the ends of the
season, so that their number and distances stay. For all crops together each calendar is shifted by itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib import colormaps
from matplotlib.figure import Figure

from cropxai.crops import CALENDARS, SPREAD_DAYS, Event, find_crop
from cropxai.maps.drawing import months, plain
from cropxai.season.window import peaks

Array = npt.NDArray[np.float64]
#: Shifts of all calendars together.
DRAWS = 5000
PEAKS = 3


@dataclass(frozen=True)
class StageTest:
    """What the test found.

    Attributes
    ----------
    table : one row a crop with a calendar: near (share of R_t near a stage), expected (its mean over the shifts),
        p_value (share of the shifts, the true calendar among them, that are as good), stages in the season, and for
        the highest peaks their date, the nearest stage and the days to it (negative: before the stage)
    near, expected, p_value : of all crops together, each crop counted alike
    """

    table: pd.DataFrame
    near: float
    expected: float
    p_value: float

    def text(self) -> str:
        """Say the result in a line."""
        return (
            f"{100 * self.near:.0f} % of the relevance lies within {SPREAD_DAYS} days of a growth stage, "
            f"{100 * self.expected:.0f} % under shifted calendars (p = {self.p_value:.3f}, {len(self.table)} crops)"
        )


def stage_test(
    relevance: Mapping[str, npt.ArrayLike],
    dates: npt.NDArray[np.datetime64],
    *,
    calendars: Mapping[str, Sequence[Event]] = CALENDARS,
    spread: int = SPREAD_DAYS,
    seed: int = 0,
) -> StageTest | None:
    """Test whether relevance lies near growth stages.

    Parameters
    ----------
    relevance : R_t (time,) by crop; negative values count as none
    dates : (time,) of one season
    calendars : stages by crop label
    spread : days around a stage that are near it

    Returns
    -------
    None where no crop has a calendar and relevance
    """
    year = dates.max().astype("datetime64[Y]")
    day = (dates - year.astype("datetime64[D]")).astype(int) + 1
    first, last = int(day.min()), int(day.max())
    rows, shares = [], []
    for label, values in relevance.items():
        crop = find_crop(label)
        events = [e for e in calendars.get(crop.label if crop else label, ()) if e.first <= last and e.last >= first]
        weight = np.maximum(np.nan_to_num(np.asarray(values, dtype=np.float64)), 0)
        if not events or weight.sum() <= 0:
            continue
        share = near_stages(weight / weight.sum(), day, events, spread)
        shares.append(share)
        row = {"crop": label, "near": share[0], "expected": share.mean(), "p_value": float((share >= share[0]).mean()),
               "stages": ", ".join(f"{e.name} {e.first}-{e.last}" for e in events)}  # fmt: skip
        for rank, peak in enumerate(peaks(weight, PEAKS), start=1):
            stage, away = _nearest(int(day[peak]), events)
            row |= {f"peak{rank}_date": str(dates[peak]), f"peak{rank}_stage": stage, f"peak{rank}_days": away}
        rows.append(row)
    if not rows:
        return None
    rng = np.random.default_rng(seed)
    drawn = np.mean([share[rng.integers(0, len(share), DRAWS)] for share in shares], axis=0)
    near = float(np.mean([share[0] for share in shares]))
    p_value = float((1 + (drawn >= near - 1e-12).sum()) / (DRAWS + 1))
    return StageTest(pd.DataFrame(rows), near, float(drawn.mean()), p_value)


def near_stages(weight: Array, day: npt.NDArray[np.int64], events: Sequence[Event], spread: int) -> Array:
    """Return the share of ``weight`` (time,) near a stage, for calendars shifted by 0, 1, 2 … days, (shift,).

    The season is a ring from the first to the last ``day``; a stage reaches from its first to its last typical day and
    ``spread`` days beyond.
    """
    start, length = int(day.min()), int(day.max() - day.min()) + 1
    ring = np.zeros(length, dtype=bool)
    for event in events:
        ring[max(event.first - spread - start, 0) : max(event.last + spread - start + 1, 0)] = True
    position = day - start
    return np.array([weight[ring[(position - shift) % length]].sum() for shift in range(length)])


def _nearest(day: int, events: Sequence[Event]) -> tuple[str, int]:
    """Return the nearest stage, and by how many days the day is after its last or before its first (negative)."""
    away = [day - e.last if day > e.last else min(day - e.first, 0) for e in events]
    best = int(np.argmin(np.abs(away)))
    return f"{events[best].name} (BBCH {events[best].bbch:02d})", away[best]


def draw_crop(curves: pd.DataFrame, crop: str, calendars: Mapping[str, Sequence[Event]] = CALENDARS) -> Figure:
    """Draw the spectral curves of a crop, its relevance R_t and its growth stages over the season.

    Parameters
    ----------
    curves : of :func:`cropxai.season.curves.crop_curves`
    """
    own = curves[curves["crop"] == crop].sort_values("date")
    bands = [c for c in own.columns if c.startswith("B") and c not in ("B01", "B09", "B10")]
    figure = Figure(figsize=(9, 4.2), layout="constrained")
    axes = figure.subplots()
    below = axes.twinx()
    dates = own["date"].to_numpy().astype("datetime64[D]")
    shades = np.linspace(0.05, 0.9, max(len(bands), 2))
    for band, shade in zip(bands, shades, strict=False):
        axes.plot(dates, own[band], color=colormaps["turbo"](shade), lw=1.2, label=band)
    width = np.median(np.diff(dates).astype(float)) * 0.7 if len(dates) > 1 else 5
    below.bar(dates, np.maximum(own["relevance"].to_numpy(dtype=float), 0), width=width, color="0.45", alpha=0.45)
    below.set_ylabel("relevance $R_t$ (share, bars)")
    below.set_ylim(0, max(2.2 * float(np.nanmax(own["relevance"].to_numpy(dtype=float), initial=0.01)), 0.02))
    known = find_crop(crop)
    year = dates.max().astype("datetime64[Y]").astype("datetime64[D]")
    for number, event in enumerate(calendars.get(known.label if known else crop, ())):
        start, end = year + event.first - 1, year + event.last - 1
        if end < dates.min() or start > dates.max():
            continue
        axes.axvspan(start - 1, end + 1, color="tab:green", alpha=0.18, lw=0)
        height = 0.99 - 0.055 * (number % 4)
        axes.text(start + (end - start) // 2, height, event.name, transform=axes.get_xaxis_transform(), fontsize=8,
                  ha="center", va="top", color="darkgreen")  # fmt: skip
    axes.set_zorder(below.get_zorder() + 1)
    axes.patch.set_visible(False)
    low, high = axes.get_ylim()
    axes.set_ylim(low, high + 0.3 * (high - low))
    axes.set_ylabel("median reflectance")
    axes.legend(fontsize=7, ncols=1, frameon=False, loc="upper left", bbox_to_anchor=(1.09, 1.0))
    axes.set_title(
        f"{plain(crop)}: reflectance, relevance, growth stages (green: typical dates)", loc="left", fontsize=11
    )
    months(axes)
    return figure
