"""Simulated parcels, series and scenes with known truth."""

from cropxai.simulate.calendars import CALENDARS
from cropxai.simulate.country import SimulationRefused, simulate_series

__all__ = ["CALENDARS", "SimulationRefused", "simulate_series"]
