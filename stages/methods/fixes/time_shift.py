"""Time-Shift (TS): the network is told the time that fits the variance of the sample."""

from __future__ import annotations

from typing import Literal

from torch import Tensor

from stages.diffusion.chain import Chain
from stages.sampling.fix import Fix, UpdateTime, best_fit, times_around

CutoffOn = Literal["current", "next"]


def make(
    chain: Chain, window: int, cutoff: int, update_time: UpdateTime = "scheduled", cutoff_on: CutoffOn = "current"
) -> Fix:
    """Return the fix that tells the network the time whose noise variance fits the state (TS, Alg. 2).

    For the state at grid time tau_j, reached from tau_{j+1} > ``cutoff``, each sample is told the integer s with
    1 - alpha_bar[s] nearest to its own variance over C, H, W (unbiased), among s within ``window // 2`` of tau_j, both
    ends included, ties to the smallest, and always above the next grid time. x_T is never shifted; ``window = 0``
    changes no bit.

    Args:
        chain: the model's noise schedule along the sampling grid.
        window: width of the search, in training timesteps.
        cutoff: no shift once the time tested is at or below it.
        update_time: ``scheduled`` shifts the network's input only; ``shifted`` also starts the update from that time.
        cutoff_on: test the time of the state the step started from (``current``) or of the one it reached (``next``).
    """
    times = chain.grid.times

    def condition(x: Tensor, index: int, scheduled: Tensor) -> Tensor:
        time = times[index]
        if window < 2 or index + 1 == len(times) or (times[index + 1] if cutoff_on == "current" else time) <= cutoff:
            return scheduled
        candidates = times_around(chain, time, window // 2, x.device)
        candidates = candidates[candidates > (times[index - 1] if index else -1)]
        return best_fit(x, candidates, 1 - chain.alpha_bar(candidates))

    return Fix(condition=condition, update_time=update_time)
