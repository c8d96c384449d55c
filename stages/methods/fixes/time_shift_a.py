"""Time-Shift as its code for DDIM, DDPM and PNDM has it: the step leads to another time than the grid's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import FixSettings, Times
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix, best_fit, times_around

if TYPE_CHECKING:
    from torch import Tensor


class TimeShiftA(FixSettings):
    method: Literal["time-shift-a"]
    window: Times
    cutoff: Times
    published: ClassVar = ("ts",)
    searched_as: ClassVar = "time-shift"

    @property
    def moves_steps(self) -> bool:
        return True


def make(chain: Chain, window: int, cutoff: int) -> Fix:
    """Return the fix of the released TS-DPM code (pnm_solver), which is not the paper's Algorithm 2.

    The step leads to the time whose noise variance fits the state *before* it, among those within ``window // 2`` of
    the next grid time, where that is above ``cutoff``; neither the network nor the next step takes this into account.
    The first step is as scheduled. No step leads upwards, which the released code does not rule out.
    """

    def target(x: Tensor, eps: Tensor, index: int, scheduled: Tensor) -> Tensor:
        following = chain.grid.target(index)
        if window < 2 or following <= cutoff or index + 1 == len(chain.grid.times):
            return scheduled
        candidates = times_around(chain, following, window // 2, x.device)
        candidates = candidates[candidates < chain.grid.times[index]]
        return best_fit(x, candidates, 1 - chain.alpha_bar(candidates))

    return Fix(target=target)
