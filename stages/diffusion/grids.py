"""Time grids: which of the T training timesteps a sampler of S steps visits, in ascending order."""

from __future__ import annotations

import math
from typing import Literal

Spacing = Literal["respaced", "uniform", "quadratic"]

WARM_UP = {"s-pndm": 1, "f-pndm": 9}
MINIMUM_STEPS = {"s-pndm": 2, "f-pndm": 4}


def timestep_grid(spacing: Spacing, steps: int, timesteps: int = 1000) -> list[int]:
    """Return the ascending list of ``steps`` timesteps in [0, T-1] of the named grid.

    Raises:
        ValueError: the grid cannot hold exactly ``steps`` steps.
    """
    if not 1 <= steps <= timesteps:
        raise ValueError(f"{steps} steps: allowed are 1 to {timesteps}")
    return {"respaced": respaced, "uniform": uniform, "quadratic": quadratic}[spacing](steps, timesteps)


def respaced(steps: int, timesteps: int) -> list[int]:
    """Return ADM's plain respacing: equal fractional strides from 0 to T-1, each rounded (half to even)."""
    if steps == 1:
        return [0]
    stride, position, grid = (timesteps - 1) / (steps - 1), 0.0, []
    for _ in range(steps):
        grid.append(round(position))
        # Accumulated, not multiplied: the published grids carry this rounding.
        position += stride
    return grid


def uniform(steps: int, timesteps: int) -> list[int]:
    """Return 0, stride, 2 stride, ... with the smallest stride that leaves ``steps`` entries ("ddimN").

    Where T // steps gives exactly ``steps`` entries it is that stride (DDIM, PNDM).
    """
    grid = list(range(0, timesteps, math.ceil(timesteps / steps)))
    if len(grid) != steps:
        held = [n for n in range(1, timesteps + 1) if len(range(0, timesteps, math.ceil(timesteps / n))) == n]
        below, above = max(n for n in held if n < steps), min(n for n in held if n > steps)
        raise ValueError(f"the uniform grid of {timesteps} cannot hold {steps} steps; nearest are {below} and {above}")
    return grid


def quadratic(steps: int, timesteps: int) -> list[int]:
    """Return int(linspace(0, sqrt(0.8 T), steps)^2), DDIM's quadratic grid.

    It starts at 0.8 T. From about 50 steps on the lowest times repeat, as published; a repeated time is an identity
    step that still costs one network evaluation.
    """
    if steps == 1:
        raise ValueError("the quadratic grid needs at least 2 steps")
    stop = math.sqrt(0.8 * timesteps)
    # numpy.linspace ends on the exact stop value, which a product of the stride may miss by one ulp.
    return [int((stop if i == steps - 1 else i * (stop / (steps - 1))) ** 2) for i in range(steps)]


def check_steps(sampler: str, steps: int) -> None:
    """Raise ValueError where a sampler's warm-up would evaluate the network below time 0."""
    least = MINIMUM_STEPS.get(sampler, 1)
    if steps < least:
        raise ValueError(f"{sampler} needs at least {least} steps, not {steps}")


def expected_nfe(sampler: str, steps: int) -> int:
    """Return the network evaluations per image of a sampler: S, and the warm-up's extra ones for S- and F-PNDM."""
    return steps + WARM_UP.get(sampler, 0)
