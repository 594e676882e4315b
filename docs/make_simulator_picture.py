"""Draw docs/simulator_courses.png: NDVI and bands of simulated crops over the year, with their stages.

python docs/make_simulator_picture.py
"""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from cropxai.simulate.canopy import BAND_NAMES, angles, surface_reflectance
from cropxai.simulate.development import EVENTS
from cropxai.simulate.fields import draw_fields
from cropxai.simulate.phenology import states
from cropxai.simulate.weather import draw_place, draw_weather

CROPS = (
    "winter wheat", "winter barley", "winter rapeseed", "spring barley", "grain maize", "sugar beet", "potatoes",
    "sunflower", "soybeans", "meadow", "alfalfa", "vineyards",
)  # fmt: skip
SHOWN = {"sowing": "o", "flowering": "*", "maturity": "v", "harvest": "X"}
BANDS = {"B03": "tab:green", "B08": "tab:red", "B11": "tab:brown"}
DAYS = np.arange(0, 365, 3)
FIELDS = 200


def main() -> None:
    """Draw the figure."""
    weather = draw_weather([draw_place("Austria", np.random.default_rng(s)) for s in range(4)], 2019, 1)
    figure = Figure(figsize=(13, 9), layout="constrained")
    axes = figure.subplots(3, 4, sharex=True, sharey=True)
    figure.get_layout_engine().set(w_pad=0.05, wspace=0.02)
    for axis, plant in zip(axes.ravel(), CROPS, strict=True):
        rng = np.random.default_rng(1)
        fields = draw_fields([plant] * FIELDS, [plant] * FIELDS, rng.integers(0, 4, FIELDS), weather, rng)
        seen = surface_reflectance(fields, states(fields, DAYS, weather), angles(48.2, DAYS))
        red, infrared = (seen[..., BAND_NAMES.index(b)] for b in ("B04", "B08"))
        ndvi = (infrared - red) / (infrared + red)
        low, middle, high = np.percentile(ndvi, [10, 50, 90], axis=0)
        axis.fill_between(DAYS, low, high, color="0.85")
        axis.plot(DAYS, middle, color="black", linewidth=1.6, label="NDVI (10, 50, 90 %)")
        for band, colour in BANDS.items():
            axis.plot(DAYS, np.median(seen[..., BAND_NAMES.index(band)], axis=0), color=colour, linewidth=1, label=band)
        for event, mark in SHOWN.items():
            day = np.nanmedian(fields.events[:, EVENTS.index(event)]) if fields.kind[0] == 0 else np.nan
            axis.plot([day], [0.03], mark, color="black", markersize=7, label=event)
        axis.set_title(plant, fontsize=10)
        axis.set_ylim(0, 1)
        axis.set_xlim(0, 365)
        axis.set_xticks(np.cumsum([0, 59, 61, 61, 62, 61]), ["Jan", "Mar", "May", "Jul", "Sep", "Nov"])
    handles, labels = axes[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=8, fontsize=9)
    figure.supylabel("NDVI, reflectance at the surface")
    figure.savefig(Path(__file__).with_name("simulator_courses.png"), dpi=100)


if __name__ == "__main__":
    main()
