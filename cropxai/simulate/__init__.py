"""Simulated parcels, series and scenes with known truth."""

from cropxai.simulate.calendars import CALENDARS
from cropxai.simulate.country import SimulationRefused, simulate_series
from cropxai.simulate.scenes import simulate_scenes

__all__ = ["CALENDARS", "SimulationRefused", "simulate_scenes", "simulate_series"]
