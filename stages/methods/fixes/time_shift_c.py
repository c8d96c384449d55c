"""Time-Shift as its code for DPM-Solver has it: the chain itself moves to other times than the grid's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import FixSettings, Times
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix, best_fit, times_around

if TYPE_CHECKING:
    from torch import Tensor


class TimeShiftC(FixSettings):
    method: Literal["time-shift-c"]
    window: Times
    cutoff: Times
    published: ClassVar = ("ts",)
    searched_as: ClassVar = "time-shift"

    @property
    def moves_steps(self) -> bool:
        return True


def make(chain: Chain, window: int, cutoff: int) -> Fix:
    """Return the fix of the released code's dpm_solver, which is not the paper's Algorithm 2.

    The step leads to the time whose noise variance fits that of the *predicted noise*, among those within
    ``window // 2`` of the next grid time, where that is above ``cutoff``, and the chain goes on from there. Every time
    is cut to a whole one, shifted or not. The first step alone leads to the grid's own time, which may be fractional.
    No step leads upwards, which the released code does not rule out.
    """

    def target(x: Tensor, eps: Tensor, index: int, scheduled: Tensor) -> Tensor:
        if index + 1 == len(chain.grid.times):
            return scheduled
        following = int(chain.grid.target(index) // 1)
        if following <= cutoff:
            return scheduled.new_full(scheduled.shape, following).long()
        candidates = times_around(chain, following, window // 2, x.device)
        candidates = candidates[candidates < chain.grid.times[index] - window // 2]
        return best_fit(eps, candidates, 1 - chain.alpha_bar(candidates))

    return Fix(target=target, goes_on_from="target")
