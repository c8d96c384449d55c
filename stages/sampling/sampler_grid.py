"""Time grids by name: that of a sampler, for a nominal step count."""

from __future__ import annotations

from stages.config.method_settings import SamplerSettings
from stages.config.registry import method_module
from stages.diffusion.time_grid import TimeGrid


def time_grid(spacing: str, steps: int, timesteps: int = 1000) -> TimeGrid:
    """Return the named grid for a nominal step count; ``ts-dpm`` has one step less.

    Raises:
        ValueError: the grid cannot hold exactly ``steps`` steps.
    """
    if not 1 <= steps <= timesteps:
        raise ValueError(f"{steps} steps: allowed are 1 to {timesteps}")
    return method_module("grids", spacing).time_grid(steps, timesteps)


def sampler_grid(sampler: SamplerSettings, steps: int, timesteps: int) -> TimeGrid:
    """Return the time grid of a sampler for a nominal step count.

    Raises:
        ValueError: the grid cannot hold the steps or is too short for this sampler.
    """
    grid = time_grid(sampler.spacing, steps, timesteps)
    if len(grid.times) < sampler.least_steps:
        raise ValueError(f"{sampler.method} needs at least {sampler.least_steps} grid steps, not {len(grid.times)}")
    return grid
