"""A chain: the noise schedule of a model, read along the time grid of a sampler."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from stages.diffusion.schedule import Schedule, alpha_bar_at
from stages.diffusion.time_grid import TimeGrid

if TYPE_CHECKING:
    from torch import Tensor


class Chain(NamedTuple):
    """A schedule of T training times and the grid of those that are visited."""

    schedule: Schedule
    grid: TimeGrid

    def alpha_bar(self, times: Tensor) -> Tensor:
        """Return alpha_bar [B, 1, 1, 1], float64, at integer times [B], read as the grid's convention says."""
        return alpha_bar_at(self.schedule, times + self.grid.offset)
