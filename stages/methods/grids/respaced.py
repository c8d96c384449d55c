"""guided-diffusion's plain respacing."""

from __future__ import annotations

from stages.diffusion.time_grid import TimeGrid


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return ADM's plain respacing: equal fractional strides from 0 to T-1, each rounded (half to even)."""
    if steps == 1:
        return TimeGrid((0,))
    stride, position, times = (timesteps - 1) / (steps - 1), 0.0, []
    for _ in range(steps):
        times.append(round(position))
        # Accumulated, not multiplied: the published grids carry this rounding.
        position += stride
    return TimeGrid(tuple(times))
