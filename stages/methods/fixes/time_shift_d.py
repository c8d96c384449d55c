"""Time-Shift as its code for DEIS has it: the time that the network is conditioned on, x_T included."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from stages.config.method_settings import FixSettings, Times
from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix, best_fit, times_around

if TYPE_CHECKING:
    from torch import Tensor


class TimeShiftD(FixSettings):
    method: Literal["time-shift-d"]
    window: Times
    cutoff: Times
    published: ClassVar = ("ts",)
    searched_as: ClassVar = "time-shift"


def make(chain: Chain, window: int, cutoff: int) -> Fix:
    """Return the fix of the released code's deis, the nearest to the paper's Algorithm 2.

    The network is conditioned on the time whose noise variance fits the state, among those within a whole ``window``
    (not half of one) of its own time, where that is above ``cutoff``; from the first step on. Below the cutoff it is
    the grid's time cut to a whole one.
    """

    def condition(x: Tensor, index: int, scheduled: Tensor) -> Tensor:
        time = int(chain.grid.times[index])
        if time <= cutoff:
            return scheduled.long()
        candidates = times_around(chain, time, window, x.device)
        return best_fit(x, candidates, 1 - chain.alpha_bar(candidates))

    return Fix(condition=condition)
