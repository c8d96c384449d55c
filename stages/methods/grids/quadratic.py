"""DDIM's quadratic grid."""

from __future__ import annotations

import math

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid

SPACING = Spacing(published="quadratic")


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return int(linspace(0, sqrt(0.8 T), steps)^2), DDIM's quadratic grid.

    It starts at 0.8 T. From about 50 steps on the lowest times repeat, as published; a repeated time is an identity
    step that still costs one network evaluation.
    """
    if steps == 1:
        raise ValueError("the quadratic grid needs at least 2 steps")
    stop = math.sqrt(0.8 * timesteps)
    stride = stop / (steps - 1)
    # numpy.linspace ends on the exact stop value, which a product of the stride may miss by one ulp.
    roots = [i * stride for i in range(steps - 1)] + [stop]
    return TimeGrid(tuple(int(root**2) for root in roots))
