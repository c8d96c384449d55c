"""Time grids: which of the T training timesteps a sampler visits, and where it reads the noise schedule for them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal, NamedTuple

Spacing = Literal["respaced", "uniform", "quadratic", "pndm", "ts-dpm"]


class TimeGrid(NamedTuple):
    """The times that a sampler visits, ascending, each in 0..T-1: what the network is told.

    ``last`` is where the final step leads: -1 is the clean image, 0 the cleanest training level. The noise level of
    time t is alpha_bar[t + offset]; before the table's start it is that of the clean image, 1.
    """

    times: tuple[int, ...]
    last: int = -1
    offset: int = 0

    def target(self, index: int) -> int:
        """Return the time that the step from ``times[index]`` leads to."""
        return self.times[index - 1] if index else self.last


def time_grid(spacing: Spacing, steps: int, timesteps: int = 1000) -> TimeGrid:
    """Return the named grid for a nominal step count; ``ts-dpm`` walks one step less.

    ``respaced`` is guided-diffusion's, ``uniform`` and ``quadratic`` DDIM's. ``pndm`` is uniform with the schedule read
    one time later, down to alpha_bar[0]; ``ts-dpm`` (the released Time-Shift code) starts at 1, drops the last time and
    ends at alpha_bar[0].

    Raises:
        ValueError: the grid cannot hold exactly ``steps`` steps.
    """
    if not 1 <= steps <= timesteps:
        raise ValueError(f"{steps} steps: allowed are 1 to {timesteps}")
    return GRIDS[spacing](steps, timesteps)


def respaced(steps: int, timesteps: int) -> TimeGrid:
    """Return ADM's plain respacing: equal fractional strides from 0 to T-1, each rounded (half to even)."""
    if steps == 1:
        return TimeGrid((0,))
    stride, position, times = (timesteps - 1) / (steps - 1), 0.0, []
    for _ in range(steps):
        times.append(round(position))
        # Accumulated, not multiplied: the published grids carry this rounding.
        position += stride
    return TimeGrid(tuple(times))


def uniform(steps: int, timesteps: int) -> TimeGrid:
    """Return 0, stride, 2 stride, ... with the smallest stride that leaves ``steps`` entries ("ddimN").

    Where T // steps gives exactly ``steps`` entries it is that stride (DDIM, PNDM).
    """
    times = tuple(range(0, timesteps, math.ceil(timesteps / steps)))
    if len(times) != steps:
        held = [n for n in range(1, timesteps + 1) if len(range(0, timesteps, math.ceil(timesteps / n))) == n]
        below, above = max(n for n in held if n < steps), min(n for n in held if n > steps)
        raise ValueError(f"the uniform grid of {timesteps} cannot hold {steps} steps; nearest are {below} and {above}")
    return TimeGrid(times)


def quadratic(steps: int, timesteps: int) -> TimeGrid:
    """Return int(linspace(0, sqrt(0.8 T), steps)^2), DDIM's quadratic grid.

    It starts at 0.8 T. From about 50 steps on the lowest times repeat, as published; a repeated time is an identity
    step that still costs one network evaluation.
    """
    if steps == 1:
        raise ValueError("the quadratic grid needs at least 2 steps")
    stop = math.sqrt(0.8 * timesteps)
    # numpy.linspace ends on the exact stop value, which a product of the stride may miss by one ulp.
    return TimeGrid(tuple(int((stop if i == steps - 1 else i * (stop / (steps - 1))) ** 2) for i in range(steps)))


def pndm(steps: int, timesteps: int) -> TimeGrid:
    """Return the grid of the PNDM repository: uniform times, each at the noise level of the next one."""
    times = uniform(steps, timesteps).times
    if times[-1] + 1 == timesteps:
        raise ValueError(f"the pndm grid cannot hold {steps} steps: its schedule would be read beyond {timesteps - 1}")
    return TimeGrid(times, last=-1, offset=1)


def ts_dpm(steps: int, timesteps: int) -> TimeGrid:
    """Return the grid of the released TS-DPM code: 1, 1 + stride, ... without the largest, ending at alpha_bar[0]."""
    if steps < 2:
        raise ValueError("the ts-dpm grid needs at least 2 steps")
    return TimeGrid(tuple(time + 1 for time in uniform(steps, timesteps).times[:-1]), last=0)


GRIDS: dict[Spacing, Callable[[int, int], TimeGrid]] = {
    "respaced": respaced, "uniform": uniform, "quadratic": quadratic, "pndm": pndm, "ts-dpm": ts_dpm,
}  # fmt: skip
