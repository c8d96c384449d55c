"""The uniform grid as LDM's DDIM walks it."""

from __future__ import annotations

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid, uniform_times

SPACING = Spacing(published="ldm")


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return 1, 1 + stride, ... ending at alpha_bar[0], so that the last step adds noise where eta is above 0."""
    times = tuple(time + 1 for time in uniform_times(steps, timesteps))
    if times[-1] >= timesteps:
        raise ValueError(f"the ldm grid cannot hold {steps} steps: it would end at {times[-1]} of {timesteps}")
    return TimeGrid(times, last=0)
