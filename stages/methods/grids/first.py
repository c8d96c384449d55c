"""The first training times, all of them."""

from __future__ import annotations

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid

SPACING = Spacing(published="first", methods=("ddpm",))


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return 0, 1, 2, ... up to ``steps - 1``: a chain that starts from noised images (IP, Sec. 4)."""
    return TimeGrid(tuple(range(steps)))
