"""The uniform grid as the PNDM repository reads it."""

from __future__ import annotations

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid, uniform_times

SPACING = Spacing(published="uniform")


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return the grid of the PNDM repository: uniform times, each at the noise level of the next one."""
    times = uniform_times(steps, timesteps)
    if times[-1] + 1 == timesteps:
        raise ValueError(f"the pndm grid cannot hold {steps} steps: its schedule would be read beyond {timesteps - 1}")
    return TimeGrid(times, last=-1, offset=1)
