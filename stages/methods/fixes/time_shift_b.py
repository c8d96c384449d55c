"""Time-Shift as its code for guided-diffusion's DDIM has it: the step leads to another time than the grid's."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import FixSettings, Times
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix, best_fit, times_around

if TYPE_CHECKING:
    from torch import Tensor


class TimeShiftB(FixSettings):
    method: Literal["time-shift-b"]
    window: Times
    cutoff: Times
    published: ClassVar = ("ts",)
    searched_as: ClassVar = "time-shift"

    @property
    def moves_steps(self) -> bool:
        return True


def make(chain: Chain, window: int, cutoff: int) -> Fix:
    """Return the fix of the released TS-DPM-ADM code, which is not the paper's Algorithm 2.

    The state is matched among the times within ``window // 2`` of its own, where that is above ``cutoff``, with the
    cumulative products in reversed order, alpha_bar[T - 1 - s] (about 1 - alpha_bar[s] on the cosine schedule). The
    step then leads T // (S - 1) + 1 times below the match: elsewhere than the grid even where the match is the state's
    own time. The first step is as scheduled.
    """
    times = chain.grid.times
    timesteps = chain.schedule.timesteps

    def target(x: Tensor, eps: Tensor, index: int, scheduled: Tensor) -> Tensor:
        if times[index] <= cutoff or index + 1 == len(times):
            return scheduled
        candidates = times_around(chain, times[index], window // 2, x.device)
        reversed_levels = chain.schedule.alpha_bar.to(x.device)[timesteps - 1 - candidates]
        matched = best_fit(x, candidates, reversed_levels) - timesteps // (len(times) - 1) - 1
        return matched.clamp(max=int(times[index]) - 1).clamp(min=-1)

    return Fix(target=target)
