"""DEIS's grid, equal steps of the square root of time."""

from __future__ import annotations

import math

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid

SPACING = Spacing(published="", methods=("deis",))


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return int(linspace(0, sqrt(T - 1), steps + 1)^2), ending at alpha_bar[0] (DEIS, App. H; ts_order 2).

    Where low times repeat, the smallest times not yet there take their places, as in the published code.
    """
    stop = math.sqrt(timesteps - 1)
    # The published code rounds in float32, which keeps T - 1 whole; in float64 the first time would be one less.
    times = {int((i * (stop / steps)) ** 2) for i in range(steps)} | {timesteps - 1}
    unused = (time for time in range(1, timesteps) if time not in times)
    while len(times) <= steps:
        times.add(next(unused))
    return TimeGrid(tuple(sorted(times)[1:]), last=0)
