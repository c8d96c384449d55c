"""guided-diffusion's plain respacing."""

from __future__ import annotations

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid

# It starts at T - 1.
SPACING = Spacing(published="respaced", clipped=True)


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return ADM's plain respacing: equal fractional strides from 0 to T - 1, each rounded (half to even)."""
    if steps == 1:
        raise ValueError("the respaced grid needs at least 2 steps")
    stride = (timesteps - 1) / (steps - 1)
    position = 0.0
    times = []
    for _ in range(steps):
        times.append(round(position))
        # Accumulated, not multiplied: the published grids carry this rounding.
        position += stride
    return TimeGrid(tuple(times))
