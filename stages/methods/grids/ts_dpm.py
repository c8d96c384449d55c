"""The uniform grid as the released TS-DPM code walks it."""

from __future__ import annotations

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid, uniform_times

SPACING = Spacing(published="uniform")


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return the grid of the released TS-DPM code: 1, 1 + stride, ... without the largest, ending at alpha_bar[0]."""
    if steps < 3:
        raise ValueError("the ts-dpm grid needs at least 3 steps")
    return TimeGrid(tuple(time + 1 for time in uniform_times(steps, timesteps)[:-1]), last=0)
