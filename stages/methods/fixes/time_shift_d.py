"""Time-Shift as its code for DEIS has it: what the network is told, x_T included."""

from __future__ import annotations

from torch import Tensor

from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix, best_fit, times_around


def make(chain: Chain, window: int, cutoff: int) -> Fix:
    """Return the fix of the released code's deis, the nearest to the paper's Algorithm 2.

    The network is told the time whose noise variance fits the state, among those within a whole ``window`` (not half of
    one) of its own time, where that is above ``cutoff``; from the first step on.
    """

    def condition(x: Tensor, index: int, scheduled: Tensor) -> Tensor:
        time = chain.grid.times[index]
        if not window or time <= cutoff:
            return scheduled
        candidates = times_around(chain, time, window, x.device)
        return best_fit(x, candidates, 1 - chain.alpha_bar(candidates))

    return Fix(condition=condition)
