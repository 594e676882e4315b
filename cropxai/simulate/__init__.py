"""Simulated parcels, series and scenes with known truth."""

from cropxai.simulate.classes import SimulationRefused, classes
from cropxai.simulate.country import Country, simulate_pieces, simulate_series

__all__ = ["Country", "SimulationRefused", "classes", "simulate_pieces", "simulate_series"]
