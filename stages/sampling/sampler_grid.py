"""Time grids by name: that of a sampler, for a nominal step count."""

from __future__ import annotations

from collections.abc import Sequence

from stages.config.method_settings import SamplerSettings
from stages.config.registry import method_module
from stages.diffusion.time_grid import TimeGrid

# Of the first time of a chain that does not clip x0. There an error of the predicted noise moves x0, of range 2, by
# 1 / sqrt(alpha_bar) = 316 times as much. The linear schedule, which the unclipped samplers were published with, ends
# at 4e-5, and DPM-Solver's code leaves out what lies below 3.7e-5 (log(alpha / sigma) < -5.1).
LEAST_ALPHA_BAR = 1e-5
# How far from a refused step count others are looked for, to name one.
FURTHEST = 20


def time_grid(spacing: str, steps: int, timesteps: int = 1000) -> TimeGrid:
    """Return the named grid for a nominal step count; ``ts-dpm`` has one step less.

    Raises:
        ValueError: the grid cannot hold exactly ``steps`` steps.
    """
    if not 1 <= steps <= timesteps:
        raise ValueError(f"{steps} steps: allowed are 1 to {timesteps}")
    return method_module("grids", spacing).time_grid(steps, timesteps)


def sampler_grid(sampler: SamplerSettings, steps: int, alpha_bar: Sequence[float]) -> TimeGrid:
    """Return the time grid of a sampler for a nominal step count, under a schedule of T training times.

    Raises:
        ValueError: the grid cannot hold the steps, is too short for this sampler, or starts where x0 that is not
            clipped explodes.
    """
    grid = time_grid(sampler.spacing, steps, len(alpha_bar))
    if len(grid.times) < sampler.least_steps:
        raise ValueError(f"{sampler.method} needs at least {sampler.least_steps} grid steps, not {len(grid.times)}")
    if not sampler.clips and not starts_with_signal(grid, alpha_bar):
        raise ValueError(little_signal(grid, alpha_bar, _counts_beside(sampler, steps, alpha_bar)))
    return grid


def starts_with_signal(grid: TimeGrid, alpha_bar: Sequence[float]) -> bool:
    """Return whether a chain starts where errors of x0 stay small."""
    return _first_level(grid, alpha_bar) >= LEAST_ALPHA_BAR


def little_signal(grid: TimeGrid, alpha_bar: Sequence[float], others: Sequence[int] = ()) -> str:
    """Return why a chain that starts without signal is refused, and what is allowed: ``others`` are step counts."""
    first = grid.times[-1]
    counts = f"{' and '.join(map(str, others))} steps, " if others else ""
    return (
        f"{len(grid.times)} steps start at time {first:g}, where alpha_bar is {_first_level(grid, alpha_bar):.2g}: "
        f"below {LEAST_ALPHA_BAR:g} an x0 that is not clipped explodes; "
        f"allowed are {counts}samplers that clip x0, and schedules that end above {LEAST_ALPHA_BAR:g}"
    )


def _first_level(grid: TimeGrid, alpha_bar: Sequence[float]) -> float:
    return alpha_bar[round(grid.times[-1]) + grid.offset]


def _counts_beside(sampler: SamplerSettings, steps: int, alpha_bar: Sequence[float]) -> list[int]:
    """Return the nearest step counts on either side that a sampler without clipping takes."""
    ranges = range(steps - 1, steps - FURTHEST, -1), range(steps + 1, steps + FURTHEST)
    found = (next((count for count in counts if _holds(sampler, count, alpha_bar)), None) for counts in ranges)
    return [count for count in found if count is not None]


def _holds(sampler: SamplerSettings, steps: int, alpha_bar: Sequence[float]) -> bool:
    try:
        grid = time_grid(sampler.spacing, steps, len(alpha_bar))
    except ValueError:
        return False
    return len(grid.times) >= sampler.least_steps and starts_with_signal(grid, alpha_bar)
