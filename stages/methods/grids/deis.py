"""DEIS's grid, equal steps of the square root of time."""

from __future__ import annotations

import math

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid

SPACING = Spacing(published="", methods=("deis",))


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return linspace(0, sqrt(T - 1), steps + 1)^2, ending at alpha_bar[0] (DEIS, App. H; ts_order 2).

    The times are fractional, as in the copy of DEIS that Time-Shift's code runs. Only where truncation would repeat
    some of them, which takes many steps, all become whole: truncated, and the smallest times not yet there take the
    places of those that repeat.
    """
    if steps >= timesteps:
        raise ValueError(f"the deis grid of {timesteps} cannot hold {steps} steps; at most {timesteps - 1}")
    stride = math.sqrt(timesteps - 1) / steps
    # The first time is T - 1 exactly, which the square of its root misses by an ulp.
    times = [(i * stride) ** 2 for i in range(steps)] + [float(timesteps - 1)]
    whole = {int(time) for time in times}
    if len(whole) == len(times):
        return TimeGrid(tuple(times[1:]), last=0)
    unused = (time for time in range(1, timesteps) if time not in whole)
    while len(whole) < len(times):
        whole.add(next(unused))
    return TimeGrid(tuple(sorted(whole)[1:]), last=0)
