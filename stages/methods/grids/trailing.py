"""The trailing grid, which ends each equal stretch of the training times at its last one."""

from __future__ import annotations

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid

SPACING = Spacing(published="trailing")


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return round(T - i T / S) - 1 for i = 0..S-1, half to even, from T - 1 down (Lin et al. 2024, Table 2)."""
    stride = timesteps / steps
    return TimeGrid(tuple(round(timesteps - i * stride) - 1 for i in reversed(range(steps))))
