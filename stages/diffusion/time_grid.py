"""What a time grid is: which training times a sampler visits, and where it reads the noise schedule for them.

Each grid is a file of ``stages/methods/grids`` with a function ``time_grid(steps, timesteps)``.
"""

from __future__ import annotations

import math
from typing import NamedTuple


class TimeGrid(NamedTuple):
    """The times that a sampler visits, ascending, each from 0 to T-1: what the network is conditioned on.

    Only samplers that read the schedule between its times take fractional ones. ``last`` is where the final step leads:
    -1 is the clean image, 0 the cleanest training level. The noise level of time t is alpha_bar[t + offset]; before the
    table's start it is that of the clean image, 1.
    """

    times: tuple[float, ...]
    last: int = -1
    offset: int = 0

    def target(self, index: int) -> float:
        """Return the time that the step from ``times[index]`` leads to."""
        return self.times[index - 1] if index else self.last


def uniform_times(steps: int, timesteps: int) -> tuple[int, ...]:
    """Return 0, stride, 2 stride, ... with the smallest stride that leaves ``steps`` entries ("ddimN").

    Where T // steps gives exactly ``steps`` entries it is that stride (DDIM, PNDM).

    Raises:
        ValueError: no stride leaves ``steps`` entries, or there is one, whose chain would start and end at time 0.
    """
    if steps == 1:
        raise ValueError("the uniform grid needs at least 2 steps")
    times = tuple(range(0, timesteps, math.ceil(timesteps / steps)))
    if len(times) != steps:
        held = [n for n in range(2, timesteps + 1) if len(range(0, timesteps, math.ceil(timesteps / n))) == n]
        below, above = max(n for n in held if n < steps), min(n for n in held if n > steps)
        raise ValueError(f"the uniform grid of {timesteps} cannot hold {steps} steps; nearest are {below} and {above}")
    return times
