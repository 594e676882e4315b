"""How near the courses of simulated crops are to those of real ones, crop by crop and band by band.

`simulate.py` runs it. Two questions: is the median course of a crop the same (bias, correlation over the dates), and do
its fields differ from each other as much (`spread`: within landscapes, simulated over real), in winter and in summer?
"""

import warnings
from pathlib import Path

import numpy as np
from real_series import ROOT, bavaria

from cropxai.bands import COMMON_BANDS
from cropxai.ingest import extract_series
from cropxai.series.cube import CropSeries
from cropxai.simulate import classes, simulate_series

#: Median reflectance in blue of a date from which it shows cloud or snow, and is left out.
CLOUDY = 0.16
#: Real fields below which nothing is said of how they differ.
FEW = 8
#: Parts of the year: their names and the last month of each.
PARTS = {"Jan-Mar": 3, "Apr-May": 5, "Jun-Jul": 7, "Aug-Dec": 12}

Sets = dict[str, tuple[CropSeries, dict[str, str], dict[str, object]]]


def real_sets() -> Sets:
    """Return the real sets: series, what their labels mean, and how to simulate their like."""
    flanders = extract_series(ROOT / "flanders_2018/parcels.gpkg", ROOT / "flanders_2018/s2", label_field="crop")
    freising = extract_series(
        ROOT / "freising_2018/fields.gpkg", ROOT / "freising_2018/s2", id_field="Name", label_field="crop"
    )
    return {
        "Bavaria (L1C)": (
            bavaria(),
            {"winter wheat": "winter wheat", "winter barley": "winter barley", "silage maize": "silage maize",
             "winter rapeseed": "winter rapeseed", "meadow": "grassland"},
            {"countries": ["Bavaria"], "level": "L1C", "cloudiness": 0.25},
        ),
        "Flanders (L2A)": (
            flanders.between("2018-01-01", "2018-11-27"),
            {label: FLANDERS[key] for label in set(flanders.labels) for key in FLANDERS if key in str(label).lower()},
            {"countries": ["Flanders"], "level": "L2A", "cloudiness": 0.3},
        ),
        "Freising (L2A)": (
            freising,
            {label: str(label).lower().replace("_", " ") for label in set(freising.labels)},
            {"countries": ["Bavaria"], "level": "L2A", "cloudiness": 0.3},
        ),
    }  # fmt: skip


FLANDERS = {
    "wheat": "winter wheat", "barley": "winter barley", "maize": "silage maize", "rape": "winter rapeseed",
    "grass": "grassland",
}  # fmt: skip


def courses(sets: Sets, hardness: float, figure: Path | None) -> list[dict[str, object]]:
    """Compare median courses by crop and band; draw NDVI."""
    rows: list[dict[str, object]] = []
    drawn = []
    by_part: dict[str, list[float]] = {part: [] for part in PARTS}
    for name, (real, meant, how) in sets.items():
        crops = sorted(set(meant.values()) & set(classes()))
        simulated = simulate_series(
            400 * len(crops),
            year=2018,
            crops=dict.fromkeys(crops, 1.0),
            dates=real.dates,
            regions=8,
            seed=3,
            hardness=hardness,
            **how,
        )
        labels = np.array([meant.get(str(label), "") for label in real.labels])
        for crop in crops:
            there, here = real.select(labels == crop), simulated.select(simulated.labels == crop)
            if len(there) < 2:
                continue
            shared = [b for b in COMMON_BANDS if b in there.bands]
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", RuntimeWarning)  # dates that nobody saw
                one, other = (np.nanmedian(s.select_bands(shared).reflectance, axis=0) for s in (there, here))
            clear = np.isfinite(one).all(axis=1) & (one[:, 0] < CLOUDY)
            drawn.append((f"{name}: {crop}", real.dates, one, other, shared, clear))
            wider = np.full(len(shared), np.nan)
            if len(there) >= FEW:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore", RuntimeWarning)
                    own = ranges(there.select_bands(shared), clear)
                    theirs = ranges(here.select_bands(shared), clear, here.group("region"))
                    wider = np.nanmedian(theirs, axis=0) / np.nanmedian(own, axis=0)
                part = np.searchsorted(list(PARTS.values()), months(real.dates[clear]))
                ratio = theirs / np.where(own > 0, own, np.nan)
                for number, values in enumerate(by_part.values()):
                    values.extend(ratio[part == number].ravel())
            for k, band in enumerate(shared):
                bias = float(np.nanmean((other - one)[clear, k]))
                correlation = float(np.corrcoef(one[clear, k], other[clear, k])[0, 1])
                rows.append({"set": name, "crop": crop, "parcels": len(there), "dates": int(clear.sum()),
                             "band": band, "bias": round(bias, 3), "correlation": round(correlation, 2),
                             "spread": round(float(wider[k]), 2)})  # fmt: skip
    _print_courses(rows, "simulated less real: bias (correlation over the dates)", "{bias:+.3f} ({correlation:.2f})")
    _print_courses(rows, "differences between fields of a landscape, simulated over real", "{spread:.2f}")
    widths = {part: round(float(np.nanmedian(values)), 2) for part, values in by_part.items() if values}
    print(f"the same by part of the year, median over crops, dates and bands: {widths}")
    if figure is not None:
        _draw_courses(drawn, figure)
    return rows


