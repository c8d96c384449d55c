"""DPM-Solver's grid, equal steps of continuous time."""

from __future__ import annotations

from stages.config.method_settings import Spacing
from stages.diffusion.time_grid import TimeGrid

SPACING = Spacing(published="", methods=("dpm-solver",))


def time_grid(steps: int, timesteps: int) -> TimeGrid:
    """Return equal steps from continuous time 1 to 1/T ("time_uniform"; DPM-Solver, App. D.4), ending at alpha_bar[0].

    The network is conditioned on T t - 1, from T - 1 down, which may be fractional.
    """
    stride = (timesteps - 1) / steps
    return TimeGrid(tuple(stride * (i + 1) for i in range(steps)), last=0)
