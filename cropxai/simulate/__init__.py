"""Simulated parcels, series and scenes with known truth."""

from cropxai.simulate.calendars import CALENDARS
from cropxai.simulate.country import SimulationRefused, simulate_series
from cropxai.simulate.planted import simulate_planted
from cropxai.simulate.scenes import simulate_scenes

__all__ = ["CALENDARS", "SimulationRefused", "simulate_planted", "simulate_scenes", "simulate_series"]