def ranges(series: CropSeries, clear: np.ndarray, landscapes: np.ndarray | None = None) -> np.ndarray:
    """Return by how much fields of a landscape differ on its clear dates, (date, band): interquartile range / 1.349."""
    values = series.reflectance[:, clear]
    parts = [values] if landscapes is None else [values[landscapes == name] for name in np.unique(landscapes)]
    found = []
    for part in parts:
        low, middle, high = np.nanpercentile(part, [25, 50, 75], axis=0)
        found.append(np.where(middle[:, :1] < CLOUDY, (high - low) / 1.349, np.nan))
    return np.asarray(np.nanmean(found, axis=0))


def months(dates: np.ndarray) -> np.ndarray:
    """Return the month of each date, 1 to 12."""
    return dates.astype("datetime64[M]").astype(int) % 12 + 1


def _print_courses(rows: list[dict[str, object]], title: str, cell: str) -> None:
    bands = list(dict.fromkeys(r["band"] for r in rows))
    print(f"\n{title}\n{'set and crop':32s} {'parcels':>7s} {'dates':>5s} " + " ".join(f"{b:>13s}" for b in bands))
    for key in dict.fromkeys((r["set"], r["crop"]) for r in rows):
        own = [r for r in rows if (r["set"], r["crop"]) == key]
        cells = " ".join(cell.format(**r).rjust(13) for r in own)
        print(f"{key[0]:15s} {key[1]:16s} {own[0]['parcels']:7d} {own[0]['dates']:5d} {cells}")


def _draw_courses(drawn: list[tuple], path: Path) -> None:
    from matplotlib.dates import DateFormatter, MonthLocator
    from matplotlib.figure import Figure

    columns = 4
    figure = Figure(figsize=(13, 2.5 * -(-len(drawn) // columns)), layout="constrained")
    axes = figure.subplots(-(-len(drawn) // columns), columns, sharey=True, squeeze=False)
    for axis in axes.ravel()[len(drawn) :]:
        axis.set_axis_off()
    for axis, (title, dates, one, other, bands, clear) in zip(axes.ravel(), drawn, strict=False):
        red, infrared = bands.index("B04"), bands.index("B08")
        for values, label, style in ((one, "real", "o-"), (other, "simulated", "--")):
            ndvi = (values[:, infrared] - values[:, red]) / (values[:, infrared] + values[:, red])
            axis.plot(dates[clear], ndvi[clear], style, label=label, markersize=3, linewidth=1.3)
        axis.set_title(title, fontsize=9)
        axis.set_ylim(0, 1)
        axis.xaxis.set_major_locator(MonthLocator(interval=2 if len(dates) > 40 else 1))
        axis.xaxis.set_major_formatter(DateFormatter("%b"))
        axis.tick_params(axis="x", labelsize=8)
    axes[0, 0].legend(fontsize=8)
    figure.supylabel("NDVI, median of the parcels")
    figure.savefig(path, dpi=110)
