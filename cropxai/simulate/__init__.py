"""Simulated parcels, series and scenes with known truth."""

from cropxai.simulate.classes import SimulationRefused, classes
from cropxai.simulate.country import Country
from cropxai.simulate.pieces import simulate_pieces, simulate_series
from cropxai.simulate.planted import simulate_planted
from cropxai.simulate.scenes import simulate_scenes

__all__ = [
    "Country",
    "SimulationRefused",
    "classes",
    "simulate_pieces",
    "simulate_planted",
    "simulate_scenes",
    "simulate_series",
]
