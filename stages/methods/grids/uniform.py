"""DDIM's uniform grid, "ddimN" of guided-diffusion."""

from __future__ import annotations

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid, uniform_times

SPACING = Spacing(published="uniform")


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return 0, stride, 2 stride, ... with the smallest stride that leaves ``steps`` entries."""
    return TimeGrid(uniform_times(steps, timesteps))
